package advise

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// sampled is a study of a trace that is too long to be kept. It follows the
// frequent keys one by one, as most duplicates are theirs, and of the others
// those whose hash is below a threshold, each of which stands for as many as it
// takes: a request counts for 2^halvings.
//
// Whether a key is frequent is first said by the part of the trace that was
// kept, and then by counting. One that becomes frequent later is followed from
// then on, with nothing cached; before, it was one of the others.
//
// When there are too many of the others, the threshold is halved, as in SHARDS,
// and a request counts for twice as many from then on. Each request is thus
// counted by the inverse of its chance to be seen, which is without bias.
type sampled struct {
	plan   *plan
	stream *sim.Stream
	origin int64

	frequent keyMap
	counted  *frequent
	maxHeavy int

	threshold uint64
	halvings  uint8
	tailKeys  int // followed now
	maxTail   int

	arrivals arrivals
	curve    func() *curve // waits for it

	requests, heavy, late int64
	others                int64 // requests of keys that are not frequent
}

// promoteShare: a key that is not among the frequent ones becomes one when it
// has certainly had this share of the requests.
const promoteShare = 1.0 / (4 * DefaultHeavyKeys)

// countEvery: one of so many requests of the others is counted, which takes as
// long as to simulate one.
const countEvery = 8

// sample goes on with what was kept so far, of which it keeps the first part.
func (s *Study) sample() (*sampled, *sim.Trace) {
	c := &s.c
	loader, err := s.loader()
	if err != nil { // nobody will say; let Report tell
		loader = sim.Loader{}
	}
	heavy := max(256, min(c.HeavyKeys, 2*c.MaxKeys/c.Processes))
	tail := max(1024, (c.MaxKeys-c.HeavyKeys)/c.Processes)
	if c.Routing == sim.RouteByKey {
		heavy, tail = c.HeavyKeys, c.MaxKeys-c.HeavyKeys
	}
	keys, counts := s.trace.Keys()
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(counts[b], counts[a]) })

	d := &sampled{
		plan:     planFor(c, loader, jitterFor(c, loader, int64(len(keys))), min(c.TTL, s.trace.Span()/2)),
		frequent: newKeyMap(heavy + heavy/4), counted: newFrequent(heavy), maxHeavy: heavy + heavy/4,
		threshold: 1<<64 - 1, maxTail: tail, curve: pastOf(s.trace).begin(ttlsOf(c)),
	}
	for _, i := range order[:min(heavy, len(order))] {
		if counts[i] > 1 {
			d.frequent.add(keys[i], false)
		}
	}
	for rest := len(keys) - d.frequent.len; rest > tail; rest /= 2 {
		d.threshold >>= 1
		d.halvings++
	}
	d.stream = sim.NewStream(s.setting(loader), d.plan.pairs, d.plan.arms...)
	s.trace.Each(func(t int64, key uint64, latency int64, dropped bool) {
		if dropped {
			d.invalidate(t, key)
		} else {
			d.request(t, key, latency)
		}
	})
	d.origin = s.trace.Origin()
	return d, s.trace.First(c.CurveRequests)
}

// since is t after the first request. Times before it are its own.
func (d *sampled) since(t int64) int64 {
	if t <= d.origin {
		return 0
	}
	return int64(min(uint64(t)-uint64(d.origin), math.MaxInt64/2)) //nolint:gosec // the difference of any two fits
}

// request takes in a request at t after the first.
func (d *sampled) request(t int64, key uint64, latency int64) {
	d.requests++
	t = max(t, d.arrivals.last)
	d.arrivals.add(t)

	hash := scramble(key)
	heavy := d.frequent.find(key, hash)
	if heavy == nil {
		if d.others++; d.others%countEvery == 0 && d.frequent.len < d.maxHeavy &&
			countEvery*d.counted.add(key) > max(64, int64(promoteShare*float64(d.requests))) {
			heavy = d.frequent.add(key, true)
		}
	}
	if heavy != nil {
		d.heavy++
		if heavy.late {
			d.late++
		}
		if heavy.given {
			d.stream.Again(t, heavy.id, latency, 0)
		} else {
			heavy.id, heavy.given = d.stream.Request(t, key, latency, 0), true
		}
		return
	}
	if hash > d.threshold {
		return
	}
	if id, given := d.stream.Find(key); given {
		d.stream.Again(t, id, latency, d.halvings)
		return
	}
	if d.tailKeys++; d.tailKeys > d.maxTail {
		d.halve()
		if hash > d.threshold {
			return
		}
	}
	d.stream.Request(t, key, latency, d.halvings)
}

// halve follows half as many of the keys that are not frequent.
func (d *sampled) halve() {
	d.threshold >>= 1
	d.halvings++
	d.tailKeys = 1
	keys, _ := d.stream.Keys()
	for _, k := range keys {
		if d.frequent.find(k, scramble(k)) == nil && scramble(k) <= d.threshold {
			d.tailKeys++
		}
	}
}

func (d *sampled) invalidate(t int64, key uint64) {
	d.stream.Invalidate(t, key)
}

// close ends the simulation.
func (d *sampled) close() *runs {
	r := &runs{plan: d.plan, total: d.requests, span: time.Duration(d.arrivals.last - d.arrivals.first), requests: d.stream.Requests()}
	r.outs, r.contrasts = d.stream.Close()
	keys, counts := d.stream.Keys()
	r.keys, r.counts = keys, slices.Clone(counts)
	r.weights = make([]uint8, len(keys))
	for i, k := range keys {
		if d.frequent.find(k, scramble(k)) != nil {
			continue
		}
		r.weights[i] = d.halvings
		if scramble(k) > d.threshold { // those that are still followed stand for it
			r.counts[i] = 0
			for _, o := range r.outs {
				forget(o.KeyLoads, i)
				forget(o.KeyJoined, i)
			}
		}
	}
	return r
}

func forget(list []uint32, i int) {
	if i < len(list) {
		list[i] = 0
	}
}

func (d *sampled) method() Method {
	return Method{
		HeavyKeys: d.frequent.len, HeavyShare: ratio(float64(d.heavy), float64(d.requests)),
		TailRate: 1 / float64(uint64(1)<<d.halvings), LatePromoted: ratio(float64(d.late), float64(d.requests)),
		PeakIsScaled: d.halvings > 0, Late: d.stream.Late(),
	}
}

// counts are the requests of the frequent keys, and about how many keys there
// are in all.
func (d *sampled) counts() (heavy []uint32, keys int64) {
	all, counts := d.stream.Keys()
	tail := int64(0)
	for i, k := range all {
		if d.frequent.find(k, scramble(k)) != nil {
			heavy = append(heavy, counts[i])
		} else if scramble(k) <= d.threshold {
			tail++
		}
	}
	return heavy, int64(len(heavy)) + tail<<d.halvings
}

// oneHit is about the share of the keys that were asked for once.
func (d *sampled) oneHit() float64 {
	all, counts := d.stream.Keys()
	once, keys := int64(0), int64(0)
	for i, k := range all {
		switch {
		case d.frequent.find(k, scramble(k)) != nil:
			keys++
		case scramble(k) <= d.threshold:
			keys += 1 << d.halvings
			if counts[i] == 1 {
				once += 1 << d.halvings
			}
		}
	}
	return ratio(float64(once), float64(keys))
}

// A keyMap holds the frequent keys. It is looked into for each request.
type keyMap struct {
	cells []keyCell
	len   int
}

type keyCell struct {
	key   uint64
	id    uint32 // in the stream
	given bool   // there is an id
	used  bool   // there is a key
	late  bool   // it is frequent from somewhere on only
}

// newKeyMap has room for n keys.
func newKeyMap(n int) keyMap {
	return keyMap{cells: make([]keyCell, 1<<bits.Len(uint(n+n/4)))} //nolint:gosec // n is at least 0
}

// find looks for key, whose hash is scramble(key). What it gives lasts until the
// next add.
func (m *keyMap) find(key, hash uint64) *keyCell {
	mask := uint64(len(m.cells) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch c := &m.cells[i]; {
		case !c.used:
			return nil
		case c.key == key:
			return c
		}
	}
}

// add puts in a key that is not there, where there is room.
func (m *keyMap) add(key uint64, late bool) *keyCell {
	mask := uint64(len(m.cells) - 1)
	i := scramble(key) & mask
	for m.cells[i].used {
		i = (i + 1) & mask
	}
	m.cells[i] = keyCell{key: key, used: true, late: late}
	m.len++
	return &m.cells[i]
}
