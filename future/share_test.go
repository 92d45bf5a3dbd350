package future_test

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/future"
)

var errPaper = errors.New("out of paper")

func TestGetLoadsOnceAndKeepsTheValue(t *testing.T) {
	tell(t, future.Config{}, func(s *story) {
		s.wantsNothingKept()
		first, second := s.call(s.Context()), s.call(s.Context())
		s.waits("first caller", first)
		s.wantsNothingKept()
		s.loads[0].returns(7, nil)
		s.wants("first caller", first, answer{value: 7})
		s.wants("second caller", second, answer{value: 7})
		s.until(1000 * time.Hour)
		s.wantsKept(7)
		s.wantsLoads(1)
	})
}

func TestZeroIsAValue(t *testing.T) {
	tell(t, future.Config{}, func(s *story) {
		s.call(s.Context())
		s.loads[0].returns(0, nil)
		s.wantsKept(0)
		s.wantsLoads(1)
	})
}

func TestNothingIsLoadedUnasked(t *testing.T) {
	tell(t, future.Config{RetryMin: time.Second}, func(s *story) {
		s.f.Peek()
		s.f.Reset()
		s.until(time.Hour)
		s.wantsLoads(0)
	})
}

// The load must not end with its first caller, and its value is kept for the
// next even when nobody has waited for it to the end.
func TestCallersLeave(t *testing.T) {
	tell(t, future.Config{}, func(s *story) {
		ctx, leave := s.leaver()
		leader := s.call(ctx)
		deadline, cancel := context.WithTimeout(s.Context(), 300*ms)
		defer cancel()
		joiner := s.call(deadline)
		leave()
		s.wants("leader that cancels", leader, answer{err: context.Canceled})
		s.until(300 * ms)
		s.wants("joiner with a deadline", joiner, answer{err: context.DeadlineExceeded, at: 300 * ms})

		if err := s.loads[0].ctx.Err(); err != nil {
			s.Errorf("the load's context has ended: %v", err)
		}
		late := s.call(s.Context())
		s.wantsLoads(1)
		s.loads[0].returns(7, nil)
		s.wants("caller that finds it", late, answer{value: 7, at: 300 * ms})
		if s.loads[0].ctx.Err() == nil {
			s.Error("the load's context outlives the load")
		}
	})
}

func TestValueOfALoadThatNobodyAwaits(t *testing.T) {
	tell(t, future.Config{}, func(s *story) {
		ctx, leave := s.leaver()
		s.call(ctx)
		leave()
		s.loads[0].returns(7, nil)
		s.wantsKept(7)
	})
}

func TestDeadContext(t *testing.T) {
	tell(t, future.Config{}, func(s *story) {
		dead, leave := s.leaver()
		leave()
		s.wants("caller of an empty future", s.call(dead), answer{err: context.Canceled})
		s.wantsLoads(0)
		s.call(s.Context())
		s.wants("caller of a load under way", s.call(dead), answer{err: context.Canceled})
		s.loads[0].returns(7, nil)
		s.wants("caller of a kept value", s.call(dead), answer{value: 7})
	})
}

func TestLoadsContext(t *testing.T) {
	type name struct{}
	tell(t, future.Config{LoadTimeout: time.Minute}, func(s *story) {
		ctx, cancel := context.WithTimeout(context.WithValue(s.Context(), name{}, "ada"), time.Second)
		defer cancel()
		s.call(ctx)
		got := s.loads[0].ctx
		if v := got.Value(name{}); v != "ada" {
			s.Errorf("the load's context has the value %v, want its first caller's", v)
		}
		if d, ok := got.Deadline(); !ok || d.Sub(s.start) != time.Minute {
			s.Errorf("the load's deadline is %v, %t; want its own, LoadTimeout from now", d, ok)
		}
		s.loads[0].returns(7, nil)
	})
}

func TestErrorReachesAllWhoWaitAndIsTriedAgain(t *testing.T) {
	tell(t, future.Config{}, func(s *story) {
		first, second := s.call(s.Context()), s.call(s.Context())
		s.loads[0].returns(3, errPaper)
		s.wants("first caller", first, answer{err: errPaper})
		s.wants("second caller", second, answer{err: errPaper})
		s.wantsNothingKept()

		next := s.call(s.Context())
		s.wantsLoads(2)
		s.loads[1].returns(7, nil)
		s.wants("next caller", next, answer{value: 7})
		s.wantsKept(7)
	})
}

// SPEC: S10
func TestMaxCallers(t *testing.T) {
	tell(t, future.Config{MaxCallers: 2}, func(s *story) {
		ctx, leave := s.leaver()
		first, second := s.call(s.Context()), s.call(ctx)
		var limit *future.LimitError
		if got := s.now(); !errors.As(got.err, &limit) || limit.Limit != 2 {
			s.Fatalf("third caller got %v, want a LimitError of 2", got)
		}
		if got, want := limit.Error(), "future: 2 callers wait already, which is Config.MaxCallers"; got != want {
			s.Errorf("Error() = %q, want %q", got, want)
		}
		leave()
		s.wants("caller that leaves", second, answer{err: context.Canceled})
		third := s.call(s.Context())
		s.waits("third caller, with room", third)
		s.loads[0].returns(7, nil)
		s.wants("first caller", first, answer{value: 7})
		s.wants("third caller", third, answer{value: 7})
		s.wantsKept(7)
	})
}

// A paperJam is what the printer of these tests panics with.
type paperJam struct{ tray int }

func (*paperJam) Error() string { return "paper jam" }

// printer ends a load in a way whose name shows in the stack.
func printer() (int, error) { panic(&paperJam{tray: 2}) }

func TestPanicReachesAllWhoWait(t *testing.T) {
	tell(t, future.Config{}, func(s *story) {
		callers := []<-chan answer{s.call(s.Context()), s.call(s.Context())}
		s.loads[0].ends(printer)
		for _, c := range callers {
			got := <-c
			var (
				panicked *future.PanicError
				jam      *paperJam
			)
			if !errors.As(got.err, new(raised)) || !errors.As(got.err, &panicked) || !errors.As(got.err, &jam) || jam.tray != 2 {
				s.Fatalf("caller got %v; want a panic with a PanicError around the paperJam", got)
			}
			if !strings.HasPrefix(panicked.Error(), "future: load panicked: paper jam\n") || !strings.Contains(panicked.Error(), ".printer(") {
				s.Errorf("no panic's value and frame of the load in %q", panicked.Error())
			}
		}
		s.call(s.Context())
		s.wantsLoads(2)
		s.loads[1].returns(7, nil)
		s.wantsKept(7)
	})
}

func TestPanicWithNoError(t *testing.T) {
	for name, end := range map[string]func() (int, error){
		"string": func() (int, error) { panic("boom") },
		"nil":    func() (int, error) { panic(nil) },
	} {
		tell(t, future.Config{}, func(s *story) {
			caller := s.call(s.Context())
			s.loads[0].ends(end)
			var panicked *future.PanicError
			if got := <-caller; !errors.As(got.err, &panicked) || panicked.Value == nil {
				s.Errorf("%s: caller got %v, want a PanicError with a value", name, got)
			}
		})
	}
}

// An error that a load returns is an error, even if it was another's panic.
func TestPanicErrorAsAnError(t *testing.T) {
	tell(t, future.Config{}, func(s *story) {
		caller := s.call(s.Context())
		theirs := &future.PanicError{Value: "boom"}
		s.loads[0].returns(0, theirs)
		s.wants("caller", caller, answer{err: theirs})
	})
}

func TestGoexitReleasesAllWhoWait(t *testing.T) {
	for name, end := range map[string]func() (int, error){
		"plain": func() (int, error) { runtime.Goexit(); return 1, nil },
		"while it panics": func() (int, error) {
			defer runtime.Goexit()
			panic("first")
		},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, future.Config{}, func(s *story) {
				first, second := s.call(s.Context()), s.call(s.Context())
				s.loads[0].ends(end)
				s.wants("first caller", first, answer{err: future.ErrGoexit})
				s.wants("second caller", second, answer{err: future.ErrGoexit})
				s.call(s.Context())
				s.wantsLoads(2)
				s.loads[1].returns(7, nil)
				s.wantsKept(7)
			})
		})
	}
}

func TestLoadTimeout(t *testing.T) {
	tell(t, future.Config{LoadTimeout: time.Second}, func(s *story) {
		caller := s.call(s.Context())
		stuck := s.loads[0]
		s.until(time.Second)
		s.wants("caller", caller, answer{err: future.ErrLoadTimeout, at: time.Second})
		if err := stuck.ctx.Err(); err != context.DeadlineExceeded {
			s.Errorf("the load's context gives %v, want DeadlineExceeded", err)
		}

		// The late value is nobody's, whether another load is under way or not.
		next := s.call(s.Context())
		stuck.returns(1, nil)
		s.waits("next caller", next)
		s.wantsNothingKept()
		s.loads[1].returns(7, nil)
		s.wants("next caller", next, answer{value: 7, at: time.Second})
		s.wantsKept(7)
	})
}

func TestLateValueAfterATimeout(t *testing.T) {
	tell(t, future.Config{LoadTimeout: time.Second}, func(s *story) {
		s.call(s.Context())
		s.until(time.Second)
		s.loads[0].returns(1, nil)
		s.wantsNothingKept()
	})
}

// A load that notices its deadline before the timer does gives its callers the
// same answer.
func TestLoadReturnsItsOwnDeadline(t *testing.T) {
	tell(t, future.Config{LoadTimeout: time.Second}, func(s *story) {
		for i := range 50 {
			caller := s.call(s.Context())
			l := s.loads[i]
			go func() {
				time.Sleep(time.Second)
				l.end <- func() (int, error) { return 0, context.DeadlineExceeded }
			}()
			got := <-caller
			if got.err != future.ErrLoadTimeout {
				s.Fatalf("caller got %v, want ErrLoadTimeout", got)
			}
		}
	})
}

// But one that gives up on something else sooner has an error like any other.
func TestLoadReturnsAnothersDeadline(t *testing.T) {
	tell(t, future.Config{LoadTimeout: time.Second}, func(s *story) {
		caller := s.call(s.Context())
		s.loads[0].returns(0, context.DeadlineExceeded)
		s.wants("caller", caller, answer{err: context.DeadlineExceeded})
	})
}

// A meddler is a context that does something when it is asked for its end.
type meddler struct {
	context.Context
	meddle func()
}

func (m meddler) Err() error {
	m.meddle()
	return m.Context.Err()
}

// The load ends between a caller's first look and its second.
func TestCallerComesAsTheLoadEnds(t *testing.T) {
	tell(t, future.Config{}, func(s *story) {
		first := s.call(s.Context())
		late := s.call(meddler{s.Context(), func() {
			s.loads[0].end <- func() (int, error) { return 7, nil }
			if got := <-first; got != (answer{value: 7}) {
				s.Errorf("first caller got %v, want 7", got)
			}
		}})
		s.wants("caller who comes as the load ends", late, answer{value: 7})
		s.wantsLoads(1)
	})
}

func TestMisusePanics(t *testing.T) {
	load := func(context.Context) (int, error) { return 0, fs.ErrNotExist }
	for name, tt := range map[string]struct {
		misuse func()
		want   string
	}{
		"nil load":    {func() { future.New[int](nil, future.Config{}) }, "future: nil load"},
		"bad config":  {func() { future.New(load, future.Config{RetryMin: -1}) }, "future: Config.RetryMin is -1ns"},
		"nil context": {func() { _, _ = future.New(load, future.Config{}).Get(nil) }, "future: nil context"}, //nolint:staticcheck // the point
		"zero Future": {func() { _, _ = new(future.Future[int]).Get(t.Context()) }, "future: Get of a Future that New did not make"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				var got string
				switch p := recover().(type) {
				case string:
					got = p
				case error:
					got = p.Error()
				}
				if !strings.HasPrefix(got, tt.want) {
					t.Errorf("panic with %q, want %q", got, tt.want)
				}
			}()
			tt.misuse()
		})
	}
}

func TestZeroFutureHoldsNothing(t *testing.T) {
	var f future.Future[int]
	f.Reset()
	if v, ok := f.Peek(); ok {
		t.Errorf("Peek = %d, true; want nothing", v)
	}
}

func TestHitAllocatesNothing(t *testing.T) {
	f := future.New(func(context.Context) (string, error) { return "here", nil }, future.Config{})
	ctx := t.Context()
	if _, err := f.Get(ctx); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = f.Get(ctx) }); n != 0 {
		t.Errorf("a hit allocates %v times, want 0", n)
	}
}
