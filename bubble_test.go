package onefold_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/future"
	"github.com/onefold-go/onefold/keymutex"
	"github.com/onefold-go/onefold/memo"
)

// A user's group is a package variable, and their tests run in bubbles, one
// after the other and between tests that do not. What was made in a bubble may
// be used in no other: so nothing that stays with the variable may be.
func TestWorksInOneBubbleAfterAnother(t *testing.T) {
	var (
		limited = onefold.Group[string, int]{Config: onefold.Config{MaxLoads: 1, QueueWait: time.Minute, JoinWithin: time.Second}}
		plain   onefold.Group[string, int]
		locks   keymutex.Mutex[string]
		table   memo.Table[string, int]
		once    = future.New(func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }, future.Config{LoadTimeout: time.Minute, RetryMin: time.Second})
		wait    atomic.Int64 // how long a load takes
	)
	load := func(ctx context.Context, key string) (int, error) {
		time.Sleep(time.Duration(wait.Load()))
		return len(key), ctx.Err()
	}
	loader, err := onefold.NewLoader(load, onefold.Config{MaxLoads: 1, LoadTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	use := func(t *testing.T) {
		done := make(chan error, 20)
		for i := range 4 {
			key := fmt.Sprint(i % 2)
			go func() { _, err := limited.Do(t.Context(), key, load); done <- err }()
			go func() {
				r := plain.DoResult(t.Context(), key, load, onefold.Call{NotBefore: time.Now(), Budget: time.Minute})
				done <- r.Err
			}()
			go func() { _, err := once.Get(t.Context()); done <- err }()
			go func() {
				_, err := table.Get(memo.With(t.Context(), memo.Config{}), key, load)
				done <- err
			}()
			go func() {
				err := locks.Lock(t.Context(), key)
				time.Sleep(time.Duration(wait.Load()))
				locks.Unlock(key)
				done <- err
			}()
		}
		for range cap(done) {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if _, err := loader.Load(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		plain.Forget("0")
		once.Reset()
		_ = limited.Stats()
	}
	bubble := func(t *testing.T) {
		wait.Store(int64(time.Second))
		synctest.Test(t, use)
		wait.Store(0)
	}
	t.Run("first bubble", bubble)
	t.Run("second bubble", bubble)
	once = future.New(func(context.Context) (int, error) { return 1, nil }, future.Config{})
	t.Run("no bubble", use)
	t.Run("third bubble", bubble)
}
