// Package flight is the engine under every way of sharing a load: a table of
// the loads that run now, and who waits for each. It records how a load ended
// and decides nothing about what a caller sees of it.
package flight

import (
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/internal/loadctx"
)

// A flight is one load and the callers that wait for it.
//
//	loading --load returns-----------------> settled
//	loading --Policy.Timeout---------------> settled    (the load's late end is dropped)
//	loading --last caller leaves-----------> abandoned  (with Policy.CancelAbandoned; the load's end is dropped)
//
// While it is in its shard's map it is current: it can be joined, and its
// value may be stored. It leaves the map when it settles, when it is abandoned
// and when it is detached; a detached flight goes on for those who wait.
//
// The shard's lock guards every field but ctx, settled's closing and what the
// comments say otherwise. The load never runs under it.
type flight[K comparable, V any] struct {
	ctx   loadctx.Ctx // what the load sees; it keeps the flight alive, hence takeEnding
	shard *shard[K, V]
	key   K // fixed
	load  func(context.Context, K) (V, error)

	state   state
	current bool
	waiting int           // callers that wait and have not left
	settled chan struct{} // made by the first caller that must block; closed once settled, outside the lock
	timer   *time.Timer   // fixed before the load starts; nil without a timeout

	ending  Ending[V]    // written once, before settled is closed; read after
	served  int          // callers waiting when the flight settled
	readers atomic.Int64 // of those, how many have yet to take ending
}

type state uint8

const (
	loading state = iota
	settled
	abandoned
)

// How says how a caller's wait ended.
type How uint8

// The ways a wait ends. All but Returned come with an Err, and Panicked with a
// Panic.
const (
	Returned How = iota // the load returned Value and Err
	Panicked            // the load panicked
	Exited              // the load called runtime.Goexit
	TimedOut            // the load ran into Policy.Timeout
	Left                // the caller's own context ended
	Refused             // a ring of loads, a closed table, or a key that is not equal to itself
)

// An Ending is how a wait ended.
type Ending[V any] struct {
	How   How
	Value V // what the load returned, also beside an Err of its own
	Err   error
	Panic *Panic
}

// A Panic is what a load panicked with, and where.
type Panic struct {
	Value any
	Stack []byte
}

// run runs the load and settles f, also when the load panics or exits. After an
// exit the goroutine ends too.
func (f *flight[K, V]) run() {
	e := Ending[V]{How: Exited, Err: ErrGoexit}
	defer func() { f.settle(e) }()
	e = f.call()
}

// call turns a panic into an Ending. It does not return when the load exits.
func (f *flight[K, V]) call() (e Ending[V]) {
	returned := false
	defer func() {
		if !returned {
			// Without a panic this is an exit, and e goes nowhere.
			e = Ending[V]{How: Panicked, Err: errPanic, Panic: &Panic{Value: recover(), Stack: debug.Stack()}}
		}
	}()
	v, err := f.load(&f.ctx, f.key)
	returned = true
	return Ending[V]{Value: v, Err: err}
}

// settle ends f with what its load came to, unless it has ended before.
func (f *flight[K, V]) settle(e Ending[V]) {
	if e.How == Returned && e.Err != nil && f.timer != nil && f.overdue(e.Err) {
		e = Ending[V]{How: TimedOut, Err: ErrLoadTimeout}
	}
	f.load = nil
	s := f.shard
	s.mu.Lock()
	first := f.endLocked(e)
	s.running--
	last := s.drained != nil && s.running == 0
	s.mu.Unlock()
	if f.timer != nil {
		f.timer.Stop()
	}
	f.ctx.Finish()
	if first && f.settled != nil {
		close(f.settled)
	}
	if last {
		close(s.drained)
	}
}

// expire is what the timer calls at the end of Policy.Timeout. The load may go
// on, with an ended context and nobody to answer to.
func (f *flight[K, V]) expire() {
	f.shard.mu.Lock()
	first := f.endLocked(Ending[V]{How: TimedOut, Err: ErrLoadTimeout})
	f.shard.mu.Unlock()
	f.ctx.TimeOut()
	if first && f.settled != nil {
		close(f.settled)
	}
}

// endLocked moves f from loading to settled and reports whether it did. If f is
// current and the load did well, the value is stored and f leaves the map in
// one critical section: nobody can see the one without the other.
func (f *flight[K, V]) endLocked(e Ending[V]) bool {
	if f.state != loading {
		return false
	}
	f.state = settled
	f.served = f.waiting
	if f.waiting > 0 {
		f.ending = e
		f.readers.Store(int64(f.waiting))
	}
	if f.current {
		if store := f.shard.policy.Store; store != nil && e.Err == nil {
			store(f.key, e.Value)
		}
		f.shard.removeLocked(f)
	}
	return true
}

// leave takes one caller away and reports whether it could: a flight that has
// settled has an ending for it instead. The last one to leave abandons the
// flight where the policy says so.
func (f *flight[K, V]) leave() bool {
	s := f.shard
	s.mu.Lock()
	if f.state == settled {
		s.mu.Unlock()
		return false
	}
	f.waiting--
	abandon := f.waiting == 0 && s.policy.CancelAbandoned
	if abandon {
		f.state = abandoned
		if f.current {
			s.removeLocked(f)
		}
	}
	s.mu.Unlock()
	if abandon {
		if f.timer != nil {
			f.timer.Stop()
		}
		f.ctx.Cancel()
	}
	return true
}

// takeEnding gives a waiting caller of a settled flight its ending. The last
// caller to take it clears it: the load's context may be kept for long, and
// must not keep the value with it.
func (f *flight[K, V]) takeEnding() (e Ending[V], served int) {
	e, served = f.ending, f.served
	if f.readers.Add(-1) == 0 {
		f.ending = Ending[V]{}
	}
	return e, served
}

// overdue reports whether err is the load's way of saying that its deadline has
// come. The load may notice a moment before the timer does; its callers get the
// same answer whoever was first.
func (f *flight[K, V]) overdue(err error) bool {
	deadline, _ := f.ctx.Deadline()
	return errors.Is(err, context.DeadlineExceeded) && !time.Now().Before(deadline)
}
