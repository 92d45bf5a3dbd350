package loadctx_test

import (
	"fmt"
	"testing"
)

// No verb may look inside: what is there is written meanwhile, and a map that
// is printed while it is written ends the process.
func TestPrintingIsConstantWithEveryVerb(t *testing.T) {
	c := begin(t.Context())
	for _, verb := range []string{"%#v", "%d", "%t"} {
		if got := fmt.Sprintf(verb, c); got != "onefold.load" {
			t.Errorf("%s prints %s, want onefold.load", verb, got)
		}
	}
}
