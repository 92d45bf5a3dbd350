package strategy

import (
	"context"
	"sync"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

var mutexKind = Kind{
	Name:     "mutex",
	Title:    "mutex per key",
	Prevents: "concurrent loads of one key",
	Misses:   "waiters cannot leave; on errors they load one behind another; an overlapping invalidation is lost",
	New:      newMutexPerKey,
}

// mutexPerKey lets one caller at a time load a key; the others wait for the
// lock and then find the value in the cache.
//
// It prevents concurrent loads of one key. But it shares a lock, not a result:
// when the load fails, every waiter loads again, one behind another. A caller
// cannot leave the queue when its context ends, as Lock knows no context. The
// locks are never freed. A load that began before an invalidation stores what
// it read after it.
type mutexPerKey struct {
	load  Load
	cache *ttlCache

	mu    sync.Mutex
	locks map[string]*sync.Mutex // guarded by mu; grows with every new key
}

func newMutexPerKey(load Load, cfg Config) (Strategy, error) {
	return &mutexPerKey{
		load:  load,
		cache: newTTLCache(always(cfg.TTL)),
		locks: make(map[string]*sync.Mutex),
	}, nil
}

func (s *mutexPerKey) Get(ctx context.Context, key string) (source.Record, error) {
	if r, ok := s.cache.lookup(key); ok {
		return r, nil
	}

	lock := s.lock(key)
	lock.Lock()
	defer lock.Unlock()

	if r, ok := s.cache.get(key); ok { // stored while we waited
		return r, nil
	}
	r, err := s.load(ctx, key)
	if err != nil {
		return source.Record{}, err
	}
	s.cache.set(key, r)
	return r, nil
}

func (s *mutexPerKey) lock(key string) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	lock, ok := s.locks[key]
	if !ok {
		lock = new(sync.Mutex)
		s.locks[key] = lock //onefold:ok mutexmap this strategy is in the lab to show that
	}
	return lock
}

func (s *mutexPerKey) Put(key string, r source.Record) { s.cache.set(key, r) }

func (s *mutexPerKey) Invalidate(_ context.Context, key string) error {
	s.cache.delete(key)
	return nil
}

func (s *mutexPerKey) Hits() int64  { return s.cache.hits.Load() }
func (s *mutexPerKey) Close() error { return nil }
