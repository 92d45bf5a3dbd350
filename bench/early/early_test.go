package main

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

// SPEC: F04
func TestXFetchLoadsAsItsFormulaSaysAndOneFlightOnce(t *testing.T) {
	for _, beta := range []float64{0.5, 1, 2} {
		s := scenario{Rate: 150, Beta: beta, TTL: 50, Cycles: 1000, Seed: 7}
		t.Logf("seed %d", s.Seed)
		for _, w := range ways {
			got := s.simulate(w)
			want := 1.0
			if !w.flight {
				want = math.Exp(1 / beta)
			}
			// Three times the standard error: one seed in four hundred is further off.
			if off := math.Abs(got.PerCycle - want); off > 3*got.PlusLess/1.96+1e-9 {
				t.Errorf("beta %g, %s: %.3f ± %.3f loads a cycle, want %.3f", beta, w.name, got.PerCycle, got.PlusLess, want)
			}
		}
	}
}

// With one draw the load begins late when no call comes between the instant
// that was drawn and a load's time before expiry: when an exponential time of
// mean 1/rate is longer than one of mean beta. What it is late by is again an
// exponential time of mean 1/rate, in which one call comes in the mean, and
// waits. At low rates it is fewer, since nobody waits longer than a load.
//
// SPEC: F04
func TestOneDrawMakesCallsWaitAsItsFormulaSays(t *testing.T) {
	for _, rate := range []float64{0.3, 1, 10, 100} {
		s := scenario{Rate: rate, Beta: 1, TTL: 50, Cycles: 5000, Seed: 11}
		t.Logf("rate %g, seed %d", rate, s.Seed)
		got := s.simulate(ways[2])
		q := 1 / (1 + rate*s.Beta)
		bound := 4 * math.Sqrt(3*q/float64(got.Cycles)) // the variance is just below 3q
		if off := got.waitedACycle() - q; rate >= 10 && math.Abs(off) > bound {
			t.Errorf("rate %g: %.4f calls waited a cycle, want %.4f ± %.4f", rate, got.waitedACycle(), q, bound)
		}
		if got.PerCycle != 1 {
			t.Errorf("rate %g: %v loads a cycle, want 1", rate, got.PerCycle)
		}
	}
}

func TestSimulationAddsUpAndRepeats(t *testing.T) {
	for _, varies := range []bool{false, true} {
		for _, rate := range []float64{0.5, 20} {
			s := scenario{Rate: rate, Beta: 1, TTL: 50, Varies: varies, Cycles: 300, Seed: 3}
			other := s
			other.Seed++
			for _, w := range ways {
				got := s.simulate(w)
				if got.Calls != got.Hits+got.Waited || got.Loads < got.Cycles || got.Late > got.Cycles {
					t.Errorf("%s: counts do not add up: %+v", w.name, got)
				}
				if again := s.simulate(w); again != got {
					t.Errorf("%s: the same seed gave %+v and then %+v", w.name, got, again)
				}
				if another := other.simulate(w); another.Calls == got.Calls && another.Ahead == got.Ahead {
					t.Errorf("%s: two seeds gave the same", w.name)
				}
			}
		}
	}
}

// In a bubble a call that has a value at hand takes no time.
//
// SPEC: F04
func TestLiveCachesLoadOnceACycle(t *testing.T) {
	p := defaultPlan
	p.For = 8 * time.Second
	who := crowd{Keys: 3, Rate: 500}
	over := func(stale time.Duration) func(plan, getFunc) ([]process, func() error) {
		return func(p plan, load getFunc) ([]process, func() error) {
			e := new(foldtest.Engine)
			return openCaches(fleetSize, tier.Config{TTL: p.TTL, EarlyRefresh: p.Beta, StaleFor: stale}, load, func() tier.Store { return e.Connect() })
		}
	}
	all := append(contenders[:len(contenders):len(contenders)],
		contender{"Onefold, fleet that hears of changes", over(0)},
		contender{"Onefold, fleet that hears of changes, stale window", over(p.TTL)},
	)
	for _, c := range all {
		synctest.Test(t, func(t *testing.T) {
			m, err := p.play(t.Context(), c, who)
			if err != nil {
				t.Fatal(err)
			}
			if m.Cycles < 7*who.Keys || m.Loads < m.Cycles || m.Waited > m.Missed || m.Missed > m.Calls {
				t.Errorf("%s: counts do not add up: %+v", c.name, m)
			}
			if !strings.HasPrefix(c.name, "Onefold") {
				if m.loadsACycle() < 1.5 {
					t.Errorf("%s: %.2f loads a cycle, want e or so", c.name, m.loadsACycle())
				}
				return
			}
			if m.loadsACycle() > target {
				t.Errorf("%s: %d loads in %d cycles, want %v a cycle at the most", c.name, m.Loads, m.Cycles, target)
			}
			if m.Waited*200 > m.Calls || strings.Contains(c.name, "stale") && m.Waited > 0 {
				t.Errorf("%s: %d of %d calls waited, want next to none, and none with a stale window", c.name, m.Waited, m.Calls)
			}
		})
	}
}

func TestCountTellsCyclesApart(t *testing.T) {
	start := time.Now()
	at := func(began, ended time.Duration) span {
		return span{start.Add(began * time.Millisecond), start.Add(ended * time.Millisecond)}
	}
	s := &source{loads: map[string][]span{
		// The load that began first returns last, and the third begins after the second's end.
		"a": {at(0, 20), at(1000, 1090), at(1010, 1030), at(1040, 1060), at(1060, 1080)},
		"b": {at(0, 20), at(990, 1010), at(1009, 1029), at(1010, 1030)},
	}}
	if loads, cycles := s.count(start.Add(time.Millisecond)); loads != 7 || cycles != 5 {
		t.Errorf("%d loads in %d cycles, want 7 in 5", loads, cycles)
	}
}

func TestSharedStoreKeepsTheContract(t *testing.T) {
	stores := make(map[string]*shared) // one for each bubble
	open := func(t *testing.T) tier.Store {
		if stores[t.Name()] == nil {
			stores[t.Name()] = new(shared)
		}
		return stores[t.Name()].connect()
	}
	foldtest.TestStore(t, open, foldtest.StoreOptions{Bubble: true, Require: foldtest.Abilities{Leaser: true}})
}

func TestCommand(t *testing.T) {
	dir := t.TempDir()
	page, raw := filepath.Join(dir, "page.md"), filepath.Join(dir, "figures.json")
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		if err := command(t.Context(), []string{"-cycles", "2", "-for", "100ms", "-page", page, "-json", raw}, &out, io.Discard); err != nil {
			t.Fatal(err)
		}
	})
	for name, want := range map[string]string{page: "| 1 | 1000 | XFetch |", raw: `"calls_a_second_a_key": 2500`} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q:\n%s", filepath.Base(name), want, text)
		}
	}
	if got := strings.Count(out.String(), "\n| "); got != 3*16+3+5*3 {
		t.Errorf("%d rows of tables:\n%s", got, &out)
	}
	for want, args := range map[string][]string{
		"-cycles 0": {"-cycles", "0"},
		"-for 0s":   {"-for", "0"},
	} {
		if err := command(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want an error that names it", args, err)
		}
	}
}
