// Package fleet runs one strategy in several real processes, as the replicas of
// a service behind a load balancer do: each has a cache of its own, and they
// share a far tier if there is one. What they load comes from the process that
// started them, so that all loads are counted, troubled and limited in one
// place.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/embedded"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

// A Fleet is a strategy.Strategy whose calls go to the processes in turn. Make
// it with [Start].
type Fleet struct {
	kind   string
	load   strategy.Load
	cfg    func(i int) strategy.Config
	shared bool // they have a far tier
	engine embedded.Engine

	mu        sync.RWMutex
	processes []*process // guarded by mu

	next atomic.Uint64 // call
	hits atomic.Int64  // of the processes that have been closed
}

var _ strategy.Strategy = (*Fleet)(nil)

// Start starts n processes of this program, which must call [Serve] first thing,
// and opens the strategy kind in each. With cfg.Far [strategy.Embedded] they
// share the memory of this process.
func Start(n int, kind string, load strategy.Load, cfg strategy.Config) (*Fleet, error) {
	return Spread(n, kind, load, func(int) strategy.Config { return cfg })
}

// Spread is Start with a configuration for each process.
func Spread(n int, kind string, load strategy.Load, cfg func(i int) strategy.Config) (*Fleet, error) {
	f := &Fleet{kind: kind, load: load, cfg: cfg, shared: cfg(0).Far != ""}
	for i := range n {
		p, err := f.begin(i)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("process %d of %d: %w", i+1, n, err), f.Close())
		}
		f.processes = append(f.processes, p)
	}
	return f, nil
}

// begin starts process i.
func (f *Fleet) begin(i int) (*process, error) {
	p, err := start(f.load, f.engine.Connect())
	if err != nil {
		return nil, err
	}
	if err := p.open(f.kind, f.cfg(i)); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// Replace kills process i, with SIGKILL, and starts another in its place.
func (f *Fleet) Replace(i int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.processes[i]
	_ = old.cmd.Process.Kill() // fails only when it has gone
	_ = old.close()            // it says that it has been killed
	p, err := f.begin(i)
	if err == nil {
		f.processes[i] = p
	}
	return err
}

// process gives process i as it is now.
func (f *Fleet) process(i int) *process {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.processes[i]
}

// Get answers a call in one of the processes.
func (f *Fleet) Get(ctx context.Context, key string) (source.Record, error) {
	return f.GetIn(ctx, f.turn(), key)
}

// GetIn answers a call in process i.
func (f *Fleet) GetIn(ctx context.Context, i int, key string) (source.Record, error) {
	return f.process(i).do(ctx, frame{Op: opGet, Key: key})
}

// Put stores a record in every process; with a far tier in one, from where the
// others get it.
func (f *Fleet) Put(key string, r source.Record) {
	for i, p := range f.processes {
		if f.shared && i > 0 {
			return
		}
		_, _ = p.do(context.Background(), frame{Op: opPut, Key: key, Record: r}) // a process that has gone is told of by Get
	}
}

// Invalidate drops key in one of the processes, which tells the others as far as
// the strategy can do that.
func (f *Fleet) Invalidate(ctx context.Context, key string) error {
	return f.InvalidateIn(ctx, f.turn(), key)
}

// InvalidateIn drops key in process i.
func (f *Fleet) InvalidateIn(ctx context.Context, i int, key string) error {
	_, err := f.process(i).do(ctx, frame{Op: opInvalidate, Key: key})
	return err
}

// Hits is the number of calls that the caches of the processes answered at the
// first look.
func (f *Fleet) Hits() int64 {
	hits := f.hits.Load()
	for _, p := range f.processes {
		if r, err := p.do(context.Background(), frame{Op: opHits}); err == nil {
			hits += r.Size // a record is what answers carry
		}
	}
	return hits
}

// Close closes the strategy in each process and ends the processes.
func (f *Fleet) Close() error {
	f.hits.Store(f.Hits())
	var errs []error
	for _, p := range f.processes {
		errs = append(errs, p.close())
	}
	f.processes = nil
	return errors.Join(errs...)
}

// PID is the id of process i.
func (f *Fleet) PID(i int) int { return f.process(i).cmd.Process.Pid }

// Len is the number of processes.
func (f *Fleet) Len() int { return len(f.processes) }

func (f *Fleet) turn() int { return int(f.next.Add(1) % uint64(len(f.processes))) } //nolint:gosec // small

// errGone is the end of a call whose process has ended.
var errGone = errors.New("the process has ended")

// clocks is how far apart the timers of two processes may be.
const clocks = 20 * time.Millisecond

// child is the environment variable that makes this program one of a fleet.
const child = "ONEFOLD_LAB_PROCESS"

// closing is how long a process may take to close.
const closing = 40 * time.Second

// A process is one of the fleet, seen from the one that started it.
type process struct {
	cmd  *exec.Cmd
	wire *wire
	load strategy.Load
	far  *embedded.Store
	end  context.CancelCauseFunc // of the loads, when the process has gone
	live context.Context         //nolint:containedctx // the loads' parent
	done chan struct{}           // closed when nothing more comes from the process

	mu    sync.Mutex
	last  uint64                             // id of a call
	calls map[uint64]*call                   // guarded by mu; that wait for their answers; nil: the process has gone
	loads map[uint64]context.CancelCauseFunc // guarded by mu
	faults
}

// A call is one that waits for its answer.
type call struct {
	ctx    context.Context //nolint:containedctx // of the caller, for its cause
	answer chan frame
}

func start(load strategy.Load, far *embedded.Store) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), child+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{
		cmd: cmd, wire: newWire(out, in), load: load, far: far, done: make(chan struct{}),
		calls: make(map[uint64]*call), loads: make(map[uint64]context.CancelCauseFunc),
	}
	p.live, p.end = context.WithCancelCause(context.Background())
	go p.listen()
	return p, nil
}

func (p *process) open(kind string, cfg strategy.Config) error {
	_, err := p.do(context.Background(), frame{Op: opOpen, Key: kind, Config: cfg})
	return err
}

// listen takes what the process says until it has no more to say.
func (p *process) listen() {
	defer close(p.done)
	for {
		f, err := p.wire.receive()
		if err != nil {
			p.gone()
			return
		}
		switch f.Op {
		case opLoad:
			ctx, cancel := f.context(p.live)
			p.mu.Lock()
			p.loads[f.ID] = cancel
			p.mu.Unlock()
			go p.serveLoad(ctx, f)
		case opFar:
			go p.serveFar(f)
		case opLeave:
			p.mu.Lock()
			cancel := p.loads[f.ID]
			p.mu.Unlock()
			if cancel != nil && !f.Late {
				cancel(context.Canceled)
			}
		default:
			p.mu.Lock()
			c := p.calls[f.ID]
			delete(p.calls, f.ID)
			p.mu.Unlock()
			if c != nil {
				c.answer <- f
			}
		}
	}
}

// gone answers those who wait for a process that has ended.
func (p *process) gone() {
	p.end(errGone)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.calls {
		c.answer <- frame{Fault: &fault{Text: errGone.Error()}}
	}
	p.calls = nil
}

// serveLoad loads what a process wants.
func (p *process) serveLoad(ctx context.Context, f frame) {
	r, err := p.load(ctx, f.Key)
	p.mu.Lock()
	cancel := p.loads[f.ID]
	delete(p.loads, f.ID)
	p.mu.Unlock()
	cancel(nil)
	_ = p.wire.send(frame{Op: opLoaded, ID: f.ID, Record: r, Fault: p.keep(err)}) // listen finds out when it has gone
}

// do sends a call and waits for its answer. When ctx ends the process is told,
// and the wait goes on: whether it lets the caller go is the strategy's affair.
func (p *process) do(ctx context.Context, f frame) (source.Record, error) {
	c := &call{ctx: ctx, answer: make(chan frame, 1)}
	p.mu.Lock()
	if p.calls == nil {
		p.mu.Unlock()
		return source.Record{}, errGone
	}
	p.last++
	f.ID = p.last
	p.calls[f.ID] = c
	p.mu.Unlock()
	if deadline, ok := ctx.Deadline(); ok {
		f.Deadline = deadline.UnixNano()
	}
	if err := p.wire.send(f); err != nil {
		p.mu.Lock()
		delete(p.calls, f.ID)
		p.mu.Unlock()
		return source.Record{}, errGone
	}
	stop := context.AfterFunc(ctx, func() { // before anybody can be told of its end
		p.left.Store(f.ID, context.Cause(ctx))
		_ = p.wire.send(frame{Op: opLeave, ID: f.ID, Late: errors.Is(ctx.Err(), context.DeadlineExceeded)})
	})
	a := <-c.answer
	if deadline, ok := ctx.Deadline(); ok && a.Fault != nil && a.Fault.Deadline && time.Until(deadline) < clocks {
		<-ctx.Done() // there it has come already
	}
	stop()
	if ctx.Err() != nil {
		p.left.Store(f.ID, context.Cause(ctx)) // stop may have come before it
	}
	return a.Record, p.resolve(a.Fault, p.cause)
}

// cause gives the cause of a caller's end that a process knows of, or nil.
func (p *process) cause(caller uint64) error {
	if cause, ok := p.left.Load(caller); ok {
		return cause.(error) //nolint:forcetypeassert // nothing else is stored
	}
	p.mu.Lock()
	c := p.calls[caller]
	p.mu.Unlock()
	if c == nil {
		return nil
	}
	late := time.NewTimer(clocks)
	defer late.Stop()
	select {
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	case <-late.C:
		return nil
	}
}

// close ends the process in good order, or else by force.
func (p *process) close() error {
	late := time.AfterFunc(closing, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_, err := p.do(context.Background(), frame{Op: opClose})
	_ = p.wire.close() // it ends then, if it has not yet
	<-p.done           // before Wait, which closes what it reads
	if ended := p.cmd.Wait(); ended != nil && !errors.Is(err, errGone) {
		err = errors.Join(err, ended)
	}
	return err
}
