package redis

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// undelivered are the invalidations that the server may have missed: each key
// once, each tag once, since to delete twice is to delete. What was to be
// invalidated is not read from here before it has been, and it is tried until it
// has.
//
// With too many it becomes one: all there is.
type undelivered struct {
	some atomic.Bool // whether there are any; written under mu

	mu   sync.Mutex
	seq  uint64            // of the newest
	keys map[string]uint64 // each with its seq
	tags map[string]uint64
	all  uint64 // 0: not all
	max  int
	news chan struct{} // has an element when there is one; capacity 1

	turn chan struct{} // held by who delivers all; capacity 1
}

func (u *undelivered) init(most int) {
	u.keys, u.tags, u.max = make(map[string]uint64), make(map[string]uint64), most
	u.news, u.turn = make(chan struct{}, 1), make(chan struct{}, 1)
}

// now is for what begins now, to tell later what it has settled.
func (u *undelivered) now() uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seq
}

func (u *undelivered) addKey(key string) { u.add(func(seq uint64) { u.keys[key] = seq }) }

// addTags adds tags, or without any: all there is.
func (u *undelivered) addTags(tags []string) {
	u.add(func(seq uint64) {
		for _, tag := range tags {
			u.tags[tag] = seq
		}
		if len(tags) == 0 {
			u.all = seq
		}
	})
}

func (u *undelivered) add(note func(seq uint64)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seq++
	note(u.seq)
	if len(u.keys)+len(u.tags) > u.max {
		u.all = u.seq
	}
	if u.all != 0 {
		clear(u.keys)
		clear(u.tags)
	}
	u.some.Store(true)
	select {
	case u.news <- struct{}{}:
	default:
	}
}

// settled takes out what was in at seq.
func (u *undelivered) settled(keys, tags []string, seq uint64) {
	if !u.some.Load() {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, key := range keys {
		if u.keys[key] <= seq {
			delete(u.keys, key)
		}
	}
	for _, tag := range tags {
		if u.tags[tag] <= seq {
			delete(u.tags, tag)
		}
	}
	u.someLocked()
}

// settledAll takes out all that was in at seq.
func (u *undelivered) settledAll(seq uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	old := func(_ string, at uint64) bool { return at <= seq }
	maps.DeleteFunc(u.keys, old)
	maps.DeleteFunc(u.tags, old)
	if u.all <= seq {
		u.all = 0
	}
	u.someLocked()
}

func (u *undelivered) someLocked() {
	u.some.Store(len(u.keys)+len(u.tags) > 0 || u.all != 0)
}

// has reports whether key is undelivered, and whether all there is.
func (u *undelivered) has(key string) (missed, all bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, missed = u.keys[key]
	return missed, u.all != 0
}

// list gives what there is.
func (u *undelivered) list() (keys, tags []string, all bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Collect(maps.Keys(u.keys)), slices.Collect(maps.Keys(u.tags)), u.all != 0
}

func (u *undelivered) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all != 0 {
		return u.max + 1
	}
	return len(u.keys) + len(u.tags)
}

// settle delivers what is undelivered of a key that is about to be read.
func (s *Store) settle(ctx context.Context, key string) error {
	u := &s.undelivered
	if !u.some.Load() {
		return nil
	}
	missed, all := u.has(key)
	switch {
	case all:
		return s.settleAll(ctx)
	case missed:
		return s.Delete(ctx, key)
	default:
		return nil
	}
}

// settleAll delivers that everything is invalid, once for all who want to read.
func (s *Store) settleAll(ctx context.Context) error {
	u := &s.undelivered
	select {
	case u.turn <- struct{}{}:
		defer func() { <-u.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if _, all := u.has(""); !all {
		return nil
	}
	_, err := s.Bump(ctx)
	return err
}

// redeliver delivers what is undelivered, until Close.
func (s *Store) redeliver() {
	u := &s.undelivered
	for {
		select {
		case <-u.news:
		case <-s.ctx.Done():
			return
		}
		for u.some.Load() {
			select {
			case <-time.After(s.o.ProbeEvery):
			case <-s.ctx.Done():
				return
			}
			s.redeliverAll()
		}
	}
}

// chunk is how many keys are delivered in one exchange.
const chunk = 1000

func (s *Store) redeliverAll() {
	ctx, cancel := context.WithTimeout(s.ctx, redeliverWithin)
	defer cancel()
	keys, tags, all := s.undelivered.list()
	if all { // then there is nothing else
		_ = s.settleAll(ctx)
		return
	}
	if len(tags) > 0 {
		if _, err := s.Bump(ctx, tags...); err != nil {
			return
		}
	}
	for some := range slices.Chunk(keys, chunk) {
		for _, err := range s.DeleteMany(ctx, some) {
			if err != nil {
				return
			}
		}
	}
}
