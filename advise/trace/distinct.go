package trace

import (
	"math"
	"math/bits"
	"slices"
)

// A Distinct counts how many different hashes it was given: exactly up to a
// limit, then by HyperLogLog, whose standard error here is 0.8 %. The zero
// Distinct counts none exactly.
type Distinct struct {
	limit  int
	table  []uint64 // open addressing; 0 is free
	n      int
	sketch []uint8 // registers; nil while the table is used
}

const sketchBits = 14

func newDistinct(limit int) *Distinct { return &Distinct{limit: limit} }

// add counts a hash. A hash is never 0.
func (d *Distinct) add(h uint64) {
	if d.sketch != nil {
		d.register(h)
		return
	}
	if d.n*2 >= len(d.table) {
		if d.n >= d.limit {
			if d.has(h) {
				return
			}
			d.toSketch()
			d.register(h)
			return
		}
		old := d.table
		d.table = make([]uint64, max(256, 2*len(old)))
		for _, o := range old {
			if o != 0 {
				d.insert(o)
			}
		}
	}
	if d.insert(h) {
		d.n++
	}
}

func (d *Distinct) insert(h uint64) bool {
	mask := uint64(len(d.table) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch d.table[i] {
		case h:
			return false
		case 0:
			d.table[i] = h
			return true
		}
	}
}

func (d *Distinct) has(h uint64) bool {
	if len(d.table) == 0 {
		return false
	}
	mask := uint64(len(d.table) - 1)
	for i := h & mask; d.table[i] != 0; i = (i + 1) & mask {
		if d.table[i] == h {
			return true
		}
	}
	return false
}

func (d *Distinct) toSketch() {
	d.sketch = make([]uint8, 1<<sketchBits)
	for _, h := range d.table {
		if h != 0 {
			d.register(h)
		}
	}
	d.table = nil
}

func (d *Distinct) register(h uint64) {
	i := h >> (64 - sketchBits)
	rank := uint8(bits.LeadingZeros64(h<<sketchBits|1<<(sketchBits-1))) + 1
	if d.sketch[i] < rank {
		d.sketch[i] = rank
	}
}

func (d *Distinct) clone(limit int) *Distinct {
	c := &Distinct{limit: limit, table: slices.Clone(d.table), n: d.n, sketch: slices.Clone(d.sketch)}
	if c.sketch == nil && c.n > limit {
		c.toSketch()
	}
	return c
}

// Exact reports whether Count is exact.
func (d *Distinct) Exact() bool { return d == nil || d.sketch == nil }

// Count gives how many there were.
func (d *Distinct) Count() uint64 {
	if d == nil {
		return 0
	}
	if d.sketch == nil {
		return uint64(d.n)
	}
	// Ertl's estimator, which needs no tables of corrections.
	const (
		m = 1 << sketchBits
		q = 64 - sketchBits
	)
	var counts [q + 2]float64
	for _, r := range d.sketch {
		counts[r]++
	}
	z := m * tau(1-counts[q+1]/m)
	for k := q; k >= 1; k-- {
		z = 0.5 * (z + counts[k])
	}
	z += m * sigma(counts[0]/m)
	return uint64(math.Round(m * m / (2 * math.Ln2) / z))
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		was := z
		z += x * y
		y += y
		if z == was {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		was := z
		y *= 0.5
		z -= (1 - x) * (1 - x) * y
		if z == was {
			return z / 3
		}
	}
}
