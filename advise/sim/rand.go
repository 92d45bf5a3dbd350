package sim

import "math/bits"

// A concern is what a random number is for. Each has a stream of its own.
type concern uint64

const (
	forLatency concern = iota + 1
	forJitter
	forEarly
	forRoute
	forWarm
)

// uniform gives the number in [0,1) for request n of key.
func uniform(seed uint64, c concern, key uint64, n uint32) float64 {
	return float64(draw(seed, c, key, n)>>11) * 0x1p-53
}

func draw(seed uint64, c concern, key uint64, n uint32) uint64 {
	return mix(mix(key^mix(seed+uint64(c)*golden)) + uint64(n)*golden)
}

const golden = 0x9e3779b97f4a7c15

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(x uint64) uint64 {
	x += golden
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// A table finds the dense number of a key: open addressing with linear
// probing. The zero table is empty.
type table struct {
	cells []cell
	used  int
}

type cell struct {
	key uint64
	id  uint32 // plus 1; 0 is an empty cell
}

// find gives the number of key, or next and false when it is new; then it is
// in the table from now on.
func (t *table) find(key uint64, next uint32) (id uint32, found bool) {
	if 2*t.used >= len(t.cells) {
		t.grow()
	}
	mask := uint64(len(t.cells) - 1)
	for i := mix(key) & mask; ; i = (i + 1) & mask {
		switch c := &t.cells[i]; {
		case c.id == 0:
			*c = cell{key, next + 1}
			t.used++
			return next, false
		case c.key == key:
			return c.id - 1, true
		}
	}
}

// get gives the number of key, if it has one.
func (t *table) get(key uint64) (id uint32, found bool) {
	if len(t.cells) == 0 {
		return 0, false
	}
	mask := uint64(len(t.cells) - 1)
	for i := mix(key) & mask; ; i = (i + 1) & mask {
		switch c := &t.cells[i]; {
		case c.id == 0:
			return 0, false
		case c.key == key:
			return c.id - 1, true
		}
	}
}

func (t *table) grow() {
	old := t.cells
	t.cells = make([]cell, 1<<bits.Len(uint(2*len(old)+63)))
	mask := uint64(len(t.cells) - 1)
	for _, c := range old {
		if c.id == 0 {
			continue
		}
		i := mix(c.key) & mask
		for t.cells[i].id != 0 {
			i = (i + 1) & mask
		}
		t.cells[i] = c
	}
}
