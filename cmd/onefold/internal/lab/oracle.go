package lab

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

// An outcome is how one call ended. The zero outcome is of a call that has
// not ended.
type outcome uint8

const (
	answered    outcome = iota + 1
	gaveUp              // the caller's own cancellation
	lateForOwn          // the caller's own deadline
	sourceError         // the source failed
	loadTimeout         // the load's own deadline
	otherError

	staleAnswer  // older than an invalidation acknowledged before the call began
	zeroAnswer   // a zero value with a nil error
	keyAnswer    // another key's value
	foreignError // another caller's cancellation or deadline

	notCounted // the whole run was interrupted

	outcomes // how many there are
)

// counts reports whether the call ended, and by itself.
func (o outcome) counts() bool { return o >= answered && o < notCounted }

// isAnswer reports whether the call got a value, right or wrong.
func (o outcome) isAnswer() bool {
	return o == answered || o == staleAnswer || o == zeroAnswer || o == keyAnswer
}

// A tally is the number of calls by outcome.
type tally [outcomes]int64

func (t *tally) calls() int64 {
	var n int64
	for o := range outcomes {
		if o.counts() {
			n += t[o]
		}
	}
	return n
}

func (t *tally) answers() int64 {
	var n int64
	for o := range outcomes {
		if o.isAnswer() {
			n += t[o]
		}
	}
	return n
}

func (t *tally) errors() figures.Errors {
	return figures.Errors{
		GaveUp:      t[gaveUp],
		Deadline:    t[lateForOwn],
		Source:      t[sourceError],
		LoadTimeout: t[loadTimeout],
		Other:       t[otherError],
	}
}

func (t *tally) wrong() figures.Wrong {
	return figures.Wrong{
		Stale:   t[staleAnswer],
		Zero:    t[zeroAnswer],
		Key:     t[keyAnswer],
		Foreign: t[foreignError],
	}
}

// floors hold, for each key, the row version of its last acknowledged
// invalidation: no call that begins later may be answered with less. They
// outlive a replay, as the versions at the source only grow.
type floors []atomic.Int64

// raise makes version the least that a later call may be answered with.
func (f floors) raise(key int32, version int64) {
	for {
		old := f[key].Load()
		if version <= old || f[key].CompareAndSwap(old, version) {
			return
		}
	}
}

// A leftError is the cause with which one caller's context ends, be it by
// cancellation or by deadline. Each caller has its own, so that an error which
// carries it says whose end it was.
type leftError struct{ call int }

func (e *leftError) Error() string { return fmt.Sprintf("caller %d has left", e.call) }

// judge says how a call ended. It is called at once when the call has
// returned; ctx is the caller's own, floor was read before the call began.
//
// The strategy has the benefit of the doubt: when the caller's own context is
// over by now, an error that tells of an ended context counts as its own.
func judge(ctx context.Context, key string, floor int64, r source.Record, err error) outcome {
	if err != nil {
		return judgeError(ctx, err)
	}
	switch {
	case r.Version == 0:
		return zeroAnswer
	case r.Key != key:
		return keyAnswer
	case r.Version < floor:
		return staleAnswer
	default:
		return answered
	}
}

func judgeError(ctx context.Context, err error) outcome {
	var (
		ended  *source.EndedError
		failed *loadError
		left   *leftError
	)
	if errors.As(err, &failed) && !errors.As(err, &ended) {
		return sourceError
	}
	if ctx.Err() != nil {
		switch {
		case !errors.As(context.Cause(ctx), &left):
			return notCounted
		case errors.Is(ctx.Err(), context.Canceled):
			return gaveUp
		default:
			return lateForOwn
		}
	}

	// The caller goes on, so that an ended context is not its own.
	switch {
	case ended != nil && errors.As(ended.Cause, &left):
		return foreignError
	case ended != nil && errors.Is(ended.Err, context.DeadlineExceeded):
		return loadTimeout
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return foreignError
	case isTimeout(err):
		return loadTimeout
	default:
		return otherError
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
