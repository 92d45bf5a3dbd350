package cache

import (
	"context"
	"runtime"
	"strconv"
	"testing"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/maypok86/otter/v2"
	gocache "github.com/patrickmn/go-cache"
	"github.com/viccon/sturdyc"

	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

const entries = 200_000

// BenchmarkMemory reports what an entry with an int64 key and a value of 100
// bytes takes of the heap: what is live after a collection, less what was live
// before the cache was made, divided by the entries. Libraries that take
// strings only get the key written out.
func BenchmarkMemory(b *testing.B) {
	ctx := context.Background()
	value := func() []byte { return make([]byte, 100) }
	for _, lib := range []struct {
		name string
		fill func(b *testing.B) any
	}{
		{"otter", func(*testing.B) any {
			c := otter.Must(&otter.Options[int64, []byte]{MaximumSize: 2 * entries, ExpiryCalculator: otter.ExpiryWriting[int64, []byte](ttl)})
			for i := range int64(entries) {
				c.Set(i, value())
			}
			return c
		}},
		{"onefold", func(b *testing.B) any {
			load := func(context.Context, int64) ([]byte, error) { return value(), nil }
			c, err := tier.New(load, tier.Config{TTL: ttl, StaleFor: ttl}, mem.New[int64, []byte](mem.Config{MaxEntries: 2 * entries}))
			if err != nil {
				b.Fatal(err)
			}
			for i := range int64(entries) {
				if _, err := c.Get(ctx, i); err != nil {
					b.Fatal(err)
				}
			}
			return c
		}},
		{"sturdyc", func(*testing.B) any {
			c := sturdyc.New[[]byte](2*entries, 64, ttl, 10, sturdyc.WithNoContinuousEvictions())
			for i := range entries {
				c.Set(strconv.Itoa(i), value())
			}
			return c
		}},
		{"lru", func(*testing.B) any {
			c := expirable.NewLRU[int64, []byte](2*entries, nil, 0)
			for i := range int64(entries) {
				c.Add(i, value())
			}
			return c
		}},
		{"go-cache", func(*testing.B) any {
			c := gocache.New(ttl, gocache.NoExpiration)
			for i := range entries {
				c.SetDefault(strconv.Itoa(i), value())
			}
			return c
		}},
		{"map", func(*testing.B) any {
			c := make(map[int64][]byte)
			for i := range int64(entries) {
				c[i] = value()
			}
			return c
		}},
	} {
		b.Run("lib="+lib.name, func(b *testing.B) {
			var most uint64
			for b.Loop() {
				before := live()
				cache := lib.fill(b)
				most = max(most, live()-before)
				runtime.KeepAlive(cache)
			}
			b.ReportMetric(float64(most)/entries, "B/entry")
			b.ReportMetric(0, "ns/op") // of filling and collecting; not what this is about
		})
	}
}

// live is how much of the heap is in use. Two collections also end what
// finalizers and weak pointers kept.
func live() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
