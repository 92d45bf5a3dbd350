package page_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise/page"
	"github.com/onefold-go/onefold/advise/sim"
)

func TestTicksAreNice(t *testing.T) {
	minute, hour := float64(time.Minute), float64(time.Hour)
	for _, c := range []struct {
		name string
		axis page.Axis
		want []float64
	}{
		{"from zero", page.NewAxis(page.Linear, 0, 37, 5, false, false), []float64{0, 10, 20, 30, 40}},
		{"shares", page.NewAxis(page.Linear, 0, 0.07, 5, false, false), []float64{0, 0.02, 0.04, 0.06, 0.08}},
		{"below zero", page.NewAxis(page.Linear, -0.01, 0.07, 5, false, false), []float64{-0.02, 0, 0.02, 0.04, 0.06, 0.08}},
		{"whole", page.NewAxis(page.Linear, 0, 1, 5, false, true), []float64{0, 1}},
		{"minutes", page.NewAxis(page.Linear, 0, 21*minute, 5, true, false), []float64{0, 5 * minute, 10 * minute, 15 * minute, 20 * minute}},
		{"days", page.NewAxis(page.Linear, 0, 83*hour, 5, true, false), []float64{0, 24 * hour, 48 * hour, 72 * hour}},
		{"decades", page.NewAxis(page.Logarithmic, 0.5, 2000, 7, false, false), []float64{1, 10, 100, 1000}},
		{"few decades", page.NewAxis(page.Logarithmic, 2, 40, 7, false, false), []float64{2, 5, 10, 20}},
		{"many decades", page.NewAxis(page.Logarithmic, 1, 1e6, 4, false, false), []float64{1, 100, 1e4, 1e6}},
		{"times", page.NewAxis(page.Logarithmic, 1e9, 3*hour, 7, true, false), []float64{1e9, 1e10, minute, 10 * minute, hour}},
		{"roots", page.NewAxis(page.Root, 0, 1900, 5, false, false), []float64{0, 50, 200, 500, 2000}},
		{"whole roots", page.NewAxis(page.Root, 0, 16, 5, false, true), []float64{0, 2, 5, 20}},
	} {
		_, _, got := c.axis.Ticks()
		same := len(got) == len(c.want)
		for i := range min(len(got), len(c.want)) {
			same = same && math.Abs(got[i]-c.want[i]) <= 1e-9*math.Abs(c.want[i])+1e-12
		}
		if !same {
			t.Errorf("%s: the ticks are %v, want %v", c.name, got, c.want)
		}
	}
}

// TestTicksOfAnyRange: ticks are few, rise, stand within the axis, and the axis
// holds the values.
func TestTicksOfAnyRange(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 4000 {
		low := math.Pow(10, 24*random.Float64()-9)
		high := low * math.Pow(10, 12*random.Float64()*random.Float64())
		n := 2 + random.IntN(8)
		for _, a := range []page.Axis{
			page.NewAxis(page.Linear, 0, high, n, false, random.IntN(2) == 0),
			page.NewAxis(page.Linear, 0, high, n, true, false),
			page.NewAxis(page.Root, 0, high, n, false, random.IntN(2) == 0),
			page.NewAxis(page.Logarithmic, low, high, n, random.IntN(2) == 0, false),
		} {
			from, to, ticks := a.Ticks()
			if len(ticks) == 0 || len(ticks) > n+3 || !slices.IsSorted(ticks) || ticks[0] < from*(1-1e-6) || ticks[len(ticks)-1] > to*(1+1e-6) {
				t.Fatalf("%g to %g, n %d: the ticks are %v in %g to %g", low, high, n, ticks, from, to)
			}
			if to < high*(1-1e-9) {
				t.Fatalf("%g to %g, n %d: the axis ends at %g", low, high, n, to)
			}
			for _, v := range []float64{from, low, high, to, math.NaN(), math.Inf(1), math.Inf(-1), -1, 0} {
				if at := a.At(v); !(at >= 0 && at <= 100) {
					t.Fatalf("%g is at %g of 0 to 100 on an axis from %g to %g", v, at, from, to)
				}
			}
		}
	}
}

func TestPlotsAreWellFormed(t *testing.T) {
	for _, c := range [][]float64{
		{0, 1, 5, 10}, {1}, {0, 0}, {math.NaN(), 1}, {math.Inf(1), math.Inf(-1)}, {-5, 1e300}, {5e-324, math.MaxFloat64},
	} {
		for _, v := range []struct{ low, high float64 }{{0, 10}, {0, 0}, {-1, 1}, {math.NaN(), 1}, {0, math.Inf(1)}, {1, 1e300}} {
			wellFormed(t, "linear", string(page.Draw(page.Linear, v.low, v.high, c, c)))
			wellFormed(t, "root", string(page.Draw(page.Root, v.low, v.high, c, c)))
			wellFormed(t, "log", string(page.Draw(page.Logarithmic, v.low, v.high, c, c)))
		}
	}
	svg := string(page.Draw(page.Linear, 0, 10, []float64{1, 9}, []float64{2, 8}))
	for _, text := range []string{"&lt;name&gt;", "&lt;note&gt;", "&lt;upright&gt;", "&lt;desc&gt;", "&#34;&lt;&amp;&gt;&#39;"} {
		if !strings.Contains(svg, text) {
			t.Errorf("the plot lacks %s\n%s", text, svg)
		}
	}
}

func TestSpreadKeepsNamesApart(t *testing.T) {
	for _, c := range []struct{ ys, want []float64 }{
		{nil, nil},
		{[]float64{50}, []float64{50}},
		{[]float64{50, 51, 90}, []float64{50, 60, 90}},
		{[]float64{98, 99, 100}, []float64{80, 90, 100}},
		{[]float64{0, 0}, []float64{10, 20}},
	} {
		if got := page.Spread(c.ys, 10, 10, 100); !slices.Equal(got, c.want) {
			t.Errorf("%v are spread to %v, want %v", c.ys, got, c.want)
		}
	}
}

func TestUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", 1: "1ns", 992 * time.Microsecond: "992µs", 1234567: "1.23ms", 2630 * time.Microsecond: "2.63ms", time.Second: "1s", 61 * time.Second: "1m1s",
		time.Minute: "1m", 90 * time.Minute: "1h30m", 3 * time.Hour: "3h", 49 * time.Hour: "2d1h", 72 * time.Hour: "3d",
		-52 * time.Millisecond: "-52ms", sim.Forever: "no limit", math.MinInt64: "-no limit",
	} {
		if got := page.Duration(d); got != want {
			t.Errorf("%d ns is written %q, want %q", d, got, want)
		}
	}
	for v, want := range map[float64]string{
		0: "0", 1: "1", 0.0315: "0.0315", 12.34: "12.3", 99.9: "100", 1234567: "1,234,567", -1234: "-1,234", 0.5: "0.5", 1e300: "1e+300", 1e-12: "0", math.Inf(1): "not known",
	} {
		if got := page.Number(v); got != want {
			t.Errorf("%g is written %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0 %", 1: "100 %", 0.05: "5 %", 0.0613: "6.1 %", 0.779: "77.9 %", 0.00001: "0.001 %", math.NaN(): "not known"} {
		if got := page.Percent(v); got != want {
			t.Errorf("%g is written %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0", 0.5: "0.5", 999: "999", 1500: "1.5k", 22164: "22.2k", 2e6: "2M", 1e20: "1e+20"} {
		if got := page.Brief(v); got != want {
			t.Errorf("%g is written %q, want %q", v, got, want)
		}
	}
}
