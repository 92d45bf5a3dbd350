package main

import (
	"context"

	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidisaside"
)

var rueidisAside = contender{
	name:   "rueidisaside",
	how:    "`CacheAsideClient.Get`, as its README has it",
	engine: redisEngine, leases: true, sent: twoInEachScript,
	open: func(s setting) (opened, error) {
		client, err := rueidisaside.NewClient(rueidisaside.ClientOption{
			ClientOption: rueidis.ClientOption{InitAddress: []string{s.addr}},
			ClientTTL:    s.lease, // of the mark that says that a client lives; 0: 10 s
		})
		if err != nil {
			return opened{}, err
		}
		return opened{
			get: func(ctx context.Context, key string) (int64, error) {
				v, err := client.Get(ctx, s.ttl, key, s.load)
				if err != nil {
					return 0, err
				}
				return made(v)
			},
			close: func() error { client.Close(); return nil },
		}, nil
	},
}
