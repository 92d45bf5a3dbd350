package arrival

import (
	"math"
	"math/rand/v2"
	"sort"
)

// A zipf picks ranks: rank r, counted from 1, in proportion to 1/r^skew. It
// holds the running sum of the shares, so a pick is a binary search. The
// standard library's rand.Zipf wants a skew above 1, and the access logs of
// services have 0.6 to 1.2.
type zipf []float64

func newZipf(n int, skew float64) zipf {
	z := make(zipf, n)
	sum := 0.0
	for i := range z {
		sum += math.Pow(float64(i+1), -skew)
		z[i] = sum
	}
	for i := range z {
		z[i] /= sum
	}
	return z
}

// pick draws one rank, counted from 0.
func (z zipf) pick(draw *rand.Rand) int32 {
	u := draw.Float64()
	// The last sum is 1 but for rounding, and u is below 1.
	return int32(min(sort.SearchFloat64s(z, u), len(z)-1))
}
