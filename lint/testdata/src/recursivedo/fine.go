package recursivedo

import (
	"context"
	"path"
	"strings"

	"golang.org/x/sync/singleflight"
)

// A parent path is another key: there is an end to it.
func (s *store) dir(name string) (any, error) {
	v, err, _ := s.g.Do(name, func() (any, error) {
		if name != "/" {
			if _, err := s.dir(path.Dir(name)); err != nil {
				return nil, err
			}
		}
		return fetch(name)
	})
	return v, err
}

// So is a shorter one.
func (s *store) zone(name string) (any, error) {
	v, err, _ := s.g.Do(name, func() (any, error) {
		if _, rest, ok := strings.Cut(name, "."); ok {
			return s.zone(rest)
		}
		return fetch(name)
	})
	return v, err
}

// Another prefix.
func (s *store) owner(id string) (any, error) {
	v, err, _ := s.g.Do("owner/"+id, func() (any, error) { return s.item(id) })
	return v, err
}

func (s *store) item(id string) (any, error) {
	v, err, _ := s.g.Do("item/"+id, func() (any, error) { return fetch(id) })
	return v, err
}

// Another group.
func (s *store) tiers(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) {
		v, err, _ := s.other.Do(key, func() (any, error) { return fetch(key) })
		return v, err
	})
	return v, err
}

type peer struct {
	g    singleflight.Group
	next *peer
}

// The group of another object.
func (p *peer) get(key string) (any, error) {
	v, err, _ := p.g.Do(key, func() (any, error) {
		if p.next != nil {
			return p.next.get(key)
		}
		return fetch(key)
	})
	return v, err
}

// A flag that keeps the load out of the group.
func (s *store) flagged(key string, share bool) (any, error) {
	if !share {
		return fetch(key)
	}
	v, err, _ := s.g.Do(key, func() (any, error) { return s.flagged(key, false) })
	return v, err
}

type loading struct{}

// A marker in the context that does so.
func (s *store) marked(ctx context.Context, key string) (any, error) {
	if ctx.Value(loading{}) != nil {
		return fetch(key)
	}
	v, err, _ := s.g.Do(key, func() (any, error) {
		return s.marked(context.WithValue(context.Background(), loading{}, true), key)
	})
	return v, err
}

// The key is taken out of the group first: the call below starts a load of its own.
func (s *store) forgotten(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) {
		v, err := fetch(key)
		if err != nil {
			s.g.Forget(key)
			return s.forgotten(key)
		}
		return v, nil
	})
	return v, err
}

// What the load starts and does not wait for.
func (s *store) later(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) {
		go s.later(key)
		return fetch(key)
	})
	return v, err
}

// A channel that nobody waits on here.
func (s *store) ahead(key string) (any, error) {
	v, err, _ := s.g.Do(key, func() (any, error) {
		s.g.DoChan(key, func() (any, error) { return fetch(key) })
		return fetch(key)
	})
	return v, err
}

type flights struct{ group *singleflight.Group }

func (f flights) load(key string, load func() (any, error)) (any, error) {
	v, err, _ := f.group.Do(key, load)
	return v, err
}

// A wrapper that is copied by value still has the one group, and the keys differ.
func (f flights) tree(key string) (any, error) {
	return f.load(key, func() (any, error) { return flights{f.group}.tree(key + "/child") })
}
