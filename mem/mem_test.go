package mem_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

func length(_ context.Context, key string) (int, error) { return len(key), nil }

// entry makes an entry, which only a cache can.
func entry(t *testing.T, value int) *tier.Entry[int] {
	t.Helper()
	near := mem.New[string, int](mem.Config{})
	c, err := tier.New(length, tier.Config{}, near)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: value}); err != nil {
		t.Fatal(err)
	}
	e := near.Get("k")
	if e == nil || e.Value() != value {
		t.Fatalf("Get = %v, want an entry of %d", e, value)
	}
	return e
}

func TestCacheHoldsWhatItWasGiven(t *testing.T) {
	c := mem.New[string, int](mem.Config{})
	one, two := entry(t, 1), entry(t, 2)
	want := func(step, key string, want *tier.Entry[int]) {
		t.Helper()
		if got := c.Get(key); got != want {
			t.Errorf("%s: Get(%q) = %p, want %p", step, key, got, want)
		}
	}
	want("new", "a", nil)
	c.Set("a", one)
	c.Set("b", one)
	want("Set", "a", one)
	c.Set("a", two)
	want("Set again", "a", two)
	want("Set again", "b", one)
	if n := c.EstimatedLen(); n != 2 {
		t.Errorf("EstimatedLen = %d, want 2", n)
	}
	c.Delete("a")
	c.Delete("a")
	want("Delete", "a", nil)
	want("Delete", "b", one)
	c.Set("a", one)
	c.Clear()
	want("Clear", "a", nil)
	want("Clear", "b", nil)
	c.Set("b", two)
	want("Set after Clear", "b", two)
}

// Eviction runs behind the writes, so the bound holds a moment later.
//
// SPEC: C17
func TestCapacityBoundsTheEntries(t *testing.T) {
	e := entry(t, 1)
	for _, tt := range []struct{ given, want int }{{1, 1}, {100, 100}, {0, mem.DefaultMaxEntries}} {
		synctest.Test(t, func(t *testing.T) {
			c := mem.New[int, int](mem.Config{MaxEntries: tt.given})
			for i := range 3 * tt.want {
				c.Set(i, e)
			}
			synctest.Wait()
			n := 0
			for i := range 3 * tt.want {
				if c.Get(i) != nil {
					n++
				}
			}
			if n > tt.want || n == 0 || c.EstimatedLen() > tt.want {
				t.Errorf("MaxEntries %d: %d entries are left, %d by estimate; want 1 to %d", tt.given, n, c.EstimatedLen(), tt.want)
			}
		})
	}
}

func TestConfigFaults(t *testing.T) {
	bad := mem.Config{MaxEntries: -1}
	if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), "MaxEntries is -1") {
		t.Errorf("Validate = %v, want it to name MaxEntries and -1", err)
	}
	if err := (mem.Config{}).Validate(); err != nil {
		t.Errorf("Validate of the zero Config = %v", err)
	}
	defer func() {
		if p := recover(); !strings.Contains(fmt.Sprint(p), "MaxEntries is -1") {
			t.Errorf("New with a bad Config: recovered %v", p)
		}
	}()
	mem.New[string, int](bad)
}

// The cache has no goroutine of its own.
//
// SPEC: M05
func TestIdleCacheHasNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := mem.New[int, int](mem.Config{MaxEntries: 10})
		for i := range 1000 {
			c.Set(i, nil)
			c.Get(i / 2)
		}
		synctest.Wait()
		// Whatever the bubble has left would fail it at its end.
	})
}

// One goroutine sets and deletes a key; what the others see is what it holds
// then, never something older.
func TestConcurrentUse(t *testing.T) {
	c := mem.New[string, int](mem.Config{MaxEntries: 4})
	entries := make([]*tier.Entry[int], 100)
	for i := range entries {
		entries[i] = entry(t, i)
	}
	var wg sync.WaitGroup
	done := make(chan struct{})
	for i := range 4 {
		wg.Go(func() {
			last := -1
			for {
				if e := c.Get("k"); e != nil {
					if e.Value() < last {
						t.Errorf("Get = %d after %d", e.Value(), last)
						return
					}
					last = e.Value()
				}
				c.Set(strconv.Itoa(i), entries[0]) // something to evict
				select {
				case <-done:
					return
				default:
					runtime.Gosched()
				}
			}
		})
	}
	for _, e := range entries {
		c.Set("k", e)
		runtime.Gosched()
		c.Delete("k")
		if e := c.Get("k"); e != nil {
			t.Errorf("Get = %d after Delete", e.Value())
		}
	}
	close(done)
	wg.Wait()
}
