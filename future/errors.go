package future

import (
	"fmt"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
)

// Errors of a call that got no answer from its load. They are the very errors
// that package onefold has by these names.
var (
	// ErrLoadTimeout reports that the load ran into [Config.LoadTimeout]. It
	// has a method Timeout() bool that returns true. It is not
	// context.DeadlineExceeded, which only ever means the caller's own
	// deadline.
	ErrLoadTimeout = detached.ErrLoadTimeout

	// ErrGoexit reports that the load called runtime.Goexit, as a test's
	// FailNow does, and so returned nothing.
	ErrGoexit = detached.ErrGoexit

	// ErrCycle reports that a load asked for a Future whose load waits for it:
	// its own, or one further round a ring of loads. Waiting would never end.
	// The error is an *onefold.CycleError, which names the ring; test for it
	// with errors.Is.
	ErrCycle = detached.ErrCycle
)

// A RetryError is what Get returns between a failure and the next load.
type RetryError struct {
	Err   error         // how the last load failed
	After time.Duration // how long until a Get may load again
}

// Error names the failure and the time that is left.
func (e *RetryError) Error() string {
	return fmt.Sprintf("future: next load in %v at the soonest; the last one failed: %v", e.After, e.Err)
}

// Unwrap returns Err.
func (e *RetryError) Unwrap() error { return e.Err }

// A LimitError turns a caller away where too many wait already.
type LimitError struct {
	Limit int // as [Config.MaxCallers] has it
}

// Error names the limit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("future: %d callers wait already, which is Config.MaxCallers", e.Limit)
}

// A PanicError hands a load's panic to every caller that waited for the load.
type PanicError struct {
	Value any    // what the load panicked with
	Stack []byte // the load's stack, as debug.Stack gives it while the panic unwinds
}

// Error gives the panic's value and the load's stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("future: load panicked: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns Value when it is an error, so that errors.Is and errors.As see
// through a panic.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
