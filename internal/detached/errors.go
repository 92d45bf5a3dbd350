package detached

import (
	"errors"

	"github.com/onefold-go/onefold/internal/loadctx"
)

// The errors of Outcomes; package onefold documents them.
var (
	ErrCycle             = loadctx.ErrCycle
	ErrClosed            = errors.New("onefold: closed")
	ErrGoexit            = errors.New("onefold: load called runtime.Goexit")
	ErrKey               = errors.New("onefold: key is not equal to itself (a NaN?), so it could never be found again")
	ErrBudget            = errors.New("onefold: budget for waiting is used up")
	ErrOverload          = errors.New("onefold: overload")
	ErrLoadTimeout error = timeoutError{}
)

type timeoutError struct{}

func (timeoutError) Error() string { return "onefold: load timeout" }
func (timeoutError) Timeout() bool { return true }
