package main

import (
	"context"
	"errors"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/onefold-go/onefold/adapters/memcached"
	"github.com/onefold-go/onefold/tier"
)

var onefoldMemcached = contender{
	name:   "Onefold",
	how:    "`tier.New` over `mem.New` and `adapters/memcached`, with TTL and LoadTimeout",
	engine: memcachedEngine, leases: true,
	open: func(s setting) (opened, error) { return openOnefoldMemcached(s, tier.Config{}) },
}

var onefoldMemcachedEarly = contender{
	name:   "Onefold, early refresh",
	how:    "the same with `EarlyRefresh: 1`",
	engine: memcachedEngine, only: []task{herd},
	open: func(s setting) (opened, error) { return openOnefoldMemcached(s, tier.Config{EarlyRefresh: 1}) },
}

func openOnefoldMemcached(s setting, cfg tier.Config) (opened, error) {
	store, err := memcached.New(memcached.Config{Servers: []string{s.addr}})
	if err != nil {
		return opened{}, err
	}
	o, err := openOnefold(s, cfg, store)
	if err != nil {
		return opened{}, errors.Join(err, store.Close())
	}
	closeCache := o.close
	o.close = func() error { return errors.Join(closeCache(), store.Close()) }
	return o, nil
}

// The adapter's own client, without a lease or a near tier.
var plainSameClient = contender{
	name:   "cache-aside, same client",
	how:    "`Get` and `Set` of the adapter's `Store`; on a miss a load",
	engine: memcachedEngine,
	open: func(s setting) (opened, error) {
		store, err := memcached.New(memcached.Config{Servers: []string{s.addr}})
		if err != nil {
			return opened{}, err
		}
		return opened{
			get: func(ctx context.Context, key string) (int64, error) {
				it, err := store.Get(ctx, key)
				if err == nil && it.Data == nil {
					var v string
					if v, err = s.load(ctx, key); err == nil {
						it = tier.Item{Data: []byte(v), TTL: s.ttl}
						err = store.Set(ctx, key, it)
					}
				}
				if err != nil {
					return 0, err
				}
				return made(it.Data)
			},
			close: store.Close,
		}, nil
	},
}

var gomemcache = contender{
	name:   "cache-aside, gomemcache",
	how:    "`Get` and `Set` with an `Expiration` in seconds, a connection for each caller, a second of patience; on a miss a load",
	engine: memcachedEngine,
	open: func(s setting) (opened, error) {
		client := memcache.New(s.addr)
		client.MaxIdleConns, client.Timeout = s.callers, time.Second
		return opened{
			get: func(ctx context.Context, key string) (int64, error) {
				it, err := client.Get(key)
				if errors.Is(err, memcache.ErrCacheMiss) {
					var v string
					if v, err = s.load(ctx, key); err == nil {
						it = &memcache.Item{Key: key, Value: []byte(v), Expiration: int32(s.ttl / time.Second)}
						err = client.Set(it)
					}
				}
				if err != nil {
					return 0, err
				}
				return made(it.Value)
			},
			close: client.Close,
		}, nil
	},
}
