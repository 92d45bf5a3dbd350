package future_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/onefold-go/onefold/future"
)

func TestResetForgetsTheValue(t *testing.T) {
	tell(t, future.Config{}, func(s *story) {
		s.call(s.Context())
		s.loads[0].returns(7, nil)
		s.f.Reset()
		s.wantsNothingKept()
		next := s.call(s.Context())
		s.wantsLoads(2)
		s.loads[1].returns(8, nil)
		s.wants("next caller", next, answer{value: 8})
		s.wantsKept(8)
	})
}

// The load that Reset finds under way ends before or after its successor; its
// value is its callers' either way, and nobody else's.
func TestResetDuringALoad(t *testing.T) {
	for _, oldFirst := range []bool{true, false} {
		tell(t, future.Config{}, func(s *story) {
			before := s.call(s.Context())
			s.f.Reset()
			after := s.call(s.Context())
			s.wantsLoads(2)
			if err := s.loads[0].ctx.Err(); err != nil {
				s.Errorf("the context of a load that somebody waits for has ended: %v", err)
			}
			if oldFirst {
				s.loads[0].returns(7, nil)
				s.wants("caller from before", before, answer{value: 7})
				s.wantsNothingKept()
				s.waits("caller from after", after)
				s.loads[1].returns(8, nil)
			} else {
				s.loads[1].returns(8, nil)
				s.waits("caller from before", before)
				s.loads[0].returns(7, nil)
				s.wants("caller from before", before, answer{value: 7})
			}
			s.wants("caller from after", after, answer{value: 8})
			s.wantsKept(8)
		})
	}
}

// Nobody asks after the Reset: what the old load returns is not kept.
func TestResetDuringTheOnlyLoad(t *testing.T) {
	tell(t, future.Config{RetryMin: time.Hour}, func(s *story) {
		for i, end := range []answer{{value: 7}, {err: errPaper}} {
			before := s.call(s.Context())
			s.wantsLoads(2*i + 1)
			s.f.Reset()
			s.loads[2*i].returns(end.value, end.err)
			s.wants("caller from before", before, end)
			s.wantsNothingKept()

			after := s.call(s.Context()) // a failure from before is forgotten as well
			s.wantsLoads(2*i + 2)
			s.loads[2*i+1].returns(8, nil)
			s.wants("caller from after", after, answer{value: 8})
			s.f.Reset()
		}
	})
}

// A load that was reset, and that nobody waits for, ends.
func TestUnwantedLoadIsCancelled(t *testing.T) {
	for _, leavesFirst := range []bool{true, false} {
		tell(t, future.Config{}, func(s *story) {
			one, oneLeaves := s.leaver()
			two, twoLeaves := s.leaver()
			s.call(one)
			s.call(two)
			oneLeaves()
			ctx := s.loads[0].ctx
			first, second := s.f.Reset, twoLeaves
			if leavesFirst {
				first, second = second, first
			}
			first()
			if err := ctx.Err(); err != nil {
				s.Errorf("the load's context has ended too soon: %v", err)
			}
			second()
			if err := ctx.Err(); err != context.Canceled {
				s.Errorf("the load's context gives %v, want Canceled", err)
			}
			s.loads[0].returns(0, ctx.Err())
		})
	}
}

// A Reset that comes from the load itself is a Reset during the load.
func TestResetByTheLoad(t *testing.T) {
	tell(t, future.Config{}, func(s *story) {
		caller := s.call(s.Context())
		s.loads[0].ends(func() (int, error) {
			s.f.Reset()
			return 7, nil
		})
		s.wants("caller", caller, answer{value: 7})
		s.wantsNothingKept()
	})
}

func TestResetAndTimeout(t *testing.T) {
	tell(t, future.Config{LoadTimeout: time.Second}, func(s *story) {
		before := s.call(s.Context())
		s.f.Reset()
		s.until(500 * ms)
		after := s.call(s.Context())
		s.until(time.Second)
		s.wants("caller from before", before, answer{err: future.ErrLoadTimeout, at: time.Second})
		s.waits("caller from after", after)
		s.until(1500 * ms)
		s.wants("caller from after", after, answer{err: future.ErrLoadTimeout, at: 1500 * ms})
		s.loads[0].returns(1, nil)
		s.loads[1].returns(1, nil)
	})
}

// A context that a load has left behind must not keep a value that is reset,
// nor its timer.
func TestResetFreesTheValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept context.Context
		f := future.New(func(ctx context.Context) (*[64]byte, error) {
			kept = ctx
			return new([64]byte), nil
		}, future.Config{LoadTimeout: time.Hour})
		v, err := f.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held := weak.Make(v)
		v = nil
		f.Reset()
		runtime.GC()
		runtime.GC()
		if held.Value() != nil {
			t.Error("the value is still in memory")
		}
		runtime.KeepAlive(v)
		runtime.KeepAlive(kept)
		runtime.KeepAlive(f)
	})
}
