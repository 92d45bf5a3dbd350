package main

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"
)

var otterContender = contender{
	name: "otter",
	how:  "v2's loading `Get`; an answer that may not be stored gets the shortest expiry there is, by an `ExpiryCalculator`",
	open: func(s setting) (opened, error) {
		cache, err := otter.New(&otter.Options[string, answer]{
			MaximumSize: capacity,
			ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, answer]) time.Duration {
				if e.Value.noStore {
					return 1
				}
				return keep
			}),
		})
		if err != nil {
			return opened{}, err
		}
		loader := otter.LoaderFunc[string, answer](s.load)
		return opened{
			get: s.patient(func(ctx context.Context, key string) (answer, error) { return cache.Get(ctx, key, loader) }),
			close: func() error {
				cache.StopAllGoroutines()
				return nil
			},
		}, nil
	},
}
