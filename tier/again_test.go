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
	"github.com/onefold-go/onefold/mem"
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
	}, cfg, mem.New[string, int](mem.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	return c
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
				}, tier.Config{}, mem.New[string, int](mem.Config{}), encoded(engine.Connect()))
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
		}, tier.Config{}, mem.New[string, int](mem.Config{}))
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
