// Package singleflight has the API and the behaviour of
// golang.org/x/sync/singleflight, on Onefold's flights: change the import path
// and nothing else.
//
// It also has that package's limits: the function gets no context, a caller
// cannot leave before it returns, and Result.Shared is true for the caller that
// ran the function as well. [github.com/onefold-go/onefold.Group] has none of
// them.
package singleflight

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/onefold-go/onefold/internal/flight"
)

// A Group is a space of keys of which each has at most one function running.
//
// The zero Group is ready to use. Its methods may be called at the same time
// from many goroutines. A Group must not be copied after first use.
type Group struct {
	once  sync.Once
	table flight.Table[string, any, struct{}]
}

type call = flight.Flight[string, any, struct{}]

// A Result is what Do returns, for a channel.
type Result struct {
	Val    any
	Err    error
	Shared bool
}

// Do runs fn and returns its results, or, while an earlier call with key is
// running, waits for that and returns its results instead. shared tells whether
// more than one caller got v.
//
// fn runs on the goroutine of the first caller. If it panics, Do panics in each
// caller; if it calls runtime.Goexit, each caller's goroutine exits. A fn that
// calls Do with its own key never returns.
func (g *Group) Do(key string, fn func() (any, error)) (v any, err error, shared bool) { //nolint:revive // x/sync's own order
	var (
		e      flight.Ending[any]
		served int
	)
	c, led := g.enter(key)
	if led {
		e, served = run(c, fn)
	} else {
		<-c.Settled()
		e, served = c.Take()
	}
	raise(e)
	return e.Value, e.Err, served > 1
}

// DoChan is Do with the results on a channel, which is not closed. If fn panics
// the process ends, since nobody could recover from it on behalf of those who
// wait for a channel; if it calls runtime.Goexit, nothing is sent.
func (g *Group) DoChan(key string, fn func() (any, error)) <-chan Result {
	ch := make(chan Result, 1)
	c, led := g.enter(key)
	go func() {
		var (
			e      flight.Ending[any]
			served int
		)
		if led {
			e, served = run(c, fn)
		} else {
			<-c.Settled()
			e, served = c.Take()
		}
		raise(e)
		ch <- Result{Val: e.Value, Err: e.Err, Shared: served > 1}
	}()
	return ch
}

// Forget makes the next call with key run its function, even while an earlier
// one is running.
func (g *Group) Forget(key string) {
	s, hash := g.shard(key)
	s.Lock()
	defer s.Unlock()
	if c := s.FindLocked(key, hash); c != nil {
		s.RemoveLocked(c)
	}
}

// enter makes the caller part of a call, as the one that has to run it if led.
func (g *Group) enter(key string) (c *call, led bool) {
	s, hash := g.shard(key)
	s.Lock()
	defer s.Unlock()
	if c = s.FindLocked(key, hash); c != nil {
		c.JoinLocked()
		return c, false
	}
	return s.LeadLocked(key, hash), true
}

func (g *Group) shard(key string) (*flight.Shard[string, any, struct{}], uint32) {
	g.once.Do(g.table.Init)
	return g.table.Shard(key)
}

// run runs the function and settles the call, also when the function panics or
// exits. After an exit the goroutine ends too.
func run(c *call, fn func() (any, error)) (e flight.Ending[any], served int) {
	e = flight.Ending[any]{How: flight.Exited, Err: errGoexit}
	defer func() {
		if p := recover(); p != nil {
			e = flight.Ending[any]{How: flight.Panicked, Err: &flight.Panic{Value: p, Stack: debug.Stack()}}
		}
		s := c.Shard()
		s.Lock()
		if c.VanishLocked() {
			s.Unlock()
			served = 1
			return
		}
		c.SettleLocked(e, nil)
		c.ReturnedLocked()
		s.Unlock()
		c.Wake()
		_, served = c.Take()
	}()
	e.Value, e.Err = fn()
	e.How = flight.Returned
	return e, served
}

// raise does to a caller what the function did to its goroutine.
func raise(e flight.Ending[any]) {
	switch e.How {
	case flight.Panicked:
		panic(newPanicError(e.Panic()))
	case flight.Exited:
		runtime.Goexit()
	default:
	}
}

var errGoexit = errors.New("singleflight: runtime.Goexit was called")

// A panicError is what callers panic with when the function did.
type panicError struct {
	value any
	stack []byte
}

func newPanicError(p *flight.Panic) *panicError {
	// The first line names a goroutine and its state at the time, which is not
	// that of whoever prints the error.
	_, stack, _ := bytes.Cut(p.Stack, []byte("\n"))
	return &panicError{value: p.Value, stack: stack}
}

func (p *panicError) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }

func (p *panicError) Unwrap() error {
	err, _ := p.value.(error)
	return err
}
