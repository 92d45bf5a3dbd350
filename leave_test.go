package onefold_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
)

var finishLoad = onefold.Config{OnAbandon: onefold.FinishLoad}

// SPEC: G08
func TestJoinerLeaves(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		leader := s.call(s.ctx, "k", s.load)
		cancelled := s.call(s.cancelledAt(300*ms), "k", s.load)
		late := s.call(s.deadlineAt(400*ms), "k", s.load)
		stays := s.call(s.ctx, "k", s.load)
		s.wants("joiner that cancels", cancelled, answer{err: context.Canceled, at: 300 * ms})
		s.wants("joiner with a deadline", late, answer{err: context.DeadlineExceeded, at: 400 * ms})
		s.wants("joiner that stays", stays, answer{value: 1, at: time.Second})
		s.wants("leader", leader, answer{value: 1, at: time.Second})
		s.wantsLoads(1)
	})
}

// SPEC: G09, G10
func TestLeaderLeaves(t *testing.T) {
	for _, cfg := range []onefold.Config{{}, finishLoad} {
		tell(t, cfg, func(s *story) {
			load := func(ctx context.Context, key string) (int, error) {
				if d, ok := ctx.Deadline(); ok {
					s.Errorf("the load has its leader's deadline, %v", d)
				}
				n, _ := s.load(ctx, key)
				return n, ctx.Err()
			}
			for i, leaves := range []func(time.Duration) context.Context{s.cancelledAt, s.deadlineAt} {
				start := s.age()
				leader := s.call(leaves(start+300*ms), "k", load)
				joiner := s.call(s.ctx, "k", load)
				s.until(start + 600*ms)
				late := s.call(s.ctx, "k", load)
				if got := <-leader; got.err == nil || got.at != start+300*ms {
					s.Errorf("leader got %v, want its context's error after 300 ms", got)
				}
				s.wants("joiner", joiner, answer{value: i + 1, at: start + time.Second})
				s.wants("joiner that came after the leader left", late, answer{value: i + 1, at: start + time.Second})
			}
		})
	}
}

// SPEC: G11, N01
func TestLastCallerLeavesAndLoadIsCancelled(t *testing.T) {
	for _, policy := range []onefold.OnAbandon{onefold.DefaultOnAbandon, onefold.CancelLoad} {
		tell(t, onefold.Config{OnAbandon: policy}, func(s *story) {
			ended := make(chan answer, 1)
			load := func(ctx context.Context, _ string) (int, error) {
				<-ctx.Done()
				ended <- answer{err: ctx.Err(), at: s.age()}
				return 0, ctx.Err()
			}
			leader := s.call(s.cancelledAt(300*ms), "k", load)
			joiner := s.call(s.cancelledAt(700*ms), "k", load)
			s.wants("leader", leader, answer{err: context.Canceled, at: 300 * ms})
			s.wants("joiner", joiner, answer{err: context.Canceled, at: 700 * ms})
			s.wants("load", ended, answer{err: context.Canceled, at: 700 * ms})
		})
	}
}

// SPEC: G12, N01
func TestLastCallerLeavesAndLoadIsFinished(t *testing.T) {
	tell(t, finishLoad, func(s *story) {
		var kept context.Context
		load := func(ctx context.Context, key string) (int, error) {
			kept = ctx
			n, _ := s.load(ctx, key)
			return n, ctx.Err() // none, if all is well
		}
		leader := s.call(s.cancelledAt(300*ms), "k", load)
		s.wants("leader", leader, answer{err: context.Canceled, at: 300 * ms})

		s.until(700 * ms) // the load has been alone for 400 ms
		if err := kept.Err(); err != nil {
			s.Errorf("the context of a load that nobody waits for has ended: %v", err)
		}
		late := s.call(s.ctx, "k", load)
		s.wants("caller that finds it", late, answer{value: 1, at: time.Second})
		if kept.Err() == nil {
			s.Error("the load's context outlives the load")
		}
		s.wants("caller that comes after it", s.call(s.ctx, "k", load), answer{value: 2, at: 2 * time.Second})
	})
}

// SPEC: G13
func TestNewCallerIsNotCancelledWithAnAbandonedLoad(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		load := func(ctx context.Context, _ string) (int, error) {
			n := s.loads.Add(1)
			select {
			case <-ctx.Done():
				time.Sleep(500 * ms) // it dies slowly
				return 0, ctx.Err()
			case <-time.After(time.Second):
				return int(n), nil
			}
		}
		for i := range 50 {
			start := s.age()
			abandons := s.call(s.cancelledAt(start+300*ms), "k", load)
			s.wants("caller that abandons it", abandons, answer{err: context.Canceled, at: start + 300*ms})
			// Its Do has just returned: there must be no moment at which the
			// load is over and can still be joined.
			next := s.call(s.ctx, "k", load)
			s.wants("next caller", next, answer{value: 2*i + 2, at: start + 1300*ms})
		}
	})
}

// SPEC: G14
func TestAbandonedLoadThatEndsLate(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		abandons := s.call(s.cancelledAt(500*ms), "k", s.load) // which ends at 1000 ms all the same
		s.wants("caller that abandons it", abandons, answer{err: context.Canceled, at: 500 * ms})
		leader := s.call(s.ctx, "k", s.load)
		s.until(1200 * ms)
		joiner := s.call(s.ctx, "k", s.load)
		s.wants("leader of its successor", leader, answer{value: 2, at: 1500 * ms})
		s.wants("joiner of its successor", joiner, answer{value: 2, at: 1500 * ms})
		s.wantsLoads(2)
	})
}

// SPEC: G15
func TestDeadContextStartsNothing(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		canceled, cancel := context.WithCancel(s.ctx)
		cancel()
		overdue := s.deadlineAt(0)
		s.wants("canceled caller", s.call(canceled, "k", s.load), answer{err: context.Canceled})
		s.wants("overdue caller", s.call(overdue, "k", s.load), answer{err: context.DeadlineExceeded})
		s.wantsLoads(0)

		leader := s.call(s.ctx, "k", s.load)
		s.wants("canceled caller of a load under way", s.call(canceled, "k", s.load), answer{err: context.Canceled})
		s.wants("leader", leader, answer{value: 1, at: time.Second})
		s.wantsLoads(1)
	})
}

// All leave at the very moment at which the value comes.
//
// SPEC: G36
func TestLeavingAsTheValueArrives(t *testing.T) {
	for _, cfg := range []onefold.Config{{}, finishLoad} {
		tell(t, cfg, func(s *story) {
			for i := range 50 {
				start := s.age()
				load := func(context.Context, string) (int, error) {
					time.Sleep(time.Second)
					return i, nil
				}
				cancelled := s.call(s.cancelledAt(start+time.Second), "k", load)
				overdue := s.call(s.deadlineAt(start+time.Second), "k", load)
				stays := s.call(s.ctx, "k", load)
				if got := <-cancelled; !(got.err == nil && got.value == i || got.err == context.Canceled) {
					s.Errorf("caller that cancels got %v, want %d or its own Canceled", got, i)
				}
				if got := <-overdue; !(got.err == nil && got.value == i || got.err == context.DeadlineExceeded) {
					s.Errorf("caller with a deadline got %v, want %d or its own DeadlineExceeded", got, i)
				}
				s.wants("caller that stays", stays, answer{value: i, at: start + time.Second})
			}
		})
	}
}

// SPEC: M02
func TestStormOfLeavingCallers(t *testing.T) {
	for name, cfg := range map[string]onefold.Config{
		"detached":     {},
		"first caller": {LoadContext: onefold.FirstCaller},
		"timed":        {LoadTimeout: time.Hour, JoinWithin: 1500 * ms},
		"tried again":  {RetryFailed: func(error) bool { return true }},
		"queued":       {MaxLoads: 2, QueueWait: time.Hour},
	} {
		t.Run(name, func(t *testing.T) { stormOfLeavingCallers(t, cfg) })
	}
}

func stormOfLeavingCallers(t *testing.T, cfg onefold.Config) {
	tell(t, cfg, func(s *story) {
		load := func(ctx context.Context, _ string) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}
		errs := make(chan error)
		for i := range 400 {
			ctx := s.cancelledAt(time.Duration(i%10) * time.Second)
			go func() {
				_, err := s.ask(ctx, &s.group, fmt.Sprint(i%7), load)
				errs <- err
			}()
		}
		for range 400 {
			if err := <-errs; !errors.Is(err, context.Canceled) {
				s.Errorf("a caller that cancels got %v", err)
			}
		}
		// No time passes here, nor can it: a goroutine that is left behind and
		// waits for something fails the test at the end of the bubble.
		synctest.Wait()
		if flights, loads := s.group.Traces(); flights != 0 || loads != 0 || s.age() != 9*time.Second {
			s.Errorf("after %v there are %d flights and %d loads, want none after 9s", s.age(), flights, loads)
		}
	})
}
