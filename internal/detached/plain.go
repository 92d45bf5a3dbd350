package detached

import (
	"context"
	"runtime/debug"

	"github.com/onefold-go/onefold/internal/flight"
	"github.com/onefold-go/onefold/internal/loadctx"
)

// Quick is Do for callers that want no more of an Outcome than this, where
// nothing sets the call apart: no policy that a load has to heed, no load that it
// was made from, no limit in the way. Otherwise it has done nothing, and ok is
// false. It is here for its speed alone: Do does all that it does.
//
// A table that is asked Quick is not asked Replace or DoMany, whose endings are
// not for everybody.
func (t *Table[K, V]) Quick(ctx context.Context, key K, load func(context.Context, K) (V, error)) (e flight.Ending[V], served int, ok bool) {
	if !t.plain || ctx.Err() != nil || loadctx.From(ctx) != nil || key != key { //nolint:staticcheck // a NaN, see enter
		return e, 0, false
	}
	done := ctx.Done()
	s, hash := t.flights.Shard(key)
	s.Lock()
	f := s.FindLocked(key, hash)
	switch {
	case s.Closed:
	case f != nil:
		if limit := t.policy.MaxCallers; limit > 0 && f.WaitingLocked() >= limit {
			break
		}
		f.JoinLocked()
		s.Unlock()
		e, served, _ = t.await(ctx, done, f)
		return e, served, true
	case s.Running < t.share:
		f = s.LeadLocked(key, hash)
		t.beginLocked(f, ctx, nil)
		if done == nil {
			s.Unlock()
			e, served = t.runPlain(f, load, true)
			return e, served, true
		}
		f.BlockLocked()
		s.Unlock()
		go t.runPlain(f, load, false)
		e, served, woken := t.await(ctx, done, f)
		if woken { // so that the load's goroutine is done with f
			s.Lock()
			f.SpareLocked()
			s.Unlock()
		}
		return e, served, true
	}
	s.Unlock()
	return e, 0, false
}

// await waits until f wakes its callers, or for done, which is that of ctx.
func (t *Table[K, V]) await(ctx context.Context, done <-chan struct{}, f *flightOf[K, V]) (e flight.Ending[V], served int, woken bool) {
	if done == nil {
		<-f.Settled()
		woken = true
	} else {
		select {
		case <-f.Settled():
			woken = true
		case <-done:
			if left, _ := t.leave(f); left {
				return flight.Ending[V]{How: flight.Left, Err: ctx.Err()}, 0, false
			}
		}
	}
	e, served = f.Take()
	return e, served, woken
}

// runPlain is run for a plain policy. If here, it is the leader's goroutine that
// runs the load: then it gives what that gets.
func (t *Table[K, V]) runPlain(f *flightOf[K, V], load func(context.Context, K) (V, error), here bool) (e flight.Ending[V], served int) {
	e = flight.Ending[V]{How: flight.Exited, Err: ErrGoexit}
	defer func() {
		if p := recover(); p != nil {
			e = flight.Ending[V]{How: flight.Panicked, Err: &flight.Panic{Value: p, Stack: debug.Stack()}}
		}
		s, ctx := f.Shard(), f.X.ctx
		s.Lock()
		if here && f.VanishLocked() {
			s.Unlock()
			ctx.Finish()
			served = 1
			return
		}
		first := t.endLocked(f, e, nil)
		served = f.ServedLocked()
		drained := f.ReturnedLocked()
		s.Unlock()
		ctx.Finish()
		if drained {
			close(s.Drained)
		}
		if first {
			f.Wake()
		}
		if here {
			e, served = f.Take() // it may have ended in another way before
		}
	}()
	v, err := load(f.X.ctx, f.Key)
	e = flight.Ending[V]{Value: v, Err: err}
	return e, served
}
