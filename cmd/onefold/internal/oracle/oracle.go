// Package oracle asks whether processes that share a far tier ever answer
// wrongly, while the network, the server and the processes fail in turn.
//
// The process that runs it is the source, the writer's ledger and the judge: it
// knows the version of each row, when each invalidation was acknowledged and by
// which process, and so whether an answer is one that its caller may have.
package oracle

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/fleet"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

// Options say what is run.
type Options struct {
	Engine    Engine
	Processes int           // 2 or more
	Callers   int           // of each process, in a closed loop
	Keys      int           // that they want
	Writes    float64       // a second, in all
	LoadTime  time.Duration // of one load: the row is read at its start
	TTL       time.Duration
	Calm      time.Duration // without a fault, before the first and after each
	Fault     time.Duration // that each fault lasts
	Faults    []Fault
	Seed      uint64
	Tell      func(format string, args ...any) // is told of each step; nil: nobody is
}

// A Report is what was seen.
type Report struct {
	Calls, Loads, Writes int64
	FailedWrites         int64 // whose invalidation was not acknowledged
	Errors               int64 // calls that failed, and had a reason to
	FirstError           error

	Own     int64 // answers older than what the same process had acknowledged: never allowed
	Foreign int64 // errors of another caller's end: never allowed
	Broken  int64 // zero values, and values of other keys: never allowed
	Stored  int64 // values in the far tier older than what was acknowledged before they were read: never allowed
	Read    int64 // values of the far tier that were looked at

	// Answers older than what another process had acknowledged, which a push may
	// not have told yet: how many, and how late at most, by what was going on.
	Late map[string]Lateness
}

// Lateness is how late answers in one phase of a run were.
type Lateness struct {
	Answers int64
	Most    time.Duration
}

// Wrong is how many things came about that are never allowed.
func (r *Report) Wrong() int64 { return r.Own + r.Foreign + r.Broken + r.Stored }

// A run is one under way.
type run struct {
	o     Options
	fleet *fleet.Fleet
	rows  []row // by key
	phase atomic.Pointer[string]

	calls, loads, writes, failedWrites, errors    atomic.Int64
	own, foreign, broken, storedWrong, storedRead atomic.Int64

	mu         sync.Mutex
	firstError error
	late       map[string]Lateness
	faults     []string
}

// A row is one key at the source, and what is acknowledged of it.
type row struct {
	mu      sync.Mutex
	version int64
	acks    []ack
}

// An ack is an invalidation that has returned without an error.
type ack struct {
	version int64 // of the row, from before it was invalidated
	process int
	at      time.Time
}

// floors gives the versions that a call that begins now, in process, may not be
// answered with less of: by what this process has acknowledged, and by what any has.
func (r *row) floors(process int) (own, any int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.acks {
		any = max(any, a.version)
		if a.process == process {
			own = max(own, a.version)
		}
	}
	return own, any
}

// lateness gives how long before began the first invalidation was acknowledged
// that an answer of this version does not know of.
func (r *row) lateness(version int64, began time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.acks {
		if a.version > version {
			return began.Sub(a.at)
		}
	}
	return 0
}

// Run runs the oracle. An error is one of the run itself.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	r := &run{o: o, rows: make([]row, o.Keys), late: make(map[string]Lateness)}
	for i := range r.rows {
		r.rows[i].version = 1
	}
	r.enter("calm")
	stage, err := o.Engine.open(o.Processes)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stage.close()) }()
	cfg := strategy.Config{TTL: o.TTL, LoadTimeout: 10 * time.Second, Capacity: 10 * o.Keys, Space: "oracle"}
	r.fleet, err = fleet.Spread(o.Processes, "onefold", r.load, func(i int) strategy.Config {
		cfg.Far = stage.urls[i]
		return cfg
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.fleet.Close() }() // a process that a fault has killed says so
	stage.fleet = r.fleet

	running, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	for p := range o.Processes {
		for c := range o.Callers {
			all.Go(func() { r.call(running, p, rand.New(rand.NewPCG(o.Seed, uint64(p<<16|c)))) }) //nolint:gosec // no secret
		}
	}
	for p := range o.Processes {
		all.Go(func() { r.write(running, p, rand.New(rand.NewPCG(o.Seed, uint64(p)<<32))) }) //nolint:gosec // likewise
	}
	all.Go(func() { r.watch(running, stage) })
	err = r.play(running, stage)
	stop()
	all.Wait()
	return r.report(), err
}

// play brings the faults about, one after the other.
func (r *run) play(ctx context.Context, stage *stage) error {
	rng := rand.New(rand.NewPCG(r.o.Seed, 1)) //nolint:gosec // no secret
	rest(ctx, r.o.Calm)
	for _, f := range r.o.Faults {
		r.enter(f.Name)
		undo, err := f.do(ctx, stage, rng)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		rest(ctx, r.o.Fault)
		if undo != nil {
			if err := undo(); err != nil {
				return fmt.Errorf("after %s: %w", f.Name, err)
			}
		}
		r.enter("after " + f.Name)
		rest(ctx, r.o.Calm)
	}
	return ctx.Err()
}

func (r *run) enter(phase string) {
	r.phase.Store(&phase)
	if r.o.Tell != nil {
		r.o.Tell("%s", phase)
	}
}

// load is the source: it reads the row at once and takes a while to tell.
func (r *run) load(ctx context.Context, key string) (source.Record, error) {
	i, err := strconv.Atoi(key)
	if err != nil {
		return source.Record{}, err
	}
	r.loads.Add(1)
	row := &r.rows[i]
	row.mu.Lock()
	version := row.version
	row.mu.Unlock()
	if rest(ctx, r.o.LoadTime); ctx.Err() != nil {
		return source.Record{}, &source.EndedError{Cause: context.Cause(ctx), Err: ctx.Err()}
	}
	return source.Record{Key: key, Version: version}, nil
}

// call is one caller of a process. Some leave early.
func (r *run) call(ctx context.Context, process int, rng *rand.Rand) {
	for ctx.Err() == nil {
		r.calls.Add(1)
		k := r.key(rng)
		patience := 20 * time.Second
		if rng.IntN(20) == 0 {
			patience = time.Duration(rng.Int64N(int64(2*r.o.LoadTime) + 1))
		}
		own, cancel := context.WithTimeout(ctx, patience)
		ownFloor, anyFloor := r.rows[k].floors(process)
		began, phase := time.Now(), *r.phase.Load()
		record, err := r.fleet.GetIn(own, process, strconv.Itoa(k))
		ended := own.Err() != nil
		cancel()
		switch {
		case err != nil:
			r.judgeError(err, ended)
		case record.Version == 0 || record.Key != strconv.Itoa(k):
			r.broken.Add(1)
			r.fault("process %d was answered %+v for key %d", process, record, k)
		case record.Version < ownFloor:
			r.own.Add(1)
			r.fault("process %d was answered version %d of key %d after it had acknowledged that of %d (%s)", process, record.Version, k, ownFloor, phase)
		case record.Version < anyFloor:
			r.lag(phase, r.rows[k].lateness(record.Version, began))
		}
		rest(ctx, time.Duration(rng.Int64N(int64(10*time.Millisecond))))
	}
}

// judgeError judges an error of a call whose own context has ended or not.
func (r *run) judgeError(err error, ended bool) {
	switch {
	case ended, strings.Contains(err.Error(), "process has ended"):
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		r.foreign.Add(1)
		r.fault("a call got %v", err)
	default:
		r.errors.Add(1)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.firstError == nil {
			r.firstError = err
		}
	}
}

// write writes rows and invalidates them in one process.
func (r *run) write(ctx context.Context, process int, rng *rand.Rand) {
	pause := time.Duration(float64(time.Second) * float64(r.o.Processes) / r.o.Writes)
	for {
		rest(ctx, time.Duration(rng.ExpFloat64()*float64(pause)))
		if ctx.Err() != nil {
			return
		}
		k := r.key(rng)
		row := &r.rows[k]
		row.mu.Lock()
		row.version++
		version := row.version
		row.mu.Unlock()
		bounded, cancel := context.WithTimeout(ctx, 20*time.Second)
		err := r.fleet.InvalidateIn(bounded, process, strconv.Itoa(k))
		cancel()
		if err != nil {
			r.failedWrites.Add(1)
			continue
		}
		r.writes.Add(1)
		row.mu.Lock()
		row.acks = append(row.acks, ack{version, process, time.Now()})
		row.mu.Unlock()
	}
}

// watch looks at what the far tier holds.
func (r *run) watch(ctx context.Context, stage *stage) {
	rng := rand.New(rand.NewPCG(r.o.Seed, 2)) //nolint:gosec // no secret
	for ctx.Err() == nil {
		rest(ctx, 2*time.Millisecond)
		k := r.key(rng)
		_, floor := r.rows[k].floors(-1)
		phase := *r.phase.Load()
		version, err := stage.peek(ctx, strconv.Itoa(k))
		if err != nil || version == 0 {
			continue
		}
		r.storedRead.Add(1)
		if version < floor {
			r.storedWrong.Add(1)
			r.fault("the far tier had version %d of key %d after that of %d was acknowledged (%s)", version, k, floor, phase)
		}
	}
}

// key draws one: half of all calls are for a tenth of the keys.
func (r *run) key(rng *rand.Rand) int {
	if rng.IntN(2) == 0 {
		return rng.IntN(max(1, r.o.Keys/10))
	}
	return rng.IntN(r.o.Keys)
}

func (r *run) lag(phase string, by time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.late[phase]
	r.late[phase] = Lateness{l.Answers + 1, max(l.Most, by)}
}

// fault keeps what was wrong, of the first few.
func (r *run) fault(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.faults) < 10 {
		r.faults = append(r.faults, fmt.Sprintf(format, args...))
		if r.o.Tell != nil {
			r.o.Tell("WRONG: "+format, args...)
		}
	}
}

func (r *run) report() *Report {
	return &Report{
		Calls: r.calls.Load(), Loads: r.loads.Load(), Writes: r.writes.Load(), FailedWrites: r.failedWrites.Load(),
		Errors: r.errors.Load(), FirstError: r.firstError,
		Own: r.own.Load(), Foreign: r.foreign.Load(), Broken: r.broken.Load(), Stored: r.storedWrong.Load(), Read: r.storedRead.Load(),
		Late: r.late,
	}
}

// rest waits for d, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
