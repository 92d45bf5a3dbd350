package onefold

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/onefold-go/onefold/internal/audit"
	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
)

// A Group coalesces loads of the same key: callers that arrive while a key is
// loading wait for that load and share its outcome. Nothing is kept after it:
// a later call loads again. For results that are kept, see package tier.
//
// The zero Group is ready to use. Its methods may be called at the same time
// from many goroutines. A Group must not be copied after first use.
type Group[K comparable, V any] struct {
	// Config must not be changed after first use. A Config that
	// [Config.Validate] finds fault with makes every use panic.
	Config Config

	// Clone copies a value that more than one caller gets, once for each of
	// them, on the caller's goroutine. Nil: the callers of a load get the same
	// V. If it holds pointers, slices or maps, they share what those lead to
	// and must not change it.
	Clone func(V) V

	once  sync.Once
	fault error // of Config; fixed after once
	table detached.Table[K, V]
	audit *audit.Table[K] // nil without Config.Audit; fixed after once
}

// Do gives the result of loading key. If a load of key is under way the caller
// joins it; otherwise Do starts one.
//
// The load has a context of its own, see [Config.LoadContext]: unless told
// otherwise, with the values of ctx, and no other end than
// [Config.LoadTimeout] and [Config.OnAbandon] give it. Do returns as soon as
// ctx ends, with ctx.Err(); when it has ended already, nothing is started. The
// load runs on a goroutine of its own, unless ctx can never end and there is no
// LoadTimeout: then the leader runs it, and a load that calls runtime.Goexit
// ends the leader's goroutine.
//
// If the load panics, Do panics in each of its callers with a *[PanicError],
// unless [Config.OnPanic] says otherwise. If it calls runtime.Goexit, callers
// get [ErrGoexit]. An error of the load comes with whatever value the load
// returned beside it.
//
// A load that asks for its own key, directly or through other loads, gets a
// *[CycleError] where it asks. Who asks is told by the context: whatever calls
// with the load's context, or one derived from it, counts as a part of the load,
// which waits for it. A goroutine that the load does not wait for takes
// [Detach](ctx).
//
// Do panics when ctx or load is nil.
func (g *Group[K, V]) Do(ctx context.Context, key K, load func(context.Context, K) (V, error)) (V, error) {
	g.check(ctx, load)
	if g.Config.Hooks.Call == nil && g.audit == nil {
		if e, served, ok := g.table.Quick(ctx, key, load); ok {
			return g.finish(e, served)
		}
	}
	return g.do(ctx, key, load)
}

// finish gives the ending of a load that served so many, or raises it.
func (g *Group[K, V]) finish(e flight.Ending[V], served int) (V, error) {
	if p := e.Panic(); p != nil {
		e.Err = &PanicError{Value: p.Value, Stack: p.Stack}
		g.raise(e.Err)
	}
	if g.Clone != nil && served > 1 && e.Err == nil {
		e.Value = g.Clone(e.Value)
	}
	return e.Value, e.Err
}

// do is the rest of Do where its table has no quicker way. It is apart since its
// frame is large: thousands may wait in Do, and each wakes on a cold stack.
func (g *Group[K, V]) do(ctx context.Context, key K, load func(context.Context, K) (V, error)) (V, error) {
	if g.audit != nil {
		r := g.audited(ctx, key, load, detached.Wish{})
		return r.Value, r.Err
	}
	r := g.result(key, func() detached.Outcome[V] { return g.table.Do(ctx, key, load) })
	return r.Value, r.Err
}

// A Call is what one call of [Group.DoResult] wants beyond the rest. The zero
// Call is what [Group.Do] does.
type Call struct {
	// NotBefore refuses to join a load that began earlier: a caller who has
	// just written gives the time of the write, and sees it. A load is started
	// instead, which later callers join. Zero means any load. The time must
	// come from time.Now in this process.
	NotBefore time.Time

	// Budget bounds how long the call waits, all loads that it joins together;
	// then it gets [ErrBudget]. Zero means as long as its context lets it.
	Budget time.Duration
}

// DoResult is [Group.Do] with wishes of this one call, and with all there is to
// know of how it went. It panics as Do does, and when c.Budget is negative.
func (g *Group[K, V]) DoResult(ctx context.Context, key K, load func(context.Context, K) (V, error), c Call) Result[V] {
	g.check(ctx, load)
	if c.Budget < 0 {
		panic(fmt.Sprintf("onefold: Call.Budget is %v, want 0 (none) or more", c.Budget))
	}
	wish := detached.Wish{NotBefore: c.NotBefore, Budget: c.Budget, Timed: true}
	if g.audit != nil {
		return g.audited(ctx, key, load, wish)
	}
	return g.result(key, func() detached.Outcome[V] { return g.table.DoWish(ctx, key, load, wish) })
}

// DoChan is [Group.Do] for callers that want to wait in a select of their own.
// The caller has joined or started a flight when DoChan returns. The channel
// gets exactly one Result and is never closed; nobody has to read it. When ctx
// ends first, the Result carries ctx.Err(). A panic of the load is delivered as
// a *[PanicError] in Result.Err, and never raised.
//
// The load always runs on a goroutine of its own.
func (g *Group[K, V]) DoChan(ctx context.Context, key K, load func(context.Context, K) (V, error)) <-chan Result[V] {
	g.check(ctx, load)
	call := g.table.Start(ctx, key, g.watched(load))
	ch := make(chan Result[V], 1)
	// The goroutine ends with the flight or with ctx, whichever is first.
	go func() { ch <- g.answer(key, func() detached.Outcome[V] { return call.Wait(ctx) }) }()
	return ch
}

// Forget makes the next call for key start a new load, even if one is under
// way. Those who wait for that one keep waiting for it. Without a load under
// way Forget does nothing.
func (g *Group[K, V]) Forget(key K) {
	g.ready()
	g.audit.Forget(key)
	g.table.Detach(key, nil)
}

// Close makes later calls fail with [ErrClosed] and waits until the loads under
// way have returned; their callers get their answers. When ctx ends first,
// Close cancels the loads that could still be joined, gives their callers
// ErrClosed, and returns ctx.Err() without waiting for them. Closing twice is
// fine.
func (g *Group[K, V]) Close(ctx context.Context) error {
	if ctx == nil {
		panic("onefold: nil context")
	}
	g.ready()
	return g.table.Close(ctx)
}

// result answers a call of the forms that raise a load's panic.
func (g *Group[K, V]) result(key K, wait func() detached.Outcome[V]) Result[V] {
	r := g.answer(key, wait)
	g.raise(r.Err)
	return r
}

// answer waits for the outcome of a call and tells the hook of it.
func (g *Group[K, V]) answer(key K, wait func() detached.Outcome[V]) Result[V] {
	hook := g.Config.Hooks.Call
	var began time.Time
	if hook != nil {
		began = time.Now()
	}
	r := newResult(wait())
	if g.Clone != nil && r.Callers > 1 && r.Err == nil {
		r.Value = g.Clone(r.Value)
	}
	if hook != nil {
		hook(Event{Name: g.Config.Name, KeyHash: g.table.KeyHash(key), Outcome: r.Outcome, Again: r.Again, Callers: r.Callers, Took: time.Since(began), Err: r.Err})
	}
	return r
}

// raise raises a load's panic, if err is one and the Config does not ask for an
// error.
func (g *Group[K, V]) raise(err error) {
	if g.Config.OnPanic == ReturnPanic {
		return
	}
	if p, ok := err.(*PanicError); ok { //nolint:errorlint // a wrapped one is an error that the load returned
		panic(p)
	}
}

// check finds misuse before anything is registered.
func (g *Group[K, V]) check(ctx context.Context, load func(context.Context, K) (V, error)) {
	if ctx == nil {
		panic("onefold: nil context")
	}
	if load == nil {
		panic("onefold: nil load")
	}
	g.ready()
}

// ready makes the table at the first use.
func (g *Group[K, V]) ready() {
	g.once.Do(g.init)
	if g.fault != nil {
		panic(g.fault)
	}
}

func (g *Group[K, V]) init() {
	g.fault = g.Config.Validate()
	if g.Config.Audit != nil {
		g.audit = audit.NewTable[K](g.Config.Audit, g.Config.Name, g.Config.ShowKeys, 0, nil)
	}
	g.table.Init(detached.Typed[K, V](g.Config.rules(), g))
}
