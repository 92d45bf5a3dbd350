package main

import (
	"context"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	gocache "github.com/patrickmn/go-cache"
	"github.com/viccon/sturdyc"
	"golang.org/x/sync/singleflight"

	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

const capacity = 10_000 // entries; more than there are keys

// A getFunc asks for a key.
type getFunc func(ctx context.Context, key string) (int64, error)

// A contender is one cache, used as its documents have it.
type contender struct {
	name string
	open func(load getFunc, ttl time.Duration) (get getFunc, closing func())
}

// contenders stand in the order of the table: those that make callers wait for
// an expired key, then those that serve its old value.
var contenders = []contender{
	{"no coalescing", openPlain},
	{"go-cache + x/sync", openGoCache},
	{"otter", func(load getFunc, ttl time.Duration) (getFunc, func()) { return openOtter(load, ttl, nil) }},
	{"sturdyc", func(load getFunc, ttl time.Duration) (getFunc, func()) { return openSturdyc(load, ttl) }},
	{"Onefold", func(load getFunc, ttl time.Duration) (getFunc, func()) {
		return openOnefold(load, tier.Config{TTL: ttl})
	}},
	{"otter, refresh", func(load getFunc, ttl time.Duration) (getFunc, func()) {
		return openOtter(load, ttl, otter.RefreshWriting[string, int64](ttl/2))
	}},
	{"sturdyc, refresh", func(load getFunc, ttl time.Duration) (getFunc, func()) {
		return openSturdyc(load, ttl, sturdyc.WithEarlyRefreshes(ttl/2, ttl*3/4, ttl, 10*time.Millisecond))
	}},
	{"Onefold, stale window", func(load getFunc, ttl time.Duration) (getFunc, func()) {
		return openOnefold(load, tier.Config{TTL: ttl / 2, StaleFor: ttl / 2})
	}},
	{"Onefold, early refresh", func(load getFunc, ttl time.Duration) (getFunc, func()) {
		return openOnefold(load, tier.Config{TTL: ttl, EarlyRefresh: 1})
	}},
}

func openPlain(load getFunc, ttl time.Duration) (getFunc, func()) {
	type held struct {
		value int64
		until time.Time
	}
	var (
		mu   sync.RWMutex
		kept = make(map[string]held)
	)
	return func(ctx context.Context, key string) (int64, error) {
		mu.RLock()
		h, ok := kept[key]
		mu.RUnlock()
		if ok && time.Now().Before(h.until) {
			return h.value, nil
		}
		v, err := load(ctx, key)
		if err == nil {
			mu.Lock()
			kept[key] = held{v, time.Now().Add(ttl)}
			mu.Unlock()
		}
		return v, err
	}, func() {}
}

func openGoCache(load getFunc, ttl time.Duration) (getFunc, func()) {
	var group singleflight.Group
	cache := gocache.New(ttl, gocache.NoExpiration) // no janitor: nothing ends it
	return func(ctx context.Context, key string) (int64, error) {
		if v, ok := cache.Get(key); ok {
			return v.(int64), nil
		}
		v, err, _ := group.Do(key, func() (any, error) {
			//onefold:ok ctxcapture this is what is measured: the usual way to use it
			v, err := load(ctx, key)
			if err == nil {
				cache.SetDefault(key, v)
			}
			return v, err
		})
		return v.(int64), err
	}, func() {}
}

func openOtter(load getFunc, ttl time.Duration, refresh otter.RefreshCalculator[string, int64]) (getFunc, func()) {
	cache := otter.Must(&otter.Options[string, int64]{
		MaximumSize:       capacity,
		ExpiryCalculator:  otter.ExpiryWriting[string, int64](ttl),
		RefreshCalculator: refresh,
	})
	loader := otter.LoaderFunc[string, int64](load)
	return func(ctx context.Context, key string) (int64, error) { return cache.Get(ctx, key, loader) },
		func() { cache.StopAllGoroutines() }
}

func openSturdyc(load getFunc, ttl time.Duration, options ...sturdyc.Option) (getFunc, func()) {
	// Without the eviction job, which nothing can end.
	cache := sturdyc.New[int64](capacity, 10, ttl, 10, append(options, sturdyc.WithNoContinuousEvictions())...)
	return func(ctx context.Context, key string) (int64, error) {
		return cache.GetOrFetch(ctx, key, func(ctx context.Context) (int64, error) { return load(ctx, key) })
	}, func() {}
}

func openOnefold(load getFunc, cfg tier.Config) (getFunc, func()) {
	cache, err := tier.New(load, cfg, mem.New[string, int64](mem.Config{MaxEntries: capacity}))
	if err != nil {
		panic(err) // the configs above are at fault
	}
	return cache.Get, func() { _ = cache.Close(context.Background()) } // its loads are short
}
