package detached_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/onefold-go/onefold/internal/detached"
)

type big [1 << 12]byte

// A load's context may be kept by anybody for as long as they like. It must not
// keep what the load came to, nor the load itself: CORE, hazard 4.
func TestKeptContextKeepsNoValue(t *testing.T) {
	type (
		key   = string
		table = detached.Table[key, *big]
		load  = func(context.Context, key) (*big, error)
	)
	// Each way runs one load to its end, with the callers of its own.
	for name, way := range map[string]struct {
		policy detached.Policy[key, *big]
		run    func(tab *table, load load)
	}{
		"inline": {run: func(tab *table, load load) { tab.Do(context.Background(), "k", load) }},
		"alone":  {run: func(tab *table, load load) { tab.Do(t.Context(), "k", load) }},
		"shared": {run: func(tab *table, load load) {
			gate := make(chan struct{})
			gated := func(ctx context.Context, k key) (*big, error) { <-gate; return load(ctx, k) }
			calls := []detached.Call[key, *big]{tab.Start(t.Context(), "k", gated), tab.Start(t.Context(), "k", gated), tab.Start(context.Background(), "k", gated)}
			close(gate)
			for _, call := range calls {
				call.Wait(t.Context())
			}
		}},
		"many": {run: func(tab *table, load load) {
			tab.DoMany(t.Context(), []key{"k", "l"}, &detached.Many[key, *big]{Load: func(ctx context.Context, keys []key, settle func(int, *big, error)) func(int) (*big, error) {
				v, err := load(ctx, keys[0])
				settle(0, v, err)
				return func(int) (*big, error) { return v, err }
			}}, detached.Wish{})
		}},
		"many timed out": {detached.Policy[key, *big]{Timeout: time.Nanosecond}, func(tab *table, load load) {
			tab.DoMany(t.Context(), []key{"k", "l"}, &detached.Many[key, *big]{Load: func(ctx context.Context, keys []key, _ func(int, *big, error)) func(int) (*big, error) {
				<-ctx.Done()
				v, err := load(ctx, keys[0])
				return func(int) (*big, error) { return v, err }
			}}, detached.Wish{})
		}},
		"abandoned": {detached.Policy[key, *big]{CancelAbandoned: true}, func(tab *table, load load) { leaveIt(t, tab, load) }},
		"finished":  {run: func(tab *table, load load) { leaveIt(t, tab, load) }},
		"timed out": {detached.Policy[key, *big]{Timeout: time.Nanosecond}, func(tab *table, load load) {
			tab.Do(t.Context(), "k", func(ctx context.Context, k key) (*big, error) { <-ctx.Done(); return load(ctx, k) })
		}},
	} {
		for what, comes := range map[string]func(v *big) (*big, error){
			"value":   func(v *big) (*big, error) { return v, nil },
			"failure": func(v *big) (*big, error) { return v, bigError{errors.ErrUnsupported, v} },
			"panic":   func(v *big) (*big, error) { panic(v) },
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				var (
					tab  table
					kept = make(chan context.Context, 1)
					seen [2]weak.Pointer[big]
				)
				tab.Init(way.policy)
				func() {
					captured := new(big)
					seen[0] = weak.Make(captured)
					way.run(&tab, func(ctx context.Context, _ key) (*big, error) {
						v := new(big)
						v[0] = captured[0]
						seen[1] = weak.Make(v)
						kept <- ctx
						return comes(v)
					})
				}()
				ctx := <-kept
				for tab.Sum().Running > 0 {
					runtime.Gosched()
				}
				for i, what := range []string{"what the load captured", "what the load came to"} {
					if !gone(seen[i]) {
						t.Errorf("the load's context keeps %s", what)
					}
				}
				runtime.KeepAlive(ctx)
				runtime.KeepAlive(&tab)
			})
		}
	}
}

type bigError struct {
	error
	v *big
}

func leaveIt(t *testing.T, tab *detached.Table[string, *big], load func(context.Context, string) (*big, error)) {
	leaver, leave := context.WithCancel(t.Context())
	gate := make(chan struct{})
	call := tab.Start(leaver, "k", func(ctx context.Context, k string) (*big, error) { <-gate; return load(ctx, k) })
	leave()
	call.Wait(leaver)
	close(gate)
}

// gone reports whether the garbage collector takes what p points to. Other
// goroutines may be on their way out still, so it gives it some rounds.
func gone(p weak.Pointer[big]) bool {
	for range 100 {
		runtime.GC()
		if p.Value() == nil {
			return true
		}
		runtime.Gosched()
	}
	return false
}
