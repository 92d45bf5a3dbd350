package sim

import (
	"math"
	"slices"
	"time"
)

// A step is one request, or invalidation, made ready for all arms.
type step struct {
	t      int64  // after the first request
	took   int64  // the load, if it comes to one
	key    uint32 // dense
	slot   uint32 // the key in its process
	n      uint32 // how many requests of the key came before
	weight uint8  // for how many it stands, as a power of 2
	kind   stepKind
}

type stepKind uint8

const (
	drawn    stepKind = iota // a request whose latency is the loader's
	measured                 // a request that brought its own
	dropped                  // an invalidation
)

// A slot is what an arm knows of a key in a process, beside when its value
// expires. That is apart, as most requests need nothing else: to wait for it
// from memory is what a hit costs.
type slot struct {
	flight  int64  // when the load ends that may be joined; none: there is none
	loading int32  // loads in flight
	epoch   uint32 // invalidations
	loads   uint32 // so far
	joined  uint32 // requests so far
}

// A runner is one arm at work. It is used by one goroutine at a time.
type runner struct {
	arm     Arm
	set     *Setting
	slotKey []uint64 // the key of each slot, by the secret's hash
	keeps   bool     // values are kept beyond their loads
	expiry  []int64  // of each slot, when keeps: its value is fresh before; none: there is no value
	slots   []slot
	took    []int64 // by the load of each slot's value; only when early
	loads   queue
	waiting fifo // callers that will give up, in the order of when

	ttl, stale, wait int64
	jitter, early    float64
	mean             int64 // the loader's, scaled
	slo              int64
	nextFlush, flush int64
	next             int64 // the first instant at which something is due

	inFlight level

	window      int64 // length
	windowAt    int64 // number of the open window
	windowEnd   int64
	windowLoads int64
	windows     []window // closed ones, when keepWindows
	keepWindows bool

	out Outcome
}

// A window is a closed window that had loads.
type window struct{ at, loads int64 }

func newRunner(arm Arm, set *Setting) *runner {
	r := &runner{arm: arm, set: set, next: never, nextFlush: never, window: int64(set.window())}
	r.ttl, r.stale, r.wait = int64(arm.TTL), int64(arm.Stale), int64(arm.Wait)
	r.keeps = r.ttl > 0 || r.stale > 0
	r.jitter, r.early = arm.Jitter, arm.Early
	r.slo = int64(set.SLO)
	r.mean = r.slowed(int64(set.Loader.Mean()))
	if arm.FlushEvery > 0 {
		r.flush = int64(arm.FlushEvery)
		r.nextFlush = r.flush
		r.next = r.flush
	}
	r.out.Arm = arm
	return r
}

func (r *runner) slowed(d int64) int64 {
	if r.arm.Slow == 0 || r.arm.Slow == 1 {
		return d
	}
	return int64(min(float64(d)*r.arm.Slow, float64(MaxLatency)))
}

// when is the arm's time of a step.
func (r *runner) when(t int64) int64 {
	if r.arm.Rate == 0 || r.arm.Rate == 1 {
		return t
	}
	return int64(min(float64(t)/r.arm.Rate, math.MaxInt64/2))
}

// run serves steps, which come in the order of their times. slotKey has a key
// for each slot in them.
func (r *runner) run(steps []step, slotKey []uint64) {
	r.slotKey = slotKey
	r.slots = roomFor(r.slots, len(slotKey))
	if r.keeps {
		r.expiry = roomFor(r.expiry, len(slotKey))
	}
	for n := len(r.slots); n < len(slotKey); n++ {
		r.slots = append(r.slots, slot{flight: none})
		if r.keeps {
			r.expiry = append(r.expiry, r.begins(slotKey[n]))
		}
		if r.early > 0 {
			r.took = append(r.took, r.mean)
		}
	}
	for i := range steps {
		s := &steps[i]
		t := r.when(s.t)
		if t >= r.next {
			r.settle(t)
		}
		if s.kind == dropped {
			k := &r.slots[s.slot]
			k.flight = none
			k.epoch++
			if r.keeps {
				r.expiry[s.slot] = none
			}
			continue
		}
		if r.keeps && t < r.expiry[s.slot] && r.early == 0 {
			r.out.Hits += 1 << s.weight
			continue
		}
		r.serve(t, s)
	}
}

// begins gives the expiry of a slot before its first request.
func (r *runner) begins(key uint64) int64 {
	if r.arm.Start == Cold || r.ttl == 0 || r.nextFlush > r.flush && r.flush > 0 {
		return none
	}
	u := uniform(r.set.Seed, forWarm, key, 0)
	switch {
	case r.arm.Start == Warm:
		return int64(float64(r.ttl) * u)
	case r.arm.HerdAt > 0:
		return spread(int64(r.arm.HerdAt), r.ttl, r.jitter, u)
	default:
		return spread(r.ttl, r.ttl, r.jitter, u)
	}
}

// spread moves at by up to jitter of ttl, either way.
func spread(at, ttl int64, jitter, u float64) int64 {
	if jitter == 0 || ttl == never {
		return at
	}
	d := int64(float64(ttl) * jitter * (2*u - 1))
	if d > 0 {
		return after(at, d)
	}
	return at + d
}

// serve is a request that is not plainly a hit.
func (r *runner) serve(t int64, s *step) {
	weight := int64(1) << s.weight
	k, expiry := &r.slots[s.slot], int64(none)
	if r.keeps {
		expiry = r.expiry[s.slot]
	}
	switch {
	case t < expiry:
		switch {
		case !r.refreshes(t, s):
			r.out.Hits += weight
		case !r.arm.Coalesce:
			r.block(t, s, k)
		default:
			r.out.Hits += weight
			r.behind(t, s, k)
		}

	case r.stale > 0 && expiry != none && t < after(expiry, r.stale):
		r.out.Stale += weight
		r.behind(t, s, k)

	case r.arm.Coalesce && k.flight != none:
		wait := k.flight - t
		if r.wait > 0 && wait > r.wait {
			r.giveUp(t, s)
			return
		}
		r.out.Joined += weight
		k.joined++
		slice := r.waited(t, wait, weight)
		slice.Joined += weight

	default:
		r.block(t, s, k)
	}
}

// refreshes reports whether request s, a hit, loads early.
func (r *runner) refreshes(t int64, s *step) bool {
	reach := float64(r.took[s.slot]) * r.early
	left := float64(r.expiry[s.slot] - t)
	if left > 40*reach { // -ln of the least U is less
		return false
	}
	u := 1 - uniform(r.set.Seed, forEarly, r.slotKey[s.slot], s.n)
	return -math.Log(u)*reach >= left
}

// block is a caller that waits for a load of its own.
func (r *runner) block(t int64, s *step, k *slot) {
	weight := int64(1) << s.weight
	took := r.slowed(s.took)
	r.out.Blocked += weight
	r.out.Concurrency[concurrencyBucket(k.loading+1)] += weight
	r.waited(t, took, weight)
	if r.arm.Coalesce {
		k.flight = after(t, took)
	}
	r.begin(t, took, s, k, r.arm.Coalesce)
}

// behind begins a load that nobody waits for, unless one is under way that
// would do.
func (r *runner) behind(t int64, s *step, k *slot) {
	if r.arm.Coalesce && k.flight != none {
		return
	}
	took := r.slowed(s.took)
	r.out.Background += 1 << s.weight
	if r.arm.Coalesce {
		k.flight = after(t, took)
	}
	r.begin(t, took, s, k, r.arm.Coalesce)
}

// giveUp is a caller that joins a load and leaves it again.
func (r *runner) giveUp(t int64, s *step) {
	weight := int64(1) << s.weight
	r.out.Blocked += weight
	r.out.GaveUp += weight
	r.waited(t, after(r.wait, r.slowed(s.took)), weight)
	at := after(t, r.wait)
	r.waiting.push(leaver{at: at, step: *s})
	r.next = min(r.next, at)
}

// begin starts a load at t.
func (r *runner) begin(t, took int64, s *step, k *slot, flight bool) {
	weight := int64(1) << s.weight
	k.loading++
	k.loads++
	r.loads.add(load{ends: after(t, took), took: took, slot: s.slot, n: s.n, epoch: k.epoch, weight: s.weight, flight: flight})
	r.next = min(r.next, after(t, took))

	r.out.Loads += weight
	r.inFlight.change(t, 1, s.weight, r.window)
	r.out.HeadPeak = max(r.out.HeadPeak, r.inFlight.head)
	slice := r.out.Timeline.at(t)
	slice.Loads += weight
	if r.inFlight.all > slice.Peak { // what is estimated is no more
		inFlight := r.inFlight.now(t, r.window)
		slice.Peak = max(slice.Peak, inFlight)
		if inFlight > r.out.Peak {
			r.out.Peak, r.out.PeakAt = inFlight, time.Duration(t)
		}
	}

	if t >= r.windowEnd {
		r.closeWindow()
		r.windowAt = t / r.window
		r.windowEnd = after(r.windowAt*r.window, r.window)
	}
	r.windowLoads += weight
}

func (r *runner) closeWindow() {
	if r.windowLoads > r.out.Busiest.Loads {
		r.out.Busiest = Window{time.Duration(r.windowAt * r.window), r.windowLoads}
	}
	if r.keepWindows && r.windowLoads > 0 {
		r.windows = append(r.windows, window{r.windowAt, r.windowLoads})
	}
	r.windowLoads = 0
}

// waited notes the wait of a caller that came at t.
func (r *runner) waited(t, d, weight int64) *Slice {
	r.out.Wait += float64(d) * float64(weight)
	r.out.Latency.add(d, weight)
	slice := r.out.Timeline.at(t)
	slice.Wait += float64(d) * float64(weight)
	if r.slo > 0 && d > r.slo {
		r.out.OverSLO += weight
		slice.OverSLO += weight
	}
	return slice
}

// settle does all that is due by t, in the order of time: loads end, then the
// cache is flushed, then callers give up.
func (r *runner) settle(t int64) {
	for {
		end, leave := r.loads.next(), r.waiting.next()
		switch due := min(end, r.nextFlush, leave); {
		case due > t || due == never:
			r.next = due
			return
		case end == due:
			r.end()
		case r.nextFlush == due:
			for i := range r.expiry {
				r.expiry[i] = none
			}
			r.nextFlush = after(r.nextFlush, r.flush)
			if r.nextFlush <= t-r.flush { // an idle time: the cache is empty already, or will be
				r.nextFlush += (t - r.nextFlush) / r.flush * r.flush
			}
		default:
			l := r.waiting.pop()
			r.begin(l.at, r.slowed(l.step.took), &l.step, &r.slots[l.step.slot], false)
		}
	}
}

// end ends the load that is due first.
func (r *runner) end() {
	l := r.loads.take()
	r.inFlight.change(l.ends, -1, l.weight, r.window)
	k := &r.slots[l.slot]
	k.loading--
	if l.epoch != k.epoch {
		return
	}
	if l.flight {
		k.flight = none
	}
	if !r.keeps {
		return
	}
	if r.early > 0 {
		r.took[l.slot] = l.took
	}
	expiry := after(l.ends, r.ttl)
	if r.jitter > 0 && r.ttl > 0 {
		expiry = spread(expiry, r.ttl, r.jitter, uniform(r.set.Seed, forJitter, r.slotKey[l.slot], l.n))
	}
	r.expiry[l.slot] = expiry
}

// finish closes what is open. No more steps may follow. There were so many
// requests, of as many keys; owner has the key of each slot, and is nil where a
// slot is a key.
func (r *runner) finish(requests int64, keys int, owner []uint32) {
	for r.waiting.next() != never { // those who give up after the last request
		r.settle(r.waiting.next())
	}
	r.closeWindow()
	o := &r.out
	o.Requests = requests
	at0 := requests - o.Blocked - o.Joined
	o.Latency.zeros += at0
	o.Latency.total += at0
	if !r.set.PerKey {
		return
	}
	o.KeyLoads, o.KeyJoined = make([]uint32, keys), make([]uint32, keys)
	for i := range r.slots {
		key := i
		if owner != nil {
			key = int(owner[i])
		}
		o.KeyLoads[key] += r.slots[i].loads
		o.KeyJoined[key] += r.slots[i].joined
	}
}

// roomFor gives list room for n elements. It doubles what append would lengthen
// by a quarter: these lists are long, and grow to the end.
func roomFor[E any](list []E, n int) []E {
	if n <= cap(list) {
		return list
	}
	return slices.Grow(list, max(n, 2*len(list))-len(list))
}

// A leaver is a caller that will give up waiting.
type leaver struct {
	at   int64
	step step
}

// A fifo holds callers in the order in which they will give up, which is the
// one in which they came, as all wait equally long.
type fifo struct {
	list []leaver
	head int
}

func (f *fifo) next() int64 {
	if f.head == len(f.list) {
		return never
	}
	return f.list[f.head].at
}

func (f *fifo) push(l leaver) {
	if f.head > 1024 && 2*f.head > len(f.list) {
		f.list = f.list[:copy(f.list, f.list[f.head:])]
		f.head = 0
	}
	f.list = append(f.list, l)
}

func (f *fifo) pop() leaver {
	l := f.list[f.head]
	if f.head++; f.head == len(f.list) {
		f.list, f.head = f.list[:0], 0
	}
	return l
}
