package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// run runs a contender at a task, with a server and processes of its own.
// Nothing of them is left behind.
func (p plan) run(ctx context.Context, c contender, t task) (f figures, err error) {
	f = figures{Engine: c.engine.name, Contender: c.name, Task: t.Name, LoadAverage: loadAverage()}
	switch t.kind {
	case steady:
		err = p.runSteady(ctx, c, t, &f)
	case wake:
		err = p.runWake(ctx, c, t, &f)
	case kill:
		err = p.runKills(ctx, c, t, &f)
	}
	return f, err
}

func (p plan) runSteady(ctx context.Context, c contender, t task, f *figures) (err error) {
	fl, err := p.launch(ctx, c, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fl.stop()) }()
	begin, err := fl.begin()
	if err != nil {
		return err
	}
	from := begin.Add(p.Warm)
	until := from.Add(p.For)
	if err := await(fl.ctx, from); err != nil { //nolint:contextcheck // the fleet's is of ctx
		return err
	}
	before, err := c.engine.read(fl.server.Addr)
	if err != nil {
		return err
	}
	if err := await(fl.ctx, until); err != nil { //nolint:contextcheck // the fleet's is of ctx
		return err
	}
	after, err := c.engine.read(fl.server.Addr)
	if err != nil {
		return err
	}
	ds, err := fl.done()
	if err != nil {
		return err
	}
	f.fill(ds)
	did := after.since(before)
	f.Calls, f.ServerCPU = did.calls, did.cpu
	f.Commands = sum(did.calls)
	f.Sent = f.Commands
	if c.sent != nil {
		f.Sent = c.sent(did.calls)
	}
	f.Seconds = p.For.Seconds()
	var loads []load
	for _, d := range ds {
		loads = append(loads, d.Loads...)
	}
	f.Loads, f.Expiries = expiries(loads, from, until, p.TTL/2)
	f.Nominal = float64(f.Loads) / (float64(t.Keys) * float64(p.For) / float64(p.TTL))
	return nil
}

// done waits for what all processes did.
func (f *fleet) done() (ds []*done, err error) {
	for _, one := range f.processes {
		for {
			r, err := one.next(f.ctx)
			if err != nil {
				return nil, err
			}
			if r.Done != nil {
				ds = append(ds, r.Done)
				break
			}
		}
	}
	return ds, nil
}

// expiries counts the loads that began from then until then, and how often a
// value had to be loaded anew: loads of a key that begin within apart of the
// first are for the same expiry.
func expiries(loads []load, from, until time.Time, apart time.Duration) (n, needed int64) {
	slices.SortFunc(loads, func(a, b load) int {
		if c := strings.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return int(a.Began - b.Began)
	})
	key, first := "", int64(0)
	for _, l := range loads {
		anew := l.Key != key || l.Began-first > int64(apart)
		if anew {
			key, first = l.Key, l.Began
		}
		// Loads go with the first of their expiry, whichever side of the edge
		// they are on.
		if first < from.UnixNano() || first >= until.UnixNano() {
			continue
		}
		n++
		if anew {
			needed++
		}
	}
	return n, needed
}

// loadAverage gives what /proc/loadavg says of the last minute, or nothing.
func loadAverage() (one float64) {
	text, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		_, _ = fmt.Sscan(string(text), &one) // nothing, then
	}
	return one
}
