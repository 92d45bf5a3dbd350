package loadctx_test

import (
	"context"
	"testing"
	"time"

	"github.com/onefold-go/onefold/internal/loadctx"
)

// A whole ends with its last part, and not before it has all of them.
func TestPartsEndTheWhole(t *testing.T) {
	var whole, a, b loadctx.Ctx
	whole.Init(context.Background(), false)
	whole.Collect()
	a.InitPart(&whole)
	a.Cancel()
	a.Finish() // counts no more
	if whole.Ended() || !a.Ended() {
		t.Errorf("the whole has ended: %v, its only part: %v; want false, true", whole.Ended(), a.Ended())
	}
	b.InitPart(&whole)
	whole.Collected()
	if whole.Ended() {
		t.Error("the whole has ended, and a part of it lives")
	}
	done := whole.Done()
	b.Finish()
	select {
	case <-done:
	default:
		t.Error("the whole lives, and no part of it does")
	}
	if err := whole.Err(); err != context.Canceled {
		t.Errorf("Err() = %v, want Canceled", err)
	}
}

// All parts end while the whole collects them: it ends once it has.
func TestPartsEndBeforeTheyAreCollected(t *testing.T) {
	var whole, a loadctx.Ctx
	whole.Init(context.Background(), false)
	whole.Collect()
	a.InitPart(&whole)
	a.TimeOut()
	whole.Collected()
	if err := whole.Err(); err != context.Canceled {
		t.Errorf("Err() = %v, want Canceled", err)
	}
}

func TestPartsHaveTheStageAndDeadlineOfTheWhole(t *testing.T) {
	var whole, a loadctx.Ctx
	whole.Init(context.Background(), false)
	whole.Collect()
	a.InitPart(&whole)
	whole.SetStage(3)
	if a.Stage() != 3 || a.Overdue() {
		t.Errorf("the part is in stage %d, overdue %v; want 3, false", a.Stage(), a.Overdue())
	}
	whole.Limit(-time.Second, func() {})
	if !a.Overdue() {
		t.Error("the part of what is overdue is not")
	}
	a.Finish()
	whole.Finish()
}

// What waits for a part waits for the whole; what waits for one that has ended
// waits for nothing.
//
// SPEC: G30
func TestRingsThroughParts(t *testing.T) {
	var one, two, a, b, x loadctx.Ctx
	one.Init(context.Background(), false)
	one.Collect()
	a.InitPart(&one)
	b.InitPart(&one)
	two.Init(context.Background(), false)
	two.Collect()
	x.InitPart(&two)
	if one.Wait(&b, numbered{}, 0) == nil {
		t.Error("a load that waits for a part of itself closes no ring")
	}
	if two.Wait(&a, numbered{}, 0) != nil {
		t.Error("two waits for a part of one, which waits for nothing: a ring")
	}
	if one.Wait(&x, numbered{}, 0) == nil {
		t.Error("one waits for a part of two, which waits for a part of one: no ring")
	}
	a.Finish() // so two is about to go on
	if one.Wait(&x, numbered{}, 0) != nil {
		t.Error("one waits for a part of two, which waits for what has ended: a ring")
	}
	one.Waited(&x)
	two.Waited(&a)
	if n := one.Waits() + two.Waits(); n != 0 {
		t.Errorf("%d waits are left, want none", n)
	}
}
