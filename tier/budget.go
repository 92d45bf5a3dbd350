package tier

import (
	"context"
	"sync"
	"time"
)

// A budget is a context that ends with its parent, at a deadline, or when the
// operation that it is for has returned. The context package's own costs a
// dozen allocations under a load, whether or not anybody looks at it; this one
// makes it when somebody first asks for Done. Its methods may be called at the
// same time from many goroutines.
type budget struct {
	context.Context // the parent

	deadline time.Time // the parent's, if that is earlier

	mu     sync.Mutex
	err    error           // guarded by mu; how b ended, once somebody has seen that it did
	inner  context.Context // guarded by mu; nil: nobody has asked for Done
	cancel context.CancelFunc
}

// newBudget makes a budget of d from now.
func newBudget(parent context.Context, d time.Duration) *budget {
	b := &budget{Context: parent, deadline: time.Now().Add(d)}
	if earlier, ok := parent.Deadline(); ok && earlier.Before(b.deadline) {
		b.deadline = earlier
	}
	return b
}

// end says that the operation has returned.
func (b *budget) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.errLocked() == nil {
		b.err = context.Canceled
	}
	if b.inner != nil {
		b.cancel()
	}
}

// Deadline is when b ends at the latest.
func (b *budget) Deadline() (time.Time, bool) { return b.deadline, true }

// Done is closed when b ends.
func (b *budget) Done() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inner == nil {
		b.inner, b.cancel = context.WithDeadline(b.Context, b.deadline)
		if b.err != nil {
			b.cancel()
		}
	}
	return b.inner.Done()
}

// Err is nil until b ends.
func (b *budget) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.errLocked()
}

func (b *budget) errLocked() error {
	switch {
	case b.err != nil: // it stays what it was
	case b.inner != nil:
		b.err = b.inner.Err()
	case b.Context.Err() != nil:
		b.err = b.Context.Err()
	case !time.Now().Before(b.deadline):
		b.err = context.DeadlineExceeded
	}
	return b.err
}

// Value is the parent's. The context package looks for its own context here,
// after it has asked for Done, so as to need no goroutine for what is derived.
func (b *budget) Value(key any) any {
	b.mu.Lock()
	inner := b.inner
	b.mu.Unlock()
	if inner != nil {
		return inner.Value(key)
	}
	return b.Context.Value(key)
}
