package onefold_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/onefold-go/onefold"
)

var twoSeconds = onefold.Config{LoadTimeout: 2 * time.Second}

// SPEC: G31
func TestTimeoutReleasesCallersOfADeafLoad(t *testing.T) {
	for _, policy := range []onefold.OnAbandon{onefold.CancelLoad, onefold.FinishLoad} {
		tell(t, onefold.Config{LoadTimeout: 2 * time.Second, OnAbandon: policy}, func(s *story) {
			deaf := func(context.Context, string) (int, error) {
				s.loads.Add(1)
				time.Sleep(3500 * ms)
				return 1, nil
			}
			leader := s.call(s.ctx, "k", deaf)
			s.until(1500 * ms)
			joiner := s.call(s.ctx, "k", deaf) // joining gives the load no second more
			s.wants("leader", leader, answer{err: onefold.ErrLoadTimeout, at: 2 * time.Second})
			s.wants("joiner", joiner, answer{err: onefold.ErrLoadTimeout, at: 2 * time.Second})

			// The deaf load still runs when its successor does, and ends first.
			s.until(3 * time.Second)
			next := s.call(s.ctx, "k", s.load)
			s.until(3600 * ms)
			late := s.call(s.ctx, "k", s.load)
			s.wants("leader of its successor", next, answer{value: 2, at: 4 * time.Second})
			s.wants("joiner of its successor", late, answer{value: 2, at: 4 * time.Second})
			s.wantsLoads(2)
		})
	}
}

// SPEC: G31
func TestTimeoutEndsTheLoadsContext(t *testing.T) {
	tell(t, twoSeconds, func(s *story) {
		ended := make(chan answer, 1)
		load := func(ctx context.Context, _ string) (int, error) {
			if d, ok := ctx.Deadline(); !ok || !d.Equal(s.start.Add(2*time.Second)) {
				s.Errorf("the load's deadline is %v, %v; want 2s after its start", d.Sub(s.start), ok)
			}
			<-ctx.Done()
			ended <- answer{err: ctx.Err(), at: s.age()}
			return 0, ctx.Err()
		}
		s.call(s.ctx, "k", load)
		s.wants("load", ended, answer{err: context.DeadlineExceeded, at: 2 * time.Second})
	})
}

// A load may notice the deadline before the group does, and say so in its own
// words. Its callers must not take it for their own deadline.
//
// SPEC: N15
func TestLoadTimeoutIsNobodysDeadline(t *testing.T) {
	tell(t, twoSeconds, func(s *story) {
		for i, load := range []loadFunc{
			func(ctx context.Context, _ string) (int, error) {
				<-ctx.Done()
				return 7, fmt.Errorf("query: %w", ctx.Err())
			},
			func(ctx context.Context, _ string) (int, error) {
				deadline, _ := ctx.Deadline()
				time.Sleep(time.Until(deadline))
				return 7, fmt.Errorf("query: %w", context.DeadlineExceeded)
			},
			func(ctx context.Context, _ string) (int, error) {
				ctx, cancel := context.WithTimeout(ctx, time.Hour)
				defer cancel()
				<-ctx.Done()
				return 7, fmt.Errorf("query: %w", ctx.Err())
			},
		} {
			start := s.age()
			leader, joiner := s.call(s.ctx, "k", load), s.call(s.ctx, "k", load)
			own := s.call(s.deadlineAt(start+time.Second), "k", load)
			if got := <-own; got.err != context.DeadlineExceeded {
				s.Errorf("load %d: the caller whose own deadline came got %v, want it bare", i, got)
			}
			for _, c := range []caller{leader, joiner} {
				got := <-c
				var timeout interface{ Timeout() bool }
				if got.value != 0 || got.err != onefold.ErrLoadTimeout || got.at != start+2*time.Second {
					s.Errorf("load %d: the caller got %v, want ErrLoadTimeout after 2s", i, got)
				}
				if !errors.As(got.err, &timeout) || !timeout.Timeout() || errors.Is(got.err, context.DeadlineExceeded) {
					s.Errorf("load %d: %v: want Timeout() true, and no DeadlineExceeded", i, got.err)
				}
			}
		}
	})
}

// What a load says before its time is up is its own affair.
//
// SPEC: G02, N15
func TestDeadlineWithinTheLoadIsItsOwnError(t *testing.T) {
	tell(t, twoSeconds, func(s *story) {
		load := func(ctx context.Context, _ string) (int, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			<-ctx.Done()
			return 7, ctx.Err()
		}
		s.wants("caller", s.call(s.ctx, "k", load), answer{value: 7, err: context.DeadlineExceeded, at: time.Second})
	})
}

// SPEC: G02
func TestLoadInTimeIsNotTouchedByItsTimeout(t *testing.T) {
	tell(t, twoSeconds, func(s *story) {
		s.wants("caller", s.call(s.ctx, "k", s.load), answer{value: 1, at: time.Second})
		s.until(1500 * ms)
		// The first load's timer is due while this one runs.
		s.wants("next caller", s.call(s.ctx, "k", s.load), answer{value: 2, at: 2500 * ms})
	})
}

func TestGreatestLoadTimeout(t *testing.T) {
	tell(t, onefold.Config{LoadTimeout: math.MaxInt64}, func(s *story) {
		s.wants("caller", s.call(s.ctx, "k", s.load), answer{value: 1, at: time.Second})
	})
}
