package onefold_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
)

// SPEC: G22
func TestDoChanDeliversExactlyOnce(t *testing.T) {
	for name, load := range map[string]loadFunc{
		"value":  func(context.Context, string) (int, error) { time.Sleep(time.Second); return 1, nil },
		"panic":  func(context.Context, string) (int, error) { time.Sleep(time.Second); panic("boom") },
		"goexit": goexit,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &story{T: t, ctx: t.Context(), start: time.Now()}
				for name, results := range map[string]<-chan onefold.Result[int]{
					"leader":                  s.group.DoChan(s.ctx, "k", load),
					"joiner":                  s.group.DoChan(context.Background(), "k", load),
					"leaves before":           s.group.DoChan(s.cancelledAt(500*ms), "k", load),
					"leaves at that moment":   s.group.DoChan(s.cancelledAt(time.Second), "k", load),
					"leaves after":            s.group.DoChan(s.cancelledAt(2*time.Second), "k", load),
					"has left when it begins": s.group.DoChan(s.deadlineAt(0), "k", load),
				} {
					<-results
					s.until(s.age() + time.Hour)
					select {
					case r, ok := <-results:
						t.Errorf("%s: the channel gave %+v, %v after its result", name, r, ok)
					default:
					}
				}
			})
		})
	}
}

// DoChan returns at once, and by then the caller has its place.
//
// SPEC: G22
func TestDoChanHasJoinedWhenItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &story{T: t, ctx: t.Context(), start: time.Now()}
		first := s.group.DoChan(context.Background(), "k", s.load)
		second := s.group.DoChan(context.Background(), "k", s.load)
		s.group.Forget("k")
		third := s.group.DoChan(context.Background(), "k", s.load)
		if age := s.age(); age != 0 {
			t.Errorf("DoChan took %v", age)
		}
		a, b, c := <-first, <-second, <-third
		if a.Value != b.Value || a.Callers != 2 || c.Callers != 1 || c.Outcome != onefold.Led {
			t.Errorf("DoChan gave %+v, %+v, and after Forget %+v; want the first two to share a load", a, b, c)
		}
	})
}

// The bubble fails if a goroutine is left that can never go on.
//
// SPEC: G25
func TestUnreadResultLeavesNothingBehind(t *testing.T) {
	for name, load := range map[string]loadFunc{
		"value":  func(context.Context, string) (int, error) { time.Sleep(time.Second); return 1, nil },
		"panic":  func(context.Context, string) (int, error) { time.Sleep(time.Second); panic("boom") },
		"goexit": goexit,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &story{T: t, ctx: t.Context(), start: time.Now()}
				s.group.DoChan(s.ctx, "k", load)
				s.group.DoChan(context.Background(), "k", load)
				s.group.DoChan(s.cancelledAt(500*ms), "k", load)
				s.group.DoChan(s.cancelledAt(500*ms), "other", load)
				s.group.DoChan(s.deadlineAt(0), "k", load)
				s.until(time.Hour)
			})
		})
	}
}
