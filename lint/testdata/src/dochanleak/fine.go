package dochanleak

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"
)

// The channel has room for its result: nobody has to read it.
func (s *store) warm(key string) {
	s.g.DoChan(key, func() (any, error) { return fetch(key) })
}

// One receive, on one way or the other.
func (s *store) either(key string, now bool) (any, error) {
	ch := s.g.DoChan(key, func() (any, error) { return fetch(key) })
	if now {
		r := <-ch
		return r.Val, r.Err
	}
	r, _ := <-ch
	return r.Val, r.Err
}

// A loop that ends with the result.
func (s *store) first(key string) (any, error) {
	for r := range s.g.DoChan(key, func() (any, error) { return fetch(key) }) {
		return r.Val, r.Err
	}
	return nil, nil
}

// A new channel each time round.
func (s *store) retry(key string) (any, error) {
	for {
		ch := s.g.DoChan(key, func() (any, error) { return fetch(key) })
		if r := <-ch; r.Err == nil {
			return r.Val, nil
		}
	}
}

// Told while waiting, nobody leaves, and one result.
func (s *store) patient(key string) (any, error) {
	ch := s.g.DoChan(key, func() (any, error) { return query(context.Background(), key) })
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case r := <-ch:
			return r.Val, r.Err
		case <-tick.C:
			println("still waiting")
		}
	}
}

// A look, and a wait if it was not there.
func (s *store) look(key string) (any, error) {
	ch := s.g.DoChan(key, func() (any, error) { return fetch(key) })
	select {
	case r := <-ch:
		return r.Val, r.Err
	default:
	}
	r := <-ch
	return r.Val, r.Err
}

// One channel a key.
func (s *store) all(keys []string) (values []any) {
	var chans []<-chan singleflight.Result
	for _, k := range keys {
		chans = append(chans, s.g.DoChan(k, func() (any, error) { return fetch(k) }))
	}
	for _, ch := range chans {
		values = append(values, (<-ch).Val)
	}
	return values
}

// Callers leave, and the load has a deadline.
func (s *store) bounded(ctx context.Context, key string) (any, error) {
	ch := s.g.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return query(ctx, key)
	})
	select {
	case r := <-ch:
		return r.Val, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func within(ctx context.Context, key string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return query(ctx, key)
}

// So it has where the callee sets one, or is told one.
func (s *store) boundedBelow(ctx context.Context, key string) (any, error) {
	select {
	case r := <-s.g.DoChan(key, func() (any, error) { return within(context.Background(), key) }):
		return r.Val, r.Err
	case r := <-s.g.DoChan(key+"2", func() (any, error) { return timed(context.Background(), time.Second) }):
		return r.Val, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func timed(ctx context.Context, limit time.Duration) (string, error) { <-ctx.Done(); return "", nil }

// What the load does cannot be seen to wait.
func (s *store) computes(ctx context.Context, key string) (any, error) {
	select {
	case r := <-s.g.DoChan(key, func() (any, error) { return fetch(key) }):
		return r.Val, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Our own group ends a load that nobody waits for.
func (s *store) owned(ctx context.Context, key string) (string, error) {
	select {
	case r := <-s.own.DoChan(ctx, key, func(ctx context.Context, key string) (string, error) { return query(ctx, key) }):
		return r.Value, r.Err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

type provider interface {
	Retrieve(ctx context.Context) (string, error)
}

type credentials struct {
	g        singleflight.Group
	provider provider
}

// Who is asked cannot be seen, and may have a limit of its own.
func (c *credentials) get(ctx context.Context) (any, error) {
	select {
	case r := <-c.g.DoChan("", func() (any, error) { return c.provider.Retrieve(context.WithoutCancel(ctx)) }):
		return r.Val, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
