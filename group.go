package onefold

import (
	"context"
	"sync"

	"github.com/onefold-go/onefold/internal/detached"
)

// A Group coalesces loads of the same key: callers that arrive while a key is
// loading wait for that load and share its outcome. Nothing is kept after it:
// a later call loads again. For results that are kept, see package tier.
//
// The zero Group is ready to use. Its methods may be called at the same time
// from many goroutines. A Group must not be copied after first use.
//
// All callers of a flight get the same V. If it holds pointers, slices or
// maps, they share what those lead to and must not change it.
type Group[K comparable, V any] struct {
	// Config must not be changed after first use. A Config that
	// [Config.Validate] finds fault with makes every use panic.
	Config Config

	once  sync.Once
	fault error // of Config; fixed after once
	table detached.Table[K, V]
}

// Do gives the result of loading key. If a load of key is under way the caller
// joins it; otherwise Do starts one.
//
// The load runs detached: its context has the values of ctx, its own deadline
// if [Config.LoadTimeout] sets one, and no other end than
// [Config.OnAbandon] gives it. Do returns as soon as ctx ends, with ctx.Err();
// when it has ended already, nothing is started. The load runs on a goroutine
// of its own, unless ctx can never end and there is no LoadTimeout: then the
// leader runs it, and a load that calls runtime.Goexit ends the leader's
// goroutine.
//
// If the load panics, Do panics in each of its callers with a *[PanicError].
// If it calls runtime.Goexit, callers get [ErrGoexit]. A load that asks for its
// own key, directly or through other loads, gets [ErrCycle] where it asks. An
// error of the load comes with whatever value the load returned beside it.
//
// Do panics when ctx or load is nil.
func (g *Group[K, V]) Do(ctx context.Context, key K, load func(context.Context, K) (V, error)) (V, error) {
	g.check(ctx, load)
	o := g.table.Do(ctx, key, load)
	if p := o.Panic(); p != nil {
		panic(&PanicError{Value: p.Value, Stack: p.Stack})
	}
	return o.Value, o.Err
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
	call := g.table.Start(ctx, key, load)
	ch := make(chan Result[V], 1)
	// The goroutine ends with the flight or with ctx, whichever is first.
	go func() { ch <- newResult(call.Wait(ctx)) }()
	return ch
}

// Forget makes the next call for key start a new load, even if one is under
// way. Those who wait for that one keep waiting for it. Without a load under
// way Forget does nothing.
func (g *Group[K, V]) Forget(key K) {
	g.ready()
	g.table.Detach(key, nil)
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
	g.once.Do(func() {
		g.fault = g.Config.Validate()
		g.table.Init(detached.Policy[K, V]{
			Timeout:         g.Config.LoadTimeout,
			CancelAbandoned: g.Config.OnAbandon != FinishLoad,
		})
	})
	if g.fault != nil {
		panic(g.fault)
	}
}
