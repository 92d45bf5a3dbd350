package fencemodel_test

import "testing"

// SPEC: R11, C10, C11, L03
func TestDeleteWins(t *testing.T) { hold(t, oneWrite) }

// SPEC: L05, R11
func TestTwoFarTiers(t *testing.T) { hold(t, twoTiers) }

// SPEC: R17, X09
func TestRestartAndFailover(t *testing.T) { hold(t, restart, failover) }

// SPEC: C11, F09
func TestTags(t *testing.T) { hold(t, tags, twoBumps, lostTable) }

// SPEC: C03, R14
func TestOneLoad(t *testing.T) { hold(t, secondLook, oneLoad) }

// SPEC: C24
func TestStaleRefresh(t *testing.T) { hold(t, stale) }

func TestGap(t *testing.T) { hold(t, gap) }

// SPEC: C12, L05
func TestSet(t *testing.T) { hold(t, setHere, setThere, setGap, setRace) }

// SPEC: R16, X02
func TestLateFill(t *testing.T) { hold(t, lateFill, paused) }

// SPEC: X05
func TestMissedDelete(t *testing.T) { hold(t, missedDelete) }

// SPEC: X10
func TestFailingLoads(t *testing.T) { hold(t, failing) }

// SPEC: R15, R19
func TestCrash(t *testing.T) { hold(t, crash, crashWrite) }

// SPEC: R18
func TestOutage(t *testing.T) { hold(t, outage) }

func TestBatches(t *testing.T) { hold(t, batches, batchWrite) }

// A push that bumps a number in a slot stands for one that does D2, and the
// flight that stores near need compare nothing but that it is the key's: an
// entry with an old stamp is stored, and is no hit.
func TestSlots(t *testing.T) { hold(t, slotPushes, slotShared, slotHidden, slotFloor, slotTags) }

// Each load publishes its edge and then walks: no ring is missed, in which all
// would wait for ever, and none is seen where there is none.
//
// SPEC: G30
func TestEveryRingIsSeen(t *testing.T) { hold(t, rings...) }

// The spaces that take minutes are searched when ONEFOLD_FENCE_WIDE is set.
func TestWide(t *testing.T) { hold(t, chosen()...) }
