package detached_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
)

// asks collects the keys of each load, and answers after a second.
type asks struct {
	mu   sync.Mutex
	keys [][]string // guarded by mu
}

func (a *asks) load(_ context.Context, keys []string, _ settle) func(int) (int, error) {
	a.mu.Lock()
	a.keys = append(a.keys, slices.Sorted(slices.Values(keys)))
	a.mu.Unlock()
	time.Sleep(time.Second)
	return func(i int) (int, error) { return len(keys[i]), nil }
}

func (a *asks) wants(t *testing.T, want string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if got := fmt.Sprint(a.keys); got != want {
		t.Errorf("loads were asked for %s, want %s", got, want)
	}
	a.keys = nil
}

// SPEC: B03
func TestCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const window = 100 * time.Millisecond
		var tab table
		tab.Init(detached.Policy[string, int]{CancelAbandoned: true})
		var asked asks
		collector := tab.Collect(&many{Load: asked.load, MaxKeys: 3}, window)
		start := time.Now()
		var wg sync.WaitGroup
		call := func(ctx context.Context, key string, w detached.Wish, check func(o detached.Outcome[int], took time.Duration)) {
			wg.Go(func() {
				o := collector.Do(ctx, key, w)
				check(o, time.Since(start))
			})
			synctest.Wait()
		}
		well := func(took time.Duration) func(detached.Outcome[int], time.Duration) {
			return func(o detached.Outcome[int], at time.Duration) {
				t.Helper()
				if o.Value != 1 || o.Err != nil || at != took {
					t.Errorf("a call got %+v after %v, want 1 after %v", o, at, took)
				}
			}
		}

		// The window opens with the first key and closes in time.
		call(t.Context(), "a", detached.Wish{}, well(1100*time.Millisecond))
		time.Sleep(90 * time.Millisecond)
		call(t.Context(), "b", detached.Wish{}, well(1100*time.Millisecond))
		call(t.Context(), "a", detached.Wish{}, well(1100*time.Millisecond))
		time.Sleep(20 * time.Millisecond) // it is closed
		call(t.Context(), "b", detached.Wish{}, well(1100*time.Millisecond))
		call(t.Context(), "c", detached.Wish{}, well(1210*time.Millisecond))
		wg.Wait()
		asked.wants(t, "[[a b] [c]]")

		// It closes when the load is full.
		start = time.Now()
		for _, key := range []string{"a", "b", "c", "d"} {
			call(t.Context(), key, detached.Wish{}, well(time.Second+map[string]time.Duration{"d": window}[key]))
		}
		wg.Wait()
		asked.wants(t, "[[a b c] [d]]")

		// Who left before it closed is not loaded for; with nobody, nothing is.
		leaver, leave := context.WithCancel(t.Context())
		left := func(o detached.Outcome[int], _ time.Duration) {
			if o.How != flight.Left {
				t.Errorf("who left got %+v", o)
			}
		}
		start = time.Now()
		call(leaver, "a", detached.Wish{}, left)
		call(t.Context(), "b", detached.Wish{}, well(1100*time.Millisecond))
		leave()
		wg.Wait()
		asked.wants(t, "[[b]]")
		leaver, leave = context.WithCancel(t.Context())
		call(leaver, "a", detached.Wish{}, left)
		leave()
		wg.Wait()
		time.Sleep(window)
		synctest.Wait()
		asked.wants(t, "[]")
		if sum := tab.Sum(); sum.Running != 0 || sum.Flights != 0 {
			t.Errorf("Sum = %+v, want nothing left", sum)
		}
		if err := tab.Close(t.Context()); err != nil {
			t.Errorf("Close = %v", err)
		}
		call(t.Context(), "a", detached.Wish{}, func(o detached.Outcome[int], _ time.Duration) {
			if o.Err != detached.ErrClosed {
				t.Errorf("a call after Close got %+v", o)
			}
		})
		wg.Wait()
	})
}

// A load that fills up while its timer has fired already, and waits, runs once.
//
// SPEC: B03
func TestCollectorFillsUpAsItsWindowCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const window = 100 * time.Millisecond
		var tab table
		tab.Init(detached.Policy[string, int]{Look: func(key string) (int, bool) {
			if key == "b" {
				time.Sleep(window) // with the collector locked, until the timer fires
			}
			return 0, false
		}})
		var asked asks
		collector := tab.Collect(&many{Load: asked.load, MaxKeys: 2}, window)
		var wg sync.WaitGroup
		for _, key := range []string{"a", "b"} {
			wg.Go(func() {
				if o := collector.Do(t.Context(), key, detached.Wish{}); o.Value != 1 || o.Err != nil {
					t.Errorf("%s got %+v, want 1", key, o)
				}
			})
			if key == "a" {
				synctest.Wait()
			}
		}
		wg.Wait()
		time.Sleep(time.Minute)
		asked.wants(t, "[[a b]]")
		if sum := tab.Sum(); sum.Running != 0 || sum.Flights != 0 {
			t.Errorf("Sum = %+v, want nothing left", sum)
		}
	})
}

// SPEC: G28
func TestCollectorInARing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		var collector *detached.Collector[string, int]
		collector = tab.Collect(&many{Load: func(ctx context.Context, keys []string, _ settle) func(int) (int, error) {
			if !slices.Contains(keys, "a") {
				return func(int) (int, error) { return 1, nil }
			}
			own, other := collector.Do(ctx, "b", detached.Wish{}), collector.Do(ctx, "c", detached.Wish{})
			if !errors.Is(own.Err, detached.ErrCycle) || other.Value != 1 {
				t.Errorf("the load got %+v for its own key and %+v for another, want ErrCycle and 1", own, other)
			}
			return func(int) (int, error) { return 2, nil }
		}}, time.Second)
		var wg sync.WaitGroup
		for _, key := range []string{"a", "b"} {
			wg.Go(func() {
				if o := collector.Do(t.Context(), key, detached.Wish{}); o.Value != 2 {
					t.Errorf("%s got %+v, want 2", key, o)
				}
			})
		}
		wg.Wait()
	})
}

// A load that fills up as its window closes runs once.
func TestConcurrentCollector(t *testing.T) {
	for range 50 {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		var asked asks
		collector := tab.Collect(&many{MaxKeys: 2, Load: func(_ context.Context, keys []string, _ settle) func(int) (int, error) {
			asked.mu.Lock()
			asked.keys = append(asked.keys, keys)
			asked.mu.Unlock()
			return func(i int) (int, error) { return len(keys[i]), nil }
		}}, time.Microsecond)
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				key := fmt.Sprint(i)
				if o := collector.Do(t.Context(), key, detached.Wish{}); o.Value != len(key) || o.Err != nil {
					t.Errorf("%s got %+v", key, o)
				}
			})
		}
		wg.Wait()
		loaded := slices.Concat(asked.keys...)
		if slices.Sort(loaded); len(loaded) != 32 || len(slices.Compact(loaded)) != 32 {
			t.Errorf("loaded %v, want each of 32 keys once", asked.keys)
		}
	}
}
