package tier

import (
	"context"
	"slices"
	"time"
)

// loadSelfAfterFailure is how long the processes that waited for a failed load
// may all load at once.
const loadSelfAfterFailure = time.Second

// within runs one operation of a far tier within the tier's budget.
func within[K comparable, V, T any](ctx context.Context, f *fetching[K, V], op func(context.Context) (T, error)) (T, error) {
	b := newBudget(ctx, f.cache.cfg.FarBudget)
	defer b.end()
	return op(b)
}

// await waits until there is a point in asking again.
func await(ctx context.Context, g Grant) error {
	end := time.NewTimer(max(g.HeldFor, time.Millisecond))
	defer end.Stop()
	select {
	case <-g.Changed:
	case <-end.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// hold notes that this load has the lease of tier i.
func (f *fetching[K, V]) hold(i int, key string, lease Lease) {
	f.held = append(f.held, held{tier: i, key: key, lease: lease})
	f.cache.hold(f.key, i, lease)
}

// holds reports whether this load has the lease of tier i.
func (f *fetching[K, V]) holds(i int) bool {
	return slices.ContainsFunc(f.held, func(h held) bool { return h.tier == i })
}

// drop gives the lease of tier i back at once, if it is held: the tier is not to
// be filled.
func (f *fetching[K, V]) drop(ctx context.Context, i int) {
	if last := len(f.held) - 1; last >= 0 && f.held[last].tier == i {
		f.release(ctx, f.held[last], 0)
		f.held = f.held[:last]
	}
}

// fill stores e in every tier whose lease is held, deepest first, so that no
// tier ever has a value that one below it refused. When one does refuse, or may
// have, e is for the flight's callers alone.
func (f *fetching[K, V]) fill(ctx context.Context, e *Entry[V]) {
	for len(f.held) > 0 {
		h := f.held[len(f.held)-1]
		it, ok := f.pack(e, h)
		if !ok {
			return
		}
		stored, err := within(ctx, f, func(ctx context.Context) (bool, error) {
			return f.cache.far[h.tier].leaser.Fill(ctx, h.key, h.lease, it)
		})
		if !f.filled(e, h, stored, err) {
			return
		}
	}
}

// pack gives what is to be stored of e in the tier of h, if anything is.
func (f *fetching[K, V]) pack(e *Entry[V], h held) (Item, bool) {
	c := f.cache
	switch {
	case e.kind == direct:
		f.barred = e.fresh - e.born
		return Item{}, false
	case e.kind == failed || e.why() == SourceFailed || e.why() == Overloaded: // it is no news
		return Item{}, false
	case len(e.tags()) > 0 && f.table.epoch() == 0: // nobody could invalidate it there
		f.barred = c.cfg.DirectFor
		return Item{}, false
	}
	it, err := contained(func() (Item, error) { return f.item(&c.far[h.tier], h.key, e) })
	if err != nil { // it cannot be encoded, or is too large; that is no fault of the value's freshness
		c.farStats[h.tier].notGiven(err)
		f.barred = c.cfg.DirectFor
		return Item{}, false
	}
	return it, true
}

// filled notes what became of the fill of h, the last lease that is held, and
// reports whether there may be further ones.
func (f *fetching[K, V]) filled(e *Entry[V], h held, stored bool, err error) bool {
	if !stored || err != nil {
		f.cache.farStats[h.tier].refused.Add(1)
		e.own().unkept = true
		return false
	}
	f.held = f.held[:len(f.held)-1]
	f.cache.gone(f.key, h)
	return true
}

// letGo gives back the leases that are left.
func (f *fetching[K, V]) letGo(ctx context.Context) {
	for _, h := range f.held {
		f.release(ctx, h, f.barred)
	}
	f.held = nil
}

// release gives a lease back without a value, on a goroutine of its own that
// ends within a second: nobody has to wait for it. The lease ends by itself if
// it fails.
func (f *fetching[K, V]) release(ctx context.Context, h held, loadSelf time.Duration) {
	c := f.cache
	c.gone(f.key, h)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	c.background.Go(func() {
		defer cancel()
		defer func() { _ = recover() }() // a store's panic has no caller here to get it
		_ = c.far[h.tier].leaser.Release(ctx, h.key, h.lease, loadSelf)
	})
}

// With JoinWithin a second load of a key takes the leases of the first, so
// there the cache knows which leases it holds.

type place[K comparable] struct {
	key  K
	tier int
}

func (c *Cache[K, V]) hold(key K, tier int, lease Lease) {
	if c.cfg.JoinWithin > 0 {
		c.leases.Store(place[K]{key, tier}, lease)
	}
}

// gone notes that h has been used up or given back.
func (c *Cache[K, V]) gone(key K, h held) {
	if c.cfg.JoinWithin > 0 {
		c.leases.CompareAndDelete(place[K]{key, h.tier}, h.lease)
	}
}

// holding gives the lease of a far tier that an older load of key holds.
func (c *Cache[K, V]) holding(key K, tier int) Lease {
	if c.cfg.JoinWithin > 0 {
		if l, ok := c.leases.Load(place[K]{key, tier}); ok {
			return l.(Lease) //nolint:forcetypeassert // nothing else is stored
		}
	}
	return Lease{}
}
