package tier_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// benchKeys are so few that they all stay near.
const benchKeys = 1024

func newBenchCache(b *testing.B, cfg tier.Config, far ...tier.Far[string, int]) (c *tier.Cache[string, int], keys []string) {
	b.Helper()
	load := func(_ context.Context, key string) (int, error) { return len(key), nil }
	c = newCacheOver(b, load, cfg, mem.New[string, int](mem.Config{}), far...)
	for i := range benchKeys {
		keys = append(keys, "user:"+strconv.Itoa(i))
	}
	for _, key := range keys {
		if _, err := c.Get(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
	return c, keys
}

func BenchmarkHit(b *testing.B) {
	for name, cfg := range map[string]tier.Config{"forever": {}, "TTL": {TTL: time.Hour}} {
		b.Run(name, func(b *testing.B) {
			c, keys := newBenchCache(b, cfg)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, _ = c.Get(b.Context(), keys[i%benchKeys])
			}
		})
	}
}

func BenchmarkHitParallel(b *testing.B) {
	c, keys := newBenchCache(b, tier.Config{TTL: time.Hour})
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			_, _ = c.Get(ctx, keys[i%benchKeys])
		}
	})
}

// A miss is a Delete and a Get with a load that does nothing.
func BenchmarkMiss(b *testing.B) {
	for _, bb := range []struct {
		name string
		ctx  func(*testing.B) context.Context
		cfg  tier.Config
	}{
		{"inline", func(*testing.B) context.Context { return context.Background() }, tier.Config{TTL: time.Hour}},
		{"goroutine", func(b *testing.B) context.Context { return b.Context() }, tier.Config{TTL: time.Hour}},
		{"timeout", func(b *testing.B) context.Context { return b.Context() }, tier.Config{TTL: time.Hour, LoadTimeout: time.Minute}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			c, keys := newBenchCache(b, bb.cfg)
			ctx := bb.ctx(b)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				key := keys[i%benchKeys]
				_ = c.Delete(ctx, key)
				_, _ = c.Get(ctx, key)
			}
		})
	}
}

func BenchmarkSetNear(b *testing.B) {
	c, keys := newBenchCache(b, tier.Config{TTL: time.Hour})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_ = c.Set(b.Context(), keys[i%benchKeys], tier.Loaded[int]{Value: i})
	}
}

// What the envelope, the codec and the look-up of a far tier cost, over a store
// in memory.
func BenchmarkFarHit(b *testing.B) {
	far := encoded(&memStore{})
	_, keys := newBenchCache(b, tier.Config{TTL: time.Hour}, far)
	c := newCacheOver(b, (&source{}).load, tier.Config{TTL: time.Hour}, nil, far)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, _ = c.Get(context.Background(), keys[i%benchKeys])
	}
}
