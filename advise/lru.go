package advise

import (
	"slices"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// A curve finds the hit ratio of a cache that drops the least recently used
// value, for several TTLs and capacities at once, loads taking no time. A
// request is a hit iff fewer than the capacity of other keys were asked for since
// the key's last request and its value is younger than the TTL; values that
// have expired take up room until they are dropped.
//
// It follows the keys whose hash is below a threshold, which it lowers when
// there are more than curveKeys of them: distances among them are scaled by the
// share that is left (SHARDS: C. Waldspurger, N. Park, A. Garthwaite and
// I. Ahmad, Efficient MRC Construction with SHARDS, FAST 2015). As there, the
// requests that the sample has too many or too few are put down to the smallest
// distance.
type curve struct {
	ttls  []int64
	sizes []int64 // capacities, ascending

	threshold uint64 // keys with mix(key) <= threshold are followed
	keys      map[uint64]*followed
	positions []bool  // by position, whether it is some key's latest
	tree      []int32 // Fenwick tree over positions
	alive     int

	all, seen float64   // requests: given, and followed, scaled to all
	hits      []float64 // by TTL, then size
	repeats   float64
}

type followed struct {
	hash     uint64
	position int
	expiry   []int64 // by TTL, then size
}

// curveKeys is how many keys a curve follows at most.
const curveKeys = 8192

func newCurve(ttls []time.Duration) *curve {
	c := &curve{threshold: 1<<64 - 1, keys: make(map[uint64]*followed)}
	for _, t := range ttls {
		c.ttls = append(c.ttls, int64(t))
	}
	for size := int64(16); size <= 1<<26; size *= 4 {
		c.sizes = append(c.sizes, size)
	}
	c.hits = make([]float64, len(c.ttls)*len(c.sizes))
	c.resize(4 * curveKeys)
	return c
}

func (c *curve) resize(n int) {
	c.positions = make([]bool, 0, n)
	c.tree = make([]int32, n+1)
}

func (c *curve) mark(p int, by int32) {
	for i := p + 1; i < len(c.tree); i += i & -i {
		c.tree[i] += by
	}
}

// since counts the latest positions after p.
func (c *curve) since(p int) int {
	upTo := int32(0)
	for i := p + 1; i > 0; i -= i & -i {
		upTo += c.tree[i]
	}
	return c.alive - int(upTo)
}

func (c *curve) add(t int64, key uint64) {
	c.all++
	hash := scramble(key)
	if hash > c.threshold {
		return
	}
	share := (float64(c.threshold) + 1) / 0x1p64
	weight := 1 / share
	c.seen += weight
	k := c.keys[key]
	if k == nil {
		k = &followed{hash: hash, position: -1, expiry: make([]int64, len(c.hits))}
		c.keys[key] = k
	} else {
		c.repeats += weight
		distance := float64(c.since(k.position)) / share
		for i := range c.ttls {
			for j, size := range c.sizes {
				e := &k.expiry[i*len(c.sizes)+j]
				if distance < float64(size) && t < *e {
					c.hits[i*len(c.sizes)+j] += weight
				} else {
					*e = later(t, c.ttls[i])
				}
			}
		}
		c.mark(k.position, -1)
		c.positions[k.position] = false
		c.alive--
	}
	if k.position < 0 {
		for i := range c.ttls {
			for j := range c.sizes {
				k.expiry[i*len(c.sizes)+j] = later(t, c.ttls[i])
			}
		}
	}
	if len(c.positions) == cap(c.positions) {
		c.compact()
	}
	k.position = len(c.positions)
	c.positions = append(c.positions, true)
	c.mark(k.position, 1)
	c.alive++
	if len(c.keys) > curveKeys {
		c.lower()
	}
}

// compact gives the keys new positions, in their order.
func (c *curve) compact() {
	order := make([]*followed, 0, len(c.keys))
	for _, k := range c.keys {
		if k.position >= 0 && c.positions[k.position] {
			order = append(order, k)
		}
	}
	slices.SortFunc(order, func(a, b *followed) int { return a.position - b.position })
	c.resize(4 * curveKeys)
	c.alive = len(order)
	for i, k := range order {
		k.position = i
		c.positions = append(c.positions, true)
		c.mark(i, 1)
	}
}

// lower halves the share of keys that are followed.
func (c *curve) lower() {
	c.threshold >>= 1
	for key, k := range c.keys {
		if k.hash > c.threshold {
			c.mark(k.position, -1)
			c.positions[k.position] = false
			c.alive--
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
	m.FollowedShare = (float64(c.threshold) + 1) / 0x1p64
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
