package sim

import (
	"cmp"
	"iter"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Draw, as a request's latency, has it drawn from the loader.
const Draw = -1

// A Trace holds requests, to be simulated any number of times. The zero Trace
// is empty and ready. It takes 32 bytes for each request and about as many for
// each key. Its methods must not be called at the same time.
type Trace struct {
	index    table
	keys     []uint64
	counts   []uint32
	steps    steps
	slotKey  []uint64
	owner    []uint32 // see runner.finish
	requests int64
	last     int64
	origin   int64
	unsorted bool
	ready    *readiness // what the steps have been prepared for; nil: nothing
}

// readiness is what of a setting the steps depend on.
type readiness struct {
	seed      uint64
	processes int
	routing   Routing
	loader    Loader
}

func (a *readiness) covers(b *readiness) bool {
	return a != nil && a.seed == b.seed && a.processes == b.processes && a.routing == b.routing &&
		a.loader.text == b.loader.text && a.loader.mean == b.loader.mean && a.loader.square == b.loader.square
}

// Request adds a request for key at time t, in ns. If it has to load, the load
// takes latency, in ns; [Draw] leaves that to the loader. Requests that come out
// of order are sorted when they are run; those of one time stay as they came.
func (tr *Trace) Request(t int64, key uint64, latency int64) {
	kind := drawn
	if latency >= 0 {
		kind = measured
		latency = min(latency, int64(MaxLatency))
	}
	id := tr.add(t, key)
	tr.counts[id]++
	tr.requests++
	tr.steps.add(step{t: t, took: latency, key: id, kind: kind})
}

// Invalidate adds that the value of key was changed or deleted at time t.
func (tr *Trace) Invalidate(t int64, key uint64) {
	id := tr.add(t, key)
	tr.steps.add(step{t: t, key: id, kind: dropped})
}

func (tr *Trace) add(t int64, key uint64) (id uint32) {
	id, found := tr.index.find(key, uint32(len(tr.keys))) //nolint:gosec // a trace of 2^32 keys does not fit
	if !found {
		tr.keys = append(tr.keys, key)
		tr.counts = append(tr.counts, 0)
	}
	if tr.steps.len() > 0 && t < tr.last {
		tr.unsorted = true
	}
	tr.last = t
	tr.ready = nil
	return id
}

// Len is how many requests there are.
func (tr *Trace) Len() int { return int(tr.requests) }

// Keys are the keys in the order in which they were first given, and the number
// of requests of each. They belong to the trace.
func (tr *Trace) Keys() (keys []uint64, requests []uint32) { return tr.keys, tr.counts }

// Span is the time from the first request to the last.
func (tr *Trace) Span() time.Duration {
	if tr.steps.len() == 0 {
		return 0
	}
	tr.sort()
	return time.Duration(tr.last)
}

// Origin is the time of the first request, as it was given.
func (tr *Trace) Origin() int64 {
	tr.sort()
	return tr.origin
}

// sort puts the steps in the order of time and counts it from the first.
func (tr *Trace) sort() {
	if tr.unsorted {
		all := slices.Concat(tr.steps...)
		slices.SortStableFunc(all, func(a, b step) int { return cmp.Compare(a.t, b.t) })
		tr.steps = steps{all}
		tr.unsorted = false
		tr.last = all[len(all)-1].t
	}
	if tr.steps.len() == 0 || tr.steps[0][0].t == 0 {
		return
	}
	first := tr.steps[0][0].t
	for s := range tr.steps.all() {
		d := s.t - first
		if d < 0 { // more than an int64 apart
			d = never / 2
		}
		s.t = min(d, never/2)
		tr.last = s.t
	}
	tr.origin += first
}

// Spread is a copy of the trace for a clock that ticks: the requests that share
// a time are spread evenly over the tick that follows it. The truth lies
// between the two.
func (tr *Trace) Spread(tick time.Duration) *Trace {
	tr.sort()
	out := *tr
	all := slices.Concat(tr.steps...)
	out.steps = steps{all}
	out.slotKey, out.owner, out.ready = nil, nil, nil
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].t == all[i].t {
			j++
		}
		from, part := all[i].t, float64(tick)/float64(j-i)
		for k := i; k < j; k++ {
			all[k].t = from + int64(float64(k-i)*part)
			out.last = all[k].t
		}
		i = j
	}
	return &out
}

// Run simulates the arms, several at a time. The outcomes are in the order of
// the arms. It panics when the setting or an arm is not valid.
func (tr *Trace) Run(set Setting, arms ...Arm) []*Outcome {
	out, _ := tr.Compare(set, nil, arms...)
	return out
}

// Compare is like [Trace.Run], and sets pairs of arms side by side, window by
// window. A pair is the number of the base and that of the arm to hold against
// it.
func (tr *Trace) Compare(set Setting, pairs [][2]int, arms ...Arm) ([]*Outcome, []Contrast) {
	mustBeValid(set, arms)
	tr.prepare(&set)
	runners := make([]*runner, len(arms))
	contrasts := make([]Contrast, len(pairs))
	for i, a := range arms {
		runners[i] = newRunner(a, &set)
	}
	keepWindows(runners, pairs)

	var wg sync.WaitGroup
	work := make(chan unit)
	for range workers(set) {
		wg.Go(func() {
			var spare []*runner // arms that are done
			for u := range work {
				for _, i := range u.arms {
					if last := len(spare) - 1; last >= 0 {
						runners[i].expiry, runners[i].slots = spare[last].expiry[:0], spare[last].slots[:0]
						spare = spare[:last]
					}
				}
				u.all(tr, runners, pairs, contrasts)
				for _, i := range u.arms {
					spare = append(spare, runners[i])
					runners[i] = &runner{out: runners[i].out} // the rest is not needed any more
				}
			}
		})
	}
	for _, u := range units(len(arms), pairs) {
		work <- u
	}
	close(work)
	wg.Wait()

	out := make([]*Outcome, len(arms))
	for i, r := range runners {
		out[i] = &r.out
	}
	return out, contrasts
}

// prepare gives each step its number, slot and latency.
func (tr *Trace) prepare(set *Setting) {
	want := &readiness{set.Seed, set.Processes, set.Routing, set.Loader}
	if tr.ready.covers(want) {
		return
	}
	tr.sort()
	router := newRouter(set)
	seen := make([]uint32, len(tr.keys))
	for s := range tr.steps.all() {
		if s.kind == dropped {
			s.slot = s.key
			continue
		}
		s.n = seen[s.key]
		seen[s.key]++
		key := tr.keys[s.key]
		if s.kind == drawn {
			s.took = set.Loader.at(uniform(set.Seed, forLatency, key, s.n))
		}
		s.slot = router.slot(key, s.key, s.n)
	}
	tr.slotKey, tr.owner = tr.keys, nil
	if !router.single {
		tr.slotKey, tr.owner = router.slotKey, router.owner
		tr.toAllProcesses()
	}
	tr.ready = want
}

// toAllProcesses makes each invalidation one of each process that the key has
// been to. Copies of an earlier preparation go first.
func (tr *Trace) toAllProcesses() {
	bySlots := make([][]uint32, len(tr.keys))
	drops := false
	for s := range tr.steps.all() {
		if s.kind == dropped {
			drops = true
		} else if !slices.Contains(bySlots[s.key], s.slot) {
			bySlots[s.key] = append(bySlots[s.key], s.slot)
		}
	}
	if !drops {
		return
	}
	var out steps
	var last step
	for s := range tr.steps.all() {
		switch again := last.kind == dropped && last.key == s.key && last.t == s.t; {
		case s.kind != dropped:
			out.add(*s)
		case again: // a copy, or a second one at an instant, which changes nothing
		default: // none, where nobody ever asks for it
			for _, slot := range bySlots[s.key] {
				s.slot = slot
				out.add(*s)
			}
		}
		last = *s
	}
	tr.steps = out
}

// A router says which slot a request goes to.
type router struct {
	seed      uint64
	processes uint64
	single    bool // a key has one slot
	index     table
	slotKey   []uint64
	owner     []uint32 // the key's number
}

func newRouter(set *Setting) *router {
	return &router{
		seed: set.Seed, processes: uint64(max(set.Processes, 1)),
		single: set.Processes <= 1 || set.Routing == RouteByKey,
	}
}

func (r *router) slot(key uint64, id, n uint32) uint32 {
	if r.single {
		return id
	}
	process := draw(r.seed, forRoute, key, n) % r.processes
	slot, found := r.index.find(uint64(id)<<16|process, uint32(len(r.slotKey))) //nolint:gosec // fewer than requests
	if !found {
		r.slotKey = append(r.slotKey, key)
		r.owner = append(r.owner, id)
	}
	return slot
}

// A unit is arms that one worker takes through the trace together, block by
// block, because they are compared with each other.
type unit struct {
	arms  []int
	pairs []int
}

// units puts arms that are in a pair into one unit.
func units(arms int, pairs [][2]int) []unit {
	group := make([]int, arms)
	for i := range group {
		group[i] = i
	}
	for _, p := range pairs {
		from, to := group[p[1]], group[p[0]]
		for i := range group {
			if group[i] == from {
				group[i] = to
			}
		}
	}
	byGroup := make([]unit, arms)
	for i, g := range group {
		byGroup[g].arms = append(byGroup[g].arms, i)
	}
	for i, p := range pairs {
		u := &byGroup[group[p[0]]]
		u.pairs = append(u.pairs, i)
	}
	list := slices.DeleteFunc(byGroup, func(u unit) bool { return len(u.arms) == 0 })
	slices.SortStableFunc(list, func(a, b unit) int { return len(b.arms) - len(a.arms) })
	return list
}

// blockSize keeps a block's steps in a processor's cache.
const blockSize = 4096

func (u *unit) all(tr *Trace, runners []*runner, pairs [][2]int, contrasts []Contrast) {
	for _, chunk := range tr.steps {
		for block := range slices.Chunk(chunk, blockSize) {
			for _, i := range u.arms {
				runners[i].run(block, tr.slotKey)
			}
			u.contrast(runners, pairs, contrasts)
		}
	}
	for _, i := range u.arms {
		runners[i].finish(tr.requests, len(tr.keys), tr.owner)
	}
	u.contrast(runners, pairs, contrasts)
}

// steps are kept in chunks, so that none has to move to make room: a long trace
// would take twice its memory.
type steps [][]step

const chunkSize = 1 << 16

func (l *steps) add(s step) {
	if n := len(*l); n == 0 || len((*l)[n-1]) >= chunkSize {
		size := chunkSize
		if n == 0 {
			size = 64 // most traces of tests are short
		}
		*l = append(*l, make([]step, 0, size))
	}
	last := &(*l)[len(*l)-1]
	*last = append(*last, s)
}

func (l *steps) len() int {
	n := 0
	for _, chunk := range *l {
		n += len(chunk)
	}
	return n
}

func (l *steps) all() iter.Seq[*step] {
	return func(yield func(*step) bool) {
		for _, chunk := range *l {
			for i := range chunk {
				if !yield(&chunk[i]) {
					return
				}
			}
		}
	}
}

func workers(set Setting) int {
	if set.Workers > 0 {
		return set.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func mustBeValid(set Setting, arms []Arm) {
	if err := set.Validate(); err != nil {
		panic(err)
	}
	for _, a := range arms {
		if err := a.Validate(); err != nil {
			panic(err)
		}
	}
}

// Each tells of all requests and invalidations in the order of time, counted
// from the first. latency is as it was given.
func (tr *Trace) Each(tell func(t int64, key uint64, latency int64, dropped bool)) {
	tr.sort()
	var last step
	for p := range tr.steps.all() {
		s := *p
		if s.kind == dropped && last.kind == dropped && last.key == s.key && last.t == s.t {
			continue // the same one, for another process
		}
		last = s
		if s.kind != measured {
			s.took = Draw
		}
		tell(s.t, tr.keys[s.key], s.took, s.kind == dropped)
	}
}

// First is a copy of the trace's first n requests.
func (tr *Trace) First(n int) *Trace {
	tr.sort()
	out := new(Trace)
	for s := range tr.steps.all() {
		switch {
		case out.Len() == n:
			return out
		case s.kind == dropped:
			out.Invalidate(s.t, tr.keys[s.key])
		case s.kind == measured:
			out.Request(s.t, tr.keys[s.key], s.took)
		default:
			out.Request(s.t, tr.keys[s.key], Draw)
		}
	}
	return out
}
