package callerstore

import (
	"context"
	"encoding/json"

	"golang.org/x/sync/singleflight"
)

type user struct{ name, etag string }

type store struct {
	g     singleflight.Group
	users map[string]*user
}

func (s *store) query(id string) (*user, error)  { return s.users[id], nil }
func (s *store) bytes(id string) ([]byte, error) { return []byte(id), nil }

// The result comes in a variable, and the load gives nil.
func (s *store) variable(id string) (*user, error) {
	var u *user
	_, err, _ := s.g.Do(id, func() (any, error) {
		var err error
		u, err = s.query(id) // want `writes to u, which only its first caller sees: the others are given nothing of it`
		return nil, err
	})
	return u, err
}

// One part of it is given, and the other is left behind.
func (s *store) part(id string) (string, string, error) {
	var etag string
	v, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		if err != nil {
			return nil, err
		}
		etag = u.etag // want `writes to etag, which only its first caller sees`
		return u.name, nil
	})
	if err != nil {
		return "", "", err
	}
	return v.(string), etag, nil
}

// Through what the caller gave for it.
func (s *store) through(id string, out *user) error {
	_, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		if err != nil {
			return nil, err
		}
		*out = *u // want `writes through out, which only its first caller sees`
		return nil, nil
	})
	return err
}

// Field by field, and its callers make it.
func (s *store) fields(id string, out *user) error {
	_, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		if err != nil {
			return nil, err
		}
		out.name = u.name // want `writes into out, which only its first caller sees`
		return nil, nil
	})
	return err
}

func (s *store) callsFields(id string) (user, error) {
	var u user
	err := s.fields(id, &u)
	return u, err
}

// Decoded into it.
func (s *store) decoded(id string, dest any) error {
	_, err, _ := s.g.Do(id, func() (any, error) {
		b, err := s.bytes(id)
		if err != nil {
			return nil, err
		}
		return nil, json.Unmarshal(b, dest) // want `writes into dest, which only its first caller sees`
	})
	return err
}

func (s *store) decodedLocal(id string) (user, error) {
	var u user
	_, err, _ := s.g.Do(id, func() (any, error) {
		b, err := s.bytes(id)
		if err != nil {
			return nil, err
		}
		err = json.Unmarshal(b, &u) // want `writes to u, which only its first caller sees`
		return nil, err
	})
	return u, err
}

// A map of the caller's.
func (s *store) entries(ids []string) map[string]*user {
	found := make(map[string]*user)
	for _, id := range ids {
		s.g.Do(id, func() (any, error) {
			u, err := s.query(id)
			if err == nil {
				found[id] = u // want `writes into found, which only its first caller sees`
			}
			return nil, err
		})
	}
	return found
}

// With a channel it is a data race as well.
func (s *store) channel(ctx context.Context, id string) (*user, error) {
	var u *user
	ch := s.g.DoChan(id, func() (any, error) {
		var err error
		u, err = s.query(id) // want `writes to u, which only its first caller sees, and which races with it if it does not wait`
		return nil, err
	})
	select {
	case r := <-ch:
		return u, r.Err
	case <-ctx.Done():
		return u, ctx.Err()
	}
}

type requestCache struct{ m map[string]any }

func (c *requestCache) Set(key string, v any) { c.m[key] = v }

func cacheOf(ctx context.Context) *requestCache { return ctx.Value("cache").(*requestCache) }

// What belongs to the first caller's request.
func (s *store) requestScoped(ctx context.Context, id string) (any, error) {
	cache := cacheOf(ctx)
	v, err, _ := s.g.Do(id, func() (any, error) {
		u, err := s.query(id)
		cache.Set(id, u) // want `writes by Set into what belongs to its context, which only its first caller sees`
		return u, err
	})
	return v, err
}
