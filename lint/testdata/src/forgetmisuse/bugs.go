package forgetmisuse

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/onefold-go/onefold"
	"golang.org/x/sync/singleflight"
)

type store struct {
	g    singleflight.Group
	own  onefold.Group[string, string]
	rows map[string]string
}

func fetch(key string) (string, error) { return key, nil }

// A caller that gives up takes the load from all who still wait.
func (s *store) leaves(ctx context.Context, key string) (any, error) {
	ch := s.g.DoChan(key, func() (any, error) { return fetch(key) })
	select {
	case r := <-ch:
		return r.Val, r.Err
	case <-ctx.Done():
		s.g.Forget(key) // want `a caller that leaves takes the load from those who still wait`
		return nil, ctx.Err()
	}
}

// So does one that forgets whatever comes.
func (s *store) leavesDeferred(ctx context.Context, key string) (any, error) {
	defer s.g.Forget(key) // want `a caller that leaves takes the load`
	select {
	case r := <-s.g.DoChan(key, func() (any, error) { return fetch(key) }):
		return r.Val, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// The load has ended: whatever is in the group now is another's.
func (s *store) after(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) { return fetch(key) })
	s.g.Forget(key) // want `the group let go of the key when the load ended`
	return v, err
}

// Not to keep a failure: it is not kept.
func (s *store) afterError(key string) (any, error) {
	v, err, shared := s.g.Do(key, func() (any, error) { return fetch(key) })
	if err != nil {
		s.g.Forget(key) // want `the group let go of the key`
		return nil, err
	}
	if !shared {
		log.Println("loaded", v)
	}
	return v, nil
}

// The if goes with what is in it.
func (s *store) emptied(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) { return fetch(key) })
	if err != nil {
		s.g.Forget(key) // want `the group let go of the key`
	}
	return v, err
}

// There would be nothing left that uses shared.
func (s *store) notFixed(key string) (any, error) {
	v, err, shared := s.g.Do(key, func() (any, error) { return fetch(key) })
	if shared {
		s.g.Forget(key) // want `the group let go of the key`
	}
	return v, err
}

// Deferred, it comes after the result as well.
func (s *store) deferred(id int) (any, error) {
	defer s.g.Forget(fmt.Sprintf("user/%d", id)) // want `the group let go of the key`
	v, err, _ := s.g.Do(fmt.Sprintf("user/%d", id), func() (any, error) { return fetch("user") })
	if err != nil {
		return nil, fmt.Errorf("user: %w", err)
	}
	return v, nil
}

// From the channel, the same.
func (s *store) received(key string) (any, error) {
	r := <-s.g.DoChan(key, func() (any, error) { return fetch(key) })
	s.g.Forget(key) // want `the group let go of the key`
	return r.Val, r.Err
}

// In a select, too.
func (s *store) selected(ctx context.Context, key string) (any, error) {
	select {
	case r := <-s.g.DoChan(key, func() (any, error) { return fetch(key) }):
		if errors.Is(r.Err, context.DeadlineExceeded) {
			s.g.Forget(key) // want `the group let go of the key`
		}
		return r.Val, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// In the load: a second one may start before this one is done.
func (s *store) within(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) {
		defer s.g.Forget(key) // want `the group lets go of the key when this load returns`
		return fetch(key)
	})
	return v, err
}

// In the load, before it returns.
func (s *store) withinError(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) {
		v, err := fetch(key)
		if err != nil {
			log.Println("load:", err)
			s.g.Forget(key) // want `the group lets go of the key when this load returns`
			return nil, err
		}
		return v, nil
	})
	return v, err
}

// In a literal that the load defers.
func (s *store) withinLiteral(ctx context.Context, key string) (string, error) {
	return s.own.Do(ctx, key, func(ctx context.Context, k string) (string, error) {
		defer func() {
			s.own.Forget(k) // want `the group lets go of the key when this load returns`
		}()
		time.Sleep(time.Millisecond)
		return fetch(k)
	})
}
