package detached

import (
	"context"
	"errors"
	"time"

	"github.com/onefold-go/onefold/internal/flight"
	"github.com/onefold-go/onefold/internal/loadctx"
)

// run runs the load of f and settles f, also when the load panics or exits.
// After an exit the goroutine ends too. caller is the leader's context.
func (t *Table[K, V]) run(f *flightOf[K, V], caller context.Context, load func(context.Context, K) (V, error)) {
	e := flight.Ending[V]{How: flight.Exited, Err: ErrGoexit}
	defer func() { t.settle(f, e) }()
	if t.policy.Context == Whole && caller.Done() != nil {
		stop := context.AfterFunc(caller, func() { t.forsake(f, caller.Err()) })
		defer stop()
	}
	if t.turns != nil {
		if how, err := t.awaitTurn(f.X.ctx); err != nil {
			e = flight.Ending[V]{How: how, Err: err}
			return
		}
		defer t.turns.done()
	}
	if d := t.policy.Timeout; d > 0 {
		f.X.ctx.Limit(d, func() { t.expire(f) })
	}
	e = flight.Call(func() flight.Ending[V] {
		ctx := context.Context(f.X.ctx)
		if t.policy.Carry != nil {
			ctx = t.policy.Carry(ctx, caller)
		}
		v, err := load(ctx, f.Key)
		if err != nil {
			return t.failure(f, caller, v, err)
		}
		return flight.Ending[V]{Value: v}
	})
	if p := e.Panic(); p != nil && t.policy.Crash != nil {
		t.policy.Crash(p)
	}
}

// awaitTurn waits for the load's turn under MaxLoads. With no QueueWait it has
// been taken already.
func (t *Table[K, V]) awaitTurn(ctx *loadctx.Ctx) (flight.How, error) {
	if t.policy.QueueWait == 0 {
		return 0, nil
	}
	if t.turns.try() {
		return 0, nil
	}
	turn, leave := t.turns.wait()
	patience := time.NewTimer(t.policy.QueueWait)
	defer patience.Stop()
	select {
	case <-turn:
		return 0, nil
	case <-patience.C:
		if !leave() {
			return 0, nil // it came at the same time
		}
		t.turnedAway.Add(1)
		return flight.Refused, t.policy.Limited("MaxLoads", t.policy.MaxLoads)
	case <-ctx.Done():
		if !leave() {
			t.turns.done()
		}
		return flight.Forsaken, ctx.Err() // nobody waits, or it is the leader who has left
	}
}

// settle ends f with what its load came to, unless it has ended before.
func (t *Table[K, V]) settle(f *flightOf[K, V], e flight.Ending[V]) {
	if f.X.alone && e.Err != nil {
		e.How = flight.Forsaken
	}
	served := t.answer(f, e, true)
	if t.policy.Loaded != nil {
		t.policy.Loaded(t.loaded(f, e, served))
	}
}

// answer ends f with e unless it has ended before, and gives how many callers
// got its ending. returned says that f's load has returned.
func (t *Table[K, V]) answer(f *flightOf[K, V], e flight.Ending[V], returned bool) (served int) {
	s := f.Shard()
	s.Lock()
	first := t.endLocked(f, e, t.policy.Store)
	served = f.ServedLocked()
	overtaken := t.overtakeLocked(f, e)
	drained := returned && f.ReturnedLocked()
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
	return served
}

// returned says that the load of f, which has ended, has returned.
func (t *Table[K, V]) returned(f *flightOf[K, V]) {
	s := f.Shard()
	s.Lock()
	drained := f.ReturnedLocked()
	s.Unlock()
	if drained {
		close(s.Drained)
	}
}

func (t *Table[K, V]) loaded(f *flightOf[K, V], e flight.Ending[V], served int) Load[V] {
	return Load[V]{Hash: t.flights.Hash(f.Key), Served: served, Took: t.now() - f.X.began, Value: e.Value, Err: e.Err, Panic: e.Panic()}
}

// failure is what callers get of a load that returned err. It asks err and the
// user's functions, any of which may panic: it runs as a part of the load.
func (t *Table[K, V]) failure(f *flightOf[K, V], caller context.Context, v V, err error) flight.Ending[V] {
	e := flight.Ending[V]{Value: v, Err: err}
	switch {
	case f.X.ctx.Overdue() && errors.Is(err, context.DeadlineExceeded):
		// The load may notice its deadline a moment before the timer does;
		// its callers get the same answer whoever was first.
		return f.X.timedOut()
	case t.policy.Context == Whole && caller.Err() != nil:
		e.How = flight.Forsaken
	case t.policy.Succeed != nil && !f.X.final && t.policy.Succeed(err):
		e.How = flight.Failed
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
		if t.endLocked(older, e, nil) {
			overtaken = append(overtaken, older)
		}
	}
	return overtaken
}

// expire is what the timer calls at the end of Policy.Timeout. The load may go
// on, with an ended context and nobody to answer to.
func (t *Table[K, V]) expire(f *flightOf[K, V]) {
	f.X.ctx.TimeOut()
	t.cut(f, f.X.timedOut())
}

// timedOut is the ending of a load that ran into its time limit.
func (p *part[K, V]) timedOut() flight.Ending[V] {
	how := flight.TimedOut
	if p.alone {
		how = flight.Forsaken
	}
	return flight.Ending[V]{How: how, Err: ErrLoadTimeout}
}

// forsake ends f because its leader's context has ended, which is also its
// load's. Its joiners need another.
func (t *Table[K, V]) forsake(f *flightOf[K, V], err error) {
	endAs(f.X.ctx, err)
	t.cut(f, flight.Ending[V]{How: flight.Forsaken, Err: err})
}

// endAs ends ctx with err, which ended the context that it follows.
func endAs(ctx *loadctx.Ctx, err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		ctx.TimeOut()
	} else {
		ctx.Cancel()
	}
}

// cut settles f while its load runs on, unless it has ended before.
func (t *Table[K, V]) cut(f *flightOf[K, V], e flight.Ending[V]) {
	s := f.Shard()
	s.Lock()
	first := t.endLocked(f, e, nil)
	s.Unlock()
	if first {
		f.Wake()
	}
}

// endLocked is f.SettleLocked, and notes how long that took.
func (t *Table[K, V]) endLocked(f *flightOf[K, V], e flight.Ending[V], store func(K, V)) bool {
	if !f.SettleLocked(e, store) {
		return false
	}
	if f.X.began != untimed && f.ServedLocked() > 0 {
		f.X.took = float32(t.now() - f.X.began)
	}
	return true
}

// leave takes one caller out of f and reports whether it could: a flight that
// has settled has an ending for it instead. abandoned says that it was the last,
// and that the load's context has ended with it.
func (t *Table[K, V]) leave(f *flightOf[K, V]) (left, abandoned bool) {
	left, abandoned = f.Leave(t.policy.CancelAbandoned && !f.X.keep)
	if abandoned {
		f.X.ctx.Cancel()
	}
	return left, abandoned
}

// seen gives the context whose values a load sees from the start.
func (p *Policy[K, V]) seen(caller context.Context) context.Context {
	if p.Context == Background || p.Carry != nil {
		return context.Background()
	}
	return caller
}
