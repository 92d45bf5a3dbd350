package detached_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
)

var errFull = errors.New("full")

func oneAtATime(p detached.Policy[string, int]) *table {
	p.MaxLoads, p.QueueWait = 1, time.Hour
	p.Limited = func(string, int) error { return errFull }
	tab := new(table)
	tab.Init(p)
	return tab
}

// A load that had to wait for its turn has a time limit like any other, and can
// hear of it.
//
// SPEC: G31
func TestQueuedLoadHearsItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab := oneAtATime(detached.Policy[string, int]{Timeout: 3 * time.Second})
		start := time.Now()
		first := tab.Start(t.Context(), "first", gives(1))
		synctest.Wait() // it has its turn
		heard := make(chan time.Duration, 1)
		queued := tab.Start(t.Context(), "queued", func(ctx context.Context, _ string) (int, error) {
			select {
			case <-ctx.Done():
			case <-time.After(time.Hour):
			}
			heard <- time.Since(start)
			return 0, ctx.Err()
		})
		first.Wait(t.Context())
		if o := queued.Wait(t.Context()); o.Err != detached.ErrLoadTimeout || time.Since(start) != 4*time.Second {
			t.Errorf("its caller got %v after %v, want ErrLoadTimeout after 4s", o.Err, time.Since(start))
		}
		if at := <-heard; at != 4*time.Second {
			t.Errorf("the load heard of the end of its context after %v, want 4s", at)
		}
	})
}

// Its leader leaves while the load waits for its turn. That is the leader's end
// and nobody else's.
//
// SPEC: G13, N17
func TestLeaderOfAQueuedLoadLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tab := oneAtATime(detached.Policy[string, int]{Context: detached.Whole, CancelAbandoned: true})
		start := time.Now()
		first := tab.Start(t.Context(), "first", func(context.Context, string) (int, error) { time.Sleep(2 * time.Second); return 1, nil })
		synctest.Wait() // it has its turn
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		leader := tab.Start(ctx, "queued", gives(2))
		joiner := tab.Start(t.Context(), "queued", gives(3))
		if o := leader.Wait(ctx); o.Err != context.DeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("the leader got %v after %v, want its own deadline after 1s", o.Err, time.Since(start))
		}
		if o := joiner.Wait(t.Context()); o.Value != 3 || o.Err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("the joiner got %d, %v after %v; want 3 after 3s", o.Value, o.Err, time.Since(start))
		}
		first.Wait(t.Context())
	})
}
