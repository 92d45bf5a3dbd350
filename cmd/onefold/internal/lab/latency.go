package lab

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

const (
	shortest = time.Microsecond // told apart
	longest  = time.Hour        // what took longer counts as this
	digits   = 3                // significant ones
)

// newHistogram holds latencies in nanoseconds. Callers of a replay do not
// share one: each leaves its latency in a slot of its own, and the histogram
// is filled after the last has returned.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(shortest), int64(longest), digits)
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	d = min(max(d, 0), longest)
	if err := h.RecordValue(int64(d)); err != nil {
		panic(err) // it is in range
	}
}

// percentile is 0 while nothing was recorded.
func percentile(h *hdrhistogram.Histogram, p float64) time.Duration {
	return time.Duration(h.ValueAtPercentile(p))
}

// ccdf is the share of calls that took longer than X seconds, as a falling
// curve that ends with the one slowest call.
func ccdf(h *hdrhistogram.Histogram) []figures.Point {
	total := h.TotalCount()
	if total == 0 {
		return nil
	}
	var (
		points []figures.Point
		upTo   int64
		last   = 1.0
	)
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		upTo += bar.Count
		share := float64(total-upTo) / float64(total)
		// A point for each step of 3 %, and for each of the slowest calls.
		if upTo < total && share > last*0.97 {
			continue
		}
		last = share
		points = append(points, figures.Point{X: time.Duration(bar.To).Seconds(), Y: share})
	}
	return points
}
