package main

import (
	"context"
	"time"

	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

var onefoldRedis = contender{
	name:   "Onefold",
	how:    "`tier.New` over `mem.New` and `adapters/redis`, with TTL and LoadTimeout",
	engine: redisEngine, leases: true, sent: onefoldSent,
	open: func(s setting) (opened, error) { return openOnefoldRedis(s, tier.Config{}) },
}

var onefoldRedisEarly = contender{
	name:   "Onefold, early refresh",
	how:    "the same with `EarlyRefresh: 1`",
	engine: redisEngine, only: []task{herd}, sent: onefoldSent,
	open: func(s setting) (opened, error) { return openOnefoldRedis(s, tier.Config{EarlyRefresh: 1}) },
}

func openOnefoldRedis(s setting, cfg tier.Config) (opened, error) {
	store, err := redis.Open("redis://"+s.addr, redis.Options{})
	if err != nil {
		return opened{}, err
	}
	o, err := openOnefold(s, cfg, store)
	if err != nil {
		store.Close()
		return opened{}, err
	}
	closeCache := o.close
	o.close = func() error {
		defer store.Close()
		return closeCache()
	}
	return o, nil
}

func openOnefold(s setting, cfg tier.Config, store tier.Store) (opened, error) {
	cfg.Name, cfg.TTL, cfg.LeaseTTL = "fleet", s.ttl, s.lease
	if s.lease == 0 {
		cfg.LoadTimeout = time.Second
	}
	cache, err := tier.New(func(ctx context.Context, key string) ([]byte, error) {
		v, err := s.load(ctx, key)
		return []byte(v), err
	}, cfg,
		mem.New[string, []byte](mem.Config{MaxEntries: capacity}),
		tier.Encoded(store, codec.StringKey[string], codec.Bytes()))
	if err != nil {
		return opened{}, err
	}
	return opened{
		get: func(ctx context.Context, key string) (int64, error) {
			v, err := cache.Get(ctx, key)
			if err != nil {
				return 0, err
			}
			return made(v)
		},
		close: func() error {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if err := cache.Close(ctx); err != ctx.Err() { //nolint:errorlint // the context's own error means that loads were cut
				return err
			}
			return nil
		},
	}, nil
}

// onefoldSent knows that the adapter asks for values by scripts only.
func onefoldSent(calls map[string]int64) int64 {
	return calls["evalsha"] + calls["eval"] + calls["role"] + calls["hello"] + calls["client|tracking"]
}
