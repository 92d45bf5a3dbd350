package flight

import (
	"context"

	"github.com/onefold-go/onefold/internal/loadctx"
)

// A Call is one caller's part in a flight, between joining and being answered.
// The zero Call is of no use.
type Call[K comparable, V any] struct {
	f      *flight[K, V] // nil: ending holds the answer
	from   *loadctx.Ctx  // the load this call was made from, when it notes its wait in the graph
	role   Role
	ending Ending[V]
}

func turnedAway[K comparable, V any](how How, err error) Call[K, V] {
	return Call[K, V]{ending: Ending[V]{How: how, Err: err}}
}

// runInline runs the load of a leader's flight on its own goroutine. The load's
// exit ends that goroutine.
func (c *Call[K, V]) runInline() {
	if c.from != nil {
		defer c.waited() // also when the load exits
	}
	c.f.run()
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
	if f.settled != nil {
		if done := ctx.Done(); done == nil {
			<-f.settled
		} else {
			select {
			case <-f.settled:
			case <-done:
				if f.leave() {
					return Outcome[V]{Ending: Ending[V]{How: Left, Err: ctx.Err()}, Role: c.role}
				}
			}
		}
	}
	e, served := f.takeEnding()
	return Outcome[V]{Ending: e, Role: c.role, Served: served}
}

func (c *Call[K, V]) waited() {
	if c.from != nil {
		c.from.Waited(&c.f.ctx)
		c.from = nil
	}
}
