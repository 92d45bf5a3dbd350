package advise

import (
	"math"
	"math/rand/v2"
	"slices"
)

// An Interval is a figure and what it may be: the widest of the 95 % intervals
// that are named in By.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	By    string  `json:"by"`
}

// The ways in which an interval is found.
const (
	byKeys   = "key bootstrap"
	byBlocks = "time-block bootstrap"
	byLoads  = "loader replications"
	byThree  = "rule of three" // of what was never seen
	byBounds = "coarse stamps" // between all at the tick and evenly spread

	byNobody = "not known: all requests are at one instant"
)

// exactly is a figure without a doubt.
func exactly(v float64) Interval { return Interval{v, v, v, ""} }

// Known reports whether there is a figure at all: rates of a trace in which no
// time passes are none.
func (a Interval) Known() bool { return a.By != byNobody }

// unknownRate stands for a rate of a trace in which no time passes.
func unknownRate() Interval { return Interval{By: byNobody} }

func (a Interval) width() float64 { return a.High - a.Low }

// wider gives the wider of two intervals of one figure.
func (a Interval) wider(b Interval) Interval {
	if a.By == "" || b.width() > a.width() {
		return b
	}
	return a
}

// including widens a so that b's figures are in it.
func (a Interval) including(b Interval, by string) Interval {
	if b.Low < a.Low || b.High > a.High {
		a.Low, a.High, a.By = min(a.Low, b.Low), max(a.High, b.High), by
	}
	return a
}

// resamples is how many times a bootstrap draws, which puts the ends of a 95 %
// interval at the 13th and the 488th.
const resamples = 500

// bootstrap gives the interval of a figure of the sums of rows' columns, over
// rows drawn with replacement (B. Efron, 1979). Each draw is weighted as if it
// were a whole trace; rows must be about independent of each other.
func bootstrap(rows [][]float64, seed uint64, by string, figures []func(sums []float64) float64) []Interval {
	out := make([]Interval, len(figures))
	if len(rows) == 0 {
		return out
	}
	columns := len(rows[0])
	sums := make([]float64, columns)
	for _, row := range rows {
		for c, v := range row {
			sums[c] += v
		}
	}
	drawn := make([][]float64, len(figures))
	random := rand.New(rand.NewPCG(seed, uint64(len(rows)))) //nolint:gosec // no secret
	resampled := make([]float64, columns)
	for range resamples {
		clear(resampled)
		for range rows {
			for c, v := range rows[random.IntN(len(rows))] {
				resampled[c] += v
			}
		}
		for i, f := range figures {
			drawn[i] = append(drawn[i], f(resampled))
		}
	}
	for i, f := range figures {
		slices.Sort(drawn[i])
		v := f(sums)
		low, high := drawn[i][resamples*25/1000], drawn[i][resamples*975/1000]
		out[i] = Interval{v, min(low, v), max(high, v), by}
	}
	return out
}

// replicated gives the interval of a figure of one run of several that differ
// in the loader's randomness alone: Student's t of their standard deviation.
func replicated(value float64, runs []float64) Interval {
	if len(runs) < 2 {
		return Interval{value, value, value, byLoads}
	}
	var mean, square float64
	for _, v := range runs {
		mean += v / float64(len(runs))
	}
	for _, v := range runs {
		square += (v - mean) * (v - mean)
	}
	half := student(len(runs)-1) * math.Sqrt(square/float64(len(runs)-1))
	return Interval{value, value - half, value + half, byLoads}
}

// student is the 97.5 % quantile of Student's distribution.
func student(degrees int) float64 {
	table := [...]float64{0, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228}
	if degrees < len(table) {
		return table[degrees]
	}
	return 1.96
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
