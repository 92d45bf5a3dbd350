package cache

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/maypok86/otter/v2"
	gocache "github.com/patrickmn/go-cache"
	"github.com/viccon/sturdyc"
	"golang.org/x/sync/singleflight"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/bench/internal/meter"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

const ttl = time.Hour

// A getFunc asks a cache for a key; a miss loads it.
type getFunc[V any] func(ctx context.Context, key string) (V, error)

// A library makes a cache of about so many entries over load. What does not
// bound its entries does not ask how many.
type library[V any] struct {
	name    string
	bounded bool
	open    func(b *testing.B, load getFunc[V], capacity int) getFunc[V]
}

// libraries stand in the order of the tables. otter's loading Get is what the
// targets are measured against.
func libraries[V any]() []library[V] {
	return []library[V]{
		{"otter", true, openOtter[V]},
		{"onefold", true, openOnefold[V](false)},
		{"onefold-result", true, openOnefold[V](true)},
		{"sturdyc", true, openSturdyc[V]},
		{"lru+xsync", true, openLRU[V]},
		{"go-cache+xsync", false, openGoCache[V]},
		{"map+rwmutex", false, openMap[V]},
	}
}

func openOtter[V any](b *testing.B, load getFunc[V], capacity int) getFunc[V] {
	cache := otter.Must(&otter.Options[string, V]{MaximumSize: capacity, ExpiryCalculator: otter.ExpiryWriting[string, V](ttl)})
	b.Cleanup(func() { cache.StopAllGoroutines() })
	loader := otter.LoaderFunc[string, V](load)
	return func(ctx context.Context, key string) (V, error) { return cache.Get(ctx, key, loader) }
}

func openOnefold[V any](result bool) func(*testing.B, getFunc[V], int) getFunc[V] {
	return func(b *testing.B, load getFunc[V], capacity int) getFunc[V] {
		cache, err := tier.New(load, tier.Config{TTL: ttl, StaleFor: ttl}, mem.New[string, V](mem.Config{MaxEntries: capacity}))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = cache.Close(context.Background()) })
		if !result {
			return cache.Get
		}
		return func(ctx context.Context, key string) (V, error) {
			r := cache.GetResult(ctx, key, tier.Read{})
			if r.Err == nil && r.Outcome == onefold.Failed {
				b.Error("a value with the outcome of an error")
			}
			return r.Value, r.Err
		}
	}
}

func openSturdyc[V any](_ *testing.B, load getFunc[V], capacity int) getFunc[V] {
	cache := sturdyc.New[V](capacity, 64, ttl, 10, sturdyc.WithNoContinuousEvictions())
	return func(ctx context.Context, key string) (V, error) {
		return cache.GetOrFetch(ctx, key, func(ctx context.Context) (V, error) { return load(ctx, key) })
	}
}

// flights loads a missing key by x/sync, and has it kept.
func flights[V any](load getFunc[V], get func(string) (V, bool), set func(string, V)) getFunc[V] {
	var group singleflight.Group
	return func(ctx context.Context, key string) (V, error) {
		if v, ok := get(key); ok {
			return v, nil
		}
		v, err, _ := group.Do(key, func() (any, error) {
			v, err := load(ctx, key)
			if err == nil {
				set(key, v)
			}
			return v, err
		})
		return v.(V), err
	}
}

func openLRU[V any](_ *testing.B, load getFunc[V], capacity int) getFunc[V] {
	// Without a TTL: with one it starts a goroutine that nothing ends.
	cache := expirable.NewLRU[string, V](capacity, nil, 0)
	return flights(load, cache.Get, func(key string, v V) { cache.Add(key, v) })
}

func openGoCache[V any](_ *testing.B, load getFunc[V], _ int) getFunc[V] {
	cache := gocache.New(ttl, gocache.NoExpiration)
	return flights(load, func(key string) (v V, ok bool) {
		x, ok := cache.Get(key)
		if ok {
			v = x.(V)
		}
		return v, ok
	}, func(key string, v V) { cache.SetDefault(key, v) })
}

// openMap is no cache: what a look into a shared map costs.
func openMap[V any](_ *testing.B, load getFunc[V], _ int) getFunc[V] {
	var mu sync.RWMutex
	kept := make(map[string]V)
	return func(ctx context.Context, key string) (V, error) {
		mu.RLock()
		v, ok := kept[key]
		mu.RUnlock()
		if ok {
			return v, nil
		}
		v, err := load(ctx, key)
		mu.Lock()
		kept[key] = v
		mu.Unlock()
		return v, err
	}
}

func names(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "user:" + strconv.Itoa(i)
	}
	return keys
}

// calls makes b.N calls, shared out among goroutines that each begin elsewhere
// in order, and reports the processor time of one. order has a power of two.
func calls[V any](b *testing.B, goroutines int, get getFunc[V], keys []string, order []uint32) {
	b.Helper()
	b.ReportAllocs()
	ctx := context.Background()
	var wg sync.WaitGroup
	before := meter.CPU()
	b.ResetTimer()
	for g := range goroutines {
		n := b.N / goroutines
		if g == 0 {
			n += b.N % goroutines
		}
		wg.Go(func() {
			at := g * len(order) / goroutines
			for i := range n {
				if _, err := get(ctx, keys[order[(at+i)&(len(order)-1)]]); err != nil {
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
