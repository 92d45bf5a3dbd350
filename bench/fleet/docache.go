package main

import (
	"context"

	"github.com/redis/rueidis"
	"golang.org/x/sync/singleflight"
)

var doCache = contender{
	name:   "rueidis DoCache + x/sync",
	how:    "`DoCache` of a GET; on a miss a load and a SET, in one `singleflight.Group.Do`",
	engine: redisEngine,
	open: func(s setting) (opened, error) {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.addr}})
		if err != nil {
			return opened{}, err
		}
		var group singleflight.Group
		return opened{
			get: func(ctx context.Context, key string) (int64, error) {
				v, err := client.DoCache(ctx, client.B().Get().Key(key).Cache(), s.ttl).ToString()
				if err == nil {
					return made(v)
				}
				if !rueidis.IsRedisNil(err) {
					return 0, err
				}
				loaded, err, _ := group.Do(key, func() (any, error) {
					//onefold:ok ctxcapture this is what is measured: the usual way to use it
					v, err := s.load(ctx, key)
					if err != nil {
						return "", err
					}
					return v, client.Do(ctx, client.B().Set().Key(key).Value(v).Px(s.ttl).Build()).Error()
				})
				if err != nil {
					return 0, err
				}
				return made(loaded.(string)) //nolint:forcetypeassert // the group has no others
			},
			close: func() error { client.Close(); return nil },
		}, nil
	},
}
