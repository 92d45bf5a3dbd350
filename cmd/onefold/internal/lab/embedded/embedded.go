// Package embedded is a far tier that needs no server: the memory of the process
// that runs the lab, which other processes of a fleet reach through it. It can do
// what the Redis adapter can, and nothing of it outlives the lab.
package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/onefold-go/onefold/tier"
)

// An Engine holds what processes share. The zero Engine is ready to use; its
// methods may be called at the same time from many goroutines, and it must not
// be copied.
type Engine struct {
	mu      sync.Mutex
	records map[string]*record
	streams map[*stream]bool
	tags    tier.TagTable
	conns   uint64
}

// A record is what an engine knows of a key.
type record struct {
	data     []byte
	expires  time.Time // of data; zero: never
	lease    tier.Lease
	ends     time.Time     // of lease
	loadSelf time.Time     // until then no lease is granted
	changed  chan struct{} // closed at the next change; nil: nobody waits
}

// A Store is one process's way to an [Engine].
type Store struct {
	engine *Engine
	conn   uint64
}

var _ interface {
	tier.Leaser
	tier.Renewer
	tier.Setter
	tier.Notifier
	tier.Tagger
} = (*Store)(nil)

// Connect gives a new Store.
func (e *Engine) Connect() *Store {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conns++
	return &Store{engine: e, conn: e.conns}
}

// do calls f with what there is of key now, unless ctx has ended.
func (s *Store) do(ctx context.Context, key string, f func(r *record, now time.Time)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e := s.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.records == nil {
		e.records = make(map[string]*record)
	}
	r := e.records[key]
	if r == nil {
		r = new(record)
		e.records[key] = r
	}
	now := time.Now()
	if !r.expires.IsZero() && !now.Before(r.expires) {
		r.data, r.expires = nil, time.Time{}
	}
	if r.lease != (tier.Lease{}) && !now.Before(r.ends) {
		r.lease = tier.Lease{}
	}
	f(r, now)
	if r.data == nil && r.lease == (tier.Lease{}) && r.changed == nil && now.After(r.loadSelf) {
		delete(e.records, key)
	}
	return nil
}

// changedLocked wakes those who wait for key, and tells others than s.
func (s *Store) changedLocked(key string, r *record) {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
	s.tellLocked(tier.Change{Key: key})
}

func (r *record) item(now time.Time) tier.Item {
	it := tier.Item{Data: slices.Clone(r.data)}
	if !r.expires.IsZero() {
		it.TTL = r.expires.Sub(now)
	}
	return it
}

func (r *record) put(it tier.Item, now time.Time) {
	r.data, r.expires = it.Data, time.Time{}
	if it.TTL > 0 {
		r.expires = now.Add(it.TTL)
	}
}

// Get is that of tier.Store.
func (s *Store) Get(ctx context.Context, key string) (it tier.Item, err error) {
	err = s.do(ctx, key, func(r *record, now time.Time) { it = r.item(now) })
	return it, err
}

// Delete is that of tier.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	return s.do(ctx, key, func(r *record, _ time.Time) {
		r.data, r.expires, r.lease, r.loadSelf = nil, time.Time{}, tier.Lease{}, time.Time{}
		s.changedLocked(key, r)
	})
}

// Acquire is that of tier.Leaser.
func (s *Store) Acquire(ctx context.Context, key string, o tier.AcquireOptions) (g tier.Grant, err error) {
	err = s.do(ctx, key, func(r *record, now time.Time) {
		g.Item = r.item(now)
		if r.data != nil && (r.expires.IsZero() || g.Item.TTL >= o.RefreshBelow) {
			return
		}
		switch {
		case r.lease != (tier.Lease{}) && r.lease != o.Replace:
			if r.changed == nil {
				r.changed = make(chan struct{})
			}
			g.Changed, g.HeldFor = r.changed, r.ends.Sub(now)
		case now.Before(r.loadSelf):
			g.LoadSelf = true
		default:
			r.lease, r.ends = tier.Lease{Token: rand.Text(), Conn: s.conn}, now.Add(o.LeaseTTL)
			g.Lease = r.lease
		}
	})
	return g, err
}

// Fill is that of tier.Leaser.
func (s *Store) Fill(ctx context.Context, key string, l tier.Lease, it tier.Item) (stored bool, err error) {
	if it.Data == nil {
		return false, errors.New("embedded: an item without data, want some")
	}
	err = s.do(ctx, key, func(r *record, now time.Time) {
		if stored = l != (tier.Lease{}) && r.lease == l; stored {
			r.put(it, now)
			r.lease = tier.Lease{}
			s.changedLocked(key, r)
		}
	})
	return stored, err
}

// Release is that of tier.Leaser.
func (s *Store) Release(ctx context.Context, key string, l tier.Lease, loadSelf time.Duration) error {
	return s.do(ctx, key, func(r *record, now time.Time) {
		if l == (tier.Lease{}) || r.lease != l {
			return
		}
		r.lease = tier.Lease{}
		if loadSelf > 0 {
			r.loadSelf = now.Add(loadSelf)
		}
		if r.changed != nil {
			close(r.changed)
			r.changed = nil
		}
	})
}

// Renew is that of tier.Renewer.
func (s *Store) Renew(ctx context.Context, key string, l tier.Lease, ttl time.Duration) (held bool, err error) {
	err = s.do(ctx, key, func(r *record, now time.Time) {
		if held = l != (tier.Lease{}) && r.lease == l; held {
			r.ends = now.Add(ttl)
		}
	})
	return held, err
}

// Set is that of tier.Setter.
func (s *Store) Set(ctx context.Context, key string, it tier.Item) error {
	if it.Data == nil {
		return errors.New("embedded: an item without data, want some")
	}
	return s.do(ctx, key, func(r *record, now time.Time) {
		r.put(it, now)
		r.lease, r.loadSelf = tier.Lease{}, time.Time{}
		s.changedLocked(key, r)
	})
}

// Tags is that of tier.Tagger.
func (s *Store) Tags(ctx context.Context) (tier.TagTable, error) {
	if err := ctx.Err(); err != nil {
		return tier.TagTable{}, err
	}
	e := s.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tableLocked(), nil
}

// Bump is that of tier.Tagger.
func (s *Store) Bump(ctx context.Context, tags ...string) (tier.TagTable, error) {
	if err := ctx.Err(); err != nil {
		return tier.TagTable{}, err
	}
	e := s.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tableLocked()
	e.tags.Seq++
	if len(tags) == 0 {
		e.tags.Floor = e.tags.Seq
	}
	for _, tag := range tags {
		e.tags.Gens[tag] = e.tags.Seq
	}
	s.tellLocked(tier.Change{Tags: true})
	return e.tableLocked(), nil
}

// tableLocked gives a copy of the table, which it makes if there is none.
func (e *Engine) tableLocked() tier.TagTable {
	if e.tags.Epoch == 0 {
		e.tags = tier.TagTable{Epoch: 1, Gens: make(map[string]uint64)} // there is only one while the lab runs
	}
	t := e.tags
	t.Gens = make(map[string]uint64, len(e.tags.Gens))
	for tag, gen := range e.tags.Gens {
		t.Gens[tag] = gen
	}
	return t
}
