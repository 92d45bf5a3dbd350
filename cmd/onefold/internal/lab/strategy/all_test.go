package strategy_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

// each runs a test for every strategy, in a bubble of its own.
func each(t *testing.T, kinds []strategy.Kind, test func(*testing.T, strategy.Kind)) {
	for _, kind := range kinds {
		t.Run(kind.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, kind) })
		})
	}
}

// caching is all strategies that keep something.
func caching() []strategy.Kind {
	var kinds []strategy.Kind
	for _, kind := range strategy.All() {
		if kind.Name != "nocache" {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

func TestCatalogueIsComplete(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+$`)
	seen := make(map[string]bool)
	for _, kind := range strategy.All() {
		if !name.MatchString(kind.Name) || seen[kind.Name] {
			t.Errorf("Name %q is not a word of its own", kind.Name)
		}
		seen[kind.Name] = true
		if kind.Title == "" || kind.Prevents == "" || kind.Misses == "" || kind.New == nil {
			t.Errorf("%s: a field is empty: %+v", kind.Name, kind)
		}
	}
	for _, want := range []string{"nocache", "check", "loadorstore", "mutex", "future", "jitter", "singleflight", "dochan", "otter"} {
		if !seen[want] {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestMissLoadsAndThenHits(t *testing.T) {
	each(t, caching(), func(t *testing.T, kind strategy.Kind) {
		var s shelf
		c := open(t, kind, &s)
		for range 3 {
			get(t, c, "a", 1)
		}
		get(t, c, "b", 1)
		s.wantLoads(t, 2)
		if c.Hits() != 2 {
			t.Errorf("Hits = %d, want 2", c.Hits())
		}
	})
}

func TestEntryExpires(t *testing.T) {
	each(t, caching(), func(t *testing.T, kind strategy.Kind) {
		var s shelf
		c := open(t, kind, &s)
		get(t, c, "a", 1)
		s.write("a") // nobody tells the cache
		time.Sleep(ttl * 3 / 4)
		get(t, c, "a", 1)
		time.Sleep(ttl/4 + time.Second)
		get(t, c, "a", 2)
		s.wantLoads(t, 2)
	})
}

func TestPutIsAHit(t *testing.T) {
	each(t, caching(), func(t *testing.T, kind strategy.Kind) {
		var s shelf
		c := open(t, kind, &s)
		c.Put("a", source.Record{Key: "a", Version: 7})
		get(t, c, "a", 7)
		s.wantLoads(t, 0)
		time.Sleep(ttl + time.Second)
		get(t, c, "a", 1)
		s.wantLoads(t, 1)
	})
}

func TestInvalidateDropsTheEntry(t *testing.T) {
	each(t, strategy.All(), func(t *testing.T, kind strategy.Kind) {
		var s shelf
		c := open(t, kind, &s)
		get(t, c, "a", 1)
		get(t, c, "b", 1)
		version := s.write("a")
		if err := c.Invalidate(t.Context(), "a"); err != nil {
			t.Fatalf("Invalidate: %v", err)
		}
		get(t, c, "a", version)
		get(t, c, "b", 1)
		if err := c.Invalidate(t.Context(), "never stored"); err != nil {
			t.Errorf("Invalidate of a key that is not stored: %v", err)
		}
	})
}

func TestErrorIsNotCached(t *testing.T) {
	each(t, strategy.All(), func(t *testing.T, kind strategy.Kind) {
		var s shelf
		c := open(t, kind, &s)
		s.setFail(errShelf)
		if r, err := c.Get(t.Context(), "a"); !errors.Is(err, errShelf) || r.Version != 0 {
			t.Errorf("Get = %v, %v; want the zero Record and %v", r, err, errShelf)
		}
		s.setFail(nil)
		get(t, c, "a", 1)
		s.wantLoads(t, 2)
		if c.Hits() != 0 {
			t.Errorf("Hits = %d, want 0", c.Hits())
		}
	})
}

func TestCallersOwnDeadlineIsItsError(t *testing.T) {
	each(t, strategy.All(), func(t *testing.T, kind strategy.Kind) {
		var s shelf
		c := open(t, kind, &s)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := c.Get(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get = %v, want %v", err, context.DeadlineExceeded)
		}
		time.Sleep(2 * time.Second) // what loads on ends
	})
}

// Strategies that prevent concurrent loads of one key say so, and do.
func TestConcurrentMissesLoad(t *testing.T) {
	const callers = 10
	loads := map[string]int{
		"nocache": callers, "check": callers, "loadorstore": callers, "jitter": callers,
		"future": 1, "singleflight": 1, "dochan": 1, "otter": 1, "onefold": 1,
	}
	for _, kind := range strategy.All() {
		want, ok := loads[kind.Name]
		if !ok {
			continue // mutex: its waiters hold a lock, on which a bubble's clock does not move
		}
		t.Run(fmt.Sprintf("%s=%d", kind.Name, want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s shelf
				c := open(t, kind, &s)
				var replies []<-chan reply
				for range callers {
					replies = append(replies, async(t.Context(), c, "a"))
				}
				for _, ch := range replies {
					if r := <-ch; r.err != nil || r.record.Version != 1 {
						t.Errorf("Get = %v, %v; want version 1", r.record, r.err)
					}
				}
				s.wantLoads(t, want)
			})
		})
	}
}
