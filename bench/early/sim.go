package main

import (
	"container/heap"
	"math"
	"math/rand/v2"
)

// A way is how a cache decides when to load a value anew, and who does.
type way struct {
	name    string
	perCall bool // a number is drawn for each call, as XFetch does; otherwise one for each value
	flight  bool // no load begins while one runs; otherwise each call that finds one due loads
}

var ways = []way{
	{name: "XFetch", perCall: true},
	{name: "XFetch, one flight", perCall: true, flight: true},
	{name: "one draw a value, one flight", flight: true},
}

// A scenario is a key that is asked for at random times, and how long its loads
// take. The unit of time is the mean load.
type scenario struct {
	Rate   float64 `json:"calls_a_load"` // Poisson arrivals in the time of a mean load
	Beta   float64 `json:"beta"`
	TTL    float64 `json:"ttl_loads"`
	Varies bool    `json:"load_time_varies"` // exponentially; otherwise all loads take the same
	Cycles int     `json:"cycles"`
	Seed   uint64  `json:"seed"`
}

// Simulated is what a way came to in a scenario. A cycle begins when a value
// comes into service and ends when the first load that began since then
// returns: that brings the next value. A load belongs to the cycle in which it
// began. Where there are several in a cycle, the values of the others only take
// the place of the first.
type simulated struct {
	Way      string `json:"way"`
	scenario        // its fields stand beside the others
	Calls    int    `json:"calls"`
	Hits     int    `json:"hits"`   // calls that got a value at once
	Waited   int    `json:"waited"` // calls that waited for a load, their own or another's
	Loads    int    `json:"loads"`
	Late     int    `json:"late_cycles"` // in which the value expired before the next one was there

	PerCycle float64 `json:"loads_a_cycle"`
	PlusLess float64 `json:"loads_a_cycle_95"` // half of the 95 % interval
	Ahead    float64 `json:"ahead_loads"`      // mean time from a cycle's first load to the expiry of its value
	PerTTL   float64 `json:"loads_a_ttl"`      // all loads in the time of a TTL: what the source bears
}

func (s simulated) waitedACycle() float64 { return float64(s.Waited) / float64(s.Cycles) }
func (s simulated) givenAway() float64    { return s.Ahead / s.TTL }

// A running load of the simulation.
type running struct {
	begun, ends float64
	cycle       int
}

type queue []running

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].ends < q[j].ends }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(running)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// A world is one simulation under way.
type world struct {
	scenario
	way

	// Three streams, so that all ways of a seed meet the same calls.
	arrivals, times, draws *rand.Rand

	loads  queue
	fresh  float64 // until when the value in service is
	early  float64 // from when on the next call has it loaded anew; not with perCall
	took   float64 // what a load takes, as far as the cache knows
	cycle  int
	counts simulated

	inCycle     int     // loads
	lead        float64 // of the cycle's first load
	late        bool
	squares     float64 // of the loads of each cycle
	leads, from float64 // the sum of leads; when the first cycle began
}

// simulate plays way until all cycles of the scenario are over. It is the same
// each time for the same seed.
func (s scenario) simulate(w way) simulated {
	stream := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(s.Seed, n)) }
	sim := &world{scenario: s, way: w, arrivals: stream(1), times: stream(2), draws: stream(3), took: 1}
	sim.store(0, 0)
	next, now := sim.arrivals.ExpFloat64()/s.Rate, 0.0
	for sim.cycle < s.Cycles {
		if len(sim.loads) > 0 && sim.loads[0].ends <= next {
			l := heap.Pop(&sim.loads).(running)
			now = l.ends
			sim.end(l)
			continue
		}
		now = next
		sim.call(now)
		next += sim.arrivals.ExpFloat64() / s.Rate
	}
	c := sim.counts
	c.Way, c.scenario = w.name, s
	n := float64(s.Cycles)
	c.PerCycle = float64(c.Loads) / n
	c.PlusLess = 1.96 * math.Sqrt(max(0, sim.squares/n-c.PerCycle*c.PerCycle)/n)
	c.Ahead = sim.leads / n
	c.PerTTL = float64(c.Loads) * s.TTL / now
	return c
}

// call is a call that comes at now.
func (w *world) call(now float64) {
	w.counts.Calls++
	expired := now >= w.fresh
	due := expired || now >= w.early
	if w.perCall {
		// The condition of the paper, for a load that takes took.
		due = now+w.took*w.Beta*w.draws.ExpFloat64() >= w.fresh
	}
	leads := due && !(w.flight && len(w.loads) > 0)
	if leads {
		w.begin(now)
	}
	w.late = w.late || expired
	// Without a flight there is nothing behind calls: who is to load, waits.
	if expired || leads && !w.flight {
		w.counts.Waited++
	} else {
		w.counts.Hits++
	}
}

func (w *world) begin(now float64) {
	if w.inCycle == 0 {
		w.lead = w.fresh - now
	}
	w.inCycle++
	length := 1.0
	if w.Varies {
		length = w.times.ExpFloat64()
	}
	heap.Push(&w.loads, running{begun: now, ends: now + length, cycle: w.cycle})
}

func (w *world) end(l running) {
	w.store(l.begun, l.ends)
	if l.cycle != w.cycle {
		return
	}
	w.cycle++
	w.counts.Loads += w.inCycle
	w.squares += float64(w.inCycle) * float64(w.inCycle)
	w.leads += w.lead
	if w.late {
		w.counts.Late++
	}
	w.inCycle, w.late = 0, false
}

// store puts a value into service.
func (w *world) store(begun, now float64) {
	if w.perCall { // as in the paper: the last load counts, and the TTL is from when it is over
		if now > begun {
			w.took = now - begun
		}
		w.fresh, w.early = now+w.TTL, math.Inf(1)
		return
	}
	// As package tier does: the TTL is from when the load began, what loads
	// take is learned, and the value is in service for half of its TTL or more.
	if now > begun {
		w.took = (3*w.took + (now - begun)) / 4
	}
	w.fresh = begun + w.TTL
	w.early = w.fresh - min(w.took*(1+w.Beta*w.draws.ExpFloat64()), w.TTL/2)
}
