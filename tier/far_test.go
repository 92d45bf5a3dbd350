package tier_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
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

// Two caches over one store are two processes here, with the names p and q.

// SPEC: R01
func TestFarHitLoadsNothingAndFillsNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		src, unused := &source{value: 7}, &source{}
		p, q := newCache(t, src.load, tier.Config{}, encoded(store)), newCache(t, unused.load, tier.Config{}, encoded(store))
		wantGet(t, p, "k", 7)
		wantGet(t, q, "k", 7)
		wantPeek(t, q, "k", 7)
		wantGet(t, q, "k", 7)
		if n := unused.count(); n != 0 {
			t.Errorf("q loaded %d times, want 0", n)
		}
		if got, want := store.ops(), []string{"acquire k", "fill k", "acquire k"}; !slices.Equal(got, want) {
			t.Errorf("the store saw %q, want %q", got, want)
		}
	})
}

// SPEC: R02
func TestConcurrentMissesMakeOneReadOneLoadOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(context.Context, string, string) error { time.Sleep(time.Second); return nil }
		store := &memStore{before: slow}
		src := &source{value: 7, hook: func() { time.Sleep(time.Second) }}
		c := newCache(t, src.load, tier.Config{}, encoded(store))
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 290 * time.Millisecond) // over all three phases
				wantGet(t, c, "k", 7)
			})
		}
		wg.Wait()
		if got, want := store.ops(), []string{"acquire k", "fill k"}; !slices.Equal(got, want) || src.count() != 1 {
			t.Errorf("the store saw %q and the source %d loads, want %q and 1", got, src.count(), want)
		}
	})
}

// SPEC: R03, R18
func TestOutageDegradesToTheSource(t *testing.T) {
	for name, before := range map[string]func(context.Context, string, string) error{
		"down":              down,
		"no reads":          only("get", down),
		"no leases":         only("acquire", down),
		"no fills":          only("fill", down),
		"no releases":       only("release", down),
		"nothing but reads": func(_ context.Context, op, _ string) error { return map[bool]error{op != "get": errDown}[true] },
	} {
		for _, plain := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				ill, well := &memStore{before: before}, &memStore{}
				stores := []tier.Store{ill, well}
				if plain {
					stores[0] = plainStore{ill}
				}
				src := &source{value: 7}
				c := newCache(t, src.load, tier.Config{}, encoded(stores[0]))
				wantGet(t, c, "k", 7)
				if _, near := c.Peek("k"); !near && name != "no fills" && name != "nothing but reads" {
					t.Errorf("%s: the value is not kept near", name)
				}
				// With a tier in order below it, nothing is loaded twice.
				p, q := newCache(t, src.load, tier.Config{}, encoded(stores[0]), encoded(well)), newCache(t, src.load, tier.Config{}, encoded(stores[0]), encoded(well))
				wantGet(t, p, "l", 7)
				wantGet(t, q, "l", 7)
				if n := src.count(); n != 2 {
					t.Errorf("%s: %d loads, want 2", name, n)
				}
			})
		}
	}
}

// An error or a panic of the load is the same with far tiers as without, and
// the lease is given back.
//
// SPEC: C02, C13, C14
func TestLoadThatFailsGivesItsLeaseBack(t *testing.T) {
	errLoad := errors.New("load")
	for name, fail := range map[string]func() error{
		"error":  func() error { return errLoad },
		"panic":  func() error { panic(errLoad) },
		"Goexit": func() error { runtime.Goexit(); return nil },
	} {
		synctest.Test(t, func(t *testing.T) {
			top, deep := &memStore{}, &memStore{}
			failing := true
			c := newCache(t, func(context.Context, string) (int, error) {
				if failing {
					return 0, fail()
				}
				return 7, nil
			}, tier.Config{}, encoded(top), encoded(deep))
			func() {
				defer func() {
					if p := recover(); (p != nil) != (name == "panic") {
						t.Errorf("%s: recovered %v", name, p)
					}
				}()
				if _, err := c.Get(t.Context(), "k"); !errors.Is(err, errLoad) && !errors.Is(err, onefold.ErrGoexit) {
					t.Errorf("%s: Get = %v", name, err)
				}
			}()
			synctest.Wait() // nobody waits for the release
			for _, store := range []*memStore{top, deep} {
				if got, want := store.ops(), []string{"acquire k", "release k"}; !slices.Equal(got, want) {
					t.Errorf("%s: a far tier saw %q, want %q", name, got, want)
				}
			}
			failing = false
			wantGet(t, c, "k", 7)
			time.Sleep(2 * time.Second) // leases are there again
			if err := c.Delete(t.Context(), "k"); err != nil {
				t.Error(err)
			}
			wantGet(t, c, "k", 7)
			if top.data("k") == nil || deep.data("k") == nil {
				t.Errorf("%s: the far tiers are not filled by the next load", name)
			}
		})
	}
}

// A load that was cancelled gives its lease back all the same.
func TestCancelledLoadGivesItsLeaseBack(t *testing.T) {
	for name, cfg := range map[string]tier.Config{
		"abandoned": {OnAbandon: onefold.CancelLoad},
		"timed out": {LoadTimeout: time.Second, LeaseTTL: time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := &memStore{}
			c := newCache(t, func(ctx context.Context, _ string) (int, error) {
				<-ctx.Done()
				return 0, ctx.Err()
			}, cfg, encoded(store))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if _, err := c.Get(ctx, "k"); err == nil {
				t.Errorf("%s: Get = nil error", name)
			}
			synctest.Wait()
			if got, want := store.ops(), []string{"acquire k", "release k"}; !slices.Equal(got, want) {
				t.Errorf("%s: the store saw %q, want %q", name, got, want)
			}
		})
	}
}

// A grantStore answers Acquire with more than a memStore would.
type grantStore struct {
	*memStore
	add func(*tier.Grant)
}

func (s grantStore) Acquire(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
	g, err := s.memStore.Acquire(ctx, key, o)
	s.add(&g)
	return g, err
}

// The parts of a grant are independent.
func TestGrantsOfSeveralParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := sealed(t, "k", 1, tier.Config{})
		for name, tt := range map[string]struct {
			add  func(*tier.Grant)
			want int
			ops  []string
		}{
			"garbage, and the lease": {
				func(g *tier.Grant) { g.Item.Data = []byte("garbage") }, 2, []string{"acquire k", "fill k"},
			},
			"an item, and the lease": {
				func(g *tier.Grant) { g.Item.Data = good }, 1, []string{"acquire k", "fill k"},
			},
			"held by another, and LoadSelf": {
				func(g *tier.Grant) {
					*g = tier.Grant{Changed: make(chan struct{}), HeldFor: time.Hour, LoadSelf: true}
				}, 2, []string{"acquire k"},
			},
			"nothing": {
				func(g *tier.Grant) { *g = tier.Grant{} }, 2, []string{"acquire k"},
			},
		} {
			start := time.Now()
			store := &memStore{}
			wantGet(t, newCache(t, (&source{value: 2}).load, tier.Config{}, encoded(grantStore{store, tt.add})), "k", tt.want)
			synctest.Wait() // an item that comes with the lease is refreshed behind the call
			if got := store.ops(); !slices.Equal(got, tt.ops) || !time.Now().Equal(start) {
				t.Errorf("%s: after %v the store saw %q, want %q at once", name, time.Since(start), got, tt.ops)
			}
		}
	})
}

// sealed gives the bytes that a cache stores for key.
func sealed(t *testing.T, key string, value int, cfg tier.Config) []byte {
	t.Helper()
	store := &memStore{}
	wantGet(t, newCache(t, (&source{value: value}).load, cfg, encoded(store)), key, value)
	return store.data(key)
}

// SPEC: R05, R06, R07
func TestGarbageIsAMissAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := sealed(t, "k", 1, tier.Config{TTL: time.Hour})
		spoiled := map[string][]byte{
			"empty":           {},
			"text":            []byte("<html>502 Bad Gateway</html>, and then some more"),
			"bare value":      []byte("1"),
			"zeros":           make([]byte, len(good)),
			"another key's":   sealed(t, "l", 1, tier.Config{}),
			"a longer key's":  sealed(t, "kk", 1, tier.Config{}),
			"a shorter key's": sealed(t, "", 1, tier.Config{}),
			"twice":           append(slices.Clone(good), good...),
			"another type":    resign(good, func(b []byte) []byte { return append(b[:len(b)-1], `"1"`...) }),
			"no value":        resign(good, func(b []byte) []byte { return b[:len(b)-1] }),
			"two values":      resign(good, func(b []byte) []byte { return append(b, " 2"...) }),
		}
		for i := range good {
			spoiled[fmt.Sprintf("cut at %d", i)] = good[:i]
			for bit := range 8 {
				if i == 2 || i == 3 { // another version, or a flag of one
					continue
				}
				flipped := slices.Clone(good)
				flipped[i] ^= 1 << bit
				spoiled[fmt.Sprintf("bit %d of byte %d", bit, i)] = flipped
			}
		}
		for name, data := range spoiled {
			for _, plain := range []bool{false, true} {
				store := &memStore{}
				store.plant("k", data)
				var s tier.Store = store
				if plain {
					s = plainStore{store}
				}
				src := &source{value: 2}
				c := newCache(t, src.load, tier.Config{}, encoded(s))
				wantGet(t, c, "k", 2)
				wantPeek(t, c, "k", 2)
				if n := src.count(); n != 1 {
					t.Errorf("%s: %d loads, want 1", name, n)
				}
				if plain {
					continue
				}
				if got, want := store.ops(), []string{"acquire k", "delete k", "acquire k", "fill k"}; !slices.Equal(got, want) {
					t.Errorf("%s: the store saw %q, want %q", name, got, want)
				}
			}
		}
	})
}

// A store that gives garbage for ever is asked twice, and then passed over.
//
// SPEC: R05
func TestGarbageForEverIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ill, well := &memStore{}, &memStore{}
		src := &source{value: 1}
		wantGet(t, newCache(t, src.load, tier.Config{}, encoded(well)), "k", 1)
		ill.plant("k", []byte("garbage"))
		ill.before = only("delete", func(context.Context, string, string) error { return nil })
		ill.after = only("delete", func(context.Context, string, string) error { ill.plant("k", []byte("garbage")); return nil })
		c := newCache(t, src.load, tier.Config{}, encoded(ill), encoded(well))
		wantGet(t, c, "k", 1)
		if got, want := ill.ops(), []string{"acquire k", "delete k", "acquire k"}; !slices.Equal(got, want) || src.count() != 1 {
			t.Errorf("the store saw %q with %d loads, want %q with 1", got, src.count(), want)
		}

		ill.before = only("delete", down)
		if err := well.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		wantGet(t, newCache(t, src.load, tier.Config{}, encoded(ill), encoded(well)), "k", 1)
	})
}

// What is over the limit of this process is not over that of the one that stored
// it: they do not take turns in deleting and storing it.
//
// SPEC: R12, X07
func TestTooLargeIsAMissAndLeftAlone(t *testing.T) {
	for _, plain := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			store := &memStore{}
			value := 1000
			load := func(context.Context, string) (int, error) { return value, nil }
			wide := newCache(t, load, tier.Config{}, tier.Encoded(store, codec.StringKey[string], padded{}))
			wantGet(t, wide, "k", 1000)
			stored := store.data("k")
			var s tier.Store = store
			if plain {
				s = plainStore{store}
			}
			value = 2
			narrow := newCache(t, load, tier.Config{MaxValueSize: 200}, tier.Encoded(s, codec.StringKey[string], padded{}))
			before := store.count("delete")
			for range 3 {
				wantGet(t, narrow, "k", 2)
				if _, err := narrow.Refresh(t.Context(), "k"); err != nil {
					t.Error(err)
				}
			}
			synctest.Wait()
			if n := store.count("delete") - before; n != 0 || !bytes.Equal(store.data("k"), stored) {
				t.Errorf("plain %v: %d deletions, and the store holds %q; want it left alone", plain, n, store.data("k"))
			}
			stats := narrow.FarStats()[0]
			if stats.Unserved["too_large"] != 4 || len(stats.Unserved) != 1 || stats.Errors != 0 {
				t.Errorf("plain %v: FarStats = %+v, want 4 times too_large", plain, stats)
			}
			if plain {
				return
			}
			value = 1000
			wantGet(t, narrow, "other", 1000) // though it is not stored
			if stats := narrow.FarStats()[0]; stats.TooLarge != 1 || stats.Refused != 0 {
				t.Errorf("FarStats = %+v, want 1 too large", stats)
			}
		})
	}
}

// padded is a codec by which a value takes about as many bytes as it says.
type padded struct{}

func (padded) Append(dst []byte, v int) ([]byte, error) {
	return append(fmt.Append(dst, v), bytes.Repeat([]byte(" "), v)...), nil
}

func (padded) Decode(data []byte) (int, error) { return codec.JSON[int]().Decode(data) }

// SPEC: X06
func TestAnotherVersionIsAMissAndLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := sealed(t, "k", 1, tier.Config{})
		for name, data := range map[string][]byte{
			"version 2": resign(good, func(b []byte) []byte { b[2] = 2; return append(b, "something new"...) }),
			"version 0": resign(good, func(b []byte) []byte { b[2] = 0; return b }),
			"a flag":    resign(good, func(b []byte) []byte { b[3] |= 0x80; return b }),
		} {
			store := &memStore{}
			store.plant("k", data)
			c := newCache(t, (&source{value: 2}).load, tier.Config{}, encoded(store))
			wantGet(t, c, "k", 2)
			wantPeek(t, c, "k", 2)
			if !slices.Equal(store.data("k"), data) || len(store.ops()) != 1 {
				t.Errorf("%s: the store saw %q and holds %q, want %q", name, store.ops(), store.data("k"), data)
			}
		}
	})
}

// SPEC: R08
func TestValuePastItsTTLIsNotServedThoughTheStoreKeptIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := sealed(t, "k", 1, tier.Config{TTL: 10 * time.Second})
		store := &memStore{}
		store.plant("k", data)
		src := &source{value: 2}
		time.Sleep(10*time.Second - 1)
		wantGet(t, newCache(t, src.load, tier.Config{}, encoded(store)), "k", 1)
		time.Sleep(1)
		wantGet(t, newCache(t, src.load, tier.Config{}, encoded(store)), "k", 2)
	})
}

// The clocks of two processes may be 5 s apart. What comes from further ahead
// is a miss; what comes from less far ahead is new.
//
// SPEC: N09
func TestValueFromTheFuture(t *testing.T) {
	for _, tt := range []struct {
		ahead time.Duration
		want  int
	}{
		{0, 1},
		{5 * time.Second, 1},
		{5*time.Second + 1, 2},
		{365 * 24 * time.Hour, 2},
		{-time.Minute + 1, 1},
		{-time.Minute, 2},
		{-365 * 24 * time.Hour, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			const ttl = time.Minute
			store := &memStore{}
			store.plant("k", resign(sealed(t, "k", 1, tier.Config{TTL: ttl}), func(b []byte) []byte {
				binary.BigEndian.PutUint64(b[5:], binary.BigEndian.Uint64(b[5:])+uint64(tt.ahead))
				return b
			}))
			c := newCache(t, (&source{value: 2}).load, tier.Config{}, encoded(store))
			wantGet(t, c, "k", tt.want)
			if tt.want == 1 && tt.ahead > 0 {
				time.Sleep(ttl - 1)
				wantPeek(t, c, "k", 1)
				time.Sleep(1)
				wantNoPeek(t, c, "k")
			}
		})
	}
}

// SPEC: R09
func TestAgeIsKeptAcrossTiers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ttl = 10 * time.Second
		src := &source{value: 1, hook: func() { time.Sleep(time.Second) }}
		top, deep := &memStore{}, &memStore{}
		wantGet(t, newCache(t, src.load, tier.Config{TTL: ttl}, encoded(deep)), "k", 1)
		time.Sleep(5 * time.Second)
		// A hit in the deep tier, now 6 s old, fills the upper one.
		q := newCache(t, src.load, tier.Config{TTL: ttl}, encoded(top), encoded(deep))
		wantGet(t, q, "k", 1)
		for name, store := range map[string]*memStore{"upper": top, "deep": deep} {
			if it, err := store.Get(t.Context(), "k"); it.TTL != 4*time.Second || err != nil {
				t.Errorf("the %s tier keeps it for %v, %v; want 4s", name, it.TTL, err)
			}
		}
		time.Sleep(2 * time.Second)
		// A hit in the upper tier, now 8 s old, fills the near one.
		r := newCache(t, src.load, tier.Config{TTL: time.Hour}, encoded(top))
		wantGet(t, r, "k", 1)
		if n := src.count(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
		time.Sleep(2*time.Second - 1)
		wantPeek(t, q, "k", 1)
		wantPeek(t, r, "k", 1)
		time.Sleep(1)
		wantNoPeek(t, q, "k")
		wantNoPeek(t, r, "k")
	})
}

// A value that is loaded once the lower tiers had nothing is as old as its
// load, not as the look-up of the tiers that came first.
//
// SPEC: N08
func TestLookUpOfFarTiersIsNotPartOfTheAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(context.Context, string, string) error { time.Sleep(time.Second); return nil }
		store := &memStore{before: only("acquire", slow)}
		c := newCache(t, (&source{value: 1}).load, tier.Config{TTL: 10 * time.Second}, encoded(store))
		wantGet(t, c, "k", 1)
		time.Sleep(10*time.Second - 1)
		wantPeek(t, c, "k", 1)
		time.Sleep(1)
		wantNoPeek(t, c, "k")
	})
}

// SPEC: R04, R13
func TestKeyWhoseFarReadHangsDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		store.before = func(ctx context.Context, op, key string) error {
			if key == "ill" {
				return hang(ctx, op, key)
			}
			return nil
		}
		c := newCache(t, (&source{value: 7}).load, tier.Config{LoadTimeout: time.Minute}, encoded(store))
		start := time.Now()
		ill := get(t.Context(), c, "ill")
		synctest.Wait()
		for i := range 200 { // every shard is met
			wantGet(t, c, fmt.Sprint("key", i), 7)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("other keys waited %v", took)
		}
		wantReply(t, <-ill, 7)
		if took := time.Since(start); took != tier.DefaultFarBudget {
			t.Errorf("a key whose tier hangs took %v, want the tier's budget of %v", took, tier.DefaultFarBudget)
		}
	})
}

// SPEC: R14
func TestTwoProcessesThatMissTogetherLoadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		src := &source{value: 7, hook: func() { time.Sleep(time.Second) }}
		start := time.Now()
		var wg sync.WaitGroup
		for range 5 {
			c := newCache(t, src.load, tier.Config{}, encoded(store))
			for range 2 {
				wg.Go(func() { wantGet(t, c, "k", 7) })
			}
		}
		wg.Wait()
		if n, took := src.count(), time.Since(start); n != 1 || took != time.Second {
			t.Errorf("%d loads in %v, want 1 in 1s", n, took)
		}
		if n := store.count("fill"); n != 1 {
			t.Errorf("%d fills, want 1", n)
		}
	})
}

// SPEC: R15, R19
func TestOneOfManyWaitersTakesOverFromADeadHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		src := &source{value: 7, hook: func() { time.Sleep(time.Second) }}
		if _, err := store.Acquire(t.Context(), "k", tier.AcquireOptions{LeaseTTL: 10 * time.Second}); err != nil {
			t.Fatal(err) // and the process that has the lease is no more
		}
		start := time.Now()
		var wg sync.WaitGroup
		for range 5 {
			c := newCache(t, src.load, tier.Config{}, encoded(store))
			wg.Go(func() { wantGet(t, c, "k", 7) })
		}
		wg.Wait()
		if n, took := src.count(), time.Since(start); n != 1 || took != 11*time.Second {
			t.Errorf("%d loads after %v, want 1 after the lease of 10s and a load of 1s", n, took)
		}
	})
}

// SPEC: R16
func TestPausedHolderOverwritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		cfg := tier.Config{LeaseTTL: 2 * time.Second}
		paused := newGate()
		src := &source{value: 1, hook: paused.pass}
		p, q := newCache(t, src.load, cfg, encoded(store)), newCache(t, src.load, cfg, encoded(store))
		holder := get(t.Context(), p, "k")
		<-paused.reached
		src.set(2)
		start := time.Now()
		wantGet(t, q, "k", 2)
		if took := time.Since(start); took != cfg.LeaseTTL {
			t.Errorf("q waited %v, want the lease of %v", took, cfg.LeaseTTL)
		}
		close(paused.open)
		wantReply(t, <-holder, 1)
		wantGet(t, newCache(t, src.load, cfg, encoded(store)), "k", 2)
		wantGet(t, p, "k", 2)
		if n := src.count(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
	})
}

// SPEC: R17
func TestDeleteStopsAHolderInAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, failover := range []bool{false, true} {
			store := &memStore{}
			g := newGate()
			src := &source{value: 1, hook: g.pass}
			p, q := newCache(t, src.load, tier.Config{}, encoded(store)), newCache(t, src.load, tier.Config{}, encoded(store))
			holder := get(t.Context(), q, "k")
			<-g.reached
			replica := store.replica() // it knows of the lease, and not of what comes
			err := p.Write(t.Context(), "k", func(context.Context) error { src.set(2); return nil })
			if err != nil {
				t.Error(err)
			}
			if failover {
				store.promote(replica)
			}
			close(g.open)
			wantReply(t, <-holder, 1)
			if data := store.data("k"); data != nil {
				t.Errorf("failover %t: the store holds %q", failover, data)
			}
			wantNoPeek(t, q, "k")
			wantGet(t, p, "k", 2)
			wantGet(t, q, "k", 2)
		}
	})
}

// SPEC: R20
func TestWaiterForAnotherProcessLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		for _, on := range []onefold.OnAbandon{onefold.FinishLoad, onefold.CancelLoad} {
			g := newGate()
			src := &source{value: 7, hook: g.pass}
			p := newCache(t, src.load, tier.Config{}, encoded(store))
			q := newCache(t, src.load, tier.Config{OnAbandon: on}, encoded(store))
			holder := get(t.Context(), p, "k")
			<-g.reached
			ctx, cancel := context.WithCancel(t.Context())
			waiter := get(ctx, q, "k")
			synctest.Wait()
			start := time.Now()
			cancel()
			if r := <-waiter; r.err != context.Canceled || !time.Now().Equal(start) { //nolint:errorlint // its own, as it is
				t.Errorf("Get = %v after %v, want Canceled at once", r.err, time.Since(start))
			}
			if on == onefold.CancelLoad {
				// The load, which waits for the lease, has ended as well.
				closing := newCache(t, src.load, tier.Config{OnAbandon: on}, encoded(store))
				ctx, cancel := context.WithCancel(t.Context())
				waiter := get(ctx, closing, "k")
				synctest.Wait()
				cancel()
				<-waiter
				if err := closing.Close(t.Context()); err != nil || !time.Now().Equal(start) {
					t.Errorf("Close = %v after %v, want nil at once", err, time.Since(start))
				}
			}
			close(g.open)
			wantReply(t, <-holder, 7)
			synctest.Wait()
			if _, stored := q.Peek("k"); stored != (on == onefold.FinishLoad) {
				t.Errorf("OnAbandon %d: q has the value: %t", on, stored)
			}
			if n := src.count(); n != 1 {
				t.Errorf("%d loads, want 1", n)
			}
			if err := p.Delete(t.Context(), "k"); err != nil {
				t.Error(err)
			}
		}
	})
}

// A part of X10: those who waited for a holder that failed all load at once.
func TestFailedHolderLetsEveryWaiterLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		var running, most, loads atomic.Int64
		load := func(context.Context, string) (int, error) {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			time.Sleep(time.Second)
			if loads.Add(1) == 1 {
				return 0, errDown
			}
			return 7, nil
		}
		start := time.Now()
		holder := get(t.Context(), newCache(t, load, tier.Config{}, encoded(store)), "k")
		synctest.Wait()
		var wg sync.WaitGroup
		for range 5 {
			c := newCache(t, load, tier.Config{}, encoded(store))
			wg.Go(func() {
				wantGet(t, c, "k", 7)
				wantPeek(t, c, "k", 7)
			})
		}
		wg.Wait()
		if r := <-holder; !errors.Is(r.err, errDown) {
			t.Errorf("Get = %v, want %v", r.err, errDown)
		}
		if took := time.Since(start); took != 2*time.Second || most.Load() != 5 {
			t.Errorf("it took %v with %d loads at once, want 2s with 5", took, most.Load())
		}
		if store.data("k") != nil || store.count("fill") != 0 {
			t.Errorf("those without a lease filled the store: %q", store.ops())
		}
	})
}

// SPEC: X02
func TestStoreWithoutLeasesIsNeverFilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, deep := &memStore{}, &memStore{}
		src := &source{value: 1}
		c := newCache(t, src.load, tier.Config{}, encoded(plainStore{store}), encoded(deep))
		wantGet(t, c, "k", 1)
		if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}); err != nil {
			t.Error(err)
		}
		wantPeek(t, c, "k", 2)
		wantGet(t, newCache(t, src.load, tier.Config{}, encoded(deep)), "k", 2)
		// A hit below it does not fill it either.
		wantGet(t, newCache(t, src.load, tier.Config{}, encoded(plainStore{store}), encoded(deep)), "k", 2)
		if got, want := store.ops(), []string{"get k", "delete k", "get k"}; !slices.Equal(got, want) || store.data("k") != nil {
			t.Errorf("the store saw %q and holds %q, want %q and nothing", got, store.data("k"), want)
		}

		// What somebody else stored there is read, with its age.
		store.plant("k", sealed(t, "k", 3, tier.Config{TTL: 10 * time.Second}))
		time.Sleep(4 * time.Second)
		r := newCache(t, src.load, tier.Config{}, encoded(plainStore{store}))
		wantGet(t, r, "k", 3)
		time.Sleep(6 * time.Second)
		wantNoPeek(t, r, "k")
	})
}

// What a store without leases holds goes when the source has nothing: there is no
// other way for it to leave. What was never there is not deleted.
//
// SPEC: X02, C18
func TestStoreWithoutLeasesLosesWhatTheSourceHasNot(t *testing.T) {
	for _, negative := range []time.Duration{0, time.Second} {
		for _, together := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				store, deep := &memStore{}, &memStore{}
				var err error
				cfg := tier.Config{TTL: time.Second, StaleFor: time.Hour, NegativeTTL: negative}
				b := &crate{
					one:  func(context.Context, string) (int, error) { return 0, err },
					many: func(context.Context, []string) (map[string]int, error) { return nil, err },
				}
				c := newCrateCache(t, b, cfg, encoded(plainStore{store}), encoded(deep))
				call := func() tier.Result[int] {
					if together {
						return c.GetMany(t.Context(), []string{"k", "l"})[0]
					}
					return c.GetResult(t.Context(), "k", tier.Read{})
				}
				store.plant("k", sealed(t, "k", 3, cfg))
				time.Sleep(time.Minute)
				err = errSource
				for range 2 { // a failure takes nothing away
					if r := call(); r.Value != 3 || r.Err != nil || r.Outcome != onefold.Stale {
						t.Errorf("together %v: the first calls got %+v, want 3, stale", together, r)
					}
					synctest.Wait()
				}
				err = onefold.ErrNotFound
				time.Sleep(time.Minute)
				call()
				synctest.Wait()
				for range 3 {
					if r := call(); !errors.Is(r.Err, onefold.ErrNotFound) {
						t.Errorf("together %v, NegativeTTL %v: a call got %+v, want ErrNotFound", together, negative, r)
					}
					time.Sleep(time.Minute)
				}
				if n := store.count("delete"); n != 1 {
					t.Errorf("together %v, NegativeTTL %v: %d deletions, want 1", together, negative, n)
				}
			})
		}
	}
}

// A writer whose far tier has no Setter, and whose key another process takes
// before it can, leaves the tier to that one: its load began after the write.
func TestSetLeavesATierThatAnotherHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		src := &source{value: 1}
		p, q := newCache(t, src.load, tier.Config{}, encoded(store)), newCache(t, src.load, tier.Config{}, encoded(store))
		store.after = only("delete", func(context.Context, string, string) error {
			src.set(3)
			wantGet(t, q, "k", 3)
			return nil
		})
		if err := p.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}); err != nil {
			t.Error(err)
		}
		store.after = nil
		wantGet(t, newCache(t, src.load, tier.Config{}, encoded(store)), "k", 3)
		if n := store.count("fill"); n != 1 {
			t.Errorf("%d fills, want q's", n)
		}
	})
}

// A cache without a near tier shares loads and reads its far tiers each time.
func TestFarOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		src := &source{value: 7, hook: func() { time.Sleep(time.Second) }}
		c := newCacheOver(t, src.load, tier.Config{}, nil, encoded(store))
		first, second := get(t.Context(), c, "k"), get(t.Context(), c, "k")
		wantReply(t, <-first, 7)
		wantReply(t, <-second, 7)
		wantNoPeek(t, c, "k")
		wantGet(t, c, "k", 7)
		if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 8}); err != nil {
			t.Error(err)
		}
		wantGet(t, c, "k", 8)
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		src.set(9)
		wantGet(t, c, "k", 9)
		if n := src.count(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A newer version's value is not overwritten, even if the grant comes with a lease.
//
// SPEC: X06
func TestNewerVersionWithLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		newer := resign(sealed(t, "k", 1, tier.Config{}), func(b []byte) []byte { b[2] = 2; return b })
		store := &memStore{}
		c := newCache(t, (&source{value: 2}).load, tier.Config{}, encoded(grantStore{store, func(g *tier.Grant) { g.Item.Data = newer }}))
		wantGet(t, c, "k", 2)
		synctest.Wait() // nobody waits for the release
		if got, want := store.ops(), []string{"acquire k", "release k"}; !slices.Equal(got, want) {
			t.Errorf("the store saw %q, want %q", got, want)
		}
	})
}

// The lease of a load that failed is given back behind the back of its callers.
func TestNobodyWaitsForARelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{before: only("release", hang)}
		errLoad := errors.New("load")
		c := newCache(t, func(context.Context, string) (int, error) { return 0, errLoad }, tier.Config{}, encoded(store))
		start := time.Now()
		if _, err := c.Get(t.Context(), "k"); !errors.Is(err, errLoad) || !time.Now().Equal(start) {
			t.Errorf("Get = %v after %v, want %v at once", err, time.Since(start), errLoad)
		}
		time.Sleep(2 * time.Second) // the release gives up, or the bubble finds it
	})
}

// What never expires can be loaded anew without the tier having nothing
// meanwhile, and keeps what it has if that fails. What somebody else stored
// without a limit never comes with a lease: it has to go first.
//
// SPEC: R09, F06
func TestValueWithoutALimitIsLoadedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := foldtest.Engine{Logging: true}
		s := &script{}
		c := newCache(t, s.load, tier.Config{}, encoded(engine.Connect()))
		defer c.Close(t.Context())
		synctest.Wait()
		wantGet(t, c, "k", 1)
		s.fail(errSource)
		if _, err := c.Refresh(t.Context(), "k"); !errors.Is(err, errSource) {
			t.Errorf("Refresh = %v, want %v", err, errSource)
		}
		synctest.Wait()
		other := newCache(t, s.load, tier.Config{}, encoded(engine.Connect()))
		defer other.Close(t.Context())
		wantGet(t, other, "k", 1)
		s.fail(nil)
		if v, err := c.Refresh(t.Context(), "k"); v != 3 || err != nil {
			t.Errorf("Refresh = %d, %v; want 3, nil", v, err)
		}
		if n := engine.Calls(foldtest.Delete); n != 0 {
			t.Errorf("%d deletions, want none", n)
		}
		time.Sleep(100 * 24 * time.Hour)
		synctest.Wait()
		wantGet(t, c, "k", 3)

		store := engine.Connect()
		it, err := store.Get(t.Context(), "k")
		if err != nil || it.TTL <= 0 {
			t.Fatalf("Get = %+v, %v; want an item that can come with a lease", it, err)
		}
		if err := store.Set(t.Context(), "k", tier.Item{Data: it.Data}); err != nil {
			t.Error(err)
		}
		if v, err := c.Refresh(t.Context(), "k"); v != 4 || err != nil {
			t.Errorf("Refresh = %d, %v; want 4, nil", v, err)
		}
		if n := engine.Calls(foldtest.Delete); n != 1 {
			t.Errorf("%d deletions, want 1", n)
		}
	})
}
