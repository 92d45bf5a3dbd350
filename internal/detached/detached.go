// Package detached runs loads that belong to none of their callers: each load
// has a context of its own, and each caller leaves on its own.
package detached

import (
	"context"
	"errors"
	"time"

	"github.com/onefold-go/onefold/internal/flight"
	"github.com/onefold-go/onefold/internal/loadctx"
)

// A Table coalesces the loads of one group or cache. Call Init before anything
// else; from then on its methods may be called at the same time from many
// goroutines. A Table must not be copied.
type Table[K comparable, V any] struct {
	policy  Policy[K, V]
	flights flight.Table[K, V, part[K, V]]
}

// Policy is what a Table's owner decides. Look and Store are the owner's own
// code and are called under a lock: they must not block, call the Table, or run
// code of the user.
type Policy[K comparable, V any] struct {
	Timeout         time.Duration         // of a load, from its start; zero: none
	CancelAbandoned bool                  // end a load's context when its last caller leaves
	Look            func(key K) (V, bool) // may answer instead of a flight; nil: never
	Store           func(key K, value V)  // keeps the value of a current flight that did well; nil: nothing is kept
}

// A part is what a Table keeps in each flight.
type part[K comparable, V any] struct {
	ctx  loadctx.Ctx                         // what the load sees; it keeps the flight alive
	load func(context.Context, K) (V, error) // of the goroutine that runs it
}

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
	Role   Role
	Served int // callers that got this flight's ending, this one included; 0 for a caller that did not wait for it
}

// Init makes the table ready.
func (t *Table[K, V]) Init(p Policy[K, V]) {
	t.policy = p
	t.flights.Init()
}

// Do gives the outcome of key's current flight, after starting one with load if
// there is none. It returns when the flight settles or ctx ends, whichever is
// first. Where neither ctx nor the policy can end the wait, the leader runs the
// load itself, and a load that exits ends the leader's goroutine.
func (t *Table[K, V]) Do(ctx context.Context, key K, load func(context.Context, K) (V, error)) Outcome[V] {
	inline := ctx.Done() == nil && t.policy.Timeout == 0
	c := t.enter(ctx, key, load, how{inline: inline})
	if inline && c.role == Led {
		if c.from != nil {
			defer c.waited() // also when the load exits
		}
		t.run(c.f)
	}
	return c.Wait(ctx)
}

// Start is Do in two steps: when it returns, the caller is part of a flight, or
// has been turned away. The load has a goroutine of its own. The caller must
// call [Call.Wait] once.
func (t *Table[K, V]) Start(ctx context.Context, key K, load func(context.Context, K) (V, error)) Call[K, V] {
	return t.enter(ctx, key, load, how{})
}

// Replace is Start with a flight of its own in the place of the current one,
// which is detached.
func (t *Table[K, V]) Replace(ctx context.Context, key K, load func(context.Context, K) (V, error)) Call[K, V] {
	return t.enter(ctx, key, load, how{replace: true})
}

// Detach takes key's current flight out of the table, if there is one: nobody
// joins it any more and its value is not stored, but its callers keep it. In
// the same critical section it calls also, unless that is nil, under the rules
// of Policy's functions.
func (t *Table[K, V]) Detach(key K, also func()) {
	s, hash := t.flights.Shard(key)
	s.Lock()
	defer s.Unlock()
	if f := s.FindLocked(key, hash); f != nil {
		s.RemoveLocked(f)
	}
	if also != nil {
		also()
	}
}

// how tells enter's callers apart.
type how struct {
	inline  bool // a leader runs the load itself
	replace bool // lead in any case
}

// enter makes the caller part of a flight. Unless a leader is to run the load
// itself, it is running when enter returns.
func (t *Table[K, V]) enter(ctx context.Context, key K, load func(context.Context, K) (V, error), how how) Call[K, V] {
	if err := ctx.Err(); err != nil {
		return turnedAway[K, V](flight.Left, err)
	}
	from := loadctx.From(ctx)
	s, hash := t.flights.Shard(key)
	s.Lock()
	if s.Closed {
		s.Unlock()
		return turnedAway[K, V](flight.Refused, ErrClosed)
	}
	if look := t.policy.Look; look != nil && !how.replace {
		if v, ok := look(key); ok {
			s.Unlock()
			return Call[K, V]{role: Hit, ending: flight.Ending[V]{Value: v}}
		}
	}
	if f := s.FindLocked(key, hash); f != nil {
		if !how.replace {
			f.JoinLocked()
			s.Unlock()
			return t.joined(f, from)
		}
		s.RemoveLocked(f)
	}
	if key != key { //nolint:staticcheck // a NaN, or something with one in it: it would never be found again
		s.Unlock()
		return turnedAway[K, V](flight.Refused, ErrKey)
	}
	f := s.LeadLocked(key, hash)
	f.X.load = load
	f.X.ctx.Init(ctx)
	if !how.inline {
		f.BlockLocked()
		if t.policy.Timeout > 0 {
			f.X.ctx.Limit(t.policy.Timeout, func() { t.expire(f) })
		}
	}
	s.Unlock()
	if from != nil {
		from.Wait(&f.X.ctx) // never a ring: the load has not started, so it waits for nobody
	}
	if !how.inline {
		go t.run(f)
	}
	return Call[K, V]{t: t, f: f, from: from, role: Led}
}

// joined is the rest of enter for a caller that found a flight.
func (t *Table[K, V]) joined(f *flightOf[K, V], from *loadctx.Ctx) Call[K, V] {
	if from != nil && from.Wait(&f.X.ctx) {
		from = nil
		if t.leave(f) {
			s := f.Shard()
			s.Lock()
			s.Joined--
			s.Unlock()
			return turnedAway[K, V](flight.Refused, ErrCycle)
		}
	}
	return Call[K, V]{t: t, f: f, from: from, role: Joined}
}

// run runs the load and settles f, also when the load panics or exits. After an
// exit the goroutine ends too.
func (t *Table[K, V]) run(f *flightOf[K, V]) {
	e := flight.Ending[V]{How: flight.Exited, Err: ErrGoexit}
	defer func() { t.settle(f, e) }()
	e = flight.Call(f, callLoad)
}

func callLoad[K comparable, V any](f *flightOf[K, V]) (V, error) { return f.X.load(&f.X.ctx, f.Key) }

// settle ends f with what its load came to, unless it has ended before.
func (t *Table[K, V]) settle(f *flightOf[K, V], e flight.Ending[V]) {
	if e.How == flight.Returned && errors.Is(e.Err, context.DeadlineExceeded) && f.X.ctx.Overdue() {
		// The load may notice its deadline a moment before the timer does;
		// its callers get the same answer whoever was first.
		e = flight.Ending[V]{How: flight.TimedOut, Err: ErrLoadTimeout}
	}
	f.X.load = nil
	s := f.Shard()
	s.Lock()
	first := f.SettleLocked(e, t.policy.Store)
	drained := f.ReturnedLocked()
	s.Unlock()
	f.X.ctx.Finish()
	if first {
		f.Wake()
	}
	if drained {
		close(s.Drained)
	}
}

// expire is what the timer calls at the end of Policy.Timeout. The load may go
// on, with an ended context and nobody to answer to.
func (t *Table[K, V]) expire(f *flightOf[K, V]) {
	s := f.Shard()
	s.Lock()
	first := f.SettleLocked(flight.Ending[V]{How: flight.TimedOut, Err: ErrLoadTimeout}, nil)
	s.Unlock()
	f.X.ctx.TimeOut()
	if first {
		f.Wake()
	}
}

// leave takes one caller out of f and reports whether it could: a flight that
// has settled has an ending for it instead.
func (t *Table[K, V]) leave(f *flightOf[K, V]) bool {
	left, abandoned := f.Leave(t.policy.CancelAbandoned)
	if abandoned {
		f.X.ctx.Cancel()
	}
	return left
}

// Counts gives how many callers have led and joined flights so far.
func (t *Table[K, V]) Counts() (led, joined uint64) {
	for i := range t.flights.Shards() {
		s := &t.flights.Shards()[i]
		s.Lock()
		led += s.Led
		joined += s.Joined
		s.Unlock()
	}
	return led, joined
}

// Size gives how many flights can be joined, and how many loads have not
// returned.
func (t *Table[K, V]) Size() (current, running int) {
	for i := range t.flights.Shards() {
		s := &t.flights.Shards()[i]
		s.Lock()
		current += s.LenLocked()
		running += s.Running
		s.Unlock()
	}
	return current, running
}
