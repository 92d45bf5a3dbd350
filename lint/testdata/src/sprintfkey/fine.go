package sprintfkey

import (
	"fmt"
	"strconv"
)

// Joined.
func (s *store) joined(tenant string, id int) (any, error) {
	v, err, _ := s.g.Do(tenant+"/"+strconv.Itoa(id), func() (any, error) { return s.db.Find(tenant) })
	return v, err
}

// Behind the cache: few come this far.
func (s *store) behind(id string) (any, error) {
	if v, ok := s.near.Get(id); ok {
		return v, nil
	}
	v, err, _ := s.g.Do(fmt.Sprintf("page:%s", id), func() (any, error) { return s.db.Find(id) })
	return v, err
}

// Verbs that do more than join.
func (s *store) padded(id int, name string) (any, error) {
	v, err, _ := s.g.Do(fmt.Sprintf("%08d/%q", id, name), func() (any, error) { return s.db.Find(name) })
	if err != nil {
		v, err, _ = s.g.Do(fmt.Sprintf("%x", id), func() (any, error) { return s.db.Find(name) })
	}
	return v, err
}

type shown int

func (shown) String() string { return "shown" }

// What has a String of its own, and what is printed in a way of its own.
func (s *store) own(id shown, ratio float64, x any, ids []int) (any, error) {
	v, err, _ := s.g.Do(fmt.Sprintf("%v", id), func() (any, error) { return s.db.Find("") })
	if err != nil {
		v, err, _ = s.g.Do(fmt.Sprintf("%v/%v", ratio, ids), func() (any, error) { return s.db.Find("") })
	}
	if err != nil {
		v, err, _ = s.g.Do(fmt.Sprintf("%v", x), func() (any, error) { return s.db.Find("") })
	}
	return v, err
}

// A format that is not known.
func (s *store) given(format, id string) (any, error) {
	v, err, _ := s.g.Do(fmt.Sprintf(format, id), func() (any, error) { return s.db.Find(id) })
	return v, err
}

// What is printed is not known.
func (s *store) wrong(id string, args ...any) (any, error) {
	v, err, _ := s.g.Do(fmt.Sprintf("%s/%s", args...), func() (any, error) { return s.db.Find(id) })
	return v, err
}

// The key of something else.
func (s *store) other(id string) (any, error) {
	name := fmt.Sprintf("page:%s", id)
	v, err, _ := s.g.Do(id, func() (any, error) { return s.db.Find(name) })
	return v, err
}
