package keymutex_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/onefold-go/onefold/keymutex"
)

// Callers that lock, try and leave. Each key guards a plain variable, which the
// race detector watches, and no key is ever lost.
func TestConcurrentUse(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const callers, keys, rounds = 16, 5, 3000
	var (
		m      keymutex.Mutex[int]
		inside [keys]int // guarded by m
		total  [keys]int // guarded by m
		wants  [callers][keys]int
		wg     sync.WaitGroup
	)
	for i := range callers {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() {
			for range rounds {
				key := r.IntN(keys)
				ctx, cancel := context.WithCancel(t.Context())
				leaves := r.IntN(3) == 0
				if leaves {
					go func() {
						runtime.Gosched()
						cancel()
					}()
				}
				locked := false
				if r.IntN(5) == 0 {
					locked = m.TryLock(key)
				} else {
					switch err := m.Lock(ctx, key); {
					case err == nil:
						locked = true
					case !leaves || err != context.Canceled:
						t.Errorf("Lock = %v; the call could end: %t", err, leaves)
					}
				}
				if locked {
					inside[key]++
					if inside[key] != 1 {
						t.Errorf("%d hold key %d", inside[key], key)
					}
					if r.IntN(4) == 0 {
						runtime.Gosched()
					}
					total[key]++
					wants[i][key]++
					inside[key]--
					m.Unlock(key)
				}
				cancel()
			}
		})
	}
	wg.Wait() // or a wakeup was lost
	for key := range keys {
		want := 0
		for i := range callers {
			want += wants[i][key]
		}
		if total[key] != want {
			t.Errorf("key %d was held %d times, want %d", key, total[key], want)
		}
	}
	wantsTraces(t, &m, 0, 0)
}
