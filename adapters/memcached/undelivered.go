package memcached

import (
	"context"
	"slices"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached/internal/meta"
	"github.com/onefold-go/onefold/tier/outage"
)

// A server that does not answer for a while keeps what it has, unlike one that
// was started anew: what it was to delete meanwhile is there when it is back. So
// what it may have missed is remembered, in its node, and a key of it is not
// read from here before it has been deleted; that is tried until Close.

// missed gives what the server of a wire key may have missed.
func (s *Store) missed(key string) *outage.Undelivered { return s.nodes[s.ring.server(key)].missed }

// marks gives for each server the number that what begins now settles up to.
func (s *Store) marks() []uint64 {
	at := make([]uint64, len(s.nodes))
	for i, n := range s.nodes {
		at[i] = n.missed.Now()
	}
	return at
}

// told notes whether the server of a wire key has been told that it changed.
func (s *Store) told(key string, at uint64, err error) {
	if err != nil {
		s.missed(key).AddKey(key)
		return
	}
	s.missed(key).Settled([]string{key}, nil, at)
}

// settle delivers what is undelivered of a wire key that is about to be read.
func (s *Store) settle(ctx context.Context, key string) error {
	missed, all := s.missed(key).Has(key)
	switch {
	case all:
		return s.settleAll(ctx, s.ring.server(key))
	case missed:
		return s.deleteMany(ctx, []string{key})[0]
	default:
		return nil
	}
}

// settleMany is settle for many.
func (s *Store) settleMany(ctx context.Context, keys []string) (errs []error) {
	errs = make([]error, len(keys))
	var undelivered []string
	var of []int
	for i, key := range keys {
		missed, all := s.missed(key).Has(key)
		switch {
		case all:
			errs[i] = s.settleAll(ctx, s.ring.server(key))
		case missed:
			undelivered, of = append(undelivered, key), append(of, i)
		}
	}
	if len(undelivered) > 0 {
		for j, err := range s.deleteMany(ctx, undelivered) {
			errs[of[j]] = err
		}
	}
	return errs
}

// settleAll delivers that all a server has is invalid, once for all who want to
// read. That is in the table of tags, on whichever server that is, and about all
// servers. So it is left until this one is back.
func (s *Store) settleAll(ctx context.Context, server int) error {
	select {
	case s.settling <- struct{}{}:
		defer func() { <-s.settling }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if _, all := s.nodes[server].missed.Has(""); !all {
		return nil
	}
	if err := s.greet(ctx, server); err != nil {
		return err
	}
	_, err := s.Bump(ctx)
	return err
}

// greet finds out whether a server answers.
func (s *Store) greet(ctx context.Context, server int) error {
	ended, err := s.allow(server)
	if err != nil {
		return &Error{Server: server, Err: err}
	}
	conn, err := s.nodes[server].links[0].Conn(ctx)
	if err == nil {
		call := &meta.Call{Command: meta.Command{Verb: meta.Get, Key: tagsKey(s.cfg.Prefix), Peek: true}} // or any other
		send(ctx, conn, call)
		err = call.Err
	}
	ended(err)
	return s.faultOf(ctx, server, err)
}

// redeliverWithin is how long the delivery of what could not be delivered may
// take.
const redeliverWithin = 5 * time.Second

// chunk is how many keys are delivered in one exchange.
const chunk = 1000

// redeliver delivers what a server has missed, or some of it.
func (s *Store) redeliver(ctx context.Context, server int) {
	ctx, cancel := context.WithTimeout(ctx, redeliverWithin)
	defer cancel()
	keys, tags, all := s.nodes[server].missed.List()
	if all { // then there is nothing else
		_ = s.settleAll(ctx, server)
		return
	}
	if len(tags) > 0 {
		if _, err := s.Bump(ctx, tags...); err != nil {
			return
		}
	}
	for some := range slices.Chunk(keys, chunk) {
		for _, err := range s.deleteMany(ctx, some) {
			if err != nil {
				return
			}
		}
	}
}
