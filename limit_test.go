package onefold_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
)

// SPEC: G32, S10
func TestTooManyCallers(t *testing.T) {
	tell(t, onefold.Config{Name: "users", MaxCallers: 2}, func(s *story) {
		a, b := s.call(s.ctx, "k", s.load), s.call(s.cancelledAt(500*ms), "k", s.load)
		third := <-s.call(s.ctx, "k", s.load)
		var limit *onefold.LimitError
		if !errors.As(third.err, &limit) || !errors.Is(third.err, onefold.ErrOverload) || third.at != 0 {
			s.Errorf("third caller got %+v, want a LimitError at once", third)
		} else if want := (onefold.LimitError{Name: "users", Limit: "MaxCallers", Value: 2}); *limit != want {
			s.Errorf("the error is %+v, want %+v", *limit, want)
		}
		s.wants("b", b, answer{err: context.Canceled, at: 500 * ms})
		s.wants("in b's place", s.call(s.ctx, "k", s.load), answer{value: 1, at: time.Second})
		s.wants("a", a, answer{value: 1, at: time.Second})
	})
}

// SPEC: G33, S10
func TestTooManyLoads(t *testing.T) {
	tell(t, onefold.Config{MaxLoads: 2}, func(s *story) {
		a, b := s.call(s.ctx, "a", s.load), s.call(s.ctx, "b", s.load)
		joiner := s.call(s.ctx, "a", s.load)
		s.wants("third key", s.call(s.ctx, "c", s.load), answer{err: onefold.ErrOverload})
		s.wants("a", a, answer{value: 1, at: time.Second})
		s.wants("joiner", joiner, answer{value: 1, at: time.Second})
		s.wants("b", b, answer{value: 2, at: time.Second})
		s.wants("third key, later", s.call(s.ctx, "c", s.load), answer{value: 3, at: 2 * time.Second})
	})
}

// SPEC: G33
func TestLoadWaitsForItsTurn(t *testing.T) {
	tell(t, onefold.Config{MaxLoads: 1, QueueWait: 1500 * ms, LoadTimeout: 1200 * ms}, func(s *story) {
		a := s.call(s.ctx, "a", s.load)
		b := s.call(s.ctx, "b", s.load)
		c := s.call(s.ctx, "c", s.load)
		joiner := s.call(s.ctx, "c", s.load)
		s.wants("a", a, answer{value: 1, at: time.Second})
		// One of b and c has the next turn; the other's wait is too long. Its
		// timeout counts from its turn.
		x, y, z := <-b, <-c, <-joiner
		if y != z {
			s.Errorf("c's caller got %v and its joiner %v", y, z)
		}
		if x.err != nil {
			x, y = y, x
		}
		if x != (answer{value: 2, at: 2 * time.Second}) || !errors.Is(y.err, onefold.ErrOverload) || y.at != 1500*ms {
			s.Errorf("b and c got %v and %v, want one value at 2s and one overload at 1.5s", x, y)
		}
	})
}

// A load that waits for its turn ends with its callers.
func TestAbandonedInTheQueue(t *testing.T) {
	tell(t, onefold.Config{MaxLoads: 1, QueueWait: time.Hour}, func(s *story) {
		a := s.call(s.ctx, "a", s.load)
		leaver := s.call(s.cancelledAt(500*ms), "b", s.load)
		s.wants("leaver", leaver, answer{err: context.Canceled, at: 500 * ms})
		s.wants("a", a, answer{value: 1, at: time.Second})
		s.until(time.Minute)
		s.wantsLoads(1)
	})
}

// Loads wait for their turn in the order in which they came.
//
// SPEC: G33
func TestTurnsAreFair(t *testing.T) {
	tell(t, onefold.Config{MaxLoads: 1, QueueWait: time.Hour}, func(s *story) {
		var callers []caller
		for i := range 5 {
			callers = append(callers, s.call(s.ctx, fmt.Sprint(i), s.load))
		}
		for i, c := range callers {
			s.wants(fmt.Sprint(i), c, answer{value: i + 1, at: time.Duration(i+1) * time.Second})
		}
	})
}

// Callers leave, and queues are given up, at the very moments at which turns
// come. No turn is lost by that, and none is made.
//
// SPEC: G33
func TestConcurrentTurns(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			const most = 3
			g := onefold.Group[int, int]{Config: onefold.Config{MaxLoads: most, QueueWait: 4 * ms}}
			var running atomic.Int64
			load := func(context.Context, int) (int, error) {
				if n := running.Add(1); n > most {
					t.Errorf("%d loads run at once, want at most %d", n, most)
				}
				defer running.Add(-1)
				time.Sleep(ms)
				return 1, nil
			}
			var wg sync.WaitGroup
			for key := range 40 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+rnd.IntN(6))*ms)
				defer cancel()
				after := time.Duration(rnd.IntN(3)) * ms
				wg.Go(func() {
					time.Sleep(after)
					_, _ = g.Do(ctx, key, load)
				})
			}
			wg.Wait()
			time.Sleep(time.Second)
			start := time.Now()
			for key := range most {
				wg.Go(func() {
					if _, err := g.Do(t.Context(), key, load); err != nil {
						t.Errorf("afterwards Do = %v", err)
					}
				})
			}
			wg.Wait()
			if took := time.Since(start); took != ms {
				t.Errorf("afterwards %d loads took %v, want 1ms: all at once", most, took)
			}
		})
	}
}

// A load that ignores its timeout keeps its turn until it returns: the source
// is still working for it.
func TestDeafLoadKeepsItsTurn(t *testing.T) {
	tell(t, onefold.Config{MaxLoads: 1, LoadTimeout: 500 * ms}, func(s *story) {
		s.wants("a", s.call(s.ctx, "a", s.load), answer{err: onefold.ErrLoadTimeout, at: 500 * ms})
		s.wants("b, at once", s.call(s.ctx, "b", s.load), answer{err: onefold.ErrOverload, at: 500 * ms})
		s.until(time.Second)
		quick := func(context.Context, string) (int, error) { return 9, nil }
		s.wants("b, later", s.call(s.ctx, "b", quick), answer{value: 9, at: time.Second})
	})
}

// SPEC: N03
func TestCloseWaitsForLoads(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		a := s.call(s.ctx, "a", s.load)
		closed := make(chan error, 1)
		go func() { closed <- s.group.Close(s.ctx) }()
		synctest.Wait()
		s.wants("later caller", s.call(s.ctx, "a", s.load), answer{err: onefold.ErrClosed})
		select {
		case err := <-closed:
			s.Errorf("Close returned %v with a load under way", err)
		default:
		}
		s.wants("a", a, answer{value: 1, at: time.Second})
		if err := <-closed; err != nil || s.age() != time.Second {
			s.Errorf("Close returned %v after %v, want nil after 1s", err, s.age())
		}
		if err := s.group.Close(s.ctx); err != nil {
			s.Errorf("the second Close returned %v", err)
		}
	})
}

// SPEC: N03
func TestCloseGivesUp(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		a := s.call(s.ctx, "a", s.stuck)
		if err := s.group.Close(s.deadlineAt(500 * ms)); !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("Close returned %v, want its context's error", err)
		}
		s.wants("a", a, answer{err: onefold.ErrClosed, at: 500 * ms})
	})
}

// A value that one caller changes is not the value of another.
func TestCloneGivesEachCallerItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := onefold.Group[string, []int]{Clone: func(v []int) []int { return append([]int(nil), v...) }}
		load := func(context.Context, string) ([]int, error) {
			time.Sleep(time.Second)
			return []int{1, 2, 3}, nil
		}
		results := make(chan []int, 3)
		for i := range 3 {
			go func() {
				v, err := g.Do(t.Context(), "k", load)
				if err != nil || fmt.Sprint(v) != "[1 2 3]" {
					t.Errorf("got %v, %v", v, err)
				}
				v[0] = i // a data race if it is shared
				results <- v
			}()
		}
		for range 3 {
			<-results
		}
	})
}

// A value that one caller alone gets is its own already, and a failure has none.
func TestCloneIsForSharedValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clones := 0
		g := onefold.Group[string, int]{Clone: func(v int) int { clones++; return v }}
		load := func(context.Context, string) (int, error) { return 1, nil }
		if v, err := g.Do(t.Context(), "k", load); v != 1 || err != nil {
			t.Errorf("got %d, %v; want 1", v, err)
		}
		if v, err := g.Do(context.Background(), "k", load); v != 1 || err != nil {
			t.Errorf("got %d, %v; want 1", v, err)
		}
		if r := g.DoResult(t.Context(), "k", load, onefold.Call{}); r.Value != 1 || r.Err != nil {
			t.Errorf("got %+v, want 1", r)
		}
		if r := <-g.DoChan(t.Context(), "k", load); r.Value != 1 || r.Err != nil {
			t.Errorf("got %+v, want 1", r)
		}

		fails := func(context.Context, string) (int, error) {
			time.Sleep(time.Second)
			return 0, errors.New("down")
		}
		leader := g.DoChan(t.Context(), "k", fails)
		if _, err := g.Do(t.Context(), "k", fails); err == nil {
			t.Error("a joiner got no failure")
		}
		if r := <-leader; r.Err == nil || r.Callers != 2 {
			t.Errorf("the leader got %+v, want the failure, with 2 callers", r)
		}
		if clones != 0 {
			t.Errorf("Clone was called %d times, want never", clones)
		}
	})
}

// A leader that runs the load itself shares what it loaded like any other.
func TestCloneIsForTheLeaderToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loaded []int
		g := onefold.Group[string, []int]{Clone: slices.Clone[[]int]}
		load := func(context.Context, string) ([]int, error) {
			time.Sleep(time.Second)
			loaded = []int{1, 2, 3}
			return loaded, nil
		}
		go func() {
			v, _ := g.Do(context.Background(), "k", load)
			v[0] = 7
		}()
		synctest.Wait()
		v, _ := g.Do(t.Context(), "k", load)
		synctest.Wait()
		if v[0] != 1 || loaded[0] != 1 {
			t.Errorf("the joiner has %v and the load %v once the leader has changed its value, want 1 first", v, loaded)
		}
	})
}
