package foldtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/onefold-go/onefold/tier"
)

// TestNear holds near tiers to the contract of [tier.Near]. open gives a new
// and empty one each time, with room for ten entries at least. Run it with
// -race.
func TestNear(t *testing.T, open func() tier.Near[string, int]) {
	for _, c := range nearChecks {
		t.Run(c.name, func(t *testing.T) { c.run(t, open) })
	}
}

type nearCheck struct {
	name string
	run  func(t testing.TB, open func() tier.Near[string, int])
}

var nearChecks = []nearCheck{
	{"HoldsWhatItWasGiven", nearHolds},
	{"DeleteAndClear", nearDrops},
	{"ZeroKeysAndValues", nearZeros},
	{"ConcurrentWriters", nearConcurrent},
	{"UnderACache", nearUnderACache},
}

// entries gives n entries, which only a cache can make: of the values 0, 1, …
func entries(t testing.TB, n int) []*tier.Entry[int] {
	t.Helper()
	caught := &catcher{}
	load := func(context.Context, string) (int, error) { return 0, errors.New("foldtest: not to be loaded") }
	c, err := tier.New(load, tier.Config{}, tier.Near[string, int](caught))
	if err != nil {
		t.Fatal(err)
	}
	made := make([]*tier.Entry[int], n)
	for i := range made {
		if err := c.Set(context.Background(), "k", tier.Loaded[int]{Value: i}); err != nil {
			t.Fatal(err)
		}
		made[i] = caught.last
	}
	return made
}

// A catcher is a near tier that keeps the last entry.
type catcher struct{ last *tier.Entry[int] }

func (c *catcher) Get(string) *tier.Entry[int]      { return nil }
func (c *catcher) Set(_ string, e *tier.Entry[int]) { c.last = e }
func (c *catcher) Delete(string)                    {}
func (c *catcher) Clear()                           {}

// wantEntry checks what near has for key: want, or nothing if it may have
// dropped it.
func wantEntry(t testing.TB, step string, near tier.Near[string, int], key string, want *tier.Entry[int]) (kept bool) {
	t.Helper()
	got := near.Get(key)
	if got != nil && got != want {
		if want == nil {
			t.Errorf("%s: Get(%q) is an entry of %d, want nil", step, key, got.Value())
		} else {
			t.Errorf("%s: Get(%q) is an entry of %d, want the one of %d or nil", step, key, got.Value(), want.Value())
		}
	}
	return got != nil
}

func nearHolds(t testing.TB, open func() tier.Near[string, int]) {
	made := entries(t, 20)
	kept := 0
	for i := range 10 {
		near := open()
		wantEntry(t, "new", near, "a", nil)
		near.Set("a", made[2*i])
		near.Set("b", made[0])
		if wantEntry(t, "Set", near, "a", made[2*i]) {
			kept++
		}
		near.Set("a", made[2*i+1])
		wantEntry(t, "Set again", near, "a", made[2*i+1])
		wantEntry(t, "Set of another key", near, "b", made[0])
		wantEntry(t, "never set", near, "c", nil)
	}
	if kept == 0 {
		t.Errorf("of 10 entries set none was there when asked for at once, want some")
	}
}

func nearDrops(t testing.TB, open func() tier.Near[string, int]) {
	made := entries(t, 2)
	near := open()
	near.Delete("a") // of what is not there
	near.Clear()
	near.Set("a", made[0])
	near.Set("b", made[1])
	near.Delete("a")
	near.Delete("a")
	wantEntry(t, "Delete", near, "a", nil)
	wantEntry(t, "Delete of another key", near, "b", made[1])
	near.Set("a", made[1])
	wantEntry(t, "Set after Delete", near, "a", made[1])
	near.Clear()
	wantEntry(t, "Clear", near, "a", nil)
	wantEntry(t, "Clear", near, "b", nil)
	near.Set("b", made[0])
	wantEntry(t, "Set after Clear", near, "b", made[0])
}

func nearZeros(t testing.TB, open func() tier.Near[string, int]) {
	made := entries(t, 3)
	near := open()
	for i, key := range []string{"", "\x00", "\x00\x00"} {
		near.Set(key, made[i])
	}
	for i, key := range []string{"", "\x00", "\x00\x00"} {
		wantEntry(t, "Set", near, key, made[i])
	}
	near.Delete("")
	wantEntry(t, "Delete", near, "", nil)
	wantEntry(t, "Delete of the empty key", near, "\x00", made[1])
}

// nearConcurrent has one writer a key, as the cache's lock makes it, and many
// readers: none may see an entry after a later one, nor the writer one that it
// deleted.
func nearConcurrent(t testing.TB, open func() tier.Near[string, int]) {
	const keys, steps = 4, 500
	made := entries(t, steps)
	near := open()
	var (
		writers, readers sync.WaitGroup
		done             atomic.Bool
	)
	seed := rand.Uint64() //nolint:gosec // a seed
	for k := range keys {
		key := fmt.Sprint("key ", k)
		rng := rand.New(rand.NewPCG(seed, uint64(k))) //nolint:gosec // no secret
		writers.Go(func() {
			for i, e := range made {
				near.Set(key, e)
				if got := near.Get(key); got != nil && got != e {
					t.Errorf("seed %d: after Set of %d, Get is %d", seed, i, got.Value())
				}
				if rng.IntN(2) == 0 {
					near.Delete(key)
					if got := near.Get(key); got != nil {
						t.Errorf("seed %d: after Delete, Get is %d", seed, got.Value())
					}
				}
			}
		})
		readers.Go(func() {
			last := -1
			for ; !done.Load(); runtime.Gosched() {
				if e := near.Get(key); e != nil {
					if e.Value() < last {
						t.Errorf("seed %d: Get is %d after it was %d", seed, e.Value(), last)
						return
					}
					last = e.Value()
				}
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
	near.Clear()
	for k := range keys {
		wantEntry(t, "Clear", near, fmt.Sprint("key ", k), nil)
	}
}

// nearUnderACache: what a cache promises holds over the tier.
func nearUnderACache(t testing.TB, open func() tier.Near[string, int]) {
	var (
		version atomic.Int64
		wg      sync.WaitGroup
		ctx     = context.Background()
	)
	load := func(context.Context, string) (int, error) { return int(version.Load()), nil }
	c, err := tier.New(load, tier.Config{}, open())
	if err != nil {
		t.Fatal(err)
	}
	for g := range 4 {
		wg.Go(func() {
			for range 200 {
				key := fmt.Sprint("key ", g%2)
				least := version.Load()
				if g < 2 {
					least = version.Add(1)
					if err := c.Delete(ctx, key); err != nil {
						t.Errorf("Delete = %v", err)
					}
				} else {
					least = 0
				}
				if v, err := c.Get(ctx, key); err != nil || int64(v) < least {
					t.Errorf("Get = %d, %v; want %d or more: what was deleted came back", v, err, least)
				}
			}
		})
	}
	wg.Wait()
	if err := c.Close(ctx); err != nil {
		t.Errorf("Close = %v", err)
	}
}
