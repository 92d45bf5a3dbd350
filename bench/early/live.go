package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// A plan is what all contenders of the live run meet.
type plan struct {
	TTL  time.Duration `json:"ttl_ns"`
	Load time.Duration `json:"load_ns"` // the time of a load
	Beta float64       `json:"beta"`
	For  time.Duration `json:"for_ns"`
	Seed uint64        `json:"seed"`
}

var defaultPlan = plan{TTL: time.Second, Load: 20 * time.Millisecond, Beta: 1, For: 12 * time.Second, Seed: 1}

// A crowd is who calls: for each of so many keys, calls come at random, Rate of
// them a second in the mean.
type crowd struct {
	Keys int     `json:"keys"`
	Rate float64 `json:"calls_a_second_a_key"`
}

var crowds = []crowd{{20, 50}, {10, 500}, {2, 2500}}

// pause is the mean time between the calls of one goroutine, so that a rate is
// made of many goroutines and calls of a key overlap.
const pause = 100 * time.Millisecond

type getFunc func(ctx context.Context, key string) (int64, error)

// A process is one cache of a contender: it answers a call, and says whether
// there was no value at hand.
type process func(ctx context.Context, key string) (missed bool, err error)

// A contender is a cache, or a fleet of them over one store.
type contender struct {
	name string
	open func(p plan, load getFunc) (fleet []process, closing func() error)
}

const fleetSize = 4

var contenders = []contender{
	{"XFetch, no coalescing", func(p plan, load getFunc) ([]process, func() error) {
		x := &xfetch{load: load, ttl: p.TTL, beta: p.Beta, kept: make(map[string]timed)}
		return []process{x.get}, func() error { return nil }
	}},
	{"Onefold, one process", func(p plan, load getFunc) ([]process, func() error) {
		return openCaches(1, tier.Config{TTL: p.TTL, EarlyRefresh: p.Beta}, load, nil)
	}},
	{"Onefold, one process, stale window", func(p plan, load getFunc) ([]process, func() error) {
		return openCaches(1, tier.Config{TTL: p.TTL, EarlyRefresh: p.Beta, StaleFor: p.TTL}, load, nil)
	}},
	{"Onefold, fleet of 4", func(p plan, load getFunc) ([]process, func() error) {
		s := new(shared)
		return openCaches(fleetSize, tier.Config{TTL: p.TTL, EarlyRefresh: p.Beta}, load, func() tier.Store { return s.connect() })
	}},
	{"Onefold, fleet of 4, stale window", func(p plan, load getFunc) ([]process, func() error) {
		s := new(shared)
		return openCaches(fleetSize, tier.Config{TTL: p.TTL, EarlyRefresh: p.Beta, StaleFor: p.TTL}, load, func() tier.Store { return s.connect() })
	}},
}

// openCaches makes n caches, each with a connection of its own if connect is
// not nil.
func openCaches(n int, cfg tier.Config, load getFunc, connect func() tier.Store) (fleet []process, closing func() error) {
	var caches []*tier.Cache[string, int64]
	for range n {
		var far []tier.Far[string, int64]
		if connect != nil {
			far = append(far, tier.Encoded(connect(), codec.StringKey[string], codec.JSON[int64]()))
		}
		c, err := tier.New(load, cfg, mem.New[string, int64](mem.Config{MaxEntries: 1000}), far...)
		if err != nil {
			panic(err) // the configs above are at fault
		}
		caches = append(caches, c)
		fleet = append(fleet, func(ctx context.Context, key string) (bool, error) {
			r := c.GetResult(ctx, key, tier.Read{})
			return r.Outcome == onefold.Led || r.Outcome == onefold.Joined, r.Err
		})
	}
	return fleet, func() error {
		var errs []error
		for _, c := range caches {
			errs = append(errs, c.Close(context.Background())) // its loads are short
		}
		return errors.Join(errs...)
	}
}

// Measured is what a contender came to. A cycle is as in the simulation.
type measured struct {
	Contender string  `json:"contender"`
	crowd             // its fields stand beside the others
	Calls     int     `json:"calls"`
	Missed    int     `json:"missed"` // calls that found no value at hand, or had to load although they did
	Waited    int     `json:"waited"` // those of them that took half a load's time or longer
	Loads     int     `json:"loads"`
	Cycles    int     `json:"cycles"`
	PerTTL    float64 `json:"loads_a_ttl_a_key"`
}

func (m measured) loadsACycle() float64  { return float64(m.Loads) / float64(max(1, m.Cycles)) }
func (m measured) waitedACycle() float64 { return float64(m.Waited) / float64(max(1, m.Cycles)) }

// A source takes its time, and notes when each load began and ended.
type source struct {
	took time.Duration

	mu    sync.Mutex
	loads map[string][]span // guarded by mu
}

// A span is one load.
type span struct{ began, ended time.Time }

func (s *source) load(_ context.Context, key string) (int64, error) {
	began := time.Now()
	time.Sleep(s.took)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads[key] = append(s.loads[key], span{began, time.Now()})
	return int64(len(s.loads[key])), nil
}

// count gives the loads that began at from or later, and the cycles they make.
func (s *source) count(from time.Time) (loads, cycles int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, spans := range s.loads {
		slices.SortFunc(spans, func(a, b span) int { return a.began.Compare(b.began) })
		var end time.Time // of the cycle's first load to return
		for _, l := range spans {
			if l.began.Before(from) {
				continue
			}
			loads++
			switch {
			case !l.began.Before(end): // the value before it is in service
				cycles++
				end = l.ended
			case l.ended.Before(end):
				end = l.ended
			}
		}
	}
	return loads, cycles
}

// play runs one contender with one crowd. All keys are loaded first.
func (p plan) play(ctx context.Context, c contender, who crowd) (measured, error) {
	src := &source{took: p.Load, loads: make(map[string][]span)}
	fleet, closing := c.open(p, src.load)
	keys := make([]string, who.Keys)
	var warm sync.WaitGroup
	for i := range keys {
		keys[i] = "key:" + strconv.Itoa(i)
		warm.Go(func() {
			for _, get := range fleet {
				_, _ = get(ctx, keys[i]) // no load of this program fails
			}
		})
	}
	warm.Wait()

	began := time.Now()
	goroutines := max(1, int(who.Rate*float64(who.Keys)*pause.Seconds()))
	counts := make([]measured, goroutines)
	errs := make([]error, goroutines)
	var callers sync.WaitGroup
	for i := range goroutines {
		callers.Go(func() { counts[i], errs[i] = p.call(ctx, fleet, keys, uint64(i), began) })
	}
	callers.Wait()
	lasted := time.Since(began)
	if err := errors.Join(append(errs, closing())...); err != nil {
		return measured{}, err
	}

	m := measured{Contender: c.name, crowd: who}
	for _, one := range counts {
		m.Calls += one.Calls
		m.Missed += one.Missed
		m.Waited += one.Waited
	}
	m.Loads, m.Cycles = src.count(began)
	m.PerTTL = float64(m.Loads) / float64(who.Keys) * p.TTL.Seconds() / lasted.Seconds()
	return m, nil
}

// call is one goroutine's calls: of a random process for a random key, with a
// pause before each.
func (p plan) call(ctx context.Context, fleet []process, keys []string, number uint64, began time.Time) (m measured, err error) {
	random := rand.New(rand.NewPCG(p.Seed, number))
	for {
		time.Sleep(time.Duration(float64(pause) * random.ExpFloat64()))
		if time.Since(began) >= p.For || ctx.Err() != nil {
			return m, ctx.Err()
		}
		get, key := fleet[random.IntN(len(fleet))], keys[random.IntN(len(keys))]
		asked := time.Now()
		missed, err := get(ctx, key)
		if err != nil {
			return m, err
		}
		m.Calls++
		if missed {
			m.Missed++
			if time.Since(asked) >= p.Load/2 {
				m.Waited++
			}
		}
	}
}
