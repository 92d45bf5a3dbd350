package groupscope

import (
	"context"
	"fmt"

	"github.com/onefold-go/onefold"
	"golang.org/x/sync/singleflight"
	resenje "resenje.org/singleflight"
)

type store struct{ g singleflight.Group }

func fetch(key string) (string, error) { return key, nil }

// The commonest form: it compiles, it works, and it shares nothing.
func user(key string) (any, error) {
	var g singleflight.Group
	v, err, _ := g.Do(key, func() (any, error) { return fetch(key) }) // want `each call makes a group of its own, so no two callers ever share a load`
	return v, err
}

// As a pointer.
func (s *store) team(key string) (any, error) {
	g := &singleflight.Group{}
	v, err, _ := g.Do(key, func() (any, error) { return fetch(key) }) // want `each call makes a group`
	return v, err
}

// With no name at all.
func direct(key string) (any, error) {
	v, err, _ := new(singleflight.Group).Do(key, func() (any, error) { return fetch(key) }) // want `each call makes a group`
	return v, err
}

// A loop in one goroutine asks for one key at a time.
func list(keys []string) (values []any) {
	g := new(singleflight.Group)
	for _, k := range keys {
		v, err, _ := g.Do(k, func() (any, error) { return fetch(k) }) // want `each call makes a group`
		if err == nil {
			values = append(values, v)
		}
	}
	return values
}

// In the literal that handles each request.
func handler() func(string) string {
	return func(path string) string {
		var g singleflight.Group
		v, _, _ := g.Do(path, func() (any, error) { return fetch(path) }) // want `each call makes a group`
		return fmt.Sprint(v)
	}
}

// The caller leaves early, and the load is still its own.
func leaves(ctx context.Context, key string) (any, error) {
	var g singleflight.Group
	select {
	case r := <-g.DoChan(key, func() (any, error) { return fetch(key) }): // want `each call makes a group`
		return r.Val, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A fork, with types.
func typed(ctx context.Context, id int) (string, error) {
	var g resenje.Group[int, string]
	defer g.Forget(id)
	v, _, err := g.Do(ctx, id, func(context.Context) (string, error) { return fetch("id") }) // want `each call makes a group`
	return v, err
}

// A group of our own, with its options.
func own(ctx context.Context, key string) (string, error) {
	g := onefold.Group[string, string]{Config: onefold.Config{LoadTimeout: 1}}
	return g.Do(ctx, key, func(_ context.Context, key string) (string, error) { return fetch(key) }) // want `each call makes a group`
}

// A loader that is made for one load.
func loader(ctx context.Context, key string) (string, error) {
	users, err := onefold.NewLoader(func(_ context.Context, key string) (string, error) { return fetch(key) }, onefold.Config{}) // want `each call makes a onefold loader of its own`
	if err != nil {
		return "", err
	}
	return users.Load(ctx, key)
}
