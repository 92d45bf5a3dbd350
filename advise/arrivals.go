package advise

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// arrivals is what there is to know of when requests come, whoever asks for
// what. It is given their times in order.
type arrivals struct {
	n            int64
	first, last  int64
	gaps, square float64 // of all gaps, in ns and ns^2
	ties         int64   // requests at the time of the one before
	smallest     int64   // positive gap
	divisor      uint64  // of all gaps: the step in which times are written
	fano         [len(fanoWindows)]counter

	// Positive gaps by their binary logarithm.
	byLength [64]int64
}

// fanoWindows are the lengths over which requests are counted.
var fanoWindows = [...]time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Second, 10 * time.Second}

// A counter counts events in windows of one length.
type counter struct {
	end, in     int64   // of the open window, and what is in it
	sum, square float64 // over closed windows
}

func (c *counter) add(t, window int64) {
	if t >= c.end {
		c.close()
		c.end = (t/window + 1) * window
	}
	c.in++
}

func (c *counter) close() {
	c.sum += float64(c.in)
	c.square += float64(c.in) * float64(c.in)
	c.in = 0
}

// fano is the variance of the count over its mean, with the windows in which
// nothing came, and without the last one, which is not whole. A Poisson process
// has 1 in windows of any length.
func (c counter) fano(span, window int64) float64 {
	windows := math.Floor(float64(span) / float64(window))
	mean := c.sum / windows
	if mean == 0 || windows < 10 {
		return 0
	}
	return (c.square/windows - mean*mean) / mean
}

func (a *arrivals) add(t int64) {
	if a.n == 0 {
		a.first, a.last = t, t
	}
	a.n++
	gap := t - a.last
	a.last = t
	if a.n > 1 {
		a.gaps += float64(gap)
		a.square += float64(gap) * float64(gap)
		if gap == 0 {
			a.ties++
		} else {
			a.byLength[bits.Len64(uint64(gap))-1]++ //nolint:gosec // gaps are at least 0
			if a.smallest == 0 || gap < a.smallest {
				a.smallest = gap
			}
			if a.divisor != 1 {
				a.divisor = gcd(a.divisor, uint64(gap)) //nolint:gosec // gaps are at least 0
			}
		}
	}
	for i := range a.fano {
		a.fano[i].add(t-a.first, int64(fanoWindows[i]))
	}
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// cv is the coefficient of variation of the gaps: 1 for a Poisson process.
func (a *arrivals) cv() float64 {
	n := float64(a.n - 1)
	if n < 2 || a.gaps == 0 {
		return 0
	}
	mean := a.gaps / n
	return math.Sqrt(max(0, a.square/n-mean*mean)) / mean
}

// tick is how well times are known: the step in which they are written, or, if
// they come in batches that share a time, about the gap between two batches.
//
// Times are batched when far fewer of them are distinct than the step allows:
// of requests that come one by one, and are stamped one by one, few share a
// time unless there is about one request for each step of the clock.
func (a *arrivals) tick() time.Duration {
	if a.divisor == 0 {
		return 0
	}
	distinct := a.n - a.ties
	steps := float64(a.last-a.first) / float64(a.divisor)
	expected := steps * -math.Expm1(-float64(a.n)/steps) // distinct stamps of as many random ones
	if a.n < 100 || float64(distinct) > expected/10 || a.ties*2 < a.n {
		return time.Duration(a.divisor) //nolint:gosec // less than a gap
	}
	seen, half := int64(0), (distinct-1)/2
	for b, n := range a.byLength {
		if seen += n; seen > half {
			return time.Duration(1) << b
		}
	}
	return time.Duration(a.divisor) //nolint:gosec // less than a gap
}

// skew is how unevenly keys are asked for. counts are sorted in place.
func skew(counts []uint32, requests int64) (top []TopShare, once float64) {
	slices.SortFunc(counts, func(a, b uint32) int { return int(int64(b) - int64(a)) })
	var sum int64
	next := 0
	for _, k := range []int{1, 10, 100, 1000, 10_000} {
		if k > len(counts) && next >= len(counts) {
			break
		}
		for ; next < min(k, len(counts)); next++ {
			sum += int64(counts[next])
		}
		top = append(top, TopShare{Keys: k, Share: float64(sum) / float64(max(requests, 1))})
	}
	ones := 0
	for i := len(counts) - 1; i >= 0 && counts[i] <= 1; i-- {
		if counts[i] == 1 {
			ones++
		}
	}
	asked := 0
	for _, c := range counts {
		if c > 0 {
			asked++
		}
	}
	return top, float64(ones) / float64(max(asked, 1))
}
