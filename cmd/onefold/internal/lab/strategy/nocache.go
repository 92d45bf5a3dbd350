package strategy

import (
	"context"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

var noCacheKind = Kind{
	Name:     "nocache",
	Title:    "no cache",
	Prevents: "stale answers",
	Misses:   "every call is a load",
	New:      newNoCache,
}

// noCache asks the source each time.
//
// It prevents stale answers, as it keeps nothing. It does not prevent load:
// the source sees every call, and falls behind as soon as calls come faster
// than it answers.
type noCache struct {
	load Load
}

func newNoCache(load Load, _ Config) (Strategy, error) {
	return &noCache{load: load}, nil
}

func (s *noCache) Get(ctx context.Context, key string) (source.Record, error) {
	return s.load(ctx, key)
}

func (s *noCache) Put(string, source.Record)                {}
func (s *noCache) Invalidate(context.Context, string) error { return nil }
func (s *noCache) Hits() int64                              { return 0 }
func (s *noCache) Close() error                             { return nil }
