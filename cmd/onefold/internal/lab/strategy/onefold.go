package strategy

import (
	"context"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

var onefoldKind = Kind{
	Name:     "onefold",
	Title:    "Onefold",
	Prevents: "concurrent loads of one key; stale stores and stale joins; other callers' cancellations; lost work",
	Misses:   "many keys that expire together, unless Config.Jitter spreads them",
	New:      newOnefold,
}

// onefoldCache is this project's tier.Cache, with one tier in the process and, where Config has
// one, a far tier.
//
// A load belongs to none of its callers: each leaves on its own context, and
// the value is stored for the next even when all have left. An invalidation
// takes the load under way out of the table, so that its value is not stored
// and later callers do not join it. Its TTL is the same as everybody's here;
// Config.Jitter would shorten some entries' and so add loads.
//
// With a far tier a key is loaded once for all processes that share it, and each
// hears of what the others invalidate, if the tier can tell.
type onefoldCache struct {
	cache *tier.Cache[string, source.Record]
	close func() // the far tier
}

func newOnefold(load Load, cfg Config) (Strategy, error) {
	far, closeFar, err := openFar(cfg)
	if err != nil {
		return nil, err
	}
	cache, err := tier.New(load, tier.Config{
		Name:        "lab",
		TTL:         cfg.TTL,
		LoadTimeout: cfg.LoadTimeout,
	}, mem.New[string, source.Record](mem.Config{MaxEntries: cfg.Capacity}), far...)
	if err != nil {
		closeFar()
		return nil, err
	}
	return &onefoldCache{cache: cache, close: closeFar}, nil
}

func (s *onefoldCache) Get(ctx context.Context, key string) (source.Record, error) {
	return s.cache.Get(ctx, key)
}

func (s *onefoldCache) Put(key string, r source.Record) {
	_ = s.cache.Set(context.Background(), key, tier.Loaded[source.Record]{Value: r}) // if a far tier fails, the key starts cold
}

func (s *onefoldCache) Invalidate(ctx context.Context, key string) error {
	return s.cache.Delete(ctx, key)
}

func (s *onefoldCache) Hits() int64 { return int64(s.cache.Stats().Hits) }

func (s *onefoldCache) Close() error {
	defer s.close()
	return s.cache.Close(context.Background())
}
