package tier

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
)

// Fences say which entries are too old to be served, because something that
// they stand for was invalidated after their load began.
//
// There is one sequence for a cache in this process. Every invalidation raises
// it and is given the number: a tag, all there is, or, for a change that another
// process made, the slot of the key. A load notes the sequence before it reads
// anything, and its entry keeps that stamp for good. The entry is valid while
// nothing of it has a number above the stamp.
//
// A slot is what the hash of a key of a far tier leads to: whoever tells of a
// change has the far tier's key, and there is no way back from that to a key of
// the cache. Two keys of one slot are invalidated together, which costs a look
// into the far tier and is otherwise harmless.
type fences struct {
	seq    atomic.Uint64 // the newest number; from 1
	floor  atomic.Uint64 // entries with an older stamp are invalid
	tagged atomic.Uint64 // those with tags

	mu   sync.RWMutex
	gens map[string]uint64 // guarded by mu; the newest number of each tag
	most int               // of gens

	seed  maphash.Seed
	slots []atomic.Uint64 // a power of two of them; nil: nobody tells of changes
}

const slotCount = 1 << 14

func (f *fences) init(maxTags int, slots bool) {
	f.seq.Store(1)
	f.most = maxTags
	f.gens = make(map[string]uint64)
	if slots {
		f.seed = maphash.MakeSeed()
		f.slots = make([]atomic.Uint64, slotCount)
	}
}

// now gives the stamp of what begins now.
func (f *fences) now() uint64 { return f.seq.Load() }

// slot gives the slot of a far tier's key.
func (f *fences) slot(key string) uint16 {
	return uint16(maphash.String(f.seed, key) & (slotCount - 1)) //nolint:gosec // less than slotCount
}

// dropAll makes all that has begun until now invalid.
func (f *fences) dropAll() { raise(&f.floor, f.seq.Add(1)) }

// dropTagged does so for what has tags.
func (f *fences) dropTagged() { raise(&f.tagged, f.seq.Add(1)) }

// dropSlot does so for the keys of a slot.
func (f *fences) dropSlot(slot uint16) { raise(&f.slots[slot], f.seq.Add(1)) }

// dropTags does so for what carries one of tags.
func (f *fences) dropTags(tags ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.seq.Add(1)
	for _, tag := range tags {
		f.gens[tag] = n
	}
	if len(f.gens) > f.most {
		f.trimLocked()
	}
}

// trimLocked forgets the older half of the tags, and with them whatever is as
// old as they are.
func (f *fences) trimLocked() {
	numbers := make([]uint64, 0, len(f.gens))
	for _, n := range f.gens {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	highest := numbers[(len(numbers)-1)/2]
	raise(&f.floor, highest)
	for tag, n := range f.gens {
		if n <= highest {
			delete(f.gens, tag)
		}
	}
}

// raise makes n the value of a, unless that is higher.
func raise(a *atomic.Uint64, n uint64) {
	for old := a.Load(); old < n && !a.CompareAndSwap(old, n); {
		old = a.Load()
	}
}

// overtaken reports whether something with this stamp, slot and tags is
// invalid.
func (f *fences) overtaken(stamp uint64, slot uint16, tags []string) bool {
	if f.floor.Load() > stamp || f.slots != nil && f.slots[slot].Load() > stamp {
		return true
	}
	if len(tags) == 0 {
		return false
	}
	if f.tagged.Load() > stamp {
		return true
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, tag := range tags {
		if f.gens[tag] > stamp {
			return true
		}
	}
	return false
}
