package onefold_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/onefold-go/onefold"
)

type userKey struct{}

// hearing is a load of a second that gives up with its context.
func (s *story) hearing(ctx context.Context, _ string) (int, error) {
	n := s.loads.Add(1)
	select {
	case <-time.After(time.Second):
		return int(n), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// SPEC: N17, G08, G09, G10
func TestBoundedLoadOutlivesItsCallers(t *testing.T) {
	tell(t, onefold.Config{LoadContext: onefold.Bounded, LoadTimeout: time.Minute}, func(s *story) {
		sees := func(ctx context.Context, _ string) (int, error) {
			if v := ctx.Value(userKey{}); v != nil {
				s.Errorf("the load sees %v of its caller", v)
			}
			return s.hearing(ctx, "k")
		}
		leader := s.call(context.WithValue(s.deadlineAt(500*ms), userKey{}, "ada"), "k", sees)
		joiner := s.call(s.ctx, "k", sees)
		leaver := s.call(s.cancelledAt(100*ms), "k", sees)
		s.wants("leader", leader, answer{err: context.DeadlineExceeded, at: 500 * ms})
		s.wants("leaver", leaver, answer{err: context.Canceled, at: 100 * ms})
		s.wants("joiner", joiner, answer{value: 1, at: time.Second})
	})
}

// SPEC: N17, G13, G36
func TestFirstCallerTakesItsLoadAlong(t *testing.T) {
	for name, load := range map[string]func(*story) loadFunc{
		"hears its context": func(s *story) loadFunc { return s.hearing },
		"is deaf to it":     func(s *story) loadFunc { return s.load },
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, onefold.Config{LoadContext: onefold.FirstCaller}, func(s *story) {
				load := load(s)
				leader := s.call(s.cancelledAt(400*ms), "k", load)
				second := s.call(s.cancelledAt(800*ms), "k", load)
				third := s.call(s.ctx, "k", load)
				s.wants("leader", leader, answer{err: context.Canceled, at: 400 * ms})
				s.until(500 * ms)
				fourth := s.call(s.ctx, "k", load)
				// second or third led from 400 ms on; if it was second, third
				// or fourth leads again at 800 ms.
				s.wants("second", second, answer{err: context.Canceled, at: 800 * ms})
				a, b := <-third, <-fourth
				if a != b || a.err != nil || (a.at != 1400*ms && a.at != 1800*ms) {
					s.Errorf("those who stayed got %v and %v, want one value at 1.4s or 1.8s", a, b)
				}
			})
		})
	}
}

// The deadline of the first caller is also one that its load can see.
func TestFirstCallersDeadline(t *testing.T) {
	tell(t, onefold.Config{LoadContext: onefold.FirstCaller}, func(s *story) {
		want := s.start.Add(time.Minute)
		load := func(ctx context.Context, key string) (int, error) {
			derived, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			if got, ok := derived.Deadline(); !ok || !got.Equal(want) {
				s.Errorf("the load's deadline is %v, %v; want %v", got, ok, want)
			}
			return s.load(ctx, key)
		}
		s.wants("leader", s.call(s.deadlineAt(time.Minute), "k", load), answer{value: 1, at: time.Second})
	})
}

// SPEC: S01, G37
func TestCarryOnlyLetsThroughWhatItNames(t *testing.T) {
	type traceKey struct{}
	tell(t, onefold.Config{Carry: onefold.CarryOnly(traceKey{})}, func(s *story) {
		load := func(ctx context.Context, key string) (int, error) {
			if trace, user := ctx.Value(traceKey{}), ctx.Value(userKey{}); trace != "t1" || user != nil {
				s.Errorf("the load sees trace %v and user %v, want t1 and nothing", trace, user)
			}
			return s.hearing(ctx, key)
		}
		ctx := context.WithValue(context.WithValue(s.ctx, userKey{}, "ada"), traceKey{}, "t1")
		s.wants("caller", s.call(ctx, "k", load), answer{value: 1, at: time.Second})
	})
}

// A Carry that panics is a load that panics.
func TestCarryPanics(t *testing.T) {
	cfg := onefold.Config{Carry: func(_, _ context.Context) context.Context { panic(errors.ErrUnsupported) }}
	tell(t, cfg, func(s *story) {
		s.wants("caller", s.call(s.ctx, "k", s.load), answer{err: errors.ErrUnsupported})
		s.wantsLoads(0)
	})
}

// SPEC: N02
func TestReturnPanic(t *testing.T) {
	tell(t, onefold.Config{OnPanic: onefold.ReturnPanic}, func(s *story) {
		boom := errors.New("boom")
		var p *onefold.PanicError
		_, err := s.group.Do(s.ctx, "k", func(context.Context, string) (int, error) { panic(boom) })
		if !errors.As(err, &p) || !errors.Is(err, boom) {
			s.Errorf("Do returned %v, want a PanicError of %v", err, boom)
		}
	})
}

// SPEC: F07
func TestOneJoinerTriesAgain(t *testing.T) {
	again := errors.New("try again")
	cfg := onefold.Config{RetryFailed: func(err error) bool { return errors.Is(err, again) }}
	for name, secondFails := range map[string]bool{"the second try works": false, "the second try fails": true} {
		t.Run(name, func(t *testing.T) {
			tell(t, cfg, func(s *story) {
				load := func(ctx context.Context, key string) (int, error) {
					n, _ := s.load(ctx, key)
					if n == 1 || secondFails {
						return 0, fmt.Errorf("load %d: %w", n, again)
					}
					return n, nil
				}
				leader := s.call(s.ctx, "k", load)
				var joiners []caller
				for range 5 {
					joiners = append(joiners, s.call(s.ctx, "k", load))
				}
				s.wants("leader", leader, answer{err: again, at: time.Second})
				for i, c := range joiners {
					want := answer{value: 2, at: 2 * time.Second}
					if secondFails {
						want = answer{err: again, at: 2 * time.Second}
					}
					s.wants(fmt.Sprint("joiner ", i), c, want)
				}
				s.wantsLoads(2)
				if st := s.group.Stats(); st.Led != 2 || st.Joined != 5+4 || st.Again != 5 {
					s.Errorf("Stats are %+v, want 2 led, 9 joined, 5 again", st)
				}
			})
		})
	}
}
