package memo

import (
	"fmt"

	"github.com/onefold-go/onefold/internal/detached"
)

// Errors of a call that got no answer from its load. They are the very errors
// that package onefold has by these names.
var (
	// ErrGoexit reports that the load called runtime.Goexit, as a test's
	// FailNow does, and so returned nothing.
	ErrGoexit = detached.ErrGoexit

	// ErrCycle reports that a load asked for a key whose load waits for it:
	// its own, or one further round a ring of loads. Waiting would never end.
	// The error is an *onefold.CycleError, which names the ring; test for it
	// with errors.Is.
	ErrCycle = detached.ErrCycle

	// ErrKey reports a key that is not equal to itself, such as a NaN.
	ErrKey = detached.ErrKey
)

// A PanicError hands a load's panic to every caller that shared the load. When
// the load is the Get of a cache, Value is what that panicked with.
type PanicError struct {
	Value any    // what the load panicked with
	Stack []byte // the load's stack, as debug.Stack gives it while the panic unwinds
}

// Error gives the panic's value and the load's stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("memo: load panicked: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns Value when it is an error, so that errors.Is and errors.As see
// through a panic.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
