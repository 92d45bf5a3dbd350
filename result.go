package onefold

import "github.com/onefold-go/onefold/internal/detached"

// A Result is what one call came to.
type Result[V any] struct {
	Value V
	Err   error

	// Outcome says how the call got its answer.
	Outcome Outcome

	// Callers is how many callers got the answer of the same flight, this one
	// included: more than one means that the value is shared. It is the same
	// for all of them, and 0 for a call that got no flight's answer.
	Callers int
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
	default:
		return "unknown"
	}
}

func newResult[V any](o detached.Outcome[V]) Result[V] {
	r := Result[V]{Value: o.Value, Err: o.Err, Callers: o.Served}
	switch {
	case o.Panic() != nil:
		r.Err = &PanicError{Value: o.Panic().Value, Stack: o.Panic().Stack}
	case o.Err != nil:
	case o.Role == detached.Led:
		r.Outcome = Led
	case o.Role == detached.Joined:
		r.Outcome = Joined
	}
	return r
}
