package advise_test

import (
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/sim"
)

// TestCurrent: what is in service is as good as the advice if it does the same,
// and not if it loads far more, or keeps values for longer than allowed.
func TestCurrent(t *testing.T) {
	for name, c := range map[string]struct {
		arm  sim.Arm
		good bool
	}{
		"the advice":       {sim.Arm{TTL: 5 * time.Second, Coalesce: true, Jitter: 0.1}, true},
		"better":           {sim.Arm{TTL: 5 * time.Second, Coalesce: true, Jitter: 0.1, Early: 1}, true},
		"no coalescing":    {sim.Arm{TTL: 5 * time.Second, Jitter: 0.1}, false},
		"a fifth of a TTL": {sim.Arm{TTL: time.Second, Coalesce: true}, false},
		"no cache":         {sim.Arm{}, false},
		"kept too long":    {sim.Arm{TTL: time.Minute, Coalesce: true, Jitter: 0.1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := maker(1)
			m.poisson(1500, 12*time.Second, func() uint64 { return m.random.Uint64N(60) })
			r := report(t, m, advise.Config{TTL: 5 * time.Second, Loader: loader(t, "p50=20ms,p99=50ms"), Safety: safe, Current: &c.arm})
			if r.Current == nil || r.Current.AsGood != c.good {
				t.Errorf("%+v, want as good: %v (verdict %s)", r.Current.Reasons, c.good, r.Verdict.Class)
			}
		})
	}
}
