package sim

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MaxLatency is the longest load that is simulated; longer ones are cut.
const MaxLatency = 24 * time.Hour

// A Loader says how long loads take. The zero Loader takes no time. It is
// immutable and may be used from many goroutines.
type Loader struct {
	kind    kind
	samples []int64 // sorted; or the one constant

	// Knots of the quantile function, ln(ns) over the standard normal's
	// quantile, ascending: two make a lognormal distribution.
	z, ln []float64

	mean, square float64 // E[L] and E[L^2] in ns and ns^2
	text         string
}

type kind uint8

const (
	constant kind = iota
	stated
	sampled
)

// Constant gives loads that all take d.
func Constant(d time.Duration) Loader {
	d = min(max(d, 0), MaxLatency)
	f := float64(d)
	return Loader{samples: []int64{int64(d)}, mean: f, square: f * f, text: d.String()}
}

// A Quantile states that a share P of loads take At most.
type Quantile struct {
	P  float64 // in (0,1)
	At time.Duration
}

// Stated gives loads with the quantiles qs. Two make a lognormal distribution;
// more are joined by lognormal pieces, of which the outer ones go on.
func Stated(qs ...Quantile) (Loader, error) {
	qs = slices.Clone(qs)
	slices.SortFunc(qs, func(a, b Quantile) int { return cmpFloat(a.P, b.P) })
	if len(qs) < 2 {
		return Loader{}, fmt.Errorf("sim: %d quantiles of the loader's latency, want 2 or more, as in p50=20ms,p99=200ms", len(qs))
	}
	var l Loader
	var words []string
	for i, q := range qs {
		if !(q.P > 0 && q.P < 1) {
			return Loader{}, fmt.Errorf("sim: quantile %v of the loader's latency, want more than 0 and less than 1", q.P)
		}
		if q.At <= 0 {
			return Loader{}, fmt.Errorf("sim: the loader's latency is %v at quantile %v, want more than 0", q.At, q.P)
		}
		if i > 0 && (q.P == qs[i-1].P || q.At < qs[i-1].At) {
			return Loader{}, fmt.Errorf("sim: the loader's latency is %v at quantile %v and %v at %v, want rising values", qs[i-1].At, qs[i-1].P, q.At, q.P)
		}
		l.z = append(l.z, normal(q.P))
		l.ln = append(l.ln, math.Log(float64(q.At)))
		words = append(words, "p"+strconv.FormatFloat(q.P*100, 'f', -1, 64)+"="+q.At.String())
	}
	l.kind = stated
	l.text = strings.Join(words, ",")
	l.integrate()
	return l, nil
}

// Samples gives loads drawn from what was measured. Values below 0 are passed
// over.
func Samples(measured []int64) (Loader, error) {
	var s []int64
	for _, d := range measured {
		if d >= 0 {
			s = append(s, min(d, int64(MaxLatency)))
		}
	}
	if len(s) == 0 {
		return Loader{}, errors.New("sim: no measured latencies to draw from")
	}
	slices.Sort(s)
	l := Loader{kind: sampled, samples: s, text: fmt.Sprintf("%d measured", len(s))}
	for _, d := range s {
		f := float64(d)
		l.mean += f / float64(len(s))
		l.square += f * f / float64(len(s))
	}
	return l, nil
}

// ParseLoader reads "20ms", or quantiles as in "p50=20ms,p99=200ms".
func ParseLoader(text string) (Loader, error) {
	if !strings.Contains(text, "=") {
		d, err := time.ParseDuration(strings.TrimSpace(text))
		if err != nil || d < 0 {
			return Loader{}, fmt.Errorf("sim: loader %q, want a duration or quantiles, as in 20ms or p50=20ms,p99=200ms", text)
		}
		return Constant(d), nil
	}
	var qs []Quantile
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		p, err := strconv.ParseFloat(strings.TrimPrefix(name, "p"), 64)
		d, err2 := time.ParseDuration(value)
		if err != nil || err2 != nil || !strings.HasPrefix(name, "p") {
			return Loader{}, fmt.Errorf("sim: loader %q has %q, want a quantile as in p99=200ms", text, part)
		}
		qs = append(qs, Quantile{p / 100, d})
	}
	return Stated(qs...)
}

// String says the loader in the form that ParseLoader reads, or how many
// measurements it has.
func (l Loader) String() string {
	if l.text == "" {
		return "0s"
	}
	return l.text
}

// Mean is E[L].
func (l Loader) Mean() time.Duration { return time.Duration(l.mean) }

// Square is E[L^2], in seconds squared.
func (l Loader) Square() float64 { return l.square / 1e18 }

// CV2 is the squared coefficient of variation: Var[L]/E[L]^2. Where it is more
// than 1, a caller who joins a load waits longer on average than one who loads.
func (l Loader) CV2() float64 {
	if l.mean == 0 {
		return 0
	}
	return max(0, l.square/(l.mean*l.mean)-1)
}

// JoinedWait is the mean wait of a caller who comes at a random instant of a
// load: E[L^2]/(2E[L]), the mean residual life of renewal theory.
func (l Loader) JoinedWait() time.Duration {
	if l.mean == 0 {
		return 0
	}
	return time.Duration(l.square / (2 * l.mean))
}

// Quantile gives the latency that a share p of loads take at most.
func (l Loader) Quantile(p float64) time.Duration { return time.Duration(l.at(p)) }

// Constant reports whether all loads take the same.
func (l Loader) Constant() bool {
	switch l.kind {
	case constant:
		return true
	case sampled:
		return l.samples[0] == l.samples[len(l.samples)-1]
	}
	return false
}

// at gives the latency at u in [0,1).
func (l *Loader) at(u float64) int64 {
	switch l.kind {
	case sampled:
		return l.samples[min(int(u*float64(len(l.samples))), len(l.samples)-1)]
	case stated:
		return l.atNormal(normal(min(max(u, 0x1p-54), 1-0x1p-53)))
	}
	if len(l.samples) == 0 {
		return 0
	}
	return l.samples[0]
}

func (l *Loader) atNormal(z float64) int64 {
	return int64(min(math.Exp(l.lnAt(z)), float64(MaxLatency)))
}

func (l *Loader) lnAt(z float64) float64 {
	i := 0
	for i < len(l.z)-2 && z > l.z[i+1] {
		i++
	}
	slope := (l.ln[i+1] - l.ln[i]) / (l.z[i+1] - l.z[i])
	return l.ln[i] + (z-l.z[i])*slope
}

// integrate fills in the moments: over the normal density, by the trapezoid
// rule, which is exact to many digits for a function that dies off at both ends.
func (l *Loader) integrate() {
	const step = 1.0 / 512
	for z := -9.0; z <= 9; z += step {
		w := math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) * step
		v := min(math.Exp(l.lnAt(z)), float64(MaxLatency))
		l.mean += w * v
		l.square += w * v * v
	}
}

// normal is the quantile function of the standard normal distribution.
func normal(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Share is the distribution function: the share of loads that take t or less.
func (l Loader) Share(t time.Duration) float64 {
	switch l.kind {
	case sampled:
		i, _ := slices.BinarySearch(l.samples, int64(t)+1)
		return float64(i) / float64(len(l.samples))
	case stated:
		if t <= 0 {
			return 0
		}
		x := math.Log(float64(t))
		i := 0
		for i < len(l.ln)-2 && x > l.ln[i+1] {
			i++
		}
		rise := l.ln[i+1] - l.ln[i]
		if rise == 0 { // all of a piece take the same
			if x < l.ln[i] {
				return 0
			}
			return 1
		}
		z := l.z[i] + (x-l.ln[i])*(l.z[i+1]-l.z[i])/rise
		return math.Erfc(-z/math.Sqrt2) / 2
	}
	if len(l.samples) == 0 || int64(t) >= l.samples[0] {
		return 1
	}
	return 0
}
