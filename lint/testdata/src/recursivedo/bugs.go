package recursivedo

import (
	"context"
	"fmt"

	"github.com/onefold-go/onefold"
	"golang.org/x/sync/singleflight"
)

type store struct {
	g     singleflight.Group
	other singleflight.Group
	own   onefold.Group[string, string]
	cache map[string]string
}

func fetch(key string) (string, error) { return key, nil }

// The retry that goes through the front door.
func (s *store) retry(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) {
		v, err := fetch(key)
		if err != nil {
			return s.retry(key) // want `this call comes back to the same group and asks for the key whose load it is in: it waits for the load`
		}
		return v, nil
	})
	return v, err
}

// The group itself, at once.
func (s *store) direct(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) {
		v, err, _ := s.g.Do(key, func() (any, error) { return fetch(key) }) // want `this call asks for the key whose load it is in`
		return v, err
	})
	return v, err
}

// Through a helper that reads the cache first: it is as empty as it was.
func (s *store) get(key string) (any, error) {
	if v, ok := s.cache[key]; ok {
		return v, nil
	}
	v, err, _ := s.g.Do(key, func() (any, error) {
		return s.enrich(key) // want `comes back to the same group`
	})
	return v, err
}

func (s *store) enrich(key string) (any, error) {
	base, err := s.get(key)
	return fmt.Sprint(base, "!"), err
}

var config singleflight.Group

// A constant key, in a function that the load needs.
func settings() (any, error) {
	v, err, _ := config.Do("settings", func() (any, error) {
		return region() // want `comes back to the same group`
	})
	return v, err
}

func region() (string, error) {
	v, err, _ := config.Do("settings", func() (any, error) { return "eu", nil })
	return v.(string), err
}

// A key that is made in the same way, in another function.
func (s *store) profile(id int) (any, error) {
	v, err, _ := s.g.Do(fmt.Sprintf("user/%d", id), func() (any, error) {
		return s.user(id) // want `comes back to the same group`
	})
	return v, err
}

func (s *store) user(id int) (any, error) {
	v, err, _ := s.g.Do(fmt.Sprintf("user/%d", id), func() (any, error) { return id, nil })
	return v, err
}

// Through a wrapper of the group.
func (s *store) shared(key string, load func() (any, error)) (any, error) {
	v, err, _ := s.g.Do("k:"+key, load)
	return v, err
}

func (s *store) wrapped(key string) (any, error) {
	return s.shared(key, func() (any, error) {
		return s.again(key) // want `comes back to the same group`
	})
}

func (s *store) again(key string) (any, error) {
	return s.shared(key, func() (any, error) { return fetch(key) })
}

// The library hands the key to the load. This one sees the ring.
func (s *store) cycle(ctx context.Context, key string) (string, error) {
	return s.own.Do(ctx, key, func(ctx context.Context, k string) (string, error) {
		return s.cycle(ctx, k) // want `it fails with ErrCycle`
	})
}

// Within a load of another group, which is waited for as well.
func (s *store) ring(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) {
		v, err, _ := s.other.Do(key, func() (any, error) { // want `comes back to the same group`
			return s.ring(key) // want `comes back to the same group`
		})
		return v, err
	})
	return v, err
}
