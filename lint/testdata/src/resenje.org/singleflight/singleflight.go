// Package singleflight has the signatures of the real one: the load is given a
// context of its own.
package singleflight

import "context"

type Group[K comparable, V any] struct{ m map[K]V }

func (g *Group[K, V]) Do(ctx context.Context, key K, fn func(ctx context.Context) (V, error)) (v V, shared bool, err error) {
	return
}

func (g *Group[K, V]) Forget(key K) {}
