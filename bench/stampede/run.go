package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A plan is what all contenders meet.
type plan struct {
	Goroutines int           `json:"goroutines"`
	Keys       int           `json:"keys"`
	TTL        time.Duration `json:"ttl_ns"`
	Load       time.Duration `json:"load_ns"`  // the time of a load
	Pause      time.Duration `json:"pause_ns"` // between a goroutine's calls, give or take a half
	For        time.Duration `json:"for_ns"`
	Seed       uint64        `json:"seed"`
}

var defaultPlan = plan{
	Goroutines: 1000,
	Keys:       100,
	TTL:        time.Second,
	Load:       20 * time.Millisecond,
	Pause:      20 * time.Millisecond,
	For:        10 * time.Second,
	Seed:       1,
}

// Figures are what a contender came to. A value that is due is one load, or
// more where a cache lets callers through: the loads of a key that begin within
// five load times are for the same expiry.
type figures struct {
	Contender string        `json:"contender"`
	Calls     int           `json:"calls"`
	Loads     int           `json:"loads"`
	Expiries  int           `json:"expiries"`
	Blocked   int           `json:"blocked"` // calls of half a load's time or longer
	P99       time.Duration `json:"p99_ns"`
	Max       time.Duration `json:"max_ns"`
	MaxHit    time.Duration `json:"max_unblocked_ns"`
}

func (f figures) loadsAnExpiry() float64   { return float64(f.Loads) / float64(max(1, f.Expiries)) }
func (f figures) blockedAnExpiry() float64 { return float64(f.Blocked) / float64(max(1, f.Expiries)) }
func (f figures) blockedShare() float64    { return float64(f.Blocked) / float64(max(1, f.Calls)) }

// A loader takes its time, and notes when a load of each key began.
type loader struct {
	took  time.Duration
	start time.Time

	mu    sync.Mutex
	begun map[string][]time.Duration // since start; guarded by mu
}

func (l *loader) load(_ context.Context, key string) (int64, error) {
	l.mu.Lock()
	l.begun[key] = append(l.begun[key], time.Since(l.start))
	n := len(l.begun[key])
	l.mu.Unlock()
	time.Sleep(l.took)
	return int64(n), nil
}

// count gives the loads that began after from, and the expiries they were for.
func (l *loader) count(from time.Duration) (loads, expiries int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, begun := range l.begun {
		slices.Sort(begun)
		first := time.Duration(-1)
		for _, at := range begun {
			if at < from {
				continue
			}
			loads++
			if first < 0 || at-first > 5*l.took {
				expiries++
				first = at
			}
		}
	}
	return loads, expiries
}

// play runs one contender. All keys are loaded first, at one time, so that they
// expire together.
func (p plan) play(ctx context.Context, c contender) (figures, error) {
	l := &loader{took: p.Load, start: time.Now(), begun: make(map[string][]time.Duration)}
	get, closing := c.open(l.load, p.TTL)
	defer closing()

	keys := make([]string, p.Keys)
	var warm sync.WaitGroup
	for i := range keys {
		keys[i] = "key:" + strconv.Itoa(i)
		warm.Go(func() { _, _ = get(ctx, keys[i]) }) // no load of this program fails
	}
	warm.Wait()

	begin := time.Now()
	took := make([][]time.Duration, p.Goroutines)
	errs := make([]error, p.Goroutines)
	var callers sync.WaitGroup
	for i := range p.Goroutines {
		callers.Go(func() { took[i], errs[i] = p.call(ctx, get, keys, uint64(i), begin) })
	}
	callers.Wait()
	for _, err := range errs {
		if err != nil {
			return figures{}, err
		}
	}

	f := figures{Contender: c.name}
	f.Loads, f.Expiries = l.count(begin.Sub(l.start))
	all := slices.Concat(took...)
	slices.Sort(all)
	f.Calls = len(all)
	if f.Calls == 0 {
		return f, nil
	}
	free, _ := slices.BinarySearch(all, p.Load/2)
	f.Blocked = len(all) - free
	f.P99, f.Max = all[len(all)*99/100], all[len(all)-1]
	if free > 0 {
		f.MaxHit = all[free-1]
	}
	return f, nil
}

// call is one goroutine's calls: random keys, with a pause before each.
func (p plan) call(ctx context.Context, get getFunc, keys []string, number uint64, begin time.Time) (took []time.Duration, err error) {
	random := rand.New(rand.NewPCG(p.Seed, number))
	for {
		time.Sleep(p.Pause/2 + time.Duration(random.Int64N(int64(p.Pause))))
		if time.Since(begin) >= p.For || ctx.Err() != nil {
			return took, ctx.Err()
		}
		key := keys[random.IntN(len(keys))]
		began := time.Now()
		if _, err := get(ctx, key); err != nil {
			return took, err
		}
		took = append(took, time.Since(began))
	}
}
