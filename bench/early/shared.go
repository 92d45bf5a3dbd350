package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/onefold-go/onefold/tier"
)

// A shared store is the least that a fleet of caches needs: values and leases
// in memory, without notifications, tags or batches. The zero value is ready to
// use, by many goroutines at once.
type shared struct {
	mu    sync.Mutex
	keys  map[string]*slot // guarded by mu, and so are the slots
	conns uint64           // likewise; the number of the newest connection
}

// A connection is what one process has of a shared store.
type connection struct {
	*shared
	number uint64
}

func (s *shared) connect() connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns++
	return connection{s, s.conns}
}

// A slot is what the store knows of a key.
type slot struct {
	data    []byte
	expires time.Time // of data; zero: never

	lease    tier.Lease
	ends     time.Time     // of lease
	loadSelf time.Time     // until then there is no lease to have
	changed  chan struct{} // closed at the next change; nil: nobody waits
}

var errBadRequest = errors.New("early: an item without Data or with a negative TTL, or a lease that does not last")

// do runs f on the slot of key as it is now.
func (s *shared) do(ctx context.Context, key string, f func(k *slot, now time.Time)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = make(map[string]*slot)
	}
	k := s.keys[key]
	if k == nil {
		k = new(slot)
		s.keys[key] = k
	}
	now := time.Now()
	if !k.expires.IsZero() && !now.Before(k.expires) {
		k.data, k.expires = nil, time.Time{}
	}
	if k.lease != (tier.Lease{}) && !now.Before(k.ends) {
		k.change()
	}
	f(k, now)
	return nil
}

// change takes the lease back and wakes those who wait for it.
func (k *slot) change() {
	k.lease = tier.Lease{}
	if k.changed != nil {
		close(k.changed)
		k.changed = nil
	}
}

func (k *slot) item(now time.Time) tier.Item {
	it := tier.Item{Data: bytes.Clone(k.data)}
	if !k.expires.IsZero() {
		it.TTL = k.expires.Sub(now)
	}
	return it
}

// Get is that of [tier.Store].
func (s connection) Get(ctx context.Context, key string) (it tier.Item, err error) {
	err = s.do(ctx, key, func(k *slot, now time.Time) { it = k.item(now) })
	return it, err
}

// Delete is that of [tier.Store].
func (s connection) Delete(ctx context.Context, key string) error {
	return s.do(ctx, key, func(k *slot, _ time.Time) {
		k.data, k.expires, k.loadSelf = nil, time.Time{}, time.Time{}
		k.change()
	})
}

// Acquire is that of [tier.Leaser].
func (s connection) Acquire(ctx context.Context, key string, o tier.AcquireOptions) (g tier.Grant, err error) {
	if o.LeaseTTL <= 0 || o.RefreshBelow < 0 {
		return g, errBadRequest
	}
	err = s.do(ctx, key, func(k *slot, now time.Time) {
		g.Item = k.item(now)
		refresh := g.Item.TTL > 0 && g.Item.TTL < o.RefreshBelow
		switch {
		case s.holds(k, o.Replace):
		case g.Item.Data != nil && !refresh:
			return
		case k.lease != (tier.Lease{}):
			if k.changed == nil {
				k.changed = make(chan struct{})
			}
			g.Changed, g.HeldFor = k.changed, k.ends.Sub(now)
			return
		case now.Before(k.loadSelf):
			g.LoadSelf = true
			return
		}
		k.lease, k.ends = tier.Lease{Token: rand.Text(), Conn: s.number}, now.Add(o.LeaseTTL)
		g.Lease = k.lease
	})
	return g, err
}

// holds reports whether l is the lease of k, and came on this connection.
func (s connection) holds(k *slot, l tier.Lease) bool {
	return l.Token != "" && l == k.lease && l.Conn == s.number
}

// Fill is that of [tier.Leaser].
func (s connection) Fill(ctx context.Context, key string, lease tier.Lease, it tier.Item) (stored bool, err error) {
	if it.Data == nil || it.TTL < 0 {
		return false, errBadRequest
	}
	err = s.do(ctx, key, func(k *slot, now time.Time) {
		if stored = s.holds(k, lease); !stored {
			return
		}
		k.data, k.expires, k.loadSelf = bytes.Clone(it.Data), time.Time{}, time.Time{}
		if it.TTL > 0 {
			k.expires = now.Add(it.TTL)
		}
		k.change()
	})
	return stored, err
}

// Release is that of [tier.Leaser].
func (s connection) Release(ctx context.Context, key string, lease tier.Lease, loadSelf time.Duration) error {
	return s.do(ctx, key, func(k *slot, now time.Time) {
		if s.holds(k, lease) {
			k.loadSelf = now.Add(loadSelf)
			k.change()
		}
	})
}
