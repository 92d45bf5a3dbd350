package sharedmut

import (
	"sort"

	"sharedmut/dep"
	tailscale "tailscale.com/util/singleflight"

	"golang.org/x/sync/singleflight"
)

type user struct {
	name  string
	roles []string
	prefs map[string]string
	lang  string
}

type store struct {
	g     singleflight.Group
	users tailscale.Group[string, *user]
}

func (s *store) load() (any, error) { return nil, nil }

// What one caller likes is written into what all were given.
func (s *store) field(id, lang string) (*user, error) {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	u := v.(*user)
	u.lang = lang // want `all who waited for this load have the same value, and a field of it is set here: they see it change, and it races`
	return u, nil
}

// The list is sorted in place.
func (s *store) sorted(id string) ([]string, error) {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	names := v.([]string)
	sort.Strings(names) // want `Strings writes to it here`
	return names, nil
}

// An entry for this caller.
func (s *store) entry(id, token string) (map[string]string, error) {
	v, err, _ := s.g.Do(id, s.load)
	header, ok := v.(map[string]string)
	if err != nil || !ok {
		return nil, err
	}
	header["token"] = token // want `an entry of it is set here`
	delete(header, "trace")
	return header, nil
}

// What is hidden from this caller is hidden from all.
func (s *store) hidden(id string) ([]user, error) {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	list := v.([]user)
	for i := range list {
		list[i].name = "" // want `a field of it is set here`
	}
	return list, nil
}

// The copy of a struct has the same slice in it.
func (s *store) copied(id string) (user, error) {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return user{}, err
	}
	u := *v.(*user)
	u.lang = "en"
	u.roles[0] = "guest" // want `an element of it is set here`
	return u, nil
}

// Filtered in the same array.
func (s *store) filtered(id string) ([]string, error) {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	all := v.([]string)
	kept := all[:0]
	for _, n := range all {
		if n != "" {
			kept = append(kept, n) // want `append writes over its elements here`
		}
	}
	return kept, nil
}

// One more role, assigned back.
func (s *store) appended(id string) (*user, error) {
	u, err, _ := s.users.Do(id, func() (*user, error) { return &user{name: id}, nil })
	if err != nil {
		return nil, err
	}
	u.roles = append(u.roles, "guest") // want `a field of it is set here`
	return u, nil
}

func mark(u *user) { u.lang = "marked" }

// A function of the package writes.
func (s *store) helped(id string) (*user, error) {
	r := <-s.g.DoChan(id, s.load)
	if r.Err != nil {
		return nil, r.Err
	}
	u := r.Val.(*user)
	mark(u) // want `mark writes to it here`
	return u, nil
}

// One of another package does.
func (s *store) titled(id string) (*dep.Doc, error) {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	d := v.(*dep.Doc)
	d.SetTitle("for you") // want `SetTitle writes to it here`
	return d, nil
}

func (s *store) ranked(id string) ([]*dep.Doc, error) {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	docs := v.([]*dep.Doc)
	dep.Rank(docs) // want `Rank writes to it here`
	return docs, nil
}

// A map within a map.
func (s *store) within(id string) (any, error) {
	v, err, _ := s.g.Do(id, s.load)
	if err != nil {
		return nil, err
	}
	for _, u := range v.(map[string]*user) {
		u.prefs["seen"] = "yes" // want `an entry of it is set here`
	}
	return v, nil
}
