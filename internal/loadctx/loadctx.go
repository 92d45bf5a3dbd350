// Package loadctx is the context that a load runs with: it has the values of
// the caller that started the load, none of that caller's cancellation, and an
// end of its own.
package loadctx

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A Ctx is the context of one load. It is meant to be a field of whatever
// stands for the load, so that the load and its context are one allocation:
// call Init once, before anybody else sees it.
//
//	live --Cancel, Finish--> canceled
//	live --TimeOut---------> timed out
//
// A Ctx is never ended by another context; whoever owns the load ends it, at
// the latest with Finish when the load has returned. Its methods may be called at the same
// time from many goroutines. It must not be copied.
type Ctx struct {
	caller   context.Context // asked for values, never for its end
	deadline time.Time       // zero: none. Fixed at Init, since derived contexts read it once.

	ending atomic.Uint32 // live, canceled or timedOut; set once, before done is closed
	over   atomic.Bool   // the load itself has returned

	mu    sync.Mutex
	done  chan struct{}        // guarded by mu; made when first asked for, one channel before and after the end
	after map[*func()]struct{} // guarded by mu; what to start at the end

	waits []*Ctx // guarded by graph; the loads that this load waits for now
}

// What ending holds.
const (
	live uint32 = iota
	canceled
	timedOut
)

// Init makes c live, with the values of caller and, unless it is zero, a
// deadline that c reports. c does not end by itself at the deadline.
func (c *Ctx) Init(caller context.Context, deadline time.Time) {
	c.caller, c.deadline = caller, deadline
}

// Cancel ends c with context.Canceled. Only the first end counts.
func (c *Ctx) Cancel() { c.end(canceled) }

// TimeOut ends c with context.DeadlineExceeded. Only the first end counts.
func (c *Ctx) TimeOut() { c.end(timedOut) }

func (c *Ctx) end(how uint32) {
	c.mu.Lock()
	if !c.ending.CompareAndSwap(live, how) {
		c.mu.Unlock()
		return
	}
	if c.done != nil {
		close(c.done)
	}
	after := c.after
	c.after = nil
	c.mu.Unlock()
	for f := range after {
		go (*f)()
	}
}

// Finish says that the load has returned, and ends c. A load that has returned
// waits for nobody, so a context kept after it raises no [Ctx.Wait] cycle.
func (c *Ctx) Finish() {
	c.over.Store(true)
	c.Cancel()
}

// Deadline is that of Init.
func (c *Ctx) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Done is closed at the end of c.
func (c *Ctx) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.ending.Load() != live {
			close(c.done)
		}
	}
	return c.done
}

// Err is nil while c lives.
func (c *Ctx) Err() error {
	switch c.ending.Load() {
	case canceled:
		return context.Canceled
	case timedOut:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// Value looks in the caller's context, but for what would lead to the caller's
// cancellation: without that, context.Cause of an ended load would name
// whatever ended its caller.
func (c *Ctx) Value(key any) any {
	if key == any(&self) {
		return c
	}
	return context.WithoutCancel(c.caller).Value(key)
}

// AfterFunc makes f run on a goroutine of its own when c ends, unless stop is
// called before. The context package looks for this method: without it each
// context derived from c would cost a goroutine.
func (c *Ctx) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending.Load() != live {
		go f()
		return func() bool { return false }
	}
	if c.after == nil {
		c.after = make(map[*func()]struct{})
	}
	c.after[&f] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waiting := c.after[&f]
		delete(c.after, &f)
		return waiting
	}
}

// String is constant: the default would print the load's value while the load
// writes it.
func (c *Ctx) String() string { return "onefold.load" }

// self is the key under which a Ctx finds itself, seen from the contexts
// derived from it.
var self byte

// From gives the innermost load that ctx belongs to, or nil when there is none
// or it has returned.
func From(ctx context.Context) *Ctx {
	c, _ := ctx.Value(&self).(*Ctx)
	if c == nil || c.over.Load() {
		return nil
	}
	return c
}
