package record_test

import (
	"context"
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/record"
	"github.com/onefold-go/onefold/tier"
)

// What a hit in memory costs without a recorder, with one that passes the key
// over, and with one that records it.
func BenchmarkHit(b *testing.B) {
	skips := record.Config{HeadKeys: 1, TailShare: 1e-9}
	for _, c := range []struct {
		name string
		with *record.Config // nil: no recorder
	}{{"off", nil}, {"skipped", &skips}, {"recorded", new(record.Config)}} {
		b.Run(c.name, func(b *testing.B) {
			config := tier.Config{Name: "bench", TTL: time.Hour}
			if c.with != nil {
				r, err := record.New(io.Discard, *c.with)
				if err != nil {
					b.Fatal(err)
				}
				config.Hooks = r.Hooks(onefold.Hooks{})
				b.Cleanup(func() {
					if err := r.Close(); err != nil {
						b.Error(err)
					}
				})
			}
			load := func(_ context.Context, key string) (string, error) { return key, nil }
			cache, err := tier.New(load, config, mem.New[string, string](mem.Config{MaxEntries: 1000}))
			if err != nil {
				b.Fatal(err)
			}
			keys := make([]string, 64)
			for i := range keys {
				keys[i] = "user:" + strconv.Itoa(i)
				if _, err := cache.Get(b.Context(), keys[i]); err != nil {
					b.Fatal(err)
				}
			}
			ctx, i := b.Context(), 0
			b.ReportAllocs()
			for b.Loop() {
				if _, err := cache.Get(ctx, keys[i&63]); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
}

// What a recorded event costs its caller. Parallel, as calls are.
func BenchmarkCall(b *testing.B) {
	for name, cfg := range map[string]record.Config{"recorded": {}, "skipped": {HeadKeys: 1, TailShare: 1e-9}} {
		b.Run(name, func(b *testing.B) {
			r, err := record.New(io.Discard, cfg)
			if err != nil {
				b.Fatal(err)
			}
			h := r.Hooks(onefold.Hooks{})
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var key uint64
				for pb.Next() {
					key += 0x9e3779b97f4a7c15
					h.Call(event(key))
				}
			})
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
			s := r.Stats()
			b.ReportMetric(float64(s.Dropped)/float64(b.N), "dropped/op")
		})
	}
}
