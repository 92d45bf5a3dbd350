package onefold_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
)

// result starts a caller with wishes.
func (s *story) result(ctx context.Context, load loadFunc, c onefold.Call) <-chan onefold.Result[int] {
	ch := make(chan onefold.Result[int], 1)
	go func() { ch <- s.group.DoResult(ctx, "k", load, c) }()
	synctest.Wait()
	return ch
}

// SPEC: F06
func TestCallerRefusesAnOlderLoad(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		old := s.call(s.ctx, "k", s.load)
		s.until(100 * ms)
		written := time.Now()
		s.until(200 * ms)
		reader := s.result(s.ctx, s.load, onefold.Call{NotBefore: written})
		s.until(300 * ms)
		another := s.result(s.ctx, s.load, onefold.Call{NotBefore: written})

		s.wants("caller before the write", old, answer{value: 1, at: time.Second})
		want := onefold.Result[int]{Value: 2, Outcome: onefold.Led, Callers: 2, Age: time.Second, Took: time.Second}
		if r := <-reader; r != want {
			s.Errorf("caller after the write got %+v, want %+v", r, want)
		}
		want.Outcome = onefold.Joined
		if r := <-another; r != want {
			s.Errorf("the next one got %+v, want %+v", r, want)
		}
	})
}

// The group has noted when the load began, and so can tell an older load from
// one that is new enough, to the instant.
//
// SPEC: F06
func TestCallerRefusesAnOlderLoadByItsTime(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		s.result(s.ctx, s.load, onefold.Call{}) // from here on beginnings are noted
		s.until(time.Second)
		s.result(s.ctx, s.load, onefold.Call{})
		begins := time.Now()
		s.until(1500 * ms)
		asNew := s.result(s.ctx, s.load, onefold.Call{NotBefore: begins})
		older := s.result(s.ctx, s.load, onefold.Call{NotBefore: begins.Add(-time.Minute)})
		newer := s.result(s.ctx, s.load, onefold.Call{NotBefore: begins.Add(1)})
		after := s.result(s.ctx, s.load, onefold.Call{})
		for who, c := range map[string]<-chan onefold.Result[int]{"of the instant": asNew, "of before": older} {
			if r := <-c; r.Value != 2 || r.Outcome != onefold.Joined || s.age() != 2*time.Second {
				s.Errorf("the caller %s got %+v after %v, want to have joined load 2", who, r, s.age())
			}
		}
		if r := <-newer; r.Value != 3 || r.Outcome != onefold.Led || s.age() != 2500*ms {
			s.Errorf("the caller of after got %+v after %v, want a load of its own", r, s.age())
		}
		if r := <-after; r.Value != 3 || r.Outcome != onefold.Joined {
			s.Errorf("the caller without a wish got %+v, want to have joined the newer load", r)
		}
	})
}

// Whoever has written reads what they wrote, or what was written since, whatever
// else is going on: other readers and writers, Forgets, callers that leave, loads
// that fail and are tried again, stuck ones that newer loads overtake.
//
// SPEC: F06, F10
func TestWritersReadTheirWrites(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	for round := range 200 {
		rnd := rand.New(rand.NewPCG(seed, uint64(round)))
		synctest.Test(t, func(t *testing.T) {
			failure := errors.New("down")
			cfg := onefold.Config{LoadContext: []onefold.LoadContext{onefold.Detached, onefold.FirstCaller}[rnd.IntN(2)]}
			if rnd.IntN(2) == 0 {
				cfg.JoinWithin = 3 * ms
			}
			if rnd.IntN(2) == 0 {
				cfg.RetryFailed = func(error) bool { return true }
			}
			var (
				g      = onefold.Group[string, int64]{Config: cfg}
				source atomic.Int64
				wg     sync.WaitGroup
				lasts  atomic.Int64 // how long the next load takes
			)
			load := func(ctx context.Context, _ string) (int64, error) {
				v := source.Load()
				n := lasts.Add(7) % 11
				time.Sleep(time.Duration(n) * ms)
				if n == 5 {
					return 0, failure
				}
				return v, nil
			}
			for range 40 {
				begins, act := time.Duration(rnd.IntN(40))*ms, rnd.IntN(8)
				ctx, cancel := context.WithTimeout(t.Context(), begins+time.Duration(1+rnd.IntN(30))*ms)
				defer cancel()
				wg.Go(func() {
					time.Sleep(begins)
					switch act {
					case 0:
						g.Forget("k")
					case 1, 2, 3:
						wrote := source.Add(1)
						time.Sleep(1) // what began at the instant of the write may have read before it
						r := g.DoResult(ctx, "k", load, onefold.Call{NotBefore: time.Now()})
						if r.Err == nil && r.Value < wrote {
							t.Errorf("who had written %d read %d", wrote, r.Value)
						}
					default:
						_, _ = g.Do(ctx, "k", load)
					}
				})
			}
			wg.Wait()
			time.Sleep(time.Second)
			if flights, loads := g.Traces(); flights != 0 || loads != 0 {
				t.Errorf("%d flights and %d loads are left", flights, loads)
			}
		})
	}
}

// SPEC: F03
func TestBudgetEndsOneCallersWait(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		leader := s.call(s.ctx, "k", s.load)
		r := <-s.result(s.ctx, s.load, onefold.Call{Budget: 300 * ms})
		if !errors.Is(r.Err, onefold.ErrBudget) || r.Outcome != onefold.Failed || s.age() != 300*ms {
			s.Errorf("got %+v after %v, want ErrBudget after 300ms", r, s.age())
		}
		s.wants("leader", leader, answer{value: 1, at: time.Second})
	})
}

// The budget is that of the call, not of each load it joins.
func TestBudgetSpansTheLoadsThatACallJoins(t *testing.T) {
	failure := errors.New("down")
	cfg := onefold.Config{RetryFailed: func(error) bool { return true }}
	tell(t, cfg, func(s *story) {
		fails := func(ctx context.Context, key string) (int, error) {
			_, _ = s.load(ctx, key)
			return 0, failure
		}
		leader := s.call(s.ctx, "k", fails)
		r := <-s.result(s.ctx, fails, onefold.Call{Budget: 1500 * ms})
		if !errors.Is(r.Err, onefold.ErrBudget) || !r.Again || s.age() != 1500*ms {
			s.Errorf("got %+v after %v, want ErrBudget on the second load after 1.5s", r, s.age())
		}
		s.wants("leader", leader, answer{err: failure, at: time.Second})
	})
}

// stuck is a load of an hour, or until its context ends.
func (s *story) stuck(ctx context.Context, _ string) (int, error) {
	n := s.loads.Add(1)
	select {
	case <-time.After(time.Hour):
	case <-ctx.Done():
	}
	return int(n), ctx.Err()
}

// SPEC: F10
func TestNewerLoadOvertakesAStuckOne(t *testing.T) {
	tell(t, onefold.Config{JoinWithin: time.Second}, func(s *story) {
		first := s.call(s.ctx, "k", s.stuck)
		s.until(time.Second)
		inTime := s.call(s.ctx, "k", s.load)
		s.until(1500 * ms)
		late := s.call(s.ctx, "k", s.load)
		for who, c := range map[string]caller{"first": first, "in time": inTime, "late": late} {
			s.wants(who, c, answer{value: 2, at: 2500 * ms})
		}
	})
}

// SPEC: F10
func TestOlderLoadIsStillForItsOwnCallers(t *testing.T) {
	tell(t, onefold.Config{JoinWithin: 500 * ms}, func(s *story) {
		first := s.call(s.ctx, "k", s.load)
		s.until(800 * ms)
		second := s.call(s.ctx, "k", s.load)
		s.wants("first", first, answer{value: 1, at: time.Second})
		s.wants("second", second, answer{value: 2, at: 1800 * ms})
	})
}

// The older load is out of the way for good: its context ends when it has been
// overtaken, and when it returns at last, it neither answers nor evicts anybody.
//
// SPEC: F10
func TestOvertakenLoadIsFenced(t *testing.T) {
	tell(t, onefold.Config{JoinWithin: time.Second}, func(s *story) {
		ended := make(chan answer, 1)
		deaf := func(ctx context.Context, key string) (int, error) {
			s.loads.Add(1)
			context.AfterFunc(ctx, func() { ended <- answer{err: ctx.Err(), at: s.age()} })
			time.Sleep(4 * time.Second)
			return -1, nil
		}
		first := s.call(s.ctx, "k", deaf)
		s.until(1500 * ms)
		second := s.call(s.ctx, "k", s.load)
		s.wants("first", first, answer{value: 2, at: 2500 * ms})
		s.wants("second", second, answer{value: 2, at: 2500 * ms})
		s.wants("the older load", ended, answer{err: context.Canceled, at: 2500 * ms})
		s.until(3500 * ms)
		third := s.call(s.ctx, "k", s.load)
		s.until(4200 * ms) // the older load has returned
		fourth := s.call(s.ctx, "k", s.load)
		s.wants("third", third, answer{value: 3, at: 4500 * ms})
		s.wants("fourth", fourth, answer{value: 3, at: 4500 * ms})
	})
}

// Two loads of a key are enough: with both stuck, callers join the newer one.
//
// SPEC: F10
func TestNoThirdLoadOfAStuckKey(t *testing.T) {
	tell(t, onefold.Config{JoinWithin: time.Second}, func(s *story) {
		for range 5 {
			s.call(s.ctx, "k", s.stuck)
			s.until(s.age() + 2*time.Second)
		}
		s.wantsLoads(2)
	})
}

// A bad newer load takes nobody's place.
func TestNewerLoadThatFailsOvertakesNobody(t *testing.T) {
	tell(t, onefold.Config{JoinWithin: 500 * ms}, func(s *story) {
		failure := errors.New("down")
		slow := func(context.Context, string) (int, error) {
			time.Sleep(10 * time.Second)
			return 7, nil
		}
		first := s.call(s.ctx, "k", slow)
		s.until(time.Second)
		second := s.call(s.ctx, "k", func(context.Context, string) (int, error) { return 0, failure })
		s.wants("second", second, answer{err: failure, at: time.Second})
		s.wants("first", first, answer{value: 7, at: 10 * time.Second})
	})
}
