package fleet

import (
	"context"
	"errors"
	"sync"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

// A fault is an error on its way between processes. What it says is kept: its
// text, whether it tells of an ended context or of a timeout, and which error
// of the source it came from.
type fault struct {
	Text     string
	Canceled bool
	Deadline bool
	Timeout  bool
	From     int    // number of the source's error in faults, from 1; 0: none
	Caller   uint64 // the call whose end ended the load; 0: none's
}

// faults are the errors of the source that have gone to a process. They are as
// they were when they come back.
type faults struct {
	kept sync.Map // number to error
	left sync.Map // id of a call whose context has ended, to its cause
	n    sync.Mutex
	last int
}

// keep makes a fault of an error of the source.
func (s *faults) keep(err error) *fault {
	if err == nil {
		return nil
	}
	s.n.Lock()
	s.last++
	n := s.last
	s.n.Unlock()
	s.kept.Store(n, err)
	f := faultOf(err)
	f.From = n
	return f
}

// resolve makes an error of what a strategy in a process returned. cause gives
// that of a caller's end, if it is known.
func (s *faults) resolve(f *fault, cause func(caller uint64) error) error {
	if f == nil {
		return nil
	}
	err := f.error()
	if cause := cause(f.Caller); cause != nil {
		ended := &source.EndedError{Cause: cause, Err: context.Canceled}
		if f.Deadline {
			ended.Err = context.DeadlineExceeded
		}
		err.from = append(err.from, ended)
	}
	if from, ok := s.kept.Load(f.From); ok {
		err.from = append(err.from, from.(error)) //nolint:forcetypeassert // likewise
	}
	return err
}

// faultOf makes a fault of err.
func faultOf(err error) *fault {
	f := &fault{Text: err.Error(), Canceled: errors.Is(err, context.Canceled), Deadline: errors.Is(err, context.DeadlineExceeded)}
	if t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok {
		f.Timeout = t.Timeout()
	}
	if r, ok := errors.AsType[*remoteError](err); ok {
		f.From, f.Caller = r.fault.From, r.fault.Caller
	}
	return f
}

func (f *fault) error() *remoteError { return &remoteError{fault: f} }

// A remoteError is an error that was made in another process.
type remoteError struct {
	fault *fault
	from  []error // what is known of it here: whose end it was, and the source's error
}

func (e *remoteError) Error() string { return e.fault.Text }
func (e *remoteError) Timeout() bool { return e.fault.Timeout }

// Is finds the errors of ended contexts, as the context package's own.
func (e *remoteError) Is(target error) bool {
	return e.fault.Canceled && target == context.Canceled || e.fault.Deadline && target == context.DeadlineExceeded //nolint:errorlint // that is what Is is for
}

// Unwrap gives what is known of it here.
func (e *remoteError) Unwrap() []error { return e.from }
