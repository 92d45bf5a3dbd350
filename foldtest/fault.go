package foldtest

import (
	"context"
	"errors"
	"slices"
	"time"
)

// An Op is one of the operations of a [Store].
type Op string

// The operations. The slots of a batch meet the faults of the single operation
// as well, each by itself.
const (
	AnyOp       Op = ""
	Get         Op = "get"
	Delete      Op = "delete"
	Acquire     Op = "acquire"
	Fill        Op = "fill"
	Release     Op = "release"
	Renew       Op = "renew"
	Set         Op = "set"
	AcquireMany Op = "acquire_many"
	FillMany    Op = "fill_many"
	DeleteMany  Op = "delete_many"
	Notify      Op = "notify"
	Push        Op = "push" // the delivery of one change to a Notify
	Tags        Op = "tags"
	Bump        Op = "bump"
)

// ErrInjected is an error to inject.
var ErrInjected = errors.New("foldtest: injected fault")

// ErrDropped is what a call gets whose connection is gone.
var ErrDropped = errors.New("foldtest: connection dropped")

// A Fault is what goes wrong with a call. Its parts apply in the order of the
// fields from Delay on. A Fault is a value; zero parts do nothing.
type Fault struct {
	Times int      // how many calls meet it; zero means one, and less all
	Keys  []string // only calls for one of these; none means all

	// After lets the engine do its work before all that follows, so that an
	// error means an answer that was lost, not a call. In the slot of a batch
	// it changes nothing but that.
	After bool

	Delay time.Duration // holds up the call
	Gate  *Gate         // holds it up until the gate is open
	Hang  bool          // holds it up until its context ends
	Drop  bool          // drops the connection: its leases are void, and the call fails with Err or ErrDropped
	Err   error         // fails the call

	// Spoil changes the data that Get and Acquire answer. It owns what it is
	// given.
	Spoil func(data []byte) []byte

	// For Push: the change comes Twice, or behind the next one (Late), or not
	// at all (Lost). An Err or Drop there ends the Notify.
	Twice, Late, Lost bool
}

// Garbage is a Spoil that leaves nothing as it was.
func Garbage(data []byte) []byte {
	for i := range data {
		data[i] = ^data[i]
	}
	return append(data, "garbage"...)
}

// Truncate is a Spoil that loses the second half.
func Truncate(data []byte) []byte { return data[:len(data)/2] }

// A script is the faults to come, in order.
type script struct {
	faults []scripted
}

type scripted struct {
	op Op
	Fault
}

func (s *script) add(op Op, faults []Fault) {
	for _, f := range faults {
		if f.Times == 0 {
			f.Times = 1
		}
		s.faults = append(s.faults, scripted{op, f})
	}
}

// take gives the first fault that the call meets.
func (s *script) take(op Op, key string) (Fault, bool) {
	for i := range s.faults {
		f := &s.faults[i]
		if (f.op != AnyOp && f.op != op) || (len(f.Keys) > 0 && !slices.Contains(f.Keys, key)) {
			continue
		}
		met := f.Fault
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		return met, true
	}
	return Fault{}, false
}

// suffer is what happens to a call of s that meets f.
func (f Fault) suffer(ctx context.Context, s *Store) error {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if f.Gate != nil {
		if err := f.Gate.Pass(ctx); err != nil {
			return err
		}
	}
	if f.Hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if f.Drop {
		s.Drop()
		if f.Err == nil {
			return ErrDropped
		}
	}
	return f.Err
}
