package page

import "html/template"

// What is inside, for tests.

type Axis = axis

const (
	Linear      = linear
	Root        = root
	Logarithmic = logarithmic
)

// NewAxis makes one; its ticks are rounded to about n.
func NewAxis(w warp, low, high float64, n int, times, whole bool) Axis {
	return axis{name: "x", warp: w, low: low, high: high, times: times, whole: whole, write: brief}.rounded(n)
}

func (a axis) Ticks() (low, high float64, ticks []float64) { return a.low, a.high, a.ticks }

// At places v on a line from 0 to 100.
func (a axis) At(v float64) float64 { return scale{a, 0, 100}.at(v) }

// Draw draws one line of each style in a plot.
func Draw(w warp, low, high float64, xs, ys []float64) template.HTML {
	var names []string
	for range styles {
		names = append(names, "<name>")
	}
	p := newPlot("id", `"<&>'`, axis{name: "x", low: 0, high: 10, write: nanos, times: true}, axis{name: "y", warp: w, low: low, high: high, write: brief}, names...)
	for s := range styles {
		var line []point
		for i := range xs {
			line = append(line, point{xs[i], ys[i]})
		}
		p.line(s, "<name>", s%2 == 0, line)
	}
	for i := range xs {
		p.note(0, xs[i], ys[i], "<note>")
	}
	p.level(low, "<level>")
	p.upright(5, "<upright>")
	return p.done("<desc>")
}

var (
	Duration = duration
	Number   = number
	Percent  = percent
	Brief    = brief
	Spread   = spread
)
