package report

import (
	"fmt"
	"math"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

// A latencyChart is the share of calls slower than a latency, for each
// strategy: both axes logarithmic, so that the slowest of 10,000 calls has as
// much room as the median. Every panel has one strategy's curve in front of
// all the others.
type latencyChart struct {
	X, Y   []tick
	Panels []curve
}

// A curve is the panel of one strategy.
type curve struct {
	panel
	Path string // empty when nothing was measured
}

const (
	latencyTop    = 6.0
	latencyBottom = 122.0
)

// newLatencyChart returns nil when there is no curve to draw.
func newLatencyChart(r *figures.Report) *latencyChart {
	fastest, slowest, rarest := math.Inf(1), 0.0, 1.0
	for _, res := range r.Results {
		for _, p := range res.CCDF {
			if !drawable(p) {
				continue
			}
			if p.Y <= 0.9 { // above it all curves are one line
				fastest = math.Min(fastest, p.X)
			}
			slowest = math.Max(slowest, p.X)
			rarest = math.Min(rarest, p.Y)
		}
	}
	if slowest == 0 {
		return nil
	}
	x := scale{math.Log10, math.Min(fastest/2, slowest/100), slowest * 1.2, plotLeft, plotRight}
	y := scale{math.Log10, math.Min(0.1, rarest/1.5), 1, latencyBottom, latencyTop}

	chart := &latencyChart{X: decadeTicks(x, 4, seconds), Y: decadeTicks(y, 4, share)}
	for i := range r.Results {
		res := &r.Results[i]
		desc := "No call was measured."
		if res.Calls > 0 {
			desc = fmt.Sprintf("Half of the calls took at most %s, 1 in 100 longer than %s, 1 in 1,000 longer than %s; the longest %s.",
				duration(res.P50), duration(res.P99), duration(res.P999), duration(res.Max))
		}
		c := curve{panel: newPanel(i, res, desc), Path: curvePath(res.CCDF, x, y)}
		c.Figure = "p99 " + measured(res, duration(res.P99)).text
		chart.Panels = append(chart.Panels, c)
	}
	return chart
}

// drawable reports whether a point has a place on logarithmic axes: from a
// nanosecond to the longest duration there is.
func drawable(p figures.Point) bool {
	return p.X >= 1e-9 && p.X <= 1e10 && p.Y >= 1e-12 && p.Y <= 1
}

// decadeTicks has a tick at each power of ten, and a label at no more than n
// of them.
func decadeTicks(s scale, n int, label func(float64) string) []tick {
	lo, hi := int(math.Ceil(math.Log10(s.from))), int(math.Floor(math.Log10(s.to)))
	every := (hi-lo)/n + 1
	var out []tick
	for e := hi; e >= lo; e-- {
		at := s.at(math.Pow(10, float64(e)))
		t := tick{At: place(at), Anchor: "middle"}
		if (hi-e)%every == 0 {
			t.Label = label(math.Pow(10, float64(e)))
		}
		if at > plotRight-8 {
			t.Anchor = "end"
		}
		out = append(out, t)
	}
	return out
}

// seconds labels a power of ten.
func seconds(x float64) string {
	for _, u := range []struct {
		name string
		size float64
	}{{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}} {
		if x > 0.99*u.size {
			return fmt.Sprintf("%.4g%s", x/u.size, u.name)
		}
	}
	return duration(fromSeconds(x))
}

// share labels a power of ten, in few characters.
func share(x float64) string {
	if x < 0.9e-4 {
		return fmt.Sprintf("%.0e", x)
	}
	return fmt.Sprintf("%.4g%%", 100*x)
}

// curvePath draws the points, without those too near the last one to be seen.
func curvePath(points []figures.Point, x, y scale) string {
	const near = 0.7
	var path pen
	var drawn, last [2]float64
	for _, p := range points {
		if !drawable(p) {
			continue
		}
		last = [2]float64{x.at(p.X), y.at(p.Y)}
		switch {
		case len(path) == 0:
			path.to('M', last[:]...)
		case math.Abs(last[0]-drawn[0]) < near && math.Abs(last[1]-drawn[1]) < near:
			continue
		default:
			path.to('L', last[:]...)
		}
		drawn = last
	}
	if drawn != last {
		path.to('L', last[:]...)
	}
	return string(path)
}
