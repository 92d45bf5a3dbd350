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

	late time.Duration // the most by which the machine woke a sleeper too late
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
	late := watchLateness()
	start := time.Now()
	r.burst = p.burst(ctx, o.get, start)
	r.burstSource = int(src.calls.Load())
	r.steady = p.steady(ctx, o.get, start)
	r.totalSource = int(src.calls.Load())
	r.atOnce = src.atOnce()
	r.late = late()
	return r, ctx.Err()
}

// watchLateness sleeps for short times until the returned function asks how
// much longer than that the longest took: what others do on the machine delays
// calls and sleepers alike.
func watchLateness() (late func() time.Duration) {
	const nap = 5 * time.Millisecond
	stop, most := make(chan struct{}), make(chan time.Duration)
	go func() {
		var worst time.Duration
		for {
			began := time.Now()
			select {
			case <-stop:
				most <- worst
				return
			case <-time.After(nap):
				worst = max(worst, time.Since(began)-nap)
			}
		}
	}()
	return func() time.Duration {
		close(stop)
		return <-most
	}
}

// playUndisturbed plays until the machine was not late by more than half of
// what the targets allow for all delays together, at most so many times, and
// gives the run with the least delay. Whether a target was met plays no part.
func (p plan) playUndisturbed(ctx context.Context, c contender, sc scenario, nw network, tries int) (best run, tried int, err error) {
	for tried = 1; ; tried++ {
		r, err := p.play(ctx, c, sc, nw)
		if err != nil {
			return run{}, tried, err
		}
		if tried == 1 || r.late < best.late {
			best = r
		}
		if best.late <= p.Slack/2 || tried >= tries {
			return best, tried, nil
		}
	}
}

// all gives every call of the run.
func (r run) all() []call { return slices.Concat(r.burst, r.steady) }
