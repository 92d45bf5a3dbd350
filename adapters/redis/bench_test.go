package redis_test

import (
	"slices"
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

// BenchmarkWakeUp is the time from when a fill has been asked for until another
// process that waits for it has been woken.
func BenchmarkWakeUp(b *testing.B) {
	s := startRedis(b)
	p, q := open(b, url(s.Addr), redis.Options{}), open(b, url(s.Addr), redis.Options{})
	live(b, p, q)
	o := tier.AcquireOptions{LeaseTTL: time.Minute}
	it := tier.Item{Data: make([]byte, 100), TTL: time.Hour}
	var took []time.Duration
	for b.Loop() {
		if err := p.Delete(b.Context(), "k"); err != nil {
			b.Fatal(err)
		}
		g, err := p.Acquire(b.Context(), "k", o)
		if err != nil {
			b.Fatal(err)
		}
		w, err := q.Acquire(b.Context(), "k", o)
		if err != nil || w.Changed == nil {
			b.Fatal(w, err)
		}
		began := time.Now()
		if _, err := p.Fill(b.Context(), "k", g.Lease, it); err != nil {
			b.Fatal(err)
		}
		<-w.Changed
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
