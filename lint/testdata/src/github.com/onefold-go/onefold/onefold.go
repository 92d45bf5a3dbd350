// Package onefold has the signatures of the real one.
package onefold

import "context"

type Config struct{ LoadTimeout int64 }

type Group[K comparable, V any] struct {
	Config Config
	Clone  func(V) V
}

type Call struct{ NotBefore int64 }

type Result[V any] struct {
	Value V
	Err   error
}

func (g *Group[K, V]) Do(ctx context.Context, key K, load func(context.Context, K) (V, error)) (V, error) {
	return load(ctx, key)
}

func (g *Group[K, V]) DoChan(ctx context.Context, key K, load func(context.Context, K) (V, error)) <-chan Result[V] {
	return nil
}

func (g *Group[K, V]) DoResult(ctx context.Context, key K, load func(context.Context, K) (V, error), c Call) (r Result[V]) {
	return r
}

func (g *Group[K, V]) Forget(key K) {}

type Loader[K comparable, V any] struct {
	load func(context.Context, K) (V, error)
}

func NewLoader[K comparable, V any](load func(context.Context, K) (V, error), cfg Config) (*Loader[K, V], error) {
	return &Loader[K, V]{load}, nil
}

func (l *Loader[K, V]) Load(ctx context.Context, key K) (V, error) { return l.load(ctx, key) }

func Detach(ctx context.Context) context.Context { return ctx }
