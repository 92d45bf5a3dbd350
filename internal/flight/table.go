package flight

import (
	"context"
	"hash/maphash"
	"runtime"
	"sync"
	"time"

	"github.com/onefold-go/onefold/internal/loadctx"
)

// A Table holds the flights of one group or cache, at most one current flight a
// key. Call Init before anything else; from then on its methods may be called
// at the same time from many goroutines. A Table must not be copied.
type Table[K comparable, V any] struct {
	policy Policy[K, V]
	seed   maphash.Seed
	shards []shard[K, V] // a power of two of them, never one alone: see shard
}

// Policy is what a Table's owner decides. Look and Store are the owner's own
// code and are called under a shard's lock: they must not block, call the
// Table, or run code of the user.
type Policy[K comparable, V any] struct {
	Timeout         time.Duration         // of a load, from its start; zero: none
	CancelAbandoned bool                  // end a load's context when its last caller leaves
	Look            func(key K) (V, bool) // may answer instead of a flight; nil: never
	Store           func(key K, value V)  // keeps the value of a current flight that did well; nil: nothing is kept
}

type shard[K comparable, V any] struct {
	mu      sync.Mutex
	flights map[K]*flight[K, V] // the current ones
	running int                 // loads that have not returned, current or not
	closed  bool
	drained chan struct{} // made by Close; closed when running is zero
	led     uint64
	joined  uint64

	policy *Policy[K, V] // fixed
	_      [24]byte      // two shards share no cache line
}

// Role is a caller's part in a flight.
type Role uint8

// The parts a caller can have.
const (
	None   Role = iota // it was turned away before it had a flight
	Hit                // Policy.Look answered
	Led                // it started the flight
	Joined             // it joined one
)

// An Outcome is what one caller gets.
type Outcome[V any] struct {
	Ending[V]
	Role   Role
	Served int // callers that got this flight's ending, this one included; 0 for a caller that did not wait for it
}

// Do gives the outcome of key's current flight, after starting one with load if
// there is none. It returns when the flight settles or ctx ends, whichever is
// first. Where neither ctx nor the policy can end the wait, the leader runs the
// load itself.
func (t *Table[K, V]) Do(ctx context.Context, key K, load func(context.Context, K) (V, error)) Outcome[V] {
	inline := ctx.Done() == nil && t.policy.Timeout == 0
	c := t.enter(ctx, key, load, inline, false)
	if c.role == Led && inline {
		c.runInline()
	}
	return c.Wait(ctx)
}

// Start is Do in two steps: when it returns, the caller is part of a flight, or
// has been turned away. The load has a goroutine of its own. The caller must
// call [Call.Wait] once.
func (t *Table[K, V]) Start(ctx context.Context, key K, load func(context.Context, K) (V, error)) Call[K, V] {
	return t.enter(ctx, key, load, false, false)
}

// Replace is Start with a flight of its own in the place of the current one,
// which is detached.
func (t *Table[K, V]) Replace(ctx context.Context, key K, load func(context.Context, K) (V, error)) Call[K, V] {
	return t.enter(ctx, key, load, false, true)
}

// Detach takes key's current flight out of the table, if there is one: nobody
// joins it any more and its value is not stored, but its callers keep it. In
// the same critical section it calls also, unless that is nil, under the rules
// of Policy's functions.
func (t *Table[K, V]) Detach(key K, also func()) {
	s := t.shard(key)
	s.mu.Lock()
	if f := s.flights[key]; f != nil {
		s.removeLocked(f)
	}
	if also != nil {
		also()
	}
	s.mu.Unlock()
}

// Counts gives how many callers have led and joined flights so far.
func (t *Table[K, V]) Counts() (led, joined uint64) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		led += s.led
		joined += s.joined
		s.mu.Unlock()
	}
	return led, joined
}

// Close turns away all later callers with ErrClosed and waits until every load
// has returned, or ctx ends: then it cancels the loads that are current, does
// not wait for them, and returns the context's error. Closing twice is fine.
func (t *Table[K, V]) Close(ctx context.Context) error {
	drained := make([]chan struct{}, len(t.shards))
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.closed = true
		if s.drained == nil {
			s.drained = make(chan struct{})
			if s.running == 0 {
				close(s.drained)
			}
		}
		drained[i] = s.drained
		s.mu.Unlock()
	}
	for _, ch := range drained {
		select {
		case <-ch:
		case <-ctx.Done():
			t.cancelCurrent()
			return ctx.Err()
		}
	}
	return nil
}

func (t *Table[K, V]) cancelCurrent() {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		flights := make([]*flight[K, V], 0, len(s.flights))
		for _, f := range s.flights {
			flights = append(flights, f)
		}
		s.mu.Unlock()
		for _, f := range flights {
			f.ctx.Cancel()
		}
	}
}

// Init makes the table ready.
func (t *Table[K, V]) Init(p Policy[K, V]) {
	t.policy = p
	t.seed = maphash.MakeSeed()
	n := 4
	for n < 4*runtime.GOMAXPROCS(0) {
		n *= 2
	}
	t.shards = make([]shard[K, V], n)
	for i := range t.shards {
		t.shards[i].flights = make(map[K]*flight[K, V])
		t.shards[i].policy = &t.policy
	}
}

// shard panics, before any lock is held, when key is an interface that holds
// something without equality.
func (t *Table[K, V]) shard(key K) *shard[K, V] {
	return &t.shards[maphash.Comparable(t.seed, key)&uint64(len(t.shards)-1)]
}

// enter makes the caller part of a flight. A leader with inline set runs the
// load itself, see Call.runInline; otherwise the load is running when enter
// returns.
func (t *Table[K, V]) enter(ctx context.Context, key K, load func(context.Context, K) (V, error), inline, replace bool) Call[K, V] {
	if err := ctx.Err(); err != nil {
		return turnedAway[K, V](Left, err)
	}
	from := loadctx.From(ctx)
	s := t.shard(key)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return turnedAway[K, V](Refused, ErrClosed)
	}
	f := s.flights[key]
	if replace {
		if f != nil {
			s.removeLocked(f)
		}
	} else {
		if look := s.policy.Look; look != nil {
			if v, ok := look(key); ok {
				s.mu.Unlock()
				return Call[K, V]{role: Hit, ending: Ending[V]{Value: v}}
			}
		}
		if f != nil {
			f.waiting++
			if f.settled == nil {
				f.settled = make(chan struct{})
			}
			s.joined++
			s.mu.Unlock()
			return join(f, from)
		}
	}
	if key != key { //nolint:staticcheck // a NaN, or something with one in it: no map would ever find it again
		s.mu.Unlock()
		return turnedAway[K, V](Refused, ErrKey)
	}
	f = &flight[K, V]{shard: s, key: key, load: load, current: true, waiting: 1}
	s.flights[key] = f
	s.running++
	s.led++
	if !inline {
		f.settled = make(chan struct{})
	}
	f.ctx.Init(ctx, s.policy.deadline())
	s.mu.Unlock()

	if from != nil {
		from.Wait(&f.ctx) // never a ring: the load has not started, so it waits for nobody
	}
	if d := s.policy.Timeout; d > 0 {
		f.timer = time.AfterFunc(d, f.expire)
	}
	if !inline {
		go f.run()
	}
	return Call[K, V]{f: f, from: from, role: Led}
}

// join is the rest of enter for a caller that found a flight.
func join[K comparable, V any](f *flight[K, V], from *loadctx.Ctx) Call[K, V] {
	if from != nil && from.Wait(&f.ctx) {
		if f.leave() {
			f.shard.mu.Lock()
			f.shard.joined--
			f.shard.mu.Unlock()
			return turnedAway[K, V](Refused, ErrCycle)
		}
		from = nil // the ring resolved itself: the flight has settled
	}
	return Call[K, V]{f: f, from: from, role: Joined}
}

func (p *Policy[K, V]) deadline() time.Time {
	if p.Timeout == 0 {
		return time.Time{}
	}
	return time.Now().Add(p.Timeout)
}

// removeLocked ends f's time as the current flight of its key.
func (s *shard[K, V]) removeLocked(f *flight[K, V]) {
	f.current = false
	delete(s.flights, f.key)
}
