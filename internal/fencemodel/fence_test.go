package fencemodel_test

import (
	"testing"
	"time"

	. "github.com/onefold-go/onefold/internal/fencemodel" //nolint:revive,stylecheck // the runs read as a language of their own
)

const (
	p = iota
	q
	r
)

// A run is one bounded space, and the naive versions that break in it.
type run struct {
	name  string
	fence Fence
	naive []naive
}

type naive struct {
	name     string
	is       Naive
	harmless bool // it broke nothing, and that is recorded
}

var runs = []run{
	{
		name:  "a reader in each of two processes, one Write",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, q, 0}, {Write, p, 0}}, Far: 1, Push: true, Evict: 1},
		naive: []naive{
			{"fence after the far read", FenceAfterFarRead, false},
			{"check, unlock, store", CheckThenStore, false},
			{"push drops the entry, not the flight", PushKeepsFlight, false},
			{"near deleted before far", NearBeforeFar, false},
			{"publish before far delete", PublishBeforeFar, false},
			{"plain SET as fill", PlainFill, false},
			{"lease taken after the load", LoadBeforeLease, false},
			{"stored near after a refused fill", StoreAfterRefusal, true},
		},
	},
	{
		name:  "two far tiers",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, q, 0}, {Write, p, 0}}, Far: 2, Push: true},
		naive: []naive{
			{"top deleted first", TopDeletedFirst, false},
			{"top filled first", TopFilledFirst, true},
			{"stored near after a refused fill", StoreAfterRefusal, true},
		},
	},
	{
		name:  "a restart, and tokens that count",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, q, 0}, {Write, p, 0}}, Far: 1, Push: true, CAS: true, Restart: 1},
		naive: []naive{{"CAS counter restarts", CASRestarts, false}},
	},
	{
		name:  "a failover to a replica that lags",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, q, 0}, {Write, p, 0}}, Far: 1, Push: true, Failover: 1},
		naive: []naive{
			{"failover lost the Delete", FailoverKeepsLeases, false},
			{"joiner is given what is beyond its TTL", JoinerTakesExpired, false},
		},
	},
	{
		name:  "tags",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, q, 0}, {Get, p, 0}, {InvalidateTag, p, 0}}, Far: 1, Tags: true},
		naive: []naive{
			{"tag generations read after the load", GenerationAfterLoad, false},
			{"re-stamp so that it passes", Restamp, false},
			{"joiner trusts the flight", JoinerTrusts, false},
		},
	},
	{
		name:  "two bumps of a tag",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, p, 0}, {InvalidateTag, p, 0}, {InvalidateTag, p, 0}}, Tags: true},
		naive: []naive{{"a joiner looks between the two beginnings only", JoinerLooksBetween, false}},
	},
	{
		name:  "a gap in the stream",
		fence: Fence{Actors: []Actor{{Get, q, 0}, {Get, q, 0}, {Write, p, 0}, {Delete, p, 0}}, Far: 1, Push: true, Gap: 1},
		naive: []naive{
			{"near cleared before listening again", ClearBeforeListening, false},
			{"stored near after a refused fill", StoreAfterRefusal, true},
		},
	},
	{
		name:  "Set, tier by tier",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, q, 0}, {Set, p, 0}, {Delete, q, 0}}, Far: 1, Push: true, Evict: 1},
		naive: []naive{
			{"Set leaves the flight where it is", SetLeavesFlight, false},
			{"Set detaches, but holds no ticket", SetHoldsNoTicket, false},
		},
	},
	{
		name:  "Set, with a Setter",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, q, 0}, {Set, p, 0}, {Delete, q, 0}}, Far: 2, Push: true, Setter: true},
		naive: []naive{
			{"Set leaves the flight where it is", SetLeavesFlight, false},
			{"Set detaches, but holds no ticket", SetHoldsNoTicket, false},
		},
	},
	{
		name:  "Set and a Write that race",
		fence: Fence{Actors: []Actor{{Set, p, 0}, {Write, p, 0}}, Far: 1, Push: true, Naive: 0},
	},
	{
		name:  "a fill that is late, or done twice",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, q, 0}, {Write, p, 0}}, Far: 1, Push: true, LateFill: 1, Expire: 1, Restart: 1},
		naive: []naive{
			{"a fill leaves its lease", FillKeepsLease, false},
			{"plain SET as fill", PlainFill, false},
		},
	},
	{
		name:  "a far tier that misses a Delete",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, q, 0}, {Write, p, 0}}, Far: 2, Push: true, FailDrop: 1},
		naive: []naive{{"only the tier that failed is dirty", DirtyTierAlone, false}},
	},
	{
		name:  "loads that fail",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, q, 0}, {Get, r, 0}}, Far: 1, FailLoad: 3, Fresh: true, Finish: true},
		naive: []naive{
			{"a failed holder only releases", ReleaseSaysNothing, false},
			{"changes are listened for after the answer", ArmAfterAnswer, false},
		},
	},
	{
		name:  "a holder that crashes",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, q, 0}, {Get, r, 0}, {Write, p, 0}}, Far: 1, Push: true, Crash: 1, CrashProc: q, Finish: true},
		naive: []naive{{"a lease has no end", NoLeaseEnd, false}},
	},
	{
		name:  "two batches",
		fence: Fence{Actors: []Actor{{GetMany, p, 0}, {GetMany, q, 0}, {Write, p, 1}}, Far: 1, Push: true, Fresh: true, Finish: true},
	},
	{
		name:  "a batch and two Gets in two processes",
		fence: Fence{Actors: []Actor{{GetMany, p, 0}, {GetMany, q, 0}}, Far: 1, Push: true, Fresh: true, Finish: true},
		naive: []naive{{"a batch waits for all leases before it loads", BatchWaits, false}},
	},
	{
		name:  "a table of tags that is lost",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, q, 0}, {InvalidateTag, p, 0}, {InvalidateTag, p, 0}}, Far: 0, Tags: true, LoseTable: 1},
		naive: []naive{{"the table begins anew under its old epoch", TableRestarts, false}},
	},
	{
		name:  "two readers, no Write",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, p, 0}}, Fresh: true, MaxLoads: 1},
		naive: []naive{{"no second look", NoSecondLook, false}},
	},
	{
		name:  "a stale value",
		fence: Fence{Actors: []Actor{{Get, p, 0}, {Get, q, 0}, {Write, p, 0}}, Far: 1, Push: true, Age: 2},
		naive: []naive{{"stale refresh ignores the fence", RefreshIgnoresFence, false}},
	},
}

func TestTable(t *testing.T) {
	for _, run := range runs {
		check(t, run)
	}
}

func check(t *testing.T, run run) {
	t.Helper()
	began := time.Now()
	got := Check(run.fence.Model(), 5_000_000)
	t.Logf("%s: %d states, %d steps, depth %d, %v", run.name, got.States, got.Steps, got.Depth, time.Since(began))
	if got.Fault != "" {
		t.Errorf("%s:\n%s", run.name, got.Lines())
	}
	for _, naive := range run.naive {
		fence := run.fence
		fence.Naive = naive.is
		began := time.Now()
		got := Check(fence.Model(), 5_000_000)
		t.Logf("%s, %s: %d states, %v\n%s", run.name, naive.name, got.States, time.Since(began), got.Lines())
		if got.Fault == "" != naive.harmless {
			t.Errorf("%s, %s: got fault %q", run.name, naive.name, got.Fault)
		}
	}
}
