package sim_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/onefold-go/onefold/advise/sim"
)

func traceOf(requests []request) *sim.Trace {
	tr := new(sim.Trace)
	for _, r := range requests {
		if r.drop {
			tr.Invalidate(r.t, r.key)
		} else {
			tr.Request(r.t, r.key, r.latency)
		}
	}
	return tr
}

// TestScale: with all times and durations eight times as long, all counts are
// the same and all waits eight times as long.
func TestScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const by = 8 // a power of two, so that no division rounds
		set, arm, requests := drawSetting(t), drawArm(t), drawRequests(t, true)
		arm.Jitter, arm.Rate = 0, 0 // those round to whole ns
		if arm.Start == sim.Warm {
			arm.Start = sim.Herd
		}
		var samples []int64
		for i := range 5 {
			samples = append(samples, rapid.Int64Range(0, 30).Draw(t, "sample")*int64(i+1))
		}
		set.Loader, _ = sim.Samples(samples)
		if arm.Start == sim.Herd {
			arm.Early = 0 // the mean load of a value from before rounds too
		}
		small := traceOf(requests).Run(set, arm)[0]

		for i := range requests {
			requests[i].t *= by
			if requests[i].latency > 0 {
				requests[i].latency *= by
			}
		}
		for i := range samples {
			samples[i] *= by
		}
		set.Loader, _ = sim.Samples(samples)
		set.SLO *= by
		set.Window *= by
		for _, d := range []*time.Duration{&arm.TTL, &arm.Stale, &arm.Wait, &arm.HerdAt, &arm.FlushEvery} {
			if *d != sim.Forever {
				*d *= by
			}
		}
		large := traceOf(requests).Run(set, arm)[0]

		type counts struct{ hits, stale, joined, blocked, gaveUp, loads, background, over, peak int64 }
		of := func(o *sim.Outcome) counts {
			return counts{o.Hits, o.Stale, o.Joined, o.Blocked, o.GaveUp, o.Loads, o.Background, o.OverSLO, o.Peak}
		}
		if of(small) != of(large) {
			t.Fatalf("%+v, and %d times as long %+v", of(small), by, of(large))
		}
		if small.Wait*by != large.Wait || small.PeakAt*by != large.PeakAt || small.Busiest.At*by != large.Busiest.At || small.Busiest.Loads != large.Busiest.Loads {
			t.Fatalf("wait %v, peak at %v, busiest %v; %d times as long %v, %v, %v", small.Wait, small.PeakAt, small.Busiest, by, large.Wait, large.PeakAt, large.Busiest)
		}
	})
}

// TestIdleKey: another key's requests change nothing for the rest.
func TestIdleKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, arm, requests := drawSetting(t), drawArm(t), drawRequests(t, true)
		if len(requests) < 2 {
			return
		}
		loads := func(requests []request, key uint64) (loads, joined uint32) {
			tr := traceOf(requests)
			out := tr.Run(set, arm)[0]
			keys, _ := tr.Keys()
			for i, k := range keys {
				if k == key && i < len(out.KeyLoads) {
					loads = out.KeyLoads[i]
				}
				if k == key && i < len(out.KeyJoined) {
					joined = out.KeyJoined[i]
				}
			}
			return loads, joined
		}
		at := rapid.IntRange(1, len(requests)).Draw(t, "at") // not before the first, from which time counts
		with := append(append([]request{}, requests[:at]...), request{t: requests[at-1].t, key: 99, latency: sim.Draw})
		with = append(with, requests[at:]...)
		for key := uint64(1); key <= 4; key++ {
			l1, j1 := loads(requests, key)
			l2, j2 := loads(with, key)
			if l1 != l2 || j1 != j2 {
				t.Fatalf("key %d has %d loads and %d joined; with another key besides %d and %d", key, l1, j1, l2, j2)
			}
		}
	})
}

// TestCoalescingNeverLoadsMore: where all loads take L, coalescing has no more
// loads than a cache without it. For a load that begins at c with coalescing,
// there is one without it in (c-L-T, c]: at c, or the one whose value is fresh
// then; and these stretches do not overlap. (Where loads differ it may have
// more: without it, the shortest of several brings the value.)
func TestCoalescingNeverLoadsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, requests := drawSetting(t), drawRequests(t, false)
		set.Loader = sim.Constant(time.Duration(rapid.Int64Range(0, 30).Draw(t, "load")))
		for i := range requests {
			requests[i].latency = sim.Draw
		}
		ttl := rapid.SampledFrom([]time.Duration{0, 1, 10, 40, sim.Forever}).Draw(t, "ttl")
		out := traceOf(requests).Run(set, sim.Arm{TTL: ttl}, sim.Arm{TTL: ttl, Coalesce: true})
		if out[1].Loads > out[0].Loads {
			t.Fatalf("%d loads, coalesced %d", out[0].Loads, out[1].Loads)
		}
	})
}

func TestHistogram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.Int64Range(0, math.MaxInt64/2).Draw(t, "d")
		tr := new(sim.Trace)
		tr.Request(0, 1, d)
		out := tr.Run(sim.Setting{}, sim.Arm{})[0]
		d = min(d, int64(sim.MaxLatency))
		q := out.Latency.Quantile(0.5)
		if off := math.Abs(float64(q) - float64(d)); off > 0.016*float64(d)+0.5 {
			t.Fatalf("the median of %d is %d", d, q)
		}
	})
}
