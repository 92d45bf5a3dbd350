package foldtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/tier"
)

var (
	anyStore = Abilities{}
	leaser   = Abilities{Leaser: true}
)

// storeChecks are the tests of TestStore, in order.
var storeChecks = []storeCheck{
	{"NothingThere", anyStore, checkNothing},
	{"ContextEnds", anyStore, checkContext},
	{"FillAndGet", leaser, checkFill},
	{"FillRefusesNothing", leaser, checkFillNothing},
	{"AnyKeysAndData", leaser, checkBytes},
	{"DataIsTheCallers", leaser, checkAlias},
	{"ItemsEnd", leaser, checkItemEnds},
	{"FillComparesTheLease", leaser, checkFillCompares},
	{"DeleteEndsTheLease", leaser, checkDelete},
	{"TokensDoNotRepeat", leaser, checkTokens},
	{"OneLease", leaser, checkOneLease},
	{"LeasesEnd", leaser, checkLeaseEnds},
	{"ChangedTellsOfChanges", leaser, checkChanged},
	{"ConcurrentWakeUps", leaser, checkWakeUps},
	{"Release", leaser, checkRelease},
	{"RefreshBelow", leaser, checkRefresh},
	{"Replace", leaser, checkReplace},
	{"LeaserContextEnds", leaser, checkLeaserContext},
	{"ConcurrentInvalidation", leaser, checkInvalidation},

	{"Renew", Abilities{Leaser: true, Renewer: true}, checkRenew},
	{"Set", Abilities{Leaser: true, Setter: true}, checkSet},
	{"Batches", Abilities{Leaser: true, Batcher: true}, checkBatches},
	{"Notify", Abilities{Leaser: true, Notifier: true}, checkNotify},
	{"NotifyOfSetsAndBatches", Abilities{Leaser: true, Notifier: true}, checkNotifyOthers},
	{"Tags", Abilities{Tagger: true}, checkTags},
	{"NotifyOfTags", Abilities{Notifier: true, Tagger: true}, checkNotifyTags},
}

func checkNothing(t *storeTest) {
	s, key := t.open(), t.key("k")
	if it := t.get(s, key); it.Data != nil || it.TTL != 0 {
		t.Errorf("Get of what was never stored = %q for %v, want nil and 0", it.Data, it.TTL)
	}
	t.delete(s, key)
	t.delete(s, key)
}

func checkContext(t *storeTest) {
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	s, key := t.open(), t.key("k")
	t.wantError("Get with an ended context", func() error { _, err := s.Get(ctx, key); return err })
	t.wantError("Delete with an ended context", func() error { return s.Delete(ctx, key) })
}

func checkLeaserContext(t *storeTest) {
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	s, key := t.leaser(), t.key("k")
	lease := t.lease("first", s, key, 0)
	it := tier.Item{Data: []byte("v")}
	t.wantError("Acquire with an ended context", func() error {
		_, err := s.Acquire(ctx, key, tier.AcquireOptions{LeaseTTL: t.long})
		return err
	})
	t.wantError("Fill with an ended context", func() error { _, err := s.Fill(ctx, key, lease, it); return err })
	t.wantError("Release with an ended context", func() error { return s.Release(ctx, key, lease, 0) })
	if s, ok := s.(tier.Renewer); ok {
		t.wantError("Renew with an ended context", func() error { _, err := s.Renew(ctx, key, lease, t.long); return err })
	}
	if s, ok := s.(tier.Setter); ok {
		t.wantError("Set with an ended context", func() error { return s.Set(ctx, key, it) })
	}
	if s, ok := s.(tier.Batcher); ok {
		t.wantError("DeleteMany with an ended context", func() error { return errors.Join(s.DeleteMany(ctx, []string{key})...) })
		t.wantError("AcquireMany with an ended context", func() error {
			_, errs := s.AcquireMany(ctx, []string{key}, tier.AcquireOptions{LeaseTTL: t.long})
			return errors.Join(errs...)
		})
		t.wantError("FillMany with an ended context", func() error {
			_, errs := s.FillMany(ctx, []string{key}, []tier.Lease{lease}, []tier.Item{it})
			return errors.Join(errs...)
		})
	}
	if s, ok := s.(tier.Notifier); ok {
		t.wantError("Notify with an ended context", func() error { return s.Notify(ctx, func(tier.Change) {}) })
	}
	if s, ok := s.(tier.Tagger); ok {
		t.wantError("Tags with an ended context", func() error { _, err := s.Tags(ctx); return err })
		t.wantError("Bump with an ended context", func() error { _, err := s.Bump(ctx, t.key("tag")); return err })
	}
}

func checkFill(t *storeTest) {
	p, q, key := t.leaser(), t.leaser(), t.key("k")
	t.put(p, key, "v1", t.long)
	for name, s := range map[string]tier.Leaser{"the one that stored": p, "another": q} {
		it := t.get(s, key)
		if string(it.Data) != "v1" || it.TTL <= 0 || it.TTL > t.long {
			t.Errorf("Get of %s = %q for %v, want v1 for more than 0 and at most %v", name, it.Data, it.TTL, t.long)
		}
		g := t.acquire(s, key, tier.AcquireOptions{})
		if string(g.Item.Data) != "v1" || g.Item.TTL <= 0 || g.Item.TTL > t.long || g.Lease != (tier.Lease{}) || g.LoadSelf {
			t.Errorf("Acquire of %s = %q for %v, %s; want v1 alone for more than 0 and at most %v", name, g.Item.Data, g.Item.TTL, describe(g), t.long)
		}
	}
	t.put(q, t.key("for ever"), "v", 0)
	if it := t.get(p, t.key("for ever")); string(it.Data) != "v" || it.TTL != 0 {
		t.Errorf("Get of what has no limit = %q for %v, want v and 0", it.Data, it.TTL)
	}
	t.delete(q, key)
	t.wantData("after Delete", p, key, "")
	t.put(p, key, "v2", 0)
	t.wantData("stored anew", q, key, "v2")
}

func checkFillNothing(t *storeTest) {
	s, key := t.leaser(), t.key("k")
	lease := t.lease("first", s, key, 0)
	t.wantError("Fill without Data", func() error { _, err := s.Fill(t.ctx, key, lease, tier.Item{}); return err })
	t.fill("after a Fill that was none", s, key, lease, tier.Item{Data: []byte{}}, true)
	if it := t.get(s, key); it.Data == nil || len(it.Data) > 0 {
		t.Errorf("Get of data of no bytes = %#v, want []byte{}", it.Data)
	}
	if g := t.acquire(s, key, tier.AcquireOptions{}); g.Item.Data == nil || g.Lease != (tier.Lease{}) {
		t.Errorf("Acquire where there is data of no bytes gives %s, want an item that is not nil", describe(g))
	}
}

func checkBytes(t *storeTest) {
	p, q := t.leaser(), t.leaser()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	long := strings.Repeat("k", t.MaxKey-len(t.prefix)-1)
	keys := []string{
		"", " ", "\n", "\r\n", "a b", "a\x00", "a\x00b", "\xff\xfe", "é", "e\u0301", "A", "a", "*", "{a}b", "{a}c", "%d", "../x", string(all),
		long[:min(len(long), 250)], long[:min(len(long), 251)] + "1", long[:min(len(long), 251)] + "2", long + "1", long + "2",
	}
	data := func(i int) string {
		return fmt.Sprintf("value %d %s\r\nEND\r\n%s", i, all, strings.Repeat("x", 1000*i))
	}
	for i, key := range keys {
		if len(t.key(key)) > t.MaxKey {
			continue
		}
		t.put(p, t.key(key), data(i), t.long)
	}
	for i, key := range keys {
		if len(t.key(key)) > t.MaxKey {
			continue
		}
		t.wantData(fmt.Sprintf("key %.80q", key), q, t.key(key), data(i))
		t.delete(q, t.key(key))
		t.wantData(fmt.Sprintf("key %.80q after Delete", key), p, t.key(key), "")
	}
}

func checkAlias(t *storeTest) {
	s, key := t.leaser(), t.key("k")
	t.put(s, key, "value", t.long)
	scribble := func(data []byte) {
		for i := range data {
			data[i] = 'X'
		}
		_ = append(data, "####"...)
	}
	for range 3 {
		it := t.get(s, key)
		again := t.get(s, key)
		scribble(it.Data)
		if string(again.Data) != "value" {
			t.Errorf("writing to the data of one Get made that of another %q", again.Data)
		}
		g := t.acquire(s, key, tier.AcquireOptions{})
		scribble(g.Item.Data)
	}
	t.wantData("after writing to what Get and Acquire gave", s, key, "value")
}

func checkItemEnds(t *storeTest) {
	p, q, key := t.leaser(), t.leaser(), t.key("k")
	t.put(p, key, "v", t.ShortTTL)
	t.Advance(2 * t.ShortTTL)
	t.wantData("after its TTL", p, key, "")
	t.wantData("after its TTL", q, key, "")
	t.put(q, key, "v2", 0)
	t.Advance(2 * t.ShortTTL)
	t.wantData("stored anew without a limit", p, key, "v2")
}

func checkFillCompares(t *storeTest) {
	p, q, key := t.leaser(), t.leaser(), t.key("k")
	it := func(s string) tier.Item { return tier.Item{Data: []byte(s), TTL: t.long} }
	t.fill("with no lease", p, key, tier.Lease{}, it("v"), false)
	other := t.lease("another key", p, t.key("other"), 0)
	t.fill("with another key's lease", p, key, other, it("v"), false)
	t.wantData("after refused fills", q, key, "")

	lease := t.lease("first", p, key, 0)
	wrong := lease
	wrong.Token = other.Token
	t.fill("with another token", p, key, wrong, it("v"), false)
	t.fill("with no lease while there is one", p, key, tier.Lease{}, it("v"), false)
	t.held("after refused fills", q, key)
	t.fill("with the lease", p, key, lease, it("v1"), true)
	t.fill("with the lease again", p, key, lease, it("v2"), false)
	t.wantData("after a second fill", q, key, "v1")
	t.delete(q, key)
	next := t.lease("after Delete", q, key, 0)
	t.fill("with a lease before the last", p, key, lease, it("v3"), false)
	t.fill("with the last lease", q, key, next, it("v4"), true)
	t.wantData("at last", p, key, "v4")
}

// Row "plain SET as fill" of the fence protocol, and what stands behind it: a
// Delete ends the lease whether there is a value or not, whoever deletes.
func checkDelete(t *storeTest) {
	p, q := t.leaser(), t.leaser()
	old := tier.Item{Data: []byte("old"), TTL: t.long}
	for name, deleter := range map[string]tier.Leaser{"its own process": p, "another process": q} {
		key := t.key("absent, by " + name)
		lease := t.lease("absent", p, key, 0)
		t.delete(deleter, key)
		t.fill("after a Delete by "+name+" of an absent key", p, key, lease, old, false)
		t.wantData("after that", q, key, "")

		key = t.key("taken, by " + name)
		lease = t.lease("absent", p, key, 0)
		t.delete(deleter, key)
		next := t.lease("right after a Delete by "+name, q, key, 0)
		if next == lease {
			t.Errorf("the lease after a Delete is the one from before it")
		}
		t.fill("after a Delete by "+name+", while another has the lease", p, key, lease, old, false)
		t.release(p, key, lease, t.long)
		t.fill("of who came after the Delete", q, key, next, tier.Item{Data: []byte("new"), TTL: t.long}, true)
		t.wantData("after that", p, key, "new")

		key = t.key("present, by " + name)
		t.put(p, key, "v", t.ShortTTL*10)
		g := t.acquire(p, key, tier.AcquireOptions{RefreshBelow: t.ShortTTL * 20})
		if g.Lease == (tier.Lease{}) {
			t.Fatalf("no lease to refresh with")
		}
		t.delete(deleter, key)
		t.fill("of a refresh after a Delete by "+name, p, key, g.Lease, old, false)
		t.wantData("after that", q, key, "")
	}
}

func checkTokens(t *storeTest) {
	p, q := t.leaser(), t.leaser()
	seen := make(map[string]bool)
	for i := range 2 * t.Rounds {
		s, key := p, t.key(fmt.Sprint(i%3))
		if i%2 == 1 {
			s = q
		}
		lease := t.lease("no lease there", s, key, 0)
		if lease.Token == "" || seen[lease.Token] {
			t.Fatalf("token %q of lease %d is empty or was there before", lease.Token, i)
		}
		seen[lease.Token] = true
		switch i % 4 {
		case 0:
			t.delete(s, key)
		case 1:
			t.release(s, key, lease, 0)
		default:
			t.fill("with its lease", s, key, lease, tier.Item{Data: []byte("v"), TTL: t.long}, true)
			t.delete(s, key)
		}
	}
}

// contend lets many goroutines of several processes acquire a key at once, and
// gives who got a lease.
func (t *storeTest) contend(step, key string, o tier.AcquireOptions, others func(tier.Grant)) (winners []winner) {
	t.Helper()
	stores := []tier.Leaser{t.leaser(), t.leaser(), t.leaser()}
	if o.LeaseTTL == 0 {
		o.LeaseTTL = t.long
	}
	var mu sync.Mutex
	each(12, func(i int) {
		s := stores[i%len(stores)]
		g, err := s.Acquire(t.ctx, key, o)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
			t.Errorf("%s: Acquire = %v", step, err)
		case g.Lease != (tier.Lease{}):
			winners = append(winners, winner{s, g})
		default:
			others(g)
		}
	})
	if len(winners) != 1 {
		t.Fatalf("%s: %d of 12 who came at once got a lease, want 1", step, len(winners))
	}
	return winners
}

type winner struct {
	store tier.Leaser
	grant tier.Grant
}

func checkOneLease(t *storeTest) {
	for i := range max(1, t.Rounds/10) {
		key := t.key(fmt.Sprint(i))
		var waiting []<-chan struct{}
		w := t.contend("nothing there", key, tier.AcquireOptions{}, func(g tier.Grant) {
			if g.Changed == nil || g.LoadSelf || g.Item.Data != nil {
				t.Errorf("who got no lease got %s, want a channel", describe(g))
				return
			}
			waiting = append(waiting, g.Changed)
		})[0]
		t.fill("of the one who has the lease", w.store, key, w.grant.Lease, tier.Item{Data: []byte("v"), TTL: t.long}, true)
		for _, changed := range waiting {
			t.wantClosed("after the fill", changed)
		}
	}
}

func checkLeaseEnds(t *storeTest) {
	p, key := t.leaser(), t.key("k")
	it := tier.Item{Data: []byte("old"), TTL: t.long}
	lease := t.lease("first", p, key, t.ShortTTL)
	t.Advance(2 * t.ShortTTL)
	w := t.contend("after the lease's end", key, tier.AcquireOptions{}, func(g tier.Grant) {
		if g.Changed == nil {
			t.Errorf("who got no lease got %s, want a channel", describe(g))
		}
	})[0]
	t.release(p, key, lease, t.long)
	t.held("after a Release of a lease that has ended", p, key)
	t.fill("with a lease that has ended, while another has it", p, key, lease, it, false)
	t.wantData("after that", p, key, "")
	t.fill("of the successor", w.store, key, w.grant.Lease, tier.Item{Data: []byte("new"), TTL: t.long}, true)
	t.fill("with a lease that has ended, after the successor's", p, key, lease, it, false)
	t.wantData("after that", p, key, "new")

	key = t.key("nobody took it")
	lease = t.lease("first", p, key, t.ShortTTL)
	t.Advance(2 * t.ShortTTL)
	t.fill("with a lease that has ended, though nobody took it", p, key, lease, it, false)
	t.wantData("after that", p, key, "")
}

func checkChanged(t *storeTest) {
	p, q := t.leaser(), t.leaser()
	for name, change := range map[string]func(key string, lease tier.Lease){
		"Fill": func(key string, lease tier.Lease) {
			t.fill("of the holder", p, key, lease, tier.Item{Data: []byte("v"), TTL: t.long}, true)
		},
		"Delete by the holder":            func(key string, _ tier.Lease) { t.delete(p, key) },
		"Delete by the one who waits":     func(key string, _ tier.Lease) { t.delete(q, key) },
		"Release":                         func(key string, lease tier.Lease) { t.release(p, key, lease, 0) },
		"Release to load for oneself":     func(key string, lease tier.Lease) { t.release(p, key, lease, t.long) },
		"Delete, after another's Acquire": func(key string, _ tier.Lease) { t.held("meanwhile", p, key); t.delete(p, key) },
	} {
		key := t.key(name)
		lease := t.lease("first", p, key, 0)
		first, second := t.held("before "+name, q, key), t.held("before "+name, q, key)
		same := t.held("in the holder's own process, before "+name, p, key)
		t.Advance(t.ShortTTL / 2)
		t.wantOpen("before "+name, first.Changed)
		change(key, lease)
		t.wantClosed("after "+name, first.Changed)
		t.wantClosed("after "+name+", of a second one", second.Changed)
		t.wantClosed("after "+name+", in the holder's own process", same.Changed)
	}
}

// checkWakeUps has the change come at any time around the answer that says to
// wait for it: what is armed after the answer misses some.
func checkWakeUps(t *storeTest) {
	p, q := t.leaser(), t.leaser()
	seed := rand.Uint64() //nolint:gosec // a seed
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range t.Rounds {
		key := t.key(fmt.Sprint(i))
		lease := t.lease("first", p, key, 0)
		pause := time.Duration(rng.IntN(3)) * time.Duration(rng.IntN(1000)) * time.Microsecond
		var g tier.Grant
		each(2, func(i int) {
			var err error
			if i == 0 {
				time.Sleep(pause)
				_, err = p.Fill(t.ctx, key, lease, tier.Item{Data: []byte("v"), TTL: t.long})
			} else {
				g, err = q.Acquire(t.ctx, key, tier.AcquireOptions{LeaseTTL: t.long})
			}
			if err != nil {
				t.Errorf("seed %d, round %d: %v", seed, i, err)
			}
		})
		switch {
		case g.Item.Data != nil:
		case g.Changed == nil:
			t.Fatalf("seed %d, round %d: Acquire during a Fill gives %s, want the item or a channel", seed, i, describe(g))
		case !t.wantClosed(fmt.Sprintf("seed %d, round %d: a Fill %v after Acquire was called", seed, i, pause), g.Changed):
			return
		}
		t.wantData("after the wake-up", q, key, "v")
	}
}

func checkRelease(t *storeTest) {
	p, q := t.leaser(), t.leaser()
	key := t.key("at once")
	lease := t.lease("first", p, key, 0)
	t.release(p, key, lease, 0)
	next := t.lease("after a Release with a loadSelf of 0", q, key, 0)
	t.fill("with a lease given back", p, key, lease, tier.Item{Data: []byte("v")}, false)
	t.release(p, key, lease, t.long)
	t.release(p, key, tier.Lease{}, t.long)
	t.held("after Releases of what is not the key's lease", p, key)
	t.fill("of the holder after those", q, key, next, tier.Item{Data: []byte("v"), TTL: t.long}, true)
	t.release(q, key, next, 0)
	t.wantData("after a Release of a lease that was filled with", p, key, "v")

	// X10: all at once, not one after the other.
	key = t.key("load self")
	lease = t.lease("first", p, key, 0)
	t.release(p, key, lease, 4*t.ShortTTL)
	for _, s := range []tier.Leaser{p, q, p, q} {
		g := t.acquire(s, key, tier.AcquireOptions{})
		if !g.LoadSelf || g.Lease != (tier.Lease{}) {
			t.Errorf("after a Release with a loadSelf, Acquire gives %s, want LoadSelf and no lease", describe(g))
		}
	}
	t.fill("with a lease given back", p, key, lease, tier.Item{Data: []byte("v")}, false)
	t.Advance(8 * t.ShortTTL)
	t.lease("after the loadSelf is over", q, key, 0)
}

func checkRefresh(t *storeTest) {
	p, key := t.leaser(), t.key("k")
	t.put(p, key, "old", t.long/2)
	g := t.acquire(p, key, tier.AcquireOptions{RefreshBelow: t.long / 4})
	if string(g.Item.Data) != "old" || g.Lease != (tier.Lease{}) {
		t.Errorf("an item that has more than RefreshBelow left: %q, %s; want it alone", g.Item.Data, describe(g))
	}
	w := t.contend("an item that has less than RefreshBelow left", key, tier.AcquireOptions{RefreshBelow: t.long}, func(g tier.Grant) {
		if string(g.Item.Data) != "old" || g.LoadSelf || g.Changed == nil {
			t.Errorf("who got no lease to refresh with got %q, %s; want the item, and the means to wait", g.Item.Data, describe(g))
		}
	})[0]
	if string(w.grant.Item.Data) != "old" {
		t.Errorf("who got the lease got the item %q, want old", w.grant.Item.Data)
	}
	t.wantData("while one refreshes", p, key, "old")
	t.fill("of the refresh", w.store, key, w.grant.Lease, tier.Item{Data: []byte("new"), TTL: t.long}, true)
	t.wantData("after the refresh", p, key, "new")

	key = t.key("given up")
	t.put(p, key, "old", t.long/2)
	g = t.acquire(p, key, tier.AcquireOptions{RefreshBelow: t.long})
	t.release(p, key, g.Lease, 0)
	t.wantData("after a refresh that was given up", p, key, "old")
	if g := t.acquire(p, key, tier.AcquireOptions{RefreshBelow: t.long}); g.Lease == (tier.Lease{}) {
		t.Errorf("after a refresh that was given up, Acquire gives %s, want a lease", describe(g))
	}

	key = t.key("for ever")
	t.put(p, key, "v", 0)
	if g := t.acquire(p, key, tier.AcquireOptions{RefreshBelow: t.long}); g.Lease != (tier.Lease{}) || string(g.Item.Data) != "v" {
		t.Errorf("an item without a limit: %q, %s; want it alone", g.Item.Data, describe(g))
	}
}

func checkReplace(t *storeTest) {
	p, q, key := t.leaser(), t.leaser(), t.key("k")
	first := t.lease("first", p, key, 0)
	g := t.acquire(p, key, tier.AcquireOptions{Replace: first})
	if g.Lease == (tier.Lease{}) || g.Lease == first {
		t.Fatalf("Replace of the key's lease gives %s, want a new lease", describe(g))
	}
	t.fill("with a lease that was replaced", p, key, first, tier.Item{Data: []byte("v1")}, false)
	t.held("after a Replace", q, key)
	stale := t.acquire(p, key, tier.AcquireOptions{Replace: first})
	if stale.Lease != (tier.Lease{}) || stale.Changed == nil {
		t.Errorf("Replace of what is no longer the key's lease gives %s, want a channel", describe(stale))
	}
	t.fill("with the lease it was replaced by", p, key, g.Lease, tier.Item{Data: []byte("v2"), TTL: t.long}, true)
	t.wantData("after that", q, key, "v2")

	key = t.key("free")
	if g := t.acquire(p, key, tier.AcquireOptions{Replace: first}); g.Lease == (tier.Lease{}) {
		t.Errorf("Replace of a lost lease where nobody has one gives %s, want a lease", describe(g))
	}
}

// checkInvalidation: whoever asks after a Delete returned gets nothing that was
// read from the source before the Delete began.
func checkInvalidation(t *storeTest) {
	stores := []tier.Leaser{t.leaser(), t.leaser(), t.leaser()}
	var source, deleted [2]atomic.Int64 // versions: the newest, and the newest whose Delete has returned
	seed := rand.Uint64()               //nolint:gosec // a seed
	want := func(what string, it tier.Item, least int64) {
		var got int64
		if it.Data == nil {
			return
		}
		if _, err := fmt.Sscan(string(it.Data), &got); err != nil || got < least {
			t.Errorf("seed %d: after a Delete at version %d, %s gives version %q", seed, least, what, it.Data)
		}
	}
	each(6, func(i int) {
		s := stores[i%len(stores)]
		rng := rand.New(rand.NewPCG(seed, uint64(i))) //nolint:gosec // no secret
		for range t.Rounds {
			k := rng.IntN(len(source))
			key := t.key(fmt.Sprint(k))
			if i < 2 { // a writer
				version := source[k].Add(1)
				if err := s.Delete(t.ctx, key); err != nil {
					t.Errorf("seed %d: Delete = %v", seed, err)
					return
				}
				for old := deleted[k].Load(); old < version && !deleted[k].CompareAndSwap(old, version); {
					old = deleted[k].Load()
				}
			}
			least := deleted[k].Load()
			if i < 2 {
				it, err := s.Get(t.ctx, key)
				if err != nil {
					t.Errorf("seed %d: Get = %v", seed, err)
				}
				want("Get", it, least)
				time.Sleep(time.Duration(rng.IntN(1000)) * time.Microsecond)
				continue
			}
			least = deleted[k].Load()
			g, err := s.Acquire(t.ctx, key, tier.AcquireOptions{LeaseTTL: t.long})
			if err != nil {
				t.Errorf("seed %d: Acquire = %v", seed, err)
			}
			want("Acquire", g.Item, least)
			if g.Lease != (tier.Lease{}) {
				version := source[k].Load()
				time.Sleep(time.Duration(rng.IntN(300)) * time.Microsecond)
				if _, err := s.Fill(t.ctx, key, g.Lease, tier.Item{Data: fmt.Append(nil, version), TTL: t.long}); err != nil {
					t.Errorf("seed %d: Fill = %v", seed, err)
				}
			}
			time.Sleep(time.Duration(rng.IntN(500)) * time.Microsecond)
		}
	})
}
