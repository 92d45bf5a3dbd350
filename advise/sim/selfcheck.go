package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// A Check is a figure that is known from a formula beside what the simulator
// finds.
type Check struct {
	What    string
	Formula string
	Loader  string

	Predicted float64
	Simulated float64 // the mean of all runs

	// The 95 % interval of the mean of all runs.
	Low, High float64

	// OK: the formula is within the 99.9 % interval. One of the checks is outside
	// the 95 % interval in two times of three even where all is right.
	OK bool
}

// checkRuns is how many independent runs a check has, and the quantiles of
// Student's distribution with one degree of freedom less.
const (
	checkRuns = 24
	student95 = 2.0687
	student99 = 3.7676 // 99.9 %
)

// SelfCheck runs the simulator where the answer is known, so that somebody who
// is to believe it need not read it. It takes about a second.
func SelfCheck(seed uint64) []Check {
	skewed, err := Stated(Quantile{0.5, 20 * time.Millisecond}, Quantile{0.99, 200 * time.Millisecond})
	if err != nil {
		panic(err)
	}
	two, err := Samples([]int64{int64(10 * time.Millisecond), int64(10 * time.Millisecond), int64(90 * time.Millisecond)})
	if err != nil {
		panic(err)
	}
	var checks []Check
	for _, l := range []Loader{Constant(20 * time.Millisecond), two, skewed} {
		checks = append(checks, checkLoader(seed, l)...)
	}
	for _, beta := range []float64{0.5, 1, 2} {
		checks = append(checks, checkEarly(seed, beta))
	}
	return checks
}

func checkLoader(seed uint64, l Loader) []Check {
	hot := Hot{Rate: 100, TTL: time.Second, Loader: l}
	var rate, joined, each, wait, loads, cycle []float64
	for run := range uint64(checkRuns) {
		tr := poisson(seed+run, hot.Rate, 4*time.Minute)
		set := Setting{Loader: l, Seed: seed + run}

		c := tr.cycles(set, Arm{TTL: hot.TTL, Coalesce: true})
		rate = append(rate, c.count/c.length)
		joined = append(joined, c.joined/c.loads)
		wait = append(wait, c.wait/c.requests)
		each = append(each, (c.wait-c.own)/c.joined)

		c = tr.cycles(set, Arm{TTL: hot.TTL})
		loads = append(loads, c.loads/c.count)
		cycle = append(cycle, c.length/c.count)
	}
	checks := []Check{
		check("loads a second, coalesced", "1/(m + T + 1/a)", l, hot.CoalescedLoadRate(), rate),
		check("callers that join a load", "a m", l, hot.JoinedPerLoad(), joined),
		check("mean wait of those that join, in ms", "E[L^2]/(2 E[L])", l, l.JoinedWait().Seconds()*1e3, each),
		check("mean wait, coalesced, in ms", "(m + a E[L^2]/2)/(1 + a(m + T))", l, hot.MeanWait().Seconds()*1e3, wait),
	}
	if l.Constant() {
		return append(checks,
			check("loads an expiry, not coalesced", "1 + a L", l, hot.LoadsPerCycle(), loads),
			check("length of a cycle, not coalesced, in s", "2L + T + e^(-aL)/a", l, hot.UncoalescedCycle().Seconds(), cycle))
	}
	return append(checks, check("loads an expiry, not coalesced", "1 + a int P(L>t) exp(-a int_0^t P(L<=s) ds) dt", l, hot.LoadsPerCycle(), loads))
}

func checkEarly(seed uint64, beta float64) Check {
	l := Constant(20 * time.Millisecond)
	var loads []float64
	for run := range uint64(checkRuns) {
		tr := poisson(seed+run, 5_000, 8*time.Second)
		c := tr.cycles(Setting{Loader: l, Seed: seed + run}, Arm{TTL: 500 * time.Millisecond, Early: beta, Start: Warm})
		loads = append(loads, c.loads/c.count)
	}
	return check(fmt.Sprintf("loads an expiry, early refresh, beta %v", beta), "e^(1/beta)", l, EarlyLoadsPerCycle(beta), loads)
}

// cycles is what an arm did in whole cycles: each goes from a load that began
// while there was no other to the next such load.
type cycles struct {
	count, length float64 // in s
	loads, joined float64
	requests      float64
	wait, own     float64 // of all, and of those that loaded, in ms
}

// cycles runs an arm over a trace of one key. The first cycle, before which
// there was no value that had been loaded, does not count.
func (tr *Trace) cycles(set Setting, arm Arm) cycles {
	tr.prepare(&set)
	r := newRunner(arm, &set)
	var now, from, upTo cycles
	one := make([]step, 1)
	for s := range tr.steps.all() {
		r.settle(s.t)
		idle, loads := r.inFlight.all == 0, r.out.Loads
		one[0] = *s
		r.run(one, tr.slotKey)
		began := r.out.Loads > loads
		if began && idle {
			now.length = float64(s.t) / 1e9
			if upTo = now; now.count == 1 {
				from = now
			}
			now.count++
		}
		now.requests++
		now.loads = float64(r.out.Loads)
		now.joined = float64(r.out.Joined)
		now.wait = r.out.Wait / 1e6
		if began {
			now.own += float64(s.took) / 1e6
		}
	}
	return cycles{
		count: upTo.count - from.count, length: upTo.length - from.length, loads: upTo.loads - from.loads, joined: upTo.joined - from.joined,
		requests: upTo.requests - from.requests, wait: upTo.wait - from.wait, own: upTo.own - from.own,
	}
}

// poisson makes a trace of one key.
func poisson(seed uint64, rate float64, length time.Duration) *Trace {
	random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // no secret
	tr := new(Trace)
	for t := 0.0; ; {
		t += random.ExpFloat64() / rate * 1e9
		if t > float64(length) {
			return tr
		}
		tr.Request(int64(t), 1, Draw)
	}
}

func check(what, formula string, l Loader, predicted float64, runs []float64) Check {
	var mean, square float64
	for _, v := range runs {
		mean += v / float64(len(runs))
	}
	for _, v := range runs {
		square += (v - mean) * (v - mean)
	}
	off := math.Sqrt(square / float64(len(runs)-1) / float64(len(runs)))
	return Check{
		What: what, Formula: formula, Loader: l.String(), Predicted: predicted, Simulated: mean,
		Low: mean - student95*off, High: mean + student95*off,
		OK: math.Abs(predicted-mean) <= max(student99*off, 1e-6*math.Abs(predicted)),
	}
}
