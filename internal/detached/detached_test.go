package detached_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
)

type table = detached.Table[string, int]

// A shelf keeps the value of one key, as a cache would. It has no lock: the
// table's must do, and the race detector watches that it does.
type shelf struct {
	table
	value int
	full  bool
}

func newShelf(cancelAbandoned bool) *shelf {
	s := new(shelf)
	s.Init(detached.Policy[string, int]{
		CancelAbandoned: cancelAbandoned,
		Look:            func(string) (int, bool) { return s.value, s.full },
		Store:           func(_ string, v int) { s.value, s.full = v, true },
	})
	return s
}

// clear empties the shelf, as Delete would.
func (s *shelf) clear() { s.Detach("k", func() { s.value, s.full = 0, false }) }

// look gives what is on the shelf, under the lock. It detaches, as clear does.
func (s *shelf) look() (v int, ok bool) {
	s.Detach("k", func() { v, ok = s.value, s.full })
	return v, ok
}

// gives is a load that takes a second and gives v.
func gives(v int) func(context.Context, string) (int, error) {
	return func(context.Context, string) (int, error) {
		time.Sleep(time.Second)
		return v, nil
	}
}

func TestStoredValueIsAHit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(false)
		if o := s.Do(t.Context(), "k", gives(1)); o.Value != 1 || o.Role != detached.Led || o.Served != 1 {
			t.Errorf("the first call got %+v, want to lead to 1", o)
		}
		if o := s.Do(t.Context(), "k", gives(2)); o.Value != 1 || o.Role != detached.Hit || o.Served != 0 {
			t.Errorf("the second call got %+v, want to hit 1", o)
		}
		dead, cancel := context.WithCancel(t.Context())
		cancel()
		if o := s.Do(dead, "k", gives(2)); o.How != flight.Left || o.Err != context.Canceled || o.Role != detached.None {
			t.Errorf("a call that is over got %+v, want its own end", o)
		}
		if sum := s.Sum(); sum.Led != 1 || sum.Joined != 0 {
			t.Errorf("%d led and %d joined, want 1 and 0", sum.Led, sum.Joined)
		}
	})
}

func TestFailureIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(false)
		for _, load := range []func(context.Context, string) (int, error){
			func(context.Context, string) (int, error) { return 1, context.Canceled },
			func(context.Context, string) (int, error) { panic("jam") },
			func(context.Context, string) (int, error) { runtime.Goexit(); return 1, nil },
		} {
			s.Do(t.Context(), "k", load)
		}
		if v, ok := s.look(); ok {
			t.Errorf("%d was stored", v)
		}
	})
}

// A value is stored and its flight is gone in one step: a caller finds the one
// or the other, and never has to load again.
func TestConcurrentHitsAndFlights(t *testing.T) {
	for range 1_000 {
		s := newShelf(false)
		var (
			loads atomic.Int32
			wg    sync.WaitGroup
		)
		for range 8 {
			wg.Go(func() {
				for range 20 {
					o := s.Do(t.Context(), "k", func(context.Context, string) (int, error) { return int(loads.Add(1)), nil })
					if o.Value != 1 || o.Err != nil {
						t.Errorf("a call got %+v, want 1", o)
					}
				}
			})
		}
		wg.Wait()
		if n := loads.Load(); n != 1 {
			t.Fatalf("%d loads, want 1", n)
		}
	}
}

// What was detached while it loaded is not stored, whatever happens meanwhile.
func TestDetachedValueIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(false)
		old := s.Start(t.Context(), "k", gives(1))
		s.clear()
		if o := s.Do(t.Context(), "k", gives(2)); o.Value != 2 || o.Role != detached.Led {
			t.Errorf("the call after Detach got %+v, want to lead to 2", o)
		}
		if o := old.Wait(t.Context()); o.Value != 1 || o.Served != 1 {
			t.Errorf("the call before Detach got %+v, want 1", o)
		}
		if v, _ := s.look(); v != 2 {
			t.Errorf("%d is stored, want 2", v)
		}
	})
}

// After clear has returned, what a load from before it brings is never seen.
func TestConcurrentDetach(t *testing.T) {
	for range 200 {
		s := newShelf(false)
		var (
			version atomic.Int32
			wg      sync.WaitGroup
		)
		load := func(context.Context, string) (int, error) {
			v := int(version.Load())
			runtime.Gosched()
			return v, nil
		}
		for range 4 {
			wg.Go(func() {
				for range 20 {
					before := int(version.Load())
					_ = s.Do(t.Context(), "k", load)
					s.clear() // of version before, at least
					if o := s.Do(t.Context(), "k", load); o.Value < before {
						t.Errorf("after Detach a call got version %d, want %d or later", o.Value, before)
					}
				}
			})
		}
		wg.Go(func() {
			for range 20 {
				v := int(version.Add(1))
				s.clear()
				if o := s.Do(t.Context(), "k", load); o.Value < v {
					t.Errorf("after a write a call got version %d, want %d or later", o.Value, v)
				}
			}
		})
		wg.Wait()
	}
}

// A panic under the lock lets go of it.
func TestDetachWithAPanic(t *testing.T) {
	var tab table
	tab.Init(detached.Policy[string, int]{})
	func() {
		defer func() { _ = recover() }()
		tab.Detach("k", func() { panic("jam") })
	}()
	tab.Detach("k", nil)
}

func TestReplace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(false)
		old := s.Start(t.Context(), "k", gives(1))
		time.Sleep(time.Second / 2)
		called := false
		ticket := s.Replace(t.Context(), "k", gives(2), func() { called = true })
		if !called {
			t.Error("Replace did not call what it was given")
		}
		joiner := s.Start(t.Context(), "k", gives(3))
		if o := old.Wait(t.Context()); o.Value != 1 || o.Role != detached.Led {
			t.Errorf("the replaced flight gave %+v, want 1", o)
		}
		if _, ok := s.look(); ok {
			t.Error("a replaced flight stored its value")
		}
		late := s.Replace(t.Context(), "k", gives(4), func() {}) // look has detached the ticket
		for who, o := range map[string]detached.Outcome[int]{"leader": ticket.Wait(t.Context()), "joiner": joiner.Wait(t.Context())} {
			if o.Value != 2 || o.Served != 2 {
				t.Errorf("%s got %+v, want 2, shared by 2", who, o)
			}
		}
		if o := late.Wait(t.Context()); o.Value != 4 || o.Role != detached.Led {
			t.Errorf("the second Replace gave %+v, want to lead to 4", o)
		}
		// A value that is there is no reason not to replace it.
		over := s.Replace(t.Context(), "k", gives(5), func() {})
		if o := over.Wait(t.Context()); o.Value != 5 || o.Role != detached.Led {
			t.Errorf("Replace of a stored value gave %+v, want to lead to 5", o)
		}
		if v, _ := s.look(); v != 5 {
			t.Errorf("%d is stored, want 5", v)
		}
	})
}

// Without a function to call, Replace is still no ordinary call.
func TestReplaceWithNothingToCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		old := tab.Start(t.Context(), "k", gives(1))
		write := tab.Replace(t.Context(), "k", gives(2), nil)
		if o := write.Wait(t.Context()); o.Value != 2 || o.Role != detached.Led {
			t.Errorf("Replace came to %+v, want to lead to 2", o)
		}
		old.Wait(t.Context())
	})
}

// A write that fails is its writer's misfortune. Those who joined it load.
func TestReplaceThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(false)
		failure := errors.New("out of paper")
		writer := s.Replace(t.Context(), "k", func(context.Context, string) (int, error) {
			time.Sleep(time.Second)
			return 1, failure
		}, func() { s.value, s.full = 0, false })
		joiners := []detached.Call[string, int]{s.Start(t.Context(), "k", gives(2)), s.Start(t.Context(), "k", gives(2))}
		if o := writer.Wait(t.Context()); o.Err != failure || o.Role != detached.Led {
			t.Errorf("the writer got %+v, want its failure", o)
		}
		for i := range joiners {
			if o := joiners[i].Wait(t.Context()); o.Value != 2 || o.Err != nil || !o.Again {
				t.Errorf("a joiner got %+v, want 2, again", o)
			}
		}
		if v, _ := s.look(); v != 2 {
			t.Errorf("%d is stored, want 2", v)
		}
	})
}

// Nobody waits, and the value is stored all the same.
func TestAbandonedLoadIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for cancels, want := range map[bool]int{true: 0, false: 1} {
			s := newShelf(cancels)
			ctx, cancel := context.WithCancel(t.Context())
			call := s.Start(ctx, "k", gives(1))
			cancel()
			if o := call.Wait(ctx); o.How != flight.Left || o.Err != context.Canceled {
				t.Errorf("the caller got %+v, want its own end", o)
			}
			time.Sleep(2 * time.Second)
			if v, _ := s.look(); v != want {
				t.Errorf("CancelAbandoned %v: %d is stored, want %d", cancels, v, want)
			}
		}
	})
}

// Counts are of callers that had a flight: one that would have closed a ring
// had none.
func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		load := func(ctx context.Context, key string) (int, error) {
			o := tab.Do(ctx, key, gives(1))
			if o.How != flight.Refused || !errors.Is(o.Err, detached.ErrCycle) || o.Role != detached.None || o.Served != 0 {
				t.Errorf("a load of its own key got %+v, want to be refused", o)
			}
			return gives(2)(ctx, key)
		}
		leader := tab.Start(t.Context(), "k", load)
		joiner := tab.Start(t.Context(), "k", load)
		if sum := tab.Sum(); sum.Flights != 1 || sum.Running != 1 {
			t.Errorf("Sum = %+v, want 1 flight and 1 running", sum)
		}
		leader.Wait(t.Context())
		if o := joiner.Wait(t.Context()); o.Role != detached.Joined || o.Served != 2 {
			t.Errorf("the joiner got %+v, want to share with the leader", o)
		}
		tab.Do(t.Context(), "other", gives(1))
		if sum := tab.Sum(); sum.Led != 2 || sum.Joined != 1 {
			t.Errorf("%d led and %d joined, want 2 and 1", sum.Led, sum.Joined)
		}
		if sum := tab.Sum(); sum.Flights != 0 || sum.Running != 0 {
			t.Errorf("Sum = %+v, want no flight and none running", sum)
		}
	})
}
