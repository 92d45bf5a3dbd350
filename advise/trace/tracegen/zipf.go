package tracegen

import (
	"math"
	"math/rand/v2"
)

// A zipf draws numbers from 0, n of them, the i-th with a weight of 1/(i+1)^s.
// It is Walker's alias method: a table, and one draw a number. The standard
// library's Zipf is for s above 1 only, and real traces are mostly below.
type zipf struct {
	n     uint64
	keep  []uint32 // out of 1<<32
	alias []uint32
}

func newZipf(n int, s float64) *zipf {
	z := &zipf{n: uint64(n)}
	if s == 0 {
		return z
	}
	weight := make([]float64, n)
	sum := 0.0
	for i := range weight {
		weight[i] = math.Pow(float64(i+1), -s)
		sum += weight[i]
	}
	z.keep, z.alias = make([]uint32, n), make([]uint32, n)
	var small, large []int
	for i := range weight {
		weight[i] *= float64(n) / sum
		if weight[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		lo, hi := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		z.keep[lo], z.alias[lo] = uint32(weight[lo]*(1<<32-1)), uint32(hi)
		weight[hi] -= 1 - weight[lo]
		if weight[hi] < 1 {
			large = large[:len(large)-1]
			small = append(small, hi)
		}
	}
	for _, i := range append(small, large...) {
		z.keep[i], z.alias[i] = 1<<32-1, uint32(i)
	}
	return z
}

func (z *zipf) draw(r *rand.Rand) int {
	if z.keep == nil {
		return int(r.Uint64N(z.n))
	}
	// The upper half picks the column, the lower half one of its two.
	u := r.Uint64()
	i := u >> 32 * z.n >> 32
	if uint32(u) <= z.keep[i] {
		return int(i)
	}
	return int(z.alias[i])
}
