package tier_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

// A shelf is a source whose values carry tags. Each load takes a second.
type shelf struct {
	mu      sync.Mutex
	version int
	tags    []string
	loads   int
}

func (s *shelf) load(context.Context, string, tier.Prior[int]) (tier.Loaded[int], error) {
	s.mu.Lock()
	s.loads++
	l := tier.Loaded[int]{Value: s.version, Tags: s.tags}
	s.mu.Unlock()
	time.Sleep(time.Second)
	return l, nil
}

func (s *shelf) set(version int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = version
}

func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads
}

// tagged makes a cache over s, and closes it with the test.
func tagged(t *testing.T, s *shelf, cfg tier.Config, far ...tier.Far[string, int]) *tier.Cache[string, int] {
	t.Helper()
	c, err := tier.NewSource(tier.Source[string, int]{LoadEntry: s.load}, cfg, newNear[string, int](), far...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

func invalidate(t *testing.T, c *tier.Cache[string, int], tags ...string) {
	t.Helper()
	if err := c.InvalidateTag(t.Context(), tags...); err != nil {
		t.Errorf("InvalidateTag(%q) = %v", tags, err)
	}
}

// SPEC: F09
func TestInvalidateTag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{version: 1, tags: []string{"a", "b"}}
		c := tagged(t, s, tier.Config{TTL: time.Hour, StaleFor: time.Hour, StaleIfError: time.Hour})
		for key := range 100 {
			wantGet(t, c, fmt.Sprint(key), 1)
		}
		s.set(2)
		invalidate(t, c, "c")
		wantPeek(t, c, "7", 1)
		invalidate(t, c, "x", "b")
		for key := range 100 { // nor is the old value given as a stale one
			wantNoPeek(t, c, fmt.Sprint(key))
		}
		wantGet(t, c, "7", 2)
		wantPeek(t, c, "7", 2)
		if err := c.InvalidateAll(t.Context()); err != nil {
			t.Error(err)
		}
		wantNoPeek(t, c, "7")
	})
}

// SPEC: C11, F09
func TestInvalidateTagDuringALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, all := range []bool{false, true} {
			s := &shelf{version: 1, tags: []string{"a"}}
			c := tagged(t, s, tier.Config{TTL: time.Hour})
			before := get(t.Context(), c, "k")
			synctest.Wait()
			s.set(2)
			if all {
				if err := c.InvalidateAll(t.Context()); err != nil {
					t.Error(err)
				}
			} else {
				invalidate(t, c, "a")
			}
			start := time.Now()
			r := c.GetResult(t.Context(), "k", tier.Read{})
			if r.Value != 2 || r.Err != nil || r.Outcome != onefold.Led || !r.Again {
				t.Errorf("GetResult = %+v after the invalidation, want 2 by a load of its own, again", r)
			}
			if took := time.Since(start); took != 2*time.Second {
				t.Errorf("it took %v, want the rest of the load that it had joined, and its own", took)
			}
			wantReply(t, <-before, 1) // it came before
			wantPeek(t, c, "k", 2)
		}
	})
}

// A call that joined such a load has what is left of its budget for the next.
//
// SPEC: F03
func TestBudgetCoversALoadThatWasInvalidated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{version: 1, tags: []string{"a"}} // each load takes a second
		c := tagged(t, s, tier.Config{})
		before := get(t.Context(), c, "k")
		synctest.Wait()
		invalidate(t, c, "a")
		start := time.Now()
		r := c.GetResult(t.Context(), "k", tier.Read{Budget: 1500 * time.Millisecond})
		var budget *tier.BudgetError
		if !errors.As(r.Err, &budget) || !r.Again || budget.Budget != 1500*time.Millisecond {
			t.Errorf("GetResult = %+v, want a BudgetError from the second load", r)
		}
		if took := time.Since(start); took != 1500*time.Millisecond {
			t.Errorf("it took %v, want 1.5s", took)
		}
		wantReply(t, <-before, 1)
	})
}

// Whoever joins a load whose value turns out not to carry what was invalidated
// has its answer.
//
// SPEC: F01, F09
func TestInvalidateAnotherTagDuringALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{version: 1, tags: []string{"a"}}
		c := tagged(t, s, tier.Config{TTL: time.Hour})
		before := get(t.Context(), c, "k")
		synctest.Wait()
		invalidate(t, c, "b")
		r := c.GetResult(t.Context(), "k", tier.Read{})
		if r.Value != 1 || r.Err != nil || r.Outcome != onefold.Joined || r.Again {
			t.Errorf("GetResult = %+v, want to join 1, once", r)
		}
		wantReply(t, <-before, 1)
		if n := s.count(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
	})
}

// No form of call that begins after an invalidation has returned is given what an
// older load brings, and none of those that take the load out of the table has
// its callers wait for it.
//
// SPEC: C11
func TestNoFormOfCallGetsAnOlderLoad(t *testing.T) {
	type cache = *tier.Cache[string, int]
	changes := map[string]func(ctx context.Context, c cache) error{
		"Delete": func(ctx context.Context, c cache) error { return c.Delete(ctx, "other", "k") },
		"Expire": func(ctx context.Context, c cache) error { return c.Expire(ctx, "k") },
		"Write": func(ctx context.Context, c cache) error {
			return c.Write(ctx, "k", func(context.Context) error { return nil })
		},
		"InvalidateTag": func(ctx context.Context, c cache) error { return c.InvalidateTag(ctx, "none", "a") },
		"InvalidateAll": func(ctx context.Context, c cache) error { return c.InvalidateAll(ctx) },
	}
	forms := map[string]func(ctx context.Context, c cache) (int, error){
		"Get": func(ctx context.Context, c cache) (int, error) { return c.Get(ctx, "k") },
		"GetMany": func(ctx context.Context, c cache) (int, error) {
			r := c.GetMany(ctx, []string{"another", "k"})[1]
			return r.Value, r.Err
		},
		"GetResult": func(ctx context.Context, c cache) (int, error) {
			r := c.GetResult(ctx, "k", tier.Read{MaxStale: time.Hour, Budget: time.Minute})
			return r.Value, r.Err
		},
		"Refresh": func(ctx context.Context, c cache) (int, error) { return c.Refresh(ctx, "k") },
	}
	for change, do := range changes {
		for form, call := range forms {
			for _, far := range []bool{false, true} {
				for _, old := range []bool{false, true} { // there is a value already, which the older load refreshes
					synctest.Test(t, func(t *testing.T) {
						s := &shelf{version: 1, tags: []string{"a"}}
						var tiers []tier.Far[string, int]
						if far {
							tiers = append(tiers, encoded(new(foldtest.Engine).Connect()))
						}
						c := tagged(t, s, tier.Config{TTL: time.Minute, StaleFor: time.Hour}, tiers...)
						synctest.Wait() // it hears of changes
						if old {
							wantGet(t, c, "k", 1)
							time.Sleep(2 * time.Minute)
						}
						before := get(t.Context(), c, "k")
						time.Sleep(time.Second / 2)
						s.set(2)
						if err := do(t.Context(), c); err != nil {
							t.Error(err)
						}
						start := time.Now()
						want := 2
						if change == "Expire" && old && form != "Refresh" {
							want = 1 // within StaleFor: that is what Expire is for
						}
						v, err := call(t.Context(), c)
						if v != want || err != nil {
							t.Errorf("far %v, old %v: after %s, %s = %d, %v; want %d, nil", far, old, change, form, v, err, want)
						}
						if took := time.Since(start); took > time.Second && change != "InvalidateTag" && change != "InvalidateAll" {
							t.Errorf("far %v, old %v: after %s, %s took %v, want no more than a load", far, old, change, form, took)
						}
						wantReply(t, <-before, 1)
						time.Sleep(2 * time.Second)
						wantPeek(t, c, "k", 2)
					})
				}
			}
		}
	}
}

// What is forgotten of the invalidation invalidates.
//
// SPEC: F09
func TestTagsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{version: 1, tags: []string{"first"}}
		c := tagged(t, s, tier.Config{MaxTags: 4})
		wantGet(t, c, "k", 1)
		s.set(2)
		invalidate(t, c, "first")
		for i := range 100 {
			invalidate(t, c, fmt.Sprint("tag", i))
		}
		wantNoPeek(t, c, "k")
		wantGet(t, c, "k", 2)
		invalidate(t, c, "other") // few enough: what is newer than the floor stays
		wantPeek(t, c, "k", 2)
	})
}

// SPEC: F09
func TestInvalidateTagReachesOtherProcesses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		connect func(*foldtest.Engine) tier.Store
		within  time.Duration
	}{
		{"by push", func(e *foldtest.Engine) tier.Store { return e.Connect() }, 0},
		{"by looking", func(e *foldtest.Engine) tier.Store {
			s := e.Connect()
			return struct {
				tier.Leaser
				tier.Tagger
			}{s, s}
		}, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var engine foldtest.Engine
				s := &shelf{version: 1, tags: []string{"a"}}
				p := tagged(t, s, tier.Config{TTL: time.Hour}, encoded(tt.connect(&engine)))
				q := tagged(t, s, tier.Config{TTL: time.Hour}, encoded(tt.connect(&engine)))
				time.Sleep(2 * time.Second) // they listen
				wantGet(t, p, "k", 1)
				synctest.Wait() // q has heard of it
				wantGet(t, q, "k", 1)
				if n := s.count(); n != 1 {
					t.Errorf("%d loads, want 1 for both", n)
				}
				wantPeek(t, q, "k", 1)
				s.set(2)
				invalidate(t, p, "a")
				wantNoPeek(t, p, "k")
				time.Sleep(tt.within)
				synctest.Wait()
				wantNoPeek(t, q, "k")
				wantGet(t, q, "k", 2) // not what the far tier still holds
				wantGet(t, p, "k", 2)
				if n := s.count(); n != 2 {
					t.Errorf("%d loads, want 2", n)
				}

				// A table that is lost takes all that was stored under it along.
				s.set(3)
				engine.EvictTags()
				time.Sleep(2 * time.Second)
				invalidate(t, p, "unrelated")
				time.Sleep(tt.within)
				synctest.Wait()
				wantGet(t, p, "k", 3)
				wantGet(t, q, "k", 3)
			})
		})
	}
}

// Where nobody could invalidate it by tag, a value with tags is not stored.
//
// An invalidation that the far tier does not take holds for the near tier here,
// and for nothing else until one succeeds: as its DeleteError says.
//
// SPEC: F09, R10
func TestInvalidationThatTheFarTierDoesNotTake(t *testing.T) {
	for _, all := range []bool{false, true} {
		for _, lost := range []bool{false, true} { // the answer alone
			synctest.Test(t, func(t *testing.T) {
				var engine foldtest.Engine
				s := &shelf{version: 1, tags: []string{"a"}}
				cfg := tier.Config{TTL: time.Hour, TagPoll: time.Minute}
				conn := engine.Connect()
				p, q := tagged(t, s, cfg, encoded(polled(conn))), tagged(t, s, cfg, encoded(polled(engine.Connect())))
				drop := func() error {
					if all {
						return p.InvalidateAll(t.Context())
					}
					return p.InvalidateTag(t.Context(), "a")
				}
				wantGet(t, p, "k", 1)
				wantGet(t, q, "k", 1)
				loading := get(t.Context(), p, "l")
				time.Sleep(time.Second / 2)
				s.set(2)
				conn.Inject(foldtest.Bump, foldtest.Fault{Err: foldtest.ErrInjected, After: lost})
				var failed *tier.DeleteError
				if err := drop(); !errors.As(err, &failed) || !slices.Equal(failed.Tiers, []int{0}) || !errors.Is(err, foldtest.ErrInjected) {
					t.Errorf("it gives %v, want a DeleteError of tier 0", err)
				}
				wantNoPeek(t, p, "k")
				wantPeek(t, q, "k", 1)
				if r := p.GetResult(t.Context(), "k", tier.Read{}); r.Value != 1 || r.Level != 1 {
					t.Errorf("GetResult = %+v, want 1 from the far tier", r)
				}
				wantReply(t, <-loading, 1)
				time.Sleep(2 * time.Minute) // they have looked at the table
				want := 1
				if lost { // it was taken after all
					want = 2
				}
				for _, key := range []string{"k", "l"} {
					wantGet(t, p, key, want)
					wantGet(t, q, key, want)
				}
				s.set(3)
				if err := drop(); err != nil {
					t.Errorf("it gives %v, want nil", err)
				}
				for _, key := range []string{"k", "l"} {
					wantGet(t, p, key, 3)
				}
				time.Sleep(2 * time.Minute)
				for _, key := range []string{"k", "l"} {
					wantGet(t, q, key, 3)
				}
			})
		}
	}
}

// SPEC: F09
func TestTagsWithoutATagger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		s := &shelf{version: 1, tags: []string{"a"}}
		c := tagged(t, s, tier.Config{TTL: time.Hour}, encoded(struct{ tier.Leaser }{engine.Connect()}))
		wantGet(t, c, "k", 1)
		synctest.Wait()
		if engine.Data("k") != nil {
			t.Error("the far tier holds a value with tags")
		}
		invalidate(t, c, "a")
		wantNoPeek(t, c, "k")
		var failed *tier.DeleteError
		if err := c.InvalidateAll(t.Context()); !errors.As(err, &failed) {
			t.Errorf("InvalidateAll = %v, want a DeleteError", err)
		}
		s.mu.Lock()
		s.tags = nil
		s.mu.Unlock()
		time.Sleep(tier.DefaultDirectFor) // for so long, others load for themselves
		wantGet(t, c, "l", 1)
		if engine.Data("l") == nil {
			t.Error("the far tier does not hold a value without tags")
		}
	})
}

// A push does what a Delete does, for the key and those of its slot.
//
// SPEC: R10, X11
func TestDeleteReachesTheNearTiersOfOtherProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		s := &shelf{version: 1}
		p := tagged(t, s, tier.Config{TTL: time.Hour}, encoded(engine.Connect()))
		q := tagged(t, s, tier.Config{TTL: time.Hour}, encoded(engine.Connect()))
		time.Sleep(time.Second)
		wantGet(t, p, "k", 1)
		synctest.Wait()
		wantGet(t, q, "k", 1)
		synctest.Wait()
		wantPeek(t, p, "k", 1) // its own fill, and the other's, have dropped nothing
		s.set(2)
		if err := p.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		wantNoPeek(t, q, "k")
		wantGet(t, q, "k", 2)

		// A load under way in q is not for callers that come after the push.
		if err := p.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		before := get(t.Context(), q, "k")
		time.Sleep(time.Second / 2)
		s.set(3)
		if err := p.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		wantGet(t, q, "k", 3)
		wantReply(t, <-before, 2)
		wantPeek(t, q, "k", 3)
	})
}

// One process of many refreshes what has become stale; the others serve it.
//
// SPEC: F04
func TestOneRefreshForTheFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		s := &shelf{version: 1}
		cfg := tier.Config{TTL: 100 * time.Second, StaleFor: 100 * time.Second, EarlyRefresh: 1}
		var fleet []*tier.Cache[string, int]
		for range 4 {
			fleet = append(fleet, tagged(t, s, cfg, encoded(engine.Connect())))
		}
		time.Sleep(time.Second)
		waited, loads := 0, 0
		for range 10_000 {
			for _, c := range fleet {
				start := time.Now()
				if _, err := c.Get(t.Context(), "k"); err != nil {
					t.Fatal(err)
				}
				if time.Since(start) > 0 {
					waited++
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		loads = s.count()
		if cycles := 1000. / 100; float64(loads-1) > 1.05*cycles+1 || float64(loads-1) < cycles-2 || waited > 1 {
			t.Errorf("%d loads in %v cycles of 4 processes, and %d calls waited; want one a cycle, and the first", loads-1, cycles, waited)
		}
	})
}

// A far value in its stale window is given at once, with one load behind it.
// Without a near tier to keep it in, later calls wait for that load.
func TestStaleFarValueIsGivenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, nearless := range []bool{false, true} {
			var engine foldtest.Engine
			s := &shelf{version: 1}
			cfg := tier.Config{TTL: 10 * time.Second, StaleFor: time.Minute}
			p := tagged(t, s, cfg, encoded(engine.Connect()))
			wantGet(t, p, "k", 1)
			s.set(2)
			time.Sleep(10 * time.Second)
			var near tier.Near[string, int] = newNear[string, int]()
			if nearless {
				near = nil
			}
			q, err := tier.NewSource(tier.Source[string, int]{LoadEntry: s.load}, cfg, near, encoded(engine.Connect()))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // it listens
			start := time.Now()
			calls := 10
			if nearless {
				calls = 1
			}
			for range calls {
				if r := q.GetResult(t.Context(), "k", tier.Read{}); r.Value != 1 || r.Outcome != onefold.Stale || r.Why != tier.Revalidating {
					t.Errorf("GetResult = %+v, want the stale 1", r)
				}
			}
			if took := time.Since(start); took != 0 {
				t.Errorf("it took %v", took)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if r := q.GetResult(t.Context(), "k", tier.Read{}); r.Value != 2 || r.Why != tier.NotStale {
				t.Errorf("GetResult = %+v after the refresh, want a fresh 2", r)
			}
			if n := s.count(); n != 2 {
				t.Errorf("%d loads, want 2", n)
			}
			if err := q.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestConditionalLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var priors []tier.Prior[int]
		modified := true
		load := func(_ context.Context, _ string, prior tier.Prior[int]) (tier.Loaded[int], error) {
			priors = append(priors, prior)
			if !modified {
				return tier.Loaded[int]{NotModified: true}, nil
			}
			return tier.Loaded[int]{Value: 7, Validator: "v1", Tags: []string{"a"}}, nil
		}
		c, err := tier.NewSource(tier.Source[string, int]{LoadEntry: load}, tier.Config{TTL: 10 * time.Second}, newNear[string, int]())
		if err != nil {
			t.Fatal(err)
		}
		wantGet(t, c, "k", 7)
		modified = false
		time.Sleep(11 * time.Second)
		wantGet(t, c, "k", 7)
		wantPeek(t, c, "k", 7) // fresh again
		invalidate(t, c, "a")  // it kept its tags
		wantNoPeek(t, c, "k")
		wantGet(t, c, "k", 7) // and the source says once more that it stands
		wantPeek(t, c, "k", 7)
		want := []tier.Prior[int]{{}, {OK: true, Value: 7, Validator: "v1", Age: 11 * time.Second}, {OK: true, Value: 7, Validator: "v1"}}
		if fmt.Sprint(priors) != fmt.Sprint(want) {
			t.Errorf("the source was given %v, want %v", priors, want)
		}
		if _, err := c.Get(t.Context(), "absent"); err == nil {
			t.Error("NotModified without a prior value is no error")
		}
	})
}
