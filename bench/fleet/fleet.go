package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/onefold-go/onefold/internal/server"
)

// A process is one of a fleet.
type process struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	reports chan report // closed when the process has ended
	stderr  *strings.Builder
}

// start starts a process of a fleet. It is killed when ctx ends, and ends by
// itself when this process does, since nobody tells it when to begin or takes
// what it writes.
func start(ctx context.Context, o order) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, self), reports: make(chan report, 16), stderr: new(strings.Builder)}
	p.cmd.Env = append(os.Environ(), childEnv+"=1")
	p.cmd.Stderr = p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.reports)
		in := json.NewDecoder(bufio.NewReader(stdout))
		for {
			var r report
			if err := in.Decode(&r); err != nil {
				break
			}
			p.reports <- r
		}
		_ = p.cmd.Wait() // what it wrote says how it ended
	}()
	return p, json.NewEncoder(p.stdin).Encode(o)
}

// next gives what the process tells next.
func (p *process) next(ctx context.Context) (report, error) {
	select {
	case r, ok := <-p.reports:
		switch {
		case !ok:
			return report{}, fmt.Errorf("a process ended early: %s", p.stderr)
		case r.Fault != "":
			return report{}, errors.New(r.Fault)
		}
		return r, nil
	case <-ctx.Done():
		return report{}, ctx.Err()
	}
}

// stop ends the process and waits until it is gone.
func (p *process) stop() {
	p.stdin.Close()
	_ = p.cmd.Process.Kill() // it may be gone
	for range p.reports {
	}
}

// A fleet is processes that share a server.
type fleet struct {
	server    *server.Server
	processes []*process
	ctx       context.Context //nolint:containedctx // the fleet's life
	cancel    context.CancelFunc
}

// patience is how long after its time a run may last.
const patience = 2 * time.Minute

// launch starts a server and a fleet, and returns when all are ready.
func (p plan) launch(ctx context.Context, c contender, t task) (_ *fleet, err error) {
	f := &fleet{}
	f.ctx, f.cancel = context.WithTimeout(ctx, p.Warm+p.For+patience)
	defer func() {
		if err != nil {
			err = errors.Join(err, f.stop())
		}
	}()
	if f.server, err = c.engine.start(); err != nil {
		return nil, err
	}
	for i := range p.Processes {
		o := order{Engine: c.engine.name, Contender: c.name, Addr: f.server.Addr, Task: t, Plan: p}
		if i == 0 && p.Profile != "" {
			o.Profile = p.Profile + strings.NewReplacer(" ", "-", "/", "-").Replace(c.engine.name+"-"+c.name+"-"+t.Name) + ".pprof"
		}
		one, err := start(f.ctx, o) //nolint:contextcheck // the fleet's is of ctx
		if err != nil {
			return nil, err
		}
		f.processes = append(f.processes, one)
	}
	for _, one := range f.processes {
		if r, err := one.next(f.ctx); err != nil || !r.Ready { //nolint:contextcheck // the fleet's is of ctx
			return nil, fmt.Errorf("a process that is to be ready: %+v, %w", r, err)
		}
	}
	return f, nil
}

// begin tells all processes when to.
func (f *fleet) begin() (time.Time, error) {
	at := time.Now().Add(100 * time.Millisecond)
	for _, one := range f.processes {
		if err := json.NewEncoder(one.stdin).Encode(at.UnixNano()); err != nil {
			return at, err
		}
	}
	return at, nil
}

// stop ends all processes and the server.
func (f *fleet) stop() error {
	f.cancel()
	for _, one := range f.processes {
		one.stop()
	}
	if f.server == nil {
		return nil
	}
	return f.server.Stop()
}

// await sleeps until then.
func await(ctx context.Context, then time.Time) error {
	t := time.NewTimer(time.Until(then))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
