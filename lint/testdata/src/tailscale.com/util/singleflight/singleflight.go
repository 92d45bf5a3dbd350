// Package singleflight has the signatures of the real one: generic, with a load
// that may be given a context which ends with its last caller.
package singleflight

import "context"

type Group[K comparable, V any] struct{ m map[K]V }

type Result[V any] struct {
	Val    V
	Err    error
	Shared bool
}

func (g *Group[K, V]) Do(key K, fn func() (V, error)) (v V, err error, shared bool) { return }

func (g *Group[K, V]) DoChan(key K, fn func() (V, error)) <-chan Result[V] { return nil }

func (g *Group[K, V]) DoChanContext(ctx context.Context, key K, fn func(context.Context) (V, error)) <-chan Result[V] {
	return nil
}

func (g *Group[K, V]) Forget(key K) {}
