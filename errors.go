package onefold

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/loadctx"
)

// ErrNotFound reports that the source holds nothing for the key. A load may
// return it bare or wrapped; callers test for it with [errors.Is].
var ErrNotFound = errors.New("onefold: not found")

// Errors of a call that got no answer from its load.
var (
	// ErrLoadTimeout reports that the load ran into its own time limit. It has
	// a method Timeout() bool that returns true. It is not
	// context.DeadlineExceeded, which only ever means the caller's own
	// deadline.
	ErrLoadTimeout = detached.ErrLoadTimeout

	// ErrGoexit reports that the load called runtime.Goexit, as a test's
	// FailNow does, and so returned nothing.
	ErrGoexit = detached.ErrGoexit

	// ErrCycle reports that a load asked for a key whose load waits for it:
	// its own, or one further round a ring of loads. Waiting would never end.
	// The error is a *[CycleError], which names the ring; test for it with
	// [errors.Is].
	ErrCycle = detached.ErrCycle

	// ErrKey reports a key that is not equal to itself, such as a NaN.
	ErrKey = detached.ErrKey

	// ErrClosed reports a call on something closed.
	ErrClosed = detached.ErrClosed

	// ErrBudget reports that a call waited for as long as its [Call.Budget]
	// let it. The load may go on.
	ErrBudget = detached.ErrBudget
)

// A CycleError is an [ErrCycle] that names the ring: loads of groups, caches,
// futures and memos, each of which waits for the next, and the last for the
// first. The first is the one that was asked for, the last is the load that
// asked and got the error.
//
// Its text is such as
//
//	onefold: load would wait for itself: users key 9f3c6a2e51d07b84 -> orgs key 08d1b7733c5fe2a9 -> users key 9f3c6a2e51d07b84
//
// and leaves steps of a long ring out; its field
//
//	Ring []CycleStep
//
// has them all.
type CycleError = loadctx.CycleError

// A CycleStep is one load of a [CycleError]. Its fields are
//
//	Name    string // the Config.Name of whose load it is, or the type of that if it has no name
//	KeyHash uint64 // a digest, as Event.KeyHash; 0 for a load without a key, that of a future
//	Key     string // the key as %v prints it, with Config.ShowKeys; otherwise empty
type CycleStep = loadctx.Step

// ErrOverload matches every *[LimitError], with [errors.Is].
var ErrOverload = errors.New("onefold: overload")

// A LimitError turns a call away that would exceed a limit. Nothing was started
// or joined for it.
type LimitError struct {
	Name  string // Config.Name
	Limit string // MaxCallers, MaxLoads, or MaxFlights for DefaultMaxFlights
	Value int    // what the limit is
}

// Error names the limit and its value.
func (e *LimitError) Error() string {
	return fmt.Sprintf("onefold: %s: %s of %d reached", cmp.Or(e.Name, "group"), e.Limit, e.Value)
}

// Is reports whether target is [ErrOverload].
func (e *LimitError) Is(target error) bool { return target == ErrOverload }

// A PanicError hands a load's panic to every caller that shared the load.
type PanicError struct {
	Value any    // what the load panicked with
	Stack []byte // the load's stack, as debug.Stack gives it while the panic unwinds
}

// Error gives the panic's value and the load's stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("onefold: load panicked: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns Value when it is an error, so that [errors.Is] and
// [errors.As] see through a panic.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
