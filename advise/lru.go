package advise

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// A curve finds the hit ratio of a cache that drops the least recently used
// value, for several TTLs and capacities at once, loads taking no time. A
// request is a hit iff fewer than the capacity of other keys were asked for since
// the key's last request and its value is younger than the TTL; values that
// have expired take up room until they are dropped.
//
// It follows the most frequent keys, and of the others those whose hash is below
// a threshold, which it lowers when there are more than curveKeys of them: each
// stands for as many as it takes (SHARDS: C. Waldspurger, N. Park, A. Garthwaite
// and I. Ahmad, Efficient MRC Construction with SHARDS, FAST 2015). SHARDS alone
// was off by 0.03 for small capacities, which the frequent keys fill.
type curve struct {
	ttls  []int64
	sizes []int64 // capacities, ascending

	threshold uint64 // keys with scramble(key) <= threshold are followed
	keys      map[uint64]*followed
	frequent  map[uint64]bool
	tail      int        // followed keys that are not frequent
	positions int        // given so far
	trees     [2]fenwick // of the latest requests of the keys: frequent ones, others

	all, seen float64   // requests: given, and followed, scaled to all
	hits      []float64 // by TTL, then size
	repeats   float64
}

type followed struct {
	hash     uint64
	tree     int
	position int
	expiry   []int64 // by TTL, then size
}

// A fenwick counts marks after a position (P. Fenwick, 1994).
type fenwick struct {
	sums  []int32
	marks int
}

func (f *fenwick) mark(p int, by int32) {
	f.marks += int(by)
	for i := p + 1; i < len(f.sums); i += i & -i {
		f.sums[i] += by
	}
}

func (f *fenwick) after(p int) int {
	upTo := int32(0)
	for i := p + 1; i > 0; i -= i & -i {
		upTo += f.sums[i]
	}
	return f.marks - int(upTo)
}

// How many keys a curve follows at most, and of how many requests it is made.
const (
	curveKeys     = 8192
	curveFrequent = 4096
	curveRequests = 1_000_000
)

// newCurve makes a curve that follows the keys in frequent, at most
// curveFrequent, whatever their hash.
func newCurve(ttls []time.Duration, frequent map[uint64]bool) *curve {
	c := &curve{threshold: 1<<64 - 1, keys: make(map[uint64]*followed), frequent: frequent}
	for _, t := range ttls {
		c.ttls = append(c.ttls, int64(t))
	}
	for size := int64(16); size <= 1<<26; size *= 4 {
		c.sizes = append(c.sizes, size)
	}
	c.hits = make([]float64, len(c.ttls)*len(c.sizes))
	c.renumber()
	return c
}

// A past is what a curve is made of: a trace, or its first part.
type past struct {
	frequent map[uint64]bool
	accesses []access
}

type access struct {
	t       int64
	key     uint64
	dropped bool
}

// pastOf copies what a curve of tr needs, so that it can be made while tr is
// run.
func pastOf(tr *sim.Trace) *past {
	keys, counts := tr.Keys()
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(counts[b], counts[a]) })
	p := &past{frequent: make(map[uint64]bool), accesses: make([]access, 0, min(tr.Len(), curveRequests))}
	for _, i := range order[:min(curveFrequent, len(order))] {
		p.frequent[keys[i]] = true
	}
	n := 0
	tr.Each(func(t int64, key uint64, _ int64, dropped bool) {
		if n < curveRequests {
			p.accesses = append(p.accesses, access{t, key, dropped})
		}
		if !dropped {
			n++
		}
	})
	return p
}

// begin has the curve made on a goroutine of its own. wait waits for it.
func (p *past) begin(ttls []time.Duration) (wait func() *curve) {
	var c *curve
	var made sync.WaitGroup
	made.Go(func() { c = p.curve(ttls) })
	return func() *curve {
		made.Wait()
		return c
	}
}

func (p *past) curve(ttls []time.Duration) *curve {
	c := newCurve(ttls, p.frequent)
	for _, a := range p.accesses {
		if a.dropped {
			c.drop(a.key)
		} else {
			c.add(a.t, a.key)
		}
	}
	return c
}

func (c *curve) share() float64 { return (float64(c.threshold) + 1) / 0x1p64 }

func (c *curve) add(t int64, key uint64) {
	c.all++
	hash, tree, weight := scramble(key), 0, 1.0
	if !c.frequent[key] {
		if hash > c.threshold {
			return
		}
		tree, weight = 1, 1/c.share()
	}
	c.seen += weight
	k := c.keys[key]
	if k == nil {
		k = &followed{hash: hash, tree: tree, expiry: make([]int64, len(c.hits))}
		c.keys[key] = k
		c.tail += tree
		for i := range c.ttls {
			fresh := later(t, c.ttls[i])
			for j := range c.sizes {
				k.expiry[i*len(c.sizes)+j] = fresh
			}
		}
	} else {
		c.repeats += weight
		distance := float64(c.trees[0].after(k.position)) + float64(c.trees[1].after(k.position))/c.share()
		fits := 0 // the least size that the key has stayed in
		for fits < len(c.sizes) && distance >= float64(c.sizes[fits]) {
			fits++
		}
		for i := range c.ttls {
			fresh := later(t, c.ttls[i])
			row := k.expiry[i*len(c.sizes):][:len(c.sizes)]
			for j := range row[:fits] {
				row[j] = fresh
			}
			hits := c.hits[i*len(c.sizes):][:len(c.sizes)]
			for j := fits; j < len(row); j++ {
				if t < row[j] {
					hits[j] += weight
				} else {
					row[j] = fresh
				}
			}
		}
		c.trees[tree].mark(k.position, -1)
	}
	k.position = c.positions
	c.positions++
	c.trees[tree].mark(k.position, 1)
	if c.positions == len(c.trees[0].sums)-1 {
		c.renumber()
	}
	if c.tail > curveKeys {
		c.lower()
	}
}

// renumber gives the keys new positions, in their order.
func (c *curve) renumber() {
	order := make([]*followed, 0, len(c.keys))
	for _, k := range c.keys {
		order = append(order, k)
	}
	slices.SortFunc(order, func(a, b *followed) int { return a.position - b.position })
	for i := range c.trees {
		c.trees[i] = fenwick{sums: make([]int32, 4*(curveKeys+curveFrequent))}
	}
	c.positions = len(order)
	for i, k := range order {
		k.position = i
		c.trees[k.tree].mark(i, 1)
	}
}

// lower halves the share of keys that are followed.
func (c *curve) lower() {
	c.threshold >>= 1
	for key, k := range c.keys {
		if k.tree == 1 && k.hash > c.threshold {
			c.trees[1].mark(k.position, -1)
			c.tail--
			delete(c.keys, key)
		}
	}
}

// drop is an invalidation of key.
func (c *curve) drop(key uint64) {
	if k := c.keys[key]; k != nil {
		clear(k.expiry)
	}
}

// ratio gives the hit ratio for TTL number i and size number j.
func (c *curve) ratio(i, j int) float64 {
	if c.all == 0 {
		return 0
	}
	hits := c.hits[i*len(c.sizes)+j]
	if c.repeats > 0 { // the sample has too few requests of frequent keys, or too many; those hit if their value is young enough
		hits += (c.all - c.seen) * c.hits[(i+1)*len(c.sizes)-1] / c.repeats
	}
	return min(max(hits/c.all, 0), 1)
}

// surface is the whole of it. Sizes beyond the number of keys are left out but
// for the first.
func (c *curve) surface(keys int64) HeatMap {
	var m HeatMap
	for j, size := range c.sizes {
		m.Entries = append(m.Entries, size)
		if size >= keys {
			m.Entries = m.Entries[:j+1]
			break
		}
	}
	for i, t := range c.ttls {
		m.TTLs = append(m.TTLs, time.Duration(t))
		var row []float64
		for j := range m.Entries {
			row = append(row, c.ratio(i, j))
		}
		m.HitRatio = append(m.HitRatio, row)
	}
	m.FollowedShare, m.Requests = c.share(), int64(c.all)
	return m
}

func later(t, d int64) int64 {
	if d == int64(sim.Forever) || t > 0 && d > int64(sim.Forever)-t {
		return int64(sim.Forever)
	}
	return t + d
}

// scramble spreads keys that are no hashes themselves.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
