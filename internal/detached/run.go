package detached

import (
	"context"
	"errors"
	"time"

	"github.com/onefold-go/onefold/internal/flight"
)

// run runs the load of f and settles f, also when the load panics or exits.
// After an exit the goroutine ends too. caller is the leader's context.
func (t *Table[K, V]) run(f *flightOf[K, V], caller context.Context, load func(context.Context, K) (V, error)) {
	e := flight.Ending[V]{How: flight.Exited, Err: ErrGoexit}
	defer func() { t.settle(f, caller, e) }()
	if t.turns != nil {
		if err := t.awaitTurn(f); err != nil {
			e = flight.Ending[V]{How: flight.Refused, Err: err}
			return
		}
		defer func() { <-t.turns }()
	}
	if d := t.policy.Timeout; d > 0 {
		f.X.ctx.Limit(d, func() { t.expire(f) })
	}
	if t.policy.Context == Whole && caller.Done() != nil {
		stop := context.AfterFunc(caller, func() { t.forsake(f, caller.Err()) })
		defer stop()
	}
	e = flight.Call(func() (V, error) {
		ctx := context.Context(&f.X.ctx)
		if t.policy.Carry != nil {
			ctx = t.policy.Carry(ctx, caller)
		}
		return load(ctx, f.Key)
	})
	if p := e.Panic(); p != nil && t.policy.Crash != nil {
		t.policy.Crash(p)
	}
}

// awaitTurn waits for the load's turn under MaxLoads. With no QueueWait it has
// been taken already.
func (t *Table[K, V]) awaitTurn(f *flightOf[K, V]) error {
	if t.policy.QueueWait == 0 {
		return nil
	}
	select {
	case t.turns <- struct{}{}:
		return nil
	default:
	}
	patience := time.NewTimer(t.policy.QueueWait)
	defer patience.Stop()
	select {
	case t.turns <- struct{}{}:
		return nil
	case <-patience.C:
		t.turnedAway.Add(1)
		return t.policy.Limited("MaxLoads", t.policy.MaxLoads)
	case <-f.X.ctx.Done():
		return f.X.ctx.Err()
	}
}

// settle ends f with what its load came to, unless it has ended before.
func (t *Table[K, V]) settle(f *flightOf[K, V], caller context.Context, e flight.Ending[V]) {
	e = t.ending(f, caller, e)
	s := f.Shard()
	s.Lock()
	first := f.SettleLocked(e, t.policy.Store)
	served := f.ServedLocked()
	overtaken := t.overtakeLocked(f, e)
	drained := f.ReturnedLocked()
	s.Unlock()
	f.X.ctx.Finish()
	if first {
		f.Wake()
	}
	for _, older := range overtaken {
		older.X.ctx.Cancel()
		older.Wake()
	}
	if drained {
		close(s.Drained)
	}
	if t.policy.Loaded != nil {
		t.policy.Loaded(Load{Hash: t.flights.Hash(f.Key), Served: served, Took: t.now() - f.X.began, Err: e.Err})
	}
}

// ending is what callers get of how the load returned.
func (t *Table[K, V]) ending(f *flightOf[K, V], caller context.Context, e flight.Ending[V]) flight.Ending[V] {
	if e.How != flight.Returned || e.Err == nil {
		return e
	}
	switch {
	case errors.Is(e.Err, context.DeadlineExceeded) && f.X.ctx.Overdue():
		// The load may notice its deadline a moment before the timer does;
		// its callers get the same answer whoever was first.
		return flight.Ending[V]{How: flight.TimedOut, Err: ErrLoadTimeout}
	case t.policy.Context == Whole && caller.Err() != nil:
		e.How = flight.Forsaken
	case t.policy.Succeed != nil && !f.X.final && t.policy.Succeed(e.Err):
		e.How = flight.Forsaken
	}
	return e
}

// overtakeLocked settles the older loads of the key with what f came to, if
// that is good. What they come to themselves is for nobody then.
func (t *Table[K, V]) overtakeLocked(f *flightOf[K, V], e flight.Ending[V]) (overtaken []*flightOf[K, V]) {
	older := f.Prior
	f.Prior = nil
	if e.Err != nil {
		return nil
	}
	for ; older != nil; older = older.Prior {
		if older.SettleLocked(e, nil) {
			overtaken = append(overtaken, older)
		}
	}
	return overtaken
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

// forsake ends f because its leader's context has ended, which is also its
// load's. Its joiners need another.
func (t *Table[K, V]) forsake(f *flightOf[K, V], err error) {
	s := f.Shard()
	s.Lock()
	first := f.SettleLocked(flight.Ending[V]{How: flight.Forsaken, Err: err}, nil)
	s.Unlock()
	if errors.Is(err, context.DeadlineExceeded) {
		f.X.ctx.TimeOut()
	} else {
		f.X.ctx.Cancel()
	}
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

// values gives the context whose values a load sees at once.
func (c Context) values(caller context.Context, carry func(load, caller context.Context) context.Context) context.Context {
	if c == Background || carry != nil {
		return context.Background()
	}
	return caller
}
