package strategy

import (
	"context"

	"github.com/maypok86/otter/v2"
	"github.com/maypok86/otter/v2/stats"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

var otterKind = Kind{
	Name:     "otter",
	Title:    "otter's loading cache",
	Prevents: "concurrent loads of one key; stale stores; other callers' cancellations",
	Misses:   "a load dies with the caller that runs it, and the work is done again; no bound of a load's own",
	New:      newOtter,
}

// otterCache is github.com/maypok86/otter/v2 with its own loading Get.
//
// It prevents concurrent loads of one key and stale stores: an invalidation
// during a load discards what the load brings, and its callers load again. A
// load runs in the caller that missed, on that caller's context: when it
// leaves, the work is lost, but the others do not get its error: one of them
// loads anew. A load has no bound but its caller's.
type otterCache struct {
	cache  *otter.Cache[string, source.Record]
	loader otter.Loader[string, source.Record]
	stats  *stats.Counter
}

func newOtter(load Load, cfg Config) (Strategy, error) {
	counter := stats.NewCounter()
	cache, err := otter.New(&otter.Options[string, source.Record]{
		MaximumSize:      cfg.Capacity,
		ExpiryCalculator: otter.ExpiryWriting[string, source.Record](cfg.TTL),
		StatsRecorder:    counter,
	})
	if err != nil {
		return nil, err
	}
	return &otterCache{
		cache:  cache,
		loader: otter.LoaderFunc[string, source.Record](load),
		stats:  counter,
	}, nil
}

func (s *otterCache) Get(ctx context.Context, key string) (source.Record, error) {
	return s.cache.Get(ctx, key, s.loader)
}

func (s *otterCache) Put(key string, r source.Record) { s.cache.Set(key, r) }

func (s *otterCache) Invalidate(_ context.Context, key string) error {
	s.cache.Invalidate(key)
	return nil
}

func (s *otterCache) Hits() int64 { return int64(s.stats.Snapshot().Hits) }

func (s *otterCache) Close() error {
	s.cache.StopAllGoroutines()
	return nil
}
