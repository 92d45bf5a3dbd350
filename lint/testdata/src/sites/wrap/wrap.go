package wrap

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"
)

type Cache struct{ g singleflight.Group }

func (c *Cache) Load(key string, fn func() (any, error)) (any, error) {
	v, err, _ := c.g.Do("p:"+key, fn) // want `singleflight.Group.Do: group g, load opaque, plain`
	return v, err
}

func Typed[T any](ctx context.Context, c *Cache, key string, fn func(context.Context) (T, error)) (T, error) {
	v, err := c.Load(key, func() (any, error) { // want `wrap.Cache.Load: group c, load literal, plain`
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return fn(ctx)
	})
	return v.(T), err
}

func Undetached(ctx context.Context, c *Cache, tenant, key string, fn func(context.Context) (any, error)) (any, error) {
	return c.Load(tenant+"/"+key, func() (any, error) { return fn(ctx) }) // want `wrap.Cache.Load: group c, load literal, plain`
}
