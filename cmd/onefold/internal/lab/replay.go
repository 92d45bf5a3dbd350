package lab

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

// comeToRest is how long after the last caller's deadline a strategy may take
// until nothing of it runs any more. Callers that cannot leave, and loads that
// go on without callers, need some of it.
const comeToRest = 30 * time.Second

// interrupted is how long an interrupted replay may take to end.
const interrupted = 2 * time.Second

// A replay is one strategy meeting the stream once, open loop: each call
// begins at its moment, whether or not earlier ones have been answered.
type replay struct {
	stream   *arrival.Stream
	plan     *plan
	timeout  time.Duration // of a caller, from its arrival
	floors   floors        // by key
	update   func(ctx context.Context, key string) (version int64, err error)
	meter    *meter
	strategy strategy.Strategy
	start    time.Time

	callers sync.WaitGroup
	slots   []slot // by call

	writers     sync.WaitGroup
	writes      atomic.Int64 // acknowledged
	writeFaults faults
	acks        acks
}

// A slot is what is known of one call. Only the call's own goroutine writes it.
type slot struct {
	late    time.Duration // from the intended moment of arrival to the real one
	took    time.Duration // from the intended moment to the answer
	outcome outcome
}

// faults counts errors and keeps the first.
type faults struct {
	mu    sync.Mutex
	count int64
	first error
}

func (f *faults) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count++; f.first == nil {
		f.first = err
	}
}

// A measurement is what one replay gave.
type measurement struct {
	meterReading
	tally       tally
	latency     *hdrhistogram.Histogram
	lateness    *hdrhistogram.Histogram
	hits        int64
	writes      int64
	writeFaults int64
	writeFault  error // the first
	cpu, wall   time.Duration
	objects     uint64
	stalest     time.Duration // see figures.Result
	interrupted bool
}

// run replays the stream and returns when nothing of it runs any more. When
// ctx ends it stops: calls that ctx cut off are not counted.
func (r *replay) run(ctx context.Context) (*measurement, error) {
	r.slots = make([]slot, len(r.stream.Calls))
	before := readUsage()
	r.start = time.Now()
	r.meter.begin(r.start)

	r.writers.Go(func() {
		dispatch(ctx, r.start, len(r.plan.writes),
			func(i int) time.Duration { return r.plan.writes[i].at },
			func(i int) { r.writers.Go(func() { r.write(ctx, r.plan.writes[i].key) }) })
	})
	dispatch(ctx, r.start, len(r.stream.Calls),
		func(i int) time.Duration { return r.stream.Calls[i].At },
		func(i int) { r.callers.Go(func() { r.call(ctx, i) }) })

	if err := r.rest(ctx); err != nil {
		return nil, err
	}
	after := readUsage()
	return r.measure(ctx, before, after), nil
}

// call is one caller: it wants its key, waits for it until its deadline, and
// may give up before.
func (r *replay) call(ctx context.Context, i int) {
	var (
		c       = r.stream.Calls[i]
		key     = r.stream.Keys[c.Key]
		arrived = r.start.Add(c.At)
		late    = time.Since(arrived)
		left    = &leftError{call: i}
	)
	own, cancel := context.WithDeadlineCause(ctx, arrived.Add(r.timeout), left)
	defer cancel()
	if after := r.plan.giveUp[i]; after >= 0 {
		var leave context.CancelCauseFunc
		own, leave = context.WithCancelCause(own)
		timer := time.AfterFunc(time.Until(arrived.Add(after)), func() { leave(left) })
		defer leave(left)
		defer timer.Stop()
	}

	floor, began := r.floors[c.Key].Load(), time.Now()
	record, err := r.strategy.Get(own, key)
	o := judge(own, key, floor, record, err)
	if o == staleAnswer {
		r.acks.stale(c.Key, record.Version, began)
	}
	if !o.isAnswer() && ctx.Err() != nil {
		o = notCounted
	}
	r.slots[i] = slot{late: late, took: time.Since(arrived), outcome: o}
}

// write changes a row as an editor does: the row first, then the cache. When
// both are done, no caller that comes later may see the old row.
func (r *replay) write(ctx context.Context, key int32) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	version, err := r.update(ctx, r.stream.Keys[key])
	if err != nil {
		r.writeFaults.add(err)
		return
	}
	if err := r.strategy.Invalidate(ctx, r.stream.Keys[key]); err != nil {
		r.writeFaults.add(err)
		return
	}
	r.floors.raise(key, version)
	r.acks.add(key, version)
	r.writes.Add(1)
}

// rest returns when the last caller, the last writer and the last load have
// ended, and closes the strategy. The callers' deadlines bound the wait. After
// an interruption it does not insist on loads that nobody waits for.
func (r *replay) rest(ctx context.Context) error {
	bound := r.timeout + comeToRest
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), bound)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(interrupted, cancel) })
	defer stop()

	if !waitFor(limit, &r.callers) || !waitFor(limit, &r.writers) {
		return fmt.Errorf("callers still wait %v after their deadlines: a load does not end with its context", comeToRest)
	}
	if !r.meter.wait(limit) && ctx.Err() == nil {
		return fmt.Errorf("loads still run %v after the last call: they do not end with their context", bound)
	}
	if err := r.strategy.Close(); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	if !r.meter.wait(limit) && ctx.Err() == nil {
		return errors.New("loads still run after it was closed")
	}
	return nil
}

// waitFor returns when nothing of group runs, or when ctx ends; it reports
// which.
func waitFor(ctx context.Context, group *sync.WaitGroup) (done bool) {
	settled := make(chan struct{})
	go func() {
		group.Wait()
		close(settled)
	}()
	select {
	case <-settled:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *replay) measure(ctx context.Context, before, after usage) *measurement {
	m := &measurement{
		meterReading: r.meter.read(),
		latency:      newHistogram(),
		lateness:     newHistogram(),
		hits:         r.strategy.Hits(),
		writes:       r.writes.Load(),
		writeFaults:  r.writeFaults.count,
		writeFault:   r.writeFaults.first,
		cpu:          after.cpu - before.cpu,
		wall:         time.Since(r.start),
		objects:      after.objects - before.objects,
		stalest:      r.acks.stalest(),
		interrupted:  ctx.Err() != nil,
	}
	for _, s := range r.slots {
		m.tally[s.outcome]++
		if s.outcome.counts() {
			record(m.latency, s.took)
			record(m.lateness, s.late)
		}
	}
	return m
}
