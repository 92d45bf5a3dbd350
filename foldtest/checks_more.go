package foldtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/onefold-go/onefold/tier"
)

func checkRenew(t *storeTest) {
	p, q, key := t.leaser(), t.leaser(), t.key("k")
	renew := func(step string, s tier.Leaser, key string, lease tier.Lease, want bool) {
		t.Helper()
		held, err := as[tier.Renewer](t, s).Renew(t.ctx, key, lease, t.long)
		if err != nil {
			t.Fatalf("%s: Renew = %v", step, err)
		}
		if held != want {
			t.Errorf("%s: Renew says held: %t, want %t", step, held, want)
		}
	}
	lease := t.lease("first", p, key, 2*t.ShortTTL)
	renew("the key's lease", p, key, lease, true)
	t.Advance(4 * t.ShortTTL)
	t.held("after the TTL from before the Renew", q, key)
	renew("no lease", p, key, tier.Lease{}, false)
	renew("another key's lease", p, t.key("other"), lease, false)
	t.fill("with a renewed lease", p, key, lease, tier.Item{Data: []byte("v"), TTL: t.long}, true)
	renew("after the fill", p, key, lease, false)

	key = t.key("deleted")
	lease = t.lease("first", p, key, 0)
	t.delete(q, key)
	renew("after a Delete", p, key, lease, false)
	next := t.lease("after a Delete and a Renew", q, key, 0)
	renew("while another has the lease", p, key, lease, false)
	t.fill("of the other", q, key, next, tier.Item{Data: []byte("v"), TTL: t.long}, true)

	key = t.key("ended")
	lease = t.lease("first", p, key, t.ShortTTL)
	t.Advance(2 * t.ShortTTL)
	renew("after its end", p, key, lease, false)
	t.fill("with a lease renewed after its end", p, key, lease, tier.Item{Data: []byte("v")}, false)
}

func checkSet(t *storeTest) {
	p, q, key := t.leaser(), t.leaser(), t.key("k")
	set := func(data string, ttl time.Duration) {
		t.Helper()
		if err := as[tier.Setter](t, p).Set(t.ctx, key, tier.Item{Data: []byte(data), TTL: ttl}); err != nil {
			t.Fatalf("Set = %v", err)
		}
	}
	set("v1", t.long)
	if it := t.get(q, key); string(it.Data) != "v1" || it.TTL <= 0 || it.TTL > t.long {
		t.Errorf("after Set, Get = %q for %v; want v1 for at most %v", it.Data, it.TTL, t.long)
	}
	set("v2", 0)
	if it := t.get(q, key); string(it.Data) != "v2" || it.TTL != 0 {
		t.Errorf("after a second Set, Get = %q for %v; want v2 and 0", it.Data, it.TTL)
	}
	t.delete(q, key)
	lease := t.lease("after Delete", q, key, 0)
	waiting := t.held("then", p, key)
	set("v3", t.long)
	t.wantClosed("after Set", waiting.Changed)
	t.fill("with a lease from before a Set", q, key, lease, tier.Item{Data: []byte("old")}, false)
	t.wantData("after that", q, key, "v3")
	t.wantError("Set without Data", func() error { return as[tier.Setter](t, p).Set(t.ctx, key, tier.Item{}) })
}

func checkBatches(t *storeTest) {
	p, q := t.leaser(), t.leaser()
	b := as[tier.Batcher](t, p)
	o := tier.AcquireOptions{LeaseTTL: t.long}

	if grants, errs := b.AcquireMany(t.ctx, nil, o); len(grants) != 0 || len(errs) != 0 {
		t.Errorf("AcquireMany of no keys = %v, %v; want nothing", grants, errs)
	}
	keys := []string{t.key("absent"), t.key("present"), t.key("held"), t.key("absent too"), t.key("a\x00\r\n")}
	t.put(q, keys[1], "v", t.long)
	other := t.lease("first", q, keys[2], 0)
	grants, errs := b.AcquireMany(t.ctx, keys, o)
	if len(grants) != len(keys) || len(errs) != len(keys) {
		t.Fatalf("AcquireMany of %d keys gives %d grants and %d errors", len(keys), len(grants), len(errs))
	}
	for i, g := range grants {
		wantItem, wantLease, wantChanged := i == 1, i != 1 && i != 2, i == 2
		if errs[i] != nil || (string(g.Item.Data) == "v") != wantItem || (g.Lease != tier.Lease{}) != wantLease || (g.Changed != nil) != wantChanged {
			t.Errorf("AcquireMany, key %d: %s, %v; want item %t, lease %t, channel %t", i, describe(g), errs[i], wantItem, wantLease, wantChanged)
		}
	}

	// One lease is gone, one was never there, one is another's.
	t.delete(q, keys[3])
	leases := []tier.Lease{grants[0].Lease, {}, grants[0].Lease, grants[3].Lease, grants[4].Lease}
	items := make([]tier.Item, len(keys))
	for i := range items {
		items[i] = tier.Item{Data: fmt.Append(nil, "filled ", i), TTL: t.long}
	}
	stored, errs := b.FillMany(t.ctx, keys, leases, items)
	if len(stored) != len(keys) || len(errs) != len(keys) {
		t.Fatalf("FillMany of %d keys gives %d answers and %d errors", len(keys), len(stored), len(errs))
	}
	for i, want := range []bool{true, false, false, false, true} {
		if stored[i] != want || errs[i] != nil {
			t.Errorf("FillMany, key %d: stored %t, %v; want %t", i, stored[i], errs[i], want)
		}
	}
	for i, want := range []string{"filled 0", "v", "", "", "filled 4"} {
		t.wantData(fmt.Sprintf("after FillMany, key %d", i), q, keys[i], want)
	}

	// An item without Data fails its own slot.
	pair := []string{t.key("empty"), t.key("full")}
	grants, _ = b.AcquireMany(t.ctx, pair, o)
	stored, errs = b.FillMany(t.ctx, pair, []tier.Lease{grants[0].Lease, grants[1].Lease}, []tier.Item{{}, {Data: []byte("v"), TTL: t.long}})
	if stored[0] || errs[0] == nil || !stored[1] || errs[1] != nil {
		t.Errorf("FillMany with an item without Data: stored %t, %v; want an error for that one alone", stored, errs)
	}

	errs = b.DeleteMany(t.ctx, append(slices.Clone(keys), t.key("never there")))
	for i, err := range errs {
		if err != nil {
			t.Errorf("DeleteMany, key %d: %v", i, err)
		}
	}
	if len(errs) != len(keys)+1 {
		t.Errorf("DeleteMany of %d keys gives %d errors", len(keys)+1, len(errs))
	}
	for i, key := range keys {
		t.wantData(fmt.Sprintf("after DeleteMany, key %d", i), q, key, "")
	}
	t.fill("after DeleteMany", q, keys[2], other, tier.Item{Data: []byte("old")}, false)

	// One lease a key, in batches too.
	many := make([]string, 20)
	for i := range many {
		many[i] = t.key(fmt.Sprint("contended ", i))
	}
	var (
		mu  sync.Mutex
		won = make(map[string]int)
	)
	stores := []tier.Batcher{b, as[tier.Batcher](t, q)}
	each(6, func(i int) {
		grants, errs := stores[i%2].AcquireMany(t.ctx, many, o)
		mu.Lock()
		defer mu.Unlock()
		for i := range many {
			if errs[i] != nil {
				t.Errorf("AcquireMany, key %d: %v", i, errs[i])
			}
			if grants[i].Lease != (tier.Lease{}) {
				won[many[i]]++
			}
		}
	})
	for i, key := range many {
		if won[key] != 1 {
			t.Errorf("AcquireMany by 6 at once: %d leases for key %d, want 1", won[key], i)
		}
	}
}

// A listener keeps what a Notify tells.
type listener struct {
	t    *storeTest
	told chan tier.Change
	stop func() error // ends the Notify and gives what it returned
}

// listen starts a Notify on s and waits until it tells of what other does.
func (t *storeTest) listen(s tier.Store, probe func(i int) (mine func(tier.Change) bool)) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(t.ctx)
	l := &listener{t: t, told: make(chan tier.Change, 10_000)}
	ended := make(chan error, 1)
	var inside sync.Mutex
	go func() {
		ended <- as[tier.Notifier](t, s).Notify(ctx, func(c tier.Change) {
			if !inside.TryLock() {
				t.Errorf("two calls of deliver at the same time, want one after the other")
				return
			}
			defer inside.Unlock()
			l.told <- c
			time.Sleep(100 * time.Microsecond) // for another call to come, if one may
		})
	}()
	l.stop = func() error {
		cancel()
		timer := time.NewTimer(t.Within)
		defer timer.Stop()
		select {
		case err := <-ended:
			return err
		case <-timer.C:
			t.Errorf("Notify has not returned %v after its context ended", t.Within)
			return nil
		}
	}
	// It begins some time after the call: changes are made until one arrives.
	wait := t.Within / 1000
	for i := 0; ; i++ {
		mine := probe(i)
		timer := time.NewTimer(wait)
		select {
		case c := <-l.told:
			timer.Stop()
			if !mine(c) && !c.All {
				continue
			}
			return l
		case err := <-ended:
			t.Fatalf("Notify returned %v, want it to go on until its context ends", err)
		case <-timer.C:
			if i > 100 {
				cancel()
				t.Fatalf("Notify told of none of %d changes by another", i)
			}
			wait = min(2*wait, t.Within/10)
		}
	}
}

// until gives what is told up to the first change for which last is true.
func (l *listener) until(step string, last func(tier.Change) bool) (told []tier.Change) {
	l.t.Helper()
	timer := time.NewTimer(l.t.Within)
	defer timer.Stop()
	for {
		select {
		case c := <-l.told:
			told = append(told, c)
			if last(c) {
				return told
			}
		case <-timer.C:
			l.t.Errorf("%s: Notify did not tell of it in %v", step, l.t.Within)
			return told
		}
	}
}

func ofKey(key string) func(tier.Change) bool {
	return func(c tier.Change) bool { return c.Key == key && !c.All && !c.Tags }
}

// notifyPair gives a store with a listener and another to make changes with.
func (t *storeTest) notifyPair() (p tier.Leaser, l *listener, q tier.Leaser) {
	t.Helper()
	p, q = t.leaser(), t.leaser()
	l = t.listen(p, func(i int) func(tier.Change) bool {
		key := t.key(fmt.Sprint("probe ", i))
		t.delete(q, key)
		return func(c tier.Change) bool { return len(c.Key) > len(t.prefix) && c.Key[:len(t.prefix)] == t.prefix }
	})
	return p, l, q
}

func checkNotify(t *storeTest) {
	p, l, q := t.notifyPair()
	for _, key := range []string{t.key("k"), t.key(""), t.key("a\x00\xff\r\n b")} {
		t.put(q, key, "v", t.long)
		l.until(fmt.Sprintf("a Fill of %q by another", key), ofKey(key))
		t.delete(q, key)
		l.until(fmt.Sprintf("a Delete of %q by another", key), ofKey(key))
	}
	t.delete(q, t.key("absent"))
	l.until("a Delete of an absent key by another", ofKey(t.key("absent")))

	// X11: its own changes are no news. A change by another marks the end.
	for i := range 10 {
		own, mark := t.key(fmt.Sprint("own ", i)), t.key(fmt.Sprint("mark ", i))
		t.put(p, own, "v", t.long)
		t.delete(p, own)
		if s, ok := p.(tier.Setter); ok {
			if err := s.Set(t.ctx, own, tier.Item{Data: []byte("v")}); err != nil {
				t.Fatalf("Set = %v", err)
			}
		}
		if b, ok := p.(tier.Batcher); ok {
			if err := b.DeleteMany(t.ctx, []string{own})[0]; err != nil {
				t.Fatalf("DeleteMany = %v", err)
			}
		}
		t.delete(q, mark)
		if told := l.until("a Delete after own changes", ofKey(mark)); slices.ContainsFunc(told, ofKey(own)) {
			t.Errorf("Notify told the process of its own change of %q", own)
			break
		}
	}
	if d := as[tier.Notifier](t, p).Staleness(); d < 0 {
		t.Errorf("Staleness = %v, want 0 or more", d)
	}
	if err := l.stop(); err == nil {
		t.Errorf("Notify = nil when its context ended, want an error")
	}
	t.delete(q, t.key("after the end"))
}

func checkNotifyOthers(t *storeTest) {
	_, l, q := t.notifyPair()
	if s, ok := q.(tier.Setter); ok {
		key := t.key("set")
		if err := s.Set(t.ctx, key, tier.Item{Data: []byte("v"), TTL: t.long}); err != nil {
			t.Fatalf("Set = %v", err)
		}
		l.until("a Set by another", ofKey(key))
	}
	if b, ok := q.(tier.Batcher); ok {
		keys := []string{t.key("batch 0"), t.key("batch 1")}
		grants, errs := b.AcquireMany(t.ctx, keys, tier.AcquireOptions{LeaseTTL: t.long})
		if errs[0] != nil || errs[1] != nil {
			t.Fatalf("AcquireMany = %v", errs)
		}
		it := tier.Item{Data: []byte("v"), TTL: t.long}
		b.FillMany(t.ctx, keys, []tier.Lease{grants[0].Lease, grants[1].Lease}, []tier.Item{it, it})
		for range keys {
			l.until("a FillMany by another", func(c tier.Change) bool { return slices.Contains(keys, c.Key) })
		}
		b.DeleteMany(t.ctx, keys)
		for range keys {
			l.until("a DeleteMany by another", func(c tier.Change) bool { return slices.Contains(keys, c.Key) })
		}
	}
	_ = l.stop()
}

func checkTags(t *storeTest) {
	p, q := as[tier.Tagger](t, t.open()), as[tier.Tagger](t, t.open())
	table := func(s tier.Tagger) tier.TagTable {
		t.Helper()
		table, err := s.Tags(t.ctx)
		if err != nil {
			t.Fatalf("Tags = %v", err)
		}
		return table
	}
	bump := func(s tier.Tagger, tags ...string) tier.TagTable {
		t.Helper()
		table, err := s.Bump(t.ctx, tags...)
		if err != nil {
			t.Fatalf("Bump(%q) = %v", tags, err)
		}
		return table
	}
	// invalid says whether an entry of epoch and seq with the tag is.
	invalid := func(table tier.TagTable, seq uint64, tag string) bool {
		return seq < table.Floor || table.Gens[tag] > seq
	}

	first := table(p)
	if first.Epoch == 0 {
		t.Errorf("Epoch is 0, want another number")
	}
	if again := table(q); again.Epoch != first.Epoch || again.Seq != first.Seq {
		t.Errorf("another process has epoch %d and Seq %d, want %d and %d", again.Epoch, again.Seq, first.Epoch, first.Seq)
	}
	a, b := t.key("a"), t.key("b\x00\r\n \xff")
	after := bump(p, a, b)
	if after.Seq != first.Seq+1 || after.Epoch != first.Epoch || after.Floor > after.Seq {
		t.Errorf("Bump gives epoch %d, Seq %d, Floor %d; want %d, %d and no more than that", after.Epoch, after.Seq, after.Floor, first.Epoch, first.Seq+1)
	}
	for name, seen := range map[string]tier.TagTable{"the answer": after, "the own process": table(p), "another process": table(q)} {
		for _, tag := range []string{a, b} {
			if !invalid(seen, first.Seq, tag) || invalid(seen, after.Seq, tag) {
				t.Errorf("in the table of %s, tag %q has generation %d and Floor is %d after a Bump to %d", name, tag, seen.Gens[tag], seen.Floor, after.Seq)
			}
		}
	}
	second := bump(q, a)
	if second.Seq != after.Seq+1 || !invalid(second, after.Seq, a) || (invalid(second, after.Seq, b) && second.Floor <= after.Seq) {
		t.Errorf("a second Bump gives %+v, want Seq %d and the other tag as it was", second, after.Seq+1)
	}
	all := bump(p)
	if all.Seq != second.Seq+1 || all.Floor != all.Seq {
		t.Errorf("Bump of no tags gives Seq %d and Floor %d, want both %d", all.Seq, all.Floor, second.Seq+1)
	}
	if seen := table(q); seen.Floor != all.Floor {
		t.Errorf("another process sees Floor %d, want %d", seen.Floor, all.Floor)
	}

	// The table belongs to the caller.
	mine := table(p)
	if mine.Gens != nil {
		mine.Gens[t.key("scribbled")] = 1 << 60
	}
	if _, ok := table(p).Gens[t.key("scribbled")]; ok {
		t.Errorf("writing to a table changed the next one")
	}

	// Each Bump has a Seq of its own.
	var (
		mu   sync.Mutex
		seqs = make(map[uint64]bool)
	)
	before := table(p).Seq
	each(8, func(i int) {
		s := p
		if i%2 == 1 {
			s = q
		}
		for range 5 {
			got, err := s.Bump(t.ctx, t.key(fmt.Sprint("tag ", i)))
			if err != nil {
				t.Errorf("Bump = %v", err)
			}
			mu.Lock()
			if seqs[got.Seq] {
				t.Errorf("two Bumps have Seq %d", got.Seq)
			}
			seqs[got.Seq] = true
			mu.Unlock()
		}
	})
	if got := table(q).Seq; got != before+40 {
		t.Errorf("Seq is %d after 40 Bumps at once, want %d", got, before+40)
	}
}

func checkNotifyTags(t *storeTest) {
	p, q := t.open(), as[tier.Tagger](t, t.open())
	isTags := func(c tier.Change) bool { return c.Tags && !c.All && c.Key == "" }
	bump := func() {
		t.Helper()
		if _, err := q.Bump(t.ctx, t.key("tag")); err != nil {
			t.Fatalf("Bump = %v", err)
		}
	}
	l := t.listen(p, func(int) func(tier.Change) bool { bump(); return isTags })
	bump()
	l.until("a Bump by another", isTags)
	_ = l.stop()
}
