package strategy

import (
	"context"

	"golang.org/x/sync/singleflight"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

var singleflightKind = Kind{
	Name:     "singleflight",
	Title:    "x/sync singleflight",
	Prevents: "concurrent loads of one key",
	Misses:   "the first caller's cancellation fails all; callers join loads older than an invalidation, and store them",
	New:      newSingleflight,
}

// flights is a cache with golang.org/x/sync/singleflight behind it, as it is
// usually written: the function literal takes the ctx that is at hand, which
// is the first caller's.
//
// It prevents concurrent loads of one key. It does not prevent that the first
// caller's cancellation or deadline becomes everyone's error, that a caller
// who cancels waits for the load all the same, that a caller joins a load
// which began before an invalidation, and that such a load is stored.
type flights struct {
	load  Load
	cache *ttlCache
	group singleflight.Group
}

func newSingleflight(load Load, cfg Config) (Strategy, error) {
	return &flights{load: load, cache: newTTLCache(always(cfg.TTL))}, nil
}

func (s *flights) Get(ctx context.Context, key string) (source.Record, error) {
	if r, ok := s.cache.lookup(key); ok {
		return r, nil
	}
	v, err, _ := s.group.Do(key, func() (any, error) {
		//onefold:ok ctxcapture this is what the lab shows
		r, err := s.load(ctx, key)
		if err != nil {
			return nil, err
		}
		s.cache.set(key, r)
		return r, nil
	})
	if err != nil {
		return source.Record{}, err
	}
	return v.(source.Record), nil
}

func (s *flights) Put(key string, r source.Record) { s.cache.set(key, r) }

func (s *flights) Invalidate(_ context.Context, key string) error {
	s.cache.delete(key)
	return nil
}

func (s *flights) Hits() int64  { return s.cache.hits.Load() }
func (s *flights) Close() error { return nil }
