package cache

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/onefold-go/onefold/bench/internal/meter"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// distant is a far tier in this process that takes its time to answer, and
// knows how much that was.
type distant struct {
	delay time.Duration // none: it answers at once

	mu    sync.Mutex
	items map[string]tier.Item // guarded by mu
	spent time.Duration        // guarded by mu; in Acquire, since somebody set it to 0
}

func (d *distant) Get(_ context.Context, key string) (tier.Item, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.items[key], nil
}

func (d *distant) Acquire(_ context.Context, key string, _ tier.AcquireOptions) (tier.Grant, error) {
	began := time.Now()
	for d.delay > 0 && time.Since(began) < d.delay { // a timer would be as far off as it is long
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	g := tier.Grant{Item: d.items[key]}
	if g.Item.Data == nil {
		g.Lease.Token = "it"
	}
	d.spent = time.Since(began)
	return g, nil
}

func (d *distant) Fill(_ context.Context, key string, _ tier.Lease, item tier.Item) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.items[key] = item
	return true, nil
}

func (d *distant) Delete(_ context.Context, key string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.items, key)
	return nil
}

func (*distant) Release(context.Context, string, tier.Lease, time.Duration) error { return nil }

// BenchmarkFarHit finds values of 100 bytes in a far tier that takes 40 µs, and
// fills a near tier with them. added-ns is the median of what a call took
// beyond the tier's own time; cpu-ns/op is of a tier that answers at once.
func BenchmarkFarHit(b *testing.B) {
	const count = 10_000
	keys := names(count)
	far := &distant{items: make(map[string]tier.Item)}
	value := make([]byte, 100)
	load := func(context.Context, string) ([]byte, error) { return value, nil }
	open := func(near tier.Near[string, []byte]) *tier.Cache[string, []byte] {
		c, err := tier.New(load, tier.Config{TTL: ttl, StaleFor: ttl}, near, tier.Encoded(far, codec.StringKey[string], codec.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	filler := open(nil)
	for _, key := range keys {
		if _, err := filler.Get(context.Background(), key); err != nil {
			b.Fatal(err)
		}
	}
	_ = filler.Close(context.Background())
	request, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
	}{{"background", context.Background()}, {"request", request}} {
		for _, delay := range []time.Duration{0, 40 * time.Microsecond} {
			b.Run("lib=onefold/ctx="+c.name+"/tier="+strconv.Itoa(int(delay/time.Microsecond))+"us", func(b *testing.B) {
				far.delay = delay
				cache := open(mem.New[string, []byte](mem.Config{MaxEntries: 100}))
				defer cache.Close(context.Background()) //nolint:errcheck // nothing is under way
				added := make([]time.Duration, 0, 1<<16)
				b.ReportAllocs()
				before, hits := meter.CPU(), cache.Stats().Hits
				for i := 0; b.Loop(); i++ {
					began := time.Now()
					far.spent = 0
					if _, err := cache.Get(c.ctx, keys[i%count]); err != nil {
						b.Fatal(err)
					}
					if took := time.Since(began); far.spent > 0 && len(added) < cap(added) {
						added = append(added, took-far.spent)
					}
				}
				b.ReportMetric(float64(meter.CPU()-before)/float64(b.N), "cpu-ns/op")
				b.ReportMetric(float64(meter.Quantile(added, 0.5)), "added-ns")
				b.ReportMetric(100*float64(cache.Stats().Hits-hits)/float64(b.N), "near-%")
			})
		}
	}
}
