package advise_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise"
)

// bursts has n keys asked for within n ms, every other second.
func bursts(n int) *made {
	m := maker(1)
	for i := range 60 {
		for k := range n {
			m.add(2*time.Duration(i)*time.Second+time.Duration(k)*time.Millisecond, uint64(k))
		}
	}
	return m
}

// TestPeakNobodyHelps: where no way of serving keeps to what the source bears,
// the verdict says so, by name and number, and what would.
func TestPeakNobodyHelps(t *testing.T) {
	config := advise.Config{TTL: time.Minute, Loader: loader(t, "100ms"), Safety: safe, Source: advise.Source{MaxConcurrent: 30}}
	r := report(t, bursts(50), config)
	want(t, r, advise.CacheJitter)
	if !strings.Contains(r.Verdict.Sentence, "Nothing tried helps with the peak: 50 loads at once at the least, and the source bears 30.") {
		t.Errorf("the sentence %q does not say that nothing helps with the peak", r.Verdict.Sentence)
	}
	if len(r.Verdict.OverLimit) != 1 {
		t.Fatalf("over the limit: %+v, want the peak", r.Verdict.OverLimit)
	}
	e := r.Verdict.OverLimit[0]
	if e.What != "loads at once" || e.Limit != 30 || e.Arm != "cache+jitter" || e.Most != 50 || e.Least != 50 || e.Helped {
		t.Errorf("over the limit: %+v", e)
	}
	remedies := strings.Join(e.Remedies, "\n")
	for _, w := range []string{"a source that bears 50 loads at once", "MaxLoads", "--start warm", "loads of about 30ms on average, in place of 100ms: 30 loads at once"} {
		if !strings.Contains(remedies, w) {
			t.Errorf("%q is not among what would help:\n%s", w, remedies)
		}
	}

	if a := r.Figures.Amplification; a.Low < 0.99 { // nothing is loaded in most blocks of the trace, which is not to load less
		t.Errorf("amplification %+v, want 1 at the least", a)
	}

	if p := metric(t, r, "loads at once"); p.High != 30 {
		t.Errorf("%+v loads at once are predicted, with a limit of 30 set", p)
	}

	// Within the limit there is nothing to say.
	config.Source.MaxConcurrent = 50
	if r = report(t, bursts(50), config); len(r.Verdict.OverLimit) > 0 || strings.Contains(r.Verdict.Sentence, "peak") {
		t.Errorf("within the limit: %s %+v", r.Verdict.Sentence, r.Verdict.OverLimit)
	}

	// Loads a second are a limit of their own: 50 come in one.
	config.Source = advise.Source{MaxRPS: 20}
	r = report(t, bursts(50), config)
	if l := r.Verdict.OverLimit; len(l) != 1 || l[0].What != "loads a second" || l[0].Helped || l[0].Most < 40 || l[0].Most > 50 {
		t.Errorf("over the limit: %+v, want about 50 loads a second", l)
	}
}

// TestBusiestStretch: over what time loads a second are told is said, where slices
// of a long trace are longer than a second.
func TestBusiestStretch(t *testing.T) {
	m := maker(2)
	for i := range 2000 {
		m.add(time.Duration(i)*time.Minute, uint64(i))
		if i == 1000 {
			for k := range 500 {
				m.add(time.Duration(i)*time.Minute+time.Duration(k)*time.Millisecond, uint64(10_000+k))
			}
		}
	}
	r := report(t, m, advise.Config{TTL: time.Minute, Loader: loader(t, "1s"), Safety: safe, Source: advise.Source{MaxRPS: 1}})
	l := r.Verdict.OverLimit
	if len(l) != 1 || l[0].Most <= 1 || l[0].Most > 250 || strings.Contains(l[0].Text, "busiest 1s") || !strings.Contains(l[0].Text, "in its busiest ") {
		t.Errorf("over the limit: %+v, want loads a second of a stretch that is named", l)
	}
}

// TestPeakOfCoarseStamps: a peak that stamps make is called that.
func TestPeakOfCoarseStamps(t *testing.T) {
	m := maker(1)
	m.poisson(60, 40*time.Second, func() uint64 { return m.random.Uint64N(20_000) })
	r := report(t, coarse(m, time.Second), advise.Config{TTL: 10 * time.Second, Loader: loader(t, "5ms"), Safety: safe, Source: advise.Source{MaxConcurrent: 20}})
	if r.Bounds == nil {
		t.Fatal("the stamps are not found to be coarse")
	}
	if l := r.Verdict.OverLimit; len(l) != 1 || !l[0].Unsure || !strings.Contains(l[0].Text, "stamps of 1s leave a peak of") {
		t.Errorf("over the limit: %+v, want that it is not known", l)
	}
	if !strings.Contains(r.Verdict.Sentence, "is not known: the stamps are too coarse") || strings.Contains(r.Verdict.Sentence, "Nothing tried") {
		t.Errorf("the sentence %q takes a side", r.Verdict.Sentence)
	}
	for _, f := range r.Verdict.Flips {
		if strings.Contains(f, "at once:") {
			t.Errorf("the flip %q quotes a peak that is of the stamps' making", f)
		}
	}
}

// TestPeakCoalescingHelps: in bursts of a few keys coalescing keeps to the
// source's limit, and is advised for that, however little it saves in all.
func TestPeakCoalescingHelps(t *testing.T) {
	trace := func() *made {
		m := maker(3)
		m.poisson(800, 20*time.Second, func() uint64 {
			if m.random.IntN(4) == 0 {
				return 1000 + m.random.Uint64N(200)
			}
			return 2000 + m.random.Uint64N(1<<40) // a load each
		})
		for i := range 100 {
			m.add(10*time.Second+time.Duration(i)*time.Microsecond, 7) // a key that is asked for 100 times at once
		}
		slices.SortStableFunc(m.records, byTime)
		return m
	}
	config := advise.Config{TTL: time.Minute, Loader: loader(t, "20ms"), Safety: safe, Source: advise.Source{MaxConcurrent: 60}}
	r := report(t, trace(), config)
	want(t, r, advise.CacheCoalesce, advise.CacheBoth)
	if !strings.Contains(r.Verdict.Sentence, "over the source's 60") {
		t.Errorf("the sentence %q does not say why", r.Verdict.Sentence)
	}
	if r.Figures.Saved.High >= 0.05 || len(r.Verdict.OverLimit) > 0 {
		t.Errorf("saved %+v, over the limit %+v: want little, and none", r.Figures.Saved, r.Verdict.OverLimit)
	}
}

// TestJitterThatMakesNoDifference is said to make none, whatever the rule for its
// width promises.
func TestJitterThatMakesNoDifference(t *testing.T) {
	m := maker(4)
	m.poisson(100, 60*time.Second, func() uint64 { return m.random.Uint64N(12) })
	r := report(t, m, advise.Config{
		TTL: 2 * time.Second, MaxStale: time.Second, Loader: loader(t, "5s"), Safety: safe,
		SLO: advise.SLO{Limit: time.Second}, Source: advise.Source{MaxConcurrent: 8},
	})
	want(t, r, advise.CacheCoalesce)
	if r.Figures.HerdPeak != 12 || r.Figures.HerdJittered != 12 {
		t.Fatalf("a herd of %d loads at once becomes one of %d, want 12 and 12", r.Figures.HerdPeak, r.Figures.HerdJittered)
	}
	if s := setting(r, "Jitter"); s == nil || !strings.Contains(s.Why, "made no difference to a herd of 12") || strings.Contains(s.Why, "becomes") || strings.Contains(s.Why, "stay within") {
		t.Errorf("the setting is %+v, want that it made no difference", s)
	}
}
