package tier_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

// A quiet store is one that tells of no changes.
func quiet(s *foldtest.Store) tier.Store { return struct{ tier.Leaser }{s} }

// Four processes share an engine. In each cycle of a hot key one of them loads,
// whatever it is that makes them look.
//
// SPEC: F04, R14
func TestFleetLoadsOnceACycle(t *testing.T) {
	const ttl, took, fleet = 10 * time.Second, 100 * time.Millisecond, 4
	for name, tt := range map[string]struct {
		cfg   tier.Config
		least time.Duration // between two loads
		waits bool          // a caller may
	}{
		"early":     {tier.Config{TTL: ttl, EarlyRefresh: 1}, ttl - 40*took, false},
		"stale":     {tier.Config{TTL: ttl, StaleFor: ttl}, ttl, false},
		"both":      {tier.Config{TTL: ttl, StaleFor: ttl, EarlyRefresh: 1}, ttl - 40*took, false},
		"fallback":  {tier.Config{TTL: ttl, StaleIfError: time.Hour}, ttl, true},
		"all three": {tier.Config{TTL: ttl, StaleFor: time.Second, StaleIfError: time.Hour, EarlyRefresh: 1}, ttl - 40*took, false},
		"none":      {tier.Config{TTL: ttl}, ttl, true},
	} {
		for _, pushes := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var (
					engine foldtest.Engine
					mu     sync.Mutex
					began  []time.Time
					wg     sync.WaitGroup
				)
				load := func(context.Context, string) (int, error) {
					mu.Lock()
					began = append(began, time.Now())
					mu.Unlock()
					time.Sleep(took)
					return 1, nil
				}
				start := time.Now()
				for range fleet {
					store := tier.Store(engine.Connect())
					if !pushes {
						store = quiet(store.(*foldtest.Store))
					}
					c := newCache(t, load, tt.cfg, encoded(store))
					wg.Go(func() {
						defer c.Close(t.Context())
						for first := true; time.Since(start) < 10*ttl; first = false {
							asked := time.Now()
							wantGet(t, c, "k", 1)
							if waited := time.Since(asked); waited > 0 && !first && !tt.waits {
								t.Errorf("%s, pushes %t: a caller waited %v", name, pushes, waited)
							}
							time.Sleep(11 * time.Millisecond)
						}
					})
				}
				wg.Wait()
				for i := 1; i < len(began); i++ {
					if d := began[i].Sub(began[i-1]); d < tt.least {
						t.Errorf("%s, pushes %t: load %d came %v after the one before, want %v at least", name, pushes, i, d, tt.least)
						break
					}
				}
				if len(began) < 7 {
					t.Errorf("%s, pushes %t: %d loads in 10 cycles", name, pushes, len(began))
				}
			})
		}
	}
}

// A value that came from a far tier is refreshed before its TTL is over, as its
// own process would.
//
// SPEC: F04
func TestFarValueIsRefreshedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			engine foldtest.Engine
			s      script
			cfg    = tier.Config{TTL: time.Minute, EarlyRefresh: 1}
		)
		wantGet(t, newCache(t, s.load, cfg, encoded(quiet(engine.Connect()))), "k", 1)
		c := newCache(t, s.load, cfg, encoded(quiet(engine.Connect())))
		wantGet(t, c, "k", 1)
		for start := time.Now(); time.Since(start) < 10*time.Minute; time.Sleep(10 * time.Millisecond) {
			if r := c.GetResult(t.Context(), "k", tier.Read{}); r.Outcome != onefold.Hit {
				t.Fatalf("after %v: %+v, want a hit", time.Since(start), r)
			}
		}
	})
}

// However a holder fails, those who wait for it all load at once.
//
// SPEC: X10
func TestHolderThatFailsInAnyWay(t *testing.T) {
	for name, fail := range map[string]func(context.Context) (int, error){
		"panic":   func(context.Context) (int, error) { panic(errSource) },
		"error":   func(context.Context) (int, error) { return 0, errSource },
		"timeout": func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() },
	} {
		synctest.Test(t, func(t *testing.T) {
			var engine foldtest.Engine
			cfg := tier.Config{LoadTimeout: 10 * time.Second, OnPanic: onefold.ReturnPanic}
			failing := newCache(t, func(ctx context.Context, _ string) (int, error) {
				time.Sleep(time.Second)
				return fail(ctx)
			}, cfg, encoded(quiet(engine.Connect())))
			go failing.Get(t.Context(), "k")
			synctest.Wait()
			var wg sync.WaitGroup
			var began [4]time.Time
			for i := range began {
				c := newCache(t, func(context.Context, string) (int, error) {
					began[i] = time.Now()
					time.Sleep(5 * time.Second)
					return 7, nil
				}, tier.Config{LoadTimeout: time.Minute}, encoded(quiet(engine.Connect())))
				wg.Go(func() { wantGet(t, c, "k", 7) })
			}
			wg.Wait()
			for i := range began {
				if began[i].IsZero() || !began[i].Equal(began[0]) {
					t.Errorf("%s: those who waited loaded at %v, want all at once", name, began)
					break
				}
			}
		})
	}
}

// A lease that came with a value whose refresh cannot start is given back.
func TestLeaseOfARefreshThatCannotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			engine foldtest.Engine
			gate   foldtest.Gate
			s      script
			cfg    = tier.Config{TTL: time.Minute, StaleFor: time.Hour}
			store  = engine.Connect()
		)
		wantGet(t, newCache(t, s.load, cfg, encoded(quiet(engine.Connect()))), "k", 1)
		time.Sleep(2 * time.Minute)
		store.Inject(foldtest.Acquire, foldtest.Fault{After: true, Gate: &gate})
		c := newCache(t, s.load, cfg, encoded(quiet(store)))
		old := get(t.Context(), c, "k")
		synctest.Wait()
		refreshed := make(chan reply)
		go func() {
			v, err := c.Refresh(t.Context(), "k") // in the place of the first
			refreshed <- reply{v, err}
		}()
		synctest.Wait()
		gate.Open()
		wantReply(t, <-old, 1)
		synctest.Wait()
		if n := store.Calls(foldtest.Release); n != 1 {
			t.Errorf("%d leases were given back, want 1", n)
		}
		wantReply(t, <-refreshed, 2)
	})
}

// With JoinWithin the second load takes the lease of the first and does not wait
// for it; what the first comes to is stored nowhere.
//
// SPEC: F10, R16
func TestSecondLoadSwapsTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			engine foldtest.Engine
			loads  atomic.Int64
		)
		c := newCache(t, func(context.Context, string) (int, error) {
			n := loads.Add(1)
			if n == 1 {
				time.Sleep(time.Hour)
			}
			return int(n), nil
		}, tier.Config{JoinWithin: time.Second, LeaseTTL: 2 * time.Hour}, encoded(quiet(engine.Connect())))
		first := get(t.Context(), c, "k")
		time.Sleep(2 * time.Second)
		start := time.Now()
		wantGet(t, c, "k", 2)
		wantReply(t, <-first, 2)
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v, want no wait for the process's own lease", took)
		}
		filled := engine.Data("k")
		time.Sleep(2 * time.Hour)
		if now := engine.Data("k"); filled == nil || string(now) != string(filled) {
			t.Errorf("the first load overwrote the second's value")
		}
		wantPeek(t, c, "k", 2)
	})
}

// A panickyCodec panics at what it is told to.
type panickyCodec struct {
	codec.Codec[int]
	encode, decode bool
}

func (c panickyCodec) Append(dst []byte, v int) ([]byte, error) {
	if c.encode {
		panic("encode")
	}
	return c.Codec.Append(dst, v)
}

func (c panickyCodec) Decode(data []byte) (int, error) {
	if c.decode {
		panic("decode")
	}
	return c.Codec.Decode(data)
}

// SPEC: R05
func TestCodecThatPanics(t *testing.T) {
	var engine foldtest.Engine
	tiers := func(encode, decode bool) tier.Far[string, int] {
		return tier.Encoded(quiet(engine.Connect()), codec.StringKey[string], panickyCodec{codec.JSON[int](), encode, decode})
	}
	c := newCache(t, (&source{value: 1}).load, tier.Config{}, tiers(true, false))
	wantGet(t, c, "k", 1)
	wantPeek(t, c, "k", 1)
	if n := c.FarStats()[0].Refused; n != 1 || engine.Data("k") != nil {
		t.Errorf("%d values were refused, want 1", n)
	}
	wantGet(t, newCache(t, (&source{value: 2}).load, tier.Config{}, encoded(quiet(engine.Connect()))), "l", 2)
	c = newCache(t, (&source{value: 3}).load, tier.Config{}, tiers(false, true))
	wantGet(t, c, "l", 3)
	if n := c.FarStats()[0].Unserved["decode"]; n == 0 {
		t.Errorf("FarStats = %+v, want it among what was not served", c.FarStats())
	}
}

// While changes may be missed nothing is served for longer than the stream's
// Staleness; once it is up, others' changes are heard and a process's own evict
// nothing.
//
// SPEC: X05, X11
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := foldtest.Engine{Staleness: 10 * time.Second}
		store, other := engine.Connect(), engine.Connect()
		store.Inject(foldtest.Notify, foldtest.Fault{Hang: true})
		c := newCache(t, (&source{value: 1}).load, tier.Config{}, encoded(store))
		time.Sleep(time.Second)
		wantGet(t, c, "k", 1)
		wantPeek(t, c, "k", 1)
		time.Sleep(10 * time.Second)
		wantNoPeek(t, c, "k")
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}

		c = newCache(t, (&source{value: 1}).load, tier.Config{}, encoded(store))
		defer c.Close(t.Context())
		synctest.Wait()
		wantGet(t, c, "k", 1)
		wantGet(t, c, "l", 1)
		if err := c.Delete(t.Context(), "m", "n"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		wantPeek(t, c, "k", 1)
		wantPeek(t, c, "l", 1)
		if err := other.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		wantNoPeek(t, c, "k")
		wantPeek(t, c, "l", 1)
		store.Drop()
		synctest.Wait()
		wantNoPeek(t, c, "l")
	})
}

// Changes are heard of whichever tier they are of, and however it spells keys.
//
// SPEC: X05
func TestStreamsOfTiersThatSpellKeysTheirOwnWay(t *testing.T) {
	prefixed := func(dst []byte, key string) []byte { return append(append(dst, "prefix:"...), key...) }
	for name, tiers := range map[string]func(s tier.Store, silent tier.Store) []tier.Far[string, int]{
		"the second tells": func(s, silent tier.Store) []tier.Far[string, int] {
			return []tier.Far[string, int]{encoded(silent), tier.Encoded(s, prefixed, codec.JSON[int]())}
		},
		"both tell": func(s, _ tier.Store) []tier.Far[string, int] {
			return []tier.Far[string, int]{encoded(new(foldtest.Engine).Connect()), tier.Encoded(s, prefixed, codec.JSON[int]())}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			var engine foldtest.Engine
			c := newCache(t, (&source{value: 1}).load, tier.Config{}, tiers(engine.Connect(), quiet(new(foldtest.Engine).Connect()))...)
			defer c.Close(t.Context())
			synctest.Wait()
			wantGet(t, c, "k", 1)
			wantPeek(t, c, "k", 1)
			if err := engine.Connect().Delete(t.Context(), "prefix:k"); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if _, ok := c.Peek("k"); ok {
				t.Errorf("%s: the change was not heard", name)
			}
		})
	}
}

// withTags makes a cache of values that all carry one tag, over s.
func withTags(t *testing.T, s *source, cfg tier.Config, far ...tier.Far[string, int]) *tier.Cache[string, int] {
	t.Helper()
	c, err := tier.NewSource(tier.Source[string, int]{
		LoadEntry: func(ctx context.Context, key string, _ tier.Prior[int]) (tier.Loaded[int], error) {
			v, err := s.load(ctx, key)
			return tier.Loaded[int]{Value: v, Tags: []string{"tag"}}, err
		},
	}, cfg, newNear[string, int](), far...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// polled is a store with a table of tags of whose changes nobody tells.
func polled(s *foldtest.Store) tier.Store {
	return struct {
		tier.Leaser
		tier.Tagger
	}{s, s}
}

// A table that does not answer costs one budget, not one for each load in turn.
//
// SPEC: R04, R13
func TestTableThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		engine.Inject(foldtest.Tags, foldtest.Fault{Times: -1, Hang: true})
		c := withTags(t, &source{value: 1}, tier.Config{FarBudget: time.Second, TagPoll: time.Minute}, encoded(polled(engine.Connect())))
		defer c.Close(t.Context())
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { wantGet(t, c, string(rune('a'+i)), 1) })
		}
		wg.Wait()
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it took %v, want 1s", took)
		}
	})
}

// Where it cannot be known what was invalidated, what has tags is invalid.
//
// SPEC: F09
func TestTableThatIsNotToBeHad(t *testing.T) {
	for name, store := range map[string]func(*foldtest.Store) tier.Store{
		"polled": polled,
		"told":   func(s *foldtest.Store) tier.Store { return s },
	} {
		synctest.Test(t, func(t *testing.T) {
			var engine foldtest.Engine
			s := &source{value: 1}
			c := withTags(t, s, tier.Config{}, encoded(store(engine.Connect())))
			defer c.Close(t.Context())
			synctest.Wait()
			wantGet(t, c, "k", 1)
			time.Sleep(10 * time.Second)
			wantPeek(t, c, "k", 1)
			s.set(2)
			engine.Inject(foldtest.Tags, foldtest.Fault{Times: 2, Err: foldtest.ErrInjected})
			if _, err := engine.Connect().Bump(t.Context(), "tag"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1100 * time.Millisecond)
			if v, ok := c.Peek("k"); ok {
				t.Errorf("%s: Peek = %d, true; want nothing", name, v)
			}
			time.Sleep(3 * time.Second)
			wantGet(t, c, "k", 2)
		})
	}
}

// A table that has gone back to what it was, and counts on from there, is
// followed.
//
// SPEC: F09
func TestTableThatGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		s := &source{value: 1}
		c := withTags(t, s, tier.Config{}, encoded(polled(engine.Connect())))
		defer c.Close(t.Context())
		if err := c.InvalidateTag(t.Context(), "other"); err != nil {
			t.Fatal(err)
		}
		replica := engine.Replica()
		for range 5 {
			if err := c.InvalidateTag(t.Context(), "other"); err != nil {
				t.Fatal(err)
			}
		}
		engine.Failover(replica)
		time.Sleep(2 * time.Second)
		wantGet(t, c, "k", 1)
		s.set(2)
		if _, err := engine.Connect().Bump(t.Context(), "tag"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		wantGet(t, c, "k", 2)
	})
}

// A load that read the table before InvalidateTag, and the far tier after it,
// leaves nothing for those who come later.
//
// SPEC: C11, F09
func TestTableAndStampAreOfOneTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		s := &source{value: 1}
		filler := withTags(t, s, tier.Config{}, encoded(polledWithStream(engine.Connect())))
		wantGet(t, filler, "k", 1)
		defer filler.Close(t.Context())
		gate := newGate()
		spell := func(dst []byte, key string) []byte {
			if key == "k" {
				gate.pass()
			}
			return append(dst, key...)
		}
		c := withTags(t, s, tier.Config{TagPoll: time.Hour}, tier.Encoded(polledWithStream(engine.Connect()), spell, codec.JSON[int]()))
		defer c.Close(t.Context())
		synctest.Wait()
		wantGet(t, c, "l", 1) // the table is known
		older := get(t.Context(), c, "k")
		<-gate.reached
		s.set(2)
		if err := c.InvalidateTag(t.Context(), "tag"); err != nil {
			t.Fatal(err)
		}
		close(gate.open)
		<-older
		wantGet(t, c, "k", 2)
	})
}

// polledWithStream is polled with a stream that never tells of anything.
func polledWithStream(s *foldtest.Store) tier.Store {
	return struct {
		tier.Leaser
		tier.Tagger
		silent
	}{s, s, silent{}}
}

type silent struct{}

func (silent) Notify(ctx context.Context, deliver func(tier.Change)) error {
	deliver(tier.Change{All: true})
	<-ctx.Done()
	return ctx.Err()
}
func (silent) Staleness() time.Duration { return time.Hour }

// A call that refuses the value there is, and fails, takes it from nobody.
//
// SPEC: F01, F07
func TestFailureOfOneCallLeavesTheValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		c := newCache(t, s.load, tier.Config{TTL: time.Hour, RememberFailed: func(error) bool { return true }})
		wantGet(t, c, "k", 1)
		time.Sleep(time.Second)
		s.fail(errSource)
		if _, err := c.Refresh(t.Context(), "k"); !errors.Is(err, errSource) {
			t.Errorf("Refresh = %v, want %v", err, errSource)
		}
		wantResult(t, c, tier.Read{}, 1, onefold.Hit, tier.NotStale, true)

		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if r := c.GetResult(t.Context(), "k", tier.Read{}); r.Outcome != onefold.Failed || !errors.Is(r.Err, errSource) {
				t.Errorf("call %d: %+v, want Failed", i, r)
			}
		}
		if stats := c.Stats(); stats.Failed != 1 || stats.Negative != 0 {
			t.Errorf("Stats = %+v, want one remembered failure", stats)
		}
	})
}

// A cache that nobody calls has no goroutine, and one that was closed has left
// none.
//
// SPEC: M02, M05
func TestIdleCacheHasNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		before := runtime.NumGoroutine()
		caches := []*tier.Cache[string, int]{
			newCache(t, (&source{}).load, tier.Config{TTL: time.Minute, StaleFor: time.Minute}),
			newCache(t, (&source{}).load, tier.Config{TTL: time.Minute, StaleFor: time.Minute}, encoded(quiet(engine.Connect()))),
		}
		for _, c := range caches {
			for range 3 {
				for _, key := range []string{"a", "b"} {
					wantGet(t, c, key, 0)
				}
				time.Sleep(90 * time.Second)
			}
			wantGet(t, c, "a", 0)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("two idle caches have %d goroutines", n-before)
		}
		told := newCache(t, (&source{}).load, tier.Config{}, encoded(engine.Connect()))
		synctest.Wait()
		if n := runtime.NumGoroutine(); n > before+1 {
			t.Errorf("an idle cache that hears of changes has %d goroutines, want 1", n-before)
		}
		for _, c := range append(caches, told) {
			if err := c.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("closed caches left %d goroutines", n-before)
		}
	})
}

// Errors of the cache name no key, unless they are asked to.
//
// SPEC: S07
func TestErrorsNameNoKey(t *testing.T) {
	const secret = "hunter2"
	synctest.Test(t, func(t *testing.T) {
		for _, show := range []bool{false, true} {
			var engine foldtest.Engine
			store := engine.Connect()
			var c *tier.Cache[string, int]
			var slow atomic.Bool
			c = newCache(t, func(ctx context.Context, key string) (int, error) {
				if slow.Load() {
					<-ctx.Done()
					return 0, ctx.Err()
				}
				return c.Get(ctx, key)
			}, tier.Config{ShowKeys: show, LoadTimeout: time.Minute}, encoded(quiet(store)))
			_, ring := c.Get(t.Context(), secret)
			if !errors.Is(ring, onefold.ErrCycle) || strings.Contains(ring.Error(), secret) != show {
				t.Errorf("ShowKeys %t: %v", show, ring)
			}
			store.Inject(foldtest.AnyOp, foldtest.Fault{Times: -1, Err: foldtest.ErrInjected})
			slow.Store(true)
			waiting := get(t.Context(), c, secret)
			synctest.Wait()
			errs := []error{
				c.Delete(t.Context(), secret), c.Delete(t.Context(), secret, secret),
				c.Set(t.Context(), secret, tier.Loaded[int]{Value: 1}),
				c.GetResult(t.Context(), secret, tier.Read{Budget: time.Second}).Err,
				c.GetMany(t.Context(), []string{secret, secret})[1].Err,
				(<-waiting).err,
			}
			for i, err := range errs {
				if err == nil || strings.Contains(err.Error(), secret) {
					t.Errorf("error %d: %v", i, err)
				}
			}
			c.Close(t.Context())
		}
	})
}
