package detached

import (
	"context"
	"time"

	"github.com/onefold-go/onefold/internal/flight"
	"github.com/onefold-go/onefold/internal/loadctx"
)

// A Call is one caller's way through flights, from joining the first to being
// answered. It is used by one goroutine at a time. The zero Call is of no use.
type Call[K comparable, V any] struct {
	table     *Table[K, V]
	key       K
	load      func(context.Context, K) (V, error)
	inline    bool             // as a leader, run the load on this goroutine
	replace   bool             // lead in any case
	solo      bool             // lead in any case, and let nobody join
	noLook    bool             // do not ask Policy.Look
	also      func()           // with replace: to call under the lock; nil: nothing
	bundle    *bundle[K, V]    // as a leader, load with the others in there; nil: alone
	collector *Collector[K, V] // where the bundle comes from; nil: it is given, if there is one
	notBefore time.Duration    // on the table's clock; 0: any flight may be joined
	patience  <-chan struct{}  // closed when the budget is used up; nil: there is none
	timer     *time.Timer      // of patience

	f      *flightOf[K, V] // nil: ending holds the answer
	role   Role            // in f
	again  bool            // f is not the first
	from   *loadctx.Ctx    // the load this call was made from, while its wait is noted in the graph
	ending flight.Ending[V]
}

func (c *Call[K, V]) wish(w Wish) {
	t := c.table
	if (w.Timed || !w.NotBefore.IsZero()) && !t.timed.Load() {
		t.timed.Store(true)
	}
	if !w.NotBefore.IsZero() {
		c.notBefore = max(1, w.NotBefore.Sub(t.start))
	}
	c.noLook = c.solo || w.NoLook || c.notBefore > 0 && !w.Again // a flight that was in vain may have been followed by a good one
	if w.Again {
		c.again = true
		t.again.Add(1)
	}
	if w.Budget > 0 {
		up := make(chan struct{})
		c.patience, c.timer = up, time.AfterFunc(w.Budget, func() { close(up) })
	}
}

// enter makes the caller part of a flight, or turns it away. Unless a leader is
// to run the load itself, that is running when enter returns.
func (c *Call[K, V]) enter(ctx context.Context) {
	if err := ctx.Err(); err != nil {
		c.turnAway(flight.Left, err)
		return
	}
	from := loadctx.From(ctx)
	if c.collector != nil {
		c.collector.enter(c, ctx, from)
		return
	}
	c.enterFlight(ctx, from)
}

// enterFlight is the rest of enter: from is the load that ctx belongs to. A
// leader in a bundle does not start it.
func (c *Call[K, V]) enterFlight(ctx context.Context, from *loadctx.Ctx) {
	t := c.table
	s, hash := t.flights.Shard(c.key)
	s.Lock()
	if s.Closed {
		s.Unlock()
		c.turnAway(flight.Refused, ErrClosed)
		return
	}
	if look := t.policy.Look; look != nil && !c.replace && !c.noLook {
		if v, ok := look(c.key); ok {
			s.Unlock()
			c.f, c.role, c.ending = nil, Hit, flight.Ending[V]{Value: v}
			return
		}
	}
	var f *flightOf[K, V]
	if !c.solo {
		f = s.FindLocked(c.key, hash)
	}
	if f != nil && c.joinableLocked(f) {
		if limit := t.policy.MaxCallers; limit > 0 && f.WaitingLocked() >= limit {
			s.Unlock()
			c.overload("MaxCallers", limit)
			return
		}
		f.JoinLocked()
		s.Unlock()
		c.joined(f, from)
		return
	}
	if c.key != c.key { //nolint:staticcheck // a NaN, or something with one in it: it would never be found again
		s.Unlock()
		c.turnAway(flight.Refused, ErrKey)
		return
	}
	if limit, value := t.admitLocked(s, c.bundle.hasTurn()); limit != "" {
		s.Unlock()
		c.overload(limit, value)
		return
	}
	prior := f
	if prior != nil {
		s.DetachLocked(prior)
	}
	f = s.LeadLocked(c.key, hash)
	t.beginLocked(f, ctx, c.bundle)
	f.X.final = c.again
	switch {
	case c.solo:
		s.DetachLocked(f)
	case !c.replace:
		f.Prior = prior
	default:
		f.X.alone = true
		s.Led-- // a write is no load
		if c.also != nil {
			c.also()
		}
	}
	if !c.inline && c.bundle == nil {
		f.BlockLocked()
	}
	s.Unlock()

	c.f, c.role = f, Led
	if from != nil {
		c.from = from
		from.Wait(f.X.ctx, t, f) // never a ring: the load has not started, so it waits for nobody
	}
	if !c.inline && c.bundle == nil {
		go t.run(f, ctx, c.load)
	}
}

// admitLocked makes room for one load more in s, or gives the limit that is in
// the way. turn says that the load has its turn already.
func (t *Table[K, V]) admitLocked(s *flight.Shard[K, V, part[K, V]], turn bool) (limit string, value int) {
	if s.Running >= t.share {
		return "MaxFlights", t.policy.MaxFlights
	}
	if t.turns != nil && t.policy.QueueWait == 0 && !turn && !t.turns.try() {
		return "MaxLoads", t.policy.MaxLoads
	}
	return "", 0
}

// beginLocked readies a flight whose load begins now, with the values of caller;
// or, unless b is nil, with b.
func (t *Table[K, V]) beginLocked(f *flightOf[K, V], caller context.Context, b *bundle[K, V]) {
	f.X.began = untimed
	if t.timed.Load() {
		f.X.began = t.now()
	}
	if b == nil {
		f.X.ctx = new(loadctx.Ctx)
		f.X.ctx.Init(t.policy.seen(caller), t.policy.Context == Whole)
	} else {
		b.add(f, caller)
	}
}

// joined is the rest of enter for a caller that found a flight.
func (c *Call[K, V]) joined(f *flightOf[K, V], from *loadctx.Ctx) {
	c.f, c.role = f, Joined
	if from == nil {
		return
	}
	ring := from.Wait(f.X.ctx, c.table, f)
	if ring == nil {
		c.from = from
		return
	}
	if left, _ := c.table.leave(f); left {
		s := f.Shard()
		s.Lock()
		s.Joined--
		s.Unlock()
		c.turnAway(flight.Refused, ring.Err())
	}
}

// turnAway answers the call without a flight.
func (c *Call[K, V]) turnAway(how flight.How, err error) {
	c.f, c.role, c.ending = nil, None, flight.Ending[V]{How: how, Err: err}
}

func (c *Call[K, V]) overload(limit string, value int) {
	c.table.turnedAway.Add(1)
	c.turnAway(flight.Refused, c.table.policy.Limited(limit, value))
}

// Wait returns when a flight has an ending for this caller, or when ctx or the
// caller's budget ends, whichever is first. When both have happened it may be
// either.
func (c *Call[K, V]) Wait(ctx context.Context) Outcome[V] {
	if c.timer != nil {
		defer c.timer.Stop()
	}
	for {
		o := c.waitOnce(ctx)
		if !c.inVain(ctx, &o) {
			return o
		}
		c.enter(ctx)
	}
}

// inVain reports whether o, which the call waited for, is an end that is not
// for this caller, so that it must enter again. Otherwise o is its answer.
func (c *Call[K, V]) inVain(ctx context.Context, o *Outcome[V]) bool {
	switch {
	case o.How != flight.Forsaken && o.How != flight.Failed:
		return false
	case ctx.Err() != nil: // the leader's own end is what ended the load, or this caller's has come as well
		o.Ending = flight.Ending[V]{How: flight.Left, Err: ctx.Err()}
		o.Served, o.Age, o.Took = 0, 0, 0
		return false
	case c.role == Led: // the load's error is for this caller alone
		o.How, o.Served = flight.Returned, 1
		if _, ok := o.Err.(*flight.Panic); ok { //nolint:errorlint // it is never wrapped
			o.How = flight.Panicked
		}
		return false
	case o.How == flight.Failed && c.again:
		o.How = flight.Returned
		return false
	}
	c.again = true
	c.table.again.Add(1)
	return true
}

func (c *Call[K, V]) waitOnce(ctx context.Context) Outcome[V] {
	o := Outcome[V]{Ending: c.ending, Role: c.role, Again: c.again}
	f := c.f
	if f == nil {
		return o
	}
	if c.from != nil {
		defer c.waited() // also when the load exits on this goroutine
	}
	if c.inline && c.role == Led {
		c.table.run(f, ctx, c.load)
	}
	var settled <-chan struct{}
	if c.bundle != nil && c.role == Led {
		settled = f.WillBlock()
	} else {
		settled = f.Settled()
	}
	err := c.block(ctx, settled)
	o.Stage = f.X.ctx.Stage()
	if err != nil {
		if left, abandoned := c.table.leave(f); left {
			o.Ending, o.Abandoned = flight.Ending[V]{How: flight.Left, Err: err}, abandoned
			return o
		}
	}
	if f.X.began != untimed {
		o.Age = c.table.now() - f.X.began
		o.Took = min(o.Age, time.Duration(f.X.took)) // it is rounded
	}
	o.Ending, o.Served = f.Take()
	return o
}

// block returns nil once settled is closed, and otherwise why the caller leaves.
func (c *Call[K, V]) block(ctx context.Context, settled <-chan struct{}) error {
	done := ctx.Done()
	switch {
	case settled == nil:
		return nil
	case done == nil && c.patience == nil:
		<-settled
		return nil
	case c.patience == nil:
		select {
		case <-settled:
			return nil
		case <-done:
			return ctx.Err()
		}
	default:
		select {
		case <-settled:
			return nil
		case <-done:
			return ctx.Err()
		case <-c.patience:
			return ErrBudget
		}
	}
}

// waited takes the wait back out of the graph.
func (c *Call[K, V]) waited() {
	c.from.Waited(c.f.X.ctx)
	c.from = nil
}

// joinableLocked reports whether the caller may join f.
func (c *Call[K, V]) joinableLocked(f *flightOf[K, V]) bool {
	if c.replace {
		return false
	}
	if c.notBefore > 0 && f.X.began < c.notBefore { // also when it is untimed
		return false
	}
	if within := c.table.policy.JoinWithin; within > 0 && c.table.now()-f.X.began > within {
		return f.Prior != nil && !f.Prior.SettledLocked() // two loads of a key are enough
	}
	return true
}
