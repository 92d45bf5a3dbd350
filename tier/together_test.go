package tier_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/batch"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

// A crate is a source of lengths that notes which keys are asked for together.
// Its functions are set before first use.
type crate struct {
	one  func(ctx context.Context, key string) (int, error)               // nil: gives -1
	many func(ctx context.Context, keys []string) (map[string]int, error) // nil: gives the lengths

	mu    sync.Mutex
	calls [][]string // of LoadMany, sorted
	ones  []string
}

func (b *crate) source() tier.Source[string, int] {
	return tier.Source[string, int]{
		Load: func(ctx context.Context, key string) (int, error) {
			b.mu.Lock()
			b.ones = append(b.ones, key)
			b.mu.Unlock()
			if b.one != nil {
				return b.one(ctx, key)
			}
			return -1, nil
		},
		LoadMany: func(ctx context.Context, keys []string) (map[string]int, error) {
			b.mu.Lock()
			b.calls = append(b.calls, slices.Sorted(slices.Values(keys)))
			b.mu.Unlock()
			if b.many != nil {
				return b.many(ctx, keys)
			}
			values := make(map[string]int)
			for _, key := range keys {
				values[key] = len(key)
			}
			return values, nil
		},
	}
}

// wantCalls checks what was asked for together, and that nothing was alone.
func (b *crate) wantCalls(t *testing.T, what string, want ...[]string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	slices.SortFunc(b.calls, slices.Compare) // they may be at the same time
	if !slices.EqualFunc(b.calls, want, slices.Equal) || len(b.ones) > 0 {
		t.Errorf("%s: loaded %q together and %q alone, want %q together", what, b.calls, b.ones, want)
	}
	b.calls, b.ones = nil, nil
}

func newCrateCache(t *testing.T, b *crate, cfg tier.Config, far ...tier.Far[string, int]) *tier.Cache[string, int] {
	t.Helper()
	c, err := tier.NewSource(b.source(), cfg, newNear[string, int](), far...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// show gives results in short.
func show(results []tier.Result[int]) string {
	s := ""
	for _, r := range results {
		switch {
		case errors.Is(r.Err, onefold.ErrNotFound):
			s += "none "
		case r.Err != nil:
			s += "error "
		default:
			s += fmt.Sprintf("%d/%v ", r.Value, r.Outcome)
		}
	}
	return s
}

func wantMany(t *testing.T, what string, got []tier.Result[int], want string) {
	t.Helper()
	if s := show(got); s != want {
		t.Errorf("%s: GetMany = %s, want %s", what, s, want)
	}
}

// Whatever far tiers there are, the keys that none of them has are loaded in one
// call.
//
// SPEC: B01, N13
func TestGetManyLoadsTogether(t *testing.T) {
	far := map[string]func() []tier.Far[string, int]{
		"near only": func() []tier.Far[string, int] { return nil },
		"a Batcher": func() []tier.Far[string, int] {
			return []tier.Far[string, int]{encoded(new(foldtest.Engine).Connect())}
		},
		"two Batchers": func() []tier.Far[string, int] {
			return []tier.Far[string, int]{encoded(new(foldtest.Engine).Connect()), encoded(new(foldtest.Engine).Connect())}
		},
		"a Leaser": func() []tier.Far[string, int] { return []tier.Far[string, int]{encoded(&memStore{})} },
		"a Leaser over a Batcher": func() []tier.Far[string, int] {
			return []tier.Far[string, int]{encoded(&memStore{}), encoded(new(foldtest.Engine).Connect())}
		},
		"a Store over a Leaser": func() []tier.Far[string, int] {
			return []tier.Far[string, int]{encoded(plainStore{&memStore{}}), encoded(&memStore{})}
		},
		"an outage": func() []tier.Far[string, int] {
			var engine foldtest.Engine
			for _, op := range []foldtest.Op{foldtest.AcquireMany, foldtest.Acquire, foldtest.Fill, foldtest.Tags} {
				engine.Inject(op, foldtest.Fault{Times: -1, Err: foldtest.ErrInjected})
			}
			return []tier.Far[string, int]{encoded(engine.Connect())}
		},
	}
	for name, far := range far {
		synctest.Test(t, func(t *testing.T) {
			b := &crate{}
			b.many = func(_ context.Context, keys []string) (map[string]int, error) {
				values := make(map[string]int)
				for _, key := range keys {
					if key != "none" {
						values[key] = len(key)
					}
				}
				return values, fmt.Errorf("in part: %w", batch.KeyErrors[string]{"bad": errSource})
			}
			tiers := far()
			c := newCrateCache(t, b, tier.Config{TTL: time.Hour}, tiers...)
			defer c.Close(t.Context())
			synctest.Wait() // it hears of changes
			keys := []string{"a", "none", "bb", "a", "bad", "ccc"}
			results := c.GetMany(t.Context(), keys)
			wantMany(t, name, results, "1/led none 2/led 1/joined error 3/led ")
			if !errors.Is(results[4].Err, errSource) {
				t.Errorf("%s: the error of a key is %v, want %v", name, results[4].Err, errSource)
			}
			b.wantCalls(t, name, []string{"a", "bad", "bb", "ccc", "none"})

			wantMany(t, name+", again", c.GetMany(t.Context(), []string{"ccc", "dddd", "a"}), "3/hit 4/led 1/hit ")
			b.wantCalls(t, name+", again", []string{"dddd"})
			if name == "near only" || name == "an outage" {
				return
			}
			q := newCrateCache(t, b, tier.Config{TTL: time.Hour}, tiers...)
			defer q.Close(t.Context())
			wantMany(t, name+", another process", q.GetMany(t.Context(), []string{"bb", "a", "five5"}), "2/led 1/led 5/led ")
			b.wantCalls(t, name+", another process", []string{"five5"})
		})
	}
}

// A key that another process is loading leaves the others alone; what its own
// load does, panic or exit, is its own.
//
// SPEC: B01, B02, N13
func TestGetManyWithAKeyThatGoesAlone(t *testing.T) {
	for name, alone := range map[string]func() (int, error){
		"error":  func() (int, error) { return 0, errSource },
		"panic":  func() (int, error) { panic(errSource) },
		"Goexit": func() (int, error) { runtime.Goexit(); return 0, nil },
	} {
		synctest.Test(t, func(t *testing.T) {
			var engine foldtest.Engine
			other, err := engine.Connect().Acquire(t.Context(), "bb", tier.AcquireOptions{LeaseTTL: time.Second})
			if err != nil || other.Lease == (tier.Lease{}) {
				t.Fatalf("Acquire = %+v, %v", other, err)
			}
			b := &crate{one: func(context.Context, string) (int, error) { return alone() }}
			c := newCrateCache(t, b, tier.Config{TTL: time.Hour}, encoded(engine.Connect()))
			defer c.Close(t.Context())
			var single reply
			var wg sync.WaitGroup
			go func() {
				synctest.Wait()
				wg.Go(func() {
					defer func() {
						if p := recover(); p != nil {
							single.err = p.(error)
						}
					}()
					single = <-get(t.Context(), c, "a")
				})
			}()
			results := c.GetMany(t.Context(), []string{"a", "bb", "ccc"})
			wg.Wait()
			wantMany(t, name, results, "1/led error 3/led ")
			wantReply(t, single, 1)
			var p *onefold.PanicError
			if want := name == "panic"; errors.As(results[1].Err, &p) != want {
				t.Errorf("%s: the error is %v", name, results[1].Err)
			}
			if want := name == "Goexit"; errors.Is(results[1].Err, onefold.ErrGoexit) != want {
				t.Errorf("%s: the error is %v", name, results[1].Err)
			}
		})
	}
}

// SPEC: B02, C14
func TestGetManyWithoutLoadManyAndALoadThatExits(t *testing.T) {
	c := newCache(t, func(_ context.Context, key string) (int, error) {
		if key == "exit" {
			runtime.Goexit()
		}
		return len(key), nil
	}, tier.Config{})
	results := c.GetMany(context.Background(), []string{"a", "exit"}) // a context that never ends: loads run where they are called
	if results[0].Value != 1 || !errors.Is(results[1].Err, onefold.ErrGoexit) {
		t.Errorf("GetMany = %+v, want 1 and ErrGoexit", results)
	}
}

// SPEC: B02
func TestGetManyPanics(t *testing.T) {
	b := &crate{many: func(context.Context, []string) (map[string]int, error) { panic(errSource) }}
	c := newCrateCache(t, b, tier.Config{}, encoded(new(foldtest.Engine).Connect()))
	defer c.Close(t.Context())
	for i, r := range c.GetMany(t.Context(), []string{"a", "bb"}) {
		var p *onefold.PanicError
		if !errors.As(r.Err, &p) || !errors.Is(r.Err, errSource) {
			t.Errorf("result %d: %+v, want a PanicError", i, r)
		}
	}

	cloning, err := tier.NewSource(tier.Source[string, int]{
		Load:  func(context.Context, string) (int, error) { return 1, nil },
		Clone: func(int) int { panic(errSource) },
	}, tier.Config{}, newNear[string, int]())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if p := recover(); p != error(errSource) {
			t.Errorf("a Clone that panics: recovered %v, want %v on the caller's goroutine", p, errSource)
		}
	}()
	cloning.GetMany(t.Context(), []string{"a", "bb"})
}

// A load of many that does not return gives the leases of its keys back: others
// load at once, and later ones store.
//
// SPEC: B02, X10
func TestLeasesOfABatchThatDoesNotReturn(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("jam") }, "Goexit": runtime.Goexit} {
		synctest.Test(t, func(t *testing.T) {
			var engine foldtest.Engine
			broken := &crate{many: func(context.Context, []string) (map[string]int, error) {
				time.Sleep(time.Second)
				end()
				return nil, nil
			}}
			p := newCrateCache(t, broken, tier.Config{LeaseTTL: time.Hour}, encoded(engine.Connect()))
			q := newCrateCache(t, &crate{}, tier.Config{LeaseTTL: time.Hour}, encoded(engine.Connect()))
			defer p.Close(t.Context())
			defer q.Close(t.Context())
			synctest.Wait()
			go p.GetMany(t.Context(), []string{"a", "bb"})
			time.Sleep(time.Second / 2)
			start := time.Now()
			q.GetMany(t.Context(), []string{"a", "bb"})
			if took := time.Since(start); took != time.Second/2 {
				t.Errorf("%s: who waited for it took %v, want until it ended", name, took)
			}
			time.Sleep(2 * time.Second)
			if err := q.Delete(t.Context(), "a", "bb"); err != nil {
				t.Error(err)
			}
			wantMany(t, name, q.GetMany(t.Context(), []string{"a", "bb"}), "1/led 2/led ")
			if engine.Data("a") == nil || engine.Data("bb") == nil {
				t.Errorf("%s: a later load is not stored", name)
			}
		})
	}
}

// A batchStore is a memStore that answers batches with what is left of the
// slots.
type batchStore struct {
	*memStore
	slots int
}

func (s batchStore) AcquireMany(context.Context, []string, tier.AcquireOptions) ([]tier.Grant, []error) {
	return make([]tier.Grant, s.slots), make([]error, s.slots)
}

func (s batchStore) FillMany(context.Context, []string, []tier.Lease, []tier.Item) ([]bool, []error) {
	return make([]bool, s.slots), make([]error, s.slots)
}
func (s batchStore) DeleteMany(context.Context, []string) []error { return make([]error, s.slots) }

// A Batcher that answers more or less than it was asked is a tier that fails.
//
// SPEC: N13, R03
func TestBatcherThatLosesCount(t *testing.T) {
	for _, slots := range []int{0, 1, 5} {
		b := &crate{}
		c := newCrateCache(t, b, tier.Config{}, encoded(batchStore{&memStore{}, slots}))
		wantMany(t, "", c.GetMany(t.Context(), []string{"a", "bb"}), "1/led 2/led ")
		b.wantCalls(t, "", []string{"a", "bb"})
		var failed *tier.DeleteError
		if err := c.Delete(t.Context(), "a", "bb"); !errors.As(err, &failed) || len(failed.Tiers) != 2 {
			t.Errorf("with %d slots, Delete = %v; want a DeleteError for both keys", slots, err)
		}
	}
}

// The budgets of one call are those of each key, and are counted once.
//
// SPEC: F03, N13
func TestGetManyBudgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &crate{}
		slow := false
		b.many = func(_ context.Context, keys []string) (map[string]int, error) {
			if slow {
				time.Sleep(time.Minute)
			}
			values := make(map[string]int)
			for _, key := range keys {
				values[key] = len(key)
			}
			return values, nil
		}
		c := newCrateCache(t, b, tier.Config{
			TTL: time.Second, StaleIfError: time.Hour, SoftBudget: time.Second, HardBudget: 5 * time.Second,
		})
		wantMany(t, "first", c.GetMany(t.Context(), []string{"a", "bb"}), "1/led 2/led ")
		slow = true
		time.Sleep(2 * time.Second)
		start := time.Now()
		results := c.GetMany(t.Context(), []string{"a", "ccc", "bb"})
		wantMany(t, "slow", results, "1/stale error 2/stale ")
		var budget *tier.BudgetError
		if !errors.As(results[1].Err, &budget) || results[0].Why != tier.OverBudget {
			t.Errorf("GetMany = %+v, want a BudgetError and OverBudget", results)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("it took %v, want 5s", took)
		}
		time.Sleep(2 * time.Minute) // the loads went on
		if v, ok := c.Peek("ccc"); ok || v != 0 {
			t.Errorf("Peek = %d, %t; its TTL is over", v, ok)
		}
	})
}

// A batch has its whole budget, also where the time it goes by for its hits is a
// little old.
//
// SPEC: F03
func TestBudgetOfABatchIsCountedFromItsCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &crate{many: func(context.Context, []string) (map[string]int, error) {
			time.Sleep(time.Minute)
			return nil, nil
		}}
		c := newCrateCache(t, b, tier.Config{TTL: time.Hour, HardBudget: time.Second})
		if err := c.Set(t.Context(), "a", tier.Loaded[int]{Value: 1}); err != nil {
			t.Error(err)
		}
		wantGet(t, c, "a", 1)
		time.Sleep(time.Millisecond - 1)
		start := time.Now()
		wantMany(t, "slow", c.GetMany(t.Context(), []string{"a", "bb"}), "1/hit error ")
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v, want 1s", took)
		}
		time.Sleep(time.Hour)
	})
}

// SPEC: F01
func TestHooksHearOfGetMany(t *testing.T) {
	var heard []onefold.Outcome
	c := newCache(t, func(_ context.Context, key string) (int, error) {
		if key == "none" {
			return 0, onefold.ErrNotFound
		}
		return len(key), nil
	}, tier.Config{Hooks: onefold.Hooks{Call: func(e onefold.Event) { heard = append(heard, e.Outcome) }}})
	wantGet(t, c, "a", 1)
	results := c.GetMany(t.Context(), []string{"a", "none", "bb"})
	want := []onefold.Outcome{onefold.Led}
	for _, r := range results {
		want = append(want, r.Outcome)
	}
	if !slices.Equal(heard, want) {
		t.Errorf("Hooks.Call heard %v, want %v", heard, want)
	}
}
