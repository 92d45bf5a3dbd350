package advise_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/trace"
)

func setting(r *advise.Report, name string) *advise.Setting {
	for i := range r.Settings {
		if r.Settings[i].Name == name {
			return &r.Settings[i]
		}
	}
	return nil
}

func metric(t *testing.T, r *advise.Report, name string) advise.Interval {
	t.Helper()
	for _, m := range r.Watch {
		if m.Name == name {
			return m.Predicted
		}
	}
	t.Fatalf("%s is not watched: %+v", name, r.Watch)
	return advise.Interval{}
}

// TestOneHitRatio: what the verdict rests on and what is to be watched are one
// figure.
func TestOneHitRatio(t *testing.T) {
	m := maker(9)
	m.poisson(100, 60*time.Second, func() uint64 { return m.random.Uint64N(200) })
	r := report(t, m, advise.Config{TTL: 10 * time.Second, Loader: loader(t, "1ms"), Safety: safe})
	want(t, r, advise.PlainCache)
	if s := setting(r, "TTL"); s == nil || s.Value != "10s" {
		t.Fatalf("the TTL is %+v, want the one that was simulated", s)
	}
	rests := r.Verdict.CarriedBy[2]
	if rests.Name != "hit ratio" {
		t.Fatalf("it rests on %+v", r.Verdict.CarriedBy)
	}
	if watched := metric(t, r, "hit ratio"); watched != rests.Interval || watched != r.Figures.HitRatio {
		t.Errorf("the verdict rests on %+v, %+v is to be watched, and the figure is %+v", rests.Interval, watched, r.Figures.HitRatio)
	}
	a := r.Arms[2]
	if got := float64(a.Hits) / float64(a.Requests); a.ID != "cache" || a.HitRatio.Value < got-1e-9 || a.HitRatio.Value > got+1e-9 {
		t.Errorf("%s has a hit ratio of %v, and %d hits of %d", a.ID, a.HitRatio, a.Hits, a.Requests)
	}
}

// TestWatchIsOfTheSettings: with a shorter TTL advised than is allowed, what is to
// be watched are the figures of that.
func TestWatchIsOfTheSettings(t *testing.T) {
	trace := func() *made {
		m := maker(10)
		for i := range 40 { // keys that are asked for twice within a second, and again after two minutes
			for k := range 20 {
				at := time.Duration(i)*2*time.Minute + time.Duration(k)*time.Second
				m.add(at, uint64(k))
				m.add(at+200*time.Millisecond, uint64(k))
			}
		}
		return m
	}
	config := advise.Config{TTL: time.Minute, Loader: loader(t, "100ms"), Safety: safe}
	r := report(t, trace(), config)
	want(t, r, advise.PlainCache)
	if r.Advised.TTL >= time.Minute {
		t.Fatalf("a TTL of %v is advised, want less than what is allowed", r.Advised.TTL)
	}
	config.TTL = r.Advised.TTL
	truth := report(t, trace(), config)
	for _, name := range []string{"loads a second", "hit ratio", "mean wait of callers"} {
		if a, b := metric(t, r, name), metric(t, truth, name); a.Value != b.Value {
			t.Errorf("%s is predicted as %v, and is %v with what is advised", name, a.Value, b.Value)
		}
	}
}

// TestOneJitter: settings, code and the advice for programs have the jitter in the
// library's unit, and say that arms have half of it either way.
func TestOneJitter(t *testing.T) {
	var w workload
	for _, w = range workloads(t) {
		if w.want == advise.CacheJitter {
			break
		}
	}
	r := studied(t, &w)
	s := setting(r, "Jitter")
	if s == nil || s.Value != "0.2" || !strings.Contains(s.Why, "10 % either way") {
		t.Errorf("the setting is %+v, want 0.2 and a word on the 10 %% of the arm", s)
	}
	if !strings.Contains(strings.Join(strings.Fields(r.Code), " "), "Jitter: 0.2, //") {
		t.Errorf("the code has another jitter:\n%s", r.Code)
	}
	if r.Advised.Jitter != 0.2 || !strings.Contains(r.Advised.Current, "jitter=0.1") {
		t.Errorf("advised is %+v, want a jitter of 0.2, and the arm's 0.1 for --current", r.Advised)
	}
}

// TestAdvised: a program reads what to set without taking texts apart.
func TestAdvised(t *testing.T) {
	for _, w := range workloads(t) {
		r := studied(t, &w)
		a := r.Advised
		if r.Verdict.Class.Refused() {
			if a != nil {
				t.Errorf("%s: a refusal, and %+v is advised", w.name, a)
			}
			continue
		}
		if a == nil || a.Class != r.Verdict.Class || a.Coalesce != a.Class.Coalesces() {
			t.Errorf("%s: %s, and advised is %+v", w.name, r.Verdict.Class, a)
			continue
		}
		if s := setting(r, "TTL"); s != nil && a.NoExpiry != (s.Value == "none") {
			t.Errorf("%s: TTL %s, and advised is %+v", w.name, s.Value, a)
		}
		if s := setting(r, "MaxEntries"); s != nil && s.Value != fmt.Sprint(a.MaxEntries) {
			t.Errorf("%s: MaxEntries %s, and advised is %+v", w.name, s.Value, a)
		}
		for name, has := range map[string]bool{"EarlyRefresh": a.EarlyRefresh > 0, "StaleFor": a.StaleFor > 0, "JoinWithin": a.JoinWithin > 0, "MaxLoads": a.MaxLoads > 0, "Jitter": a.Jitter > 0} {
			if s := setting(r, name); (s != nil) != has && a.Class != advise.LoadOrStore && a.Class != advise.Once && a.Class != advise.Nothing {
				t.Errorf("%s: the setting %s is %+v, and advised is %+v", w.name, name, s, a)
			}
		}
		t.Logf("%s: %s", w.name, a.Current)
	}
}

// TestOneSpan: rates of the trace and of arms are over the same time, and shares
// are shares.
func TestOneSpan(t *testing.T) {
	m := maker(12)
	m.poisson(100, 30*time.Second, func() uint64 { return m.random.Uint64N(200) })
	m.add(60*time.Second, 3).Op = trace.Write
	r := report(t, m, advise.Config{TTL: 10 * time.Second, MaxStale: time.Second, Loader: loader(t, "p50=20ms,p99=200ms"), Safety: safe})
	if direct := r.Arms[0].LoadRate.Value; direct != r.Trace.Rate || r.Trace.Span < 59*time.Second {
		t.Errorf("%v requests a second in %v, and each loaded %v", r.Trace.Rate, r.Trace.Span, direct)
	}
	for _, a := range r.Arms {
		if i := a.HitRatio; i.Low < 0 || i.Low > i.Value || i.Value > i.High || i.High > 1 {
			t.Errorf("%s has a hit ratio of %+v", a.ID, i)
		}
	}
}

// TestSLONobodyKeeps: an SLO that fails with what is advised is in the sentence.
func TestSLONobodyKeeps(t *testing.T) {
	m := maker(13)
	m.poisson(50, 20*time.Second, func() uint64 { return m.random.Uint64N(500) })
	c := advise.Config{TTL: 20 * time.Second, Loader: loader(t, "20ms"), Safety: safe, SLO: advise.SLO{Limit: 10 * time.Millisecond}}
	r := report(t, m, c)
	if !strings.Contains(r.Verdict.Sentence, "The SLO, p99<10ms, fails in each way that was tried") {
		t.Errorf("the sentence %q does not say that the SLO fails", r.Verdict.Sentence)
	}
	c.SLO.Limit = 50 * time.Millisecond
	if r = report(t, m.again(), c); strings.Contains(r.Verdict.Sentence, "SLO") {
		t.Errorf("the sentence %q says that the SLO fails", r.Verdict.Sentence)
	}
}

// TestShareToldFromItsThreshold: an interval's end that rounds to the threshold has
// the digits that tell on which side it is, and noise about nothing has no sign.
func TestShareToldFromItsThreshold(t *testing.T) {
	for v, want := range map[float64]string{0.0496: "4.96 %", 0.05003: "5.003 %", 0.05: "5 %", -0.0002: "0 %", 0.00248: "0.2 %", -0.012: "-1.2 %", 0.9925: "99.2 %", 1: "100 %"} {
		if got := advise.Share(v); got != want {
			t.Errorf("%v is written %q, want %q", v, got, want)
		}
	}
}
