package redis

import (
	"context"
	"slices"
	"time"
)

// What the server may have missed is in Store.undelivered. A key of it is not
// read from here before it has been deleted; that is tried until Close.

// settle delivers what is undelivered of a key that is about to be read.
func (s *Store) settle(ctx context.Context, key string) error {
	missed, all := s.undelivered.Has(key)
	switch {
	case all:
		return s.settleAll(ctx)
	case missed:
		return s.Delete(ctx, key)
	default:
		return nil
	}
}

// settleAll delivers that everything is invalid, once for all who want to read.
func (s *Store) settleAll(ctx context.Context) error {
	select {
	case s.settling <- struct{}{}:
		defer func() { <-s.settling }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if _, all := s.undelivered.Has(""); !all {
		return nil
	}
	_, err := s.Bump(ctx)
	return err
}

// redeliverWithin is how long the delivery of what could not be delivered may
// take.
const redeliverWithin = 5 * time.Second

// chunk is how many keys are delivered in one exchange.
const chunk = 1000

// redeliver delivers what is undelivered, or some of it.
func (s *Store) redeliver(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, redeliverWithin)
	defer cancel()
	keys, tags, all := s.undelivered.List()
	if all { // then there is nothing else
		_ = s.settleAll(ctx)
		return
	}
	if len(tags) > 0 {
		if _, err := s.Bump(ctx, tags...); err != nil {
			return
		}
	}
	for some := range slices.Chunk(keys, chunk) {
		for _, err := range s.DeleteMany(ctx, some) {
			if err != nil {
				return
			}
		}
	}
}
