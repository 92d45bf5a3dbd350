package detached_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
)

// A write that runs into its limit is its writer's misfortune too.
func TestReplaceThatTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Timeout: 1500 * time.Millisecond})
		hangs := func(ctx context.Context, _ string) (int, error) {
			<-ctx.Done()
			time.Sleep(time.Second)
			return 1, ctx.Err()
		}
		writer := tab.Replace(t.Context(), "k", hangs, nil)
		joiner := tab.Start(t.Context(), "k", gives(2))
		if o := writer.Wait(t.Context()); o.Err != detached.ErrLoadTimeout {
			t.Errorf("the writer got %+v, want the timeout", o)
		}
		if o := joiner.Wait(t.Context()); o.Value != 2 || o.Err != nil || !o.Again {
			t.Errorf("the joiner got %+v, want 2, again", o)
		}
		time.Sleep(time.Second) // the write is deaf
	})
}

func TestWritesAreNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		write := tab.Replace(t.Context(), "k", gives(1), nil)
		write.Wait(t.Context())
		tab.Do(t.Context(), "k", gives(1))
		if sum := tab.Sum(); sum.Led != 1 || sum.Running != 0 {
			t.Errorf("Sum = %+v after a write and a load, want 1 led", sum)
		}
	})
}

// What is derived from a load's context ends with the load, and so does the
// timer of its limit.
func TestContextEndsWithItsLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Timeout: time.Hour})
		var kept context.Context
		tab.Do(t.Context(), "k", func(ctx context.Context, _ string) (int, error) {
			derived, cancel := context.WithCancel(ctx)
			t.Cleanup(cancel)
			kept = derived
			return 1, nil
		})
		synctest.Wait()
		if kept.Err() != context.Canceled {
			t.Errorf("a context derived from the load's has the end %v, want context.Canceled", kept.Err())
		}
	})
}

// A wait that is over is out of the graph: the load that waited may be asked for
// by the one that it waited for.
func TestWaitThatIsOverIsInNoRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		asked := make(chan struct{})
		var waiting sync.WaitGroup
		o := tab.Do(t.Context(), "a", func(ctx context.Context, _ string) (int, error) {
			impatient, cancel := context.WithCancel(ctx)
			call := tab.Start(impatient, "b", func(ctx context.Context, _ string) (int, error) {
				time.Sleep(time.Second) // a has left
				call := tab.Start(ctx, "a", gives(3))
				close(asked)
				o := call.Wait(ctx)
				return o.Value, o.Err
			})
			b := tab.Start(t.Context(), "b", gives(4)) // so that b is not abandoned
			cancel()
			if o := call.Wait(impatient); o.How != flight.Left {
				t.Errorf("a's call got %+v, want to have left", o)
			}
			waiting.Go(func() {
				if o := b.Wait(t.Context()); o.Value != 1 || o.Err != nil {
					t.Errorf("b came to %+v, want 1, which it had of a", o)
				}
			})
			<-asked
			return 1, nil
		})
		if o.Value != 1 || o.Err != nil {
			t.Errorf("a came to %+v, want 1", o)
		}
		waiting.Wait()
	})
}

// The last to leave a flight that somebody detached leaves alone the one that
// took its place.
func TestAbandonedFlightLeavesTheNextAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{CancelAbandoned: true})
		ctx, leave := context.WithCancel(t.Context())
		old := tab.Start(ctx, "k", gives(1))
		tab.Detach("k", nil)
		next := tab.Start(t.Context(), "k", gives(2))
		leave()
		old.Wait(ctx)
		if o := tab.Do(t.Context(), "k", gives(3)); o.Value != 2 || o.Role != detached.Joined {
			t.Errorf("a caller got %+v, want to join the flight after Detach", o)
		}
		next.Wait(t.Context())
	})
}

// An older load that still runs is invalidated with the newer one.
func TestDetachReachesTheOlderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stored := 0
		var tab table
		tab.Init(detached.Policy[string, int]{
			JoinWithin: time.Second,
			Store:      func(_ string, v int) { stored = v },
		})
		stuck := func(context.Context, string) (int, error) {
			time.Sleep(5 * time.Second)
			return 1, nil
		}
		older := tab.Start(t.Context(), "k", stuck)
		time.Sleep(2 * time.Second)
		newer := tab.Start(t.Context(), "k", stuck)
		tab.Detach("k", nil)
		if o := older.Wait(t.Context()); o.Value != 1 || o.Err != nil {
			t.Errorf("the caller of the older load got %+v, want its value", o)
		}
		newer.Wait(t.Context())
		if stored != 0 {
			t.Error("a value from before Detach was stored")
		}
	})
}

// A load gives its turn back however it ends.
func TestTurnComesBack(t *testing.T) {
	for name, load := range map[string]func(context.Context, string) (int, error){
		"panics": func(context.Context, string) (int, error) { panic("out of paper") },
		"exits":  func(context.Context, string) (int, error) { runtime.Goexit(); return 0, nil },
		"fails":  func(context.Context, string) (int, error) { return 0, errors.New("down") },
	} {
		for _, wait := range []time.Duration{0, time.Second} {
			synctest.Test(t, func(t *testing.T) {
				tab := onlyOne(wait)
				call := tab.Start(t.Context(), "k", load)
				if o := call.Wait(t.Context()); o.Err == nil {
					t.Errorf("a load that %s came to %+v", name, o)
				}
				if o := tab.Do(t.Context(), "other", gives(2)); o.Value != 2 {
					t.Errorf("after a load that %s, with QueueWait %v, the next came to %+v, want 2", name, wait, o)
				}
			})
		}
	}
}

// A turn that comes at the very time when the load stops waiting for it is not
// lost. Which of the two the load sees first is chance.
func TestTurnComesAsTheLoadLeaves(t *testing.T) {
	for range 50 {
		for name, leave := range map[string]func(cancel func(), call *detached.Call[string, int], ctx context.Context){
			"its patience ends": func(func(), *detached.Call[string, int], context.Context) { time.Sleep(time.Second) },
			"it is abandoned": func(cancel func(), call *detached.Call[string, int], ctx context.Context) {
				synctest.Wait()
				cancel()
				call.Wait(ctx)
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				tab := onlyOne(time.Second)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var queued detached.Call[string, int]
				// This load runs here, and gives its turn back as it returns.
				tab.Do(context.Background(), "k", func(context.Context, string) (int, error) {
					queued = tab.Start(ctx, "queued", gives(1))
					synctest.Wait()
					leave(cancel, &queued, ctx)
					return 2, nil
				})
				if o := tab.Do(t.Context(), "other", gives(3)); o.Err != nil && name == "it is abandoned" {
					t.Errorf("a load after one that left the queue as %s came to %+v, want 3", name, o)
				}
				time.Sleep(3 * time.Second) // whatever became of the queued load is over
				if o := tab.Do(t.Context(), "last", gives(4)); o.Value != 4 {
					t.Errorf("when %s, the turn is lost: a later load came to %+v, want 4", name, o)
				}
				if name != "it is abandoned" {
					queued.Wait(ctx)
				}
			})
		}
	}
}

// onlyOne is a table in which one load runs at a time.
func onlyOne(wait time.Duration) *table {
	tab := new(table)
	tab.Init(detached.Policy[string, int]{
		CancelAbandoned: true,
		MaxLoads:        1,
		QueueWait:       wait,
		Limited:         func(limit string, _ int) error { return errors.New(limit) },
	})
	return tab
}
