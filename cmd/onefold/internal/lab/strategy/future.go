package strategy

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

var futureKind = Kind{
	Name:     "future",
	Title:    "memoized future",
	Prevents: "concurrent loads of one key; stale stores, as an invalidation drops the future itself",
	Misses:   "the first caller's cancellation or deadline fails all who wait with it",
	New:      newFutures,
}

// futures keeps, for each key, a promise of its value: the first caller makes
// it and loads, later callers wait for it, and it is kept until it expires.
//
// It prevents concurrent loads of one key. It also prevents stale stores:
// Invalidate takes the future out of the map, finished or not, so that what an
// older load brings reaches only those who asked before. But the load runs on
// the first caller's context: when that caller leaves, all who wait get its
// cancellation.
type futures struct {
	load Load
	ttl  time.Duration
	hits atomic.Int64

	mu    sync.Mutex
	byKey map[string]*future // guarded by mu
}

// A future is one load, running or done.
//
// Only the caller that made it writes record, err and expires. It writes them
// before it closes done; everyone else reads them after.
type future struct {
	done    chan struct{}
	record  source.Record
	err     error
	expires time.Time
}

func newFutures(load Load, cfg Config) (Strategy, error) {
	return &futures{load: load, ttl: cfg.TTL, byKey: make(map[string]*future)}, nil
}

func (s *futures) Get(ctx context.Context, key string) (source.Record, error) {
	s.mu.Lock()
	f, ok := s.byKey[key]
	switch {
	case ok && !f.isDone():
		s.mu.Unlock()
		return f.wait(ctx)
	case ok && time.Now().Before(f.expires):
		s.mu.Unlock()
		s.hits.Add(1)
		return f.record, nil
	}
	f = &future{done: make(chan struct{})}
	s.byKey[key] = f
	s.mu.Unlock()

	f.record, f.err = s.load(ctx, key)
	f.expires = time.Now().Add(s.ttl)
	if f.err != nil {
		s.drop(key, f) // the next caller tries again
	}
	close(f.done)
	return f.record, f.err
}

func (f *future) isDone() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

func (f *future) wait(ctx context.Context) (source.Record, error) {
	select {
	case <-f.done:
		return f.record, f.err
	case <-ctx.Done():
		return source.Record{}, ctx.Err()
	}
}

// drop takes f out of the map, unless another has taken its place.
func (s *futures) drop(key string, f *future) {
	s.mu.Lock()
	if s.byKey[key] == f {
		delete(s.byKey, key)
	}
	s.mu.Unlock()
}

func (s *futures) Put(key string, r source.Record) {
	f := &future{done: make(chan struct{}), record: r, expires: time.Now().Add(s.ttl)}
	close(f.done)
	s.mu.Lock()
	s.byKey[key] = f
	s.mu.Unlock()
}

func (s *futures) Invalidate(_ context.Context, key string) error {
	s.mu.Lock()
	delete(s.byKey, key)
	s.mu.Unlock()
	return nil
}

func (s *futures) Hits() int64  { return s.hits.Load() }
func (s *futures) Close() error { return nil }
