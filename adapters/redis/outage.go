package redis

import (
	"context"
	"errors"

	"github.com/redis/rueidis"
	"github.com/sony/gobreaker/v2"

	"github.com/onefold-go/onefold/codec"
)

// breakers keep calls from a server that does not answer: after
// [Options.BreakAfter] calls in a row without an answer none is made, but one
// every [Options.ProbeEvery] to find out. A call that is not made fails at once
// with [ErrUnavailable].
//
// An answer is an answer, be it an error: what is to be saved is the time that
// callers wait. A Cluster has a breaker for each range of slots, since a server
// of it has a few of those, and the others go on.
type breakers []*gobreaker.TwoStepCircuitBreaker[struct{}]

const (
	slotCount   = 1 << 14
	slotRanges  = 64
	slotsARange = slotCount / slotRanges
)

func newBreakers(o Options, mode rueidis.ClientMode) breakers {
	n := 1
	if mode == rueidis.ClientModeCluster {
		n = slotRanges
	}
	b := make(breakers, n)
	for i := range b {
		b[i] = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
			Timeout:     o.ProbeEvery,
			ReadyToTrip: func(c gobreaker.Counts) bool { return int64(c.ConsecutiveFailures) >= int64(o.BreakAfter) },
			IsExcluded:  func(err error) bool { return errors.Is(err, context.Canceled) || errors.Is(err, rueidis.ErrClosing) },
		})
	}
	return b
}

// of gives the number of the breaker for a command, whose slot is known even
// where there is no Cluster.
func (b breakers) of(cmd rueidis.Completed) int {
	return int(cmd.Slot()%slotCount) / slotsARange % len(b)
}

// state gives the worst state of all.
func (b breakers) state() gobreaker.State {
	worst := gobreaker.StateClosed
	for _, one := range b {
		worst = max(worst, one.State())
	}
	return worst
}

// do runs a command, or refuses to.
func (s *Store) do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	answered, err := s.breakers[s.breakers.of(cmd)].Allow()
	if err != nil {
		s.counts.refused.Add(1)
		return rueidis.NewErrorResult(ErrUnavailable)
	}
	r := s.client.Do(ctx, cmd)
	answered(r.NonRedisError())
	return r
}

// doMany runs commands in one exchange with each server, but those that are
// refused.
func (s *Store) doMany(ctx context.Context, cmds []rueidis.Completed) []rueidis.RedisResult {
	type verdict struct {
		answered func(error)
		err      error // what the breaker is told
	}
	results := make([]rueidis.RedisResult, len(cmds))
	verdicts := make(map[int]*verdict)
	allowed, of := make([]rueidis.Completed, 0, len(cmds)), make([]int, 0, len(cmds))
	for i, cmd := range cmds {
		b := s.breakers.of(cmd)
		v := verdicts[b]
		if v == nil {
			v = new(verdict)
			v.answered, v.err = s.breakers[b].Allow()
			verdicts[b] = v
		}
		if v.answered == nil {
			s.counts.refused.Add(1)
			results[i] = rueidis.NewErrorResult(ErrUnavailable)
			continue
		}
		allowed, of = append(allowed, cmd), append(of, i)
	}
	ranges := make([]int, len(allowed)) // the client reuses commands
	for j, cmd := range allowed {
		ranges[j] = s.breakers.of(cmd)
	}
	if len(allowed) > 0 {
		for j, r := range s.client.DoMulti(ctx, allowed...) {
			results[of[j]] = r
			if err := r.NonRedisError(); err != nil {
				verdicts[ranges[j]].err = err
			}
		}
	}
	for _, v := range verdicts {
		if v.answered != nil {
			v.answered(v.err)
		}
	}
	return results
}

// Available reports whether calls are made: it is nil, [ErrClosed], or
// [ErrUnavailable] while a server does not answer, or has not since.
func (s *Store) Available() error {
	switch {
	case s.ctx.Err() != nil:
		return ErrClosed
	case s.breakers.state() == gobreaker.StateOpen:
		return ErrUnavailable
	default:
		return nil
	}
}

// FailFast makes of load, which loads from the source, one that fails with
// [ErrUnavailable] while the server that holds the key does not answer, or has
// not since. A cache goes to the source for what it cannot get from a far tier.
// That is right where the source bears the load of all processes without their
// shared tier, within [tier.Config].MaxLoads; where it does not, this lets the
// calls fail, or be given what is within tier.Config.StaleIfError. key is what
// [tier.Encoded] was given.
//
//	users, err := tier.New(redis.FailFast(store, codec.Int64Key[int64], db.User), cfg, near, far)
func FailFast[K comparable, V any](s *Store, key codec.Key[K], load func(context.Context, K) (V, error)) func(context.Context, K) (V, error) {
	return func(ctx context.Context, k K) (V, error) {
		if err := s.serves(string(key(nil, k))); err != nil {
			var zero V
			return zero, err
		}
		return load(ctx, k)
	}
}

// serves reports why the server that holds key cannot be asked for it. One that
// is being asked to find out cannot, either: the cache has been there before it
// loads, and if that had been the call to find out it would be known by now.
func (s *Store) serves(key string) error {
	switch {
	case s.ctx.Err() != nil:
		return ErrClosed
	case s.breakers[s.breakers.of(s.client.B().Get().Key(s.names.value(key)).Build())].State() != gobreaker.StateClosed:
		return ErrUnavailable
	default:
		return nil
	}
}
