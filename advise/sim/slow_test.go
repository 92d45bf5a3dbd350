package sim_test

import (
	"container/heap"
	"math"
	"slices"

	"github.com/onefold-go/onefold/advise/sim"
)

// This is the simulator a second time: one heap of events, maps, and nothing
// clever. It has only the random numbers in common with the real one.

type request struct {
	t       int64
	key     uint64
	latency int64
	drop    bool
}

type slowOutcome struct {
	Requests, Hits, Stale, Joined, Blocked, GaveUp, Loads, Background, OverSLO, Peak int64

	Wait        float64
	PeakAt      int64
	Busiest     sim.Window
	Waits       []int64       // of all callers, sorted
	Concurrency map[int]int64 // by number of loads
	KeyLoads    map[uint64]uint32
	KeyJoined   map[uint64]uint32
	windows     map[int64]int64
}

type slowEvent struct {
	t     int64
	order int // at one time: ends of loads, flush, callers that give up, requests
	seq   int // and then as they were scheduled
	do    func()
}

type slowHeap []slowEvent

func (h slowHeap) Len() int { return len(h) }
func (h slowHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.t != b.t {
		return a.t < b.t
	}
	if a.order != b.order {
		return a.order < b.order
	}
	return a.seq < b.seq
}
func (h slowHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *slowHeap) Push(e any)   { *h = append(*h, e.(slowEvent)) }
func (h *slowHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}

type place struct {
	key     uint64
	process uint64
}

type slowValue struct {
	expiry, took int64
}

func slow(set sim.Setting, arm sim.Arm, requests []request) slowOutcome {
	out := slowOutcome{
		Concurrency: map[int]int64{}, KeyLoads: map[uint64]uint32{}, KeyJoined: map[uint64]uint32{}, windows: map[int64]int64{},
	}
	requests = slices.Clone(requests)
	slices.SortStableFunc(requests, func(a, b request) int {
		if a.t < b.t {
			return -1
		}
		if a.t > b.t {
			return 1
		}
		return 0
	})
	if len(requests) == 0 {
		return out
	}
	var (
		events   slowHeap
		seq      int
		now      int64
		values   = map[place]*slowValue{}
		flights  = map[place]int64{} // when they end
		loading  = map[place]int{}
		dropped  = map[place]int{}
		total    int64
		numbers  = map[uint64]uint32{}
		everyone = map[uint64]map[uint64]bool{} // the processes a key ever goes to
		first    = requests[0].t
		rate     = arm.Rate
		slowness = arm.Slow
		ttl      = int64(arm.TTL)
		window   = int64(set.Window)
		horizon  int64
	)
	if rate == 0 {
		rate = 1
	}
	if slowness == 0 {
		slowness = 1
	}
	latency := func(d int64) int64 {
		if slowness == 1 {
			return d
		}
		return int64(float64(d) * slowness)
	}
	add := func(t int64, order int, do func()) {
		seq++
		heap.Push(&events, slowEvent{t, order, seq, do})
	}
	jittered := func(at int64, u float64) int64 {
		if arm.Jitter == 0 || ttl == 0 || arm.TTL == sim.Forever {
			return at
		}
		return at + int64(float64(ttl)*arm.Jitter*(2*u-1))
	}
	plus := func(a, b int64) int64 {
		if a > 0 && b > math.MaxInt64-a {
			return math.MaxInt64
		}
		return a + b
	}
	begin := func(p place, n uint32, took int64, joinable bool) {
		out.Loads++
		out.KeyLoads[p.key]++
		loading[p]++
		total++
		if total > out.Peak {
			out.Peak, out.PeakAt = total, now
		}
		out.windows[now/window]++
		drops := dropped[p]
		if joinable {
			flights[p] = now + took
		}
		add(now+took, 0, func() {
			total--
			loading[p]--
			if dropped[p] != drops {
				return
			}
			if joinable {
				delete(flights, p)
			}
			expiry := jittered(plus(now, ttl), sim.Uniform(set.Seed, sim.ForJitter, p.key, n))
			values[p] = &slowValue{expiry, took}
		})
	}
	wait := func(d int64) {
		out.Wait += float64(d)
		out.Waits = append(out.Waits, d)
		if set.SLO > 0 && d > int64(set.SLO) {
			out.OverSLO++
		}
	}

	processes := uint64(max(set.Processes, 1))
	for _, r := range requests {
		n := numbers[r.key]
		var process uint64
		if set.Routing == sim.RouteRandom && processes > 1 {
			process = sim.Raw(set.Seed, sim.ForRoute, r.key, n) % processes
		}
		p := place{r.key, process}
		t := r.t - first
		if rate != 1 {
			t = int64(float64(t) / rate)
		}
		horizon = t
		if r.drop {
			key := r.key
			add(t, 3, func() {
				for process := range everyone[key] {
					p := place{key, process}
					delete(values, p)
					delete(flights, p)
					dropped[p]++
				}
			})
			continue
		}
		numbers[r.key]++
		if everyone[r.key] == nil {
			everyone[r.key] = map[uint64]bool{}
		}
		if !everyone[r.key][process] {
			everyone[r.key][process] = true
			if arm.Start != sim.Cold && ttl > 0 {
				u := sim.Uniform(set.Seed, sim.ForWarm, r.key, 0)
				v := &slowValue{took: latency(int64(set.Loader.Mean()))}
				switch {
				case arm.Start == sim.Warm:
					v.expiry = int64(float64(ttl) * u)
				case arm.HerdAt > 0:
					v.expiry = jittered(int64(arm.HerdAt), u)
				default:
					v.expiry = jittered(ttl, u)
				}
				values[p] = v
			}
		}
		took := r.latency
		if took < 0 {
			took = sim.At(set.Loader, sim.Uniform(set.Seed, sim.ForLatency, r.key, n))
		}
		took = latency(took)
		add(t, 3, func() {
			out.Requests++
			v := values[p]
			end, inFlight := flights[p]
			inFlight = inFlight && arm.Coalesce
			alone := func() {
				out.Blocked++
				out.Concurrency[loading[p]+1]++
				wait(took)
				begin(p, n, took, arm.Coalesce)
			}
			behind := func() {
				if !inFlight {
					out.Background++
					begin(p, n, took, arm.Coalesce)
				}
			}
			if v != nil && now < v.expiry {
				u := 1 - sim.Uniform(set.Seed, sim.ForEarly, p.key, n)
				early := arm.Early > 0 && -math.Log(u)*(float64(v.took)*arm.Early) >= float64(v.expiry-now)
				if early && !arm.Coalesce {
					alone()
					return
				}
				out.Hits++
				wait(0)
				if early {
					behind()
				}
				return
			}
			if v != nil && arm.Stale > 0 && now < plus(v.expiry, int64(arm.Stale)) {
				out.Stale++
				wait(0)
				behind()
				return
			}
			if inFlight {
				if arm.Wait > 0 && end-now > int64(arm.Wait) {
					out.Blocked++
					out.GaveUp++
					wait(int64(arm.Wait) + took)
					add(now+int64(arm.Wait), 2, func() { begin(p, n, took, false) })
					return
				}
				out.Joined++
				out.KeyJoined[p.key]++
				wait(end - now)
				return
			}
			alone()
		})
	}
	if arm.FlushEvery > 0 {
		for t := int64(arm.FlushEvery); t <= horizon; t += int64(arm.FlushEvery) {
			add(t, 1, func() { clear(values) })
		}
	}
	for len(events) > 0 {
		e := heap.Pop(&events).(slowEvent)
		now = e.t
		e.do()
	}
	slices.Sort(out.Waits)
	for at, loads := range out.windows {
		start := at * window
		if loads > out.Busiest.Loads || loads == out.Busiest.Loads && start < int64(out.Busiest.At) {
			out.Busiest = sim.Window{At: dur(start), Loads: loads}
		}
	}
	return out
}
