package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// A target is what Onefold has to come to.
type target struct {
	engine *engine
	task   task
	of     string // the contender; "Onefold" if empty
	what   string

	// value is what it came to in one pass, with which others ran: NaN where
	// they did not. It is held against bound, from above unless atLeast.
	value   func(ours figures, pass []figures) float64
	bound   float64
	atLeast bool
	unit    string // how values and bound are written
}

var targets = []target{
	{redisEngine, closedLoop, "", "loads an expiry", ours(figures.loadsAnExpiry), 1.01, false, "%.2f"},
	{redisEngine, closedLoop, "", "answers too old", ours(func(f figures) float64 { return 100 * f.staleShare() }), 0, false, "%.4f %%"},
	{redisEngine, closedLoop, "", "ops/s, of DoCache's", against(doCache, figures.opsPerSecond), 0.8, true, "%.2f"},
	{redisEngine, closedLoop, "", "ops/s, of rueidisaside's", against(rueidisAside, figures.opsPerSecond), 3, true, "%.2f"},
	{redisEngine, closedLoop, "", "commands an op", ours(figures.sentAnOp), 0.01, false, "%.4f"},
	{redisEngine, closedLoop, "", "the same, with scripts'", ours(figures.commandsAnOp), 0.01, false, "%.4f"},

	{redisEngine, paced, "", "loads an expiry", ours(figures.loadsAnExpiry), 1.01, false, "%.2f"},
	{redisEngine, paced, "", "commands an op", ours(figures.sentAnOp), 0.30, false, "%.2f"},
	{redisEngine, paced, "", "CPU, of the cheapest's", cheapest(1), 1, false, "%.2f"},
	{redisEngine, paced, "", "CPU, of the cheapest's that keeps to the TTL", cheapest(0.01), 1, false, "%.2f"},

	{redisEngine, herd, "", "loads an expiry", ours(figures.loadsAnExpiry), 1.01, false, "%.2f"},
	{redisEngine, herd, "", "commands an op", ours(figures.sentAnOp), 0.02, false, "%.4f"},
	{redisEngine, herd, "", "the same, with scripts'", ours(figures.commandsAnOp), 0.02, false, "%.4f"},
	{redisEngine, herd, "", "CPU, of DoCache's", against(doCache, figures.cpuAnOp), 1, false, "%.2f"},
	{redisEngine, herd, onefoldRedisEarly.name, "with early refresh, p99.9", ours(func(f figures) float64 { return float64(f.P999) / 1e6 }), 1, false, "%.2f ms"},

	{redisEngine, wakeUp, "", "p99, less a round trip's", afterATrip, 5, false, "%.1f ms"},
	{redisEngine, killed, "", "latest successor, after the lease began", lastSuccessor, leaseAnd100, false, "%.0f ms"},
	{redisEngine, killed, "", "most successors", ours(func(f figures) float64 { return float64(mostSuccessors([]figures{f})) }), 1, false, "%.0f"},

	{memcachedEngine, closedLoop, "", "loads an expiry", ours(figures.loadsAnExpiry), 1.01, false, "%.2f"},
	{memcachedEngine, closedLoop, "", "answers too old", ours(func(f figures) float64 { return 100 * f.staleShare() }), 0, false, "%.4f %%"},
	{memcachedEngine, closedLoop, "", "ops/s, of the same client's", against(plainSameClient, figures.opsPerSecond), 1, true, "%.1f"},
	{memcachedEngine, closedLoop, "", "commands an op", ours(figures.sentAnOp), 0.01, false, "%.4f"},
	{memcachedEngine, paced, "", "loads an expiry", ours(figures.loadsAnExpiry), 1.01, false, "%.2f"},
	{memcachedEngine, paced, "", "commands an op", ours(figures.sentAnOp), 0.30, false, "%.2f"},
	{memcachedEngine, paced, "", "CPU, of the cheapest's", cheapest(1), 1, false, "%.2f"},
	{memcachedEngine, herd, "", "loads an expiry", ours(figures.loadsAnExpiry), 1.01, false, "%.2f"},
	{memcachedEngine, herd, "", "commands an op", ours(figures.sentAnOp), 0.02, false, "%.4f"},
	{memcachedEngine, herd, "", "CPU, of the cheapest's", cheapest(1), 1, false, "%.2f"},
	{memcachedEngine, herd, onefoldMemcachedEarly.name, "with early refresh, p99.9", ours(func(f figures) float64 { return float64(f.P999) / 1e6 }), 1, false, "%.2f ms"},
	{memcachedEngine, wakeUp, "", "p99, less a round trip's", afterATrip, 5, false, "%.1f ms"},
	{memcachedEngine, killed, "", "latest successor, after the lease began", lastSuccessor, leaseAnd100, false, "%.0f ms"},
	{memcachedEngine, killed, "", "most successors", ours(func(f figures) float64 { return float64(mostSuccessors([]figures{f})) }), 1, false, "%.0f"},
}

// leaseAnd100 stands for the plan's lease and 100 ms.
const leaseAnd100 = -1

func ours(of func(figures) float64) func(figures, []figures) float64 {
	return func(f figures, _ []figures) float64 { return of(f) }
}

// against is the ratio to another contender in the same pass.
func against(c contender, of func(figures) float64) func(figures, []figures) float64 {
	return func(f figures, pass []figures) float64 {
		for _, other := range pass {
			if other.Contender == c.name {
				return of(f) / of(other)
			}
		}
		return math.NaN()
	}
}

// cheapest is the ratio of the CPU time of an op to the least that anybody else
// took who gave no more than a share of answers that were too old.
func cheapest(tooOld float64) func(figures, []figures) float64 {
	return func(f figures, pass []figures) float64 {
		least := math.NaN()
		for _, other := range pass {
			if !strings.HasPrefix(other.Contender, "Onefold") && other.staleShare() <= tooOld && !(other.cpuAnOp() >= least) {
				least = other.cpuAnOp()
			}
		}
		return f.cpuAnOp() / least
	}
}

func afterATrip(f figures, _ []figures) float64 {
	return float64(f.Wake.P99-f.RoundTrip.P99) / 1e6
}

func lastSuccessor(f figures, _ []figures) float64 {
	last := time.Duration(0)
	for _, k := range f.Takeovers {
		last = max(last, k.Successor)
	}
	return float64(last) / 1e6
}

// Targets has a row for each target of whose task there are runs.
func (r *record) Targets() string {
	var b strings.Builder
	for _, t := range targets {
		name := t.of
		if name == "" {
			name = "Onefold"
		}
		var values []float64
		for _, f := range r.of(t.engine.name, name, t.task.Name) {
			var pass []figures
			for _, other := range r.Runs {
				if other.Pass == f.Pass && other.Engine == f.Engine && other.Task == f.Task {
					pass = append(pass, other)
				}
			}
			if v := t.value(f, pass); !math.IsNaN(v) {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			continue
		}
		bound, sign := t.bound, "≤"
		if bound == leaseAnd100 {
			bound = float64(r.Plan.Lease+100*time.Millisecond) / 1e6
		}
		if t.atLeast {
			sign = "≥"
		}
		var each []string
		for _, v := range values {
			each = append(each, fmt.Sprintf(t.unit, v))
		}
		got := middle(values)
		verdict := "met"
		if t.atLeast && got < bound || !t.atLeast && got > bound {
			verdict = "missed"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s %s | %s | %s | %s |\n", t.engine.name, t.task.Name, t.what,
			sign, fmt.Sprintf(t.unit, bound), fmt.Sprintf(t.unit, got), strings.Join(each, ", "), verdict)
	}
	if b.Len() == 0 {
		return ""
	}
	return "| server | work | Onefold's | wanted | came to | in each pass | |\n|---|---|---|---:|---:|---|---|\n" + b.String()
}
