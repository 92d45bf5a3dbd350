package onefold_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
)

// A paperJam is what the printer of these tests panics with.
type paperJam struct{ tray int }

func (*paperJam) Error() string { return "paper jam" }

// printer is a load whose name shows in the stack of its panic.
func (s *story) printer(context.Context, string) (int, error) {
	s.loads.Add(1)
	time.Sleep(time.Second)
	panic(&paperJam{tray: 2})
}

// SPEC: G16, G17, G18, G19, G23
func TestPanicReachesEveryCaller(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		for name, c := range map[string]caller{
			"leader": s.call(s.ctx, "k", s.printer),
			"joiner": s.call(s.ctx, "k", s.printer),
			"other":  s.call(s.cancelledAt(time.Hour), "k", s.printer),
		} {
			got := <-c
			var (
				panicked *onefold.PanicError
				jam      *paperJam
			)
			if got.value != 0 || got.at != time.Second || !errors.As(got.err, &panicked) {
				s.Errorf("%s got %v, want a PanicError after 1s", name, got)
				continue
			}
			if !errors.As(got.err, &jam) || jam.tray != 2 {
				s.Errorf("%s finds no paperJam in %v", name, panicked.Value)
			}
			if !strings.Contains(string(panicked.Stack), ".printer(") || !strings.Contains(got.err.Error(), ".printer(") {
				s.Errorf("%s sees no frame of the load in\n%s", name, panicked.Stack)
			}
			if !strings.HasPrefix(got.err.Error(), "onefold: load panicked: paper jam\n") {
				s.Errorf("%s reads %q first, want the panic's value", name, got.err)
			}
		}
		s.wantsLoads(1)
		s.wants("next caller", s.call(s.ctx, "k", s.load), answer{value: 2, at: 2 * time.Second})
	})
}

// Do panics, and DoChan does not: tell's callers make the same of both.
//
// SPEC: N02
func TestDoPanicsAndDoChanDelivers(t *testing.T) {
	for name, ctx := range map[string]context.Context{"own goroutine": t.Context(), "inline": context.Background()} {
		t.Run(name, func(t *testing.T) {
			var g onefold.Group[string, int]
			load := func(context.Context, string) (int, error) { panic(fs.ErrExist) }
			func() {
				defer func() {
					err, _ := recover().(error)
					if !errors.Is(err, fs.ErrExist) || !errors.As(err, new(*onefold.PanicError)) {
						t.Errorf("Do panicked with %v, want a PanicError around fs.ErrExist", err)
					}
				}()
				v, err := g.Do(ctx, "k", load)
				t.Errorf("Do returned %d, %v; want a panic", v, err)
			}()
			if r := <-g.DoChan(ctx, "k", load); !errors.Is(r.Err, fs.ErrExist) || r.Outcome != onefold.Failed {
				t.Errorf("DoChan gave %+v, want fs.ErrExist in it", r)
			}
		})
	}
}

// SPEC: G16, G19
func TestStrangePanics(t *testing.T) {
	for name, load := range map[string]loadFunc{
		"nil":     func(context.Context, string) (int, error) { panic(nil) },
		"runtime": func(_ context.Context, key string) (int, error) { return int(key[len(key)]), nil },
		"during a panic": func(context.Context, string) (int, error) {
			defer panic("second")
			panic("first")
		},
		"after a recover": func(context.Context, string) (v int, err error) {
			defer func() {
				_ = recover()
				panic("again")
			}()
			panic("first")
		},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, onefold.Config{}, func(s *story) {
				got := <-s.call(s.ctx, "k", load)
				if !errors.As(got.err, new(*onefold.PanicError)) {
					s.Errorf("the caller got %v, want a PanicError", got)
				}
				s.wants("next caller", s.call(s.ctx, "k", s.load), answer{value: 1, at: time.Second})
			})
		})
	}
}

// A load's panic goes through the loads that wait for it, and whoever is last
// still finds what it was.
//
// SPEC: G16, G18
func TestPanicThroughAnotherLoad(t *testing.T) {
	tell(t, onefold.Config{}, func(s *story) {
		outer := func(ctx context.Context, _ string) (int, error) { return s.ask(ctx, &s.group, "inner", s.printer) }
		var jam *paperJam
		if got := <-s.call(s.ctx, "outer", outer); !errors.As(got.err, &jam) {
			s.Errorf("the caller got %v, want the inner load's paperJam", got)
		}
	})
}

func goexit(context.Context, string) (int, error) {
	time.Sleep(time.Second)
	runtime.Goexit()
	return 1, nil
}

// SPEC: G20, G21, G24
func TestGoexitReleasesEveryCaller(t *testing.T) {
	for name, load := range map[string]loadFunc{
		"plain": goexit,
		"while it panics": func(ctx context.Context, key string) (int, error) {
			defer func() { _, _ = goexit(ctx, key) }()
			panic("first")
		},
		"with a panic on the way out": func(ctx context.Context, key string) (int, error) {
			defer func() { _ = recover() }()
			defer panic("late")
			return goexit(ctx, key)
		},
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, onefold.Config{}, func(s *story) {
				leader := s.call(s.cancelledAt(time.Hour), "k", load) // its context can end: not inline
				joiner := s.call(s.ctx, "k", load)
				s.wants("leader", leader, answer{err: onefold.ErrGoexit, at: time.Second})
				s.wants("joiner", joiner, answer{err: onefold.ErrGoexit, at: time.Second})
				s.wants("next caller", s.call(s.ctx, "k", s.load), answer{value: 1, at: 2 * time.Second})
			})
		})
	}
}

// SPEC: G20, G21, N05
func TestGoexitInline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &story{T: t, ctx: context.Background(), ask: do, start: time.Now()}
		leader := s.call(s.ctx, "k", goexit)
		joiner := s.call(s.ctx, "k", goexit)
		leaver := s.call(s.cancelledAt(500*ms), "k", goexit)
		s.wants("joiner", joiner, answer{err: onefold.ErrGoexit, at: time.Second})
		s.wants("joiner that leaves", leaver, answer{err: context.Canceled, at: 500 * ms})
		if got, ok := <-leader; ok {
			t.Errorf("the leader ran the load and got %v, want its goroutine to end", got)
		}
		s.wants("next caller", s.call(s.ctx, "k", s.load), answer{value: 1, at: 2 * time.Second})
	})
}

// callerOfDo is looked for in the stacks of loads.
//
//go:noinline
func callerOfDo(ctx context.Context, g *onefold.Group[string, bool]) (inline bool, err error) {
	return g.Do(ctx, "k", func(context.Context, string) (bool, error) {
		stack := make([]byte, 1<<16)
		stack = stack[:runtime.Stack(stack, false)]
		return strings.Contains(string(stack), "onefold_test.callerOfDo("), nil
	})
}

// SPEC: N05
func TestLoadRunsInlineOnlyWhereNothingCanEndTheWait(t *testing.T) {
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	bounded := onefold.Config{LoadTimeout: time.Hour}
	for _, tt := range []struct {
		name string
		ctx  context.Context
		cfg  onefold.Config
		want bool
	}{
		{"never ends", context.Background(), onefold.Config{}, true},
		{"never ends, with values", context.WithValue(context.Background(), person("x"), 1), onefold.Config{}, true},
		{"ends no more", context.WithoutCancel(cancellable), onefold.Config{}, true},
		{"can end", cancellable, onefold.Config{}, false},
		{"never ends, but the load does", context.Background(), bounded, false},
		{"can end, and the load does", cancellable, bounded, false},
	} {
		g := onefold.Group[string, bool]{Config: tt.cfg}
		if inline, err := callerOfDo(tt.ctx, &g); inline != tt.want || err != nil {
			t.Errorf("%s: inline is %v, %v; want %v", tt.name, inline, err, tt.want)
		}
	}
}

// A load may have caught another's panic: what it returns is an error, whatever
// is in it.
func TestPanicErrorThatALoadReturns(t *testing.T) {
	var g onefold.Group[string, int]
	caught := fmt.Errorf("the printer: %w", &onefold.PanicError{Value: "out of paper"})
	load := func(context.Context, string) (int, error) { return 0, caught }
	if _, err := g.Do(t.Context(), "k", load); err != caught {
		t.Errorf("Do = %v, want the load's error", err)
	}
	if r := g.DoResult(t.Context(), "k", load, onefold.Call{}); r.Err != caught {
		t.Errorf("DoResult = %+v, want the load's error", r)
	}
}
