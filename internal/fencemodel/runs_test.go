package fencemodel_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onefold-go/onefold/internal/fencemodel" //nolint:revive,staticcheck // a run reads as a list of calls
)

// A run is one bounded space that is searched through: as it should be, and
// once for each naive version that breaks in it.
type run struct {
	name  string
	check func(naive uint64) Result
	naive []naive

	exception bool // the space holds a counterexample: an exception that is stated

	found map[uint64]Result // what was searched through already
}

type naive struct {
	name     string
	is       uint64
	harmless bool // it broke nothing, and that is recorded
}

const limit = 10_000_000

func fence(f Fence) func(uint64) Result {
	return func(n uint64) Result {
		f := f
		f.Naive |= Naive(n)
		return Check(f.Model(), limit)
	}
}

func slots(s Slots) func(uint64) Result {
	return func(n uint64) Result {
		s := s
		s.Naive |= SlotNaive(n)
		return Check(s.Model(), limit)
	}
}

func ring(waits ...uint8) func(uint64) Result {
	return func(n uint64) Result { return Check(Ring(waits, n != 0), limit) }
}

func (r *run) result(n uint64) Result {
	if got, ok := r.found[n]; ok {
		return got
	}
	if r.found == nil {
		r.found = make(map[uint64]Result)
	}
	got := r.check(n)
	r.found[n] = got
	return got
}

// hold searches through a run: no counterexample, and one for each naive
// version but those of which it is recorded that they broke nothing.
func hold(t *testing.T, runs ...*run) {
	t.Helper()
	for _, run := range runs {
		began := time.Now()
		got := run.result(0)
		t.Logf("%s: %d states, %d steps, depth %d, %.1f s", run.name, got.States, got.Steps, got.Depth, time.Since(began).Seconds())
		switch {
		case run.exception && got.Fault == "":
			t.Errorf("%s: no counterexample, want the one that is stated as an exception", run.name)
		case !run.exception && got.Fault != "":
			t.Errorf("%s:\n%s", run.name, got.Lines())
		}
		for _, naive := range run.naive {
			got := run.result(naive.is)
			t.Logf("%s, %s: %d states\n%s", run.name, naive.name, got.States, got.Lines())
			switch {
			case naive.harmless && got.Fault != "":
				t.Errorf("%s, %s: broke, and is recorded as harmless:\n%s", run.name, naive.name, got.Lines())
			case !naive.harmless && got.Fault == "":
				t.Errorf("%s, %s: no counterexample in %d states", run.name, naive.name, got.States)
			}
		}
	}
}

// The processes.
const (
	p = iota
	q
	r
)

func get(proc uint8) Actor   { return Actor{Get, proc, 0} }
func write(proc uint8) Actor { return Actor{Write, proc, 0} }
func drop(proc uint8) Actor  { return Actor{Delete, proc, 0} }
func set(proc uint8) Actor   { return Actor{Set, proc, 0} }
func many(proc uint8) Actor  { return Actor{GetMany, proc, 0} }
func tag(proc uint8) Actor   { return Actor{InvalidateTag, proc, 0} }

func calls(a ...Actor) []Actor { return a }

var (
	oneWrite = &run{
		name:  "a Get in each of two processes, a Write",
		check: fence(Fence{Actors: calls(get(p), get(q), write(p)), Far: 1, Push: true, Evict: 1, Expire: 1}),
		naive: []naive{
			{"fence after the far read", uint64(FenceAfterFarRead), false},
			{"check, unlock, store", uint64(CheckThenStore), false},
			{"push drops the entry, not the flight", uint64(PushKeepsFlight), false},
			{"near deleted before far", uint64(NearBeforeFar), false},
			{"publish before far delete", uint64(PublishBeforeFar), false},
			{"plain SET as fill", uint64(PlainFill), false},
			{"lease taken after the load", uint64(LoadBeforeLease), false},
			{"stored near after a refused fill", uint64(StoreAfterRefusal), true},
		},
	}
	twoTiers = &run{
		name:  "two far tiers",
		check: fence(Fence{Actors: calls(get(p), get(q), write(p)), Far: 2, Push: true}),
		naive: []naive{
			{"top deleted first", uint64(TopDeletedFirst), false},
			{"top filled first", uint64(TopFilledFirst), true},
			{"stored near after a refused fill", uint64(StoreAfterRefusal), true},
		},
	}
	restart = &run{
		name:  "an engine restarts, whose tokens count",
		check: fence(Fence{Actors: calls(get(p), get(q), write(p)), Far: 1, Push: true, CAS: true, Restart: 1}),
		naive: []naive{{"CAS counter restarts", uint64(CASRestarts), false}},
	}
	failover = &run{
		name:  "a failover to a replica that lags",
		check: fence(Fence{Actors: calls(get(p), get(q), write(p)), Far: 1, Push: true, Failover: 1}),
		naive: []naive{
			{"failover lost the Delete", uint64(FailoverKeepsLeases), false},
			{"joiner is given what was beyond its TTL when it came", uint64(JoinerTakesExpired), false},
		},
	}
	tags = &run{
		name:  "tags, an InvalidateTag",
		check: fence(Fence{Actors: calls(get(p), get(q), tag(p)), Far: 1, Tags: true}),
		naive: []naive{
			{"tag generations read after the load", uint64(GenerationAfterLoad), false},
			{"re-stamp so that it passes", uint64(Restamp), false},
			{"joiner trusts the flight", uint64(JoinerTrusts), false},
		},
	}
	twoBumps = &run{
		name:  "two InvalidateTags",
		check: fence(Fence{Actors: calls(get(p), get(p), tag(p), tag(p)), Tags: true}),
		naive: []naive{{"joiner refuses only bumps between the flight's beginning and its own", uint64(JoinerLooksBetween), false}},
	}
	lostTable = &run{
		name:  "the table of tags is lost",
		check: fence(Fence{Actors: calls(get(p), tag(p), tag(p)), Far: 1, Tags: true, LoseTable: 1}),
		naive: []naive{{"the table begins anew under its old epoch", uint64(TableRestarts), false}},
	}
	secondLook = &run{
		name:  "two Gets, one load",
		check: fence(Fence{Actors: calls(get(p), get(p)), Fresh: true, MaxLoads: 1}),
		naive: []naive{{"no second look", uint64(NoSecondLook), false}},
	}
	oneLoad = &run{
		name:  "Gets in three processes, one load",
		check: fence(Fence{Actors: calls(get(p), get(q), get(r)), Far: 1, Fresh: true, MaxLoads: 1, Finish: true}),
	}
	stale = &run{
		name:  "values grow stale; a stale one comes with the lease",
		check: fence(Fence{Actors: calls(get(p), get(q), write(p)), Far: 1, Push: true, Age: 2}),
		naive: []naive{{"stale refresh ignores the fence", uint64(RefreshIgnoresFence), false}},
	}
	gap = &run{
		name:  "a gap in the stream",
		check: fence(Fence{Actors: calls(get(q), write(p), drop(p)), Far: 1, Push: true, Gap: 1}),
		naive: []naive{
			{"near cleared before the stream is listened to again", uint64(ClearBeforeListening), false},
			{"stored near after a refused fill", uint64(StoreAfterRefusal), true},
		},
	}
	setHere = &run{
		name:  "Set and Delete in one process",
		check: fence(Fence{Actors: calls(get(p), get(q), set(p), drop(p)), Far: 1, Fresh: true}),
		naive: append(setNaive, naive{"Set leaves what began after its ticket was taken out", uint64(SetLeavesLater), false}),
	}
	setThere = &run{
		name:  "Set with a Setter, Delete in another process",
		check: fence(Fence{Actors: calls(get(p), set(p), drop(q)), Far: 2, Push: true, Setter: true}),
		naive: setNaive,
	}
	setGap = &run{
		name:  "Set, and a gap in the stream",
		check: fence(Fence{Actors: calls(get(p), set(p), drop(q)), Far: 1, Push: true, Gap: 1}),
		naive: []naive{{"Set leaves what began after its ticket was taken out", uint64(SetLeavesLater), false}},
	}
	setNaive = []naive{
		{"Set leaves the flight where it is", uint64(SetLeavesFlight), false},
		{"Set detaches, but holds no ticket", uint64(SetHoldsNoTicket), false},
	}
	setRace = &run{
		name:      "Set races with a newer Write",
		check:     fence(Fence{Actors: calls(set(p), write(p)), Far: 1, Push: true}),
		exception: true,
	}
	lateFill = &run{
		name:  "a fill that is late, lost or done twice",
		check: fence(Fence{Actors: calls(get(p), get(q), write(p)), Far: 1, Push: true, LateFill: 1, Expire: 1, Fresh: true}),
		naive: []naive{
			{"a fill leaves its lease", uint64(FillKeepsLease), false},
			{"plain SET as fill", uint64(PlainFill), false},
		},
	}
	paused = &run{
		name:  "a paused holder whose lease ends",
		check: fence(Fence{Actors: calls(get(p), get(q), get(r), write(p)), Far: 1, Expire: 1, Fresh: true}),
		naive: []naive{{"plain SET as fill", uint64(PlainFill), false}},
	}
	missedDelete = &run{
		name:  "a far tier that misses a Delete",
		check: fence(Fence{Actors: calls(get(p), get(q), write(p)), Far: 2, Push: true, FailDrop: 1}),
		naive: []naive{{"only the tier that failed is dirty", uint64(DirtyTierAlone), false}},
	}
	failing = &run{
		name:  "loads that fail",
		check: fence(Fence{Actors: calls(get(p), get(q), get(r)), Far: 1, FailLoad: 3, Fresh: true, Finish: true}),
		naive: []naive{
			{"a failed holder only releases", uint64(ReleaseSaysNothing), false},
			{"changes are listened for after the answer", uint64(ArmAfterAnswer), false},
		},
	}
	crash = &run{
		name:  "a holder crashes; one successor",
		check: fence(Fence{Actors: calls(get(p), get(q), get(r)), Far: 1, Crash: 1, CrashProc: q, Fresh: true, MaxLoads: 2, Finish: true}),
		naive: []naive{{"a lease has no end", uint64(NoLeaseEnd), false}},
	}
	crashWrite = &run{
		name:  "a holder crashes during a Write",
		check: fence(Fence{Actors: calls(get(p), get(q), write(p)), Far: 1, Push: true, Crash: 1, CrashProc: q, Finish: true}),
	}
	outage = &run{
		name:  "an engine that is not reached, impatient callers",
		check: fence(Fence{Actors: calls(get(p), get(q), write(p)), Far: 1, Push: true, FailAsk: 1, Impatient: true, Fresh: true, Finish: true}),
	}
	batches = &run{
		name:  "two batches of the same two keys",
		check: fence(Fence{Actors: calls(many(p), many(q)), Far: 1, Push: true, Fresh: true, Finish: true}),
		naive: []naive{{"a batch waits for all leases before it loads", uint64(BatchWaits), false}},
	}
	batchWrite = &run{
		name:  "a batch, a Write of one of its keys",
		check: fence(Fence{Actors: calls(many(p), write(q)), Far: 1, Push: true, Finish: true}),
		naive: []naive{
			{"check, unlock, store", uint64(CheckThenStore), false},
			{"plain SET as fill", uint64(PlainFill), false},
		},
	}

	slotPushes = &run{
		name:  "slots: two Gets, two pushes of the key",
		check: slots(Slots{Calls: []SlotCall{get0, get0, push0, push0}}),
		naive: []naive{
			{"the stamp taken after the read", uint64(StampAfterRead), false},
			{"the entry stamped when it is stored", uint64(StampAtStore), false},
			{"joiner refuses nothing", uint64(JoinerTakesAll), false},
			{"joiner refuses only numbers between the flight's beginning and its own", uint64(SlotLooksBetween), false},
			{"two pushes at once leave the lower number", uint64(SlotGoesBack), false},
			{"pushed before the far tier has dropped the key", uint64(SlotBeforeFar), false},
		},
	}
	slotShared = &run{
		name:  "slots: two keys in one, both pushed and read",
		check: slots(Slots{Calls: []SlotCall{get0, get1, push0, push1}, Shared: true}),
		naive: []naive{{"two pushes at once leave the lower number", uint64(SlotGoesBack), false}},
	}
	slotHidden = &run{
		name:  "slots: two keys in one, two Gets of one key",
		check: slots(Slots{Calls: []SlotCall{get0, get0, push0, push1}, Shared: true}),
		naive: []naive{{"joiner refuses only numbers between the flight's beginning and its own", uint64(SlotLooksBetween), false}},
	}
	slotFloor = &run{
		name:  "slots: a gap, InvalidateAll, a Write here",
		check: slots(Slots{Calls: []SlotCall{get0, gap0, all0, drop0}}),
		naive: []naive{{"the floor is not raised", uint64(FloorForgotten), false}},
	}
	slotTags = &run{
		name:  "slots: two bumps of a tag",
		check: slots(Slots{Calls: []SlotCall{get0, get0, tag0, tag0}}),
		naive: []naive{{"joiner refuses only numbers between the flight's beginning and its own", uint64(SlotLooksBetween), false}},
	}
	get0, get1   = SlotCall{Kind: SlotGet}, SlotCall{Kind: SlotGet, Key: 1}
	push0, push1 = SlotCall{Kind: SlotPush}, SlotCall{Kind: SlotPush, Key: 1}
	gap0, all0   = SlotCall{Kind: SlotGap}, SlotCall{Kind: SlotAll}
	tag0, drop0  = SlotCall{Kind: SlotTag}, SlotCall{Kind: SlotDrop}

	rings = []*run{
		{name: "a load waits for itself", check: ring(0)},
		{name: "a ring of two loads", check: ring(1, 0), naive: walkFirst},
		{name: "a ring of three", check: ring(1, 2, 0), naive: walkFirst},
		{name: "a ring of four", check: ring(1, 2, 3, 0), naive: walkFirst},
		{name: "a ring of two, and one that waits for it", check: ring(1, 0, 1), naive: walkFirst},
		{name: "two rings of two", check: ring(1, 0, 3, 2), naive: walkFirst},
		{name: "a chain of four", check: ring(1, 2, 3, Nobody)},
		{name: "three wait for one", check: ring(3, 3, 3, Nobody)},
	}
	walkFirst = []naive{{"publish edge after the ring check", 1, false}}
)

// all are the runs in the page's order.
var all = append([]*run{
	oneWrite, twoTiers, restart, failover, tags, twoBumps, lostTable, secondLook, oneLoad, stale, gap, setHere, setThere, setGap,
	setRace, lateFill, paused, missedDelete, failing, crash, crashWrite, outage, batches, batchWrite,
	slotPushes, slotShared, slotHidden, slotFloor, slotTags,
}, rings...)

// wide are spaces of up to some minutes and some gigabytes.
var wide = []*run{
	{name: "two far tiers, a late fill, a Delete that is missed", check: fence(Fence{
		Actors: calls(get(p), get(q), write(p)), Far: 2, Push: true, LateFill: 1, FailDrop: 1, Fresh: true,
	})},
	{name: "two far tiers, three processes, a crash", check: fence(Fence{
		Actors: calls(get(p), get(q), get(r), write(p)), Far: 2, Push: true, Crash: 1, CrashProc: q, Fresh: true,
	})},
	{name: "two far tiers, a failover, an end of a lease", check: fence(Fence{
		Actors: calls(get(p), get(q), write(p)), Far: 2, Push: true, Failover: 1, Expire: 1, Fresh: true,
	})},
	{name: "an end of a lease, a stale value, a late fill, a restart, a gap", check: fence(Fence{
		Actors: calls(get(p), get(q), write(p)), Far: 1, Push: true,
		Expire: 1, Age: 1, LateFill: 1, Restart: 1, Gap: 1, Fresh: true,
	})},
	{name: "two batches and a Write of one of their keys", check: fence(Fence{
		Actors: calls(many(p), many(q), Actor{Write, p, 1}), Far: 1, Push: true, Fresh: true, Finish: true,
	})},
	{name: "Set in two tiers, Gets here and there, a Delete there", check: fence(Fence{
		Actors: calls(get(p), get(q), set(p), drop(q)), Far: 2, Push: true, Fresh: true,
	})},
	{name: "tags, a far tier, two Gets, two bumps", check: fence(Fence{
		Actors: calls(get(p), get(q), tag(p), tag(q)), Far: 1, Tags: true, Fresh: true,
	})},
	{name: "slots: two keys in one, two Gets, two pushes, a gap", check: slots(Slots{
		Calls: []SlotCall{get0, get0, push0, push1, gap0}, Shared: true,
	})},
}

// words tells a counterexample as a sentence: who, and what they did in a row.
func words(r Result) string {
	var b strings.Builder
	who := ""
	for _, step := range r.Trace {
		text := strings.TrimPrefix(step.String(), step.Who+" ")
		switch {
		case step.Who == who:
			fmt.Fprintf(&b, ", %s", text)
		case who == "":
			fmt.Fprintf(&b, "*%s* %s", step.Who, text)
		default:
			fmt.Fprintf(&b, "; *%s* %s", step.Who, text)
		}
		who = step.Who
	}
	return b.String()
}

// chosen are the runs, with the wide ones when ONEFOLD_FENCE_WIDE is set.
func chosen() []*run {
	if os.Getenv("ONEFOLD_FENCE_WIDE") == "" {
		return nil
	}
	return wide
}
