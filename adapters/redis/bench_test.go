package redis_test

import (
	"testing"
	"time"

	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/tier"
)

func BenchmarkAcquireHit(b *testing.B) {
	s := startRedis(b)
	p := open(b, url(s.Addr), redis.Options{})
	if err := p.Set(b.Context(), "k", tier.Item{Data: make([]byte, 100), TTL: time.Hour}); err != nil {
		b.Fatal(err)
	}
	o := tier.AcquireOptions{LeaseTTL: time.Second}
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.Acquire(b.Context(), "k", o); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("64", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := p.Acquire(b.Context(), "k", o); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

func BenchmarkMiss(b *testing.B) {
	s := startRedis(b)
	p := open(b, url(s.Addr), redis.Options{})
	o := tier.AcquireOptions{LeaseTTL: time.Second}
	it := tier.Item{Data: make([]byte, 100), TTL: time.Hour}
	for b.Loop() {
		if err := p.Delete(b.Context(), "k"); err != nil {
			b.Fatal(err)
		}
		g, err := p.Acquire(b.Context(), "k", o)
		if err != nil {
			b.Fatal(err)
		}
		if stored, err := p.Fill(b.Context(), "k", g.Lease, it); !stored || err != nil {
			b.Fatal(stored, err)
		}
	}
}
