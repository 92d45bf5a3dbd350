// Package live replays a trace against the library itself, to hold what the
// advisor's simulator predicts against what happens.
package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// A Request is one of a trace.
type Request struct {
	At         time.Duration // after the first
	Key        uint64
	Load       time.Duration // how long a load for it takes; trace.Unknown: as the loader has it
	Invalidate bool          // a write or deletion of the key
}

// Requests reads a source to its end, or up to most requests.
func Requests(source interface {
	Read([]trace.Record) (int, error)
}, most int) ([]Request, error) {
	var all []Request
	records := make([]trace.Record, 4096)
	for {
		n, err := source.Read(records)
		for _, r := range records[:n] {
			switch r.Op {
			case trace.Read:
				all = append(all, Request{At: time.Duration(r.Time), Key: r.Key, Load: time.Duration(r.Duration)})
			case trace.Write, trace.Delete:
				all = append(all, Request{At: time.Duration(r.Time), Key: r.Key, Invalidate: true})
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		case len(all) > most:
			return nil, fmt.Errorf("the trace has more than %d requests, which is the most that are replayed live", most)
		}
	}
}

// Busiest is the stretch of so much time that has most requests, from its first one on.
func Busiest(all []Request, length time.Duration) []Request {
	best, from := 0, 0
	to := 0
	for i := range all {
		for to < len(all) && all[to].At-all[i].At < length {
			to++
		}
		if to-i > best {
			best, from = to-i, i
		}
	}
	stretch := slices.Clone(all[from : from+best])
	for i := range stretch {
		stretch[i].At -= all[from].At
	}
	return stretch
}

// Measured is the loader that requests tell of. Those that do not say how long a
// load took get its median.
func Measured(all []Request) (sim.Loader, error) {
	var measured []int64
	for _, r := range all {
		if r.Load >= 0 && !r.Invalidate {
			measured = append(measured, int64(r.Load))
		}
	}
	l, err := sim.Samples(measured)
	if err != nil {
		return l, err
	}
	for i := range all {
		if all[i].Load < 0 {
			all[i].Load = l.Quantile(0.5)
		}
	}
	return l, nil
}

// A Plan is how to replay.
type Plan struct {
	Arm       sim.Arm // with Coalesce: the library always shares loads
	Setting   sim.Setting
	Speed     float64 // how many times faster than the trace; zero means 1
	PerRecord bool    // requests bring their own load times
}

// Figures are what came of a replay, or are predicted of it. Times are the
// trace's own, at whatever speed.
type Figures struct {
	Requests int64
	Hits     int64
	Stale    int64
	Joined   int64
	Loads    int64
	Mean     time.Duration
	P99      time.Duration
	Over     float64       // share of requests over the SLO
	Late     time.Duration // the 99th percentile of how late a call was begun
	Failed   int64
}

// Ratio is the coalescing ratio: joins over joins and loads.
func (f Figures) Ratio() float64 {
	if f.Joined+f.Loads == 0 {
		return 0
	}
	return float64(f.Joined) / float64(f.Joined+f.Loads)
}

// Predict is what the simulator makes of the same requests.
func Predict(all []Request, p Plan) Figures {
	var tr sim.Trace
	for _, r := range all {
		if r.Invalidate {
			tr.Invalidate(int64(r.At), r.Key)
			continue
		}
		latency := int64(trace.Unknown)
		if p.PerRecord {
			latency = int64(r.Load)
		}
		tr.Request(int64(r.At), r.Key, latency)
	}
	o := tr.Run(p.Setting, p.Arm)[0]
	return Figures{
		Requests: o.Requests, Hits: o.Hits, Stale: o.Stale, Joined: o.Joined, Loads: o.Loads,
		Mean: o.MeanWait(), P99: o.Latency.Quantile(0.99), Over: o.OverSLOShare(),
	}
}

// loadKey is where a load finds how long the request that started it has it take.
type loadKey struct{}

// Replay calls the library as the requests come, and waits for all answers. It
// ends early with ctx.
func Replay(ctx context.Context, all []Request, p Plan) (Figures, error) {
	if !p.Arm.Coalesce {
		return Figures{}, errors.New("the library always shares loads: there is nothing to replay for an arm that does not")
	}
	if p.Speed == 0 {
		p.Speed = 1
	}
	r := &replay{plan: p, random: rand.New(rand.NewPCG(p.Setting.Seed, 77))} //nolint:gosec // a simulation
	processes := max(1, p.Setting.Processes)
	for range processes {
		get, drop, end, err := r.process()
		if err != nil {
			return Figures{}, err
		}
		defer end()
		r.get, r.drop = append(r.get, get), append(r.drop, drop)
	}
	began := time.Now()
	late := make([]time.Duration, 0, len(all))
	for i := range all {
		q := &all[i]
		at := r.scaled(q.At)
		if wait := at - time.Since(began); wait > 0 {
			time.Sleep(wait)
		}
		if ctx.Err() != nil {
			break
		}
		late = append(late, time.Since(began)-at)
		to := 0
		if p.Setting.Routing == sim.RouteByKey {
			to = int(q.Key % uint64(processes)) //nolint:gosec // less than processes
		} else if processes > 1 {
			to = rand.IntN(processes) //nolint:gosec // a simulation
		}
		if q.Invalidate {
			for _, drop := range r.drop {
				drop(q.Key)
			}
			continue
		}
		r.calls.Go(func() { r.call(ctx, r.get[to], q) })
	}
	r.calls.Wait()
	f := r.figures()
	slices.Sort(late)
	if n := len(late); n > 0 {
		f.Late = time.Duration(float64(late[n*99/100]) * p.Speed)
	}
	return f, ctx.Err()
}

type replay struct {
	plan  Plan
	get   []func(context.Context, uint64) (onefold.Outcome, error)
	drop  []func(uint64)
	calls sync.WaitGroup

	loads  atomic.Int64
	failed atomic.Int64

	mu     sync.Mutex
	random *rand.Rand // guarded by mu
	waits  []time.Duration
	counts [8]int64 // by outcome
}

func (r *replay) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / r.plan.Speed)
}

// process is one process's cache, or group where nothing is kept.
func (r *replay) process() (get func(context.Context, uint64) (onefold.Outcome, error), drop func(uint64), end func(), err error) {
	a := r.plan.Arm
	if a.TTL == 0 {
		g := &onefold.Group[uint64, struct{}]{Config: onefold.Config{OnAbandon: onefold.FinishLoad, JoinWithin: r.scaled(a.Wait)}}
		get = func(ctx context.Context, key uint64) (onefold.Outcome, error) {
			result := g.DoResult(ctx, key, r.load, onefold.Call{})
			return result.Outcome, result.Err
		}
		return get, g.Forget, func() {}, nil
	}
	cfg := tier.Config{EarlyRefresh: a.Early, StaleFor: r.scaled(a.Stale), JoinWithin: r.scaled(a.Wait)}
	if a.TTL != sim.Forever {
		// The simulator spreads TTLs evenly around TTL, the library below it.
		cfg.TTL = r.scaled(time.Duration(float64(a.TTL) * (1 + a.Jitter)))
		cfg.Jitter = 2 * a.Jitter / (1 + a.Jitter)
	}
	c, err := tier.New(r.load, cfg, mem.New[uint64, struct{}](mem.Config{MaxEntries: 10_000_000}))
	if err != nil {
		return nil, nil, nil, err
	}
	get = func(ctx context.Context, key uint64) (onefold.Outcome, error) {
		result := c.GetResult(ctx, key, tier.Read{})
		return result.Outcome, result.Err
	}
	drop = func(key uint64) { _ = c.Delete(context.Background(), key) }
	return get, drop, func() { _ = c.Close(context.Background()) }, nil
}

// load takes the time that the trace, or the loader, says.
func (r *replay) load(ctx context.Context, _ uint64) (struct{}, error) {
	r.loads.Add(1)
	d := time.Duration(trace.Unknown)
	if r.plan.PerRecord {
		d, _ = ctx.Value(loadKey{}).(time.Duration)
	}
	if d < 0 {
		r.mu.Lock()
		u := r.random.Float64()
		r.mu.Unlock()
		d = r.plan.Setting.Loader.Quantile(u)
	}
	timer := time.NewTimer(r.scaled(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return struct{}{}, nil
	case <-ctx.Done():
		return struct{}{}, ctx.Err()
	}
}

func (r *replay) call(ctx context.Context, get func(context.Context, uint64) (onefold.Outcome, error), q *Request) {
	began := time.Now()
	outcome, err := get(context.WithValue(ctx, loadKey{}, q.Load), q.Key)
	took := time.Since(began)
	if err != nil {
		r.failed.Add(1)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waits = append(r.waits, time.Duration(float64(took)*r.plan.Speed))
	r.counts[outcome]++
}

func (r *replay) figures() Figures {
	f := Figures{
		Requests: int64(len(r.waits)) + r.failed.Load(),
		Hits:     r.counts[onefold.Hit], Stale: r.counts[onefold.Stale], Joined: r.counts[onefold.Joined],
		Loads: r.loads.Load(), Failed: r.failed.Load(),
	}
	if len(r.waits) == 0 {
		return f
	}
	slices.Sort(r.waits)
	var sum float64
	over := 0
	for _, w := range r.waits {
		sum += float64(w)
		if r.plan.Setting.SLO > 0 && w > r.plan.Setting.SLO {
			over++
		}
	}
	f.Mean = time.Duration(sum / float64(len(r.waits)))
	f.P99 = r.waits[len(r.waits)*99/100]
	f.Over = float64(over) / float64(len(r.waits))
	return f
}
