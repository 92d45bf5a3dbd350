package main

import (
	"context"
	"sync"
	"time"
)

// What all contenders have in common.
const (
	keep     = time.Minute // how long an answer that may be stored is kept: longer than any run
	capacity = 10_000      // entries
	theKey   = "k"         // the one key that all callers ask for
)

// A contender is one way to stand between callers and the source.
type contender struct {
	name string // as the table has it, and for -only
	how  string // how it is used here, for the page
	open func(setting) (opened, error)
}

// A setting is what a contender is opened in.
type setting struct {
	plan   plan
	budget time.Duration // a caller's patience; 0: none
	load   getFunc

	source string // host:port; only over the network
}

// A getFunc asks for a key.
type getFunc func(ctx context.Context, key string) (answer, error)

// An opened contender answers callers.
type opened struct {
	get   getFunc
	close func() error // nil: nothing to end
}

// contenders stand in the order of the table.
var contenders = []contender{
	plainContender,
	xsyncDo,
	xsyncDoChan,
	otterContender,
	sturdycContender,
	nginxDefault,
	nginxTuned,
	onefoldGroup,
	onefoldCache,
	onefoldAgain,
}

// patient gives ctx the deadline of the caller's budget, which is how a caller
// limits its wait where the library has no other word for it.
func (s setting) patient(get getFunc) getFunc {
	if s.budget == 0 {
		return get
	}
	return func(ctx context.Context, key string) (answer, error) {
		ctx, cancel := context.WithTimeout(ctx, s.budget)
		defer cancel()
		return get(ctx, key)
	}
}

// A shelf is the map with expiry that stands in front of a bare coalescer.
type shelf struct {
	mu   sync.RWMutex
	held map[string]shelved // guarded by mu
}

type shelved struct {
	answer
	until time.Time
}

func newShelf() *shelf { return &shelf{held: make(map[string]shelved)} }

func (s *shelf) get(key string) (answer, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.held[key]
	return e.answer, ok && time.Now().Before(e.until)
}

// put keeps a unless the source forbids it.
func (s *shelf) put(key string, a answer) {
	if a.noStore {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[key] = shelved{answer: a, until: time.Now().Add(keep)}
}

var plainContender = contender{
	name: "no coalescing",
	how:  "a map with expiry; each miss asks the source",
	open: func(s setting) (opened, error) {
		kept := newShelf()
		return opened{get: s.patient(func(ctx context.Context, key string) (answer, error) {
			if a, ok := kept.get(key); ok {
				return a, nil
			}
			a, err := s.load(ctx, key)
			if err == nil {
				kept.put(key, a)
			}
			return a, err
		})}, nil
	},
}
