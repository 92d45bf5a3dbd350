package lab_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/fleet"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

func sum(values []float64) float64 {
	var s float64
	for _, v := range values {
		s += v
	}
	return s
}

// The replay is open loop: calls begin at their moments, however slow the
// answers are.
func TestCallsDoNotWaitForEarlierOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := memory{takes: 10 * time.Second}
		var (
			mu    sync.Mutex
			began []time.Duration
			start time.Time
		)
		watched := kind("watched", func(load strategy.Load, _ strategy.Config) strategy.Strategy {
			start = time.Now()
			return &simple{get: func(ctx context.Context, key string) (source.Record, error) {
				mu.Lock()
				began = append(began, time.Since(start))
				mu.Unlock()
				return load(ctx, key)
			}}
		})
		stream := steady(50, 20*ms, "a")
		r := run(t, lab.Options{Stream: stream, Source: &src, Kinds: []strategy.Kind{watched}, Timeout: time.Minute}).Results[0]
		for i, call := range stream.Calls {
			if began[i] != call.At {
				t.Fatalf("call %d began at %v, want %v", i, began[i], call.At)
			}
		}
		want(t, &r, "PeakLoads", r.PeakLoads, 50)
		want(t, &r, "Wall", r.Wall, stream.Duration+10*time.Second)
		if slack := r.Max - 10*time.Second; slack < 0 || slack > 10*ms {
			t.Errorf("Max = %v, want 10s to the digits of the histogram", r.Max)
		}
	})
}

// What counts is when a caller wanted its answer, not when the machine got
// round to asking for it.
func TestLatencyCountsFromTheIntendedArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var src memory
		stream := steady(100, ms, "a")
		for i := range 60 {
			stream.Calls[i].At -= time.Second // due before the replay starts: these are late
		}
		report := run(t, lab.Options{Stream: stream, Source: &src, Kinds: []strategy.Kind{direct}, Timeout: time.Minute})
		if want := "began calls late, by 950ms (median) and 1s (p99)"; !strings.Contains(report.Notes[0], want) {
			t.Errorf("Notes = %q, want %q", report.Notes, want)
		}
		r := report.Results[0]
		if r.P50 < 950*ms || r.Max < time.Second || r.Max > 1020*ms {
			t.Errorf("P50 = %v, Max = %v; want about a second for those that are late", r.P50, r.Max)
		}
		if fastest := r.CCDF[0].X; fastest > 0.011 {
			t.Errorf("the fastest took %vs, want about %v", fastest, loadTime)
		}
	})
}

func TestEveryStrategyMeetsTheSameCancellations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := memory{takes: 100 * ms}
		report := run(t, lab.Options{
			Stream: steady(4000, ms, "a"), Source: &src, Kinds: []strategy.Kind{direct, direct},
			Cancel: 0.4, Seed: 11,
		})
		// They give up between 0 and twice the load time: half of them in vain.
		for i := range report.Results {
			r := &report.Results[i]
			if n := r.Errors.GaveUp; n < 700 || n > 900 {
				t.Errorf("%d callers of 4000 gave up in time, want about 0.4/2 of them (seed 11)", n)
			}
			want(t, r, "answers and errors", r.Answers+r.Errors.GaveUp, 4000)
			want(t, r, "GaveUp", r.Errors.GaveUp, report.Results[0].Errors.GaveUp)
		}
	})
}

func TestWritesFollowThePopularity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var src memory
		stream := steady(10_000, ms, "a", "b", "c", "d")
		for i := range stream.Calls {
			if i%4 != 0 {
				stream.Calls[i].Key = 0 // a: 13 of 16 calls
			}
		}
		r := run(t, lab.Options{Stream: stream, Source: &src, Kinds: []strategy.Kind{direct}, Invalidate: 50, Seed: 5}).Results[0]
		counts := make(map[string]int)
		for _, key := range src.updates {
			counts[key]++
		}
		if r.Writes < 400 || r.Writes > 600 || int(r.Writes) != len(src.updates) {
			t.Errorf("%d writes in 10s at 50 a second, %d at the source (seed 5)", r.Writes, len(src.updates))
		}
		if share := float64(counts["a"]) / float64(r.Writes); share < 0.7 {
			t.Errorf("writes by key: %v; want most for a, which most calls are for (seed 5)", counts)
		}
	})
}

func TestEditorsSaveTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			src   memory
			saved = make(map[string][]time.Time)
		)
		watched := kind("watched", func(load strategy.Load, _ strategy.Config) strategy.Strategy {
			return &simple{get: load, invalidate: func(key string) error {
				saved[key] = append(saved[key], time.Now())
				return nil
			}}
		})
		keys := make([]string, 1000)
		for i := range keys {
			keys[i] = fmt.Sprint("key", i)
		}
		run(t, lab.Options{Stream: steady(5000, ms, keys...), Source: &src, Kinds: []strategy.Kind{watched}, Invalidate: 20, Seed: 9})
		second := 0
		for _, times := range saved {
			for i := range times[1:] {
				if times[i+1].Sub(times[i]) <= 2*loadTime {
					second++
				}
			}
		}
		if second < 5 || second > 40 {
			t.Errorf("%d second saves within two load times of the first, want about a quarter of 80 (seed 9)", second)
		}
	})
}

func TestCorrectStrategiesAreNeverWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(3) {
			var src memory
			report := run(t, lab.Options{
				Stream: steady(2000, ms, "a", "b", "c"), Source: &src,
				Kinds:  append([]strategy.Kind{direct}, bubbled("nocache", "otter", "onefold")...),
				Cancel: 0.2, Invalidate: 50, TTL: 100 * ms, Seed: seed,
			})
			for i := range report.Results {
				r := &report.Results[i]
				if r.Wrong.Total() != 0 || r.Answers == 0 {
					t.Errorf("%s: %s; want nothing wrong (seed %d)", r.Strategy, describe(r), seed)
				}
			}
		}
	})
}

func TestNaiveStrategiesAreCaught(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var src memory
		report := run(t, lab.Options{
			Stream: steady(5000, ms, "a", "b", "c"), Source: &src,
			Kinds:  bubbled("check", "loadorstore", "jitter", "future", "singleflight", "dochan"),
			Cancel: 0.2, Invalidate: 50, TTL: 100 * ms, Jitter: 0.2, Seed: 1,
		})
		for i := range report.Results {
			r := &report.Results[i]
			stale := r.Strategy != "future" // it drops the load with its entry
			foreign := r.Strategy == "future" || r.Strategy == "singleflight"
			if (r.Wrong.Stale > 0) != stale || (r.Wrong.Foreign > 0) != foreign || r.Wrong.Zero+r.Wrong.Key != 0 {
				t.Errorf("%s: %s; want stale: %v, foreign: %v, and no other", r.Strategy, describe(r), stale, foreign)
			}
		}
	})
}

// A warm start expires together, and each strategy starts with the rows as
// they are, though earlier ones saw them change.
func TestWarmStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := memory{absent: map[string]bool{"gone": true}}
		stream := steady(900, ms, "a", "b", "gone")
		stream.Warm = []int32{0, 1, 2}
		report := run(t, lab.Options{
			Stream: stream, Source: &src, Kinds: bubbled("otter", "otter", "otter"),
			TTL: 500 * ms, Invalidate: 100, Seed: 2,
		})
		for i := range report.Results {
			r := &report.Results[i]
			want(t, r, "Wrong", r.Wrong, figures.Wrong{})
		}
		if !slices.ContainsFunc(report.Notes, func(n string) bool { return strings.HasPrefix(n, "1 of 3 warm keys") }) {
			t.Errorf("notes %q do not tell of the warm key that the source has not", report.Notes)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var src memory
		stream := steady(900, ms, "a", "b")
		stream.Warm = []int32{0, 1}
		r := run(t, lab.Options{Stream: stream, Source: &src, Kinds: bubbled("dochan"), TTL: 500 * ms}).Results[0]
		want(t, &r, "Loads", r.Loads, 2)
		if misses := 900 - r.Hits; misses < 10 || misses > 12 {
			t.Errorf("%d misses, want those of one load time", misses)
		}
		want(t, &r, "Loading[5]", r.Loading[5], 2)
		want(t, &r, "InFlight[5]", r.InFlight[5], 2)
		want(t, &r, "sum of Loading", sum(r.Loading), 2)
	})
}

func TestFiguresOfOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var src memory
		report := run(t, lab.Options{
			Stream: steady(1000, ms, "a"), Source: &src, Kinds: bubbled("nocache", "check", "singleflight"),
			TTL: 100 * ms, Limit: 50, Slow: 0.1, SlowBy: 20 * ms, Timeout: time.Second, Jitter: 0.5, Seed: 3,
		})
		noCache, check, flights := &report.Results[0], &report.Results[1], &report.Results[2]

		want(t, noCache, "Loads", noCache.Loads, 1000)
		want(t, noCache, "HitRatio", noCache.HitRatio, 0)
		want(t, noCache, "Coalescing", noCache.Coalescing, 0)
		want(t, check, "Saved", check.Saved, 0)
		want(t, check, "Coalescing", check.Coalescing, 0)
		want(t, check, "HitRatio", check.HitRatio, float64(check.Hits)/1000)
		if flights.Loads >= check.Loads {
			t.Errorf("singleflight took %d loads, check then load %d, want fewer", flights.Loads, check.Loads)
		}
		want(t, flights, "Saved", flights.Saved, 1-float64(flights.Loads)/float64(check.Loads))
		misses := float64(1000 - flights.Hits)
		want(t, flights, "Coalescing", flights.Coalescing, (misses-float64(flights.Loads))/misses)

		for i := range report.Results {
			r := &report.Results[i]
			want(t, r, "Calls", r.Calls, 1000)
			want(t, r, "Answers", r.Answers, 1000)
			want(t, r, "Bucket", r.Bucket, 100*ms)
			want(t, r, "sum of Loading", int64(sum(r.Loading)), r.Loads)
			want(t, r, "most of InFlight", int64(slices.Max(r.InFlight)), r.PeakLoads)
			want(t, r, "Spread", r.Spread, figures.Spread{LoadsMin: r.Loads, LoadsMax: r.Loads, P99Min: r.P99, P99Max: r.P99})
			if r.P50 > r.P99 || r.P99 > r.P999 || r.P999 > r.Max || r.Max == 0 {
				t.Errorf("%s: percentiles fall: %v %v %v %v", r.Strategy, r.P50, r.P99, r.P999, r.Max)
			}
			for i, p := range r.CCDF[1:] {
				if p.X <= r.CCDF[i].X || p.Y >= r.CCDF[i].Y {
					t.Errorf("%s: the CCDF does not fall at %v, %v", r.Strategy, r.CCDF[i], p)
				}
			}
			if r.Title == "" || r.Prevents == "" || r.Misses == "" || r.Allocs <= 0 {
				t.Errorf("a field is empty: %+v", r)
			}
		}
		setup := figures.Setup{
			Source: "memory", LoadTime: loadTime, Stream: "steady", Calls: 1000, Keys: 1, Duration: 999 * ms,
			TTL: 100 * ms, Timeout: time.Second, Limit: 50, Slow: 0.1, SlowBy: 20 * ms, Seed: 3, Repeat: 1,
		}
		if report.Setup != setup {
			t.Errorf("Setup = %+v\nwant    %+v", report.Setup, setup)
		}
		if report.Schema != figures.Schema || report.Started.IsZero() || report.Machine.CPUs == 0 || report.Machine.Go == "" {
			t.Errorf("the report's head is not filled: %+v", report)
		}
	})
}

func TestLimitLetsLoadsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var src memory
		r := run(t, lab.Options{Stream: steady(40, ms/10, "a"), Source: &src, Kinds: []strategy.Kind{direct}, Limit: 10}).Results[0]
		want(t, &r, "Answers", r.Answers, 40)
		want(t, &r, "PeakLoads", r.PeakLoads, 40) // those that wait were asked for as well
		if r.Max < 4*loadTime-4*ms || r.Max > 4*loadTime+ms {
			t.Errorf("Max = %v, want the time of four loads, one behind another", r.Max)
		}
	})
}

func TestFailingSourceEndsWithClearFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var src memory
		stream := steady(500, ms, "a", "b")
		report := run(t, lab.Options{
			Stream: stream, Source: &src, Kinds: bubbled(), Fail: 1, Cancel: 0.1, Invalidate: 20, Jitter: 0.1, Seed: 4,
		})
		for i := range report.Results {
			r := &report.Results[i]
			want(t, r, "Answers", r.Answers, 0)
			want(t, r, "Wrong", r.Wrong, figures.Wrong{})
			want(t, r, "all errors", r.Errors.Source+r.Errors.GaveUp, 500)
			if r.Errors.Source == 0 {
				t.Errorf("%s: %s; want the source's errors", r.Strategy, describe(r))
			}
		}
		if want := "No strategy got a single answer out of memory."; report.Sentence != want {
			t.Errorf("Sentence = %q, want %q", report.Sentence, want)
		}
	})
}

func TestUnreachableSourceIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errDown := errors.New("connection refused")
		src := memory{fail: errDown}
		_, err := lab.Prepare(t.Context(), lab.Options{Stream: steady(5, ms, "a"), Source: &src, Kinds: bubbled("check"), TTL: time.Second, Timeout: time.Second})
		if !errors.Is(err, errDown) {
			t.Errorf("Prepare = %v, want %v", err, errDown)
		}
	})
}

func TestWritesThatFailAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := memory{readOnly: true}
		report := run(t, lab.Options{Stream: steady(1000, ms, "a"), Source: &src, Kinds: bubbled("check", "future"), Invalidate: 30, Seed: 1})
		for i := range report.Results {
			want(t, &report.Results[i], "Writes", report.Results[i].Writes, 0)
		}
		if !slices.ContainsFunc(report.Notes, func(n string) bool { return strings.Contains(n, source.ErrReadOnly.Error()) }) {
			t.Errorf("Notes = %q, want one with %q", report.Notes, source.ErrReadOnly)
		}
	})
}

func TestInterruptGivesWhatWasMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := memory{takes: 100 * ms}
		var closed int
		counted := kind("counted", func(load strategy.Load, _ strategy.Config) strategy.Strategy {
			return &simple{get: load, closed: func() { closed++ }}
		})
		l, err := lab.Prepare(t.Context(), lab.Options{
			Stream: steady(1000, ms, "a"), Source: &src, Kinds: []strategy.Kind{counted, counted, counted},
			TTL: time.Second, Timeout: time.Minute, Invalidate: 10, Seed: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1600*ms) // in the second replay
		defer cancel()
		began := time.Now()
		report, err := l.Run(ctx)
		if err != nil || !report.Partial || len(report.Results) != 2 {
			t.Fatalf("Run = %v, partial %v, %d results; want a partial report of 2", err, report.Partial, len(report.Results))
		}
		if took := time.Since(began); took > 1700*ms {
			t.Errorf("Run went on for %v", took)
		}
		whole, cut := &report.Results[0], &report.Results[1]
		want(t, whole, "Interrupts", whole.Interrupts, false)
		want(t, whole, "Calls", whole.Calls, 1000)
		want(t, cut, "Interrupts", cut.Interrupts, true)
		want(t, cut, "Wrong", cut.Wrong, figures.Wrong{})
		want(t, cut, "Errors", cut.Errors, figures.Errors{})
		if cut.Calls != cut.Answers || cut.Calls < 350 || cut.Calls > 450 {
			t.Errorf("%s; want the calls that ended before the interruption", describe(cut))
		}
		if !math.IsNaN(cut.Saved) {
			t.Errorf("Saved = %v of half a replay, want none", cut.Saved)
		}
		want(t, cut, "strategies closed", closed, 2)
	})
}

func TestLoadThatNeverEndsIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := memory{}
		l, err := lab.Prepare(t.Context(), lab.Options{
			Stream: steady(10, ms, "a"), Source: &src, Kinds: []strategy.Kind{direct}, TTL: time.Second, Timeout: time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		src.takes, src.stuck = time.Hour, true
		report, err := l.Run(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "direct: ") || !report.Partial {
			t.Errorf("Run = %v, partial %v; want an error that names the strategy", err, report.Partial)
		}
		time.Sleep(time.Hour) // the bubble ends with its last goroutine
	})
}

func TestRepeatsAreInterleavedAndPutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			src   memory
			order []string
			made  int
		)
		// Its replays take 1, 5 and 3 loads a call, and answer wrongly.
		greedy := kind("greedy", func(load strategy.Load, _ strategy.Config) strategy.Strategy {
			loads := []int{1, 5, 3}[made]
			made++
			return &simple{get: func(ctx context.Context, key string) (source.Record, error) {
				for range loads {
					if _, err := load(ctx, key); err != nil {
						return source.Record{}, err
					}
				}
				return source.Record{}, nil
			}}
		})
		report := run(t, lab.Options{
			Stream: steady(10, ms, "a"), Source: &src, Kinds: []strategy.Kind{greedy, direct}, Repeat: 3,
			Progress: func(s lab.Step) {
				if s.Replay {
					order = append(order, fmt.Sprintf("%d/%d %s", s.Done, s.Of, s.Title))
				}
			},
		})
		wanted := []string{"0/6 greedy", "1/6 direct", "2/6 greedy", "3/6 direct", "4/6 greedy", "5/6 direct"}
		if !slices.Equal(order, wanted) {
			t.Errorf("order %q, want %q", order, wanted)
		}
		r := &report.Results[0]
		want(t, r, "Loads", r.Loads, 30)
		want(t, r, "LoadsMin", r.Spread.LoadsMin, 10)
		want(t, r, "LoadsMax", r.Spread.LoadsMax, 50)
		want(t, r, "Zero", r.Wrong.Zero, 30)
		want(t, r, "Calls", r.Calls, 10)
		if r.Spread.P99Min > loadTime+ms || r.Spread.P99Max < 5*loadTime {
			t.Errorf("Spread = %+v, want the p99 of 1 and of 5 loads", r.Spread)
		}
	})
}

func TestBucketsStayFew(t *testing.T) {
	for _, d := range []time.Duration{0, time.Second, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour, 30 * 24 * time.Hour} {
		b := lab.BucketFor(d)
		if b < 100*ms || d/b > 600 {
			t.Errorf("BucketFor(%v) = %v, which makes %d buckets", d, b, d/b)
		}
	}
	if b := lab.BucketFor(5 * time.Second); b != 100*ms {
		t.Errorf("BucketFor(5s) = %v, want 100ms", b)
	}
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []int64
		want   int64
	}{{nil, 0}, {[]int64{4}, 4}, {[]int64{9, 1}, 5}, {[]int64{9, 1, 2}, 2}, {[]int64{4, 8, 1, 2}, 3}} {
		if got := lab.Median(test.values); got != test.want {
			t.Errorf("Median(%v) = %d, want %d", test.values, got, test.want)
		}
	}
}

func TestEmptyOptionsAreErrors(t *testing.T) {
	var src memory
	for _, o := range []lab.Options{
		{Stream: &arrival.Stream{}, Source: &src, Kinds: bubbled("check")},
		{Stream: steady(1, ms, "a"), Source: &src},
	} {
		if _, err := lab.Prepare(t.Context(), o); err == nil {
			t.Errorf("Prepare with %d calls and %d strategies succeeded", len(o.Stream.Calls), len(o.Kinds))
		}
	}
}

// Processes share the calls of a stream, and what they load is counted as one.
// Without a far tier each loads what it wants; with one, a key is loaded once
// for all, and an invalidation in one process is one in each.
//
// SPEC: R14
func TestProcesses(t *testing.T) {
	loads := make(map[string]int64)
	for _, far := range []string{"", strategy.Embedded} {
		r := run(t, lab.Options{
			Stream: steady(300, 2*ms, "a", "b", "c"), Source: new(memory), Kinds: kinds("onefold"),
			TTL: time.Hour, Timeout: 20 * time.Second, Processes: 3, Far: far, Invalidate: 20, Seed: 1,
		})
		got := &r.Results[0]
		want(t, got, "Answers", got.Answers, got.Calls)
		want(t, got, "Wrong, but for stale", got.Wrong.Total()-got.Wrong.Stale, 0)
		if r.Setup.Processes != 3 || r.Setup.Far != far {
			t.Errorf("the setup says %d processes and far tier %q", r.Setup.Processes, r.Setup.Far)
		}
		loads[far] = got.Loads
	}
	// Alone, a process does not hear of most invalidations, and loads less
	// often for them; but each loads all keys.
	if n := loads[""]; n < 9 {
		t.Errorf("%d loads of 3 keys by 3 processes that share nothing, want 9 or more", n)
	}
	if n := loads[strategy.Embedded]; n < 3 || n > 3+12*2 {
		t.Errorf("%d loads of 3 keys by 3 processes with a far tier and about 12 invalidations, want one each", n)
	}
}

// Where processes share nothing, one does not hear of what another invalidates:
// its stale answers are counted, and how late they come is told.
func TestStalenessBetweenProcessesIsMeasured(t *testing.T) {
	r := run(t, lab.Options{
		Stream: steady(500, 2*ms, "a"), Source: new(memory), Kinds: kinds("onefold"),
		TTL: time.Hour, Timeout: 20 * time.Second, Processes: 2, Invalidate: 20, Seed: 1,
	})
	got := &r.Results[0]
	if got.Wrong.Stale == 0 || got.Stalest <= 0 || got.Stalest > r.Setup.Duration+time.Minute {
		t.Errorf("processes that share nothing gave %d stale answers, %v late at most; want some", got.Wrong.Stale, got.Stalest)
	}
	if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "in another process") }) {
		t.Errorf("no note says so: %q", r.Notes)
	}
}

func TestMain(m *testing.M) {
	fleet.Serve()
	os.Exit(m.Run())
}

func kinds(names ...string) []strategy.Kind {
	return slices.DeleteFunc(strategy.All(), func(k strategy.Kind) bool { return !slices.Contains(names, k.Name) })
}
