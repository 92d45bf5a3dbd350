package sim_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/onefold-go/onefold/advise/sim"
)

func dur(ns int64) time.Duration { return time.Duration(ns) }

// drawRequests makes a small trace in which all happens at once: few keys, few
// distinct times, latencies of the order of the gaps.
func drawRequests(t *rapid.T, drops bool) []request {
	n := rapid.IntRange(0, 60).Draw(t, "requests")
	keys := rapid.Uint64Range(1, 4).Draw(t, "keys")
	gap := rapid.Int64Range(0, 8).Draw(t, "gap")
	now := rapid.Int64Range(-20, 20).Draw(t, "first")
	var list []request
	for range n {
		now += rapid.Int64Range(0, gap).Draw(t, "later")
		r := request{t: now, key: rapid.Uint64Range(1, keys).Draw(t, "key"), latency: sim.Draw}
		if rapid.IntRange(0, 3).Draw(t, "measured") == 0 {
			r.latency = rapid.Int64Range(0, 20).Draw(t, "latency")
		}
		r.drop = drops && rapid.IntRange(0, 9).Draw(t, "drop") == 0
		list = append(list, r)
	}
	return list
}

func drawArm(t *rapid.T) sim.Arm {
	pick := func(label string, values ...int64) time.Duration {
		return time.Duration(rapid.SampledFrom(values).Draw(t, label))
	}
	a := sim.Arm{
		TTL:      pick("ttl", 0, 1, 5, 20, 100, math.MaxInt64),
		Coalesce: rapid.Bool().Draw(t, "coalesce"),
		Jitter:   rapid.SampledFrom([]float64{0, 0, 0.1, 0.5, 1}).Draw(t, "jitter"),
		Early:    rapid.SampledFrom([]float64{0, 0, 0.5, 1, 3}).Draw(t, "early"),
		Stale:    pick("stale", 0, 0, 3, 30),
		Start:    sim.Start(rapid.IntRange(0, 2).Draw(t, "start")),
		HerdAt:   pick("herd", 0, 7, 40),
		Rate:     rapid.SampledFrom([]float64{0, 1, 2.5}).Draw(t, "rate"),
		Slow:     rapid.SampledFrom([]float64{0, 1, 3}).Draw(t, "slow"),
	}
	if a.Coalesce {
		a.Wait = pick("wait", 0, 0, 2, 9)
	}
	a.FlushEvery = pick("flush", 0, 0, 11, 50)
	return a
}

func drawSetting(t *rapid.T) sim.Setting {
	loader := sim.Constant(time.Duration(rapid.Int64Range(0, 15).Draw(t, "load")))
	if rapid.Bool().Draw(t, "random loads") {
		var err error
		loader, err = sim.Samples(rapid.SliceOfN(rapid.Int64Range(0, 25), 1, 6).Draw(t, "samples"))
		if err != nil {
			t.Fatal(err)
		}
	}
	return sim.Setting{
		Loader: loader, Seed: rapid.Uint64().Draw(t, "seed"),
		Processes: rapid.IntRange(0, 3).Draw(t, "processes"),
		Routing:   sim.Routing(rapid.IntRange(0, 1).Draw(t, "routing")),
		SLO:       time.Duration(rapid.Int64Range(0, 9).Draw(t, "slo")),
		Window:    time.Duration(rapid.Int64Range(1, 12).Draw(t, "window")),
		PerKey:    true,
	}
}

// TestTwin holds the simulator, and the stream, to the slow one: on any trace,
// with any arm, they do exactly the same.
func TestTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, arm, requests := drawSetting(t), drawArm(t), drawRequests(t, true)
		want := slow(set, arm, requests)

		var trace sim.Trace
		for _, r := range requests {
			if r.drop {
				trace.Invalidate(r.t, r.key)
			} else {
				trace.Request(r.t, r.key, r.latency)
			}
		}
		got := trace.Run(set, arm)[0]
		keys, _ := trace.Keys()
		same(t, "Trace", got, keys, want)
		same(t, "Trace again", trace.Run(set, arm, arm)[1], keys, want)

		if arm.Start != sim.Cold { // a stream does not know of keys that were dropped before they were asked for
			return
		}
		stream := sim.NewStream(set, nil, arm)
		for _, r := range requests {
			if r.drop {
				stream.Invalidate(r.t, r.key)
			} else {
				stream.Request(r.t, r.key, r.latency, 0)
			}
		}
		outs, _ := stream.Close()
		keys, _ = stream.Keys()
		same(t, "Stream", outs[0], keys, want)
	})
}

func same(t *rapid.T, what string, got *sim.Outcome, keys []uint64, want slowOutcome) {
	t.Helper()
	summary := func(o slowOutcome) string {
		return fmt.Sprintf("requests %d hits %d stale %d joined %d blocked %d gave up %d loads %d background %d over %d peak %d at %d wait %v busiest %v",
			o.Requests, o.Hits, o.Stale, o.Joined, o.Blocked, o.GaveUp, o.Loads, o.Background, o.OverSLO, o.Peak, o.PeakAt, o.Wait, o.Busiest)
	}
	g := slowOutcome{
		Requests: got.Requests, Hits: got.Hits, Stale: got.Stale, Joined: got.Joined, Blocked: got.Blocked, GaveUp: got.GaveUp,
		Loads: got.Loads, Background: got.Background, OverSLO: got.OverSLO, Peak: got.Peak, PeakAt: int64(got.PeakAt), Wait: got.Wait,
		Busiest: got.Busiest,
	}
	if a, b := summary(g), summary(want); a != b {
		t.Fatalf("%s:\n got %s\nwant %s", what, a, b)
	}
	if got.Latency.Total() != int64(len(want.Waits)) {
		t.Fatalf("%s: the histogram has %d waits, want %d", what, got.Latency.Total(), len(want.Waits))
	}
	for i, w := range want.Waits { // all are below 128 ns, where the histogram is exact
		if w >= 128 {
			break
		}
		if q := got.Latency.Quantile(float64(i+1) / float64(len(want.Waits))); int64(q) != w {
			t.Fatalf("%s: wait %d of %d is %d, want %d", what, i+1, len(want.Waits), q, w)
		}
	}
	buckets := map[int]int64{}
	for n, c := range want.Concurrency {
		for b := range got.Concurrency {
			if least, most := sim.ConcurrencyBucket(b); least <= n && n <= most {
				buckets[b] += c
			}
		}
	}
	for b, n := range got.Concurrency {
		if n != buckets[b] {
			t.Fatalf("%s: %d loads in bucket %d of concurrency, want %d", what, n, b, buckets[b])
		}
	}
	for i, k := range keys {
		var loads, joined uint32
		if i < len(got.KeyLoads) {
			loads = got.KeyLoads[i]
		}
		if i < len(got.KeyJoined) {
			joined = got.KeyJoined[i]
		}
		if loads != want.KeyLoads[k] || joined != want.KeyJoined[k] {
			t.Fatalf("%s: key %d has %d loads and %d joined, want %d and %d", what, k, loads, joined, want.KeyLoads[k], want.KeyJoined[k])
		}
	}
	var loads, joined int64
	for _, s := range got.Timeline.Slices {
		loads += s.Loads
		joined += s.Joined
	}
	if loads != want.Loads || joined != want.Joined {
		t.Fatalf("%s: the timeline has %d loads and %d joined, want %d and %d", what, loads, joined, want.Loads, want.Joined)
	}
}

// TestTwinEarly is TestTwin with much early refresh, whose draws are rarely near
// the edge.
func TestTwinEarly(t *testing.T) {
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 5))
		var requests []request
		for now := int64(0); len(requests) < 3000; now += random.Int64N(5) {
			requests = append(requests, request{t: now, key: random.Uint64N(3), latency: sim.Draw})
		}
		set := sim.Setting{Loader: sim.Constant(40), Seed: seed, Window: 40}
		arm := sim.Arm{TTL: 300, Early: 1, Coalesce: seed%2 == 0}
		got, want := traceOf(requests).Run(set, arm)[0], slow(set, arm, requests)
		if got.Loads != want.Loads || got.Hits != want.Hits || got.Background != want.Background || got.Peak != want.Peak {
			t.Errorf("seed %d: loads %d, hits %d, behind %d, peak %d; want %d, %d, %d, %d", seed, got.Loads, got.Hits, got.Background, got.Peak, want.Loads, want.Hits, want.Background, want.Peak)
		}
	}
}

// TestContrast holds the comparison of two arms, window by window, to the slow
// simulator's windows.
func TestContrast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, arm := drawSetting(t), drawArm(t)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "trace"), 1))
		arm.Start, set.Window = sim.Cold, time.Duration(rapid.Int64Range(20, 200).Draw(t, "long window"))
		var requests []request
		for now := int64(0); len(requests) < 400; now += random.Int64N(6) {
			requests = append(requests, request{t: now, key: random.Uint64N(20), latency: sim.Draw})
		}
		other := arm
		other.Coalesce, other.Wait = !arm.Coalesce, 0
		a, b := slow(set, arm, requests), slow(set, other, requests)
		best := 0.0
		for at, loads := range a.windows {
			if loads >= sim.MinLoads {
				best = max(best, float64(loads)/float64(max(b.windows[at], 1)))
			}
		}
		arms, pairs := []sim.Arm{{}, arm, other}, [][2]int{{1, 2}, {0, 2}}
		_, got := traceOf(requests).Compare(set, pairs, arms...)
		if got[0].Amplification != best {
			t.Fatalf("worst window %+v, want %v", got[0], best)
		}
		stream := sim.NewStream(set, pairs, arms...)
		for i, r := range requests {
			stream.Request(r.t, r.key, r.latency, 0)
			if i%100 == 50 {
				sim.Hand(stream) // in blocks of any length
			}
		}
		if _, got := stream.Close(); got[0].Amplification != best {
			t.Fatalf("worst window of the stream %+v, want %v", got[0], best)
		}
	})
}

// TestWeights: a request that stands for four counts four times.
func TestWeights(t *testing.T) {
	set := sim.Setting{Loader: sim.Constant(10), SLO: 5}
	run := func(weight uint8) *sim.Outcome {
		s := sim.NewStream(set, nil, sim.Arm{TTL: 50, Coalesce: true, Stale: 5})
		for i := range int64(100) {
			s.Request(3*i, 1, sim.Draw, weight)
		}
		out, _ := s.Close()
		return out[0]
	}
	one, four := run(0), run(2)
	for _, p := range [][2]int64{
		{one.Requests, four.Requests}, {one.Hits, four.Hits}, {one.Stale, four.Stale}, {one.Joined, four.Joined}, {one.Blocked, four.Blocked},
		{one.Loads, four.Loads}, {one.Background, four.Background}, {one.OverSLO, four.OverSLO}, {int64(one.Wait), int64(four.Wait)},
		{one.Latency.Total(), four.Latency.Total()}, {one.Busiest.Loads, four.Busiest.Loads},
	} {
		if p[0]*4 != p[1] || p[0] == 0 {
			t.Errorf("%d, and with a weight of four %d", p[0], p[1])
		}
	}
	if four.Peak < one.Peak || four.Peak > 4*one.Peak {
		t.Errorf("peak %d, and with a weight of four %d", one.Peak, four.Peak)
	}
	if four.HeadPeak != 0 || one.HeadPeak != one.Peak {
		t.Errorf("head peak %d of %d, weighted %d", one.HeadPeak, one.Peak, four.HeadPeak)
	}
}
