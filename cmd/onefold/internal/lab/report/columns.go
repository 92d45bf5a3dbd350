package report

import (
	"strings"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

// A column holds one figure of every strategy. The table is tried at step 0,
// with everything in columns, then at the next steps until it fits.
type column struct {
	group string // of the columns beside it that belong together
	head  string
	until int // the step from which it is told in the second line instead
	cell  func(*figures.Result) cell

	spread bool // of the column before it

	once bool // is not told in the second line, as something else tells it
	from int  // the first step at which it is a column
}

func (c column) at(step int) bool { return c.from <= step && step < c.until }

// The steps at which a table that does not fit gives up something.
const (
	everything = iota
	callsOnce  // where all strategies had the same number
	shortNames
	noRanges
	noErrorKinds
	noWrongKinds
	noProcess
	noCalls
	noPeak
	noCache
	noMedian
	fewest
	never
)

// columns returns the figures of the run in the order of the table.
func columns(r *figures.Report) []column {
	var cols []column
	add := func(group, head string, until int, f func(*figures.Result) cell) {
		cols = append(cols, column{group: group, head: head, until: until, cell: f})
	}
	if _, same := sameCalls(r.Results); same {
		cols = append(cols, column{head: "calls", once: true, until: callsOnce,
			cell: func(r *figures.Result) cell { return cell{text: count(r.Calls)} }})
	} else {
		add("", "calls", noCalls, func(r *figures.Result) cell { return cell{text: count(r.Calls)} })
	}
	add("source", "loads", never, func(r *figures.Result) cell { return cell{text: count(r.Loads)} })
	if r.Setup.Repeat > 1 {
		cols = append(cols, column{group: "source", head: "loads range", until: noRanges, spread: true,
			cell: func(r *figures.Result) cell {
				return cell{text: count(r.Spread.LoadsMin) + "-" + count(r.Spread.LoadsMax)}
			}})
	}
	add("source", "saved", fewest, func(r *figures.Result) cell { return measured(r, percent(r.Saved)) })
	add("source", "peak", noPeak, func(r *figures.Result) cell { return cell{text: count(r.PeakLoads)} })
	add("cache", "joined", noCache, func(r *figures.Result) cell { return measured(r, percent(r.Coalescing)) })
	add("cache", "hit", noCache, func(r *figures.Result) cell { return measured(r, percent(r.HitRatio)) })
	add("latency", "p50", noMedian, func(r *figures.Result) cell { return measured(r, duration(r.P50)) })
	add("latency", "p99", never, func(r *figures.Result) cell { return measured(r, duration(r.P99)) })
	if r.Setup.Repeat > 1 {
		cols = append(cols, column{group: "latency", head: "p99 range", until: noRanges, spread: true,
			cell: func(r *figures.Result) cell {
				return measured(r, between(r.Spread.P99Min, r.Spread.P99Max))
			}})
	}
	add("latency", "p99.9", noMedian, func(r *figures.Result) cell { return measured(r, duration(r.P999)) })

	errors := occurring(errorKinds, r.Results, errorsOf)
	for _, k := range errors {
		add("errors", k.name, noErrorKinds, func(r *figures.Result) cell { return errorCell(k.count(r.Errors), k.own) })
	}
	cols = append(cols, column{
		head: "errors", once: true, from: sumFrom(len(errors), noErrorKinds), until: noCalls,
		cell: func(r *figures.Result) cell { return errorCell(r.Errors.Total(), true) },
	})
	wrong := occurring(wrongKinds, r.Results, wrongOf)
	for _, k := range wrong {
		add("wrong", k.name, noWrongKinds, func(r *figures.Result) cell { return wrongCell(k.count(r.Wrong)) })
	}
	cols = append(cols, column{
		head: "wrong", once: true, from: sumFrom(len(wrong), noWrongKinds), until: never,
		cell: func(r *figures.Result) cell { return wrongCell(r.Wrong.Total()) },
	})

	add("process", "cpu", noProcess, func(r *figures.Result) cell { return cell{text: number(r.CPU.Seconds()) + "s"} })
	add("process", "allocs", noProcess, func(r *figures.Result) cell { return measured(r, number(r.Allocs)) })
	return cols
}

// sameCalls reports whether all strategies had the same number of calls.
func sameCalls(results []figures.Result) (calls int64, same bool) {
	for i := range results {
		if results[i].Calls != results[0].Calls {
			return 0, false
		}
	}
	return results[0].Calls, true
}

// sumFrom is the step from which one column stands for the kinds: at once
// where no kind occurs.
func sumFrom(kinds, step int) int {
	if kinds == 0 {
		return everything
	}
	return step
}

// measured is a cell for a figure that says nothing without a call.
func measured(r *figures.Result, text string) cell {
	if r.Calls == 0 {
		text = none
	}
	return cell{text: text}
}

// errorCell writes a count of errors; those that are not the callers' own
// making are marked.
func errorCell(n int64, own bool) cell {
	switch {
	case n == 0:
		return cell{none, quiet}
	case own:
		return cell{count(n), plain}
	}
	return cell{count(n), warning}
}

// wrongCell writes a count of wrong answers: loud, unless there are none.
func wrongCell(n int64) cell {
	if n == 0 {
		return cell{none, quiet}
	}
	return cell{count(n) + "!", alarm}
}

// legend says what the columns mean, of those that the run needs.
func legend(r *figures.Report) []fact {
	var out []fact
	if calls, same := sameCalls(r.Results); same {
		out = append(out, fact{"calls", count(calls) + " through each strategy"})
	}
	out = append(out,
		fact{"source", "loads started; saved: share of the loads of check-then-load that were not needed; peak: most loads at once"},
		fact{"cache", "joined: coalescing ratio, (misses - loads) / misses; hit: share of calls answered at the first look"},
		fact{"latency", "from the intended moment of arrival, so free of coordinated omission"},
		fact{"errors", kindLegend(occurring(errorKinds, r.Results, errorsOf), "none in this run")},
		fact{"wrong", kindLegend(occurring(wrongKinds, r.Results, wrongOf),
			"none in this run: nothing stale, no zero value, no other key's value, no other caller's error")},
		fact{"process", "cpu time; heap objects a call (allocs); both with the work of an embedded source"},
	)
	if r.Setup.Repeat > 1 {
		out = append(out, fact{"range", "least and most of " + count(int64(r.Setup.Repeat)) + " runs; errors and wrong answers are sums, the rest medians"})
	}
	return out
}

func kindLegend[T any](kinds []kind[T], otherwise string) string {
	if len(kinds) == 0 {
		return otherwise
	}
	var parts []string
	for _, k := range kinds {
		parts = append(parts, k.name+": "+k.means)
	}
	return strings.Join(parts, "; ")
}
