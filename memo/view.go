package memo

import "context"

// A Cache is what a [View] reads and writes; *tier.Cache is one. It is the
// cache that makes callers who miss at the same time share a load, whether they
// are of one request or of many.
type Cache[K comparable, V any] interface {
	Get(ctx context.Context, key K) (V, error)
	Delete(ctx context.Context, keys ...K) error
	Write(ctx context.Context, key K, write func(context.Context) error) error
}

// A View is a cache seen through the memo of each request. Make one for each
// cache with [Over] and use it in the cache's place: a request reads its own
// writes if it writes through the View that it reads through. The methods may
// be called at the same time from many goroutines. A View must not be copied.
//
// A View adds memory and nothing else: errors, panics and how a call ends with
// its context are the cache's.
type View[K comparable, V any] struct {
	space space[K, V]
	cache Cache[K, V]
	get   func(context.Context, K) (V, error) // the cache's, made once
}

// Over makes a View of cache. It panics when cache is nil.
func Over[K comparable, V any](cache Cache[K, V]) *View[K, V] {
	if cache == nil {
		panic("memo: nil cache")
	}
	return &View[K, V]{cache: cache, get: cache.Get}
}

// Get gives the value of key that the request has had before, or else what the
// cache's Get does. What the request has had is given even if it has expired
// since, or somebody has deleted it: but not if the request itself has written
// or deleted the key through this View. An error is not remembered.
//
// All callers get the same V and must not change what it leads to.
//
// Without a memo in ctx, or with one that is full, Get is the cache's.
func (v *View[K, V]) Get(ctx context.Context, key K) (V, error) {
	if ctx == nil {
		panic("memo: nil context")
	}
	m := of(ctx)
	if m == nil {
		return v.cache.Get(ctx, key)
	}
	if v, ok := v.space.look(m, key); ok {
		return v, nil
	}
	return v.space.remember(ctx, m, key, v.get)
}

// Delete is the cache's Delete; then the request forgets what it has had for
// keys, whatever Delete came to.
func (v *View[K, V]) Delete(ctx context.Context, keys ...K) error {
	if ctx == nil {
		panic("memo: nil context")
	}
	defer v.Forget(ctx, keys...)
	return v.cache.Delete(ctx, keys...)
}

// Write is the cache's Write; then the request forgets what it has had for key,
// whatever Write came to. A Get of the request that begins when Write has
// returned never gives what was there before.
func (v *View[K, V]) Write(ctx context.Context, key K, write func(context.Context) error) error {
	if ctx == nil {
		panic("memo: nil context")
	}
	defer v.Forget(ctx, key)
	return v.cache.Write(ctx, key, write)
}

// Forget drops what the request has had for keys, and leaves the cache alone:
// for a request that has changed the cache in another way, such as a Set.
// Without a memo in ctx it does nothing.
//
// Forget panics when ctx is nil.
func (v *View[K, V]) Forget(ctx context.Context, keys ...K) {
	if ctx == nil {
		panic("memo: nil context")
	}
	m := of(ctx)
	if m == nil {
		return
	}
	for _, key := range keys {
		v.space.forget(m, key)
	}
}
