package sim

import (
	"math"
	"math/bits"
	"time"
)

// An Outcome is what one arm did. Where a trace was sampled, counts stand for
// the whole of it.
//
// Each request is exactly one of Hits, Stale, Joined and Blocked, so that those
// add up to Requests.
type Outcome struct {
	Arm Arm

	Requests int64
	Hits     int64 // had a fresh value
	Stale    int64 // had a stale value
	Joined   int64 // waited for another's load until it ended
	Blocked  int64 // waited for a load of their own
	GaveUp   int64 // of Blocked: those that had waited for another's load before

	Loads      int64 // all: Blocked and Background
	Background int64 // loads that nobody had to wait for

	Wait    float64 // the sum of all waits, in ns
	OverSLO int64   // waited longer than Setting.SLO

	Peak     int64         // most loads in flight at once; estimated where some stand for others
	PeakAt   time.Duration // when, after the first request
	HeadPeak int64         // most loads in flight at once of keys that were not sampled

	// Busiest is the window in which most loads began.
	Busiest Window

	// Latency is how long callers waited; hits waited 0.
	Latency Histogram

	// Concurrency counts loads that a caller waits for by how many loads of
	// the same key and process were in flight when it began, itself included:
	// see [ConcurrencyBucket].
	Concurrency [ConcurrencyBuckets]int64

	// Timeline is the course of the arm.
	Timeline Timeline

	// KeyLoads and KeyJoined are the loads and joined requests of each key, by
	// [Trace.Keys] or [Stream.Keys], with [Setting].PerKey. They are not scaled.
	KeyLoads, KeyJoined []uint32
}

// HitRatio is the share of requests that had a value at once.
func (o *Outcome) HitRatio() float64 { return ratio(float64(o.Hits+o.Stale), float64(o.Requests)) }

// MeanWait is the mean over all requests.
func (o *Outcome) MeanWait() time.Duration {
	return time.Duration(ratio(o.Wait, float64(o.Requests)))
}

// OverSLOShare is the share of requests that waited longer than the SLO.
func (o *Outcome) OverSLOShare() float64 { return ratio(float64(o.OverSLO), float64(o.Requests)) }

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// A Window is a stretch of time and the loads that began in it.
type Window struct {
	At    time.Duration // its begin, after the first request
	Loads int64
}

// A Contrast sets two arms side by side, window by window.
type Contrast struct {
	Base, With int // the arms' numbers

	// Amplification is the largest ratio of the base's loads to the other's,
	// over windows in which the base had at least MinLoads. Zero when there was
	// none. A window without loads of the other arm counts as one.
	Amplification float64
	At            time.Duration // of that window
	BaseLoads     int64
	WithLoads     int64
}

// MinLoads is how many loads a window needs for its amplification to count: two
// loads for one are no burst.
const MinLoads = 10

// A Histogram counts durations, to within 1.6 %. The zero Histogram is empty.
type Histogram struct {
	counts []int64
	zeros  int64
	total  int64
}

const subBits = 6

func (h *Histogram) add(d, n int64) {
	h.total += n
	if d <= 0 {
		h.zeros += n
		return
	}
	b := bucketOf(d)
	if b >= len(h.counts) {
		h.counts = append(h.counts, make([]int64, b+1-len(h.counts))...)
	}
	h.counts[b] += n
}

func bucketOf(d int64) int {
	e := max(bits.Len64(uint64(d))-subBits-1, 0) //nolint:gosec // d > 0
	return e<<subBits + int(d>>e)
}

// bucketEdge is the least duration of bucket b.
func bucketEdge(b int) int64 {
	if b < 2<<subBits {
		return int64(b)
	}
	e := b>>subBits - 1
	return (int64(b) - int64(e)<<subBits) << e
}

// Total is how many durations were counted.
func (h *Histogram) Total() int64 { return h.total }

// Quantile gives the duration that a share p did not exceed.
func (h *Histogram) Quantile(p float64) time.Duration {
	want := int64(math.Ceil(p * float64(h.total) * (1 - 1e-12))) // less what the product is off by
	if want <= h.zeros {
		return 0
	}
	seen := h.zeros
	for b, n := range h.counts {
		if seen += n; seen >= want && n > 0 {
			return time.Duration((bucketEdge(b) + bucketEdge(b+1)) / 2)
		}
	}
	return 0
}

// A Point is one point of a distribution.
type Point struct {
	At    time.Duration `json:"at_ns"`
	Share float64       `json:"share"`
}

// Beyond gives the complementary distribution: the share of durations that were
// At or longer, at its first step, its last, and each at which the share is 2 %
// less than at the one before.
func (h *Histogram) Beyond() []Point {
	var points []Point
	left := h.total - h.zeros
	for b, n := range h.counts {
		if n == 0 {
			continue
		}
		p := Point{time.Duration(bucketEdge(b)), ratio(float64(left), float64(h.total))}
		if left -= n; len(points) == 0 || left == 0 || p.Share < 0.98*points[len(points)-1].Share {
			points = append(points, p)
		}
	}
	return points
}

// ConcurrencyBuckets is how many buckets [Outcome].Concurrency has.
const ConcurrencyBuckets = 48

// ConcurrencyBucket gives the least and greatest number of loads that bucket b
// stands for: 1 to 16 one by one, then doubling.
func ConcurrencyBucket(b int) (least, most int) {
	if b < 16 {
		return b + 1, b + 1
	}
	return 16<<(b-16) + 1, 32 << (b - 16)
}

func concurrencyBucket(n int32) int {
	if n <= 16 {
		return int(n) - 1
	}
	return min(11+bits.Len32(uint32(n-1)), ConcurrencyBuckets-1) //nolint:gosec // n > 0
}

// A Timeline is a count of events over time, in slices of equal width. It
// widens its slices when it would have more than MaxSlices. The zero Timeline
// is empty.
type Timeline struct {
	shift  uint // a slice is 1<<shift ns
	Slices []Slice
}

// MaxSlices is how many slices a [Timeline] has at most.
const MaxSlices = 512

// firstShift makes the narrowest slice about 1 ms.
const firstShift = 20

// A Slice is what happened in one stretch of time.
type Slice struct {
	Requests int64 // only where the timeline is one of requests
	Loads    int64
	Joined   int64
	OverSLO  int64
	Wait     float64
	Peak     int64
}

// Width is the length of a slice.
func (tl *Timeline) Width() time.Duration { return 1 << max(tl.shift, firstShift) }

// Count adds n requests at t, which is not less than 0.
func (tl *Timeline) Count(t, n int64) { tl.at(t).Requests += n }

func (tl *Timeline) at(t int64) *Slice {
	if tl.shift == 0 {
		tl.shift = firstShift
	}
	for t>>tl.shift >= MaxSlices {
		tl.widen()
	}
	i := int(t >> tl.shift)
	if i >= len(tl.Slices) {
		tl.Slices = append(tl.Slices, make([]Slice, i+1-len(tl.Slices))...)
	}
	return &tl.Slices[i]
}

// WidenTo makes the slices at least as wide as those of other, so that two
// timelines can be set side by side.
func (tl *Timeline) WidenTo(other *Timeline) {
	for tl.Width() < other.Width() {
		tl.widen()
	}
}

func (tl *Timeline) widen() {
	if tl.shift == 0 {
		tl.shift = firstShift
	}
	tl.shift++
	n := (len(tl.Slices) + 1) / 2
	for i := range n {
		s := tl.Slices[2*i]
		if 2*i+1 < len(tl.Slices) {
			o := tl.Slices[2*i+1]
			s.Requests += o.Requests
			s.Loads += o.Loads
			s.Joined += o.Joined
			s.OverSLO += o.OverSLO
			s.Wait += o.Wait
			s.Peak = max(s.Peak, o.Peak)
		}
		tl.Slices[i] = s
	}
	clear(tl.Slices[n:])
	tl.Slices = tl.Slices[:n]
}
