package memcached

import (
	"context"
	"errors"

	"github.com/sony/gobreaker/v2"

	"github.com/onefold-go/onefold/adapters/memcached/internal/meta"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/tier/outage"
)

// A node is one server: its connections, the breaker that keeps calls from it
// while it does not answer, and what it may have missed. The servers of a ring
// have nothing to do with each other, so that one that is away stops no other.
type node struct {
	links   []*meta.Link
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	missed  *outage.Undelivered // wire keys, and of the server with the table, tags
}

// newBreaker makes one that opens after [Config.BreakAfter] calls in a row
// without an answer, and then lets one through every [Config.ProbeEvery] to find
// out. A call that is not made fails at once with [ErrUnavailable].
//
// An answer is an answer, be it an error: what is to be saved is the time that
// callers wait.
func (s *Store) newBreaker() *gobreaker.TwoStepCircuitBreaker[struct{}] {
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      s.cfg.ProbeEvery,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return int64(c.ConsecutiveFailures) >= int64(s.cfg.BreakAfter) },
		IsSuccessful: answer,
		IsExcluded:   func(err error) bool { return errors.Is(err, context.Canceled) || s.ctx.Err() != nil },
	})
}

// answer reports whether err, or that there is none, is one that a server gave.
func answer(err error) bool {
	if err == nil {
		return true
	}
	for _, is := range []error{ErrTooLarge, ErrAuth, errContended, errNoStub, errTable} {
		if errors.Is(err, is) {
			return true
		}
	}
	var refused *ServerError
	return errors.As(err, &refused)
}

// allow refuses a call, or gives what is to be told how it ended.
func (s *Store) allow(server int) (ended func(error), err error) {
	ended, err = s.nodes[server].breaker.Allow()
	if err != nil {
		s.refused.Add(1)
		return nil, ErrUnavailable
	}
	return ended, nil
}

// reach gives the connection for a wire key, and what is to be told how the call
// ended.
func (s *Store) reach(ctx context.Context, key string) (conn *meta.Conn, ended func(error), err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	ended, err = s.allow(s.ring.server(key))
	if err != nil {
		return nil, nil, err
	}
	conn, err = s.conn(ctx, key)
	if err != nil {
		ended(err)
		return nil, nil, err
	}
	return conn, ended, nil
}

// Available reports whether calls are made: it is nil, [ErrClosed], or
// [ErrUnavailable] while a server does not answer, or has not since.
func (s *Store) Available() error {
	switch {
	case s.ctx.Err() != nil:
		return ErrClosed
	case s.worst() == gobreaker.StateOpen:
		return ErrUnavailable
	default:
		return nil
	}
}

// worst gives the worst state of all breakers.
func (s *Store) worst() gobreaker.State {
	worst := gobreaker.StateClosed
	for _, n := range s.nodes {
		worst = max(worst, n.breaker.State())
	}
	return worst
}

// FailFast makes of load, which loads from the source, one that fails with
// [ErrUnavailable] while the server that holds the key does not answer, or has
// not since. A cache goes to the source for what it cannot get from a far tier.
// That is right where the source bears the load of all processes without their
// shared tier, within [tier.Config].MaxLoads; where it does not, this lets the
// calls fail, or be given what is within tier.Config.StaleIfError. key is what
// [tier.Encoded] was given.
//
//	users, err := tier.New(memcached.FailFast(store, codec.Int64Key[int64], db.User), cfg, near, far)
func FailFast[K comparable, V any](s *Store, key codec.Key[K], load func(context.Context, K) (V, error)) func(context.Context, K) (V, error) {
	return func(ctx context.Context, k K) (V, error) {
		if err := s.serves(wire(s.cfg.Prefix, string(key(nil, k)))); err != nil {
			var zero V
			return zero, err
		}
		return load(ctx, k)
	}
}

// serves reports why the server that holds a wire key cannot be asked for it.
// One that is being asked to find out cannot, either: the cache has been there
// before it loads, and if that had been the call to find out it would be known
// by now.
func (s *Store) serves(key string) error {
	server := s.ring.server(key)
	switch {
	case s.ctx.Err() != nil:
		return ErrClosed
	case s.nodes[server].breaker.State() != gobreaker.StateClosed:
		return &Error{Server: server, Err: ErrUnavailable}
	default:
		return nil
	}
}
