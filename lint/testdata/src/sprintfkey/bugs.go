package sprintfkey

import (
	"fmt"

	"golang.org/x/sync/singleflight"
)

type store struct {
	g     singleflight.Group
	cache map[string]string
	db    interface {
		Find(id string) (string, error)
	}
	near interface {
		Get(key string) (string, bool)
	}
}

type kind string
type level uint8

// Before the cache is asked.
func (s *store) cached(id string) (any, error) {
	key := fmt.Sprintf("page:%s", id) // want `every caller formats this key`
	if v, ok := s.near.Get(key); ok {
		return v, nil
	}
	v, err, _ := s.g.Do(key, func() (any, error) { return s.db.Find(id) })
	return v, err
}

// At the call, with nothing before it.
func (s *store) direct(tenant string, id int) (any, error) {
	v, err, _ := s.g.Do(fmt.Sprintf("%s/%d", tenant, id), func() (any, error) { return s.db.Find(tenant) }) // want `every caller formats this key`
	return v, err
}

// In a loop.
func (s *store) loop(tenant string, ids []int64) (all []any) {
	for _, id := range ids {
		if id == 0 {
			continue
		}
		v, _, _ := s.g.Do(fmt.Sprintf("%v-%v%%", tenant, id), func() (any, error) { return s.db.Find(tenant) }) // want `every caller formats this key`
		all = append(all, v)
	}
	return all
}

// Of every sort.
func (s *store) sorts(k kind, l level, n uint64, big int32, on bool, a, b string) (any, error) {
	v, err, _ := s.g.Do(fmt.Sprintf("%s|%d|%d|%d|%v|%s", k, l, n, big+1, on, a+b), func() (any, error) { return s.db.Find(a) }) // want `every caller formats this key`
	return v, err
}

// Sprint puts a space between two that are no strings, and nowhere else.
func (s *store) sprint(id, page int, name string) (any, error) {
	v, err, _ := s.g.Do(fmt.Sprint(id, page, name, true), func() (any, error) { return s.db.Find(name) }) // want `every caller formats this key`
	return v, err
}

// A map is a cache as well.
func (s *store) mapped(id string, page int) (any, error) {
	if id == "" {
		return nil, nil
	}
	key := fmt.Sprintf("%s\n"+":%d", id, page) // want `every caller formats this key`
	if v, ok := s.cache[key]; ok {
		return v, nil
	}
	v, err, _ := s.g.Do(key, func() (any, error) { return s.db.Find(id) })
	return v, err
}

func (k kind) print() { fmt.Println(string(k)) }
