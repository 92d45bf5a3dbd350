package main

import (
	"context"

	"github.com/redis/rueidis"
)

var plainRedis = contender{
	name:   "plain cache-aside",
	how:    "GET; on a miss a load and a SET, over rueidis",
	engine: redisEngine,
	open: func(s setting) (opened, error) {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.addr}, DisableCache: true})
		if err != nil {
			return opened{}, err
		}
		return opened{
			get: func(ctx context.Context, key string) (int64, error) {
				v, err := client.Do(ctx, client.B().Get().Key(key).Build()).ToString()
				if rueidis.IsRedisNil(err) {
					if v, err = s.load(ctx, key); err == nil {
						err = client.Do(ctx, client.B().Set().Key(key).Value(v).Px(s.ttl).Build()).Error()
					}
				}
				if err != nil {
					return 0, err
				}
				return made(v)
			},
			close: func() error { client.Close(); return nil },
		}, nil
	},
}
