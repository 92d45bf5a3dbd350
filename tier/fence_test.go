package tier_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

// Each test here is one interleaving that breaks a simpler cache, named in its
// comment, held in place by gates.

// Naive: check that the flight is still the key's, unlock, store. A Delete
// slips in between and returns, and the old value is stored after it.
func TestStoreAndCheckAreOneStep(t *testing.T) {
	near := &spyNear{Near: newNear[string, int]()}
	src := &source{value: 1}
	c := newCacheOver(t, src.load, tier.Config{}, near)
	deleted := make(chan struct{})
	near.set = func() { // between the check and the store
		src.set(2)
		go func() {
			defer close(deleted)
			if err := c.Delete(t.Context(), "k"); err != nil {
				t.Error(err)
			}
		}()
		for range 10_000 { // let Delete through, if it can get through
			select {
			case <-deleted:
				return
			default:
				runtime.Gosched()
			}
		}
	}
	wantGet(t, c, "k", 1)
	<-deleted
	near.set = nil
	wantNoPeek(t, c, "k")
	wantGet(t, c, "k", 2)
}

// Naive: take the flight out, unlock, store what Set brought. A load that starts
// in between is the key's, and overwrites it.
func TestSetDetachesAndStoresInOneStep(t *testing.T) {
	near := &spyNear{Near: newNear[string, int]()}
	g := newGate()
	src := &source{value: 1, hook: g.pass}
	c := newCacheOver(t, src.load, tier.Config{}, near)
	var reader <-chan reply
	near.set = func() { // on the way to the store
		near.set = nil
		reader = get(t.Context(), c, "k")
		for range 10_000 { // let its load begin, if it can
			if src.count() > 0 {
				return
			}
			runtime.Gosched()
		}
	}
	if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}); err != nil {
		t.Error(err)
	}
	close(g.open)
	wantReply(t, <-reader, 2)
	wantPeek(t, c, "k", 2)
}

// Naive: take the fence after reading the far tier. What was read before a
// Delete is then stored near after it.
func TestFenceIsTakenBeforeTheFarRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 1}
		store := &memStore{}
		wantGet(t, newCache(t, src.load, tier.Config{}, encoded(store)), "k", 1)
		g := newGate()
		store.after = only("acquire", g.hook)
		c := newCache(t, src.load, tier.Config{}, encoded(store))
		reader := get(t.Context(), c, "k")
		<-g.reached // it has the old value in its hands
		src.set(2)
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		close(g.open)
		wantReply(t, <-reader, 1)
		wantNoPeek(t, c, "k")
		wantGet(t, c, "k", 2)
	})
}

// Naive: delete the near tier first. A reader then finds the far tier's old
// value, and stores it near after Delete has been there.
func TestNearIsDeletedAfterFar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 1}
		store := &memStore{}
		c := newCache(t, src.load, tier.Config{}, encoded(store))
		wantGet(t, c, "k", 1)
		src.set(2)
		g := newGate()
		store.before = only("delete", g.hook)
		deleted := make(chan error)
		go func() { deleted <- c.Delete(t.Context(), "k") }()
		<-g.reached
		wantGet(t, c, "k", 1) // Delete has not returned
		close(g.open)
		if err := <-deleted; err != nil {
			t.Error(err)
		}
		wantNoPeek(t, c, "k")
		wantGet(t, c, "k", 2)
	})
}

// Naive: of two far tiers delete the upper one first. A reader then takes the
// upper lease after its deletion, reads the old value below, and fills the
// upper tier with a lease that nothing has voided.
func TestDeepestTierIsDeletedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 1}
		top, deep := &memStore{}, &memStore{}
		c := newCache(t, src.load, tier.Config{}, encoded(top), encoded(deep))
		wantGet(t, c, "k", 1)
		src.set(2)
		// A second process, to meet the far tiers whatever is near in the first.
		other := newCache(t, src.load, tier.Config{}, encoded(top), encoded(deep))
		g := newGate()
		deep.before = only("delete", g.hook)
		deleted := make(chan error)
		go func() { deleted <- c.Delete(t.Context(), "k") }()
		<-g.reached
		wantGet(t, other, "k", 1)
		close(g.open)
		if err := <-deleted; err != nil {
			t.Error(err)
		}
		if top.data("k") != nil || deep.data("k") != nil {
			t.Errorf("after Delete the far tiers hold %q and %q", top.data("k"), deep.data("k"))
		}
		wantGet(t, c, "k", 2)
	})
}

// The same with the reader between the two deletions: it has the upper lease
// from before, and the lower tier's value from before. Its fill is refused, and
// a refused value is not kept near.
func TestUpperLeaseDiesWithItsDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 1}
		top, deep := &memStore{}, &memStore{}
		wantGet(t, newCache(t, src.load, tier.Config{}, encoded(deep)), "k", 1)
		reading := newGate()
		deep.after = only("acquire", reading.hook)
		q := newCache(t, src.load, tier.Config{}, encoded(top), encoded(deep))
		reader := get(t.Context(), q, "k")
		<-reading.reached
		src.set(2)
		p := newCache(t, src.load, tier.Config{}, encoded(top), encoded(deep))
		if err := p.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		close(reading.open)
		wantReply(t, <-reader, 1)
		if top.data("k") != nil {
			t.Errorf("after Delete the upper tier holds %q", top.data("k"))
		}
		wantNoPeek(t, q, "k")
		wantGet(t, q, "k", 2)
	})
}

// Naive: fill with a plain SET. The lease that Delete took away stops nothing,
// and the old value is back for everyone.
//
// SPEC: R11
func TestLoadFromBeforeDeleteFillsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		for name, far := range map[string]tier.Store{"Leaser": store, "Setter": setStore{store}} {
			g := newGate()
			src := &source{value: 1, hook: g.pass}
			c := newCache(t, src.load, tier.Config{}, encoded(far))
			reader := get(t.Context(), c, name)
			<-g.reached
			src.set(2)
			if err := c.Delete(t.Context(), name); err != nil {
				t.Error(err)
			}
			close(g.open)
			wantReply(t, <-reader, 1)
			if data := store.data(name); data != nil {
				t.Errorf("%s: after Delete the far tier holds %q", name, data)
			}
			wantGet(t, c, name, 2)
		}
	})
}

// Naive: what a far tier gave is as new as its arrival. Here another process
// invalidates it on its way, and this one hears of that before it arrives.
//
// SPEC: C10, F09, R17
func TestFarValueThatIsInvalidatedOnItsWay(t *testing.T) {
	for name, change := range map[string]func(ctx context.Context, c *tier.Cache[string, int]) error{
		"Delete": func(ctx context.Context, c *tier.Cache[string, int]) error { return c.Delete(ctx, "k") },
		"Set": func(ctx context.Context, c *tier.Cache[string, int]) error {
			return c.Set(ctx, "k", tier.Loaded[int]{Value: 2})
		},
		"InvalidateTag": func(ctx context.Context, c *tier.Cache[string, int]) error { return c.InvalidateTag(ctx, "a") },
		"InvalidateAll": func(ctx context.Context, c *tier.Cache[string, int]) error { return c.InvalidateAll(ctx) },
	} {
		for _, many := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var engine foldtest.Engine
				s := &shelf{version: 1, tags: []string{"a"}}
				conn := engine.Connect()
				p, q := tagged(t, s, tier.Config{}, encoded(engine.Connect())), tagged(t, s, tier.Config{}, encoded(conn))
				synctest.Wait() // they hear of changes
				wantGet(t, p, "k", 1)
				wantGet(t, q, "other", 1) // it knows the table
				op := foldtest.Acquire
				if many {
					op = foldtest.AcquireMany
				}
				conn.Inject(op, foldtest.Fault{Delay: time.Second, After: true})
				before := make(chan int, 1)
				go func() {
					if many {
						before <- q.GetMany(t.Context(), []string{"k", "l"})[0].Value
						return
					}
					v, _ := q.Get(t.Context(), "k")
					before <- v
				}()
				time.Sleep(time.Second / 2)
				s.set(2)
				if err := change(t.Context(), p); err != nil {
					t.Error(err)
				}
				if v := <-before; v != 1 {
					t.Errorf("%s: the call from before it got %d, want 1", name, v)
				}
				wantNoPeek(t, q, "k")
				wantGet(t, q, "k", 2)
			})
		}
	}
}

// Naive: a joiner trusts whatever flight it finds. Here Delete has returned, so
// the old flight must not be found, though it still runs.
//
// SPEC: C11
func TestNobodyJoinsAFlightFromBeforeDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{}
		src := &source{value: 1}
		wantGet(t, newCache(t, src.load, tier.Config{}, encoded(store)), "k", 1)
		g := newGate()
		store.after = only("acquire", g.hook)
		c := newCache(t, src.load, tier.Config{}, encoded(store))
		old := get(t.Context(), c, "k")
		<-g.reached
		src.set(2)
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		young := get(t.Context(), c, "k")
		synctest.Wait()
		wantReply(t, <-young, 2) // though the old one still runs
		close(g.open)
		wantReply(t, <-old, 1)
		wantPeek(t, c, "k", 2)
		if got := c.Stats(); got.Joined != 0 || got.Led != 2 {
			t.Errorf("Stats = %+v, want two that led and none that joined", got)
		}
	})
}

// Naive: look in the near tier once. A caller misses; the load under way is
// stored and leaves the table; the caller finds no flight and loads again.
func TestNearIsLookedIntoAgainBeforeALoadStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near := &spyNear{Near: newNear[string, int]()}
		g := newGate()
		near.got = g.pass
		src := &source{value: 1}
		c := newCacheOver(t, src.load, tier.Config{}, near)
		late := get(t.Context(), c, "k")
		<-g.reached // it has missed
		wantGet(t, c, "k", 1)
		close(g.open)
		wantReply(t, <-late, 1)
		if got, want := c.Stats(), (tier.Stats{Hits: 1, Led: 1}); got != want || src.count() != 1 {
			t.Errorf("Stats = %+v with %d loads, want %+v with 1", got, src.count(), want)
		}
	})
}

// Naive: wake the callers, then store. A caller that comes after the first
// answer misses, and loads again.
func TestValueIsNearBeforeAnybodyHasIt(t *testing.T) {
	var loads atomic.Int64
	c := newCache(t, func(context.Context, string) (int, error) { return int(loads.Add(1)), nil }, tier.Config{})
	for i := range 1000 {
		first := get(t.Context(), c, "k")
		wantReply(t, <-first, i+1)
		wantPeek(t, c, "k", i+1)
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
	}
}

// A value that a far tier refused answers those who waited for it, and is kept
// nowhere: the key was deleted by somebody whose word has not come here.
func TestRefusedFillIsNotKeptNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		src := &source{value: 1, hook: g.pass}
		store := &memStore{}
		p, q := newCache(t, src.load, tier.Config{}, encoded(store)), newCache(t, src.load, tier.Config{}, encoded(store))
		leader := get(t.Context(), q, "k")
		<-g.reached
		joiner := get(t.Context(), q, "k")
		synctest.Wait()
		src.set(2)
		if err := p.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		close(g.open)
		wantReply(t, <-leader, 1)
		wantReply(t, <-joiner, 1)
		wantNoPeek(t, q, "k")
		wantGet(t, q, "k", 2)
	})
}

// The same when the answer of the fill is lost: it may have been a refusal.
func TestUnknownFillIsNotKeptNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, store := range map[string]*memStore{
			"not done":    {before: only("fill", down)},
			"answer lost": {after: only("fill", down)},
		} {
			c := newCache(t, (&source{value: 1}).load, tier.Config{}, encoded(store))
			wantGet(t, c, name, 1)
			wantNoPeek(t, c, name)
		}
	})
}

// A tier never has a value that one below it refused, and the leases above are
// given back.
func TestRefusalStopsTheFillsAbove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		src := &source{value: 1, hook: g.pass}
		top, deep := &memStore{}, &memStore{}
		c := newCache(t, src.load, tier.Config{}, encoded(top), encoded(deep))
		leader := get(t.Context(), c, "k")
		<-g.reached
		src.set(2)
		if err := deep.Delete(t.Context(), "k"); err != nil { // another process has got that far
			t.Error(err)
		}
		close(g.open)
		wantReply(t, <-leader, 1)
		synctest.Wait() // nobody waits for the release
		if top.data("k") != nil || deep.data("k") != nil {
			t.Errorf("the far tiers hold %q and %q", top.data("k"), deep.data("k"))
		}
		if top.count("fill") != 0 || top.count("release") != 1 {
			t.Errorf("the upper tier saw %q, want its lease given back", top.ops())
		}
		wantNoPeek(t, c, "k")
		wantGet(t, c, "k", 2)
	})
}

// A Set whose fill the far tier refused, since the key was deleted meanwhile
// by another process, is not kept near either.
func TestSetRefusedByFarIsNotKeptNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		store := &memStore{before: only("fill", g.hook)}
		p := newCache(t, (&source{value: 9}).load, tier.Config{}, encoded(store))
		q := newCache(t, (&source{value: 9}).load, tier.Config{}, encoded(store))
		set := make(chan error, 1)
		go func() { set <- p.Set(t.Context(), "k", tier.Loaded[int]{Value: 1}) }()
		<-g.reached
		if err := q.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		close(g.open)
		<-set
		wantNoPeek(t, p, "k")
	})
}

// Naive: a Set whose place was taken, here by a Delete, leaves what took it. That
// is a load that has read a far tier before the Set came there, and that stores
// near after the Set has returned.
//
// SPEC: C12
func TestSetOutlivesTheLossOfItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 1}
		store := &memStore{}
		writing, reading := newGate(), newGate()
		var armed atomic.Bool
		store.before = only("delete", writing.hook)
		store.after = only("acquire", func(context.Context, string, string) error {
			if armed.Load() {
				reading.pass()
			}
			return nil
		})
		c := newCache(t, src.load, tier.Config{}, encoded(store))
		set := make(chan error)
		go func() { set <- c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}) }()
		<-writing.reached
		if err := c.Delete(t.Context(), "k"); err != nil { // takes the Set's place away
			t.Error(err)
		}
		wantGet(t, newCache(t, src.load, tier.Config{}, encoded(store)), "k", 1) // elsewhere, a load from before
		src.set(2)
		armed.Store(true)
		reader := get(t.Context(), c, "k")
		<-reading.reached // it has 1 in its hands
		close(writing.open)
		if err := <-set; err != nil {
			t.Error(err)
		}
		close(reading.open)
		wantReply(t, <-reader, 1) // it came before the Set returned
		wantGet(t, c, "k", 2)
	})
}
