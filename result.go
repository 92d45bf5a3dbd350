package onefold

import (
	"time"

	"github.com/onefold-go/onefold/internal/detached"
)

// A Result is what one call came to.
type Result[V any] struct {
	Value V
	Err   error

	// Outcome says how the call got its answer.
	Outcome Outcome

	// Again says that the call had joined another load before, whose end was
	// not for it: a failed collapse.
	Again bool

	// Callers is how many callers got the answer of the same load, this one
	// included: more than one means that the value is shared. It is the same
	// for all of them, and 0 for a call that got no load's answer.
	Callers int

	// Age is how long ago the load began, when the call was answered. 0 for a
	// call that got no load's answer, and for one that joined a load from
	// before the first DoResult of a Group that did not have to note the time
	// until then.
	Age time.Duration

	// Took is how long the load took, from when it began, with the wait for its
	// turn, until its callers were answered. It is rounded to seven digits, and
	// 0 where Age is.
	Took time.Duration
}

// An Outcome says how a call got its answer. Every call has exactly one.
type Outcome uint8

const (
	// Failed: the call ended with an error, the load's or its own.
	Failed Outcome = iota
	// Led: the call started the load whose value it got.
	Led
	// Joined: the call got the value of a load that was under way.
	Joined
	// Hit: the value was at hand, without a load. Caches only.
	Hit
	// Stale: the value was at hand, and not fresh any more. Caches only.
	Stale
	// Negative: the source has nothing for the key, or had nothing when it was
	// last asked. The error says so. Caches only.
	Negative
)

// String gives the outcome in lower case.
func (o Outcome) String() string {
	switch o {
	case Failed:
		return "failed"
	case Led:
		return "led"
	case Joined:
		return "joined"
	case Hit:
		return "hit"
	case Stale:
		return "stale"
	case Negative:
		return "negative"
	default:
		return "unknown"
	}
}

func newResult[V any](o detached.Outcome[V]) Result[V] {
	r := Result[V]{Value: o.Value, Err: o.Err, Again: o.Again, Callers: o.Served, Age: o.Age, Took: o.Took}
	if p := o.Panic(); p != nil {
		r.Err = &PanicError{Value: p.Value, Stack: p.Stack}
	}
	r.Outcome = outcome(r.Err, o.Role)
	return r
}

func outcome(err error, role detached.Role) Outcome {
	switch {
	case err != nil:
		return Failed
	case role == detached.Led:
		return Led
	case role == detached.Joined:
		return Joined
	default:
		return Hit
	}
}
