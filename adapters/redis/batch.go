package redis

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"github.com/onefold-go/onefold/tier"
)

// Batches are as many scripts as keys, sent together: one exchange with each
// server that has some of the keys.

// many runs a script for each key that prepare makes a call of. An error of
// prepare is the key's; read reads the answer of another.
func (s *Store) many(ctx context.Context, sc *script, keys []string, prepare func(i int) (call, error), read func(i int, r rueidis.RedisResult) error) []error {
	errs := make([]error, len(keys))
	var (
		calls []call
		of    []int
	)
	for i, key := range keys {
		if errs[i] = s.ready(ctx, key); errs[i] != nil {
			continue
		}
		c, err := prepare(i)
		if errs[i] = err; err == nil && c.keys != nil {
			calls, of = append(calls, c), append(of, i)
		}
	}
	if len(calls) == 0 {
		return errs
	}
	for j, r := range s.runMany(ctx, sc, calls) {
		errs[of[j]] = read(of[j], r)
	}
	return errs
}

// AcquireMany is that of [tier.Batcher].
func (s *Store) AcquireMany(ctx context.Context, keys []string, o tier.AcquireOptions) ([]tier.Grant, []error) {
	grants := make([]tier.Grant, len(keys))
	if err := checkAcquire(o); err != nil {
		return grants, slices.Repeat([]error{err}, len(keys))
	}
	tokens, waits := make([]string, len(keys)), make([]*wait, len(keys))
	defer func() {
		for _, w := range waits {
			if w != nil {
				s.stream.disarm(w)
			}
		}
	}()
	errs := s.many(ctx, acquireScript, keys, func(i int) (call, error) {
		if err := s.settle(ctx, keys[i]); err != nil {
			return call{}, err
		}
		tokens[i], waits[i] = newToken(), s.stream.arm(keys[i])
		return call{[]string{s.names.value(keys[i]), s.names.lease(keys[i])}, s.acquireArgs(tokens[i], o)}, nil
	}, func(i int, r rueidis.RedisResult) error {
		answer, err := r.ToArray()
		if err == nil {
			grants[i], err = s.readGrant(answer, tokens[i], waits[i])
		}
		return failure("AcquireMany", err)
	})
	return grants, errs
}

// FillMany is that of [tier.Batcher].
func (s *Store) FillMany(ctx context.Context, keys []string, leases []tier.Lease, items []tier.Item) ([]bool, []error) {
	stored := make([]bool, len(keys))
	if len(leases) != len(keys) || len(items) != len(keys) {
		err := fmt.Errorf("redis: FillMany with %d keys, %d leases and %d items, want as many of each", len(keys), len(leases), len(items))
		return stored, slices.Repeat([]error{err}, len(keys))
	}
	errs := s.many(ctx, fillScript, keys, func(i int) (call, error) {
		if err := s.checkItem(items[i]); err != nil || noLease(leases[i]) {
			return call{}, err
		}
		return call{s.all(keys[i]), fillArgs(leases[i], items[i])}, nil
	}, func(i int, r rueidis.RedisResult) (err error) {
		stored[i], err = yes("FillMany", r)
		return err
	})
	return stored, errs
}

// DeleteMany is that of [tier.Batcher]. Each key is as with [Store.Delete].
func (s *Store) DeleteMany(ctx context.Context, keys []string) []error {
	at := s.undelivered.Now()
	errs := s.many(ctx, deleteScript, keys, func(i int) (call, error) {
		return call{keys: s.all(keys[i])}, nil
	}, func(_ int, r rueidis.RedisResult) error {
		return failure("DeleteMany", r.Error())
	})
	for i, key := range keys {
		if checkKey(key) == nil {
			s.told(key, at, errs[i])
		}
	}
	return errs
}
