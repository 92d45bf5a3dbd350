package tier_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

// What a call comes to whose load was no good for it.

func TestCallWhoseLoadFailsGetsTheValueOfALaterOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		loads := 0
		c := newCache(t, func(context.Context, string) (int, error) {
			loads++
			if loads == 1 {
				g.pass()
				return 0, errLoad
			}
			return loads, nil
		}, tier.Config{})
		first := make(chan tier.Result[int], 1)
		go func() { first <- c.GetResult(t.Context(), "k", tier.Read{}) }()
		<-g.reached
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		wantGet(t, c, "k", 2)
		close(g.open)
		if r := <-first; r.Value != 2 || r.Err != nil || r.Outcome != onefold.Hit || r.Why != tier.NotStale {
			t.Errorf("the call whose load failed got %+v, want a hit of 2", r)
		}
		time.Sleep(time.Hour)
		wantGet(t, c, "k", 2)
		synctest.Wait()
		if loads != 2 {
			t.Errorf("%d loads, want 2: the second one's value has no fault", loads)
		}
	})
}

func TestCallWhoseLoadWasInvalidatedTakesWhatWasSetSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		loads := 0
		c := newTagged(t, tier.Config{}, func() int {
			loads++
			g.pass()
			return loads
		})
		older := get(t.Context(), c, "k")
		<-g.reached
		if err := c.InvalidateTag(t.Context(), "tag"); err != nil {
			t.Error(err)
		}
		later := get(t.Context(), c, "k") // joins, and is not to have it
		synctest.Wait()
		if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 10}); err != nil {
			t.Error(err)
		}
		close(g.open)
		wantReply(t, <-older, 1)
		wantReply(t, <-later, 10)
		if loads != 1 {
			t.Errorf("%d loads, want 1", loads)
		}
		wantPeek(t, c, "k", 10)
	})
}

func TestCallAfterItsSoftBudgetStaysWithItsLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loads := 0
		c := newTagged(t, tier.Config{TTL: time.Second, StaleIfError: time.Hour, SoftBudget: time.Second}, func() int {
			loads++
			n := loads
			if n > 1 {
				time.Sleep(10 * time.Second)
			}
			return n
		})
		wantGet(t, c, "k", 1)
		time.Sleep(2 * time.Second)
		leader := get(t.Context(), c, "k")
		synctest.Wait()
		joiner := get(t.Context(), c, "k")
		synctest.Wait()
		if err := c.InvalidateTag(t.Context(), "tag"); err != nil { // now there is nothing to fall back on
			t.Error(err)
		}
		wantReply(t, <-leader, 2)
		wantReply(t, <-joiner, 2)
		if loads != 2 {
			t.Errorf("%d loads, want 2", loads)
		}
	})
}

// newTagged makes a cache whose values all carry one tag.
func newTagged(t *testing.T, cfg tier.Config, load func() int) *tier.Cache[string, int] {
	t.Helper()
	c, err := tier.NewSource(tier.Source[string, int]{
		LoadEntry: func(context.Context, string, tier.Prior[int]) (tier.Loaded[int], error) {
			return tier.Loaded[int]{Value: load(), Tags: []string{"tag"}}, nil
		},
	}, cfg, newNear[string, int]())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A Delete takes out a Set that it overlaps with, but has dropped what the Set
// before that one left in the nearer tier.
//
// SPEC: L05
func TestSetTakenOutByADeleteIsSeenWhenItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deleting, setting := newGate(), newGate()
		last := false
		upper := &memStore{
			before: only("delete", func(context.Context, string, string) error {
				if last {
					setting.pass()
				}
				return nil
			}),
			after: only("delete", deleting.hook),
		}
		c := newCache(t, func(context.Context, string) (int, error) { return 1, nil }, tier.Config{},
			encoded(setStore{upper}), encoded(setStore{&memStore{}}))
		deleted := make(chan error)
		go func() { deleted <- c.Delete(t.Context(), "k") }()
		<-deleting.reached
		if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 4}); err != nil {
			t.Error(err)
		}
		last = true
		set := make(chan error)
		go func() { set <- c.Set(t.Context(), "k", tier.Loaded[int]{Value: 5}) }()
		<-setting.reached
		close(deleting.open)
		if err := <-deleted; err != nil {
			t.Error(err)
		}
		wantGet(t, c, "k", 5) // the second Set has not returned, but the deepest tier has it
		close(setting.open)
		if err := <-set; err != nil {
			t.Error(err)
		}
		wantGet(t, c, "k", 5)
	})
}

// A negative answer of a far tier may come with the right to load anew, and that
// load may panic.
func TestPanicBehindANegativeAnswerMakesNoValueOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := new(foldtest.Engine)
		cfg := tier.Config{TTL: time.Minute, NegativeTTL: 10 * time.Second, StaleFor: time.Minute}
		nothing := func(context.Context, string) (int, error) { return 0, onefold.ErrNotFound }
		panics := func(context.Context, string) (int, error) { panic(errLoad) }
		first := newCache(t, nothing, cfg, encoded(engine.Connect()))
		second := newCache(t, panics, cfg, encoded(engine.Connect()))
		if _, err := first.Get(t.Context(), "k"); !errors.Is(err, onefold.ErrNotFound) {
			t.Errorf("Get = %v, want ErrNotFound", err)
		}
		time.Sleep(time.Second)
		for range 2 {
			if v, err := second.Get(t.Context(), "k"); !errors.Is(err, onefold.ErrNotFound) {
				t.Errorf("Get = %d, %v; want ErrNotFound", v, err)
			}
			synctest.Wait()
		}
		for _, c := range []*tier.Cache[string, int]{first, second} {
			if err := c.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

// SPEC: R04
func TestHangingStoreHoldsUpNoChangeBeyondItsBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, func(context.Context, string) (int, error) { return 1, nil }, tier.Config{}, encoded(&memStore{before: hang}))
		for name, change := range map[string]func() error{
			"Delete": func() error { return c.Delete(t.Context(), "k") },
			"Write":  func() error { return c.Write(t.Context(), "k", func(context.Context) error { return nil }) },
			"Set":    func() error { return c.Set(t.Context(), "k", tier.Loaded[int]{Value: 1}) },
		} {
			start := time.Now()
			if err := change(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s = %v, want that the store did not answer", name, err)
			}
			if took := time.Since(start); took != tier.DefaultFarBudget {
				t.Errorf("%s took %v, want the budget of %v", name, took, tier.DefaultFarBudget)
			}
		}
	})
}

func TestBudgetOfABatchCoversKeysThatLoadDirectly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := tier.NewSource(tier.Source[string, int]{
			LoadEntry: func(ctx context.Context, key string, _ tier.Prior[int]) (tier.Loaded[int], error) {
				time.Sleep(time.Second)
				return tier.Loaded[int]{Value: 1, NoStore: true}, nil
			},
			LoadMany: func(ctx context.Context, _ []string) (map[string]int, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
		}, tier.Config{HardBudget: 2 * time.Second, LoadTimeout: time.Minute}, newNear[string, int]())
		if err != nil {
			t.Fatal(err)
		}
		wantGet(t, c, "direct", 1)
		start := time.Now()
		results := c.GetMany(t.Context(), []string{"hangs", "direct"})
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("GetMany took %v, want its budget of 2s", took)
		}
		if !errors.Is(results[0].Err, onefold.ErrBudget) || results[1].Value != 1 {
			t.Errorf("GetMany = %+v, want a BudgetError and 1", results)
		}
		synctest.Wait()
		time.Sleep(time.Hour) // the hanging load ends
	})
}

// A key that another process is loading leaves the batch and goes on by itself.
func TestPanicOfAKeyThatLeftItsBatch(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic(errLoad) }, "exit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				engine := new(foldtest.Engine)
				c, err := tier.NewSource(tier.Source[string, int]{
					Load: func(context.Context, string) (int, error) {
						end()
						return 0, nil
					},
					LoadMany: func(context.Context, []string) (map[string]int, error) { return map[string]int{"a": 1}, nil },
				}, tier.Config{}, newNear[string, int](), encoded(engine.Connect()))
				if err != nil {
					t.Fatal(err)
				}
				other := engine.Connect()
				if _, err := other.Acquire(t.Context(), "b", tier.AcquireOptions{LeaseTTL: time.Second}); err != nil {
					t.Fatal(err)
				}
				results := c.GetMany(t.Context(), []string{"a", "b"})
				if r := results[0]; r.Value != 1 || r.Err != nil {
					t.Errorf("a: %+v, want 1", r)
				}
				var p *onefold.PanicError
				if r := results[1]; name == "panic" && !errors.As(r.Err, &p) || name == "exit" && !errors.Is(r.Err, onefold.ErrGoexit) {
					t.Errorf("b: %+v, want the %s", r, name)
				}
				if err := c.Close(t.Context()); err != nil {
					t.Errorf("Close = %v", err)
				}
			})
		})
	}
}

func TestPanicOfACloneInABatchIsTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := tier.NewSource(tier.Source[string, int]{
			Load:  func(context.Context, string) (int, error) { return 1, nil },
			Clone: func(int) int { panic(errLoad) },
		}, tier.Config{}, newNear[string, int]())
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if p := recover(); p != errLoad { //nolint:errorlint // the same
				t.Errorf("GetMany panicked with %v, want what Clone panicked with", p)
			}
		}()
		c.GetMany(t.Context(), []string{"a", "b"})
	})
}
