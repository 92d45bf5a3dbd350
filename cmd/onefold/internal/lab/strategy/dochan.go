package strategy

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

var doChanKind = Kind{
	Name:     "dochan",
	Title:    "singleflight DoChan",
	Prevents: "concurrent loads of one key; other callers' cancellations",
	Misses:   "a load that overlaps an invalidation stores the old value; loads go on when nobody waits",
	New:      newDoChan,
}

// doChan is singleflight with the wrapper that careful teams write around it:
// the load runs on a context of its own, with the first caller's values and a
// bound, and each caller waits no longer than its own context lives.
//
// It prevents concurrent loads of one key and errors that belong to another
// caller. Forget keeps callers from joining a load that began before an
// invalidation. It does not prevent that this load, when it returns, stores
// what it read, for a whole TTL; and no load ends early when all have left.
type doChan struct {
	load        Load
	loadTimeout time.Duration
	cache       *ttlCache
	group       singleflight.Group
}

func newDoChan(load Load, cfg Config) (Strategy, error) {
	return &doChan{
		load:        load,
		loadTimeout: cfg.LoadTimeout,
		cache:       newTTLCache(always(cfg.TTL)),
	}, nil
}

func (s *doChan) Get(ctx context.Context, key string) (source.Record, error) {
	if r, ok := s.cache.lookup(key); ok {
		return r, nil
	}
	ch := s.group.DoChan(key, func() (any, error) {
		loadCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.loadTimeout)
		defer cancel()
		r, err := s.load(loadCtx, key)
		if err != nil {
			return nil, err
		}
		s.cache.set(key, r)
		return r, nil
	})
	select {
	case res := <-ch:
		if res.Err != nil {
			return source.Record{}, res.Err
		}
		return res.Val.(source.Record), nil
	case <-ctx.Done():
		return source.Record{}, ctx.Err()
	}
}

func (s *doChan) Put(key string, r source.Record) { s.cache.set(key, r) }

func (s *doChan) Invalidate(_ context.Context, key string) error {
	s.cache.delete(key)
	s.group.Forget(key)
	return nil
}

func (s *doChan) Hits() int64  { return s.cache.hits.Load() }
func (s *doChan) Close() error { return nil }
