package main

import (
	"context"
	"errors"
	"time"
)

// killTTL is how long a value lives whose loader is killed: longer than any
// lease.
const killTTL = 30 * time.Second

// killLoad is how long a load takes whose process is killed.
func killLoad(p plan) time.Duration { return p.Lease / 2 }

// A takeover is what came of the death of one holder. Times count from when its load
// began.
type takeover struct {
	Killed     time.Duration `json:"killed_ns"`
	Successor  time.Duration `json:"successor_ns"` // when the next load began; 0: never
	Successors int           `json:"successors"`   // loads that others began
}

func (p plan) runKills(ctx context.Context, c contender, t task, f *figures) error {
	for range p.Kills {
		k, ds, err := p.runKill(ctx, c, t)
		if err != nil {
			return err
		}
		f.Takeovers = append(f.Takeovers, k)
		f.fill(ds)
	}
	return nil
}

// runKill has all processes ask for one key, and kills the first one that loads
// it in the middle of the load.
//
//nolint:gocognit // one loop over what processes tell
func (p plan) runKill(ctx context.Context, c contender, t task) (k takeover, ds []*done, err error) {
	fl, err := p.launch(ctx, c, t)
	if err != nil {
		return k, nil, err
	}
	defer func() { err = errors.Join(err, fl.stop()) }()
	type told struct {
		process int
		report  report
		err     error
	}
	heard := make(chan told, 16)
	for i, one := range fl.processes {
		go func() {
			for {
				r, err := one.next(fl.ctx)
				select {
				case heard <- told{i, r, err}:
				case <-fl.ctx.Done():
					return
				}
				if err != nil || r.Done != nil {
					return
				}
			}
		}()
	}
	if _, err := fl.begin(); err != nil {
		return k, nil, err
	}
	victim, began := -1, int64(0)
	for len(ds) < len(fl.processes)-1 {
		var h told
		select {
		case h = <-heard:
		case <-fl.ctx.Done():
			return k, nil, fl.ctx.Err()
		}
		switch {
		case h.err != nil && h.process == victim: // as it should
		case h.err != nil:
			return k, nil, h.err
		case h.report.Done != nil:
			ds = append(ds, h.report.Done)
		case h.report.Loading == 0:
		case victim < 0:
			victim, began = h.process, h.report.Loading
			if err := await(fl.ctx, time.Unix(0, began).Add(killLoad(p)/2)); err != nil { //nolint:contextcheck // the fleet's is of ctx
				return k, nil, err
			}
			if err := fl.processes[victim].cmd.Process.Kill(); err != nil {
				return k, nil, err
			}
			k.Killed = time.Duration(time.Now().UnixNano() - began)
		case h.process != victim:
			k.Successors++
			if after := time.Duration(h.report.Loading - began); k.Successor == 0 || after < k.Successor {
				k.Successor = after
			}
		}
	}
	return k, ds, nil
}
