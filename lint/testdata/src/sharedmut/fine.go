package sharedmut

import (
	"maps"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"sharedmut/dep"
)

// A clone is the caller's own.
func (s *store) cloned(id string) ([]string, error) {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	names := slices.Clone(v.([]string))
	sort.Strings(names)
	header := maps.Clone(v.(map[string]string))
	header["x"] = "y"
	return names, nil
}

// A struct copied by value, and its slice with it.
func (s *store) byValue(id string) (*user, error) {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	u := *v.(*user)
	u.lang = "en"
	u.roles = slices.Clone(u.roles)
	u.roles[0] = "guest"
	return &u, nil
}

// Copied only if it is shared: then it is nobody else's.
func (s *store) ifShared(id string) ([]string, error) {
	v, err, shared := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	names := v.([]string)
	if shared {
		names = append([]string(nil), names...)
	}
	sort.Strings(names)
	return names, nil
}

// Written only if it is not.
func (s *store) alone(id string) (*user, error) {
	v, err, shared := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	u := v.(*user)
	if !shared {
		u.lang = "en"
	}
	return u, nil
}

// Writes inside the load come before anybody has the value.
func (s *store) inside(id string) (*user, error) {
	v, err, _ := s.g.Do(id, func() (any, error) {
		u := &user{name: id}
		u.lang = "en"
		sort.Strings(u.roles)
		return u, nil
	})
	if err != nil {
		return nil, err
	}
	return v.(*user), nil
}

type counted struct {
	mu   sync.Mutex
	n    int
	hits atomic.Int64
}

// A value with a lock is made for sharing.
func (s *store) locked(id string) error {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return err
	}
	c := v.(*counted)
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
	c.hits.Add(1)
	return nil
}

// So is an atomic, and a type that locks itself.
func (s *store) atomics(id string, d *dep.Doc) error {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return err
	}
	v.(*counted).hits.Add(1)
	v.(*dep.Shelf).Add(d)
	return nil
}

// The elements that are kept go into a slice of their own.
func (s *store) picked(id string) ([]*user, error) {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	var kept []*user
	for _, u := range v.([]*user) {
		if u.name != "" {
			kept = append(kept, u)
		}
	}
	sort.Slice(kept, func(i, j int) bool { return kept[i].name < kept[j].name })
	return kept, nil
}

// What only reads, and what gives a copy.
func (s *store) reads(id string) (*dep.Doc, error) {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	docs := dep.Ranked(v.([]*dep.Doc))
	docs[0] = docs[0].Titled("for you")
	return docs[0], nil
}

// The result goes into a struct that is the caller's.
func (s *store) wrapped(id string) (*struct {
	u *user
	n int
}, error) {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	w := &struct {
		u *user
		n int
	}{u: v.(*user)}
	w.n = 1
	return w, nil
}

var mu sync.Mutex

// Under a lock of the store's.
func (s *store) underLock(id string) error {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	v.(*user).lang = "en"
	return nil
}
