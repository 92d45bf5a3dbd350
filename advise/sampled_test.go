package advise_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/trace"
)

// TestSampledIsCloseToExact: where a trace is too long to be followed key by key,
// the loads are within 5 % of the truth, the loads saved within 10 %, and the
// hit ratios of the heat map within 0.01.
func TestSampledIsCloseToExact(t *testing.T) {
	trace := func() *made {
		m := maker(11)
		key := m.zipf(1.05, 1<<20)
		n := uint64(0)
		m.poisson(12_000, 5*time.Second, func() uint64 {
			switch n++; {
			case n > 28_000 && n%50 == 0:
				return 1 << 40 // a key that becomes hot late
			default:
				return key()
			}
		})
		for i := range m.records {
			m.records[i].Time += 1e18 // sources need not begin at 0
		}
		return m
	}
	c := advise.Config{TTL: 2 * time.Second, Loader: loader(t, "p50=20ms,p99=200ms"), Safety: safe, Exact: true, Seed: 3}
	exact := report(t, trace(), c)
	c.Exact = false
	c.MaxExact, c.MaxKeys, c.HeavyKeys = 15_000, 8_000, 2_000
	sampled := report(t, trace(), c)
	if sampled.Method.Exact || sampled.Method.TailRate == 1 {
		t.Fatalf("nothing was sampled: %+v", sampled.Method)
	}
	t.Logf("%+v", sampled.Method)
	for i, a := range exact.Arms {
		b := sampled.Arms[i]
		off := math.Abs(float64(b.Loads)/float64(a.Loads) - 1)
		t.Logf("%-32s loads %7d, sampled %7d, off by %.2f %%; peak %d, %d; joined %d, %d; mean wait %.0f, %.0f", a.ID, a.Loads, b.Loads, 100*off, a.Peak, b.Peak, a.Joined, b.Joined, a.MeanWait.Value, b.MeanWait.Value)
		if off > 0.05 && a.Start != "herd" { // half of the span, when the herd expires, is not known beforehand
			t.Errorf("%s has %d loads, sampled %d", a.ID, a.Loads, b.Loads)
		}
	}
	saved, guessed := exact.Arms[2].Loads-exact.Arms[4].Loads, sampled.Arms[2].Loads-sampled.Arms[4].Loads
	t.Logf("saved %d, sampled %d; share %v, %v", saved, guessed, exact.Figures.Saved, sampled.Figures.Saved)
	if math.Abs(float64(guessed)/float64(saved)-1) > 0.10 {
		t.Errorf("coalescing saves %d loads, sampled %d", saved, guessed)
	}
	if exact.Verdict.Class != sampled.Verdict.Class {
		t.Errorf("verdict %s, sampled %s", exact.Verdict.Class, sampled.Verdict.Class)
	}
	t.Logf("keys %d, %d; one hit %v, %v", exact.Trace.Keys, sampled.Trace.Keys, exact.Trace.OneHit, sampled.Trace.OneHit)
	if off := math.Abs(float64(sampled.Trace.Keys)/float64(exact.Trace.Keys) - 1); off > 0.05 {
		t.Errorf("%d keys, sampled %d", exact.Trace.Keys, sampled.Trace.Keys)
	}
	if sampled.Method.LatePromoted == 0 {
		t.Error("the key that becomes hot late was not noticed")
	}
	t.Logf("fano %v %v", exact.Trace.Fano, sampled.Trace.Fano)
}

// TestSampledIsTheSame: however many workers there are, and in whatever portions
// the records come, a sampled report is the same; with writes, several processes
// and a coarse clock.
func TestSampledIsTheSame(t *testing.T) {
	trace := func() []trace.Record {
		m := maker(12)
		m.poisson(5000, 4*time.Second, m.zipf(1.1, 1<<16))
		for i := range m.records {
			r := &m.records[i]
			r.Time = r.Time / 1e8 * 1e8
			if i%50 == 0 {
				r.Op = 1
			}
		}
		return m.records
	}
	run := func(workers, portion int) []byte {
		s, err := advise.New(advise.Config{
			TTL: 2 * time.Second, Loader: loader(t, "p50=20ms,p99=200ms"), Safety: safe, Processes: 3, MaxStale: time.Second,
			MaxExact: 8000, MaxKeys: 3000, HeavyKeys: 500, CurveRequests: 3000, Workers: workers,
		})
		if err != nil {
			t.Fatal(err)
		}
		for records := trace(); len(records) > 0; {
			n := min(portion, len(records))
			s.Add(records[:n])
			records = records[n:]
		}
		r, err := s.Report(advise.Input{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Method.Exact || r.Bounds == nil || r.Trace.Invalidations == 0 {
			t.Errorf("exact %v, bounds %v, %d invalidations", r.Method.Exact, r.Bounds != nil, r.Trace.Invalidations)
		}
		var b bytes.Buffer
		if err := r.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if a, b := run(1, 1000), run(4, 777); !bytes.Equal(a, b) {
		t.Error("the reports differ")
	}
}
