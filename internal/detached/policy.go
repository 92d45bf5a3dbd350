package detached

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/onefold-go/onefold/internal/flight"
)

// Policy is what a Table's owner decides; the zero Policy limits nothing. Look
// and Store are the owner's own code and are called under a lock: they must not
// block, call the Table, or run code of the user. The other functions may be
// the user's, and are called without a lock.
type Policy[K comparable, V any] struct {
	Name    func() string  // names the owner in errors; nil: it has no name
	ShowKey func(K) string // prints a key in errors; nil: a digest stands for it

	Context         Context
	Carry           func(load, caller context.Context) context.Context // with Values only; nil: all values
	Timeout         time.Duration                                      // of a load, from when it has its turn; zero: none
	CancelAbandoned bool                                               // end a load's context when its last caller leaves

	JoinWithin time.Duration    // how old a flight may be that is joined; zero: any age
	Succeed    func(error) bool // errors that are for the leader alone: one of the joiners tries again; nil: none

	MaxCallers int           // of one flight; zero: no limit
	MaxFlights int           // whose loads have not returned, about; zero: no limit
	MaxLoads   int           // at once; zero: no limit
	QueueWait  time.Duration // how long a load may wait for its turn under MaxLoads; zero: not at all

	Limited func(limit string, value int) error // the error of a call that met one; needed with any of the limits

	Look  func(key K) (V, bool) // may answer instead of a flight, but for a call with NoLook, or with a NotBefore and no Again; nil: never
	Store func(key K, value V)  // keeps the value of a current flight that did well; nil: nothing is kept

	Crash  func(*flight.Panic) // must panic, on the goroutine of a load that did; nil: the callers get the panic
	Loaded func(Load[V])       // is told of each load that has returned; nil: nobody is
}

// plain reports whether a load under p has only to be run, and its ending to be
// given to all who wait for it.
func (p *Policy[K, V]) plain() bool {
	return p.Context != Whole && p.Carry == nil && p.Timeout == 0 && p.JoinWithin == 0 && p.Succeed == nil &&
		p.MaxLoads == 0 && p.Look == nil && p.Store == nil && p.Crash == nil && p.Loaded == nil
}

// Rules are the part of a Policy that is the same for all types: Look and Store
// are nil, a Load comes without its value, and a ShowKey that is not nil says that
// keys are to be printed.
type Rules = Policy[struct{}, struct{}]

// RulesOf gives the rules of a onefold.Config. Package onefold sets it, for the
// packages whose own Config contains that one.
var RulesOf func(config any) Rules

// Typed gives the Policy of r for a table of these types. Its name is owner's
// type where r has none.
func Typed[K comparable, V any](r Rules, owner any) Policy[K, V] {
	p := Policy[K, V]{
		Name:    r.Name,
		Context: r.Context, Carry: r.Carry, Timeout: r.Timeout, CancelAbandoned: r.CancelAbandoned,
		JoinWithin: r.JoinWithin, Succeed: r.Succeed,
		MaxCallers: r.MaxCallers, MaxFlights: r.MaxFlights, MaxLoads: r.MaxLoads, QueueWait: r.QueueWait,
		Limited: r.Limited, Crash: r.Crash,
	}
	if r.Name == nil {
		p.Name = func() string { return strings.TrimPrefix(fmt.Sprintf("%T", owner), "*") }
	}
	if r.ShowKey != nil {
		p.ShowKey = func(key K) string { return fmt.Sprint(key) }
	}
	if r.Loaded != nil {
		p.Loaded = func(l Load[V]) {
			r.Loaded(Load[struct{}]{Hash: l.Hash, Served: l.Served, Took: l.Took, Err: l.Err, Panic: l.Panic})
		}
	}
	return p
}

// Context says what the context of a load has of its leader's.
type Context uint8

// What the context of a load can have of its leader's.
const (
	Values     Context = iota // its values
	Background                // nothing
	Whole                     // its values and its end
)

// A Load is one load that has returned.
type Load[V any] struct {
	Hash   uint64        // of the key, by the table's own seed
	Served int           // callers that got its ending
	Took   time.Duration // with the wait for its turn
	Value  V             // without an Err
	Err    error
	Panic  *flight.Panic // nil: the load did not
}

// A Wish is what one call wants beyond the rest. The zero Wish is none.
type Wish struct {
	NotBefore time.Time     // join no flight that began earlier; zero: any
	Budget    time.Duration // of the call's waits, all joins together; zero: none
	Timed     bool          // Outcome.Age and Took are wanted
	NoLook    bool          // Policy.Look is not asked
	Again     bool          // the call was answered before, in vain: it counts as one that enters again
}
