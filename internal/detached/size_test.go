package detached_test

import (
	"testing"

	"github.com/onefold-go/onefold/internal/detached"
)

// A flight that others join is allocated, in one of the runtime's sizes: 112 is
// one, and the next is 128. The load's context is allocated for each load.
func TestSizeOfAFlight(t *testing.T) {
	if n := detached.FlightSize[int, int](); n > 112 {
		t.Errorf("a flight with an int key takes %d bytes, want at most 112", n)
	}
	if n := detached.FlightSize[string, int](); n > 112 {
		t.Errorf("a flight with a string key takes %d bytes, want at most 112", n)
	}
	if n := detached.ContextSize; n > 32 {
		t.Errorf("a load's context takes %d bytes, want at most 32", n)
	}
}
