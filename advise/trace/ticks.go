package trace

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// A Resolution is how finely times are known.
type Resolution struct {
	// Step is the largest that divides all differences of times: what the
	// stamps count.
	Step time.Duration

	// Smallest is the smallest difference that is not zero.
	Smallest time.Duration

	// Ties is the share of records whose time is that of the one before.
	Ties float64

	// Tick is within which times cannot be told apart: Step, or more where
	// stamps come in batches.
	Tick time.Duration

	// Batched says that many records share few stamps that lie far apart
	// although Step is fine: they were stamped when they were written
	// together, not when each happened.
	Batched bool
}

// ticks watches the differences of times that are in order.
type ticks struct {
	n, ties  uint64
	first    int64
	last     int64
	smallest int64
	step     int64
	steps    int
	gaps     [64 * 4]uint64 // counts by size, four to a doubling
}

// stepGaps is how many differences the step is worked out from.
const stepGaps = 1 << 20

func (t *ticks) observe(rs []Record) {
	if t.n == 0 && len(rs) > 0 {
		t.first, t.last = rs[0].Time, rs[0].Time
		t.n = 1
		rs = rs[1:]
	}
	last := t.last
	for i := range rs {
		gap := rs[i].Time - last
		if gap == 0 {
			t.ties++
			continue
		}
		last = rs[i].Time
		if t.smallest == 0 || gap < t.smallest {
			t.smallest = gap
		}
		t.gaps[gapBucket(gap)]++
		if t.step != 1 && t.steps < stepGaps {
			t.steps++
			if t.step == 0 || gap%t.step != 0 {
				t.step = gcd(t.step, gap)
			}
		}
	}
	t.last = last
	t.n += uint64(len(rs))
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func gapBucket(gap int64) int {
	b := bits.Len64(uint64(gap)) - 1
	part := uint64(gap) << (63 - b) >> 61 & 3
	return b*4 + int(part)
}

// bucketFloor gives the smallest gap of a bucket.
func bucketFloor(i int) int64 {
	b := i / 4
	return int64((1<<62 + uint64(i%4)<<60) >> (62 - b))
}

func (t *ticks) resolution() Resolution {
	r := Resolution{Step: time.Duration(t.step), Smallest: time.Duration(t.smallest), Tick: time.Duration(t.step)}
	if t.n < 2 {
		return r
	}
	r.Ties = float64(t.ties) / float64(t.n-1)
	span := float64(t.last - t.first)
	if span == 0 {
		return r
	}
	// Records that come at random share a stamp by chance, the more often the
	// coarser it is. Far more ties than that, and hardly a short gap beside
	// them, are batches.
	perStep := float64(t.n) / span * float64(max(t.step, 1))
	chance := 1 - (1-math.Exp(-perStep))/perStep
	short := t.quantile(0.05)
	if r.Ties > 0.2 && r.Ties > 3*chance+0.1 && short >= 20*max(t.step, 1) {
		r.Batched = true
		r.Tick = time.Duration(short)
	}
	return r
}

// quantile of the differences that are not zero.
func (t *ticks) quantile(q float64) int64 {
	var sum uint64
	for _, n := range t.gaps {
		sum += n
	}
	want := uint64(q * float64(sum))
	var seen uint64
	for i, n := range t.gaps {
		if seen += n; seen > want {
			return bucketFloor(i)
		}
	}
	return 0
}

// statuses counts what says that a cache stands in front.
type statuses struct {
	cache       [Bypass + 1]uint64
	notModified uint64
	answered    uint64
	reads       uint64
	writes      uint64
	deletes     uint64
	others      uint64
}

// An hourly counts records by the minute of their hour, whose times are dates.
type hourly struct {
	from    int64 // of the first record in its hour, in ns
	minutes [60]uint64
}

func (h *hourly) observe(rs []Record) {
	for i := range rs {
		h.minutes[uint64(h.from+rs[i].Time)/60e9%60]++ //nolint:gosec // neither is negative
	}
}

// busy is how many minutes of the hour have nearly all records.
func (h *hourly) busy() (minutes int, records, all uint64) {
	counts := h.minutes
	slices.Sort(counts[:])
	for _, n := range counts {
		all += n
	}
	for i := 59; i >= 0 && records*100 < all*99; i-- {
		records += counts[i]
		minutes++
	}
	return minutes, records, all
}

func (s *statuses) observe(rs []Record) {
	for i := range rs {
		r := &rs[i]
		s.cache[r.Cache]++
		if r.Status != 0 {
			s.answered++
			if r.Status == 304 {
				s.notModified++
			}
		}
		switch r.Op {
		case Read:
			s.reads++
		case Write:
			s.writes++
		case Delete:
			s.deletes++
		default:
			s.others++
		}
	}
}
