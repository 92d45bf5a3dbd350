package main

import (
	"context"

	"github.com/go-redis/cache/v9"
	"github.com/redis/go-redis/v9"
)

var goRedisCache = contender{
	name:   "go-redis/cache + TinyLFU",
	how:    "`cache.Once` with a `TinyLFU` before Redis; TTL in both",
	engine: redisEngine,
	open: func(s setting) (opened, error) {
		client := redis.NewClient(&redis.Options{Addr: s.addr})
		c := cache.New(&cache.Options{Redis: client, LocalCache: cache.NewTinyLFU(capacity, s.ttl)})
		return opened{
			get: func(ctx context.Context, key string) (int64, error) {
				var v string
				err := c.Once(&cache.Item{Ctx: ctx, Key: key, Value: &v, TTL: s.ttl, Do: func(item *cache.Item) (any, error) {
					return s.load(item.Ctx, item.Key)
				}})
				if err != nil {
					return 0, err
				}
				return made(v)
			},
			close: client.Close,
		}, nil
	},
}
