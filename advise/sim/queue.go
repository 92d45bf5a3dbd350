package sim

import (
	"math"
	"math/bits"
)

// A load is one load that has begun and not ended.
type load struct {
	ends   int64
	took   int64
	slot   uint32
	n      uint32 // the request that began it
	epoch  uint32 // the slot's, when it began
	weight uint8  // for how many it stands, as a power of 2
	flight bool   // callers may join it
}

// A queue holds loads by when they end; equal ends keep the order in which the
// loads were added. The zero queue is empty.
//
// It is a radix heap (Ahuja, Mehlhorn, Orlin and Tarjan, 1990): nothing may be
// added that ends before the last one taken, which holds for events that cause
// only later ones. Bucket b holds the loads whose end has bit b-1 as the highest
// one that differs from last. A load moves to lower buckets only, so that it is
// moved a few times however many there are.
type queue struct {
	last    int64 // the end of the last load taken
	filled  uint64
	buckets [64][]load
	least   [64]int64 // the earliest end in each filled bucket
	taken   int       // of buckets[0]
	spare   []load
}

// next gives the earliest end, or never when the queue is empty.
func (q *queue) next() int64 {
	if q.filled == 0 {
		return never
	}
	return q.least[bits.TrailingZeros64(q.filled)]
}

func (q *queue) add(l load) {
	b := bits.Len64(uint64(l.ends ^ q.last)) //nolint:gosec // both are at least 0
	if bit := uint64(1) << b; q.filled&bit == 0 {
		q.filled |= bit
		q.least[b] = l.ends
	} else if l.ends < q.least[b] {
		q.least[b] = l.ends
	}
	q.buckets[b] = append(q.buckets[b], l)
}

// take removes the load that next told of. The queue must not be empty.
func (q *queue) take() load {
	if q.filled&1 == 0 {
		q.sort()
	}
	l := q.buckets[0][q.taken]
	if q.taken++; q.taken == len(q.buckets[0]) {
		q.buckets[0] = q.buckets[0][:0]
		q.taken = 0
		q.filled &^= 1
	}
	return l
}

// sort spreads the first filled bucket over those before it.
func (q *queue) sort() {
	b := bits.TrailingZeros64(q.filled)
	all := q.buckets[b]
	q.buckets[b] = q.spare[:0]
	q.filled &^= 1 << b
	q.last = q.least[b]
	for i := range all {
		q.add(all[i])
	}
	q.spare = all
}

// Times have no limits of their own: sums stay at the ends of the range.
const (
	never = math.MaxInt64
	none  = math.MinInt64
)

// after adds d, at least 0, to t.
func after(t, d int64) int64 {
	if t > 0 && d > never-t {
		return never
	}
	return t + d
}
