package tier

import "context"

// fetchEntry is the load of a flight: the far tiers, nearest first, and then
// the source. What it returns is stored in the near tier by the flight, if that
// is still the key's.
func (c *Cache[K, V]) fetchEntry(ctx context.Context, key K) (*Entry[V], error) {
	fetch := fetching[K, V]{cache: c, key: key}
	defer fetch.release(ctx) // the leases that nothing was filled with, also when the load panics
	for i := range c.far {
		hit, err := fetch.look(ctx, i)
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if hit.ok { // a tier that could not be asked is passed over
			born := c.now() - hit.age
			e := &Entry[V]{value: hit.value, born: born, expires: forever}
			if hit.ttl != forever {
				e.expires = later(born, hit.ttl)
			}
			fetch.fill(ctx, e)
			return e, nil
		}
	}
	born := c.now()
	value, err := c.load(ctx, key)
	if err != nil {
		return nil, err
	}
	e := c.entry(value, born, c.cfg.TTL)
	fetch.fill(ctx, e)
	return e, nil
}

// fetching is the part of a load that concerns the far tiers: the leases it
// holds. It is used by one goroutine.
type fetching[K comparable, V any] struct {
	cache  *Cache[K, V]
	key    K
	leases []held // nearest tier first
}

type held struct {
	tier  int
	key   string // as the tier spells it
	lease Lease
}

// look asks far tier i and keeps the lease it may give.
func (f *fetching[K, V]) look(ctx context.Context, i int) (found[V], error) {
	far := f.cache.far[i]
	key := string(far.key(nil, f.key))
	hit, err := far.look(ctx, key, f.cache.cfg.leaseTTL())
	if err == nil && hit.lease != (Lease{}) {
		f.leases = append(f.leases, held{tier: i, key: key, lease: hit.lease})
	}
	return hit, err
}

// fill stores e in every tier whose lease is held, deepest first, so that no
// tier ever has a value that one below it refused. When one does refuse, or may
// have, e is for the flight's callers alone.
func (f *fetching[K, V]) fill(ctx context.Context, e *Entry[V]) {
	for len(f.leases) > 0 {
		last := f.leases[len(f.leases)-1]
		far := f.cache.far[last.tier]
		ttl := forever
		if e.expires != forever {
			ttl = e.expires - e.born
		}
		it, err := far.item(last.key, e.value, f.cache.now()-e.born, ttl)
		if err != nil {
			return // it cannot be encoded; that is no fault of the value's freshness
		}
		stored, err := far.leaser.Fill(ctx, last.key, last.lease, it)
		if !stored || err != nil {
			e.unkept = true
			return
		}
		f.leases = f.leases[:len(f.leases)-1]
	}
}

// release gives back the leases that are left.
func (f *fetching[K, V]) release(ctx context.Context) {
	for _, h := range f.leases {
		f.cache.far[h.tier].release(ctx, h.key, h.lease)
	}
}
