package report

import (
	"math"
	"strconv"
)

// The drawings of one chart are small multiples of one size, in units of
// their own: the page scales them to the room it has. The template and the
// script know these places too.
const (
	plotLeft  = 40.0
	plotRight = 176.0
)

// A scale maps figures to places on a drawing.
type scale struct {
	warp     func(float64) float64
	from, to float64 // the figures at its ends
	a, b     float64 // the places of its ends
}

func linear(x float64) float64 { return x }

// at is the place of x; what lies outside is put at the nearer end.
func (s scale) at(x float64) float64 {
	lo, hi := s.warp(s.from), s.warp(s.to)
	if !(hi > lo) {
		return s.a
	}
	t := (s.warp(x) - lo) / (hi - lo)
	return s.a + (s.b-s.a)*math.Min(1, math.Max(0, t))
}

// A tick is a labelled line across a drawing.
type tick struct {
	At     string // along the axis
	Label  string // none where the neighbour's would touch it
	Anchor string // which part of the label stands at At
}

// evenTicks are round figures from 0 up to most, no more than n of them above 0.
func evenTicks(most float64, n int) []float64 {
	if !(most > 0) || math.IsInf(most, 0) {
		return []float64{0}
	}
	step := math.Pow(10, math.Floor(math.Log10(most/float64(n))))
	for _, f := range []float64{1, 2, 5, 10} {
		if most/(step*f) <= float64(n) {
			step *= f
			break
		}
	}
	var out []float64
	for i := 0; i <= n && float64(i)*step <= most*(1+1e-9); i++ {
		out = append(out, float64(i)*step)
	}
	return out
}

// A pen writes the path of a drawing.
type pen []byte

func (p *pen) to(verb byte, places ...float64) {
	*p = append(*p, verb)
	for i, x := range places {
		if i > 0 {
			*p = append(*p, ' ')
		}
		*p = append(*p, place(x)...)
	}
}

// place writes a coordinate: a tenth of a unit is finer than any screen.
func place(x float64) string {
	x = math.Round(10*x) / 10
	if x == 0 {
		x = 0 // and not -0
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
