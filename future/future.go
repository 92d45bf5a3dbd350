// Package future loads one thing once and shares it, as sync.OnceValues does,
// for loads that can fail, hang or go out of date: callers wait on their own
// contexts, a failure is tried again, and the value can be reset.
package future

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/internal/loadctx"
)

// A Future is a value that is loaded when it is first asked for and kept from
// then on. At most one load is under way at a time, a Reset and a load past its
// timeout excepted; all who ask meanwhile wait for it and share its end.
//
// Make it with [New]. The zero Future holds nothing and can load nothing: its
// Get panics. The methods may be called at the same time from many goroutines.
// A Future must not be copied. It has no goroutine but that of a load.
//
// All callers get the same V. If it holds pointers, slices or maps, they share
// what those lead to and must not change it.
//
//	empty --Get--------------------------> loading
//	loading --value----------------------> kept
//	loading --error, panic, exit, timeout> failed
//	failed --Get, when the wait is over--> loading
//	any of them --Reset------------------> empty
type Future[V any] struct {
	value atomic.Pointer[V] // nil: not kept; written with mu held
	load  func(context.Context) (V, error)
	cfg   Config

	// All guarded by mu.
	mu      sync.Mutex
	current *run[V]   // the load under way; its end becomes the Future's
	failure error     // of the last load; nil: it did well, or there was none
	failed  int       // loads that failed since the last Reset: a value ends the row
	retryAt time.Time // with a failure: the next load begins no sooner
}

// New makes a Future of what load returns. It starts nothing. It panics when
// load is nil or cfg has a fault, so that it can stand in the declaration of a
// package variable; check settings that come from a file with
// [Config.Validate].
func New[V any](load func(context.Context) (V, error), cfg Config) *Future[V] {
	if load == nil {
		panic("future: nil load")
	}
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	return &Future[V]{load: load, cfg: cfg}
}

// Get gives the value. If it is kept, Get costs one atomic load and neither
// looks at ctx nor allocates. Otherwise Get waits for the load under way, which
// it starts if there is none, and returns as soon as ctx ends, with ctx.Err().
// When ctx has ended already, nothing is started.
//
// The load runs on a goroutine of its own and belongs to none of its callers:
// its context has the values of the ctx that started it and none of its
// cancellation. It goes on when they have all left, since its value is kept.
// Its context ends at [Config.LoadTimeout], or after a [Future.Reset] as soon
// as nobody waits for it.
//
// The error of a load goes to all who waited for it, as it is and without a
// value. If the load panics, Get panics in each of them with the same
// *[PanicError]; if it calls runtime.Goexit, they get [ErrGoexit]; if it runs
// into its timeout, [ErrLoadTimeout]. None of these is for ever: a Get that
// comes later loads again, at once or as [Config.RetryMin] says. Until then Get
// fails at once with a *[RetryError] around the failure, a panic included.
//
// Where [Config.MaxCallers] callers wait already, Get fails at once with a
// *[LimitError]. A load that asks for its own Future, directly or through other
// loads, gets [ErrCycle] where it asks.
//
// Get panics when it would wait and ctx is nil.
func (f *Future[V]) Get(ctx context.Context) (V, error) {
	if v := f.value.Load(); v != nil {
		return *v, nil
	}
	return f.wait(ctx)
}

// wait is Get for a value that is not kept.
func (f *Future[V]) wait(ctx context.Context) (V, error) {
	var zero V
	if ctx == nil {
		panic("future: nil context")
	}
	if f.load == nil {
		panic("future: Get of a Future that New did not make")
	}
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	r, v, err := f.join(ctx)
	switch {
	case err != nil:
		return zero, err
	case v != nil:
		return *v, nil
	}
	if from := loadctx.From(ctx); from != nil {
		if ring := from.Wait(r.ctx, (*owner[V])(f), nil); ring != nil {
			f.leave(r)
			return zero, ring.Err()
		}
		defer from.Waited(r.ctx)
	}
	select {
	case <-r.settled:
		return r.result()
	case <-ctx.Done():
		f.leave(r)
		return zero, ctx.Err()
	}
}

// An owner is a Future as rings know it.
type owner[V any] Future[V]

// Step names the Future in an error.
func (o *owner[V]) Step(any) loadctx.Step {
	return loadctx.Step{Name: cmp.Or(o.cfg.Name, fmt.Sprintf("%T", (*Future[V])(o))[1:])}
}

// join makes the caller wait for a load, unless there is a value or an error
// for it at once.
func (f *Future[V]) join(ctx context.Context) (*run[V], *V, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if v := f.value.Load(); v != nil {
		return nil, v, nil
	}
	if f.current == nil {
		if f.failure != nil {
			if left := time.Until(f.retryAt); left > 0 {
				return nil, nil, &RetryError{Err: f.failure, After: left}
			}
		}
		f.current = f.start(ctx)
	}
	if limit := cmp.Or(f.cfg.MaxCallers, DefaultMaxCallers); f.current.waiting >= limit {
		return nil, nil, &LimitError{Limit: limit}
	}
	f.current.waiting++
	return f.current, nil, nil
}

// Peek gives the value if it is kept. It starts nothing and waits for nothing.
func (f *Future[V]) Peek() (V, bool) {
	if v := f.value.Load(); v != nil {
		return *v, true
	}
	var zero V
	return zero, false
}

// Reset forgets the value, or the failure and the wait after it: the next Get
// loads. What a load under way returns is not kept; those who wait for it still
// get it, and when there are none, its context ends.
func (f *Future[V]) Reset() {
	f.mu.Lock()
	r := f.current
	f.current = nil
	f.value.Store(nil)
	f.failure, f.failed = nil, 0
	unwanted := r != nil && r.waiting == 0
	f.mu.Unlock()
	if unwanted {
		r.ctx.Cancel()
	}
}
