package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

// A seriesChart is a figure over the time of the run, for each strategy, all
// at the same scale.
type seriesChart struct {
	Name   string
	Bucket string // the time that one step stands for
	Step   string // the same in seconds, for the script
	Square bool   // the scale is that of square roots
	Beyond string // the strategy that goes off the scale, if one does
	X, Y   []tick
	Panels []steps
}

// steps is the panel of one strategy.
type steps struct {
	panel
	Path   string // empty when nothing was measured
	Values string // for the script
	Beyond string // what it goes up to, when that is off the scale
}

const (
	seriesTop    = 8.0
	seriesBottom = 84.0

	// mostSteps is the number of steps that a panel has room for.
	mostSteps = 240
)

// A measure is a figure that a strategy has for each bucket of time.
type measure struct {
	name  string
	of    func(*figures.Result) []float64
	merge func(a, b float64) float64 // of two buckets that become one
	what  string                     // for the description: "Most %s in one bucket"
	total func(*figures.Result) string
}

var loading = measure{
	name:  "loading",
	of:    func(r *figures.Result) []float64 { return r.Loading },
	merge: func(a, b float64) float64 { return a + b },
	what:  "loads started",
	total: func(r *figures.Result) string { return plural(r.Loads, "load", "loads") },
}

var inFlight = measure{
	name:  "inflight",
	of:    func(r *figures.Result) []float64 { return r.InFlight },
	merge: math.Max,
	what:  "loads at once",
	total: func(r *figures.Result) string { return "peak " + count(r.PeakLoads) },
}

// newSeriesChart returns nil when there is nothing to draw.
func newSeriesChart(r *figures.Report, m measure) *seriesChart {
	var longest float64 // in buckets
	var bucket time.Duration
	for i := range r.Results {
		bucket = max(bucket, r.Results[i].Bucket)
	}
	for i := range r.Results {
		res := &r.Results[i]
		if res.Bucket > 0 {
			longest = math.Max(longest, float64(len(m.of(res)))*float64(res.Bucket)/float64(bucket))
		}
	}
	if longest == 0 {
		return nil
	}
	step := bucket.Seconds() * math.Ceil(longest/mostSteps)

	values := make([][]float64, len(r.Results))
	peaks := make([]float64, len(r.Results))
	for i := range r.Results {
		values[i] = rebucket(m.of(&r.Results[i]), r.Results[i].Bucket.Seconds()/step, m.merge)
		for _, v := range values[i] {
			peaks[i] = math.Max(peaks[i], v)
		}
	}
	x := scale{linear, 0, longest * bucket.Seconds(), plotLeft, plotRight}
	y := countScale(peaks)
	chart := &seriesChart{
		Name:   m.name,
		Bucket: fromSeconds(step).String(),
		Step:   strconv.FormatFloat(step, 'g', -1, 64),
		Square: y.warp(4) == 2,
		X:      timeTicks(x),
		Y:      countTicks(y),
	}
	for i := range r.Results {
		res := &r.Results[i]
		p := steps{panel: newPanel(i, res, describe(values[i], step, m))}
		p.Figure = m.total(res)
		p.Path = stepPath(values[i], step, x, y)
		p.Values = joinCounts(values[i])
		if peaks[i] > y.to {
			p.Beyond = "up to " + number(peaks[i])
			chart.Beyond = p.Title
		}
		chart.Panels = append(chart.Panels, p)
	}
	return chart
}

// countScale is the one scale of all panels. One strategy far above all the
// others would press them flat, so it alone may go off the scale; where the
// others are far apart too, the scale is that of square roots.
func countScale(peaks []float64) scale {
	s := scale{linear, 0, 1, seriesBottom, seriesTop}
	var up []float64
	for _, p := range peaks {
		if p > 0 {
			up = append(up, p)
		}
	}
	if len(up) == 0 {
		return s
	}
	slices.Sort(up)
	s.to = up[len(up)-1]
	if n := len(up); n > 2 && s.to > 4*up[n-2] {
		s.to = 1.25 * up[n-2]
	}
	if up[0] < s.to/10 {
		s.warp = math.Sqrt
	}
	return s
}

// rebucket puts a series into steps, of which one bucket is the given share.
func rebucket(v []float64, share float64, merge func(a, b float64) float64) []float64 {
	if share <= 0 {
		return nil
	}
	var out []float64
	for i, x := range v {
		if !finite(x) || x < 0 {
			x = 0
		}
		const rounding = 1e-6
		at := int(float64(i)*share + rounding)
		for len(out) <= at {
			out = append(out, 0)
		}
		out[at] = merge(out[at], x)
	}
	return out
}

func describe(v []float64, step float64, m measure) string {
	most, when := 0.0, 0
	for i, x := range v {
		if x > most {
			most, when = x, i
		}
	}
	if len(v) == 0 {
		return "Nothing was measured."
	}
	if most == 0 {
		return "No " + m.what + " at any time."
	}
	return fmt.Sprintf("Most %s in any %s: %s, %s after the start.", m.what, fromSeconds(step), number(most), duration(fromSeconds(float64(when)*step)))
}

func timeTicks(x scale) []tick {
	var out []tick
	for _, v := range evenTicks(x.to, 4) {
		t := tick{At: place(x.at(v)), Label: "0", Anchor: "start"} // clear of the other axis
		if v > 0 {
			t.Label, t.Anchor = setting(v)+"s", "middle"
		}
		if x.at(v) > x.b-8 {
			t.Anchor = "end"
		}
		out = append(out, t)
	}
	return out
}

// countTicks leaves out ticks that would come too near to the one above.
func countTicks(y scale) []tick {
	values := evenTicks(y.to, 4)
	if y.warp(4) == 2 { // square roots: halve the figure from tick to tick
		values = []float64{0}
		for _, f := range []float64{1, 4, 16} {
			if v := roundDown(y.to / f); v >= 1 && v != values[len(values)-1] {
				values = append(values, v)
			}
		}
	}
	var out []tick
	for _, v := range values {
		if v != math.Trunc(v) {
			continue // there is no half a load
		}
		out = append(out, tick{At: place(y.at(v)), Label: short(v)})
	}
	return out
}

// roundDown is the greatest of 1, 2, 5, 10, 20 ... that is not above x.
func roundDown(x float64) float64 {
	size := math.Pow(10, math.Floor(math.Log10(x)))
	for _, f := range []float64{5, 2} {
		if f*size <= x {
			return f * size
		}
	}
	return size
}

// short labels a round figure in few characters: 5k.
func short(v float64) string {
	x := v
	for _, unit := range []string{"", "k", "M", "G", "T"} {
		if x < 1000 {
			return setting(x) + unit
		}
		x /= 1000
	}
	return strconv.FormatFloat(v, 'e', 0, 64)
}

// stepPath draws the series as steps, from the ground and back to it, so that
// the one path is the line and the area below.
func stepPath(v []float64, step float64, x, y scale) string {
	if len(v) == 0 {
		return ""
	}
	var p pen
	p.to('M', x.a, y.a)
	at := place(y.a)
	for i, value := range v {
		py := y.at(value)
		if place(py) == at {
			continue
		}
		if i > 0 {
			p.to('H', x.at(float64(i)*step))
		}
		p.to('V', py)
		at = place(py)
	}
	p.to('H', x.at(float64(len(v))*step))
	p.to('V', y.a)
	return string(p)
}

func joinCounts(v []float64) string {
	var b strings.Builder
	for i, x := range v {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.FormatFloat(math.Round(x), 'g', -1, 64))
	}
	return b.String()
}
