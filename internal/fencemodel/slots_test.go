package fencemodel_test

import (
	"testing"

	. "github.com/onefold-go/onefold/internal/fencemodel"
)

var (
	get0  = SlotCall{Kind: SlotGet}
	get1  = SlotCall{Kind: SlotGet, Key: 1}
	push0 = SlotCall{Kind: SlotPush}
	push1 = SlotCall{Kind: SlotPush, Key: 1}
	gap0  = SlotCall{Kind: SlotGap}
	all0  = SlotCall{Kind: SlotAll}
	tag0  = SlotCall{Kind: SlotTag}
	drop0 = SlotCall{Kind: SlotDrop}
)

type slotRun struct {
	name  string
	slots Slots
	naive []slotNaive
}

type slotNaive struct {
	name     string
	is       SlotNaive
	harmless bool
}

var slotRuns = []slotRun{
	{
		name:  "two Gets, two pushes of the key",
		slots: Slots{Calls: []SlotCall{get0, get0, push0, push0}},
		naive: []slotNaive{
			{"the stamp taken after the read", StampAfterRead, false},
			{"the entry stamped when it is stored", StampAtStore, false},
			{"a joiner refuses nothing", JoinerTakesAll, false},
			{"a joiner looks between the two beginnings only", SlotLooksBetween, false},
			{"two pushes at once, the lower number last", SlotGoesBack, false},
			{"pushed before the far tier has dropped it", SlotBeforeFar, false},
		},
	},
	{
		name:  "two keys in one slot",
		slots: Slots{Calls: []SlotCall{get0, get1, push0, push1}, Shared: true, Evict: 1},
		naive: []slotNaive{
			{"two pushes at once, the lower number last", SlotGoesBack, false},
		},
	},
	{
		name:  "two keys in one slot, two Gets of one",
		slots: Slots{Calls: []SlotCall{get0, get0, push0, push1}, Shared: true},
		naive: []slotNaive{
			{"a joiner looks between the two beginnings only", SlotLooksBetween, false},
		},
	},
	{
		name:  "a gap, InvalidateAll, a Write here",
		slots: Slots{Calls: []SlotCall{get0, gap0, all0, drop0}},
		naive: []slotNaive{
			{"the floor is not raised", FloorForgotten, false},
		},
	},
	{
		name:  "two bumps of a tag",
		slots: Slots{Calls: []SlotCall{get0, get0, tag0, tag0}},
		naive: []slotNaive{
			{"a joiner looks between the two beginnings only", TagLooksBetween, false},
		},
	},
}

func TestSlots(t *testing.T) {
	for _, run := range slotRuns {
		got := Check(run.slots.Model(), 5_000_000)
		t.Logf("%s: %d states, %d steps, depth %d", run.name, got.States, got.Steps, got.Depth)
		if got.Fault != "" {
			t.Errorf("%s:\n%s", run.name, got.Lines())
		}
		for _, naive := range run.naive {
			slots := run.slots
			slots.Naive = naive.is
			got := Check(slots.Model(), 5_000_000)
			t.Logf("%s, %s: %d states\n%s", run.name, naive.name, got.States, got.Lines())
			if got.Fault == "" != naive.harmless {
				t.Errorf("%s, %s: got fault %q", run.name, naive.name, got.Fault)
			}
		}
	}
}
