// Package outage is for those who make a [tier.Store] of a server: what they
// need so that an outage of it leaves nothing behind that should be gone.
//
// [tier.Store]: https://pkg.go.dev/github.com/onefold-go/onefold/tier#Store
package outage

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Undelivered are the invalidations that a server may have missed: each key
// once, each tag once, since to delete twice is to delete. A store adds what it
// could not tell its server, does not read a key that is in here before it has
// been deleted, and takes out what has been.
//
// With too many it becomes one: of all there is.
//
// Each addition has a number, and what is taken out was in at one: a Delete that
// succeeds settles those of the key from before it began, and no later one.
//
// Make it with [NewUndelivered]. Its methods may be called from many goroutines.
type Undelivered struct {
	some atomic.Bool // whether there are any; written under mu

	mu   sync.Mutex
	seq  uint64            // of the newest
	keys map[string]uint64 // each with its seq
	tags map[string]uint64
	all  uint64 // 0: not all
	most int
	news chan struct{} // has an element when there is one; capacity 1
}

// NewUndelivered makes one for so many keys and tags in all. With 0 or less the
// first is too many.
func NewUndelivered(most int) *Undelivered {
	return &Undelivered{
		keys: make(map[string]uint64), tags: make(map[string]uint64), most: max(most, 0), news: make(chan struct{}, 1),
	}
}

// Now is for what begins now, to say later what it has settled.
func (u *Undelivered) Now() uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seq
}

// AddKey adds a key.
func (u *Undelivered) AddKey(key string) { u.add(func(seq uint64) { u.keys[key] = seq }) }

// AddTags adds tags, or without any: all there is.
func (u *Undelivered) AddTags(tags ...string) {
	u.add(func(seq uint64) {
		for _, tag := range tags {
			u.tags[tag] = seq
		}
		if len(tags) == 0 {
			u.all = seq
		}
	})
}

func (u *Undelivered) add(note func(seq uint64)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seq++
	note(u.seq)
	if len(u.keys)+len(u.tags) > u.most {
		u.all = u.seq
	}
	if u.all != 0 {
		u.all = u.seq // what has just been added is in it
		clear(u.keys)
		clear(u.tags)
	}
	u.some.Store(true)
	select {
	case u.news <- struct{}{}:
	default:
	}
}

// Settled takes out what was in at the number that [Undelivered.Now] gave.
func (u *Undelivered) Settled(keys, tags []string, at uint64) {
	if !u.some.Load() {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, key := range keys {
		if u.keys[key] <= at {
			delete(u.keys, key)
		}
	}
	for _, tag := range tags {
		if u.tags[tag] <= at {
			delete(u.tags, tag)
		}
	}
	u.someLocked()
}

// SettledAll takes out all that was in at that number.
func (u *Undelivered) SettledAll(at uint64) {
	if !u.some.Load() {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	old := func(_ string, seq uint64) bool { return seq <= at }
	maps.DeleteFunc(u.keys, old)
	maps.DeleteFunc(u.tags, old)
	if u.all <= at {
		u.all = 0
	}
	u.someLocked()
}

func (u *Undelivered) someLocked() {
	u.some.Store(len(u.keys)+len(u.tags) > 0 || u.all != 0)
}

// Any reports whether there is anything. It takes no lock.
func (u *Undelivered) Any() bool { return u.some.Load() }

// Has reports whether key is undelivered, and whether all there is.
func (u *Undelivered) Has(key string) (missed, all bool) {
	if !u.some.Load() {
		return false, false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	_, missed = u.keys[key]
	return missed, u.all != 0
}

// List gives what there is, in no order. With all there are no keys and tags.
func (u *Undelivered) List() (keys, tags []string, all bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Collect(maps.Keys(u.keys)), slices.Collect(maps.Keys(u.tags)), u.all != 0
}

// Len is how many there are; with all, one more than there may be.
func (u *Undelivered) Len() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all != 0 {
		return u.most + 1
	}
	return len(u.keys) + len(u.tags)
}

// Deliver calls attempt as long as there is anything, each time after a wait,
// and then waits for more, until ctx ends. attempt is to deliver what [Undelivered.List]
// gives. It must end with ctx.
func (u *Undelivered) Deliver(ctx context.Context, wait time.Duration, attempt func(context.Context)) {
	for {
		select {
		case <-u.news:
		case <-ctx.Done():
			return
		}
		for u.some.Load() {
			t := time.NewTimer(wait)
			select {
			case <-t.C:
			case <-ctx.Done():
				t.Stop()
				return
			}
			attempt(ctx)
		}
	}
}
