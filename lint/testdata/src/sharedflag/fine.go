package sharedflag

import (
	"log/slog"
	"slices"
	"sync/atomic"
)

var coalesced atomic.Int64

// Counted.
func (s *store) counted(key string) any {
	v, _, shared := s.g.Do(key, s.load)
	if shared {
		coalesced.Add(1)
	}
	return v
}

// Logged.
func (s *store) logged(key string) any {
	v, _, shared := s.g.Do(key, s.load)
	slog.Debug("loaded", "key", key, "shared", shared)
	return v
}

// Handed to the caller, who counts.
func (s *store) returned(key string) (any, error, bool) {
	v, err, shared := s.g.Do(key, s.load)
	return v, err, shared
}

// What decides whether to copy.
func (s *store) copies(key string) []string {
	v, _, shared := s.g.Do(key, s.load)
	list, _ := v.([]string)
	if shared {
		list = slices.Clone(list)
	}
	return list
}

type loadEvent struct {
	Key    string
	Shared bool
}

func emit(loadEvent) {}

// A record of the round.
func (s *store) record(key string) any {
	v, _, shared := s.g.Do(key, s.load)
	emit(loadEvent{Key: key, Shared: shared})
	return v
}

// The value is kept, and the flag is not.
func (s *store) value(key string) any {
	v, err, _ := s.g.Do(key, s.load)
	if err == nil {
		s.entries[key] = entry{value: v}
		s.cache.Set(key, v)
	}
	return v
}
