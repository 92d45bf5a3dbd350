package detached

import (
	"context"

	"github.com/onefold-go/onefold/internal/flight"
	"github.com/onefold-go/onefold/internal/loadctx"
)

// A Call is one caller's part in a flight, between joining and being answered.
// The zero Call is of no use.
type Call[K comparable, V any] struct {
	t      *Table[K, V]
	f      *flightOf[K, V] // nil: ending holds the answer
	from   *loadctx.Ctx    // the load this call was made from, when it notes its wait in the graph
	role   Role
	ending flight.Ending[V]
}

func turnedAway[K comparable, V any](how flight.How, err error) Call[K, V] {
	return Call[K, V]{ending: flight.Ending[V]{How: how, Err: err}}
}

// Wait returns when the flight settles or ctx ends, whichever is first. When
// both have happened it may be either.
func (c *Call[K, V]) Wait(ctx context.Context) Outcome[V] {
	f := c.f
	if f == nil {
		return Outcome[V]{Ending: c.ending, Role: c.role}
	}
	if c.from != nil {
		defer c.waited()
	}
	if settled := f.Settled(); settled != nil {
		if done := ctx.Done(); done == nil {
			<-settled
		} else {
			select {
			case <-settled:
			case <-done:
				if c.t.leave(f) {
					return Outcome[V]{Ending: flight.Ending[V]{How: flight.Left, Err: ctx.Err()}, Role: c.role}
				}
			}
		}
	}
	e, served := f.Take()
	return Outcome[V]{Ending: e, Role: c.role, Served: served}
}

func (c *Call[K, V]) waited() {
	if c.from != nil {
		c.from.Waited(&c.f.X.ctx)
		c.from = nil
	}
}
