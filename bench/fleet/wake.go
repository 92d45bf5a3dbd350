package main

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// runWake measures how long it takes from when the load of a key has returned
// until the last caller of each other process has its answer.
func (p plan) runWake(ctx context.Context, c contender, t task, f *figures) (err error) {
	fl, err := p.launch(ctx, c, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fl.stop()) }()
	if _, err := fl.begin(); err != nil {
		return err
	}
	trips := roundTrips(fl.ctx, fl.server.Addr, c.engine.ping) //nolint:contextcheck // the fleet's is of ctx
	ds, err := fl.done()
	if err != nil {
		return err
	}
	rtt, err := trips()
	if err != nil {
		return err
	}
	f.fill(ds)
	woken := f.wakes(ds, p.Rounds)
	f.Wake = &spread{woken.n, woken.quantile(0.5), woken.quantile(0.99), woken.max}
	f.RoundTrip = &spread{rtt.n, rtt.quantile(0.5), rtt.quantile(0.99), rtt.max}
	return nil
}

// wakes counts the loads, and gives how long processes that did not load waited
// for their last answer after the first load had returned, or after they asked,
// where that was later.
func (f *figures) wakes(ds []*done, rounds int) *histogram {
	woken := new(histogram)
	for i := range rounds {
		first := int64(0)
		loaded := make([]bool, len(ds))
		for n, d := range ds {
			for _, l := range d.Loads {
				if l.Key != keyOfRound(i) {
					continue
				}
				f.Loads++
				loaded[n] = true
				if l.Ended > 0 && (first == 0 || l.Ended < first) {
					first = l.Ended
				}
			}
		}
		f.Expiries++
		for n, d := range ds {
			if !loaded[n] && first > 0 {
				woken.add(time.Duration(d.Rounds[i].Last - max(first, d.Rounds[i].Asked)))
			}
		}
	}
	return woken
}

// roundTrips asks the server for nothing every now and then, until the returned
// function wants to know how long that took.
func roundTrips(ctx context.Context, addr, ping string) func() (*histogram, error) {
	ctx, cancel := context.WithCancel(ctx)
	type result struct {
		h   *histogram
		err error
	}
	ended := make(chan result, 1)
	go func() {
		h, err := trip(ctx, addr, ping)
		ended <- result{h, err}
	}()
	return func() (*histogram, error) {
		cancel()
		r := <-ended
		return r.h, r.err
	}
}

func trip(ctx context.Context, addr, ping string) (*histogram, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	var (
		h = new(histogram)
		b [64]byte
	)
	for ctx.Err() == nil {
		began := time.Now()
		if _, err := io.WriteString(conn, ping); err != nil {
			return nil, err
		}
		if _, err := conn.Read(b[:]); err != nil {
			return nil, err
		}
		h.add(time.Since(began))
		time.Sleep(5 * time.Millisecond)
	}
	return h, nil
}
