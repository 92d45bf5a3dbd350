package main

import (
	"context"
	"time"

	"github.com/redis/rueidis"
	"github.com/viccon/sturdyc"
)

var sturdycStorage = contender{
	name:   "sturdyc + storage",
	how:    "`GetOrFetch` with `WithDistributedStorage` over rueidis; TTL in both",
	engine: redisEngine,
	open: func(s setting) (opened, error) {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.addr}})
		if err != nil {
			return opened{}, err
		}
		// Without the eviction job, which nothing can end.
		cache := sturdyc.New[string](capacity, 10, s.ttl, 10, sturdyc.WithNoContinuousEvictions(),
			sturdyc.WithDistributedStorage(storage{client, s.ttl}))
		return opened{
			get: func(ctx context.Context, key string) (int64, error) {
				v, err := cache.GetOrFetch(ctx, key, func(ctx context.Context) (string, error) { return s.load(ctx, key) })
				if err != nil {
					return 0, err
				}
				return made(v)
			},
			close: func() error { client.Close(); return nil },
		}, nil
	},
}

// A storage is Redis as sturdyc wants to see it.
type storage struct {
	client rueidis.Client
	ttl    time.Duration
}

func (s storage) Get(ctx context.Context, key string) ([]byte, bool) {
	v, err := s.client.Do(ctx, s.client.B().Get().Key(key).Build()).AsBytes()
	return v, err == nil
}

func (s storage) Set(ctx context.Context, key string, value []byte) {
	_ = s.client.Do(ctx, s.client.B().Set().Key(key).Value(rueidis.BinaryString(value)).Px(s.ttl).Build()) // it has no way to say
}

func (s storage) GetBatch(ctx context.Context, keys []string) map[string][]byte {
	found := make(map[string][]byte)
	for _, key := range keys {
		if v, ok := s.Get(ctx, key); ok {
			found[key] = v
		}
	}
	return found
}

func (s storage) SetBatch(ctx context.Context, records map[string][]byte) {
	for key, v := range records {
		s.Set(ctx, key, v)
	}
}
