package facts

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/singleflight"
)

var g singleflight.Group

func Load(key string, fn func() (any, error)) (any, error) { // want Load:`passes\(keys \[0\], load 1\)`
	v, err, _ := g.Do("p:"+key, fn)
	return v, err
}

func Twice(tenant, key string, fn func() (any, error)) (any, error) { // want Twice:`passes\(keys \[0 1\], load 2\)`
	return Load(tenant+key, func() (any, error) { return fn() })
}

// What stores the value is no load, and may be called last.
func Stored(key string, fn func() (any, error), store func(any) error) (any, error) { // want Stored:`passes\(keys \[0\], load 1\)`
	return Load(key, func() (any, error) {
		v, err := fn()
		if err == nil {
			_ = store(v)
		}
		return v, err
	})
}

// What fills in is one, though its error alone is given.
func Filled(key string, v any, fill, store func(any) error) (any, error) { // want Filled:`passes\(keys \[0\], load 2\)`
	return Load(key, func() (any, error) {
		if err := fill(v); err != nil {
			return nil, err
		}
		if err := store(v); err != nil {
			slog.Error("store", "err", err)
		}
		return v, nil
	})
}

// The key is not the caller's: no wrapper.
func fixed(fn func() (any, error)) {
	g.Do("k", fn)
}

type detached struct{ context.Context }

func (detached) Done() <-chan struct{}       { return nil }
func (detached) Err() error                  { return nil }
func (detached) Deadline() (time.Time, bool) { return time.Time{}, false }

type named struct {
	context.Context
	name string
}

func Free(ctx context.Context) context.Context { // want Free:"detaches"
	return detached{ctx}
}

func FreePointer(ctx context.Context) context.Context { // want FreePointer:"detaches"
	return &detached{ctx}
}

func Named(ctx context.Context) context.Context {
	return named{ctx, "n"}
}

func Within(ctx context.Context) (context.Context, context.CancelFunc) { // want Within:"detaches"
	ctx, cancel := context.WithTimeout(Free(ctx), time.Second)
	return ctx, cancel
}

func Timed(ctx context.Context) (context.Context, context.CancelFunc) { // want Timed:"addsDeadline"
	return context.WithTimeout(ctx, time.Second)
}

func call(ctx context.Context) error { // want call:"addsDeadline"
	ctx, cancel := Timed(ctx)
	defer cancel()
	<-ctx.Done()
	return ctx.Err()
}

func user(ctx context.Context) any { // want user:"readsOnly"
	slog.InfoContext(ctx, "user")
	return ctx.Value("user")
}

func ignored(ctx context.Context) any { return user(ctx) } // want ignored:"readsOnly"

func wait(ctx context.Context) { <-ctx.Done() }
