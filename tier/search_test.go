package tier_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// Those whose load was overtaken by InvalidateTag load once more, together. Real
// time, as a bubble's stands still while they go round.
//
// SPEC: C11, F01
func TestJoinersOfAnOvertakenLoadShareTheNext(t *testing.T) {
	const joiners = 50
	var loads atomic.Int64
	first, second := make(chan struct{}), make(chan struct{})
	c, err := tier.NewSource(tier.Source[string, int]{
		LoadEntry: func(context.Context, string, tier.Prior[int]) (tier.Loaded[int], error) {
			n := int(loads.Add(1))
			if n == 1 {
				<-first
			} else {
				<-second
			}
			return tier.Loaded[int]{Value: n, Tags: []string{"tag"}}, nil
		},
	}, tier.Config{}, newNear[string, int]())
	if err != nil {
		t.Fatal(err)
	}
	leader := get(t.Context(), c, "k")
	for loads.Load() == 0 {
		runtime.Gosched()
	}
	if err := c.InvalidateTag(t.Context(), "tag"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range joiners {
		wg.Go(func() {
			r := c.GetResult(t.Context(), "k", tier.Read{})
			if r.Value != 2 || r.Err != nil || !r.Again {
				t.Errorf("GetResult = %+v, want 2 from another load", r)
			}
		})
	}
	for c.Stats().Joined < joiners {
		runtime.Gosched()
	}
	close(first)
	for c.Stats().Again < joiners {
		runtime.Gosched()
	}
	close(second)
	wg.Wait()
	wantReply(t, <-leader, 1)
	if n := loads.Load(); n != 2 {
		t.Errorf("%d loads, want 2", n)
	}
	wantPeek(t, c, "k", 2)
}

// However many wait for a load that runs into its time limit, that is one
// failure.
//
// SPEC: F07
func TestTimeoutIsOneFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loads atomic.Int64
		c := newCache(t, func(ctx context.Context, _ string) (int, error) {
			if loads.Add(1) == 1 {
				return 1, nil
			}
			<-ctx.Done()
			return 0, ctx.Err()
		}, tier.Config{
			TTL: time.Second, StaleIfError: 24 * time.Hour, LoadTimeout: time.Second,
			Backoff: tier.Backoff{Min: time.Minute, Max: 12 * time.Hour},
		})
		wantGet(t, c, "k", 1)
		time.Sleep(2 * time.Second)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { wantGet(t, c, "k", 1) })
		}
		wg.Wait()
		time.Sleep(time.Minute)
		before := loads.Load()
		wantGet(t, c, "k", 1)
		if loads.Load() != before+1 {
			t.Errorf("after the backoff of one failure the source is still left alone")
		}
	})
}

// SPEC: F03
func TestBudgetOfACallIsOverTheSoftOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loads atomic.Int64
		c := newCache(t, func(context.Context, string) (int, error) {
			if loads.Add(1) > 1 {
				time.Sleep(time.Hour)
			}
			return 1, nil
		}, tier.Config{TTL: time.Second, StaleIfError: 24 * time.Hour, SoftBudget: time.Minute})
		wantGet(t, c, "k", 1)
		time.Sleep(2 * time.Second)
		start := time.Now()
		wantResult(t, c, tier.Read{Budget: time.Second}, 1, onefold.Stale, tier.OverBudget, false)
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v, want the call's own budget", took)
		}
		// Without a value to give the call is over as well.
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		start = time.Now()
		r := c.GetResult(t.Context(), "k", tier.Read{Budget: time.Second})
		if took := time.Since(start); !errors.Is(r.Err, onefold.ErrBudget) || took != time.Second {
			t.Errorf("GetResult = %+v after %v, want ErrBudget after 1s", r, took)
		}
		time.Sleep(3 * time.Hour)
	})
}

// A call that lost patience because its value was deleted goes on with the load
// that it waits for.
//
// SPEC: F03
func TestSoftBudgetThatHasNothingToGive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loads atomic.Int64
		c := newCache(t, func(context.Context, string) (int, error) {
			n := loads.Add(1)
			if n > 1 {
				time.Sleep(time.Minute)
			}
			return int(n), nil
		}, tier.Config{TTL: time.Second, StaleIfError: 2 * time.Second, SoftBudget: 2 * time.Second})
		wantGet(t, c, "k", 1)
		time.Sleep(2 * time.Second)
		var wg sync.WaitGroup
		for range 5 { // within the soft budget the value ends
			wg.Go(func() { wantGet(t, c, "k", 2) })
		}
		wg.Wait()
		if n := loads.Load(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
	})
}

// A call that has found a value, and then had it invalidated under its eyes,
// looks again: another call may have loaded a new one by then. One that wants
// another value than everybody does not.
//
// SPEC: L01, F06
func TestCallWhoseValueIsInvalidatedUnderItsEyesLooksAgain(t *testing.T) {
	near := mem.New[string, int](mem.Config{})
	c, err := tier.NewSource(tier.Source[string, int]{
		LoadEntry: func(context.Context, string, tier.Prior[int]) (tier.Loaded[int], error) {
			return tier.Loaded[int]{Value: 1, Tags: []string{"tag"}}, nil
		},
	}, tier.Config{}, near)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	e := near.Get("k")
	if c.LooksAgain(t.Context(), "k", e, tier.Read{NotBefore: time.Now()}) {
		t.Error("a call that wants a newer value than there is looks for it in the same place")
	}
	if err := c.InvalidateTag(t.Context(), "tag"); err != nil {
		t.Fatal(err)
	}
	if !c.LooksAgain(t.Context(), "k", e, tier.Read{}) {
		t.Error("a call whose value is invalidated loads without another look")
	}
}
