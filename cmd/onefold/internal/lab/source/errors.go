package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

var (
	// ErrNoRecord reports that the source does not hold the key.
	ErrNoRecord = errors.New("source: no record for the key")

	// ErrReadOnly reports that the source cannot be written.
	ErrReadOnly = errors.New("source: cannot be written")

	// ErrInjected is the failure that [Trouble] makes.
	ErrInjected = errors.New("source: injected failure")
)

// EndedError reports that the context of a load or an update ended before the
// source answered. Every source and every wrapper returns it, whatever its
// driver said, so that a caller can tell whose end stopped the load: Cause is
// what the owner of the context ended it with.
//
// An update that ended so may have been committed all the same.
type EndedError struct {
	Cause error // context.Cause of the context
	Err   error // context.Canceled or context.DeadlineExceeded
}

func (e *EndedError) Error() string {
	if e.Cause == nil || errors.Is(e.Err, e.Cause) {
		return fmt.Sprintf("source: ended before the answer: %v", e.Err)
	}
	return fmt.Sprintf("source: ended before the answer: %v (%v)", e.Err, e.Cause)
}

// Unwrap returns Err, so that [errors.Is] finds the context's error. It leaves
// Cause alone: a cause may be anything, also an error of another load.
func (e *EndedError) Unwrap() error { return e.Err }

// ended returns the EndedError of ctx, or nil while ctx goes on.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return &EndedError{Cause: context.Cause(ctx), Err: err}
	}
	return nil
}

// endedWith is ended for a call that failed with err. A deadline that the net
// package took over from ctx can pass a moment before the timer of ctx fires;
// the end of ctx is then awaited.
func endedWith(ctx context.Context, err error) error {
	if deadline, ok := ctx.Deadline(); ok && isTimeout(err) && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
	return ended(ctx)
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// setupError says what could not be done, or that the caller gave up.
func setupError(ctx context.Context, what string, err error) error {
	if e := endedWith(ctx, err); e != nil {
		return e
	}
	return fmt.Errorf("source: cannot %s: %w", what, err)
}

// whyNoAnswer finds the one line in a network error that a user needs.
func whyNoAnswer(err error, within time.Duration) error {
	if isTimeout(err) {
		return fmt.Errorf("no answer within %v", within)
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return err
}
