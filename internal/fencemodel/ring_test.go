package fencemodel_test

import (
	"testing"

	"github.com/onefold-go/onefold/internal/fencemodel"
)

const none = fencemodel.Nobody

var waitGraphs = []struct {
	name  string
	waits []uint8
}{
	{"a load waits for itself", []uint8{0}},
	{"a ring of two", []uint8{1, 0}},
	{"a ring of three", []uint8{1, 2, 0}},
	{"a ring of four", []uint8{1, 2, 3, 0}},
	{"a ring of two and one that waits for it", []uint8{1, 0, 1}},
	{"two rings of two", []uint8{1, 0, 3, 2}},
	{"a chain", []uint8{1, 2, 3, none}},
	{"three wait for one", []uint8{3, 3, 3, none}},
}

// Each load publishes its edge and then walks: no ring is missed, in which all
// would wait for ever, and none is seen where there is none.
//
// SPEC: G30
func TestEveryRingIsSeen(t *testing.T) {
	for _, graph := range waitGraphs {
		got := fencemodel.Check(fencemodel.Ring(graph.waits, false), 1_000_000)
		if got.Fault != "" {
			t.Errorf("%s:\n%s", graph.name, got.Lines())
		}
		t.Logf("%s: %d states, %d steps, depth %d", graph.name, got.States, got.Steps, got.Depth)
	}
}

// Naive: walk, then publish. Each walks before the other has published.
func TestWalkThenPublishMissesARing(t *testing.T) {
	for _, graph := range waitGraphs[1:4] {
		got := fencemodel.Check(fencemodel.Ring(graph.waits, true), 1_000_000)
		if got.Fault == "" {
			t.Errorf("%s: no counterexample in %d states", graph.name, got.States)
		}
		t.Logf("%s:\n%s", graph.name, got.Lines())
	}
}
