package main

import (
	"context"
	"errors"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
)

var redsyncLock = contender{
	name:   "redsync",
	how:    "GET; on a miss `Mutex.Lock`, GET again, load, SET, `Unlock`, over go-redis",
	engine: redisEngine, leases: true, sent: twoInEachScript,
	open: func(s setting) (opened, error) {
		client := redis.NewClient(&redis.Options{Addr: s.addr})
		locks := redsync.New(goredis.NewPool(client))
		var options []redsync.Option
		if s.lease > 0 {
			options = append(options, redsync.WithExpiry(s.lease))
		}
		get := func(ctx context.Context, key string) (string, error) { return client.Get(ctx, key).Result() }
		return opened{
			get: func(ctx context.Context, key string) (int64, error) {
				v, err := get(ctx, key)
				if errors.Is(err, redis.Nil) {
					v, err = lockedLoad(ctx, locks.NewMutex("lock/"+key, options...), func() (string, error) {
						if v, err := get(ctx, key); !errors.Is(err, redis.Nil) {
							return v, err
						}
						v, err := s.load(ctx, key)
						if err != nil {
							return "", err
						}
						return v, client.Set(ctx, key, v, s.ttl).Err()
					})
				}
				if err != nil {
					return 0, err
				}
				return made(v)
			},
			close: client.Close,
		}, nil
	},
}

func lockedLoad(ctx context.Context, m *redsync.Mutex, load func() (string, error)) (v string, err error) {
	if err := m.LockContext(ctx); err != nil {
		return "", err
	}
	v, err = load()
	_, unlocked := m.UnlockContext(ctx)
	return v, errors.Join(err, unlocked)
}
