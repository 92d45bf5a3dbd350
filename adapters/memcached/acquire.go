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

var errContended = errors.New("others were faster each time the lease was free")

// Acquire is that of [tier.Leaser]. It is one command where the key has a value
// or another holds its lease, and where it has neither, one that is waited for
// and one that is not. A lease that has ended, or comes with a value, takes a
// second round trip.
func (s *Store) Acquire(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
	grants, errs := s.AcquireMany(ctx, []string{key}, o)
	return grants[0], errs[0]
}

// AcquireMany is that of [tier.Batcher].
func (s *Store) AcquireMany(ctx context.Context, keys []string, o tier.AcquireOptions) ([]tier.Grant, []error) {
	grants := make([]tier.Grant, len(keys))
	if o.LeaseTTL <= 0 || o.RefreshBelow < 0 {
		err := fmt.Errorf("memcached: Acquire with LeaseTTL %v and RefreshBelow %v, want more than 0, and 0 or more", o.LeaseTTL, o.RefreshBelow)
		return grants, slices.Repeat([]error{err}, len(keys))
	}
	b := s.batch(ctx, keys)
	a := acquiring{store: s, batch: b, o: o, grants: grants, calls: make([]*meta.Call, len(keys))}
	var open []int // the keys without an answer
	for i, err := range b.errs {
		if err == nil {
			open = append(open, i)
		}
	}
	for try := 0; len(open) > 0; try++ {
		err := ctx.Err()
		if err == nil && try == attempts {
			err = errContended
		}
		if err != nil {
			for _, i := range open {
				grants[i], b.errs[i] = tier.Grant{}, s.fault(ctx, b.keys[i], err)
			}
			break
		}
		open = a.round(ctx, open, try)
	}
	return grants, b.errs
}

// acquiring is one AcquireMany.
type acquiring struct {
	store  *Store
	batch  *batch
	o      tier.AcquireOptions
	grants []tier.Grant
	calls  []*meta.Call
	asked  time.Time // when the present round began
	ticks  int64     // seconds that the server is to keep an item for that it makes
}

// round asks once for each of the open keys, and gives those that are still
// open then.
func (a *acquiring) round(ctx context.Context, open []int, try int) []int {
	a.asked = a.store.clock()
	a.ticks, _ = keep(a.o.LeaseTTL, a.asked)
	clear(a.calls)
	for _, i := range open {
		a.calls[i] = a.store.vivify(a.batch.conns[i], a.batch.keys[i], a.ticks)
	}
	a.batch.run(ctx, a.calls)

	var again, claims []int
	bare := false
	replies := a.calls
	a.calls = make([]*meta.Call, len(replies))
	for _, i := range open {
		reply, err := replies[i].Reply, replies[i].Err
		switch {
		case err != nil:
			a.batch.errs[i] = a.store.fault(ctx, a.batch.keys[i], err)
		case reply.Status != meta.Done:
			a.batch.errs[i] = a.store.fault(ctx, a.batch.keys[i], errNoStub)
		default:
			claim, wait := a.decide(i, reply, try)
			if wait {
				bare = true
				again = append(again, i)
			}
			if claim != nil {
				claims = append(claims, i)
				a.calls[i] = claim
			}
		}
	}
	if len(claims) > 0 {
		a.batch.run(ctx, a.calls)
		for _, i := range claims {
			if !a.claimed(ctx, i) {
				again = append(again, i)
			}
		}
	}
	if bare {
		pause(ctx, lookWait<<min(try, 3))
	}
	return again
}

var errNoStub = errors.New("the server has no item and made none")

// vivify asks for what there is of key, or else to make an item for the lease.
// If nobody waits for the answer any more, what it made goes.
func (s *Store) vivify(conn *meta.Conn, key string, ttl int64) *meta.Call {
	call := &meta.Call{Command: meta.Command{Verb: meta.Get, Key: key, Vivify: true, TTL: ttl, NewCAS: newCAS()}}
	call.Late = func(r meta.Reply) {
		if r.Won {
			conn.Post(meta.Command{Verb: meta.Delete, Key: key, CAS: r.CAS})
		}
	}
	return call
}

// decide makes the grant of key i out of what there is. claim is a command that
// must be done first; wait says that there is nothing to tell yet.
func (a *acquiring) decide(i int, reply meta.Reply, try int) (claim *meta.Call, wait bool) {
	var (
		s    = a.store
		key  = a.batch.keys[i]
		now  = s.clock()
		g    = &a.grants[i]
		r, n = read(reply, now)
	)
	*g = tier.Grant{Item: r.item()}
	switch {
	case reply.Won:
		g.Lease = s.noted(a.batch.conns[i], key, reply.CAS, a.o.LeaseTTL, a.asked)
		return nil, false
	case n == stub && try < looks:
		return nil, true
	case n == stub:
		if wait := a.ticks - reply.TTL; wait < bareTicks {
			r.state, r.left = held, time.Duration(min(bareTicks-wait, reply.TTL+1))*time.Second
		}
	case n == newer:
		g.LoadSelf = true
		return nil, false
	}
	due := r.value != nil && r.ttl > 0 && r.ttl < a.o.RefreshBelow
	l, mine := s.holding(key, a.o.Replace)
	if mine = mine && l.conn == a.batch.conns[i]; mine {
		known, err := l.settle(s.ctx) // the answer came before this one, over the same connection
		mine = known && err == nil && l.cas == reply.CAS
	}
	switch {
	case mine:
		s.drop(a.o.Replace)
	case r.value != nil && !due:
		return nil, false
	case r.state == held:
		g.Changed, g.HeldFor = s.watch(key, a.batch.conns[i].ID, reply.CAS, r.left), r.left
		return nil, false
	case r.state == barred:
		g.LoadSelf = true
		return nil, false
	}
	r.state, r.left = held, a.o.LeaseTTL
	command := r.command(key, now)
	command.CAS, command.NewCAS = reply.CAS, newCAS()
	claim = &meta.Call{Command: command}
	conn := a.batch.conns[i]
	claim.Late = func(reply meta.Reply) { // nobody has the lease, then
		if reply.Status == meta.Done && r.value == nil {
			conn.Post(meta.Command{Verb: meta.Delete, Key: key, CAS: reply.CAS})
		}
	}
	return claim, false
}

// claimed notes what became of the claim of key i.
func (a *acquiring) claimed(ctx context.Context, i int) bool {
	s, key, call := a.store, a.batch.keys[i], a.calls[i]
	if call.Err != nil {
		a.batch.errs[i] = s.fault(ctx, key, call.Err)
		a.grants[i] = tier.Grant{}
		return true
	}
	if call.Reply.Status != meta.Done {
		a.grants[i] = tier.Grant{}
		return false
	}
	a.grants[i].Lease = s.grant(&lease{
		key: key, conn: a.batch.conns[i], cas: call.Reply.CAS, with: a.grants[i].Item.Data != nil,
		ends: a.asked.Add(a.o.LeaseTTL),
	})
	s.changed(key)
	return true
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
