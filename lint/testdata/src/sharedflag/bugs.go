package sharedflag

import (
	"golang.org/x/sync/singleflight"
)

type entry struct {
	value  any
	shared bool
}

type cache struct{ m map[string]any }

func (c *cache) Set(key string, v any)             { c.m[key] = v }
func (c *cache) Put(key string, v any, fresh bool) { c.m[key] = v }

type store struct {
	g       singleflight.Group
	entries map[string]entry
	was     map[string]bool
	last    bool
	cache   cache
}

func (s *store) load() (any, error) { return nil, nil }

// Kept with the value, and given to everybody who finds it there.
func (s *store) entry(key string) any {
	v, _, shared := s.g.Do(key, s.load)
	s.entries[key] = entry{value: v, shared: shared} // want `whether this load was shared is kept in a field: it tells how many met in this one round, and nothing of the value or of the next round`
	return v
}

// The last round's, in the store.
func (s *store) field(key string) any {
	v, _, shared := s.g.Do(key, s.load)
	s.last = shared // want `kept in a field`
	return v
}

func (s *store) byKey(key string) any {
	v, _, shared := s.g.Do(key, s.load)
	s.was[key] = shared // want `kept in a map`
	return v
}

func (s *store) cached(key string) any {
	v, _, shared := s.g.Do(key, s.load)
	s.cache.Set("shared:"+key, shared) // want `kept by Set`
	return v
}

func (s *store) argument(key string) any {
	v, _, shared := s.g.Do(key, s.load)
	s.cache.Put(key, v, shared) // want `kept by Put`
	return v
}

// Out of a channel.
func (s *store) channel(key string) *entry {
	r := <-s.g.DoChan(key, s.load)
	return &entry{r.Val, r.Shared} // want `kept in a field`
}
