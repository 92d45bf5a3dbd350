package onefold

import (
	"context"

	"github.com/onefold-go/onefold/internal/loadctx"
)

// Detach gives the context for what a load starts and does not wait for: a
// goroutine that warms a neighbour, writes a log, tells another service. It has
// the values of ctx and never ends, so give it a deadline. It belongs to no
// load: a call with it is one by itself, and may wait for the very load that
// started it.
//
// [context.WithoutCancel] takes the end away and leaves the rest: what is called
// with that is still the load's own doing, so that a call for the load's key
// is told of a ring, where there is none, since the load does not wait for the
// goroutine. Take WithoutCancel for what the load waits for and must finish.
//
// Never wait in a load for what has a detached context: no ring through it can
// be found, and only [Config.LoadTimeout] would end it.
//
// Outside a load Detach is WithoutCancel. It panics when ctx is nil.
func Detach(ctx context.Context) context.Context {
	if ctx == nil {
		panic("onefold: nil context")
	}
	return loadctx.Detach(ctx)
}
