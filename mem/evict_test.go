package mem_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// weighing makes an entry of a weight, which only a cache can.
func weighing(t *testing.T, value int, weight uint32) *tier.Entry[int] {
	t.Helper()
	near := mem.New[string, int](mem.Config{})
	c, err := tier.New(length, tier.Config{}, near)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: value, Weight: weight}); err != nil {
		t.Fatal(err)
	}
	return near.Get("k")
}

// What is in the cache weighs no more than its bound, whoever said what it
// weighs.
//
// SPEC: C17
func TestWeightBoundsTheEntries(t *testing.T) {
	for name, tt := range map[string]struct {
		weight uint32 // of the entries
		opts   []mem.Option[int, int]
		each   uint64
	}{
		"nobody":      {0, nil, 1},
		"the load":    {10, nil, 10},
		"Weigh":       {0, []mem.Option[int, int]{mem.Weigh(func(int, int) uint32 { return 5 })}, 5},
		"Weigh, zero": {0, []mem.Option[int, int]{mem.Weigh(func(int, int) uint32 { return 0 })}, 1},
		"both":        {10, []mem.Option[int, int]{mem.Weigh(func(int, int) uint32 { return 5 })}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			e := weighing(t, 1, tt.weight)
			synctest.Test(t, func(t *testing.T) {
				c := mem.New(mem.Config{MaxWeight: 1000}, tt.opts...)
				for i := range 3000 {
					c.Set(i, e)
				}
				synctest.Wait()
				n := uint64(0)
				for i := range 3000 {
					if c.Get(i) != nil {
						n++
					}
				}
				if n*tt.each > 1000 || n*tt.each < 500 || c.EstimatedWeight() != n*tt.each {
					t.Errorf("%d entries of weight %d are left, by estimate %d; want 500 to 1000 in all", n, tt.each, c.EstimatedWeight())
				}
			})
		})
	}
}

// One entry over the bound is not kept, and does not cost the others theirs.
func TestTooHeavy(t *testing.T) {
	light, heavy := weighing(t, 1, 1), weighing(t, 2, 101)
	synctest.Test(t, func(t *testing.T) {
		var causes []string
		c := mem.New(mem.Config{MaxWeight: 100}, mem.OnEvict(func(key, value int, cause mem.Cause) {
			causes = append(causes, fmt.Sprint(key, value, cause))
		}), mem.Weigh(func(key, _ int) uint32 {
			if key == 99 {
				panic("cannot be weighed")
			}
			return 1
		}))
		for i := range 10 {
			c.Set(i, light)
		}
		synctest.Wait()
		c.Set(5, heavy)
		c.Set(50, heavy)
		c.Set(99, weighing(t, 3, 0))
		synctest.Wait()
		for i := range 100 {
			want := i < 10 && i != 5
			if e := c.Get(i); (e != nil) != want {
				t.Errorf("Get(%d) is an entry: %t, want %t", i, e != nil, want)
			}
		}
		if got := fmt.Sprint(causes); len(causes) != 4 || !strings.Contains(got, "5 1 replaced") || !strings.Contains(got, "5 2 capacity") ||
			!strings.Contains(got, "50 2 capacity") || !strings.Contains(got, "99 3 capacity") {
			t.Errorf("evicted: %s, want 5 1 replaced and 5 2, 50 2, 99 3 for capacity", got)
		}
	})
}

func TestWeightFaults(t *testing.T) {
	err := mem.Config{MaxEntries: 5, MaxWeight: 7}.Validate()
	if err == nil || !strings.Contains(err.Error(), "MaxEntries is 5 and MaxWeight is 7") {
		t.Errorf("Validate = %v, want it to name both", err)
	}
	defer func() {
		if p := recover(); !strings.Contains(fmt.Sprint(p), "MaxWeight") {
			t.Errorf("New with Weigh and no MaxWeight: recovered %v", p)
		}
	}()
	mem.New(mem.Config{}, mem.Weigh(func(int, int) uint32 { return 1 }))
}

// Each value that was set is told of once, or is still there.
//
// SPEC: N14
func TestOnEvictTellsOnce(t *testing.T) {
	entries := make([]*tier.Entry[int], 50)
	for i := range entries {
		entries[i] = entry(t, i)
	}
	synctest.Test(t, func(t *testing.T) {
		type held struct{ key, value int }
		told := make(map[held]mem.Cause)
		causes := make(map[mem.Cause]int)
		var inside atomic.Int64
		c := mem.New(mem.Config{MaxEntries: 20}, mem.OnEvict(func(key, value int, cause mem.Cause) {
			if inside.Add(1) != 1 {
				t.Errorf("two calls at the same time")
			}
			defer inside.Add(-1)
			if _, again := told[held{key, value}]; again {
				t.Errorf("key %d, value %d is told of again, for %v", key, value, cause)
			}
			told[held{key, value}] = cause
			causes[cause]++
		}))
		set := 0
		for i, e := range entries {
			for key := range 10 {
				c.Set(10*(i%5)+key, e)
				set++
			}
			if i%7 == 0 {
				c.Delete(10 * (i % 5))
				c.Delete(10 * (i % 5))
			}
			if i == 25 {
				synctest.Wait()
				c.Clear()
			}
		}
		synctest.Wait()
		left := 0
		for key := range 50 {
			if e := c.Get(key); e != nil {
				left++
				if cause, ok := told[held{key, e.Value()}]; ok {
					t.Errorf("key %d, value %d is there and was told of, for %v", key, e.Value(), cause)
				}
			}
		}
		if len(told) < set-left || len(told) > 2*set || causes[mem.Capacity] == 0 || causes[mem.Replaced] == 0 || causes[mem.Deleted] == 0 {
			t.Errorf("of %d values %d are left and %d were told of: %v", set, left, len(told), causes)
		}
		if s := c.EvictStats(); s != (mem.EvictStats{Told: uint64(len(told))}) {
			t.Errorf("EvictStats = %+v, want %d told", s, len(told))
		}
	})
}

// An entry without a value, of a key that the source has not, counts as one and
// has nobody asked or told of it.
//
// SPEC: N14
func TestEntryWithoutAValue(t *testing.T) {
	near := mem.New[string, int](mem.Config{})
	c, err := tier.New(func(context.Context, string) (int, error) { return 7, onefold.ErrNotFound }, tier.Config{NegativeTTL: time.Hour}, near)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "k"); !errors.Is(err, onefold.ErrNotFound) {
		t.Fatalf("Get = %v, want ErrNotFound", err)
	}
	nothing := near.Get("k")
	if nothing == nil || nothing.HasValue() {
		t.Fatalf("the near tier has %+v, want an entry without a value", nothing)
	}
	synctest.Test(t, func(t *testing.T) {
		c := mem.New(mem.Config{MaxWeight: 100},
			mem.Weigh(func(key, value int) uint32 {
				t.Errorf("Weigh is asked for key %d, value %d", key, value)
				return 50
			}),
			mem.OnEvict(func(key, value int, cause mem.Cause) {
				t.Errorf("OnEvict is told of key %d, value %d, for %v", key, value, cause)
			}))
		for key := range 200 {
			c.Set(key, nothing)
		}
		if w := c.EstimatedWeight(); w != 100 {
			t.Errorf("they weigh %d, want 100", w)
		}
		c.Clear()
		synctest.Wait()
		if s := c.EvictStats(); s != (mem.EvictStats{}) {
			t.Errorf("EvictStats = %+v, want none", s)
		}
	})
}

// An entry that is set again takes nobody's place.
//
// SPEC: N14
func TestOnEvictOfTheSameEntry(t *testing.T) {
	e := entry(t, 1)
	synctest.Test(t, func(t *testing.T) {
		c := mem.New(mem.Config{}, mem.OnEvict(func(key, _ int, cause mem.Cause) { t.Errorf("key %d is told of, for %v", key, cause) }))
		for range 3 {
			c.Set(1, e)
		}
		synctest.Wait()
		if c.Get(1) != e {
			t.Errorf("the entry is gone")
		}
	})
}

// The callback runs with no lock held, and what becomes of it is nobody's
// business.
//
// SPEC: N14
func TestOnEvictMayDoAnything(t *testing.T) {
	e := entry(t, 1)
	synctest.Test(t, func(t *testing.T) {
		var (
			c     *mem.Cache[int, int]
			cache *tier.Cache[int, int]
			calls int
		)
		c = mem.New(mem.Config{MaxEntries: 1000}, mem.OnEvict(func(key, _ int, cause mem.Cause) {
			calls++
			switch key {
			case 0:
				panic("boom")
			case 1:
				runtime.Goexit()
			case 2:
				c.Set(100, e)
				c.Delete(100)
				c.Clear()
				if err := cache.Delete(t.Context(), 3); err != nil {
					t.Errorf("Delete in a callback = %v", err)
				}
			}
		}))
		var err error
		cache, err = tier.New(func(_ context.Context, key int) (int, error) { return key, nil }, tier.Config{}, c)
		if err != nil {
			t.Fatal(err)
		}
		for key := range 4 {
			c.Set(key, e)
			if err := cache.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if s := c.EvictStats(); calls != 5 || s.Told != 5 || s.Panicked != 2 {
			t.Errorf("%d calls, %+v; want 5, of which 2 ended badly", calls, s)
		}
	})
}

// A slow callback holds up nobody, and what waits for it is bounded.
//
// SPEC: N14
func TestOnEvictThatIsSlow(t *testing.T) {
	e := entry(t, 1)
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		c := mem.New(mem.Config{MaxEntries: 10}, mem.OnEvict(func(int, int, mem.Cause) { <-gate }))
		c.Set(0, e)
		c.Delete(0)
		synctest.Wait() // in the callback
		for i := range 10_007 {
			c.Set(i, e)
			c.Delete(i)
		}
		synctest.Wait()
		close(gate)
		synctest.Wait()
		if s := c.EvictStats(); s.Told != 10_001 || s.Untold != 7 {
			t.Errorf("EvictStats = %+v, want 10,001 told and 7 not", s)
		}
	})
}

// SPEC: N14
func TestConcurrentEvictions(t *testing.T) {
	entries := make([]*tier.Entry[int], 8)
	for i := range entries {
		entries[i] = entry(t, i)
	}
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int64
		c := mem.New(mem.Config{MaxEntries: 10}, mem.OnEvict(func(int, int, mem.Cause) { told.Add(1) }))
		var wg sync.WaitGroup
		for g, e := range entries {
			wg.Go(func() {
				for i := range 500 {
					c.Set(1000*g+i, e) // no key twice
					if i%3 == 0 {
						c.Delete(1000*g + i)
					}
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		left := int64(0)
		for key := range 8000 {
			if c.Get(key) != nil {
				left++
			}
		}
		if s := c.EvictStats(); told.Load()+left+int64(s.Untold) != 4000 || uint64(told.Load()) != s.Told {
			t.Errorf("of 4000 values %d were told of, %d are left and %d were not told of", told.Load(), left, s.Untold)
		}
	})
}

// SPEC: M03
func TestFloodOfKeysIsBounded(t *testing.T) {
	e := entry(t, 1)
	c := mem.New[string, int](mem.Config{MaxEntries: 100})
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	long := strings.Repeat("a key that nobody asks for again ", 30)
	flood := func(n int) {
		for i := range n {
			c.Set(long+strconv.Itoa(i), e)
		}
	}
	flood(1000)
	before := heap()
	flood(20_000)
	if after := heap(); after > before+4<<20 {
		t.Errorf("20,000 keys of 1 kB made the heap go from %d to %d bytes", before, after)
	}
}

func TestCauseTexts(t *testing.T) {
	for cause, want := range map[mem.Cause]string{mem.Capacity: "capacity", mem.Replaced: "replaced", mem.Deleted: "deleted", 9: "unknown"} {
		if got := cause.String(); got != want {
			t.Errorf("Cause %d is %q, want %q", cause, got, want)
		}
	}
}
