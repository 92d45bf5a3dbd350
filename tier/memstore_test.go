package tier_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/onefold-go/onefold/tier"
)

// A memStore is a far tier in memory. The caches of a test share one as
// processes share an engine. Its zero value is ready to use, and so are its
// methods from many goroutines; its hooks are set before that.
type memStore struct {
	// before is called ahead of each operation. An error of it is what the
	// operation returns, undone.
	before func(ctx context.Context, op, key string) error

	// after is called behind each operation. An error of it is what the
	// operation returns, though it was done.
	after func(ctx context.Context, op, key string) error

	// spoil changes what reads return.
	spoil func(data []byte) []byte

	mu      sync.Mutex
	records map[string]*record
	conn    uint64
	log     []string // the operations done, in order: "fill k"
}

var _ tier.Leaser = (*memStore)(nil)

// A record is what a memStore knows of a key.
type record struct {
	data    []byte    // nil: no item
	expires time.Time // of data; zero: never

	lease    tier.Lease // zero: nobody's
	ends     time.Time  // of lease
	loadSelf time.Time  // until then there is no lease to have

	changed chan struct{} // closed and made anew at each change
}

// do runs op between the hooks, with the key's record.
func (s *memStore) do(ctx context.Context, op, key string, run func(r *record, now time.Time)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.before != nil {
		if err := s.before(ctx, op, key); err != nil {
			return err
		}
	}
	s.mu.Lock()
	r := s.records[key]
	if r == nil {
		r = &record{changed: make(chan struct{})}
		if s.records == nil {
			s.records = make(map[string]*record)
		}
		s.records[key] = r
	}
	now := time.Now()
	if !r.expires.IsZero() && !now.Before(r.expires) {
		r.data = nil
	}
	if !now.Before(r.ends) {
		r.lease = tier.Lease{}
	}
	run(r, now)
	s.log = append(s.log, op+" "+key)
	s.mu.Unlock()
	if s.after != nil {
		return s.after(ctx, op, key)
	}
	return nil
}

func (s *memStore) item(r *record, now time.Time) tier.Item {
	if r.data == nil {
		return tier.Item{}
	}
	it := tier.Item{Data: slices.Clone(r.data)}
	if !r.expires.IsZero() {
		it.TTL = r.expires.Sub(now)
	}
	if s.spoil != nil {
		it.Data = s.spoil(it.Data)
	}
	return it
}

// put stores it and ends the lease, in whatever way that is allowed.
func (r *record) put(it tier.Item, now time.Time) {
	r.data, r.lease, r.loadSelf, r.expires = slices.Clone(it.Data), tier.Lease{}, time.Time{}, time.Time{}
	if it.TTL > 0 {
		r.expires = now.Add(it.TTL)
	}
	r.change()
}

func (r *record) change() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (s *memStore) Get(ctx context.Context, key string) (it tier.Item, err error) {
	err = s.do(ctx, "get", key, func(r *record, now time.Time) { it = s.item(r, now) })
	if err != nil {
		return tier.Item{}, err
	}
	return it, nil
}

func (s *memStore) Delete(ctx context.Context, key string) error {
	return s.do(ctx, "delete", key, func(r *record, now time.Time) { r.put(tier.Item{}, now) })
}

func (s *memStore) Acquire(ctx context.Context, key string, o tier.AcquireOptions) (g tier.Grant, err error) {
	if o.LeaseTTL <= 0 {
		return tier.Grant{}, fmt.Errorf("lease of %v asked for", o.LeaseTTL)
	}
	err = s.do(ctx, "acquire", key, func(r *record, now time.Time) {
		switch {
		case r.data != nil:
			g.Item = s.item(r, now)
		case now.Before(r.loadSelf):
			g.LoadSelf = true
		case r.lease != (tier.Lease{}):
			g.Changed, g.HeldFor = r.changed, r.ends.Sub(now)
		default:
			r.lease, r.ends = tier.Lease{Token: rand.Text(), Conn: s.conn}, now.Add(o.LeaseTTL)
			g.Lease = r.lease
		}
	})
	if err != nil {
		return tier.Grant{}, err
	}
	return g, nil
}

func (s *memStore) Fill(ctx context.Context, key string, lease tier.Lease, it tier.Item) (stored bool, err error) {
	err = s.do(ctx, "fill", key, func(r *record, now time.Time) {
		if stored = lease == r.lease && lease.Token != "" && lease.Conn == s.conn; stored {
			r.put(it, now)
		}
	})
	if err != nil {
		return false, err
	}
	return stored, nil
}

func (s *memStore) Release(ctx context.Context, key string, lease tier.Lease, loadSelf time.Duration) error {
	return s.do(ctx, "release", key, func(r *record, now time.Time) {
		if lease == r.lease && lease.Token != "" {
			r.lease, r.loadSelf = tier.Lease{}, now.Add(loadSelf)
			r.change()
		}
	})
}

// A setStore is a memStore that also stores for writers.
type setStore struct{ *memStore }

var _ tier.Setter = setStore{}

func (s setStore) Set(ctx context.Context, key string, it tier.Item) error {
	return s.do(ctx, "set", key, func(r *record, now time.Time) { r.put(it, now) })
}

// A plainStore is a memStore with nothing but the methods of a Store.
type plainStore struct{ store *memStore }

func (s plainStore) Get(ctx context.Context, key string) (tier.Item, error) {
	return s.store.Get(ctx, key)
}
func (s plainStore) Delete(ctx context.Context, key string) error { return s.store.Delete(ctx, key) }

// ops gives the operations done so far, in order.
func (s *memStore) ops() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// count gives how many times op was done so far.
func (s *memStore) count(op string) int {
	n := 0
	for _, o := range s.ops() {
		if len(o) > len(op) && o[:len(op)+1] == op+" " {
			n++
		}
	}
	return n
}

// data gives the bytes held for key, nil if there are none, expired or not.
func (s *memStore) data(key string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.records[key]; r != nil {
		return slices.Clone(r.data)
	}
	return nil
}

// plant holds data for key, for ever.
func (s *memStore) plant(key string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records == nil {
		s.records = make(map[string]*record)
	}
	s.records[key] = &record{data: data, changed: make(chan struct{})}
}

// replica gives a copy of what the store holds, to be promoted later.
func (s *memStore) replica() map[string]record {
	s.mu.Lock()
	defer s.mu.Unlock()
	copied := make(map[string]record)
	for key, r := range s.records {
		copied[key] = *r
	}
	return copied
}

// promote puts an earlier replica in the store's place: everything since is
// lost, and all connections with it.
func (s *memStore) promote(replica map[string]record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn++
	for _, r := range s.records {
		r.change()
	}
	s.records = make(map[string]*record)
	for key, r := range maps.All(replica) {
		r.changed = make(chan struct{})
		s.records[key] = &r
	}
}

var errDown = errors.New("store is down")

// down is a hook for a store that cannot be reached.
func down(context.Context, string, string) error { return errDown }

// hang is a hook for a store that does not answer.
func hang(ctx context.Context, _, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// only makes a hook apply to one operation.
func only(op string, hook func(context.Context, string, string) error) func(context.Context, string, string) error {
	return func(ctx context.Context, o, key string) error {
		if o != op {
			return nil
		}
		return hook(ctx, o, key)
	}
}
