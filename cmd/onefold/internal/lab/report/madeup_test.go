package report_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

// shape is one strategy of the made-up run: how often it answers from its
// cache, how many loads a miss costs, and what goes wrong.
type shape struct {
	name, title, prevents, misses string

	hit   float64 // share of calls
	loads float64 // a miss
	burst float64 // loads at once when keys expire together
	tail  float64 // how much longer a miss takes than a load
	wrong figures.Wrong
	errs  figures.Errors
}

var shapes = []shape{
	{"nocache", "no cache", "stale answers", "every call is a load", 0, 1, 480, 30, figures.Wrong{}, figures.Errors{GaveUp: 9873, Deadline: 2210}},
	{"check", "check, then load", "loads of what is cached", "concurrent misses all load; a load that overlaps an invalidation stores the old value", 0.912, 1, 211, 12, figures.Wrong{Stale: 131}, figures.Errors{GaveUp: 412}},
	{"loadorstore", "sync.Map.LoadOrStore", "double stores: all callers get the one value", "double loads: the losers' work is thrown away; a load that overlaps an invalidation stores the old value", 0.911, 1, 214, 12.5, figures.Wrong{Stale: 118}, figures.Errors{GaveUp: 420}},
	{"mutex", "mutex per key", "concurrent loads of one key", "waiters cannot leave; on errors they load one behind another; an overlapping invalidation is lost", 0.914, 0.31, 38, 6, figures.Wrong{Stale: 42}, figures.Errors{GaveUp: 377}},
	{"future", "memoized future", "concurrent loads of one key; stale stores, as an invalidation drops the future itself", "the first caller's cancellation or deadline fails all who wait with it", 0.915, 0.3, 36, 4, figures.Wrong{Foreign: 803}, figures.Errors{GaveUp: 391, Source: 3}},
	{"jitter", "check, jittered TTL", "many keys expiring together", "concurrent misses of one key all load; a load that overlaps an invalidation stores the old value", 0.917, 0.82, 97, 8, figures.Wrong{Stale: 97}, figures.Errors{GaveUp: 398}},
	{"singleflight", "x/sync singleflight", "concurrent loads of one key", "the first caller's cancellation fails all; callers join loads older than an invalidation, and store them", 0.915, 0.3, 35, 4, figures.Wrong{Stale: 57, Foreign: 1204}, figures.Errors{GaveUp: 402}},
	{"dochan", "singleflight DoChan", "concurrent loads of one key; other callers' cancellations", "a load that overlaps an invalidation stores the old value; loads go on when nobody waits", 0.915, 0.3, 35, 4, figures.Wrong{Stale: 61}, figures.Errors{GaveUp: 405}},
	{"otter", "otter's loading cache", "concurrent loads of one key; stale stores; other callers' cancellations", "a load dies with the caller that runs it, and the work is done again; no bound of a load's own", 0.915, 0.31, 36, 4.2, figures.Wrong{}, figures.Errors{GaveUp: 401}},
	{"onefold", "Onefold", "concurrent loads of one key; stale stores; other callers' cancellations and deadlines", "the first miss of a key still waits for its load", 0.916, 0.29, 34, 3.8, figures.Wrong{}, figures.Errors{GaveUp: 399}},
}

// example makes up a run that looks like a real one.
func example() *figures.Report {
	r := &figures.Report{
		Schema:  figures.Schema,
		Version: "v0.1.0",
		Started: time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC),
		Command: []string{"onefold", "lab", "--invalidate", "50", "--cancel", "0.2", "--seed", "1"},
		Machine: figures.Machine{OS: "linux", Arch: "amd64", CPUs: 2, Go: "go1.26.8", Model: "Example Processor 2.5 GHz"},
		Setup: figures.Setup{
			Source: "SQLite, 100,000 products", LoadTime: 3210 * time.Microsecond,
			Stream: "Zipf keys, Poisson arrivals, one burst, a warm start that expires together",
			Calls:  50_000, Keys: 5_000, Duration: 4 * time.Second, TTL: time.Second, Timeout: 2 * time.Second,
			Limit: 16, Cancel: 0.2, Invalidate: 50, Seed: 1, Repeat: 1,
		},
		Sentence: "Onefold answered 50,000 calls with 1,218 loads, 71.3% fewer than check-then-load, with a p99 of 14.1ms instead of 45.3ms and no wrong answer; 7 of 10 strategies gave wrong answers.",
		Next:     "onefold lab --fail 0.3 --slow 0.05:200ms shows what a failing source does to each.",
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range shapes {
		r.Results = append(r.Results, s.result(r.Setup, rng))
	}
	check := float64(r.Results[1].Loads)
	for i := range r.Results {
		r.Results[i].Saved = 1 - float64(r.Results[i].Loads)/check
	}
	return r
}

func (s shape) result(set figures.Setup, rng *rand.Rand) figures.Result {
	calls := float64(set.Calls)
	misses := calls * (1 - s.hit)
	res := figures.Result{
		Strategy: s.name, Title: s.title, Prevents: s.prevents, Misses: s.misses,
		Calls: int64(calls), Hits: int64(calls * s.hit), Loads: int64(misses * s.loads), PeakLoads: int64(s.burst),
		HitRatio: s.hit, Coalescing: 1 - s.loads,
		Errors: s.errs, Wrong: s.wrong, Writes: 200,
		Allocs: 4 + 300*(1-s.hit)*s.loads, Wall: set.Duration, Bucket: 20 * time.Millisecond,
	}
	res.Answers = res.Calls - s.errs.Total() - s.wrong.Foreign
	res.CPU = time.Duration(float64(res.Loads)*1.1e6 + calls*2000)

	lat := make([]float64, set.Calls)
	for i := range lat {
		if rng.Float64() < s.hit {
			lat[i] = 4e-6 * math.Exp(rng.NormFloat64()*0.8)
			continue
		}
		lat[i] = 0.0032 * (0.3 + rng.ExpFloat64()*s.tail/2)
	}
	slices.Sort(lat)
	at := func(q float64) float64 { return lat[min(len(lat)-1, int(q*calls))] }
	sec := func(x float64) time.Duration { return time.Duration(x * 1e9) }
	res.P50, res.P99, res.P999, res.Max = sec(at(0.5)), sec(at(0.99)), sec(at(0.999)), sec(lat[len(lat)-1])
	res.Spread = figures.Spread{LoadsMin: res.Loads * 98 / 100, LoadsMax: res.Loads * 103 / 100, P99Min: res.P99 * 95 / 100, P99Max: res.P99 * 107 / 100}
	for k := 0; k <= 180; k++ {
		q := 1 - math.Pow(10, -float64(k)*4.69/180)
		res.CCDF = append(res.CCDF, figures.Point{X: at(q), Y: 1 - q})
	}

	buckets := int(set.Duration / res.Bucket)
	base := float64(res.Loads) / float64(buckets)
	for b := range buckets {
		rate := base * 0.55
		if s.name == "nocache" {
			rate = base * 0.9
		}
		switch {
		case b >= 100 && b < 115: // the burst
			rate *= 3
		case b%50 < 6 && b >= 50: // what was loaded together expires together
			rate += base * 4 * math.Exp(-float64(b%50)/2) * min(1, s.burst/60)
		}
		n := math.Max(0, math.Round(rate+rng.NormFloat64()*math.Sqrt(rate)))
		res.Loading = append(res.Loading, n)
		res.InFlight = append(res.InFlight, math.Min(s.burst, math.Round(n*s.tail/5+rng.Float64()*2)))
	}
	return res
}

// zeros is a run in which nothing happened.
func zeros() *figures.Report {
	r := &figures.Report{Schema: figures.Schema, Command: []string{}}
	for _, s := range shapes[:3] {
		r.Results = append(r.Results, figures.Result{
			Strategy: s.name, Title: s.title, Bucket: time.Second,
			CCDF: []figures.Point{}, Loading: []float64{0, 0, 0}, InFlight: []float64{0, 0, 0},
		})
	}
	return r
}

// huge is a run with figures as great as they can be.
func huge() *figures.Report {
	r := example()
	r.Setup.Repeat = math.MaxInt32
	r.Setup.Calls, r.Setup.Keys = math.MaxInt64, math.MaxInt64
	for i := range r.Results {
		res := &r.Results[i]
		res.Calls, res.Loads, res.PeakLoads = math.MaxInt64, math.MaxInt64-int64(i), math.MaxInt64
		res.Saved, res.Coalescing, res.Allocs = -1e18, -1e18, 1e300
		res.P50, res.P99, res.P999, res.Max, res.CPU = math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64
		res.Errors = figures.Errors{GaveUp: 1 << 60, Deadline: 1 << 60, Source: 1 << 60, LoadTimeout: 1 << 60, Other: 1 << 60}
		res.Wrong = figures.Wrong{Stale: 1 << 60, Zero: 1 << 60, Key: 1 << 60, Foreign: 1 << 60}
		res.Spread = figures.Spread{LoadsMin: 1, LoadsMax: math.MaxInt64, P99Min: 1, P99Max: math.MaxInt64}
		res.CCDF = []figures.Point{{X: 1e-300, Y: 1}, {X: 1, Y: 1e-300}, {X: 1e300, Y: 1e-300}}
		res.Loading, res.InFlight = []float64{9e18, 0, 1}, []float64{1, 1e18, 9e18}
		res.Bucket = math.MaxInt64
	}
	return r
}

// trap is what a user might name a trace, a table or a host, to harm whoever
// reads the report.
const trap = `"'><script>window.harmed=1</script></title></style><img src=x onerror=window.harmed=1>{{.}}` + "\x1b[2J\x07\u202e`$(rm)`"

// hostile is a run with the trap in every text.
func hostile() *figures.Report {
	r := example()
	r.Partial = true
	r.Version, r.Sentence, r.Next = trap, trap, trap
	r.Command, r.Notes = []string{"onefold", "lab", "--trace", trap}, []string{trap}
	r.Setup.Source, r.Setup.Stream = "https://example.test/?q="+trap, "javascript:"+trap
	r.Machine = figures.Machine{OS: trap, Arch: trap, Go: trap, Model: trap, CPUs: 1}
	for i := range r.Results {
		res := &r.Results[i]
		res.Strategy, res.Title, res.Prevents, res.Misses = trap, trap, trap, trap
		res.Interrupts = true
	}
	return r
}

// interrupted is a run that was ended in its third strategy.
func interrupted() *figures.Report {
	r := example()
	r.Partial = true
	r.Results = r.Results[:3]
	last := &r.Results[2]
	last.Interrupts = true
	last.Calls = 12_345
	last.Loading, last.InFlight = last.Loading[:40], last.InFlight[:40]
	return r
}

// repeated is a run with several rounds of each strategy.
func repeated() *figures.Report {
	r := example()
	r.Setup.Repeat = 3
	return r
}

// calm is a run without trouble.
func calm() *figures.Report {
	r := example()
	r.Setup.Cancel, r.Setup.Invalidate, r.Setup.Timeout = 0, 0, 0
	for i := range r.Results {
		r.Results[i].Errors, r.Results[i].Wrong = figures.Errors{}, figures.Wrong{}
	}
	return r
}

// runs are all of the above, by name.
func runs() map[string]*figures.Report {
	return map[string]*figures.Report{
		"example": example(), "zeros": zeros(), "huge": huge(), "hostile": hostile(),
		"interrupted": interrupted(), "repeated": repeated(), "calm": calm(),
		"empty": {Schema: figures.Schema}, "empty and interrupted": {Schema: figures.Schema, Partial: true},
	}
}
