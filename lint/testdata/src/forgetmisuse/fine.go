package forgetmisuse

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/singleflight"
)

// Something changed: a load under way would give what was before.
func (s *store) Invalidate(key string) {
	delete(s.rows, key)
	s.g.Forget(key)
}

func (s *store) Set(key, value string) (any, error) {
	old, err, _ := s.g.Do(key, func() (any, error) { return fetch(key) })
	s.rows[key] = value
	s.g.Forget(key)
	return old, err
}

func (s *store) save(key string) error { return errors.New(key) }

// Between the load and the Forget the source was written.
func (s *store) rename(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) { return fetch(key) })
	if err != nil {
		return nil, err
	}
	if err := s.save(key); err != nil {
		return nil, err
	}
	s.g.Forget(key)
	return v, nil
}

// A load that takes too long is given up for all: this is the program's own limit.
func (s *store) limit(key string) (any, error) {
	stuck := time.NewTimer(time.Minute)
	defer stuck.Stop()
	select {
	case r := <-s.g.DoChan(key, func() (any, error) { return fetch(key) }):
		return r.Val, r.Err
	case <-stuck.C:
		s.g.Forget(key)
		return nil, errors.New("stuck")
	}
}

// So is a deadline that this function sets, whoever calls.
func (s *store) deadline(ctx context.Context, key string) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	select {
	case r := <-s.g.DoChan(key, func() (any, error) { return fetch(key) }):
		return r.Val, r.Err
	case <-ctx.Done():
		s.g.Forget(key)
		return nil, ctx.Err()
	}
}

// Forget first, then ask: a load that began before now is not good enough.
func (s *store) Fresh(key string) (any, error) {
	s.g.Forget(key)
	v, err, _ := s.g.Do(key, func() (any, error) { return fetch(key) })
	return v, err
}

// In the load, before it reads: who comes from now on gets a later read.
func (s *store) window(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) {
		time.Sleep(time.Millisecond)
		s.g.Forget(key)
		return fetch(key)
	})
	return v, err
}

// The load's own limit, beside the load.
func (s *store) beside(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) {
		t := time.AfterFunc(time.Second, func() { s.g.Forget(key) })
		defer t.Stop()
		return fetch(key)
	})
	return v, err
}

// Another key.
func (s *store) children(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) { return fetch(key) })
	s.g.Forget(key + "/list")
	return v, err
}

type pair struct{ users, teams singleflight.Group }

// Another group.
func (p *pair) user(key string) (any, error) {
	v, err, _ := p.users.Do(key, func() (any, error) { return fetch(key) })
	p.teams.Forget(key)
	return v, err
}

// A loop over keys: the next one's.
func (s *store) all(keys []string) {
	for _, k := range keys {
		s.g.Forget(k)
		s.g.Do(k, func() (any, error) { return fetch(k) })
	}
}
