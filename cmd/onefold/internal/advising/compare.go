package advising

import (
	"fmt"
	"io"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/cmd/onefold/internal/advising/live"
)

// LiveArm is what the library can be replayed with to hold a report against it:
// what is advised, with loads shared, as the library always does.
func LiveArm(r *advise.Report) sim.Arm {
	arm := sim.Arm{Name: "coalescing", Coalesce: true, TTL: r.Policy.TTL}
	if r.Policy.Forever {
		arm.TTL = sim.Forever
	}
	jitter := r.Verdict.IfSafe == advise.CacheJitter || r.Verdict.IfSafe == advise.CacheBoth
	for _, a := range r.Arms {
		if a.Jitter > 0 && jitter && arm.TTL > 0 {
			arm.Jitter = a.Jitter
		}
		for _, also := range r.Verdict.Also {
			switch {
			case also == advise.WithEarly && a.Early > 0:
				arm.Early = a.Early
			case also == advise.WithStale && a.Stale > 0:
				arm.Stale = a.Stale
			case also == advise.WithBound && a.Wait > 0:
				arm.Wait = a.Wait
			}
		}
	}
	return arm
}

// Live prints what was predicted of a replay and what was measured.
func Live(w io.Writer, p live.Plan, want, got live.Figures) error {
	share := func(n int64, f live.Figures) string { return number(float64(n)/float64(max(1, f.Requests)), "%") }
	rows := [][3]string{
		{"requests", count(want.Requests), count(got.Requests)},
		{"loads", count(want.Loads), count(got.Loads)},
		{"joined", count(want.Joined), count(got.Joined)},
		{"hits", share(want.Hits+want.Stale, want), share(got.Hits+got.Stale, got)},
		{"coalescing ratio", number(want.Ratio(), ""), number(got.Ratio(), "")},
		{"mean wait", duration(float64(want.Mean)), duration(float64(got.Mean))},
		{"p99", duration(float64(want.P99)), duration(float64(got.P99))},
	}
	if p.Setting.SLO > 0 {
		rows = append(rows, [3]string{"over the SLO", number(want.Over, "%"), number(got.Over, "%")})
	}
	if _, err := fmt.Fprintf(w, "\nThe forecast against the library, with TTL %s, jitter %s either way, early refresh %s, stale window %s\n  %-20s %12s %12s\n",
		duration(float64(p.Arm.TTL)), number(p.Arm.Jitter, ""), number(p.Arm.Early, ""), duration(float64(p.Arm.Stale)), "", "predicted", "measured"); err != nil {
		return err
	}
	for _, r := range rows {
		if _, err := fmt.Fprintf(w, "  %-20s %12s %12s\n", r[0], r[1], r[2]); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "  99 %% of the calls were begun less than %s late, in the trace's time; that much, and the machine, is in what was measured.\n", duration(float64(got.Late)))
	return err
}
