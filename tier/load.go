package tier

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/internal/loadctx"
)

// fetching is one load of a key: the far tiers, nearest first, and then the
// source. What it comes to is stored in the near tier by its flight, if that is
// still the key's. It is used by one goroutine.
type fetching[K comparable, V any] struct {
	cache *Cache[K, V]
	key   K
	force bool // behind a call that has a fresh value: one that is no newer is no answer
	dated bool // a tier without leases holds something that is no answer
	want  want // of the call that began it

	stamp uint64    // of the fences, from before anything was read
	slot  uint16    // of the fences
	table *tagTable // of the far tiers, likewise; nil: not known

	prior    *Entry[V]     // the newest value that is known, to ask the source about
	fallback *Entry[V]     // a value to give where the source has no answer
	failures int           // of the loads before this one, in a row
	held     leases        // nearest tier first
	barred   time.Duration // how long others must load for themselves when the leases that are left are given back
}

// leases are the right to fill far tiers with a key.
type leases []held

type held struct {
	tier  int
	key   string // as the tier spells it
	lease Lease
}

// fetch is what a flight of key runs.
func (c *Cache[K, V]) fetch(ctx context.Context, key K) (*Entry[V], error) {
	f := fetching[K, V]{cache: c, key: key, want: want{maxStale: forever}}
	return f.run(ctx, c.near.Get(key))
}

// run loads the key; e is what the near tier has of it, or nil.
func (f *fetching[K, V]) run(ctx context.Context, e *Entry[V]) (*Entry[V], error) {
	f.begin(ctx, e)
	defer f.letGo(ctx) // also when the load panics
	return f.goOn(ctx, 0)
}

// goOn is what is left of a load that has asked the far tiers before the first.
func (f *fetching[K, V]) goOn(ctx context.Context, first int) (*Entry[V], error) {
	if found, err := f.lookFar(ctx, first); found != nil || err != nil {
		return found, err
	}
	return f.askSource(ctx)
}

// begin notes how things are before anything is read.
func (f *fetching[K, V]) begin(ctx context.Context, e *Entry[V]) {
	c := f.cache
	if c.fences.slots != nil {
		f.slot = c.slotOf(f.key)
	}
	f.fence(ctx)
	if e != nil {
		f.failures = e.rest().failures
		f.know(e, nil)
		f.claim(e)
	}
}

// fence notes what has been invalidated until now: what is read from now on is
// not older. The stamp comes first: what a far tier holds is admitted by the
// table, and must not get a stamp from after what the table does not know of.
func (f *fetching[K, V]) fence(ctx context.Context) {
	for range 2 { // the table may bring news, which the stamp is older than
		f.stamp = f.cache.fences.now()
		if len(f.cache.far) == 0 {
			return
		}
		if f.table = f.cache.tags.table(ctx); f.stamp == f.cache.fences.now() {
			return
		}
	}
}

// know takes note of a value that is no answer by itself, if there is one; err
// is why it is none, if there is more to it than its age.
func (f *fetching[K, V]) know(e *Entry[V], err error) {
	if e == nil || e.kind != value {
		return
	}
	if f.prior == nil || e.born > f.prior.born {
		f.prior = e
	}
	if !errors.Is(err, reasonTags) && f.cache.fallback(e, f.cache.clock.now(), f.want) && (f.fallback == nil || e.born > f.fallback.born) {
		f.fallback = e
	}
}

// claim takes over the leases that came with a stale entry.
func (f *fetching[K, V]) claim(e *Entry[V]) {
	if e.more == nil {
		return
	}
	if l := e.more.leases.Swap(nil); l != nil {
		f.held = *l
		for _, h := range f.held {
			f.cache.hold(f.key, h.tier, h.lease)
		}
	}
}

// at notes which tier the load waits for, for callers that lose patience.
func (*fetching[K, V]) at(ctx context.Context, l Level) {
	if load := loadctx.From(ctx); load != nil {
		load.SetStage(int(l))
	}
}

// lookFar gives what a far tier has for callers, from the first on, or nil when
// the source must be asked. A tier that does not answer is passed over.
func (f *fetching[K, V]) lookFar(ctx context.Context, first int) (*Entry[V], error) {
	for i := first; i < len(f.cache.far); i++ {
		f.at(ctx, Level(i+1)) //nolint:gosec // few
		e, err := f.ask(ctx, i)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		f.count(i, e, err)
		if e != nil {
			f.hand(e, i)
			f.fill(ctx, e)
			return e, nil
		}
	}
	return nil, nil //nolint:nilnil // nothing, and no fault
}

// count counts what tier i had to say.
func (f *fetching[K, V]) count(i int, e *Entry[V], err error) {
	stats := &f.cache.farStats[i]
	switch {
	case err != nil:
		stats.errors.Add(1)
	case e != nil:
		stats.hits.Add(1)
	default:
		stats.misses.Add(1)
	}
}

// ask asks far tier i. It waits until it has a value to give, the key's lease,
// or no hope of either, and returns nil in both of the latter cases. An error
// means that the tier could not be asked.
func (f *fetching[K, V]) ask(ctx context.Context, i int) (*Entry[V], error) {
	far := &f.cache.far[i]
	key := far.spell(f.key)
	if f.holds(i) { // claimed: what the tier holds is known, and is to be replaced
		return nil, nil //nolint:nilnil // likewise
	}
	if far.leaser == nil {
		item, err := within(ctx, f, func(ctx context.Context) (Item, error) { return far.store.Get(ctx, key) })
		if err != nil || item.Data == nil {
			return nil, err
		}
		e, err := f.look(i, key, item)
		if err == nil && f.accepts(e, false) {
			return e, nil
		}
		f.know(e, err)
		f.dated = f.dated || e != nil || garbage(err)
		return nil, nil //nolint:nilnil // likewise
	}
	o := f.options(i)
	for healed, widened := false, false; ; {
		f.fence(ctx) // nothing that was read until now is what this one may bring
		g, err := within(ctx, f, func(ctx context.Context) (Grant, error) { return far.leaser.Acquire(ctx, key, o) })
		if err != nil {
			return nil, err
		}
		e, next := f.take(ctx, i, key, g, widened)
		switch {
		case next == wait:
			if err := await(ctx, g); err != nil {
				return nil, err
			}
		case next == heal && !healed: // so that the key gets a lease
			healed = true
			if err := f.clear(ctx, i, key); err != nil {
				return nil, err
			}
		case next == widen && !widened:
			widened, o.RefreshBelow = true, later(g.Item.TTL, time.Millisecond) // less than a newer one has
		default:
			return e, nil
		}
	}
}

func (f *fetching[K, V]) options(i int) AcquireOptions {
	return AcquireOptions{LeaseTTL: f.cache.cfg.LeaseTTL, RefreshBelow: f.refreshBelow(), Replace: f.cache.holding(f.key, i)}
}

// clear makes tier i hold nothing for key.
func (f *fetching[K, V]) clear(ctx context.Context, i int, key string) error {
	_, err := within(ctx, f, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, f.cache.far[i].store.Delete(ctx, key)
	})
	return err
}

// A next says what a grant of a far tier leads to.
type next uint8

const (
	proceed next = iota // there is an answer, or nothing to hope for from this tier
	wait                // another process has the lease: ask again when that has changed
	heal                // what the tier holds is of no use to anybody: delete it and ask again
	widen               // it is of no use to this load, and has much time left: ask again for its lease
)

// take makes what can be made of tier i's grant: an answer for callers, a lease
// to hold, or what to do to get one of them. widened says that the tier was asked
// for the lease whatever it holds.
func (f *fetching[K, V]) take(ctx context.Context, i int, key string, g Grant, widened bool) (*Entry[V], next) {
	var e *Entry[V]
	var err error
	if g.Item.Data != nil {
		e, err = f.look(i, key, g.Item)
	}
	granted := g.Lease != (Lease{})
	if granted {
		f.hold(i, key, g.Lease)
	}
	switch {
	case granted && e != nil && err == nil && (widened && f.accepts(e, false) || f.overtakenBy(e)): // somebody has been faster
		f.drop(ctx, i)
		return e, proceed
	case e != nil && err == nil && f.accepts(e, granted):
		return e, proceed
	case e == nil && err != nil && !garbage(err): // another version's, or too large: it is left to its writers
		f.drop(ctx, i)
		return nil, proceed
	}
	f.know(e, err)
	switch {
	case granted || g.LoadSelf:
		return nil, proceed
	case g.Changed != nil:
		return nil, wait
	case g.Item.Data == nil:
		return nil, proceed
	case e == nil, g.Item.TTL == 0: // what has no limit never comes with a lease
		return nil, heal
	default:
		return nil, widen
	}
}

// look opens what tier i holds and counts what is not to be served. The entry
// may be of use even with an error.
func (f *fetching[K, V]) look(i int, key string, item Item) (*Entry[V], error) {
	e, err := f.open(i, key, item)
	if err != nil {
		f.cache.farStats[i].unserved(err)
	}
	return e, err
}

// accepts reports whether e, from a far tier, is an answer for the callers of
// this load. granted says that the right to load a newer one came with it.
func (f *fetching[K, V]) accepts(e *Entry[V], granted bool) bool {
	c := f.cache
	now := c.clock.now()
	if f.want.refuses(e.born, e.from) {
		return false
	}
	if f.force {
		newer := f.prior == nil || e.born > f.prior.born+tick // the same value's time is never read quite the same
		return newer && !granted && now < e.fresh
	}
	if now < e.fresh {
		return true
	}
	if e.kind == value && now < c.staleUntil(e, f.want) {
		e.own().why = Revalidating
		return true
	}
	return false
}

// overtakenBy reports whether e, from a far tier, is what this refresh was to
// bring: somebody else has been faster.
func (f *fetching[K, V]) overtakenBy(e *Entry[V]) bool {
	return f.force && f.prior != nil && e.born > f.prior.born && f.cache.clock.now() < e.early()
}

// refreshBelow gives how much time an item has left, as far as the store knows,
// when it is due to be loaded anew.
func (f *fetching[K, V]) refreshBelow() time.Duration {
	c := f.cache
	if f.want.notBefore > 0 || f.want.maxStale != forever {
		return forever
	}
	stale := max(c.cfg.StaleFor, c.cfg.StaleIfError)
	lead := time.Duration(0)
	if f.prior != nil {
		lead = c.cfg.lead(f.prior.took.duration(), f.prior.fresh-f.prior.born)
		if f.force {
			lead = max(lead, later(f.prior.fresh-c.clock.now(), tick))
		}
	}
	return later(stale, max(0, lead))
}

// hand gives the lease of tier i that came with e to whoever refreshes e.
func (f *fetching[K, V]) hand(e *Entry[V], i int) {
	last := len(f.held) - 1
	if last < 0 || f.held[last].tier != i {
		return
	}
	handed := leases{f.held[last]}
	f.held = f.held[:last]
	f.cache.gone(f.key, handed[0])
	e.own().leases.Store(&handed)
	e.lead = always // the next call looks closer
}

// askSource loads from the source.
func (f *fetching[K, V]) askSource(ctx context.Context) (*Entry[V], error) {
	c := f.cache
	f.at(ctx, SourceLevel)
	leave, err := c.limit.enter(ctx)
	if err != nil {
		return f.shed(err)
	}
	f.stamp = c.fences.now() // likewise
	began := c.clock.now()
	f.barred = loadSelfAfterFailure // unless it returns, and well
	loaded, err := func() (Loaded[V], error) {
		defer leave()
		return c.source.load(ctx, f.key, f.priorValue(began))
	}()
	e, err := f.conclude(ctx, loaded, err, began)
	if e != nil {
		f.fill(ctx, e)
	}
	return e, err
}

// shed is what the load comes to when the limiter has turned it away.
func (f *fetching[K, V]) shed(err error) (*Entry[V], error) {
	if !errors.Is(err, onefold.ErrOverload) || !f.stillFallback() {
		return nil, err
	}
	f.cache.shed.Add(1)
	return f.cache.standIn(f.fallback, Overloaded, err, f.failures), nil
}

func (f *fetching[K, V]) priorValue(now time.Duration) Prior[V] {
	if f.prior == nil {
		return Prior[V]{}
	}
	return Prior[V]{OK: true, Value: f.prior.value, Validator: f.prior.rest().validator, Age: now - f.prior.born}
}

// stillFallback reports whether there is a value to give where the source has
// no answer.
func (f *fetching[K, V]) stillFallback() bool {
	return f.cache.fallback(f.fallback, f.cache.clock.now(), f.want)
}

// conclude makes an entry of what the source said, to be stored in far tiers
// where their leases are still held.
func (f *fetching[K, V]) conclude(ctx context.Context, loaded Loaded[V], err error, began time.Duration) (*Entry[V], error) {
	if err == nil {
		err = loaded.validate()
	}
	if err == nil && loaded.NotModified && f.prior == nil {
		err = errNoPrior
	}
	if err == nil {
		err = f.cache.outdated(f.fallback, loaded.Version, f.want)
	}
	if err != nil {
		return f.failed(ctx, err, began)
	}
	f.barred = 0
	return f.entry(loaded, began), nil
}

// entry makes the entry of what a load that began at began brought.
func (f *fetching[K, V]) entry(l Loaded[V], began time.Duration) *Entry[V] {
	c := f.cache
	e := &Entry[V]{value: l.Value, born: began, stamp: f.stamp, slot: f.slot, from: SourceLevel}
	if c.timesLoads() {
		took := max(0, c.clock.now()-began)
		if f.prior != nil && f.prior.took > 0 {
			took = (3*f.prior.took.duration() + took) / 4
		}
		e.took = roughly(took + took/256) // or it would fall behind for good
	}
	if l.NotModified {
		e.value = f.prior.value
		old := f.prior.rest()
		if len(l.Tags) == 0 {
			l.Tags = old.tags
		}
		def(&l.Validator, old.validator)
		def(&l.Version, old.version)
		def(&l.Weight, old.weight)
	}
	if l.StaleFor != 0 || len(l.Tags) > 0 || l.Validator != "" || l.Version != 0 || l.Weight != 0 {
		m := e.own()
		m.staleFor, m.tags, m.validator, m.version, m.weight = l.StaleFor, l.Tags, l.Validator, l.Version, l.Weight
	}
	ttl := l.TTL
	switch {
	case l.NoStore:
		def(&ttl, c.cfg.DirectFor)
		e.kind, e.fresh = direct, later(began, ttl)
		e.own().mark = &Entry[V]{kind: direct, born: began, fresh: e.fresh, stamp: f.stamp, slot: f.slot}
	default:
		def(&ttl, c.cfg.TTL)
		e.fresh = later(began, c.cfg.jittered(ttl))
	}
	e.lead = c.leadOf(e)
	return e
}

// leadOf gives how long before its end a call looks closer at e.
func (c *Cache[K, V]) leadOf(e *Entry[V]) rough {
	if e.kind != value || e.fresh == forever {
		return 0
	}
	return roughly(c.cfg.lead(e.took.duration(), e.fresh-e.born))
}

// timesLoads reports whether anybody here or behind a far tier may want to know
// how long a load takes.
func (c *Cache[K, V]) timesLoads() bool { return c.cfg.EarlyRefresh > 0 || len(c.far) > 0 }

// failed is what the load comes to when the source did not give a value.
func (f *fetching[K, V]) failed(ctx context.Context, err error, began time.Duration) (*Entry[V], error) {
	c := f.cache
	c.failures.Add(1)
	switch {
	case errors.Is(err, onefold.ErrNotFound):
		return f.notFound(ctx, err, began)
	case ctx.Err() != nil:
		if errors.Is(ctx.Err(), context.Canceled) { // that says nothing of the source
			f.barred = 0
		}
		return nil, err
	case f.stillFallback():
		return c.standIn(f.fallback, SourceFailed, err, f.failures+1), nil
	}
	if c.cfg.RetryFailed != nil && c.cfg.RetryFailed(err) || c.cfg.RememberFailed == nil || !c.cfg.RememberFailed(err) {
		return nil, err
	}
	now := c.clock.now()
	e := &Entry[V]{kind: failed, born: began, stamp: f.stamp, slot: f.slot, from: SourceLevel}
	e.fresh = later(now, c.cfg.Backoff.after(f.failures+1))
	e.more = &more[V]{err: err, failures: f.failures + 1, retry: e.fresh}
	return e, nil
}

// notFound is what the load comes to when the source has nothing. Whatever was
// known of the key is no longer true.
func (f *fetching[K, V]) notFound(ctx context.Context, err error, began time.Duration) (*Entry[V], error) {
	c := f.cache
	f.barred = 0
	if f.dated { // a tier that is not filled would go on giving it
		for i := range slices.Backward(c.far) {
			if c.far[i].leaser == nil {
				_ = f.clear(ctx, i, c.far[i].spell(f.key))
			}
		}
	}
	e := &Entry[V]{kind: notFound, born: began, stamp: f.stamp, slot: f.slot, from: SourceLevel, more: &more[V]{err: err}}
	if c.cfg.NegativeTTL > 0 {
		e.fresh = later(began, c.cfg.jittered(c.cfg.NegativeTTL))
		return e, nil
	}
	e.more.unkept = true
	for i := len(f.held) - 1; i >= 0; i-- { // deepest first, as Delete does
		_ = f.clear(ctx, f.held[i].tier, f.held[i].key)
	}
	f.held = nil
	return e, nil
}

// standIn gives e once more in the place of what the source did not give, and
// leaves the source alone for a while.
func (c *Cache[K, V]) standIn(e *Entry[V], why Why, err error, failures int) *Entry[V] {
	again := e.again()
	m := again.more
	m.why, m.err, m.failures = why, err, failures
	m.retry = later(c.clock.now(), c.cfg.Backoff.after(max(1, failures)))
	return again
}
