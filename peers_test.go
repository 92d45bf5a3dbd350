package onefold_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
)

// The tests of this file hold what libraries of this kind have got wrong, each
// more than once, and found out in production. Each is told again from another
// side in the tests of its statement.

// A slowContext's owner has gone to sleep between joining and waiting, as a
// goroutine does that the scheduler passes over.
type slowContext struct {
	context.Context
	wakes <-chan struct{}
}

func (c slowContext) Done() <-chan struct{} {
	<-c.wakes
	return c.Context.Done()
}

// A flight that has its value, and waits for its last caller to take it before
// its key is freed. Where callers overlap without end, it is joined for ever,
// and a value of last week is served. Met where flights count their callers and
// the last one to leave clears up.
//
// SPEC: G06, G41
func TestPeerFinishedFlightIsNotJoined(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		wake := make(chan struct{})
		leader := s.call(s.ctx, "k", s.load)
		sleeper := s.group.DoChan(slowContext{s.ctx, wake}, "k", s.load)
		s.wants("leader", leader, answer{value: 1, at: time.Second})
		s.until(1500 * ms) // there is a caller of the first flight still
		s.wants("caller after it", s.call(s.ctx, "k", s.load), answer{value: 2, at: 2500 * ms})
		close(wake)
		if r := <-sleeper; r.Value != 1 || r.Err != nil {
			s.Errorf("the sleeper got %+v, want the first load's value", r)
		}
	})
}

// All callers have left, the load is cancelled, and until it has returned a new
// caller joins it and is told of a cancellation that nobody of theirs asked for.
// Met wherever the last caller cancels the load, and its return frees the key.
//
// SPEC: G13
func TestPeerNewCallerJoinsNoCancelledFlight(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		windsUp := func(ctx context.Context, _ string) (int, error) {
			<-ctx.Done()
			time.Sleep(time.Second)
			return 0, ctx.Err()
		}
		s.wants("the only caller", s.call(s.cancelledAt(500*ms), "k", windsUp), answer{err: context.Canceled, at: 500 * ms})
		s.wants("new caller", s.call(s.ctx, "k", s.load), answer{value: 1, at: 1500 * ms})
	})
}

// A load that ends by runtime.Goexit, as one that fails a test does, gives every
// caller a zero value and no error. Met where the result is sent by a deferred
// function that asks recover alone, which tells a Goexit from a return by nothing.
//
// SPEC: G20, G24
func TestPeerGoexitIsNoSilentZero(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		exits := func(context.Context, string) (int, error) {
			time.Sleep(time.Second)
			runtime.Goexit()
			return 1, nil
		}
		leader := s.call(s.Context(), "k", exits)
		joiner := s.call(s.ctx, "k", exits)
		s.wants("leader", leader, answer{err: onefold.ErrGoexit, at: time.Second})
		s.wants("joiner", joiner, answer{err: onefold.ErrGoexit, at: time.Second})
	})
}

// A load's panic with callers on channels: raised again on a goroutine that no
// caller can defend, it ends the process; swallowed, it leaves them waiting for
// ever. Both are met in the field, the first as a documented choice.
//
// SPEC: G23
func TestPeerPanicUnderAChannelCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g onefold.Group[string, int]
		boom := errors.New("boom")
		panics := func(context.Context, string) (int, error) {
			time.Sleep(time.Second)
			panic(boom)
		}
		for i, ch := range []<-chan onefold.Result[int]{g.DoChan(t.Context(), "k", panics), g.DoChan(t.Context(), "k", panics)} {
			var p *onefold.PanicError
			select {
			case r := <-ch:
				if !errors.As(r.Err, &p) || !errors.Is(r.Err, boom) {
					t.Errorf("caller %d got %+v, want a PanicError", i, r)
				}
			case <-time.After(time.Minute):
				t.Errorf("caller %d got nothing", i)
			}
		}
	})
}

// The first caller has a deadline of half a second, the load takes one, and the
// second caller has all day: it gets "deadline exceeded". Met wherever the load
// is given the context of the caller who happens to come first.
//
// SPEC: G10, N17
func TestPeerLeadersDeadlineIsNotTheJoiners(t *testing.T) {
	for _, strategy := range []onefold.LoadContext{onefold.Detached, onefold.Bounded, onefold.FirstCaller} {
		tell(t, onefold.Config{LoadContext: strategy, LoadTimeout: time.Minute}, func(s *story) {
			leader := s.call(s.deadlineAt(500*ms), "k", s.hearing)
			joiner := <-s.call(s.ctx, "k", s.hearing)
			s.wants("leader", leader, answer{err: context.DeadlineExceeded, at: 500 * ms})
			if joiner.err != nil {
				s.Errorf("with strategy %d the joiner got %v, want a value", strategy, joiner.err)
			}
		})
	}
}

// An abandoned load returns at last and frees its key, under which a new one
// has been running since: the next caller finds nothing to join, and there are
// two loads of the key. Met where a finished load deletes by key, and does not
// look whose flight it deletes.
//
// SPEC: G14
func TestPeerAbandonedLoadDoesNotEvictItsSuccessor(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		s.call(s.cancelledAt(500*ms), "k", s.load) // returns at 1s all the same
		s.until(600 * ms)
		successor := s.call(s.ctx, "k", s.load)
		s.until(1200 * ms)
		joiner := s.call(s.ctx, "k", s.load)
		s.wants("caller of the successor", successor, answer{value: 2, at: 1600 * ms})
		s.wants("its joiner", joiner, answer{value: 2, at: 1600 * ms})
		s.wantsLoads(2)
	})
}

// Two keys that print alike share a flight, and one caller gets the other's
// value. Met wherever keys of any type are turned into strings on the way.
//
// SPEC: S03
func TestPeerKeysThatPrintAlikeAreTwoKeys(t *testing.T) {
	type name struct{ first, last string }
	type id int
	for _, alike := range [][]any{
		{1, "1", int64(1), id(1), 1.0},
		{name{"ada b", "c"}, name{"ada", "b c"}},
		{[2]string{"a b", "c"}, [2]string{"a", "b c"}},
		{any(nil), "<nil>"}, {true, "true"},
		{onefold.In("a b", "c"), onefold.In("a", "b c")},
	} {
		synctest.Test(t, func(t *testing.T) {
			var (
				g       onefold.Group[any, string]
				results []<-chan onefold.Result[string]
			)
			for _, key := range alike {
				results = append(results, g.DoChan(t.Context(), key, func(_ context.Context, key any) (string, error) {
					time.Sleep(time.Second)
					return fmt.Sprintf("%T %#v", key, key), nil
				}))
			}
			for i, key := range alike {
				if r := <-results[i]; r.Value != fmt.Sprintf("%T %#v", key, key) || r.Callers != 1 {
					t.Errorf("the caller of %T %#v got %+v", key, key, r)
				}
			}
		})
	}
}

// A key that is not equal to itself is put into a map and never found again:
// not to be joined, and not to be removed. Met in every map of flights that does
// not ask. Here such a key is refused.
//
// SPEC: N06, M01
func TestPeerNaNKeysDoNotLeak(t *testing.T) {
	var g onefold.Group[float64, int]
	load := func(context.Context, float64) (int, error) { return 1, nil }
	for range 100 {
		if _, err := g.Do(t.Context(), math.NaN(), load); !errors.Is(err, onefold.ErrKey) {
			t.Fatalf("Do = %v, want ErrKey", err)
		}
		g.Forget(math.NaN())
	}
	if flights, loads := g.Traces(); flights != 0 || loads != 0 {
		t.Errorf("%d flights and %d loads are left, want none", flights, loads)
	}
}
