// Package loadctx is the context that a load runs with: it has the values of
// the caller that started the load, none of that caller's cancellation, and an
// end of its own.
package loadctx

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// A Ctx is the context of one load: call Init once, before anybody else sees it.
// The load may keep it for ever, so that nothing else should be kept with it.
//
//	live --Cancel, Finish--> canceled
//	live --TimeOut---------> timed out
//
// Unless it is told to follow its caller, a Ctx is never ended by another
// context; whoever owns the load ends it, at the latest with Finish when the
// load has returned. Once it has ended, nobody may be waiting for the load: see
// [Ctx.Wait]. Its methods may be called at the same time from many goroutines.
// It must not be copied.
type Ctx struct {
	caller context.Context // asked for values, and for its end only if followed; of a part: the whole
	state  atomic.Uint32   // live, canceled or timedOut, set once; and bits
	stage  atomic.Int32    // see SetStage
	extra  atomic.Pointer[extra]
}

// extra is what most loads never need: theirs look at nothing but values.
type extra struct {
	mu       sync.Mutex
	deadline time.Time   // guarded by mu; fixed before the load starts, since derived contexts read it once
	timer    *time.Timer // guarded by mu; nil: no deadline of the load's own

	// A context of the standard library that ends with this one, made when
	// Done is first asked for. The context package finds it through Value, and
	// so hangs derived contexts on it without a goroutine for each.
	inner  context.Context // guarded by mu
	cancel context.CancelFunc

	waits []edge // guarded by graph; the loads that this load waits for now

	parts atomic.Int32 // of a whole: that live, and one while more may come
}

// What state holds.
const (
	live uint32 = iota
	canceled
	timedOut

	ending uint32 = 3 // the bits of these

	over   uint32 = 1 << (iota - 2) // the load itself has returned
	follow                          // fixed at Init
	part                            // fixed at InitPart
)

// Init makes c live, with the values of caller; if followed is set, also with its
// deadline and, for contexts derived from c, its end. Whoever owns the load
// ends c itself when caller ends.
func (c *Ctx) Init(caller context.Context, followed bool) {
	c.caller = caller
	if followed {
		c.state.Store(follow)
	}
}

// Limit gives c a deadline d from now, at which expire is called, unless c has
// ended before. It does not end c by itself: expire does. Call it at most once,
// before the load starts.
func (c *Ctx) Limit(d time.Duration, expire func()) {
	x := c.more()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.inner != nil {
		x.cancel() // it is that of somebody who waited for the start, and has no deadline
		x.inner = nil
	}
	if c.how() == live { // otherwise nobody would stop the timer
		x.deadline, x.timer = time.Now().Add(d), time.AfterFunc(d, expire)
	}
}

// SetStage notes how far the load has come, for those who wait for it. What the
// number means is for whoever runs the load to say; it begins at 0.
func (c *Ctx) SetStage(stage int) { c.whole().stage.Store(int32(stage)) } //nolint:gosec // small

// Stage gives what SetStage noted last.
func (c *Ctx) Stage() int { return int(c.whole().stage.Load()) }

// Overdue reports whether the deadline of Limit has come.
func (c *Ctx) Overdue() bool {
	x := c.whole().extra.Load()
	if x == nil {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.deadline.IsZero() && !time.Now().Before(x.deadline)
}

// Cancel ends c with context.Canceled. Only the first end counts.
func (c *Ctx) Cancel() { c.end(canceled) }

// TimeOut ends c with context.DeadlineExceeded, at the deadline of Limit or, if
// it is followed, of the caller. Only the first end counts.
func (c *Ctx) TimeOut() { c.end(timedOut) }

// Finish says that the load has returned, and ends c.
func (c *Ctx) Finish() {
	if c.extra.Load() == nil && c.state.CompareAndSwap(live, canceled|over) && c.extra.Load() == nil {
		return // as most often: c is nothing but live; see end
	}
	c.state.Or(over)
	c.end(canceled)
}

// how says how c has ended.
func (c *Ctx) how() uint32 { return c.state.Load() & ending }

// is reports whether a bit of state is set.
func (c *Ctx) is(bit uint32) bool { return c.state.Load()&bit != 0 }

// first ends c, if that is not the case yet, and reports whether it did.
func (c *Ctx) first(how uint32) bool {
	for {
		state := c.state.Load()
		if state&ending != live {
			return false
		}
		if c.state.CompareAndSwap(state, state|how) {
			return true
		}
	}
}

func (c *Ctx) end(how uint32) {
	if c.is(part) {
		if c.first(how) {
			c.whole().partEnded()
		}
		return
	}
	x := c.extra.Load()
	if x == nil && c.first(how) {
		// Whoever makes extra from now on sees that c has ended; but somebody
		// may just have.
		if x = c.extra.Load(); x == nil {
			return
		}
	} else if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.inner != nil && x.inner.Err() == context.DeadlineExceeded { //nolint:errorlint // it is never wrapped
		how = timedOut // as Err has said since
	}
	c.first(how)
	if x.timer != nil {
		x.timer.Stop()
		x.timer = nil // c may be kept for long, and what expire needs must not be
	}
	if x.inner != nil {
		c.endInnerLocked(x)
	}
}

// endInnerLocked ends what is derived from c if c has ended. With a deadline,
// what has timed out ends by itself, and says so.
func (c *Ctx) endInnerLocked(x *extra) {
	if how := c.how(); how == canceled || how == timedOut && x.deadline.IsZero() {
		x.cancel()
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

// base is what c is derived from, as far as anybody can see.
func (c *Ctx) base() context.Context {
	if c.is(follow) {
		return c.caller
	}
	// Without this, context.Cause of a derived context would name whatever
	// ended the caller.
	return context.WithoutCancel(c.caller)
}

// Deadline is the earlier of Limit's and, where it is followed, the caller's.
func (c *Ctx) Deadline() (time.Time, bool) {
	deadline, ok := c.base().Deadline()
	if x := c.extra.Load(); x != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		if !x.deadline.IsZero() && (!ok || x.deadline.Before(deadline)) {
			return x.deadline, true
		}
	}
	return deadline, ok
}

// Done is closed at the end of c. It is one channel, before and after.
func (c *Ctx) Done() <-chan struct{} {
	x := c.more()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.inner == nil {
		if x.deadline.IsZero() || c.how() == canceled {
			x.inner, x.cancel = context.WithCancel(c.base())
		} else {
			x.inner, x.cancel = context.WithDeadline(c.base(), x.deadline)
		}
		c.endInnerLocked(x)
	}
	return x.inner.Done()
}

// Err is nil while c lives.
func (c *Ctx) Err() error {
	switch c.how() {
	case canceled:
		return context.Canceled
	case timedOut:
		return context.DeadlineExceeded
	}
	if x := c.extra.Load(); x != nil {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.inner != nil {
			return x.inner.Err() // it may know of the deadline a moment earlier
		}
	}
	return nil
}

// Value looks in the caller's context, but for Request.
func (c *Ctx) Value(key any) any {
	switch key {
	case any(&self):
		return c
	case any(&Request):
		return nil
	}
	if x := c.extra.Load(); x != nil {
		x.mu.Lock()
		inner := x.inner
		x.mu.Unlock()
		if inner != nil {
			return inner.Value(key)
		}
	}
	return c.base().Value(key)
}

// String is what the context package prints of c.
func (*Ctx) String() string { return "onefold.load" }

// Format writes the same for every verb: the default would print the load's
// value while the load writes it.
func (c *Ctx) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, c.String()) }

// self is the key under which a Ctx finds itself, seen from the contexts
// derived from it.
var self byte

// Request is the key for what a context has of one request alone, such as a
// memo. No load finds it: others may get what the load brings.
var Request byte

// Detach gives a context with the values of ctx, that never ends and belongs to
// no load.
func Detach(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), &self, (*Ctx)(nil))
}

// From gives the innermost load that ctx belongs to, or nil when there is none
// or it has returned.
func From(ctx context.Context) *Ctx {
	c, _ := ctx.Value(&self).(*Ctx)
	if c == nil || c.is(over) {
		return nil
	}
	return c
}
