package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// A run is one contender in one scenario.
type run struct {
	contender string
	scenario  scenario

	burst, steady            []call
	burstSource, totalSource int // calls of the source: by the end of the burst, in all
	atOnce                   int // the most calls that the source served at the same time
}

// A network is where the source listens and how its clients reach it.
type network struct {
	listen func() (net.Listener, error)
	dial   dialer
}

// loopback is the machine's own network, with a free port for each source.
func loopback() network {
	var d net.Dialer
	return network{
		listen: func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") },
		dial:   d.DialContext,
	}
}

// play runs a contender in a scenario, with a source of its own: a burst, and
// when it is over, callers that go on calling. Nothing of it is left behind.
func (p plan) play(ctx context.Context, c contender, sc scenario, nw network) (r run, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s, %v: %w", c.name, sc, err)
		}
	}()
	listener, err := nw.listen()
	if err != nil {
		return run{}, err
	}
	src := &source{scenario: sc, plan: p}
	stopSource := src.serve(listener)
	defer func() { err = errors.Join(err, stopSource()) }()

	address := listener.Addr().String()
	direct := newClient("http://"+address, nw.dial, p.Callers)
	defer direct.close()

	s := setting{plan: p, load: direct.load, source: address}
	if sc == slowLeader {
		s.budget = p.Budget
	}
	o, err := c.open(s)
	if err != nil {
		return run{}, err
	}
	if o.close != nil {
		defer func() { err = errors.Join(err, o.close()) }()
	}

	r = run{contender: c.name, scenario: sc}
	start := time.Now()
	r.burst = p.burst(ctx, o.get, start)
	r.burstSource = int(src.calls.Load())
	r.steady = p.steady(ctx, o.get, start)
	r.totalSource = int(src.calls.Load())
	r.atOnce = src.atOnce()
	return r, ctx.Err()
}

// all gives every call of the run.
func (r run) all() []call { return slices.Concat(r.burst, r.steady) }
