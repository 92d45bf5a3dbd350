package strategy

import (
	"context"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

var checkKind = Kind{
	Name:     "check",
	Title:    "check then load",
	Prevents: "loads of what is cached",
	Misses:   "concurrent misses all load; a load that overlaps an invalidation stores the old value",
	New:      newCheck,
}

// check looks into the cache, loads on a miss and stores what it got.
//
// It prevents loads while an entry lives. It does not prevent that all
// callers that miss together load together: when a hot entry expires, each
// call until the first load is back starts another. And a load that began
// before an invalidation stores what it read after it, for a whole TTL.
type check struct {
	load  Load
	cache *ttlCache
}

func newCheck(load Load, cfg Config) (Strategy, error) {
	return &check{load: load, cache: newTTLCache(always(cfg.TTL))}, nil
}

func (s *check) Get(ctx context.Context, key string) (source.Record, error) {
	if r, ok := s.cache.lookup(key); ok {
		return r, nil
	}
	r, err := s.load(ctx, key)
	if err != nil {
		return source.Record{}, err
	}
	s.cache.set(key, r)
	return r, nil
}

func (s *check) Put(key string, r source.Record) { s.cache.set(key, r) }

func (s *check) Invalidate(_ context.Context, key string) error {
	s.cache.delete(key)
	return nil
}

func (s *check) Hits() int64  { return s.cache.hits.Load() }
func (s *check) Close() error { return nil }
