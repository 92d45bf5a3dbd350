package flight

import (
	"runtime/debug"
	"sync/atomic"
)

// A Flight is one load and the callers that wait for it.
//
//	loading --Settle-----------------> settled
//	loading --LeaveLocked of the last> abandoned  (where the package over it says so; a later Settle is dropped)
//
// While it is in its shard it is current: it can be joined, and its value may
// be stored. It leaves the shard when it settles, when it is abandoned and when
// somebody removes it; then it goes on for those who wait.
//
// A flight that nobody but its leader can know of is used again for a later load:
// then it is empty, in its shard's list of spares.
//
// The shard's lock guards every field, but as the comments say. Fields are
// ordered for size.
type Flight[K comparable, V, X any] struct {
	X   X // of the package over this one, which says who may touch it
	Key K // fixed

	// Prior is an older load of the key that may still run, for the package
	// over this one: a field of X could not have this type.
	Prior *Flight[K, V, X]

	shard *Shard[K, V, X] // fixed
	next  *Flight[K, V, X]
	hash  uint32 // fixed

	state   state
	current bool
	known   bool // others than its leader have, or had, a way to it
	how     How
	waiting int32        // callers that wait and have not left; fixed once settled: those who get the ending
	readers atomic.Int32 // of the latter, how many have yet to take it

	// Made by the first caller that must block, and closed, outside the lock,
	// by whoever settled the flight. Fixed from when a caller has seen it.
	settled chan struct{}

	// The ending, with how: written once, before settled is closed; read after.
	value V
	err   error
}

type state uint8

const (
	loading state = iota
	settled
	abandoned
)

// An Ending is how a load ended, or one caller's wait for it.
type Ending[V any] struct {
	How   How
	Value V // what the load returned, also beside an Err of its own
	Err   error
}

// How says how a wait ended.
type How uint8

// The ways a wait ends. All but Returned come with an Err.
const (
	Returned How = iota // the load returned Value and Err
	Panicked            // the load panicked; Err is a *Panic
	Exited              // the load called runtime.Goexit
	TimedOut            // the load ran into its time limit
	Forsaken            // the load ended in a way that is for its leader alone; the others need another
	Failed              // likewise, but those who are on their second load already get Err as well
	Left                // the caller's own context or patience ended
	Refused             // the caller was turned away
)

// A Panic is what a load panicked with, and where. It is an error only to
// travel as one: what callers see of it is for the packages above to say.
type Panic struct {
	Value any
	Stack []byte
}

// Error is not meant to be seen.
func (*Panic) Error() string { return "onefold: load panicked" }

// JoinLocked adds a caller, which will block.
func (f *Flight[K, V, X]) JoinLocked() {
	f.waiting++
	f.known = true
	f.shard.Joined++
	f.BlockLocked()
}

// BlockLocked makes [Flight.Settled] for a leader that will block.
func (f *Flight[K, V, X]) BlockLocked() {
	if f.settled == nil {
		f.settled = make(chan struct{})
	}
}

// WillBlock gives [Flight.Settled] to a leader that may have to block after all;
// it is nil where f has settled.
func (f *Flight[K, V, X]) WillBlock() <-chan struct{} {
	f.shard.Lock()
	defer f.shard.Unlock()
	if f.state == settled {
		return nil
	}
	f.BlockLocked()
	return f.settled
}

// Settled is closed once f has settled. It is nil where no caller ever had to
// block: only the leader can see that, when it has run the load itself.
func (f *Flight[K, V, X]) Settled() <-chan struct{} { return f.settled }

// Shard gives the shard whose lock guards f.
func (f *Flight[K, V, X]) Shard() *Shard[K, V, X] { return f.shard }

// WaitingLocked gives how many callers wait for f.
func (f *Flight[K, V, X]) WaitingLocked() int { return int(f.waiting) }

// SettledLocked reports whether f has an ending.
func (f *Flight[K, V, X]) SettledLocked() bool { return f.state == settled }

// SettleLocked moves f from loading to settled and reports whether it did; then
// the caller calls [Flight.Wake] when it has let go of the lock. If f is current
// and the load did well, store gets the value, and f leaves the shard, in the
// same critical section: nobody can see the one without the other. A nil store
// keeps nothing.
func (f *Flight[K, V, X]) SettleLocked(e Ending[V], store func(K, V)) bool {
	if f.state != loading {
		return false
	}
	f.state = settled
	if f.waiting > 0 {
		if f.waiting > 1 {
			f.readers.Store(f.waiting)
		}
		f.how, f.value, f.err = e.How, e.Value, e.Err
	}
	if f.current {
		if store != nil && e.Err == nil {
			store(f.Key, e.Value)
		}
		f.shard.RemoveLocked(f)
	}
	return true
}

// ServedLocked gives how many callers get the ending of a settled flight.
func (f *Flight[K, V, X]) ServedLocked() int {
	if f.state != settled {
		return 0
	}
	return int(f.waiting)
}

// Wake releases the callers of a settled flight.
func (f *Flight[K, V, X]) Wake() {
	if f.settled != nil {
		close(f.settled)
	}
}

// ReturnedLocked counts the load as returned and reports whether that is what
// the shard's Drained waits for.
func (f *Flight[K, V, X]) ReturnedLocked() (drained bool) {
	delete(f.shard.apart, f)
	f.shard.Running--
	return f.shard.Drained != nil && f.shard.Running == 0
}

// Leave takes one caller away. left is false when the flight has settled: then
// the caller takes its ending. When the last caller has left, and abandon is
// set, f is abandoned.
func (f *Flight[K, V, X]) Leave(abandon bool) (left, abandonedNow bool) {
	f.shard.Lock()
	defer f.shard.Unlock()
	if f.state == settled {
		return false, false
	}
	f.waiting--
	if f.waiting > 0 || !abandon {
		return true, false
	}
	f.state = abandoned
	if f.current {
		f.shard.RemoveLocked(f)
	}
	return true, true
}

// Take gives a waiting caller of a settled flight its ending, and how many
// callers got it. The last caller to take it clears it: f may be kept for long
// after, and must not keep the value with it.
func (f *Flight[K, V, X]) Take() (e Ending[V], served int) {
	e, served = Ending[V]{How: f.how, Value: f.value, Err: f.err}, int(f.waiting)
	if f.waiting == 1 || f.readers.Add(-1) == 0 {
		var zero V
		f.value, f.err = zero, nil
	}
	return e, served
}

// VanishLocked settles a flight whose load has returned, for a leader who has the
// ending, if nobody else can know of it, and gives it back for a later load. It
// reports whether it did; then f must not be used any more.
func (f *Flight[K, V, X]) VanishLocked() bool {
	s := f.shard
	if f.known || !f.current || s.Drained != nil || s.spares == mostSpares {
		return false
	}
	s.RemoveLocked(f)
	s.Running--
	var (
		x   X
		key K
	)
	f.X, f.Key, f.waiting = x, key, 0 // nothing else has been written
	s.keepLocked(f)
	return true
}

// SpareLocked gives a settled flight, whose load has returned, back for a later
// load, if nobody but its leader can know of it; it reports whether it did. Then
// the leader, who has the ending, must not use f any more.
func (f *Flight[K, V, X]) SpareLocked() bool {
	s := f.shard
	if f.known || s.spares == mostSpares {
		return false
	}
	*f = Flight[K, V, X]{shard: s}
	s.keepLocked(f)
	return true
}

// Call calls load and turns a panic of it into an Ending. It does not return
// when load exits.
func Call[V any](load func() Ending[V]) (e Ending[V]) {
	returned := false
	defer func() {
		if !returned {
			// Without a panic this is an exit, and e goes nowhere.
			e = Ending[V]{How: Panicked, Err: &Panic{Value: recover(), Stack: debug.Stack()}}
		}
	}()
	e = load()
	returned = true
	return e
}

// Panic gives what the load panicked with, or nil when it did not.
func (e Ending[V]) Panic() *Panic {
	if e.How != Panicked {
		return nil
	}
	p, _ := e.Err.(*Panic) //nolint:errorlint // it is never wrapped
	return p
}
