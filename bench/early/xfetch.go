package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// An xfetch is the cache of the paper, without coalescing: each call draws
// whether it loads, and then loads while it is waited for.
type xfetch struct {
	load getFunc
	ttl  time.Duration
	beta float64

	mu   sync.RWMutex
	kept map[string]timed // guarded by mu
}

// A timed value is one with what its load took.
type timed struct {
	value   int64
	took    time.Duration
	expires time.Time
}

// get reports also whether the call had to load.
func (x *xfetch) get(ctx context.Context, key string) (loaded bool, err error) {
	x.mu.RLock()
	v, ok := x.kept[key]
	x.mu.RUnlock()
	now := time.Now()
	ahead := time.Duration(float64(v.took) * x.beta * rand.ExpFloat64())
	if ok && now.Add(ahead).Before(v.expires) {
		return false, nil
	}
	v.value, err = x.load(ctx, key)
	if err != nil {
		return true, err
	}
	done := time.Now()
	v.took, v.expires = done.Sub(now), done.Add(x.ttl)
	x.mu.Lock()
	x.kept[key] = v
	x.mu.Unlock()
	return true, nil
}
