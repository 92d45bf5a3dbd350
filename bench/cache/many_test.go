package cache

import (
	"context"
	"sync"
	"testing"

	"github.com/onefold-go/onefold/bench/internal/meter"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// BenchmarkMany asks for 100 keys, of which 90 are at hand and 10 nobody has
// asked for before, in one call and in a loop of 100. A request's context can
// end, so that the loop has a goroutine for each load; with the other it has
// none. loads/op is how often the source was called.
func BenchmarkMany(b *testing.B) {
	const count, hits = 100, 90
	request, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
	}{{"request", request}, {"background", context.Background()}} {
		for _, way := range []string{"loop", "onefold"} {
			b.Run("lib="+way+"/ctx="+c.name, func(b *testing.B) {
				var mu sync.Mutex
				loads := 0
				called := func() {
					mu.Lock()
					loads++
					mu.Unlock()
				}
				cache, err := tier.NewSource(tier.Source[int64, int64]{
					Load: func(_ context.Context, key int64) (int64, error) {
						called()
						return key, nil
					},
					LoadMany: func(_ context.Context, keys []int64) (map[int64]int64, error) {
						called()
						values := make(map[int64]int64, len(keys))
						for _, key := range keys {
							values[key] = key
						}
						return values, nil
					},
				}, tier.Config{TTL: ttl, StaleFor: ttl}, mem.New[int64, int64](mem.Config{MaxEntries: 10_000}))
				if err != nil {
					b.Fatal(err)
				}
				defer cache.Close(context.Background()) //nolint:errcheck // nothing is under way
				keys := make([]int64, count)
				for i := range keys {
					keys[i] = int64(i)
				}
				for range 20 { // so that they are kept for good
					cache.GetMany(c.ctx, keys[:hits])
				}
				loads = 0
				next := int64(count)
				b.ReportAllocs()
				before := meter.CPU()
				for b.Loop() {
					for i := hits; i < count; i++ {
						keys[i], next = next, next+1
					}
					if way == "onefold" {
						for i, r := range cache.GetMany(c.ctx, keys) {
							if r.Err != nil || r.Value != keys[i] {
								b.Fatalf("key %d is %d, %v", keys[i], r.Value, r.Err)
							}
						}
						continue
					}
					for _, key := range keys {
						if v, err := cache.Get(c.ctx, key); err != nil || v != key {
							b.Fatalf("key %d is %d, %v", key, v, err)
						}
					}
				}
				b.ReportMetric(float64(meter.CPU()-before)/float64(b.N), "cpu-ns/op")
				b.ReportMetric(float64(loads)/float64(b.N), "loads/op")
			})
		}
	}
}
