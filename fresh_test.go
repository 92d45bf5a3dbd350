package onefold_test

import (
	"context"
	"errors"
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
