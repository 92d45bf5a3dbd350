// Package detached runs loads that belong to none of their callers: each load
// has a context of its own, and each caller leaves on its own.
package detached

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/internal/flight"
	"github.com/onefold-go/onefold/internal/loadctx"
)

// A Table coalesces the loads of one group or cache. Call Init before anything
// else; from then on its methods may be called at the same time from many
// goroutines. A Table must not be copied.
type Table[K comparable, V any] struct {
	policy  Policy[K, V]
	start   time.Time // of the table's clock
	flights flight.Table[K, V, part[K, V]]

	timed      atomic.Bool // flights note when they begin: from the start, or since the first call that needs it
	turns      *turns      // nil: every load has its turn
	plain      bool        // the policy wants nothing of a load but that it runs, see Policy.plain; fixed
	share      int         // the most loads of one shard; fixed
	again      atomic.Uint64
	launched   atomic.Uint64
	turnedAway atomic.Uint64
}

// A part is what a Table keeps in each flight. The shard's lock guards it, but
// for ctx.
type part[K comparable, V any] struct {
	ctx   *loadctx.Ctx  // what the load sees; fixed. Not a part of the flight, since it may be kept for ever
	began time.Duration // on the table's clock; untimed: not noted
	took  float32       // nanoseconds, once it has settled; 0 if untimed. To seven digits, which fit where nothing else would
	final bool          // its errors are for all its callers: it is itself a second try
	alone bool          // its errors are for its leader alone: it is a write
	keep  bool          // it is not abandoned when its callers have left: it was launched
}

const untimed time.Duration = -1

type flightOf[K comparable, V any] = flight.Flight[K, V, part[K, V]]

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
	flight.Ending[V]
	Role      Role
	Again     bool          // the caller had joined another flight before, in vain
	Served    int           // callers that got this flight's ending, this one included; 0 for a caller that did not wait for it
	Age       time.Duration // since the load began; 0: not noted
	Took      time.Duration // from when the load began to its end; 0: not noted
	Abandoned bool          // the caller left, as the last, and the load has been cancelled
	Stage     int           // what the load had noted with loadctx.Ctx.SetStage when the caller left or was answered
}

// Init makes the table ready.
func (t *Table[K, V]) Init(p Policy[K, V]) {
	t.policy = p
	t.start = time.Now()
	t.flights.Init()
	t.plain = p.plain()
	t.share = math.MaxInt
	if share := p.MaxFlights / len(t.flights.Shards()); share > 0 {
		t.share = share
	}
	t.timed.Store(p.JoinWithin > 0 || p.Loaded != nil)
	if p.MaxLoads > 0 {
		t.turns = &turns{free: p.MaxLoads}
	}
}

// Do gives the outcome of key's current flight, after starting one with load if
// there is none. It returns when the flight settles or ctx ends, whichever is
// first. Where nothing can end the wait, the leader runs the load itself, and a
// load that exits ends the leader's goroutine.
func (t *Table[K, V]) Do(ctx context.Context, key K, load func(context.Context, K) (V, error)) Outcome[V] {
	c := Call[K, V]{table: t, key: key, load: load, inline: t.inline(ctx)}
	c.enter(ctx)
	return c.Wait(ctx)
}

// inline reports whether a leader with ctx can run its load itself, since
// nothing could end its wait before the load returns.
func (t *Table[K, V]) inline(ctx context.Context) bool {
	return ctx.Done() == nil && t.policy.Timeout == 0 && t.policy.JoinWithin == 0
}

// DoWish is Do with a wish.
func (t *Table[K, V]) DoWish(ctx context.Context, key K, load func(context.Context, K) (V, error), w Wish) Outcome[V] {
	c := Call[K, V]{table: t, key: key, load: load, inline: t.inline(ctx) && w.Budget == 0}
	c.wish(w)
	c.enter(ctx)
	return c.Wait(ctx)
}

// Solo is DoWish for a caller that neither joins a flight nor can be joined: its
// load runs beside whatever else there is for the key, and its value is not
// stored. Policy.Look is not asked.
func (t *Table[K, V]) Solo(ctx context.Context, key K, load func(context.Context, K) (V, error), w Wish) Outcome[V] {
	c := Call[K, V]{table: t, key: key, load: load, inline: t.inline(ctx) && w.Budget == 0, solo: true}
	c.wish(w)
	c.enter(ctx)
	return c.Wait(ctx)
}

// Start is Do in two steps: when it returns, the caller is part of a flight, or
// has been turned away. The load has a goroutine of its own. The caller must
// call [Call.Wait] once.
func (t *Table[K, V]) Start(ctx context.Context, key K, load func(context.Context, K) (V, error)) Call[K, V] {
	c := Call[K, V]{table: t, key: key, load: load}
	c.enter(ctx)
	return c
}

// Replace is Start with a write: a flight of its own in the place of the current
// one, which is detached. In the same critical section it calls also, under the
// rules of Policy's Look and Store, unless it is nil. Those who join the flight get the value; if
// the write fails they load.
func (t *Table[K, V]) Replace(ctx context.Context, key K, write func(context.Context, K) (V, error), also func()) Call[K, V] {
	c := Call[K, V]{table: t, key: key, load: write, replace: true, also: also}
	c.enter(ctx)
	return c
}

// Locked calls do under the rules of Policy's Look and Store.
func (t *Table[K, V]) Locked(key K, do func()) {
	s, _ := t.flights.Shard(key)
	s.Lock()
	defer s.Unlock()
	do()
}

// Detach takes key's current flight out of the table, if there is one: nobody
// joins it any more and its value is not stored, but its callers keep it. In
// the same critical section it calls also, unless that is nil, under the rules
// of Policy's Look and Store.
func (t *Table[K, V]) Detach(key K, also func()) {
	s, hash := t.flights.Shard(key)
	s.Lock()
	defer s.Unlock()
	if f := s.FindLocked(key, hash); f != nil {
		s.DetachLocked(f)
	}
	if also != nil {
		also()
	}
}

// KeyHash is a digest of a key: the same in all that is told of it, and another
// one in every process.
func (t *Table[K, V]) KeyHash(key K) uint64 { return t.flights.Hash(key) }

// Step names the load of a flight, for [loadctx.CycleError].
func (t *Table[K, V]) Step(load any) loadctx.Step {
	f := load.(*flightOf[K, V]) //nolint:forcetypeassert // the table gave it itself
	s := loadctx.Step{Name: "a load", KeyHash: t.flights.Hash(f.Key)}
	if t.policy.Name != nil {
		s.Name = t.policy.Name()
	}
	if t.policy.ShowKey != nil {
		s.Key = t.policy.ShowKey(f.Key)
	}
	return s
}

// now is the time on the table's clock.
func (t *Table[K, V]) now() time.Duration { return time.Since(t.start) }

// A Sum is what a table has counted since Init.
type Sum struct {
	Led, Joined uint64 // callers that led or joined a flight; those of Again are in here for each
	Launched    uint64 // loads that began without a caller
	Again       uint64 // callers that joined a flight whose end was not for them
	TurnedAway  uint64 // callers that met a limit
	Flights     int    // that can be joined now
	Running     int    // loads that have not returned now
}

// Sum gives the counts so far. They are not taken at one instant.
func (t *Table[K, V]) Sum() Sum {
	sum := Sum{Launched: t.launched.Load(), Again: t.again.Load(), TurnedAway: t.turnedAway.Load()}
	for i := range t.flights.Shards() {
		s := &t.flights.Shards()[i]
		s.Lock()
		sum.Led += s.Led
		sum.Joined += s.Joined
		sum.Flights += s.LenLocked()
		sum.Running += s.Running
		s.Unlock()
	}
	return sum
}
