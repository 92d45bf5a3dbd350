package strategy_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

const ttl = time.Minute

// A shelf is a source in memory. A load reads the row at once, and takes a
// second to return what it read.
type shelf struct {
	mu       sync.Mutex
	versions map[string]int64 // a row that is not here has version 1
	fail     error            // what loads return, if not nil
	loads    int
	running  int
	peak     int
}

var errShelf = errors.New("the shelf is broken")

func (s *shelf) load(ctx context.Context, key string) (source.Record, error) {
	s.mu.Lock()
	s.loads++
	s.running++
	s.peak = max(s.peak, s.running)
	r := source.Record{Key: key, Version: max(s.versions[key], 1)}
	err := s.fail
	s.mu.Unlock()

	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		r, err = source.Record{}, &source.EndedError{Cause: context.Cause(ctx), Err: ctx.Err()}
	}

	s.mu.Lock()
	s.running--
	s.mu.Unlock()
	if err != nil {
		return source.Record{}, err
	}
	return r, nil
}

// write changes a row and returns its new version.
func (s *shelf) write(key string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.versions == nil {
		s.versions = make(map[string]int64)
	}
	s.versions[key] = max(s.versions[key], 1) + 1
	return s.versions[key]
}

func (s *shelf) setFail(err error) {
	s.mu.Lock()
	s.fail = err
	s.mu.Unlock()
}

func (s *shelf) nowRunning() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

func (s *shelf) wantLoads(t *testing.T, want int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loads != want {
		t.Errorf("loads = %d, want %d", s.loads, want)
	}
}

// open makes a strategy over the shelf and closes it when the test ends.
func open(t *testing.T, kind strategy.Kind, s *shelf) strategy.Strategy {
	t.Helper()
	made, err := kind.New(s.load, strategy.Config{
		TTL:         ttl,
		Jitter:      0.2,
		LoadTimeout: 5 * time.Second,
		Capacity:    1000,
		Seed:        1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := made.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return made
}

// named finds a kind in the catalogue.
func named(t *testing.T, name string) strategy.Kind {
	t.Helper()
	for _, kind := range strategy.All() {
		if kind.Name == name {
			return kind
		}
	}
	t.Fatalf("no strategy is named %q", name)
	return strategy.Kind{}
}

func get(t *testing.T, s strategy.Strategy, key string, version int64) {
	t.Helper()
	r, err := s.Get(t.Context(), key)
	if err != nil || r.Key != key || r.Version != version {
		t.Errorf("Get(%q) = %q version %d, %v; want version %d, nil", key, r.Key, r.Version, err, version)
	}
}

// A reply is what a Get in the background returned.
type reply struct {
	record source.Record
	err    error
	at     time.Time
}

func async(ctx context.Context, s strategy.Strategy, key string) <-chan reply {
	ch := make(chan reply, 1)
	go func() {
		r, err := s.Get(ctx, key)
		ch <- reply{r, err, time.Now()}
	}()
	return ch
}
