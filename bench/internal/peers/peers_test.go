package peers_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/bench/internal/peers"
)

// What a joiner gets of a load that exits. An hour of the bubble's clock is for
// ever; whoever waits then leaves with its context.
func TestGoexit(t *testing.T) {
	for _, lib := range peers.All {
		t.Run(lib.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call := lib.New(func() (int, error) {
					time.Sleep(time.Second)
					runtime.Goexit()
					return 1, nil
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				var got [2]peers.Goexit // of the leader and of a joiner
				var wg sync.WaitGroup
				for i := range got {
					wg.Go(func() {
						got[i] = peers.Exits
						_, err := call(ctx, "k")
						switch {
						case err == nil:
							got[i] = peers.Zero
						case ctx.Err() != nil:
							got[i] = peers.Hangs
						default:
							got[i] = peers.Error
						}
					})
					synctest.Wait()
				}
				wg.Wait()
				if got[1] != lib.Goexit {
					t.Errorf("a joiner of a load that exits gets %s; the table has %s", got[1], lib.Goexit)
				}
				t.Logf("leader: %s; joiner: %s", got[0], got[1])
			})
		})
	}
}

// Whether a caller can get a result that another has got before this one came.
// Many wait for a load, and each comes again as soon as it has its answer, while
// others have yet to wake. Where that never happens, it is looked for many times.
func TestLateCallers(t *testing.T) {
	const callers, rounds = 64, 300
	for _, lib := range peers.All {
		t.Run(lib.Name, func(t *testing.T) {
			late := false
			for range rounds {
				var loads, taken atomic.Int64
				var wg sync.WaitGroup
				release := make(chan struct{})
				call := lib.New(func() (int, error) {
					n := loads.Add(1)
					if n == 1 {
						<-release
					}
					return int(n), nil
				})
				var found atomic.Bool
				for range callers {
					wg.Go(func() {
						v, _ := call(t.Context(), "k")
						raise(&taken, int64(v))
						before := taken.Load()
						if v, _ := call(t.Context(), "k"); int64(v) <= before {
							found.Store(true)
						}
					})
				}
				for loads.Load() == 0 {
					runtime.Gosched()
				}
				for range callers {
					runtime.Gosched() // most of them wait then, which is enough
				}
				close(release)
				wg.Wait()
				if found.Load() {
					late = true
					break
				}
			}
			if late != lib.Late {
				t.Errorf("a later caller got a finished result: %t; the table has %t", late, lib.Late)
			}
		})
	}
}

// raise makes n at least v.
func raise(n *atomic.Int64, v int64) {
	for old := n.Load(); old < v && !n.CompareAndSwap(old, v); old = n.Load() {
	}
}
