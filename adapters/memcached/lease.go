package memcached

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached/internal/meta"
	"github.com/onefold-go/onefold/tier"
)

// A lease is one that this process holds, or held: that it is here says nothing
// of the server, which compares the CAS.
type lease struct {
	key  string     // a wire key
	conn *meta.Conn // it is void on any other
	ends time.Time  // by the clock of this process, from before it was asked for
	with bool       // there is a value beside it

	cas  uint64      // of the item that it is; where note is not nil, that of its answer
	note *meta.Round // writes into the item that the server made what there is to know of the lease
	call *meta.Call  // of note
}

// leasesBeforeSweep is how many leases are kept before those that have ended
// are looked for.
const leasesBeforeSweep = 128

// grant makes l the lease of a grant.
func (s *Store) grant(l *lease) tier.Lease {
	token := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.leases) >= max(s.sweep, leasesBeforeSweep) {
		now := s.clock()
		for token, old := range s.leases {
			if now.After(old.ends) {
				delete(s.leases, token)
			}
		}
		s.sweep = 2 * len(s.leases)
	}
	s.leases[token] = l
	return tier.Lease{Token: token, Conn: l.conn.ID}
}

// holding gives a copy of the lease of key, if it has not ended as far as this
// process knows and its connection is there.
func (s *Store) holding(key string, of tier.Lease) (lease, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.leases[of.Token]
	if l == nil || !l.valid(key, of, s.clock()) {
		return lease{}, false
	}
	return *l, true
}

func (l *lease) valid(key string, of tier.Lease, now time.Time) bool {
	return l.key == key && l.conn.ID == of.Conn && l.conn.Alive() && now.Before(l.ends)
}

// drop forgets a lease.
func (s *Store) drop(of tier.Lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.leases, of.Token)
}

// settle waits until the CAS of a lease is known. It is not held any more where
// the answer says so.
func (l *lease) settle(ctx context.Context) (still bool, err error) {
	if l.note == nil {
		return true, nil
	}
	select {
	case <-l.note.Done():
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if l.call.Err != nil {
		return false, l.call.Err
	}
	l.cas = l.call.Reply.CAS
	return l.call.Reply.Status == meta.Done, nil
}

// Fill is that of [tier.Leaser]. It is done by the server only if the item of
// the lease is still there, unchanged; and it goes over the connection that the
// lease came on or not at all: a server that was started anew counts its CAS
// from 1 again.
//
// For a value that is too large, other processes are told to load for
// themselves for as long as the lease would have lasted.
func (s *Store) Fill(ctx context.Context, key string, of tier.Lease, it tier.Item) (stored bool, err error) {
	answers, errs := s.FillMany(ctx, []string{key}, []tier.Lease{of}, []tier.Item{it})
	return answers[0], errs[0]
}

// FillMany is that of [tier.Batcher].
func (s *Store) FillMany(ctx context.Context, keys []string, leases []tier.Lease, items []tier.Item) (stored []bool, errs []error) {
	stored = make([]bool, len(keys))
	if len(leases) != len(keys) || len(items) != len(keys) {
		err := fmt.Errorf("memcached: FillMany with %d keys, %d leases and %d items, want as many of each", len(keys), len(leases), len(items))
		return stored, slices.Repeat([]error{err}, len(keys))
	}
	var (
		b     = s.emptyBatch(s.wires(keys))
		calls = make([]*meta.Call, len(keys))
	)
	defer b.end()
	errs = b.errs
	for i, key := range b.keys {
		if errs[i] = ctx.Err(); errs[i] != nil {
			continue
		}
		if errs[i] = s.check(items[i]); errs[i] != nil {
			if errors.Is(errs[i], ErrTooLarge) {
				s.bar(key, leases[i])
			}
			continue
		}
		l, ok := s.holding(key, leases[i])
		if !ok {
			continue
		}
		if ok, errs[i] = l.settle(ctx); errs[i] != nil || !ok {
			errs[i] = s.fault(ctx, key, errs[i])
			continue
		}
		command := record{value: items[i].Data, ttl: items[i].TTL}.command(key, s.clock())
		command.CAS, command.NewCAS = l.cas, newCAS()
		if err := fits(l.conn, command); err != nil {
			errs[i] = s.fault(ctx, key, err)
			s.bar(key, leases[i])
			continue
		}
		if errs[i] = s.fault(ctx, key, b.allow(i)); errs[i] != nil {
			continue
		}
		b.conns[i], calls[i] = l.conn, &meta.Call{Command: command}
	}
	b.run(ctx, calls)
	for i, call := range calls {
		if call == nil {
			continue
		}
		errs[i] = s.fault(ctx, b.keys[i], call.Err)
		stored[i] = errs[i] == nil && call.Reply.Status == meta.Done
		switch {
		case errs[i] == nil:
			s.drop(leases[i])
			s.changed(b.keys[i])
		case errors.Is(errs[i], ErrTooLarge):
			s.bar(b.keys[i], leases[i])
		}
	}
	return stored, errs
}

// bar gives a lease back whose value cannot be stored. It waits for nothing.
func (s *Store) bar(key string, of tier.Lease) {
	l, ok := s.holding(key, of)
	if !ok {
		return
	}
	s.drop(of)
	s.start(func() {
		ctx, cancel := context.WithTimeout(s.ctx, s.cfg.Timeout)
		defer cancel()
		left := l.ends.Sub(s.clock())
		_, _ = s.rewrite(ctx, &l, func(r *record) { r.state, r.left = barred, left })
		s.changed(key)
	})
}

// start runs f on a goroutine, unless the store is closed.
func (s *Store) start(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() == nil {
		s.work.Go(f)
	}
}

// Release is that of [tier.Leaser].
func (s *Store) Release(ctx context.Context, key string, of tier.Lease, loadSelf time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	key = wire(s.cfg.Prefix, key)
	l, ok := s.holding(key, of)
	s.drop(of)
	if !ok {
		return nil
	}
	_, err := s.rewrite(ctx, &l, func(r *record) {
		r.state, r.left = free, 0
		if loadSelf > 0 {
			r.state, r.left = barred, loadSelf
		}
	})
	s.changed(key)
	return err
}

// Renew is that of [tier.Renewer].
func (s *Store) Renew(ctx context.Context, key string, of tier.Lease, ttl time.Duration) (still bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if ttl <= 0 {
		return false, fmt.Errorf("memcached: Renew for %v, want more than 0", ttl)
	}
	key = wire(s.cfg.Prefix, key)
	l, ok := s.holding(key, of)
	if !ok {
		return false, nil
	}
	ends := s.clock().Add(ttl)
	done, err := s.rewrite(ctx, &l, func(r *record) { r.state, r.left = held, ttl })
	if !done || err != nil {
		return false, err
	}
	l.ends = ends
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leases[of.Token] == nil {
		return false, nil
	}
	s.leases[of.Token] = &l
	return true, nil
}

// rewrite changes what the item of a lease says, if it is still that, and keeps
// its value. Where nothing is left to say the item goes.
func (s *Store) rewrite(ctx context.Context, l *lease, change func(*record)) (done bool, err error) {
	still, err := l.settle(ctx)
	if err != nil || !still {
		return false, s.fault(ctx, l.key, err)
	}
	ended, err := s.allow(s.ring.server(l.key))
	if err != nil {
		return false, s.fault(ctx, l.key, err)
	}
	defer func() { ended(err) }()
	var r record
	if l.with {
		reply, err := s.doOn(ctx, l.conn, meta.Command{Verb: meta.Get, Key: l.key})
		if err != nil || reply.Status != meta.Done || reply.CAS != l.cas {
			return false, err
		}
		r, _ = read(reply, s.clock())
	}
	change(&r)
	command := meta.Command{Verb: meta.Delete, Key: l.key}
	if r.value != nil || r.state != free {
		command = r.command(l.key, s.clock())
		command.NewCAS = newCAS()
	}
	command.CAS = l.cas
	reply, err := s.doOn(ctx, l.conn, command)
	if err != nil || reply.Status != meta.Done {
		return false, err
	}
	l.cas, l.note = reply.CAS, nil
	return true, nil
}
