package flight_test

import (
	"testing"

	"github.com/onefold-go/onefold/internal/flight"
)

// Shards stand side by side in a slice: only whole cache lines keep the lock of
// one out of the line of another.
func TestShardsShareNoCacheLine(t *testing.T) {
	const line = 64
	if size := flight.ShardSize[string, int, none](); size%line != 0 {
		t.Errorf("a shard has %d bytes, which is not a multiple of %d", size, line)
	}
}
