package onefold_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/onefold-go/onefold"
)

// When a caller has its answer, its key is forgotten already; when its load has
// returned as well, nothing is left.
//
// SPEC: G35
func TestNoTraceOfAnIdleKey(t *testing.T) {
	for name, load := range map[string]loadFunc{
		"value":  func(context.Context, string) (int, error) { return 1, nil },
		"error":  func(context.Context, string) (int, error) { return 0, errors.New("out of paper") },
		"panic":  func(context.Context, string) (int, error) { panic("boom") },
		"goexit": func(context.Context, string) (int, error) { runtime.Goexit(); return 0, nil },
		"slow":   func(context.Context, string) (int, error) { time.Sleep(3 * time.Second); return 1, nil },
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, twoSeconds, func(s *story) {
				stays := s.call(s.ctx, "k", load)
				leaves := s.call(s.cancelledAt(time.Second), "other", load)
				<-stays
				<-leaves
				if flights, _ := s.group.Traces(); flights != 0 {
					s.Errorf("%d flights can be joined, want none", flights)
				}
				s.until(time.Hour)
				if flights, loads := s.group.Traces(); flights != 0 || loads != 0 {
					s.Errorf("%d flights and %d loads are left, want none", flights, loads)
				}
			})
		})
	}
}

// SPEC: M01
func TestMemoryDoesNotGrowWithKeysSeen(t *testing.T) {
	const keys = 8_000
	plain := func(*onefold.Group[int, int], int) {}
	quick := func(_ context.Context, key int) (int, error) { return key, nil }
	for name, tt := range map[string]struct {
		ctx    context.Context
		during func(g *onefold.Group[int, int], key int) // a load
		cfg    onefold.Config
	}{
		"inline":        {ctx: context.Background(), during: plain},
		"own goroutine": {ctx: t.Context(), during: plain},
		"forgotten":     {ctx: context.Background(), during: (*onefold.Group[int, int]).Forget},
		"refused": {ctx: context.Background(), during: func(g *onefold.Group[int, int], key int) {
			g.DoResult(context.Background(), key, quick, onefold.Call{NotBefore: time.Now()})
		}},
		"asked by a load": {ctx: context.Background(), during: func(g *onefold.Group[int, int], key int) {
			_, _ = g.Do(context.Background(), -key-1, quick)
		}},
		"limited": {ctx: t.Context(), during: plain, cfg: onefold.Config{
			LoadTimeout: time.Hour, MaxLoads: 1, QueueWait: time.Hour, JoinWithin: time.Hour,
			RetryFailed: func(error) bool { return true },
		}},
	} {
		t.Run(name, func(t *testing.T) {
			g := onefold.Group[int, int]{Config: tt.cfg}
			load := func(_ context.Context, key int) (int, error) {
				tt.during(&g, key)
				return key, nil
			}
			round := func(first int) {
				for key := first; key < first+keys; key++ {
					if v, err := g.Do(tt.ctx, key, load); v != key || err != nil {
						t.Fatalf("Do(%d) = %d, %v", key, v, err)
					}
				}
			}
			round(0)
			before := heap()
			round(keys)
			if after := heap(); after > before+8*keys { // a pointer for each would be too much
				t.Errorf("%d more keys took %d bytes for good", keys, after-before)
			}
			runtime.KeepAlive(&g)
		})
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first one finalized
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A load that is over must not wait in memory for its timeout.
//
// SPEC: M01
func TestTimerEndsWithItsLoad(t *testing.T) {
	type name struct{}
	leave, cancel := context.WithCancel(t.Context())
	for what, tt := range map[string]struct {
		ctx  context.Context
		load func(context.Context, string) (int, error)
	}{
		"value":     {t.Context(), func(context.Context, string) (int, error) { return 1, nil }},
		"error":     {t.Context(), func(context.Context, string) (int, error) { return 0, errors.New("out of paper") }},
		"abandoned": {leave, func(ctx context.Context, _ string) (int, error) { cancel(); <-ctx.Done(); return 0, ctx.Err() }},
	} {
		g := onefold.Group[string, int]{Config: onefold.Config{LoadTimeout: time.Hour}}
		// The load's timer would lead to its context, and that to its leader's values.
		value := new([64]byte)
		kept := weak.Make(value)
		_, err := g.Do(context.WithValue(tt.ctx, name{}, value), "k", tt.load)
		if value = nil; !gone(kept) {
			t.Errorf("%s: a load that gave %v is still in memory", what, err)
		}
		runtime.KeepAlive(&g)
	}
}

// gone reports whether the garbage collector takes what p points to. Other
// goroutines may be on their way out still, so it gives it some rounds.
func gone[T any](p weak.Pointer[T]) bool {
	for range 100 {
		runtime.GC()
		if p.Value() == nil {
			return true
		}
		runtime.Gosched()
	}
	return false
}

// The values that a Result brings are the caller's, and the group's no more.
//
// SPEC: M01
func TestGroupKeepsNoValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g onefold.Group[string, *[64]byte]
		var kept context.Context
		load := func(ctx context.Context, _ string) (*[64]byte, error) {
			kept = ctx
			time.Sleep(time.Second)
			return new([64]byte), nil
		}
		var values []weak.Pointer[[64]byte]
		for _, r := range []<-chan onefold.Result[*[64]byte]{
			g.DoChan(t.Context(), "k", load), g.DoChan(t.Context(), "k", load), g.DoChan(context.Background(), "k", load),
		} {
			values = append(values, weak.Make((<-r).Value))
		}
		if !gone(values[0]) {
			t.Error("the value of a finished load is still in memory, as is the load's context")
		}
		runtime.KeepAlive(kept)
		runtime.KeepAlive(&g)
	})
}
