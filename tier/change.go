package tier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/onefold-go/onefold"
)

// Delete drops keys from every tier. A load under way goes on for those who
// wait for it, but its value is stored nowhere, and a caller that comes after
// Delete returned gets a value loaded after Delete began. Deleting what is not
// there succeeds, and stops loads under way all the same.
//
// All far tiers are tried, the deepest first, and each has [Config.FarBudget] to
// answer, or less where ctx ends. Those that failed are named by a *[DeleteError],
// and may go on serving what they hold; the near tier has dropped the keys even
// then.
//
// Delete panics when ctx is nil.
func (c *Cache[K, V]) Delete(ctx context.Context, keys ...K) error {
	if ctx == nil {
		panic("tier: nil context")
	}
	c.audit.Forget(keys...)
	failed := c.deleteFar(ctx, keys)
	for _, key := range keys {
		c.flights.Detach(key, func() { c.near.Delete(key) })
	}
	return failed
}

// deleteFar drops keys from far tiers.
func (c *Cache[K, V]) deleteFar(ctx context.Context, keys []K) error {
	var failed DeleteError
	for i := range slices.Backward(c.far) {
		for _, err := range c.deleteFrom(ctx, &c.far[i], keys) {
			if err != nil {
				c.farStats[i].errors.Add(1)
				failed.add(i, err)
			}
		}
	}
	return failed.orNil()
}

// deleteFrom drops keys from one far tier, all at the same time.
func (c *Cache[K, V]) deleteFrom(ctx context.Context, far *Far[K, V], keys []K) []error {
	spelt, errs := make([]string, len(keys)), make([]error, len(keys))
	for k, key := range keys {
		spelt[k] = far.spell(key)
	}
	b, together := far.store.(Batcher)
	if !together || len(keys) < 2 {
		parallel(len(keys), func(k int) { errs[k] = c.deleteOne(ctx, far, spelt[k]) })
		return errs
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.FarBudget)
	defer cancel()
	_, errs = aligned(errs, b.DeleteMany(ctx, spelt), len(keys))
	return errs
}

// deleteOne drops one key from a far tier.
func (c *Cache[K, V]) deleteOne(ctx context.Context, far *Far[K, V], spelt string) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.FarBudget)
	defer cancel()
	return far.store.Delete(ctx, spelt)
}

// Expire ends the freshness of keys' values: the next call loads anew. Where
// the [Config] has a StaleFor or StaleIfError, the value in the near tier is kept
// to serve meanwhile, or should the load fail; far tiers drop theirs. A load
// under way is not joined any more and stores nothing, as with [Cache.Delete],
// which is for values that must not be seen again. The error is Delete's.
//
// Expire panics when ctx is nil.
func (c *Cache[K, V]) Expire(ctx context.Context, keys ...K) error {
	if ctx == nil {
		panic("tier: nil context")
	}
	c.audit.Forget(keys...)
	failed := c.deleteFar(ctx, keys)
	for _, key := range keys {
		c.flights.Detach(key, func() { c.expireNear(key) })
	}
	return failed
}

// expireNear is the near tier's part of Expire, under the key's lock.
func (c *Cache[K, V]) expireNear(key K) {
	e, now := c.near.Get(key), c.clock.now()
	switch {
	case e == nil:
	case e.kind != value:
		c.near.Delete(key)
	case now < e.fresh:
		c.near.Set(key, &Entry[V]{
			value: e.value, born: e.born, fresh: now, stamp: e.stamp,
			took: e.took, slot: e.slot, from: e.from, more: e.copyMore(),
		})
	}
}

// Set stores e for key, in the near tier and the deepest far one; the far tiers
// between drop what they have, and get it when it is asked for. A load under way goes
// on for those who wait for it, but does not overwrite e. Callers that come
// while Set is writing to far tiers wait for it and get e, or load if it fails.
// Set returns when the last far tier has answered, which ctx may hasten.
//
// Of two writers that race, the cache may keep the value of the one that
// reached the source first. Where that matters use [Cache.Write], which keeps
// none, or give values their Version: where the near tier or the deepest far one
// has a newer value, that stays, and the error is a *[VersionError]. A far tier
// can only compare where nobody is loading the key: else it drops what it has,
// and e is kept nowhere.
//
// On any other error, that of a far tier or ctx.Err(), a far tier may hold e or
// what it held before; the near tier holds nothing of the key.
//
// Set panics when ctx is nil.
func (c *Cache[K, V]) Set(ctx context.Context, key K, e Loaded[V]) error {
	if ctx == nil {
		panic("tier: nil context")
	}
	if key != key { //nolint:staticcheck // a NaN, or something with one in it
		return onefold.ErrKey
	}
	if err := e.validate(); err != nil {
		return fmt.Errorf("tier: Set: %w", err)
	}
	if e.NotModified || e.NoStore {
		return errors.New("tier: Set: Loaded.NotModified or NoStore is set, which a value to be stored cannot be")
	}
	if c.closed.Load() {
		return onefold.ErrClosed
	}
	c.audit.Forget(key)
	if len(c.far) == 0 {
		w := fetching[K, V]{cache: c, key: key}
		entry := w.entry(e, c.clock.now())
		var newer error
		c.flights.Detach(key, func() {
			if newer = c.outdated(c.near.Get(key), e.Version, want{maxStale: forever}); newer != nil {
				return
			}
			entry.stamp = c.fences.now() // here: what was invalidated before is not this
			c.near.Set(key, entry)
		})
		return newer
	}
	// The write stands in the table like a load: later callers join it, and
	// Delete and Set take it out. It goes on for no longer than Set waits, so
	// that nothing is written after a Delete that comes after Set returned.
	var newer error // that near has a newer value: the load sees it, which begins later
	call := c.flights.Replace(ctx, key, func(load context.Context, key K) (*Entry[V], error) {
		if newer != nil {
			return nil, newer
		}
		// The far tiers hear of the caller's end, of LoadTimeout and of Close.
		writing, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(load, cancel)()
		w := fetching[K, V]{cache: c, key: key}
		w.begin(writing, nil)
		entry := w.entry(e, c.clock.now())
		err := w.set(writing, entry)
		if err != nil && load.Err() == context.DeadlineExceeded { //nolint:errorlint // a context's own
			err = onefold.ErrLoadTimeout
		}
		return entry, err
	}, func() {
		if newer = c.outdated(c.near.Get(key), e.Version, want{maxStale: forever}); newer == nil {
			c.near.Delete(key)
		}
	})
	o := call.Wait(context.WithoutCancel(ctx))
	if newer != nil {
		return newer
	}
	// A Delete, a push or a gap may have taken the write out of the table. What
	// took its place may have read a far tier before the write came there.
	c.flights.Detach(key, func() {
		if c.near.Get(key) != o.Value {
			c.near.Delete(key)
		}
	})
	if p := o.Panic(); p != nil {
		panic(&onefold.PanicError{Value: p.Value, Stack: p.Stack})
	}
	return o.Err
}

// set stores e in the deepest far tier for a writer, and then drops what the
// others have: they get it from there when it is asked for. To store it in each
// would bring it back to a nearer tier after a Delete that found it in the
// deepest one.
func (f *fetching[K, V]) set(ctx context.Context, e *Entry[V]) error {
	deepest := len(f.cache.far) - 1
	for i := range slices.Backward(f.cache.far) {
		if err := ctx.Err(); err != nil {
			return err
		}
		far := &f.cache.far[i]
		stored, err := true, error(nil)
		if i == deepest {
			stored, err = f.setOne(ctx, i, e)
		} else {
			err = f.cache.deleteOne(ctx, far, far.spell(f.key))
		}
		if err != nil {
			return fmt.Errorf("tier: Set: far tier %d: %w", i, err)
		}
		if !stored {
			e.own().unkept = true
		}
	}
	return nil
}

// setOne stores e in one far tier: whatever lease there is, is dropped first, so
// that no load under way can overwrite it. stored is false when somebody else
// has taken the key since: what they store is no older.
func (f *fetching[K, V]) setOne(ctx context.Context, i int, e *Entry[V]) (stored bool, err error) {
	far := &f.cache.far[i]
	key := far.spell(f.key)
	if far.leaser == nil || len(e.tags()) > 0 && f.table.epoch() == 0 { // where it could not be invalidated it is not stored
		return true, f.cache.deleteOne(ctx, far, key)
	}
	it, err := f.item(far, key, e)
	if err != nil {
		return false, err
	}
	if e.rest().version != 0 {
		return f.setNewer(ctx, i, key, e, it)
	}
	if s, ok := far.leaser.(Setter); ok {
		return within(ctx, f, func(ctx context.Context) (bool, error) { return true, s.Set(ctx, key, it) })
	}
	if err := f.cache.deleteOne(ctx, far, key); err != nil {
		return false, err
	}
	g, err := within(ctx, f, func(ctx context.Context) (Grant, error) {
		return far.leaser.Acquire(ctx, key, AcquireOptions{LeaseTTL: f.cache.cfg.LeaseTTL})
	})
	if err != nil || g.Lease == (Lease{}) {
		return false, err
	}
	return within(ctx, f, func(ctx context.Context) (bool, error) { return far.leaser.Fill(ctx, key, g.Lease, it) })
}

// setNewer is the rest of setOne for a value with a version, it: the tier keeps a
// newer one. To compare takes the lease, or somebody else could store between
// that and the fill.
func (f *fetching[K, V]) setNewer(ctx context.Context, i int, key string, e *Entry[V], it Item) (stored bool, err error) {
	far := &f.cache.far[i]
	g, err := within(ctx, f, func(ctx context.Context) (Grant, error) {
		return far.leaser.Acquire(ctx, key, AcquireOptions{LeaseTTL: f.cache.cfg.LeaseTTL, RefreshBelow: forever})
	})
	if err != nil {
		return false, err
	}
	if g.Item.Data != nil {
		if there, fault := f.open(i, key, g.Item); fault == nil { // also if a push of it has been heard since: it is there
			err = there.newerThan(e.rest().version)
		}
	}
	switch {
	case err != nil && g.Lease != (Lease{}): // at once: the next Set would be in its own way
		_, _ = within(ctx, f, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, far.leaser.Release(ctx, key, g.Lease, 0)
		})
		return false, err
	case err != nil:
		return false, err
	case g.Lease == (Lease{}):
		return false, f.cache.deleteOne(ctx, far, key)
	}
	return within(ctx, f, func(ctx context.Context) (bool, error) { return far.leaser.Fill(ctx, key, g.Lease, it) })
}

// Write runs write, which changes the source, and then deletes key, whatever
// write returned: a commit whose answer was lost is a commit. The deletion is
// not stopped by the end of ctx, nor by a panic of write.
//
// The error is write's, or the deletion's, or both joined. Write panics when ctx
// or write is nil.
func (c *Cache[K, V]) Write(ctx context.Context, key K, write func(context.Context) error) (err error) {
	if ctx == nil {
		panic("tier: nil context")
	}
	if write == nil {
		panic("tier: nil write")
	}
	defer func() {
		deleted := c.Delete(context.WithoutCancel(ctx), key)
		if deleted != nil {
			err = errors.Join(err, deleted)
		}
	}()
	return write(ctx)
}

// InvalidateTag makes every value that carries one of tags invalid, whatever
// its key, in all processes: it costs the same for one value as for a million.
// A load under way whose value carries one of them is not given to callers that
// come after InvalidateTag returned, and what it stores is invalid at once.
//
// It needs a far tier whose store is a [Tagger], where there are far tiers:
// without one no value with tags is stored there. Other processes hear of it as
// the store tells them, or within [Config.TagPoll].
//
// A *[DeleteError] says that the far tier did not take it, or that nobody knows.
// Then what the near tier of this process has is invalid, and nothing else: what
// far tiers hold, and get from loads under way, may be given again, here as in
// other processes, until its TTL is over or another InvalidateTag succeeds.
//
// InvalidateTag panics when ctx is nil.
func (c *Cache[K, V]) InvalidateTag(ctx context.Context, tags ...string) error {
	if ctx == nil {
		panic("tier: nil context")
	}
	if len(tags) == 0 {
		return nil
	}
	c.audit.ForgetAll()
	err := c.bump(ctx, tags)
	c.fences.dropTags(tags...)
	return err
}

// InvalidateAll makes every value invalid that is now in the cache or whose
// load is under way, as [Cache.InvalidateTag] does for those with a tag, and with
// the same error. Where there are far tiers and none is a [Tagger], that is always
// what it comes to.
//
// InvalidateAll panics when ctx is nil.
func (c *Cache[K, V]) InvalidateAll(ctx context.Context) error {
	if ctx == nil {
		panic("tier: nil context")
	}
	c.audit.ForgetAll()
	err := c.bump(ctx, nil)
	if err == nil && len(c.far) > 0 && c.tags.tagger == nil {
		err = &DeleteError{Tiers: []int{len(c.far) - 1}, Errs: []error{errNoTable}}
	}
	c.fences.dropAll()
	return err
}

// bump tells the far tiers, if one has a table, that tags are invalid, or
// without tags everything.
func (c *Cache[K, V]) bump(ctx context.Context, tags []string) error {
	if c.tags.tagger == nil {
		return nil
	}
	if err := c.tags.bump(ctx, tags); err != nil {
		return &DeleteError{Tiers: []int{c.tags.tier}, Errs: []error{err}}
	}
	return nil
}

// Refresh loads key anew, whether or not there is a fresh value, and gives what
// the load brought. It joins a load only if that began after the call did.
// Otherwise it is as [Cache.Get].
func (c *Cache[K, V]) Refresh(ctx context.Context, key K) (V, error) {
	r := c.GetResult(ctx, key, Read{NotBefore: time.Now()})
	return r.Value, r.Err
}
