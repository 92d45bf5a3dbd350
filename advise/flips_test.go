package advise_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/trace"
)

func byTime(a, b trace.Record) int { return cmp.Compare(a.Time, b.Time) }

// TestFlipsOrWhatWasTried: every report says what figure would flip its verdict,
// or between which nothing was found that does.
func TestFlipsOrWhatWasTried(t *testing.T) {
	for _, w := range workloads(t) {
		r := studied(t, &w)
		if len(r.Verdict.Flips) == 0 && r.Verdict.NoFlip == "" {
			t.Errorf("%s (%s): neither a flip nor what was tried", w.name, r.Verdict.Class)
		}
		t.Logf("%-40s %-22s %s %s", w.name, r.Verdict.Class, strings.Join(r.Verdict.Flips, "; "), r.Verdict.NoFlip)
	}
	// Answers that are missing are no figures.
	m := maker(4)
	m.poisson(10, 100*time.Second, func() uint64 { return m.random.Uint64N(100_000_000) })
	r := report(t, m, advise.Config{TTL: time.Minute, Loader: loader(t, "20ms")})
	want(t, r, advise.RefuseUnsafe)
	for _, w := range []string{"None within", "loads of 200µs to 600ms on average", "requests a second", "TTLs of 600ms to 10m", "at most"} {
		if !strings.Contains(r.Verdict.NoFlip, w) {
			t.Errorf("%q is not in what was tried, %q", w, r.Verdict.NoFlip)
		}
	}
}

// TestAtOneInstant: no rate is known of a trace in which no time passes; all else
// is, and goes on.
func TestAtOneInstant(t *testing.T) {
	m := maker(5)
	for i := range 600 {
		m.add(0, uint64(i%3))
	}
	r := report(t, m, advise.Config{TTL: time.Minute, Loader: loader(t, "20ms"), Safety: safe, Source: advise.Source{MaxRPS: 10}})
	want(t, r, advise.CacheCoalesce)
	if !r.Trace.RateUnknown {
		t.Error("the rate is known")
	}
	for _, a := range append(r.Arms, r.Stress...) {
		if a.LoadRate.Known() || a.LoadRate.Value != 0 {
			t.Errorf("%s has %+v loads a second", a.ID, a.LoadRate)
		}
	}
	for _, m := range r.Watch {
		if m.Unit == "1/s" && m.Predicted.Known() {
			t.Errorf("%s is predicted as %+v", m.Name, m.Predicted)
		}
	}
	for _, f := range append(r.Verdict.CarriedBy, advise.Fact{Name: "saved", Unit: "1/s", Interval: r.Figures.SavedRate}) {
		if f.Unit == "1/s" && f.Interval.Known() {
			t.Errorf("%s is %+v", f.Name, f.Interval)
		}
	}
	for _, c := range r.Curves {
		for _, p := range c.Points {
			if p.Rate != 0 || p.Plain != 0 || p.Both != 0 {
				t.Errorf("a point of the curve over %s has rates: %+v", c.Over, p)
			}
		}
	}
	if !strings.Contains(strings.Join(r.Assumptions, "\n"), "no rate is known") {
		t.Errorf("the assumptions %q do not say that no rate is known", r.Assumptions)
	}
}
