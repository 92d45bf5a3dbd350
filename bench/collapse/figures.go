package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Figures are what a run came to.
type figures struct {
	Contender string `json:"contender"`
	Scenario  string `json:"scenario"`

	Burst  phase `json:"burst"`
	Steady phase `json:"steady"`

	AtOnce int `json:"source_calls_at_once"`

	// Shared is how many answers that may not be stored had been given to
	// another caller as well.
	Shared int `json:"shared"`

	// FirstValue is how long after the start the first caller had a value; 0
	// when none had.
	FirstValue time.Duration `json:"first_value_ns"`

	// Late is the most by which the machine woke a sleeper too late meanwhile.
	Late time.Duration `json:"late_ns"`

	// Runs is how many runs there were to get this one; see plan.playUndisturbed.
	Runs int `json:"runs"`

	// Missed says what is wanting of the target; nothing when it is met.
	Missed []string `json:"missed"`
}

// A phase is a part of a run.
type phase struct {
	Calls       int   `json:"calls"`
	SourceCalls int   `json:"source_calls"`
	Errors      int   `json:"errors"`
	Took        times `json:"took"`

	FirstError string `json:"first_error,omitempty"`
}

// Times are percentiles of how long calls took.
type times struct {
	P50 time.Duration `json:"p50_ns"`
	P90 time.Duration `json:"p90_ns"`
	P99 time.Duration `json:"p99_ns"`
	Max time.Duration `json:"max_ns"`
}

func newFigures(r run, p plan) figures {
	f := figures{
		Contender: r.contender,
		Scenario:  r.scenario.String(),
		Burst:     newPhase(r.burst, r.burstSource),
		Steady:    newPhase(r.steady, r.totalSource-r.burstSource),
		AtOnce:    r.atOnce,
		Late:      r.late,
	}
	answers := make(map[int64]int)
	for _, c := range r.all() {
		if c.err != nil {
			continue
		}
		if f.FirstValue == 0 || c.ended < f.FirstValue {
			f.FirstValue = c.ended
		}
		if c.answer.noStore {
			answers[c.answer.number]++
		}
	}
	for _, callers := range answers {
		f.Shared += callers - 1
	}
	f.Missed = missed(f, r, p)
	return f
}

func newPhase(calls []call, sourceCalls int) phase {
	p := phase{Calls: len(calls), SourceCalls: sourceCalls, Took: newTimes(calls)}
	for _, c := range calls {
		if c.err == nil {
			continue
		}
		p.Errors++
		p.FirstError = cmp.Or(p.FirstError, c.err.Error())
	}
	return p
}

func newTimes(calls []call) times {
	took := make([]time.Duration, 0, len(calls))
	for _, c := range calls {
		took = append(took, c.took)
	}
	slices.Sort(took)
	return times{P50: rank(took, 0.5), P90: rank(took, 0.9), P99: rank(took, 0.99), Max: rank(took, 1)}
}

// rank gives the least of sorted that is not less than the share q of them.
func rank(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// missed says what f lacks of its scenario's target. The targets hold for the
// first calls and for the later ones alike.
func missed(f figures, r run, p plan) (faults []string) {
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	all := newPhase(r.all(), r.totalSource)
	switch r.scenario {
	case uncacheable:
		slowest := max(f.Burst.Took.P50, f.Steady.Took.P50)
		fault(slowest > p.Patience, "p50 %s", seconds(slowest))
		fault(all.SourceCalls > all.Calls, "%d source calls for %d calls", all.SourceCalls, all.Calls)
		fault(all.Errors > 0, "%d errors", all.Errors)
	case failing:
		fault(all.Took.Max > p.Load+p.Slack, "max %s", seconds(all.Took.Max))
	case slowLeader:
		fault(all.Took.P99 > p.Budget+p.Slack, "p99 %s", seconds(all.Took.P99))
		fault(all.SourceCalls > 2, "%d source calls", all.SourceCalls)
	}
	return faults
}

// seconds writes d with three digits after the point.
func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }
