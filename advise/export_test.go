package advise

import (
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// What is inside, for tests that hold it to something simple.

type (
	Arrivals = arrivals
	LRU      = curve
)

func (a *arrivals) Add(t int64)         { a.add(t) }
func (a *arrivals) Tick() time.Duration { return a.tick() }
func (a *arrivals) CV() float64         { return a.cv() }

// Fano gives the Fano factor of window number i.
func (a *arrivals) Fano(i int) float64 {
	return a.fano[i].fano(a.last-a.first, int64(fanoWindows[i]))
}

func NewLRU(ttls []time.Duration) *LRU { return newCurve(ttls, nil) }

// LRUOf makes the curve of a trace.
func LRUOf(tr *sim.Trace, ttls []time.Duration) *LRU { return pastOf(tr).curve(ttls) }

func (c *curve) Add(t int64, key uint64) { c.add(t, key) }
func (c *curve) Drop(key uint64)         { c.drop(key) }
func (c *curve) Sizes() []int64          { return c.sizes }

func (c *curve) Ratio(ttl, size int) float64 { return c.ratio(ttl, size) }

// Count counts keys in room for some and gives the certain counts of those that
// are left.
func Count(room int, keys []uint64) map[uint64]int64 {
	f := newFrequent(room)
	for _, k := range keys {
		f.add(k)
	}
	left := map[uint64]int64{}
	for _, t := range f.counts {
		left[t.key] = t.count - t.error
		if f.at[t.key] < 0 || f.heap[t.place] != f.at[t.key] {
			panic("the heap and the table do not agree")
		}
	}
	for i := 1; i < len(f.heap); i++ {
		if f.less(int32(i), int32((i-1)/2)) {
			panic("not a heap")
		}
	}
	return left
}

// Bootstrap gives the interval of the mean of one column.
func Bootstrap(rows [][]float64, seed uint64) Interval {
	return bootstrap(rows, seed, byBlocks, []func([]float64) float64{func(s []float64) float64 { return s[0] }})[0]
}

// Total is how many requests there were.
func (c *curve) Total() float64 { return c.all }

// Share writes a share that is held against a threshold of 5 %.
func Share(v float64) string {
	return (&matter{c: &Config{Thresholds: Thresholds{SavedShare: 0.05}}}).share(v)
}
