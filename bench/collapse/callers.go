package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// A plan is what all runs have in common.
type plan struct {
	Callers     int           `json:"callers"`
	Load        time.Duration `json:"load_ns"`         // the source's time for an answer
	Slow        time.Duration `json:"slow_ns"`         // the slow leader's
	Budget      time.Duration `json:"budget_ns"`       // a caller's patience with a slow leader
	LoadTimeout time.Duration `json:"load_timeout_ns"` // of a load that outlives its callers
	Pause       time.Duration `json:"pause_ns"`        // between an answer and the same caller's next call, give or take a half
	Steady      time.Duration `json:"steady_ns"`       // how long callers go on calling
	Slack       time.Duration `json:"slack_ns"`        // what the targets allow beyond the times above
	Patience    time.Duration `json:"patience_ns"`     // the target for the median with an uncacheable key
	Seed        uint64        `json:"seed"`            // of the pauses
}

var defaultPlan = plan{
	Callers:     50,
	Load:        300 * time.Millisecond,
	Slow:        8 * time.Second,
	Budget:      time.Second,
	LoadTimeout: 10 * time.Second,
	Pause:       100 * time.Millisecond,
	Steady:      10 * time.Second,
	Slack:       50 * time.Millisecond,
	Patience:    700 * time.Millisecond,
	Seed:        1,
}

// A call is one caller's.
type call struct {
	ended  time.Duration // since the run began
	took   time.Duration
	answer answer // zero with an error
	err    error
}

// burst makes one call for each caller, all at once, and returns when all are
// answered.
func (p plan) burst(ctx context.Context, get getFunc, start time.Time) []call {
	calls := make([]call, p.Callers)
	var ready, wg sync.WaitGroup
	ready.Add(p.Callers)
	for i := range calls {
		wg.Go(func() {
			ready.Done()
			ready.Wait()
			calls[i] = get.time(ctx, start)
		})
	}
	wg.Wait()
	return calls
}

// steady lets each caller pause and call in turn, for p.Steady. A call that was
// begun is waited for.
func (p plan) steady(ctx context.Context, get getFunc, start time.Time) []call {
	var (
		began = time.Now()
		calls = make([][]call, p.Callers)
		wg    sync.WaitGroup
	)
	for i := range calls {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(p.Seed, uint64(i)))
			for ctx.Err() == nil {
				time.Sleep(p.Pause/2 + time.Duration(random.Int64N(int64(p.Pause))))
				if time.Since(began) >= p.Steady {
					return
				}
				calls[i] = append(calls[i], get.time(ctx, start))
			}
		})
	}
	wg.Wait()
	var all []call
	for _, c := range calls {
		all = append(all, c...)
	}
	return all
}

// time makes one call.
func (get getFunc) time(ctx context.Context, start time.Time) call {
	began := time.Now()
	a, err := get(ctx, theKey)
	ended := time.Now()
	if err != nil {
		a = answer{}
	}
	return call{ended: ended.Sub(start), took: ended.Sub(began), answer: a, err: err}
}
