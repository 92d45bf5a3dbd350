package detached_test

import (
	"testing"

	"github.com/onefold-go/onefold/internal/detached"
)

// A flight is allocated for each load, in one of the runtime's sizes: 144 is
// one, and the next is 160.
func TestSizeOfAFlight(t *testing.T) {
	if n := detached.FlightSize[int, int](); n > 144 {
		t.Errorf("a flight with an int key takes %d bytes, want at most 144", n)
	}
	if n := detached.FlightSize[string, int](); n > 160 {
		t.Errorf("a flight with a string key takes %d bytes, want at most 160", n)
	}
}
