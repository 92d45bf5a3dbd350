package foldtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/tier"
)

// StoreOptions say how [TestStore] is to test. The zero StoreOptions is ready to
// use, with an engine that runs in real time.
type StoreOptions struct {
	// Require names what the store must be: tests of an ability that a store
	// does not have are left out otherwise.
	Require Abilities

	// Bubble runs each test in a bubble of testing/synctest, where waiting
	// takes no time. It is for stores in memory: open is called in the bubble.
	Bubble bool

	// ShortTTL is a lease or TTL to wait for the end of: not below what the
	// engine can tell apart. Zero means 50 ms.
	ShortTTL time.Duration

	// Advance makes d pass for the engine. Nil means time.Sleep.
	Advance func(d time.Duration)

	// Within is how long something may take that ought to happen at once: a
	// call, a wake-up, a push. Zero means 5 s.
	Within time.Duration

	// MaxKey is the length in bytes of the longest key to try. Zero means
	// 4,096.
	MaxKey int

	// Rounds is how often a race is tried. Zero means 100.
	Rounds int
}

// Abilities are the optional interfaces of a store.
type Abilities struct{ Leaser, Renewer, Setter, Batcher, Notifier, Tagger bool }

// TestStore holds far tiers to the contract of [tier.Store], and to those of
// [tier.Leaser] and the other interfaces that a store has. open gives a new
// Store value each time, as a process would have one, all of them over one
// engine: it is called several times a test. What is to be closed is closed by
// a t.Cleanup. Tests use keys of their own; the table of tags is the engine's,
// and nobody else may write to it meanwhile. Run it with -race.
func TestStore(t *testing.T, open func(t *testing.T) tier.Store, o StoreOptions) {
	o = o.withDefaults()
	run := func(name string, test func(*testing.T)) {
		t.Run(name, func(t *testing.T) {
			if o.Bubble {
				synctest.Test(t, test)
			} else {
				test(t)
			}
		})
	}
	var has Abilities
	run("Abilities", func(t *testing.T) {
		has = abilities(open(t))
		for _, a := range []struct {
			name          string
			required, has bool
		}{
			{"Leaser", o.Require.Leaser, has.Leaser},
			{"Renewer", o.Require.Renewer, has.Renewer},
			{"Setter", o.Require.Setter, has.Setter},
			{"Batcher", o.Require.Batcher, has.Batcher},
			{"Notifier", o.Require.Notifier, has.Notifier},
			{"Tagger", o.Require.Tagger, has.Tagger},
		} {
			if a.required && !a.has {
				t.Errorf("the store is no tier.%s, which is required", a.name)
			}
		}
	})
	for _, c := range storeChecks {
		if !has.all(c.needs) {
			continue
		}
		run(c.name, func(t *testing.T) {
			c.run(newStoreTest(t, o, func() tier.Store { return open(t) }))
		})
	}
}

func (o StoreOptions) withDefaults() StoreOptions {
	if o.ShortTTL == 0 {
		o.ShortTTL = 50 * time.Millisecond
	}
	if o.Advance == nil {
		o.Advance = time.Sleep
	}
	if o.Within == 0 {
		o.Within = 5 * time.Second
	}
	if o.MaxKey == 0 {
		o.MaxKey = 4096
	}
	if o.Rounds == 0 {
		o.Rounds = 100
	}
	return o
}

func abilities(s tier.Store) (a Abilities) {
	_, a.Leaser = s.(tier.Leaser)
	_, a.Renewer = s.(tier.Renewer)
	_, a.Setter = s.(tier.Setter)
	_, a.Batcher = s.(tier.Batcher)
	_, a.Notifier = s.(tier.Notifier)
	_, a.Tagger = s.(tier.Tagger)
	return a
}

// all reports whether a has all that needs has.
func (a Abilities) all(needs Abilities) bool {
	return (a.Leaser || !needs.Leaser) && (a.Renewer || !needs.Renewer) && (a.Setter || !needs.Setter) &&
		(a.Batcher || !needs.Batcher) && (a.Notifier || !needs.Notifier) && (a.Tagger || !needs.Tagger)
}

type storeCheck struct {
	name  string
	needs Abilities
	run   func(*storeTest)
}

// A storeTest is one test of a store. Its methods fail the test at once where
// a call fails that must not.
type storeTest struct {
	testing.TB
	StoreOptions
	open   func() tier.Store
	prefix string
	ctx    context.Context // ends when the test has taken far too long
	long   time.Duration   // a lease or TTL that does not end during the test
}

func newStoreTest(t testing.TB, o StoreOptions, open func() tier.Store) *storeTest {
	ctx, cancel := context.WithTimeout(context.Background(), 20*o.Within)
	t.Cleanup(cancel)
	return &storeTest{TB: t, StoreOptions: o, open: open, prefix: rand.Text() + ":", ctx: ctx, long: 40 * o.Within}
}

// key gives a key that no other test uses.
func (t *storeTest) key(name string) string { return t.prefix + name }

func (t *storeTest) leaser() tier.Leaser {
	t.Helper()
	s, ok := t.open().(tier.Leaser)
	if !ok {
		t.Fatalf("the store is no tier.Leaser this time")
	}
	return s
}

// as gives what s also is.
func as[A any](t *storeTest, s tier.Store) A {
	t.Helper()
	a, ok := s.(A)
	if !ok {
		t.Fatalf("%T has not the ability it had before", s)
	}
	return a
}

func (t *storeTest) get(s tier.Store, key string) tier.Item {
	t.Helper()
	it, err := s.Get(t.ctx, key)
	if err != nil {
		t.Fatalf("Get(%.80q) = %v", key, err)
	}
	return it
}

// wantData checks what the store holds; "" is nothing.
func (t *storeTest) wantData(step string, s tier.Store, key, want string) {
	t.Helper()
	if it := t.get(s, key); string(it.Data) != want {
		t.Errorf("%s: Get gives %.80q, want %.80q", step, it.Data, want)
	}
}

func (t *storeTest) delete(s tier.Store, key string) {
	t.Helper()
	if err := s.Delete(t.ctx, key); err != nil {
		t.Fatalf("Delete(%.80q) = %v", key, err)
	}
}

func (t *storeTest) acquire(s tier.Leaser, key string, o tier.AcquireOptions) tier.Grant {
	t.Helper()
	if o.LeaseTTL == 0 {
		o.LeaseTTL = t.long
	}
	g, err := s.Acquire(t.ctx, key, o)
	if err != nil {
		t.Fatalf("Acquire(%.80q) = %v", key, err)
	}
	if g.Item.Data == nil && g.Lease == (tier.Lease{}) && g.Changed == nil && !g.LoadSelf {
		t.Errorf("Acquire(%.80q) is all zero, want an item, a lease, a channel to wait for or LoadSelf", key)
	}
	if g.Changed != nil && (g.HeldFor <= 0 || g.HeldFor > t.long) {
		t.Errorf("Acquire(%.80q): HeldFor is %v, want more than 0 and no more than the lease's TTL, %v", key, g.HeldFor, t.long)
	}
	return g
}

// lease acquires a lease that must be there to have, for ttl or, if that is 0,
// for long.
func (t *storeTest) lease(step string, s tier.Leaser, key string, ttl time.Duration) tier.Lease {
	t.Helper()
	g := t.acquire(s, key, tier.AcquireOptions{LeaseTTL: ttl})
	if g.Lease == (tier.Lease{}) {
		t.Fatalf("%s: Acquire grants no lease (%s), want one", step, describe(g))
	}
	return g.Lease
}

// held checks that somebody else holds the lease.
func (t *storeTest) held(step string, s tier.Leaser, key string) tier.Grant {
	t.Helper()
	g := t.acquire(s, key, tier.AcquireOptions{})
	if g.Lease != (tier.Lease{}) || g.LoadSelf || g.Changed == nil {
		t.Fatalf("%s: Acquire gives %s, want a channel to wait for whoever has the lease", step, describe(g))
	}
	return g
}

func (t *storeTest) fill(step string, s tier.Leaser, key string, lease tier.Lease, it tier.Item, want bool) {
	t.Helper()
	stored, err := s.Fill(t.ctx, key, lease, it)
	if err != nil {
		t.Fatalf("%s: Fill = %v", step, err)
	}
	if stored != want {
		t.Errorf("%s: Fill stored it: %t, want %t", step, stored, want)
	}
}

// put stores data for ttl.
func (t *storeTest) put(s tier.Leaser, key, data string, ttl time.Duration) {
	t.Helper()
	t.fill("with the key's lease", s, key, t.lease("before it is filled", s, key, 0), tier.Item{Data: []byte(data), TTL: ttl}, true)
}

func (t *storeTest) release(s tier.Leaser, key string, lease tier.Lease, loadSelf time.Duration) {
	t.Helper()
	if err := s.Release(t.ctx, key, lease, loadSelf); err != nil {
		t.Fatalf("Release(%.80q) = %v", key, err)
	}
}

// wantClosed waits for a wake-up.
func (t *storeTest) wantClosed(step string, changed <-chan struct{}) bool {
	t.Helper()
	timer := time.NewTimer(t.Within)
	defer timer.Stop()
	select {
	case <-changed:
		return true
	case <-timer.C:
		t.Errorf("%s: Changed is still open after %v, want it closed", step, t.Within)
		return false
	}
}

func (t *storeTest) wantOpen(step string, changed <-chan struct{}) {
	t.Helper()
	select {
	case <-changed:
		t.Errorf("%s: Changed is closed, want it open", step)
	default:
	}
}

// wantError runs a call that must fail, and soon.
func (t *storeTest) wantError(step string, call func() error) {
	t.Helper()
	answered := make(chan error, 1)
	go func() { answered <- call() }()
	timer := time.NewTimer(t.Within)
	defer timer.Stop()
	select {
	case err := <-answered:
		if err == nil {
			t.Errorf("%s: no error, want one", step)
		}
	case <-timer.C:
		t.Errorf("%s: no answer after %v, want an error", step, t.Within)
	}
}

// each runs f on n goroutines and waits for them.
func each(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

func describe(g tier.Grant) string {
	return fmt.Sprintf("an item of %d bytes, lease %t, channel %t, LoadSelf %t", len(g.Item.Data), g.Lease != tier.Lease{}, g.Changed != nil, g.LoadSelf)
}
