package lab_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

const loadTime = 10 * time.Millisecond

// A memory is a source that holds every key. A load reads the row at once and
// takes a while to return what it read.
type memory struct {
	takes    time.Duration // 0: loadTime
	stuck    bool          // loads do not end with their context
	readOnly bool

	mu       sync.Mutex
	versions map[string]int64 // a row that is not here has version 1
	absent   map[string]bool
	fail     error
	loads    int
	updates  []string // keys
}

func (m *memory) Load(ctx context.Context, key string) (source.Record, error) {
	m.mu.Lock()
	m.loads++
	r := source.Record{Key: key, Version: max(m.versions[key], 1)}
	fail, absent := m.fail, m.absent[key]
	m.mu.Unlock()

	takes := m.takes
	if takes == 0 {
		takes = loadTime
	}
	done := ctx.Done()
	if m.stuck {
		done = nil
	}
	timer := time.NewTimer(takes)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
		return source.Record{}, &source.EndedError{Cause: context.Cause(ctx), Err: ctx.Err()}
	}
	switch {
	case fail != nil:
		return source.Record{}, fail
	case absent:
		return source.Record{}, source.ErrNoRecord
	}
	return r, nil
}

func (m *memory) Update(_ context.Context, key string) (int64, error) {
	if m.readOnly {
		return 0, source.ErrReadOnly
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.versions == nil {
		m.versions = make(map[string]int64)
	}
	m.versions[key] = max(m.versions[key], 1) + 1
	m.updates = append(m.updates, key)
	return m.versions[key], nil
}

func (m *memory) String() string { return "memory" }
func (m *memory) Close() error   { return nil }

// steady is a stream of n calls, one each gap, that takes its keys in turn.
func steady(n int, gap time.Duration, keys ...string) *arrival.Stream {
	s := &arrival.Stream{Keys: keys, Title: "steady"}
	for i := range n {
		s.Calls = append(s.Calls, arrival.Call{At: time.Duration(i) * gap, Key: int32(i % len(keys))})
	}
	s.Duration = s.Calls[n-1].At
	return s
}

// A simple is a strategy made of one function.
type simple struct {
	get        func(ctx context.Context, key string) (source.Record, error)
	put        func(key string, r source.Record)
	invalidate func(key string) error
	closed     func()
}

func (s *simple) Get(ctx context.Context, key string) (source.Record, error) { return s.get(ctx, key) }

func (s *simple) Put(key string, r source.Record) {
	if s.put != nil {
		s.put(key, r)
	}
}

func (s *simple) Invalidate(_ context.Context, key string) error {
	if s.invalidate != nil {
		return s.invalidate(key)
	}
	return nil
}

func (s *simple) Hits() int64 { return 0 }

func (s *simple) Close() error {
	if s.closed != nil {
		s.closed()
	}
	return nil
}

// kind makes an entry of the catalogue out of a function.
func kind(name string, open func(strategy.Load, strategy.Config) strategy.Strategy) strategy.Kind {
	return strategy.Kind{
		Name:  name,
		Title: name,
		New: func(load strategy.Load, cfg strategy.Config) (strategy.Strategy, error) {
			return open(load, cfg), nil
		},
	}
}

// getting makes an entry whose strategy only answers calls.
func getting(name string, get func(ctx context.Context, load strategy.Load, key string) (source.Record, error)) strategy.Kind {
	return kind(name, func(load strategy.Load, _ strategy.Config) strategy.Strategy {
		return &simple{get: func(ctx context.Context, key string) (source.Record, error) { return get(ctx, load, key) }}
	})
}

// direct is always right.
var direct = getting("direct", func(ctx context.Context, load strategy.Load, key string) (source.Record, error) {
	return load(ctx, key)
})

// bubbled are the strategies that a bubble can run: a bubble's clock does not
// move while callers wait for the locks of the mutex per key.
func bubbled(names ...string) []strategy.Kind {
	var kinds []strategy.Kind
	for _, k := range strategy.All() {
		if k.Name == "mutex" {
			continue
		}
		wanted := len(names) == 0
		for _, name := range names {
			wanted = wanted || k.Name == name
		}
		if wanted {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// run prepares and runs a lab.
func run(t *testing.T, o lab.Options) *figures.Report {
	t.Helper()
	if o.TTL == 0 {
		o.TTL = time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = time.Second
	}
	l, err := lab.Prepare(t.Context(), o)
	if err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	r, err := l.Run(t.Context())
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	if r.Partial || len(r.Results) != len(o.Kinds) {
		t.Fatalf("the report is partial: %v, with %d of %d results", r.Partial, len(r.Results), len(o.Kinds))
	}
	return r
}

// want compares a figure of a result.
func want[T comparable](t *testing.T, r *figures.Result, name string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s = %v, want %v", r.Strategy, name, got, want)
	}
}

func describe(r *figures.Result) string {
	return fmt.Sprintf("%d calls, %d answers, %d loads, %+v, %+v", r.Calls, r.Answers, r.Loads, r.Errors, r.Wrong)
}
