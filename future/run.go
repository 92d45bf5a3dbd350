package future

import (
	"context"
	"errors"
	"runtime/debug"
	"time"
	"weak"

	"github.com/onefold-go/onefold/internal/loadctx"
)

// A run is one load and the callers that wait for it. It is settled once, by
// whichever is first: the end of the load or its timeout.
type run[V any] struct {
	// On its own, as the load may keep it for long after: it must not keep the
	// value with it.
	ctx *loadctx.Ctx

	waiting int  // guarded by Future.mu; callers that have not left
	over    bool // guarded by Future.mu; end is written

	settled chan struct{} // closed once end is written
	end     ending[V]     // written once, before settled is closed; read after
}

// An ending is a value, or a failure and no value.
type ending[V any] struct {
	value    *V
	failure  error
	panicked bool // failure is a *PanicError to raise
}

// start starts a load for ctx.
func (f *Future[V]) start(ctx context.Context) *run[V] {
	r := &run[V]{ctx: new(loadctx.Ctx), settled: make(chan struct{})}
	r.ctx.Init(ctx, false)
	if f.cfg.LoadTimeout > 0 {
		// Weak, as the timer stays with the context. While it matters, the
		// load's goroutine holds r.
		held := weak.Make(r)
		r.ctx.Limit(f.cfg.LoadTimeout, func() {
			if r := held.Value(); r != nil {
				f.expire(r)
			}
		})
	}
	go f.run(r) // ends when the load returns
	return r
}

// run runs the load and settles r, also when the load panics or exits.
func (f *Future[V]) run(r *run[V]) {
	end := ending[V]{failure: ErrGoexit}
	defer func() {
		first := f.settle(r, end)
		r.ctx.Finish()
		if first {
			close(r.settled)
		}
	}()
	end = f.call(r.ctx)
}

// call calls the load and turns a panic of it into an ending. It does not
// return when the load exits.
func (f *Future[V]) call(ctx *loadctx.Ctx) (end ending[V]) {
	returned := false
	defer func() {
		if !returned {
			// Without a panic this is an exit, and the ending goes nowhere.
			end = ending[V]{failure: &PanicError{Value: recover(), Stack: debug.Stack()}, panicked: true}
		}
	}()
	v, err := f.load(ctx)
	returned = true
	switch {
	case err == nil:
		return ending[V]{value: &v}
	case errors.Is(err, context.DeadlineExceeded) && ctx.Overdue():
		// The load may notice its deadline a moment before the timer does; its
		// callers get the same answer whoever was first.
		return ending[V]{failure: ErrLoadTimeout}
	default:
		return ending[V]{failure: err}
	}
}

// expire is what the timer calls. The load may go on, with an ended context and
// nobody to answer to.
func (f *Future[V]) expire(r *run[V]) {
	first := f.settle(r, ending[V]{failure: ErrLoadTimeout})
	r.ctx.TimeOut()
	if first {
		close(r.settled)
	}
}

// settle gives r its ending, unless it has one, and f as well if r is current.
// It reports whether it did; then the caller ends r's context and closes
// settled.
func (f *Future[V]) settle(r *run[V], end ending[V]) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.over {
		return false
	}
	r.over, r.end = true, end
	if f.current == r {
		f.current = nil
		f.value.Store(end.value)
		f.failure = end.failure
		if end.failure != nil {
			f.failed++
			f.retryAt = time.Now().Add(f.cfg.wait(f.failed))
		}
	}
	return true
}

// leave takes one caller out of r. A load that was reset and that nobody waits
// for any more is of no use to anybody.
func (f *Future[V]) leave(r *run[V]) {
	f.mu.Lock()
	r.waiting--
	unwanted := r.waiting == 0 && f.current != r
	f.mu.Unlock()
	if unwanted {
		r.ctx.Cancel()
	}
}

// result gives a waiting caller the ending of a settled run.
func (r *run[V]) result() (V, error) {
	switch {
	case r.end.failure == nil:
		return *r.end.value, nil
	case r.end.panicked:
		panic(r.end.failure)
	default:
		var zero V
		return zero, r.end.failure
	}
}
