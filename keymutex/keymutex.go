// Package keymutex is one lock per key: for work that must not run twice at
// once for the same key, and whose result is not to be shared. To share one
// result among all who want it, see package onefold.
package keymutex

import (
	"cmp"
	"context"
	"sync"
)

// A Mutex holds one lock for each key. Whoever has the lock of a key keeps
// others from that key and from no other.
//
// The zero Mutex is ready to use, with every key unlocked. Its methods may be
// called at the same time from many goroutines. A Mutex must not be copied
// after first use.
//
// The locks are fair: those who wait for a key get it in the order in which
// they came, and nobody overtakes them. That has a price: each handover to a
// waiter costs a switch of goroutines, while a sync.Mutex would let the one
// that runs go on.
//
// A key that nobody holds has no entry. What is left is the table itself, whose
// size follows the most keys ever held at once, not the keys seen; a part of it
// that has grown large is given back when it becomes empty.
//
// As with a sync.Mutex, a lock belongs to no goroutine: one may lock a key and
// another unlock it. It is not reentrant: who holds a key and locks it again
// waits for itself, until its context ends.
type Mutex[K comparable] struct {
	// Config must not be changed after first use. A Config that
	// [Config.Validate] finds fault with makes every use panic.
	Config Config

	once  sync.Once
	fault error // of Config; fixed after once
	table table[K]
}

// Lock locks key. If it is held, Lock waits for its turn, and returns as soon
// as ctx ends, with ctx.Err() and without the lock; when the turn comes as ctx
// ends it may be either. When ctx has ended already, Lock does not lock. Where
// [Config.MaxWaiters] callers wait for the key, Lock fails at once with a
// *[LimitError]; for a key that is not equal to itself, such as a NaN, with
// [ErrKey].
//
// Without an error the caller has the lock, and somebody must call
// [Mutex.Unlock] for key once. As a rule a free key is locked without allocating.
//
// Lock panics when ctx is nil, and when K is an interface type and key holds
// something that has no equality.
func (m *Mutex[K]) Lock(ctx context.Context, key K) error {
	if ctx == nil {
		panic("keymutex: nil context")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s, hash := m.shard(key)
	s.Lock()
	l := s.findLocked(key, hash)
	switch {
	case l != nil:
	case key != key: //nolint:gocritic // a NaN, or something with one in it: it would never be found again
		s.Unlock()
		return ErrKey
	default:
		s.holdLocked(key, hash)
		s.Unlock()
		return nil
	}
	if limit := cmp.Or(m.Config.MaxWaiters, DefaultMaxWaiters); l.waiting >= limit {
		s.Unlock()
		return &LimitError{Limit: limit}
	}
	w := l.push()
	s.Unlock()

	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
	}
	s.Lock()
	defer s.Unlock()
	if w.handed {
		return nil // it came as ctx ended; to leave now would lose it
	}
	l.remove(w)
	return ctx.Err()
}

// TryLock locks key if nobody holds it, and reports whether it did. It waits
// for nothing. A key that is not equal to itself is never locked.
func (m *Mutex[K]) TryLock(key K) bool {
	s, hash := m.shard(key)
	s.Lock()
	defer s.Unlock()
	if s.findLocked(key, hash) != nil || key != key { //nolint:gocritic // as in Lock
		return false
	}
	s.holdLocked(key, hash)
	return true
}

// Unlock unlocks key, which goes to whoever has waited longest. It panics when
// nobody holds key: that is a second Unlock of one Lock, or an Unlock where
// Lock failed. A second Unlock while somebody else holds the key is not
// noticed, and takes the key from them.
func (m *Mutex[K]) Unlock(key K) {
	s, hash := m.shard(key)
	s.Lock()
	l := s.findLocked(key, hash)
	if l == nil {
		s.Unlock()
		panic("keymutex: Unlock of a key that is not locked")
	}
	if l.waiting == 0 {
		s.freeLocked(l)
		s.Unlock()
		return
	}
	w := l.pop()
	w.handed = true
	s.Unlock()
	close(w.turn)
}

// shard gives the shard of key, and its hash. The first call makes the table.
func (m *Mutex[K]) shard(key K) (*shard[K], uint32) {
	m.once.Do(func() {
		m.fault = m.Config.Validate()
		m.table.init()
	})
	if m.fault != nil {
		panic(m.fault)
	}
	return m.table.shard(key)
}
