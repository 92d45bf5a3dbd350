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
// the latest with Finish when the load has returned. Its methods may be called
// at the same time from many goroutines. It must not be copied.
type Ctx struct {
	caller context.Context // asked for values, never for its end
	ending atomic.Uint32   // live, canceled or timedOut; set once
	over   atomic.Bool     // the load itself has returned
	extra  atomic.Pointer[extra]
}

// extra is what most loads never need: theirs look at nothing but values.
type extra struct {
	mu       sync.Mutex
	deadline time.Time   // guarded by mu; fixed before the load starts, since derived contexts read it once
	timer    *time.Timer // guarded by mu; nil: no deadline

	done   chan struct{}        // guarded by mu; made when first asked for, one channel before and after the end
	closed bool                 // guarded by mu; done is closed
	after  map[*func()]struct{} // guarded by mu; what to start at the end

	waits []*Ctx // guarded by graph; the loads that this load waits for now
}

// What ending holds.
const (
	live uint32 = iota
	canceled
	timedOut
)

// Init makes c live, with the values of caller.
func (c *Ctx) Init(caller context.Context) { c.caller = caller }

// Limit gives c a deadline d from now, at which expire is called, unless c has
// ended before. It does not end c by itself: expire does. Call it at most once,
// before the load starts.
func (c *Ctx) Limit(d time.Duration, expire func()) {
	x := c.more()
	x.mu.Lock()
	defer x.mu.Unlock()
	if c.ending.Load() == live { // otherwise nobody would stop the timer
		x.deadline, x.timer = time.Now().Add(d), time.AfterFunc(d, expire)
	}
}

// Overdue reports whether c's deadline has come.
func (c *Ctx) Overdue() bool {
	deadline, ok := c.Deadline()
	return ok && !time.Now().Before(deadline)
}

// Cancel ends c with context.Canceled. Only the first end counts.
func (c *Ctx) Cancel() { c.end(canceled) }

// TimeOut ends c with context.DeadlineExceeded. Only the first end counts.
func (c *Ctx) TimeOut() { c.end(timedOut) }

// Finish says that the load has returned, and ends c. A load that has returned
// waits for nobody, so a context kept after it is in no ring of waits.
func (c *Ctx) Finish() {
	c.over.Store(true)
	c.end(canceled)
}

func (c *Ctx) end(how uint32) {
	if !c.ending.CompareAndSwap(live, how) {
		return
	}
	// Whoever makes extra, or something in it, from now on sees that c has ended.
	x := c.extra.Load()
	if x == nil {
		return
	}
	x.mu.Lock()
	if x.timer != nil {
		x.timer.Stop()
	}
	if x.done != nil && !x.closed {
		x.closed = true
		close(x.done)
	}
	after := x.after
	x.after = nil
	x.mu.Unlock()
	for f := range after {
		go (*f)()
	}
}

// more gives c's extra.
func (c *Ctx) more() *extra {
	if x := c.extra.Load(); x != nil {
		return x
	}
	c.extra.CompareAndSwap(nil, new(extra))
	return c.extra.Load()
}

// Deadline is that of Limit.
func (c *Ctx) Deadline() (time.Time, bool) {
	x := c.extra.Load()
	if x == nil {
		return time.Time{}, false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.deadline, !x.deadline.IsZero()
}

// Done is closed at the end of c.
func (c *Ctx) Done() <-chan struct{} {
	x := c.more()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.done == nil {
		x.done = make(chan struct{})
		if c.ending.Load() != live {
			x.closed = true
			close(x.done)
		}
	}
	return x.done
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
	x := c.more()
	x.mu.Lock()
	defer x.mu.Unlock()
	if c.ending.Load() != live {
		go f()
		return func() bool { return false }
	}
	if x.after == nil {
		x.after = make(map[*func()]struct{})
	}
	x.after[&f] = struct{}{}
	return func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		_, waiting := x.after[&f]
		delete(x.after, &f)
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
