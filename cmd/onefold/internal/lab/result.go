package lab

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

// result puts the replays of one strategy together: figures are medians over
// the replays that were not interrupted, if there are any; errors and wrong
// answers are sums over all of them.
func result(kind strategy.Kind, all []*measurement) figures.Result {
	ms := slices.DeleteFunc(slices.Clone(all), func(m *measurement) bool { return m.interrupted })
	cutShort := len(ms) < len(all)
	if len(ms) == 0 {
		ms = all
	}
	r := figures.Result{
		Strategy: kind.Name,
		Title:    kind.Title,
		Prevents: kind.Prevents,
		Misses:   kind.Misses,

		Calls:     of(ms, func(m *measurement) int64 { return m.tally.calls() }),
		Answers:   of(ms, func(m *measurement) int64 { return m.tally.answers() }),
		Hits:      of(ms, func(m *measurement) int64 { return m.hits }),
		Loads:     of(ms, func(m *measurement) int64 { return m.loads }),
		PeakLoads: of(ms, func(m *measurement) int64 { return m.peak }),
		Saved:     math.NaN(),

		P50:  at(ms, 50),
		P99:  at(ms, 99),
		P999: at(ms, 99.9),
		Max:  at(ms, 100),

		Writes: of(ms, func(m *measurement) int64 { return m.writes }),
		CPU:    of(ms, func(m *measurement) time.Duration { return m.cpu }),
		Allocs: of(ms, func(m *measurement) float64 { return float64(m.objects) / float64(max(m.tally.calls(), 1)) }),
		Wall:   of(ms, func(m *measurement) time.Duration { return m.wall }),

		Loading:  series(ms, func(m *measurement) []float64 { return m.loading }),
		InFlight: series(ms, func(m *measurement) []float64 { return m.inFlight }),
		Bucket:   ms[0].bucket,

		Interrupts: cutShort,
	}
	r.Spread.LoadsMin, r.Spread.LoadsMax = spread(ms, func(m *measurement) int64 { return m.loads })
	r.Spread.P99Min, r.Spread.P99Max = spread(ms, func(m *measurement) time.Duration { return percentile(m.latency, 99) })

	latency := newHistogram()
	for _, m := range ms {
		latency.Merge(m.latency)
	}
	r.CCDF = ccdf(latency)

	var sum tally
	for _, m := range all {
		r.Stalest = max(r.Stalest, m.stalest)
		for o, n := range m.tally {
			sum[o] += n
		}
	}
	r.Errors, r.Wrong = sum.errors(), sum.wrong()

	if misses := r.Calls - r.Hits; misses > 0 {
		r.Coalescing = float64(misses-r.Loads) / float64(misses)
	}
	if r.Calls > 0 {
		r.HitRatio = float64(r.Hits) / float64(r.Calls)
	}
	return r
}

func of[T ~int64 | ~float64](ms []*measurement, figure func(*measurement) T) T {
	values := make([]T, len(ms))
	for i, m := range ms {
		values[i] = figure(m)
	}
	return median(values)
}

func at(ms []*measurement, p float64) time.Duration {
	return of(ms, func(m *measurement) time.Duration { return percentile(m.latency, p) })
}

func spread[T ~int64](ms []*measurement, figure func(*measurement) T) (least, most T) {
	least, most = figure(ms[0]), figure(ms[0])
	for _, m := range ms[1:] {
		least, most = min(least, figure(m)), max(most, figure(m))
	}
	return least, most
}

// series is the medians, bucket by bucket. A replay that was over earlier than
// others counts as 0 from there.
func series(ms []*measurement, figure func(*measurement) []float64) []float64 {
	var length int
	for _, m := range ms {
		length = max(length, len(figure(m)))
	}
	medians := make([]float64, length)
	for bucket := range medians {
		medians[bucket] = of(ms, func(m *measurement) float64 {
			if s := figure(m); bucket < len(s) {
				return s[bucket]
			}
			return 0
		})
	}
	return medians
}

// compare sets against the loads of check-then-load, where it was run, what
// each strategy saved. Replays that were cut short are not compared.
func compare(results []figures.Result) {
	check := find(results, "check")
	if check == nil || check.Loads == 0 || check.Interrupts {
		return
	}
	for i := range results {
		if r := &results[i]; !r.Interrupts {
			r.Saved = 1 - float64(r.Loads)/float64(check.Loads)
		}
	}
}

// find returns the result of a strategy, or nil.
func find(results []figures.Result, name string) *figures.Result {
	i := slices.IndexFunc(results, func(r figures.Result) bool { return r.Strategy == name })
	if i < 0 {
		return nil
	}
	return &results[i]
}

// notes are what a reader of the figures must know of the replays.
func notes(measured [][]*measurement) []string {
	var (
		out      []string
		failed   int64
		first    error
		lateness = newHistogram()
	)
	for _, m := range slices.Concat(measured...) {
		lateness.Merge(m.lateness)
		if failed += m.writeFaults; first == nil {
			first = m.writeFault
		}
	}
	if lateness.TotalCount() > 0 {
		out = append(out, fmt.Sprintf("the replay itself began calls late, by %v (median) and %v (p99), which is part of every latency: timers are coarse, and the processors may be busy",
			rounded(percentile(lateness, 50)), rounded(percentile(lateness, 99))))
	}
	if failed > 0 {
		out = append(out, fmt.Sprintf("writes that failed, and so invalidated nothing: %d; the first with: %v", failed, first))
	}
	return out
}

// propagation says how long processes went without an invalidation that one of
// them had acknowledged.
func propagation(r *figures.Report) []string {
	if r.Setup.Processes < 2 {
		return nil
	}
	var out []string
	for _, s := range r.Results {
		if s.Wrong.Stale > 0 {
			out = append(out, fmt.Sprintf("%s answered with what had been invalidated up to %v before, in another process", s.Title, rounded(s.Stalest)))
		}
	}
	return out
}

// rounded keeps two or three digits of a duration below ten seconds.
func rounded(d time.Duration) time.Duration {
	for step := time.Second; step > time.Microsecond; step /= 10 {
		if d >= 10*step {
			return d.Round(step)
		}
	}
	return d.Round(time.Microsecond)
}
