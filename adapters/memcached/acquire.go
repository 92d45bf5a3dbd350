package memcached

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached/internal/meta"
	"github.com/onefold-go/onefold/tier"
)

// An item that the server made has nothing in it until its holder's next
// command, which is behind the answer by a round trip. Who comes between looks
// again so many times, a little later each time: 12 ms in all. If it is still so
// and the server's clock has moved on by bareTicks since it made the item, then
// whoever was to have the lease is dead, or gave up before the answer came.
const (
	looks     = 6
	lookWait  = 500 * time.Microsecond
	bareTicks = 2
)

// attempts is how often a lease is asked for that somebody else is faster to
// take each time, before it is an error.
const attempts = 16

var errContended = errors.New("others changed the key each time it was to be changed")

// Acquire is that of [tier.Leaser]. It is one command where the key has a value
// or another holds its lease, and where it has neither, one that is waited for
// and one that is not. A lease that has ended, or comes with a value, takes a
// second round trip.
func (s *Store) Acquire(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
	if err := checkAcquire(o); err != nil {
		return tier.Grant{}, err
	}
	key = wire(s.cfg.Prefix, key)
	if err := s.settle(ctx, key); err != nil {
		return tier.Grant{}, err
	}
	conn, ended, err := s.reach(ctx, key)
	if err != nil {
		return tier.Grant{}, s.fault(ctx, key, err)
	}
	g, err := s.acquire(ctx, conn, key, o)
	ended(err)
	return g, s.fault(ctx, key, err)
}

func (s *Store) acquire(ctx context.Context, conn *meta.Conn, key string, o tier.AcquireOptions) (tier.Grant, error) {
	for try := range attempts {
		a := s.asking(o)
		call := a.vivify(conn, key)
		send(ctx, conn, call)
		g, claim, wait, err := a.decide(conn, key, call, try)
		switch {
		case err == nil && claim != nil:
			send(ctx, conn, claim)
			var won bool
			if won, err = a.claimed(conn, key, &g, claim); won {
				return g, nil
			}
		case err == nil && wait:
			pause(ctx, lookWait<<min(try, 3))
		case err == nil:
			return g, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return tier.Grant{}, err
		}
	}
	return tier.Grant{}, errContended
}

// send sends one call and waits for its answer.
func send(ctx context.Context, conn *meta.Conn, call *meta.Call) {
	round := meta.NewRound(call)
	conn.Send(call)
	round.Wait(ctx)
}

// AcquireMany is that of [tier.Batcher]: what Acquire does, for all keys at once.
func (s *Store) AcquireMany(ctx context.Context, keys []string, o tier.AcquireOptions) ([]tier.Grant, []error) {
	grants := make([]tier.Grant, len(keys))
	if err := checkAcquire(o); err != nil {
		return grants, slices.Repeat([]error{err}, len(keys))
	}
	keys = s.wires(keys)
	unsettled := s.settleMany(ctx, keys)
	b := s.batch(ctx, keys, unsettled)
	open := make([]int, 0, len(keys)) // the keys without an answer
	for i, err := range b.errs {
		if err == nil {
			open = append(open, i)
		}
	}
	for try := range attempts {
		if open = s.acquireRound(ctx, b, grants, open, o, try); len(open) == 0 {
			break
		}
	}
	for _, i := range open {
		b.errs[i] = errContended
	}
	b.end()
	for i, err := range b.errs {
		if err != nil && unsettled[i] == nil {
			grants[i], b.errs[i] = tier.Grant{}, s.fault(ctx, b.keys[i], err)
		}
	}
	return grants, b.errs
}

// acquireRound asks once for each of the open keys, and gives those that are
// still open then.
func (s *Store) acquireRound(ctx context.Context, b *batch, grants []tier.Grant, open []int, o tier.AcquireOptions, try int) (again []int) {
	a := s.asking(o)
	calls, claims := make([]*meta.Call, len(b.keys)), make([]*meta.Call, len(b.keys))
	for _, i := range open {
		calls[i] = a.vivify(b.conns[i], b.keys[i])
	}
	b.run(ctx, calls)
	bare, claiming := false, false
	for _, i := range open {
		var wait bool
		grants[i], claims[i], wait, b.errs[i] = a.decide(b.conns[i], b.keys[i], calls[i], try)
		if wait {
			bare, again = true, append(again, i)
		}
		claiming = claiming || claims[i] != nil
	}
	if claiming {
		b.run(ctx, claims)
	}
	for i, claim := range claims {
		if claim == nil {
			continue
		}
		var won bool
		if won, b.errs[i] = a.claimed(b.conns[i], b.keys[i], &grants[i], claim); !won && b.errs[i] == nil {
			again = append(again, i)
		}
	}
	if bare {
		pause(ctx, lookWait<<min(try, 3))
	}
	if err := ctx.Err(); err != nil {
		for _, i := range again {
			b.errs[i] = err
		}
		return nil
	}
	return again
}

func checkAcquire(o tier.AcquireOptions) error {
	if o.LeaseTTL <= 0 || o.RefreshBelow < 0 {
		return fmt.Errorf("memcached: Acquire with LeaseTTL %v and RefreshBelow %v, want more than 0, and 0 or more", o.LeaseTTL, o.RefreshBelow)
	}
	return nil
}

// asking is one attempt to acquire keys.
type asking struct {
	store *Store
	o     tier.AcquireOptions
	at    time.Time
	ticks int64 // seconds that the server is to keep an item for that it makes
}

func (s *Store) asking(o tier.AcquireOptions) asking {
	a := asking{store: s, o: o, at: s.clock()}
	a.ticks, _ = keep(o.LeaseTTL, a.at)
	return a
}

var errNoStub = errors.New("the server has no item and made none")

// vivify asks for what there is of key, or else to make an item for the lease.
// If nobody waits for the answer any more, what it made goes.
func (a *asking) vivify(conn *meta.Conn, key string) *meta.Call {
	call := &meta.Call{Command: meta.Command{Verb: meta.Get, Key: key, Vivify: true, TTL: a.ticks, NewCAS: newCAS()}}
	call.Late = func(r meta.Reply) {
		if r.Won {
			conn.Post(meta.Command{Verb: meta.Delete, Key: key, CAS: r.CAS})
		}
	}
	return call
}

// decide makes the grant of a key out of the answer to asked. claim is a command
// that must be done first; wait says that there is nothing to tell yet.
func (a *asking) decide(conn *meta.Conn, key string, asked *meta.Call, try int) (g tier.Grant, claim *meta.Call, wait bool, err error) {
	s, reply := a.store, asked.Reply
	switch {
	case asked.Err != nil:
		return tier.Grant{}, nil, false, asked.Err
	case reply.Status != meta.Done:
		return tier.Grant{}, nil, false, errNoStub
	case reply.Won:
		return tier.Grant{Lease: s.noted(conn, key, reply.CAS, a.o.LeaseTTL, a.at)}, nil, false, nil
	}
	now := s.clock()
	r, n := read(reply, now)
	switch {
	case n == stub && try < looks:
		return tier.Grant{}, nil, true, nil
	case n == stub:
		if age := a.ticks - reply.TTL; age < bareTicks {
			r.state, r.left = held, time.Duration(min(bareTicks-age, reply.TTL+1))*time.Second
		}
	case n == newer:
		return tier.Grant{LoadSelf: true}, nil, false, nil
	}
	g.Item = r.item()
	due := r.value != nil && r.ttl > 0 && r.ttl < a.o.RefreshBelow
	switch {
	case s.replaces(conn, key, a.o.Replace, reply.CAS):
	case r.value != nil && !due:
		return g, nil, false, nil
	case r.state == held:
		g.Changed, g.HeldFor = s.watch(key, conn.ID, reply.CAS, r.left), r.left
		return g, nil, false, nil
	case r.state == barred:
		g.LoadSelf = true
		return g, nil, false, nil
	}
	r.state, r.left = held, a.o.LeaseTTL
	command := r.command(key, now)
	command.CAS, command.NewCAS = reply.CAS, newCAS()
	claim = &meta.Call{Command: command}
	if r.value == nil {
		claim.Late = func(r meta.Reply) {
			if r.Status == meta.Done {
				conn.Post(meta.Command{Verb: meta.Delete, Key: key, CAS: r.CAS})
			}
		}
	}
	return g, claim, false, nil
}

// replaces reports whether the item with cas is the lease old of this process,
// which ends then.
func (s *Store) replaces(conn *meta.Conn, key string, old tier.Lease, cas uint64) bool {
	l, ok := s.holding(key, old)
	if !ok || l.conn != conn {
		return false
	}
	// The answer came before the one that told of cas, over the same connection.
	if still, err := l.settle(s.ctx); err != nil || !still || l.cas != cas {
		return false
	}
	s.drop(old)
	return true
}

// claimed puts the lease into g, if claim took it.
func (a *asking) claimed(conn *meta.Conn, key string, g *tier.Grant, claim *meta.Call) (won bool, err error) {
	if claim.Err != nil || claim.Reply.Status != meta.Done {
		return false, claim.Err
	}
	g.Lease = a.store.grant(&lease{
		key: key, conn: conn, cas: claim.Reply.CAS, with: g.Item.Data != nil, ends: a.at.Add(a.o.LeaseTTL),
	})
	a.store.changed(key)
	return true, nil
}

// noted grants the lease that the server has made an item for, and writes into
// it what others need to know, without waiting for it: whatever is done with the
// lease later goes over the same connection, behind it.
func (s *Store) noted(conn *meta.Conn, key string, cas uint64, ttl time.Duration, asked time.Time) tier.Lease {
	command := record{state: held, left: asked.Add(ttl).Sub(s.clock())}.command(key, s.clock())
	command.CAS, command.NewCAS = cas, newCAS()
	call := &meta.Call{Command: command}
	l := &lease{key: key, conn: conn, ends: asked.Add(ttl), call: call, note: meta.NewRound(call)}
	conn.Send(call)
	return s.grant(l)
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
