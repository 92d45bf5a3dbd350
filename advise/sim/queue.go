package sim

import "math"

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
// It is a heap with four children to a node, which lie in one line of a
// processor's cache. The loads themselves stay where they are.
type queue struct {
	heap  []due
	loads []load
	free  []uint32 // places in loads
	added uint32
}

// due is when a load ends.
type due struct {
	ends int64
	seq  uint32 // in which order loads were added; it may wrap around
	at   uint32 // in loads
}

func (a *due) before(b *due) bool {
	return a.ends < b.ends || a.ends == b.ends && int32(a.seq-b.seq) < 0 //nolint:gosec // it wraps around
}

// next gives the earliest end, or never when the queue is empty.
func (q *queue) next() int64 {
	if len(q.heap) == 0 {
		return never
	}
	return q.heap[0].ends
}

func (q *queue) add(l load) {
	d := due{ends: l.ends, seq: q.added}
	q.added++
	if n := len(q.free) - 1; n >= 0 {
		d.at, q.free = q.free[n], q.free[:n]
		q.loads[d.at] = l
	} else {
		d.at = uint32(len(q.loads)) //nolint:gosec // loads in flight
		q.loads = append(q.loads, l)
	}
	q.heap = append(q.heap, d)
	h := q.heap
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !d.before(&h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = d
}

// take removes the load that next told of. The queue must not be empty.
func (q *queue) take() load {
	h := q.heap
	top, n := h[0].at, len(h)-1
	d := h[n]
	q.heap = h[:n]
	h = h[:n]
	i := 0
	for {
		c := 4*i + 1
		if c >= n {
			break
		}
		least := c
		for j := c + 1; j < min(c+4, n); j++ {
			if h[j].before(&h[least]) {
				least = j
			}
		}
		if !h[least].before(&d) {
			break
		}
		h[i] = h[least]
		i = least
	}
	if n > 0 {
		h[i] = d
	}
	q.free = append(q.free, top)
	return q.loads[top]
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
