package dochanleak

import (
	"context"
	"database/sql"
	"net"
	"time"

	"github.com/onefold-go/onefold"
	"golang.org/x/sync/singleflight"
)

type store struct {
	g   singleflight.Group
	own onefold.Group[string, string]
}

func fetch(key string) (string, error) { return key, nil }

func query(ctx context.Context, key string) (string, error) { <-ctx.Done(); return key, nil }

// The channel is never closed.
func (s *store) ranges(key string) (last any) {
	for r := range s.g.DoChan(key, func() (any, error) { return fetch(key) }) { // want `this loop never ends: the channel gets one result and is never closed`
		last = r.Val
	}
	return last
}

// Nor is the one of our own group.
func (s *store) rangesOwn(ctx context.Context, key string) (last string) {
	results := s.own.DoChan(ctx, key, func(ctx context.Context, key string) (string, error) { return fetch(key) })
	for r := range results { // want `this loop never ends`
		last = r.Value
	}
	return last
}

// One result, received twice.
func (s *store) twice(key string) (any, error) {
	ch := s.g.DoChan(key, func() (any, error) { return fetch(key) })
	v := (<-ch).Val
	err := (<-ch).Err // want `this is the second receive from a channel that gets one result and is never closed: it waits for ever`
	return v, err
}

// A retry that asks the channel again, not the group.
func (s *store) retries(key string) (v any, err error) {
	ch := s.g.DoChan(key, func() (any, error) { return fetch(key) })
	for range 3 {
		r := <-ch // want `second receive`
		if r.Err == nil {
			return r.Val, nil
		}
		err = r.Err
	}
	return nil, err
}

// A look first, which takes the result, and then a wait.
func (s *store) looks(key string) (any, error) {
	ch := s.g.DoChan(key, func() (any, error) { return fetch(key) })
	fresh := false
	select {
	case r := <-ch:
		fresh = r.Err == nil
	case <-time.After(time.Second):
	}
	if !fresh {
		r := <-ch // want `second receive`
		return r.Val, r.Err
	}
	return nil, nil
}

// Waiting for the channel to be closed.
func (s *store) drains(key string) {
	ch := s.g.DoChan(key, func() (any, error) { return fetch(key) })
	for {
		if _, ok := <-ch; !ok { // want `second receive`
			return
		}
	}
}

// Callers leave, and nothing ends the load.
func (s *store) leaves(ctx context.Context, key string) (any, error) {
	ch := s.g.DoChan(key, func() (any, error) { // want `callers may leave here, and the load has no deadline`
		return query(context.Background(), key)
	})
	select {
	case r := <-ch:
		return r.Val, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Detached and no more.
func (s *store) detached(ctx context.Context, key string) (any, error) {
	select {
	case r := <-s.g.DoChan(key, func() (any, error) { return query(context.WithoutCancel(ctx), key) }): // want `the load has no deadline`
		return r.Val, r.Err
	case <-time.After(time.Second):
		return nil, context.DeadlineExceeded
	}
}

// One call further.
func (s *store) dials(ctx context.Context, addr string) (any, error) {
	t := time.NewTimer(time.Second)
	ch := s.g.DoChan(addr, func() (any, error) { return dial(addr) }) // want `the load has no deadline`
	select {
	case r := <-ch:
		return r.Val, r.Err
	case <-t.C:
		return nil, context.DeadlineExceeded
	}
}

func dial(addr string) (net.Conn, error) { return net.Dial("tcp", addr) }

type rows struct {
	g  singleflight.Group
	db *sql.DB
}

// A database waits for its context alone.
func (r *rows) count(ctx context.Context, table string) (any, error) {
	select {
	case res := <-r.g.DoChan(table, func() (any, error) { // want `the load has no deadline`
		var n int
		err := r.db.QueryRowContext(context.WithoutCancel(ctx), "SELECT count(*) FROM t").Scan(&n)
		return n, err
	}):
		return res.Val, res.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
