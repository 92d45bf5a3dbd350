package strategy

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

var loadOrStoreKind = Kind{
	Name:     "loadorstore",
	Title:    "sync.Map.LoadOrStore",
	Prevents: "double stores: all callers get the one value",
	Misses:   "double loads: the losers' work is thrown away; a load that overlaps an invalidation stores the old value",
	New:      newLoadOrStore,
}

// loadOrStore keeps entries in a sync.Map and lets the first to store win.
//
// It prevents double stores: callers that missed together all return the same
// value. It does not prevent double loads, since the value has to be there
// before LoadOrStore can be called: all but one are thrown away. And the first
// to store may be a load that began before an invalidation.
type loadOrStore struct {
	load Load
	ttl  time.Duration
	hits atomic.Int64

	entries sync.Map // string to *ttlEntry
}

func newLoadOrStore(load Load, cfg Config) (Strategy, error) {
	return &loadOrStore{load: load, ttl: cfg.TTL}, nil
}

func (s *loadOrStore) Get(ctx context.Context, key string) (source.Record, error) {
	if v, ok := s.entries.Load(key); ok {
		if e := v.(*ttlEntry); time.Now().Before(e.expires) {
			s.hits.Add(1)
			return e.record, nil
		}
		s.entries.CompareAndDelete(key, v)
	}
	r, err := s.load(ctx, key)
	if err != nil {
		return source.Record{}, err
	}
	actual, _ := s.entries.LoadOrStore(key, s.entry(r))
	return actual.(*ttlEntry).record, nil
}

func (s *loadOrStore) entry(r source.Record) *ttlEntry {
	return &ttlEntry{record: r, expires: time.Now().Add(s.ttl)}
}

func (s *loadOrStore) Put(key string, r source.Record) { s.entries.Store(key, s.entry(r)) }

func (s *loadOrStore) Invalidate(_ context.Context, key string) error {
	s.entries.Delete(key)
	return nil
}

func (s *loadOrStore) Hits() int64  { return s.hits.Load() }
func (s *loadOrStore) Close() error { return nil }
