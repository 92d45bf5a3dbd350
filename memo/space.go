package memo

import "context"

// A space tells what one View or Table has in the memos from what all others
// have there. Its address is what counts.
type space[K comparable, V any] struct {
	_ byte // things without a size may share an address
}

// A shelf is what one memo has of one space. The memo's lock guards it.
type shelf[K comparable, V any] struct {
	space *space[K, V]
	slots map[K]*slot[V]
}

// A slot is where a memo has the value of a key, or will have it.
//
//	empty --a get succeeds--------> kept
//	empty --the last get fails----> gone
//	either --the request writes---> gone
//
// While it is on its shelf, gets of its key find it. The first value that one
// of them brings is the value of all: so a request that asks twice at the same
// time gets one answer, whatever happens to the cache between the two. A get
// that finds its slot gone has begun before the write. Its value is for its own
// caller, and is not kept.
//
// The memo's lock guards it.
type slot[V any] struct {
	value V
	kept  bool
	gets  int // under way
}

// look gives what m has for key.
func (s *space[K, V]) look(m *memo, key K) (v V, ok bool) {
	m.mu.RLock()
	if sh := s.shelfLocked(m); sh != nil {
		if sl := sh.slots[key]; sl != nil && sl.kept {
			v, ok = sl.value, true
		}
	}
	m.mu.RUnlock()
	return v, ok
}

// remember gives what get does, and makes m keep it, if m has room.
func (s *space[K, V]) remember(ctx context.Context, m *memo, key K, get func(context.Context, K) (V, error)) (v V, err error) {
	sl := s.enter(m, key)
	if sl == nil {
		return get(ctx, key)
	}
	ok := false
	defer func() { v = s.leave(m, key, sl, v, ok) }() // also when get panics or exits
	v, err = get(ctx, key)
	ok = err == nil
	return v, err
}

// enter gives the slot of key to a get, or nil when there is no room for one,
// or none could be found again.
func (s *space[K, V]) enter(m *memo, key K) *slot[V] {
	m.mu.Lock()
	defer m.mu.Unlock()
	sh := s.shelfLocked(m)
	if sh == nil {
		sh = &shelf[K, V]{space: s, slots: make(map[K]*slot[V])}
		m.shelves = append(m.shelves, sh)
	}
	sl := sh.slots[key]
	if sl == nil {
		if m.room == 0 || key != key { //nolint:gocritic // a NaN, or something with one in it
			return nil
		}
		sl = new(slot[V])
		sh.slots[key] = sl
		m.room--
	}
	sl.gets++
	return sl
}

// leave ends a get that brought v, if ok, and gives the value for its caller.
func (s *space[K, V]) leave(m *memo, key K, sl *slot[V], v V, ok bool) V {
	m.mu.Lock()
	defer m.mu.Unlock()
	sl.gets--
	switch {
	case ok && sl.kept:
		return sl.value
	case ok:
		sl.value, sl.kept = v, true
	case !sl.kept && sl.gets == 0:
		s.removeLocked(m, key, sl)
	}
	return v
}

// forget empties m's slot for key.
func (s *space[K, V]) forget(m *memo, key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.removeLocked(m, key, nil)
}

// removeLocked takes key's slot off its shelf, but if sl is not nil only if
// that is the slot.
func (s *space[K, V]) removeLocked(m *memo, key K, sl *slot[V]) {
	sh := s.shelfLocked(m)
	if sh == nil {
		return
	}
	if found := sh.slots[key]; found != nil && (sl == nil || sl == found) {
		delete(sh.slots, key)
		m.room++
	}
}

// shelfLocked gives m's shelf of s, or nil. Reading is enough of a lock.
func (s *space[K, V]) shelfLocked(m *memo) *shelf[K, V] {
	for _, sh := range m.shelves {
		if sh, ok := sh.(*shelf[K, V]); ok && sh.space == s {
			return sh
		}
	}
	return nil
}
