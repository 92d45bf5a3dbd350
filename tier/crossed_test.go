package tier_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// A store whose replies are crossed gives each key what it holds for another:
// that is a miss, since what is stored says whose it is.
//
// SPEC: R07, S02
func TestCrossedReplyIsAMiss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		source := foldtest.Source[string, int]{Make: func(key string) int { return len(key) }}
		p := newCache(t, source.Load, tier.Config{}, encoded(struct{ tier.Leaser }{engine.Connect()}))
		wantGet(t, p, "a", 1)
		wantGet(t, p, "bb", 2)
		store := engine.Connect()
		store.Inject(foldtest.Acquire, foldtest.Fault{Spoil: func([]byte) []byte { return engine.Data("bb") }})
		q := newCache(t, source.Load, tier.Config{}, encoded(struct{ tier.Leaser }{store}))
		wantGet(t, q, "a", 1)
		if got := q.FarStats()[0].Unserved["key_mismatch"]; got != 1 {
			t.Errorf("%d replies of another key were counted, want 1", got)
		}
		wantGet(t, q, "bb", 2)
	})
}

// Keys that failed or were deleted leave nothing behind, however many they were.
//
// SPEC: M04
func TestFailedAndDeletedKeysLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near := mem.New[string, int](mem.Config{MaxEntries: 10_000})
		fail := true
		c := newCacheOver(t, func(context.Context, string) (int, error) {
			if fail {
				return 0, errSource
			}
			return 1, nil
		}, tier.Config{TTL: time.Hour, StaleIfError: time.Hour}, near)
		for i := range 1000 {
			if _, err := c.Get(t.Context(), fmt.Sprint(i)); !errors.Is(err, errSource) {
				t.Fatalf("Get = %v", err)
			}
		}
		fail = false
		for i := range 1000 {
			wantGet(t, c, fmt.Sprint(i), 1)
		}
		for i := range 1000 {
			if err := c.Delete(t.Context(), fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := near.EstimatedLen(); n != 0 {
			t.Errorf("%d entries are left, want none", n)
		}
		if s := c.Stats(); s.Loading != 0 || s.Running != 0 {
			t.Errorf("Stats = %+v, want no load left", s)
		}
	})
}

// What Peek does not find may have been evicted or have expired: the exceptions
// to being a map are these, and stale values within their windows.
//
// SPEC: L04
func TestOnlyTheExceptionsMakeAKeyAbsentOrOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		version := 1
		c := newCacheOver(t, func(context.Context, string) (int, error) { return version, nil },
			tier.Config{TTL: 10 * time.Second, StaleFor: 5 * time.Second}, mem.New[string, int](mem.Config{MaxEntries: 10}))
		for i := range 1000 {
			wantGet(t, c, fmt.Sprint(i), 1)
		}
		synctest.Wait()
		there := 0
		for i := range 1000 {
			if v, ok := c.Peek(fmt.Sprint(i)); ok {
				there++
				if v != 1 {
					t.Errorf("key %d has %d, want 1", i, v)
				}
			}
		}
		if there == 0 || there > 20 {
			t.Errorf("%d of 1000 keys are there, want the 10 that fit, or a few more", there)
		}
		wantGet(t, c, "k", 1)
		version = 2
		time.Sleep(15*time.Second - 1)
		if r := c.GetResult(t.Context(), "k", tier.Read{}); r.Value != 1 || r.Why != tier.Revalidating {
			t.Errorf("within the stale window GetResult = %+v, want the old value, said to be stale", r)
		}
		synctest.Wait()
		wantGet(t, c, "k", 2)
	})
}
