package sim_test

import (
	"testing"

	"github.com/onefold-go/onefold/advise/sim"
)

func TestSelfCheck(t *testing.T) {
	for _, c := range sim.SelfCheck(1) {
		t.Logf("%-42s %-50s %-24s %10.5f %10.5f (%.5f to %.5f) %v", c.What, c.Formula, c.Loader, c.Predicted, c.Simulated, c.Low, c.High, c.OK)
		if !c.OK {
			t.Errorf("%s with a loader of %s: %s is %v; simulated %v (%v to %v)", c.What, c.Loader, c.Formula, c.Predicted, c.Simulated, c.Low, c.High)
		}
	}
}
