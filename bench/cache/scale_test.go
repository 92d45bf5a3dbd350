package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/maypok86/otter/v2"

	"github.com/onefold-go/onefold/bench/internal/meter"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// BenchmarkScale is what a hit costs in caches of more and more entries, with
// int64 keys asked for at random.
func BenchmarkScale(b *testing.B) {
	for n := 1000; n <= 10_000_000; n *= 10 {
		for _, lib := range []string{"otter", "onefold"} {
			b.Run(fmt.Sprintf("lib=%s/entries=%d", lib, n), func(b *testing.B) { scale(b, lib, n, 1) })
		}
	}
}

// BenchmarkProcs is what a hit costs where one goroutine a processor looks for
// a hundred thousand keys, on as many processors as GOMAXPROCS says, whether
// the machine has them or not.
func BenchmarkProcs(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 4, 8} {
		for _, lib := range []string{"otter", "onefold"} {
			b.Run(fmt.Sprintf("lib=%s/procs=%d", lib, procs), func(b *testing.B) {
				runtime.GOMAXPROCS(procs)
				scale(b, lib, 100_000, procs)
			})
		}
	}
}

// filled keeps the last cache: a benchmark is run more than once, to find how
// often, and ten million entries take their time.
var filled struct {
	name  string
	get   func(int64) error
	close func()
}

func fill(b *testing.B, lib string, n int) func(int64) error {
	b.Helper()
	name := fmt.Sprint(lib, n, runtime.GOMAXPROCS(0))
	if filled.name == name {
		return filled.get
	}
	if filled.close != nil {
		filled.close()
	}
	filled.name, filled.get, filled.close = name, nil, nil
	ctx := context.Background()
	load := func(_ context.Context, key int64) (int64, error) { return key, nil }
	capacity := n + n/4 + 1000
	if lib == "otter" {
		c := otter.Must(&otter.Options[int64, int64]{
			MaximumSize: capacity, InitialCapacity: capacity, ExpiryCalculator: otter.ExpiryWriting[int64, int64](ttl),
		})
		loader := otter.LoaderFunc[int64, int64](load)
		filled.get = func(key int64) error {
			_, err := c.Get(ctx, key, loader)
			return err
		}
		filled.close = func() { c.StopAllGoroutines() }
	} else {
		c, err := tier.New(load, tier.Config{TTL: ttl, StaleFor: ttl}, mem.New[int64, int64](mem.Config{MaxEntries: capacity}))
		if err != nil {
			b.Fatal(err)
		}
		filled.get = func(key int64) error {
			_, err := c.Get(ctx, key)
			return err
		}
		filled.close = func() { _ = c.Close(ctx) }
	}
	for key := range int64(n) {
		if err := filled.get(key); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	return filled.get
}

func scale(b *testing.B, lib string, n, goroutines int) {
	get := fill(b, lib, n)
	var wg sync.WaitGroup
	before := meter.CPU()
	b.ResetTimer()
	for g := range goroutines {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(g))) //nolint:gosec // no secret, not negative
			for range (b.N + g) / goroutines {
				if err := get(random.Int64N(int64(n))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(meter.CPU()-before)/float64(b.N), "cpu-ns/op")
}
