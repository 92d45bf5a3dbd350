package tier_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

// aging is for values that GetMany gives while they are loaded anew.
var aging = tier.Config{TTL: 10 * time.Second, StaleFor: time.Hour}

// What GetMany refreshes behind its caller it loads in one call.
//
// SPEC: B01, C21, N13
func TestGetManyRefreshesTogether(t *testing.T) {
	for name, far := range map[string]func() []tier.Far[string, int]{
		"near only": func() []tier.Far[string, int] { return nil },
		"a Batcher": func() []tier.Far[string, int] {
			return []tier.Far[string, int]{encoded(new(foldtest.Engine).Connect())}
		},
		"a Batcher over a Store": func() []tier.Far[string, int] {
			return []tier.Far[string, int]{encoded(new(foldtest.Engine).Connect()), encoded(plainStore{&memStore{}})}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &crate{many: func(_ context.Context, keys []string) (map[string]int, error) {
				time.Sleep(time.Second)
				values := make(map[string]int)
				for _, key := range keys {
					values[key] = len(key)
				}
				return values, nil
			}}
			c := newCrateCache(t, b, aging, far()...)
			defer c.Close(t.Context())
			synctest.Wait() // it hears of changes
			c.GetMany(t.Context(), []string{"a", "bb", "ccc"})
			b.wantCalls(t, name, []string{"a", "bb", "ccc"})
			time.Sleep(20 * time.Second)
			start := time.Now()
			got := c.GetMany(t.Context(), []string{"a", "bb", "a", "ccc"})
			wantMany(t, name, got, "1/stale 2/stale 1/stale 3/stale ")
			if took := time.Since(start); took != 0 {
				t.Errorf("%s: it took %v, want none", name, took)
			}
			wantMany(t, name, c.GetMany(t.Context(), []string{"bb", "dddd"}), "2/stale 4/led ")
			synctest.Wait()
			b.wantCalls(t, name+", behind the call", []string{"a", "bb", "ccc"}, []string{"dddd"})
			wantMany(t, name, c.GetMany(t.Context(), []string{"a", "bb", "ccc"}), "1/hit 2/hit 3/hit ")
			if n := c.Stats().Refreshes; n != 3 {
				t.Errorf("%s: %d refreshes, want 3", name, n)
			}
		})
	}
}

// So it does where the values, and the leases to refresh them, have come from a
// far tier.
//
// SPEC: B01, C21
func TestGetManyRefreshesTogetherWhatIsStaleInAFarTier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		b := &crate{}
		p := newCrateCache(t, b, aging, encoded(engine.Connect()))
		q := newCrateCache(t, b, aging, encoded(engine.Connect()))
		defer p.Close(t.Context())
		defer q.Close(t.Context())
		synctest.Wait()
		keys := []string{"a", "bb", "ccc"}
		p.GetMany(t.Context(), keys)
		b.wantCalls(t, "first", keys)
		time.Sleep(20 * time.Second)
		wantMany(t, "another process", q.GetMany(t.Context(), keys), "1/stale 2/stale 3/stale ")
		synctest.Wait()
		b.wantCalls(t, "behind the call", keys)
		wantMany(t, "again", q.GetMany(t.Context(), keys), "1/hit 2/hit 3/hit ")
		if n := engine.Calls(foldtest.FillMany); n != 2 {
			t.Errorf("%d fills, want the leases that came with the values to be used together: 2", n)
		}
	})
}

// SPEC: C23, F07
func TestGetManyWhoseRefreshDoesNotReturn(t *testing.T) {
	for name, end := range map[string]func(){
		"panic":  func() { panic("jam") },
		"Goexit": runtime.Goexit,
	} {
		for _, apart := range []bool{false, true} { // the keys are held by another process
			synctest.Test(t, func(t *testing.T) {
				var engine foldtest.Engine
				b := &crate{}
				cfg := aging
				cfg.Backoff = tier.Backoff{Min: time.Minute}
				c := newCrateCache(t, b, cfg, encoded(engine.Connect()))
				defer c.Close(t.Context())
				synctest.Wait()
				keys := []string{"a", "bb"}
				c.GetMany(t.Context(), keys)
				b.many = func(context.Context, []string) (map[string]int, error) { end(); return nil, nil }
				b.one = func(context.Context, string) (int, error) { end(); return 0, nil }
				time.Sleep(20 * time.Second)
				if apart {
					for _, key := range keys {
						if _, err := engine.Connect().Acquire(t.Context(), key, tier.AcquireOptions{LeaseTTL: time.Second, RefreshBelow: 2 * time.Hour}); err != nil {
							t.Error(err)
						}
					}
				}
				for range 3 {
					wantMany(t, name, c.GetMany(t.Context(), keys), "1/stale 2/stale ")
					time.Sleep(5 * time.Second)
				}
				if n := c.Stats().Refreshes; n != 2 {
					t.Errorf("%s, apart %v: %d refreshes, want 2: the source is left alone", name, apart, n)
				}
				if n := c.Stats().Failures; n != 2 {
					t.Errorf("%s, apart %v: %d failures, want 2", name, apart, n)
				}
				time.Sleep(time.Minute)
				b.many = nil
				wantMany(t, name, c.GetMany(t.Context(), keys), "1/stale 2/stale ")
				synctest.Wait()
				wantMany(t, name, c.GetMany(t.Context(), keys), "1/hit 2/hit ")
			})
		}
	}
}

// Values that the source has told more of are asked for so that it can do that
// again.
//
// SPEC: F09
func TestGetManyRefreshesTaggedValuesByLoadEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ones, together []string
		c, err := tier.NewSource(tier.Source[string, int]{
			LoadEntry: func(_ context.Context, key string, _ tier.Prior[int]) (tier.Loaded[int], error) {
				ones = append(ones, key)
				l := tier.Loaded[int]{Value: len(key)}
				if key == "tagged" {
					l.Tags = []string{"tag"}
				}
				return l, nil
			},
			LoadMany: func(_ context.Context, keys []string) (map[string]int, error) {
				together = append(together, keys...)
				return map[string]int{"a": 1, "bb": 2}, nil
			},
		}, aging, newNear[string, int]())
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"a", "tagged", "bb"} {
			wantGet(t, c, key, len(key))
		}
		time.Sleep(20 * time.Second)
		wantMany(t, "stale", c.GetMany(t.Context(), []string{"a", "tagged", "bb"}), "1/stale 6/stale 2/stale ")
		synctest.Wait()
		slices.Sort(together)
		if got, want := fmt.Sprint(ones, together), "[a tagged bb tagged] [a bb]"; got != want {
			t.Errorf("loaded %s alone and together, want %s", got, want)
		}
		invalidate(t, c, "tag")
		wantNoPeek(t, c, "tagged")
		wantPeek(t, c, "a", 1)
	})
}
