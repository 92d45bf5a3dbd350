package cache

import (
	"context"
	"math"
	"math/rand/v2"
	"sort"
	"testing"
)

// BenchmarkZipf asks for a million keys by Zipf's law with the exponent 0.99,
// where a tenth of them has room and a load costs nothing. Run it for a fixed
// number of calls, -benchtime 4000000x, when hit ratios are to be compared.
func BenchmarkZipf(b *testing.B) {
	const capacity = 100_000
	keys := names(10 * capacity)
	order := zipf(len(keys), 0.99, 1<<22)
	for _, lib := range libraries[int64]() {
		if !lib.bounded {
			continue
		}
		b.Run("lib="+lib.name, func(b *testing.B) {
			loads := 0
			get := lib.open(b, func(context.Context, string) (int64, error) {
				loads++
				return 7, nil
			}, capacity)
			for _, i := range order[:len(order)/2] { // until it is full and knows its keys
				if _, err := get(context.Background(), keys[i]); err != nil {
					b.Fatal(err)
				}
			}
			loads = 0
			calls(b, 1, get, keys, order)
			b.ReportMetric(100*(1-float64(loads)/float64(b.N)), "hit-%")
			b.ReportMetric(100*float64(loads)/float64(b.N), "miss-%")
		})
	}
}

// zipf draws count ranks below n, of which rank i has the weight (i+1)^-s. The
// ranks are shuffled among the keys, so that neighbours are not alike.
// (math/rand has exponents above 1 only.)
func zipf(n int, s float64, count int) []uint32 {
	random := rand.New(rand.NewPCG(1, 2))
	upTo := make([]float64, n) // the weights of the ranks so far
	sum := 0.0
	for i := range upTo {
		sum += math.Pow(float64(i+1), -s)
		upTo[i] = sum
	}
	place := random.Perm(n)
	drawn := make([]uint32, count)
	for i := range drawn {
		rank := sort.SearchFloat64s(upTo, random.Float64()*sum)
		drawn[i] = uint32(place[min(rank, n-1)])
	}
	return drawn
}

func TestZipf(t *testing.T) {
	const n, count = 100, 100_000
	seen := make([]int, n)
	for _, i := range zipf(n, 0.99, count) {
		seen[i]++
	}
	sort.Sort(sort.Reverse(sort.IntSlice(seen)))
	sum := 0.0
	for i := range n {
		sum += math.Pow(float64(i+1), -0.99)
	}
	for _, rank := range []int{0, 1, 9} {
		want := count * math.Pow(float64(rank+1), -0.99) / sum
		if got := float64(seen[rank]); math.Abs(got-want) > 0.05*want {
			t.Errorf("rank %d was drawn %v times of %d, want about %.0f", rank+1, got, count, want)
		}
	}
}
