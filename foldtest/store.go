package foldtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/onefold-go/onefold/tier"
)

// A Store is one connection to an [Engine]. It keeps all of the contract of
// far tiers but where a test has it fail. It is made by [Engine.Connect], and
// its methods may be called at the same time from many goroutines.
type Store struct {
	engine *Engine

	// Guarded by engine.mu.
	conn   uint64
	script script
	calls  map[Op]int
	paused chan struct{}   // nil: it is not; closed when it no longer is
	held   []chan struct{} // wake-ups that wait for the end of the pause
}

var _ interface {
	tier.Leaser
	tier.Renewer
	tier.Setter
	tier.Batcher
	tier.Notifier
	tier.Tagger
} = (*Store)(nil)

// Inject lets the next calls of op on this connection meet faults, one after
// the other.
func (s *Store) Inject(op Op, faults ...Fault) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.script.add(op, faults)
}

// Calls is how many calls of op began on this connection, or of all operations
// for [AnyOp]. A batch is one call.
func (s *Store) Calls(op Op) int {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	return callsOf(s.calls, op)
}

// Pause holds up all that goes through the connection, calls and pushes, until
// Resume. The engine does not notice: leases run on. Pausing twice is fine.
func (s *Store) Pause() {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if s.paused == nil {
		s.paused = make(chan struct{})
	}
}

// Resume ends a pause.
func (s *Store) Resume() {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if s.paused == nil {
		return
	}
	close(s.paused)
	s.paused = nil
	for _, ch := range s.held {
		close(ch)
	}
	s.held = nil
}

// Drop loses the connection: the leases it was given are void, the streams of
// its Notify end with [ErrDropped], and those who wait for a change are woken.
// The next call has a new connection.
func (s *Store) Drop() {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.dropLocked()
}

func (s *Store) dropLocked() {
	e := s.engine
	e.conns++
	s.conn = e.conns
	for _, r := range e.records {
		if ch := r.waiting[s]; ch != nil {
			delete(r.waiting, s)
			s.wake(ch)
		}
	}
	e.streams = slices.DeleteFunc(e.streams, func(st *stream) bool {
		if st.store == s {
			close(st.broken)
		}
		return st.store == s
	})
}

// wake closes ch, when the connection is no longer paused.
func (s *Store) wake(ch chan struct{}) {
	if s.paused != nil {
		s.held = append(s.held, ch)
		return
	}
	close(ch)
}

// take counts a call and gives the fault it meets.
func (s *Store) take(op Op, key string) Fault {
	e := s.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.calls == nil {
		s.calls = make(map[Op]int)
	}
	if e.calls == nil {
		e.calls = make(map[Op]int)
	}
	s.calls[op]++
	e.calls[op]++
	return s.meet(op, key)
}

// meet gives the fault that a call or a slot meets; engine.mu is held.
func (s *Store) meet(op Op, key string) Fault {
	f, ok := s.script.take(op, key)
	if !ok {
		f, _ = s.engine.script.take(op, key)
	}
	return f
}

// pass waits while the connection is paused.
func (s *Store) pass(ctx context.Context) error {
	for {
		s.engine.mu.Lock()
		paused := s.paused
		s.engine.mu.Unlock()
		if paused == nil {
			return nil
		}
		select {
		case <-paused:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// do is one exchange with the engine: run, with what may go wrong around it.
// run is called with engine.mu held.
func (s *Store) do(ctx context.Context, op Op, key string, run func(now time.Time)) (Fault, error) {
	f := s.take(op, key)
	if err := ctx.Err(); err != nil {
		return f, err
	}
	if err := s.pass(ctx); err != nil {
		return f, err
	}
	if !f.After {
		if err := f.suffer(ctx, s); err != nil {
			return f, err
		}
	}
	s.engine.mu.Lock()
	run(time.Now())
	s.engine.mu.Unlock()
	if f.After {
		return f, f.suffer(ctx, s)
	}
	return f, nil
}

// done writes the log; engine.mu is held.
func (s *Store) done(op Op, key string) {
	if s.engine.Logging {
		s.engine.log = append(s.engine.log, Done{op, key})
	}
}

func (f Fault) spoil(it tier.Item) tier.Item {
	if f.Spoil != nil && it.Data != nil {
		it.Data = f.Spoil(it.Data)
	}
	return it
}

// Get is that of [tier.Store].
func (s *Store) Get(ctx context.Context, key string) (it tier.Item, err error) {
	f, err := s.do(ctx, Get, key, func(now time.Time) {
		it = s.engine.record(key, now).item(now)
		s.done(Get, key)
	})
	if err != nil {
		return tier.Item{}, err
	}
	return f.spoil(it), nil
}

// Delete is that of [tier.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	_, err := s.do(ctx, Delete, key, func(now time.Time) { s.delete(key, now) })
	return err
}

func (s *Store) delete(key string, now time.Time) {
	s.engine.record(key, now).put(tier.Item{}, now)
	s.engine.push(s, tier.Change{Key: key})
	s.done(Delete, key)
}

// Acquire is that of [tier.Leaser].
func (s *Store) Acquire(ctx context.Context, key string, o tier.AcquireOptions) (g tier.Grant, err error) {
	if err := checkAcquire(o); err != nil {
		return tier.Grant{}, err
	}
	f, err := s.do(ctx, Acquire, key, func(now time.Time) { g = s.acquire(key, o, now) })
	if err != nil {
		return tier.Grant{}, err
	}
	g.Item = f.spoil(g.Item)
	return g, nil
}

func checkAcquire(o tier.AcquireOptions) error {
	if o.LeaseTTL <= 0 || o.RefreshBelow < 0 {
		return fmt.Errorf("foldtest: Acquire with LeaseTTL %v and RefreshBelow %v, want more than 0, and 0 or more", o.LeaseTTL, o.RefreshBelow)
	}
	return nil
}

func (s *Store) acquire(key string, o tier.AcquireOptions, now time.Time) (g tier.Grant) {
	s.done(Acquire, key)
	r := s.engine.record(key, now)
	g.Item = r.item(now)
	refresh := g.Item.TTL > 0 && g.Item.TTL < o.RefreshBelow
	switch {
	case s.holds(r, o.Replace):
		r.lease = tier.Lease{}
	case g.Item.Data != nil && !refresh:
		return g
	case r.lease != (tier.Lease{}):
		if r.waiting == nil {
			r.waiting = make(map[*Store]chan struct{})
		}
		if r.waiting[s] == nil {
			r.waiting[s] = make(chan struct{})
		}
		g.Changed, g.HeldFor = r.waiting[s], r.ends.Sub(now)
		return g
	case now.Before(r.loadSelf):
		g.LoadSelf = true
		return g
	}
	r.lease, r.ends = tier.Lease{Token: rand.Text(), Conn: s.conn}, now.Add(o.LeaseTTL)
	g.Lease = r.lease
	return g
}

// holds reports whether lease is r's, and came on this connection.
func (s *Store) holds(r *record, lease tier.Lease) bool {
	return lease.Token != "" && lease == r.lease && lease.Conn == s.conn
}

var errNoData = errors.New("foldtest: an item without Data, or with a negative TTL")

func checkItem(it tier.Item) error {
	if it.Data == nil || it.TTL < 0 {
		return errNoData
	}
	return nil
}

// Fill is that of [tier.Leaser].
func (s *Store) Fill(ctx context.Context, key string, lease tier.Lease, it tier.Item) (stored bool, err error) {
	if err := checkItem(it); err != nil {
		return false, err
	}
	_, err = s.do(ctx, Fill, key, func(now time.Time) { stored = s.fill(key, lease, it, now) })
	return stored && err == nil, err
}

func (s *Store) fill(key string, lease tier.Lease, it tier.Item, now time.Time) bool {
	s.done(Fill, key)
	r := s.engine.record(key, now)
	if !s.holds(r, lease) {
		return false
	}
	r.put(it, now)
	s.engine.push(s, tier.Change{Key: key})
	return true
}

// Release is that of [tier.Leaser].
func (s *Store) Release(ctx context.Context, key string, lease tier.Lease, loadSelf time.Duration) error {
	_, err := s.do(ctx, Release, key, func(now time.Time) {
		s.done(Release, key)
		if r := s.engine.record(key, now); s.holds(r, lease) {
			r.lease, r.loadSelf = tier.Lease{}, now.Add(loadSelf)
			r.change()
		}
	})
	return err
}

// Renew is that of [tier.Renewer].
func (s *Store) Renew(ctx context.Context, key string, lease tier.Lease, ttl time.Duration) (held bool, err error) {
	_, err = s.do(ctx, Renew, key, func(now time.Time) {
		s.done(Renew, key)
		r := s.engine.record(key, now)
		if held = s.holds(r, lease); held {
			r.ends = now.Add(ttl)
		}
	})
	return held && err == nil, err
}

// Set is that of [tier.Setter].
func (s *Store) Set(ctx context.Context, key string, it tier.Item) error {
	if err := checkItem(it); err != nil {
		return err
	}
	_, err := s.do(ctx, Set, key, func(now time.Time) {
		s.done(Set, key)
		s.engine.record(key, now).put(it, now)
		s.engine.push(s, tier.Change{Key: key})
	})
	return err
}

// many is a batch: one exchange, in which each slot meets the faults of op that
// have an error or a Spoil.
func (s *Store) many(ctx context.Context, batch, op Op, keys []string, run func(i int, f Fault, now time.Time)) []error {
	errs := make([]error, len(keys))
	_, err := s.do(ctx, batch, "", func(now time.Time) {
		for i, key := range keys {
			f := s.meet(op, key)
			if errs[i] = f.Err; f.Err == nil || f.After {
				run(i, f, now)
			}
		}
	})
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
	}
	return errs
}

// AcquireMany is that of [tier.Batcher].
func (s *Store) AcquireMany(ctx context.Context, keys []string, o tier.AcquireOptions) ([]tier.Grant, []error) {
	grants := make([]tier.Grant, len(keys))
	if err := checkAcquire(o); err != nil {
		return grants, slices.Repeat([]error{err}, len(keys))
	}
	errs := s.many(ctx, AcquireMany, Acquire, keys, func(i int, f Fault, now time.Time) {
		grants[i] = s.acquire(keys[i], o, now)
		grants[i].Item = f.spoil(grants[i].Item)
	})
	for i := range errs {
		if errs[i] != nil {
			grants[i] = tier.Grant{}
		}
	}
	return grants, errs
}

// FillMany is that of [tier.Batcher].
func (s *Store) FillMany(ctx context.Context, keys []string, leases []tier.Lease, items []tier.Item) ([]bool, []error) {
	stored := make([]bool, len(keys))
	if len(leases) != len(keys) || len(items) != len(keys) {
		err := fmt.Errorf("foldtest: FillMany with %d keys, %d leases and %d items", len(keys), len(leases), len(items))
		return stored, slices.Repeat([]error{err}, len(keys))
	}
	faults := make([]error, len(keys))
	errs := s.many(ctx, FillMany, Fill, keys, func(i int, _ Fault, now time.Time) {
		if faults[i] = checkItem(items[i]); faults[i] == nil {
			stored[i] = s.fill(keys[i], leases[i], items[i], now)
		}
	})
	for i := range errs {
		if errs[i] == nil {
			errs[i] = faults[i]
		}
		stored[i] = stored[i] && errs[i] == nil
	}
	return stored, errs
}

// DeleteMany is that of [tier.Batcher].
func (s *Store) DeleteMany(ctx context.Context, keys []string) []error {
	return s.many(ctx, DeleteMany, Delete, keys, func(i int, _ Fault, now time.Time) { s.delete(keys[i], now) })
}

// Tags is that of [tier.Tagger].
func (s *Store) Tags(ctx context.Context) (t tier.TagTable, err error) {
	_, err = s.do(ctx, Tags, "", func(time.Time) {
		s.done(Tags, "")
		t = s.engine.tableLocked()
	})
	if err != nil {
		return tier.TagTable{}, err
	}
	return t, nil
}

// Bump is that of [tier.Tagger].
func (s *Store) Bump(ctx context.Context, tags ...string) (t tier.TagTable, err error) {
	_, err = s.do(ctx, Bump, "", func(time.Time) {
		s.done(Bump, "")
		t = s.engine.bump(tags)
		s.engine.push(s, tier.Change{Tags: true})
	})
	if err != nil {
		return tier.TagTable{}, err
	}
	return t, nil
}
