package loadctx_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// An endable is a context, ours or the standard library's, to compare the two.
type endable struct {
	ctx context.Context
	// As context.AfterFunc(ctx, f).
	afterFunc func(f func()) (stop func() bool)
	end       func()
}

func endables() map[string]endable {
	std, cancel := context.WithCancel(context.Background())
	ours, wrapped := begin(context.Background()), begin(context.Background())
	return map[string]endable{
		"std":     {std, func(f func()) func() bool { return context.AfterFunc(std, f) }, cancel},
		"ours":    {ours, func(f func()) func() bool { return context.AfterFunc(ours, f) }, ours.Cancel},
		"wrapped": {wrapped, func(f func()) func() bool { return context.AfterFunc(wrapped, f) }, wrapped.Finish},
	}
}

// What AfterFunc and its stop do is what the standard library's do, whatever
// the order of calls.
func TestAfterFuncIsAsTheStandardOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		// Each step adds a func, ends the context, or stops the func of an
		// earlier step, perhaps not for the first time.
		steps := rapid.SliceOfN(rapid.IntRange(-2, 4), 1, 12).Draw(rt, "steps")
		var want []int
		for _, name := range []string{"std", "ours", "wrapped"} {
			e := endables()[name]
			if got := afterFuncStory(t, e, steps); name == "std" {
				want = got
			} else if !equal(got, want) {
				rt.Errorf("%s came to %v, want as the standard library %v", name, got, want)
			}
		}
	})
}

func equal(a, b []int) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// afterFuncStory gives the answer of each stop, and how often each func ran by
// then and in the end.
func afterFuncStory(t *testing.T, e endable, steps []int) (log []int) {
	synctest.Test(t, func(*testing.T) {
		var (
			stops []func() bool
			runs  []*atomic.Int32
		)
		look := func() {
			synctest.Wait()
			for _, n := range runs {
				log = append(log, int(n.Load()))
			}
		}
		for _, step := range steps {
			switch {
			case step == -1:
				e.end()
			case step == -2:
				n := new(atomic.Int32)
				runs, stops = append(runs, n), append(stops, e.afterFunc(func() { n.Add(1) }))
			case step < len(stops):
				stopped := 0
				if stops[step]() {
					stopped = 1
				}
				log = append(log, stopped)
			}
			look()
		}
		e.end()
		look()
	})
	return log
}

// The funcs run on goroutines of their own: they hold up neither the end nor
// each other, and may use the context.
func TestAfterFuncRunsAlone(t *testing.T) {
	for name := range endables() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := endables()[name]
				var ran atomic.Int32
				var stop func() bool
				e.afterFunc(func() { time.Sleep(time.Hour); ran.Add(1) })
				stop = e.afterFunc(func() {
					if stop() {
						t.Error("a func that runs was stopped")
					}
					if e.ctx.Err() == nil {
						t.Error("Err is nil in a func that runs")
					}
					<-e.ctx.Done()
					e.end()
					e.afterFunc(func() { ran.Add(1) })
				})
				start := time.Now()
				e.end()
				synctest.Wait()
				if time.Since(start) != 0 || ran.Load() != 1 {
					t.Errorf("%d funcs have run after %v, want 1 at once", ran.Load(), time.Since(start))
				}
				time.Sleep(2 * time.Hour)
				if ran.Load() != 2 {
					t.Errorf("%d funcs have run, want 2", ran.Load())
				}
			})
		})
	}
}

// Whoever stops a func in time keeps it from running, and nobody else does.
func TestConcurrentAfterFuncs(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		c := begin(context.Background())
		var (
			wg      sync.WaitGroup
			settled atomic.Int32 // funcs that ran, or were stopped
		)
		for range 8 {
			pauses := rnd.IntN(4)
			wg.Go(func() {
				for range pauses {
					runtime.Gosched()
				}
				stop := context.AfterFunc(c, func() { settled.Add(1) })
				for range pauses {
					runtime.Gosched()
				}
				if pauses > 0 && stop() {
					settled.Add(1)
				}
			})
		}
		for range rnd.IntN(8) {
			runtime.Gosched()
		}
		c.Cancel()
		wg.Wait()
		for range 1_000_000 {
			if settled.Load() >= 8 {
				break
			}
			runtime.Gosched()
		}
		for range 10 {
			runtime.Gosched() // time for one too many
		}
		if n := settled.Load(); n != 8 {
			t.Fatalf("of 8 funcs %d ran or were stopped", n)
		}
	}
}
