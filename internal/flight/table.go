// Package flight is the core under every way of sharing a load: who shares
// which load, and how it ended. It knows no contexts and runs nothing; the
// packages over it decide who runs a load, who may leave it, and what its
// callers see of its end.
package flight

import (
	"hash/maphash"
	"maps"
	"runtime"
	"slices"
	"sync"
)

// A Table holds the flights of one group or cache, at most one current flight a
// key. X is what the package over it keeps beside each flight. Call Init before
// anything else; a Table must not be copied.
//
// It is a hash table of its own, chained through the flights, because a flight
// comes and goes with every load: a built-in map would hash the key three times
// for that, which costs more than everything else here.
type Table[K comparable, V, X any] struct {
	seed   maphash.Seed
	shards []Shard[K, V, X] // a power of two of them
}

// A Shard is the part of a Table that one lock guards: the current flights of
// its keys, and the counts.
type Shard[K comparable, V, X any] struct {
	sync.Mutex

	// All guarded by the Mutex.
	Running int           // loads that have not returned, current or not
	Led     uint64        // flights so far
	Joined  uint64        // callers so far that joined a flight
	Closed  bool          // no flight may be added
	Drained chan struct{} // closed when Running falls to zero; nil: nobody waits for that

	spare   *Flight[K, V, X]              // empty flights, chained, for loads to come
	spares  int                           // how many: not more than mostSpares
	apart   map[*Flight[K, V, X]]struct{} // not current, and their loads have not returned; nil until the first
	buckets []*Flight[K, V, X]            // a power of two of chains, by the upper half of the hash
	len     int                           // current flights
	_       [24]byte                      // to whole cache lines, so that two shards share none
}

// mostSpares bounds what a shard keeps for loads to come.
const mostSpares = 16

// Init makes the table ready, for the processors there are now.
func (t *Table[K, V, X]) Init() {
	t.seed = maphash.MakeSeed()
	n := 4
	for n < 4*runtime.GOMAXPROCS(0) {
		n *= 2
	}
	t.shards = make([]Shard[K, V, X], n)
	for i := range t.shards {
		t.shards[i].buckets = make([]*Flight[K, V, X], 4)
	}
}

// Shard gives the shard of key, and the hash by which the shard finds it. It
// panics when key is an interface that holds something without equality.
func (t *Table[K, V, X]) Shard(key K) (*Shard[K, V, X], uint32) {
	h := maphash.Comparable(t.seed, key)
	return &t.shards[h&uint64(len(t.shards)-1)], uint32(h >> 32) //nolint:gosec // the upper half
}

// Hash gives the hash of key, by the table's own seed.
func (t *Table[K, V, X]) Hash(key K) uint64 { return maphash.Comparable(t.seed, key) }

// Shards gives all of them, to look at one after the other.
func (t *Table[K, V, X]) Shards() []Shard[K, V, X] { return t.shards }

// FindLocked gives key's current flight, or nil.
func (s *Shard[K, V, X]) FindLocked(key K, hash uint32) *Flight[K, V, X] {
	for f := s.buckets[hash&uint32(len(s.buckets)-1)]; f != nil; f = f.next { //nolint:gosec // few
		if f.hash == hash && f.Key == key {
			return f
		}
	}
	return nil
}

// LeadLocked adds a flight for key with one caller. There must be no current
// flight of key.
func (s *Shard[K, V, X]) LeadLocked(key K, hash uint32) *Flight[K, V, X] {
	f := s.LaunchLocked(key, hash)
	f.waiting = 1
	s.Led++
	return f
}

// LaunchLocked adds a flight for key that nobody waits for yet. There must be
// no current flight of key.
func (s *Shard[K, V, X]) LaunchLocked(key K, hash uint32) *Flight[K, V, X] {
	if s.len >= 2*len(s.buckets) {
		s.growLocked()
	}
	f := s.spare
	if f != nil {
		s.spare = f.next
		s.spares--
	} else {
		f = &Flight[K, V, X]{shard: s}
	}
	f.Key, f.hash = key, hash
	s.addLocked(f)
	s.Running++
	return f
}

// keepLocked keeps an empty f for a load to come.
func (s *Shard[K, V, X]) keepLocked(f *Flight[K, V, X]) {
	f.next, s.spare = s.spare, f
	s.spares++
}

func (s *Shard[K, V, X]) addLocked(f *Flight[K, V, X]) {
	at := &s.buckets[f.hash&uint32(len(s.buckets)-1)] //nolint:gosec // few
	f.next, *at = *at, f
	f.current = true
	s.len++
}

// RemoveLocked ends f's time as the current flight of its key: nobody joins it
// any more and its value is not stored. Those who wait for it keep it.
func (s *Shard[K, V, X]) RemoveLocked(f *Flight[K, V, X]) {
	at := &s.buckets[f.hash&uint32(len(s.buckets)-1)] //nolint:gosec // few
	for *at != f {
		at = &(*at).next
	}
	*at, f.next = f.next, nil
	f.current = false
	s.len--
}

// DetachLocked removes f while its load runs on, and keeps sight of it.
func (s *Shard[K, V, X]) DetachLocked(f *Flight[K, V, X]) {
	s.RemoveLocked(f)
	f.known = true
	if s.apart == nil {
		s.apart = make(map[*Flight[K, V, X]]struct{})
	}
	s.apart[f] = struct{}{}
}

// growLocked doubles the chains. They never shrink: their number is bounded by
// the most loads that ever ran at once.
func (s *Shard[K, V, X]) growLocked() {
	old := s.buckets
	s.buckets = make([]*Flight[K, V, X], 2*len(old))
	s.len = 0
	for _, f := range old {
		for f != nil {
			next := f.next
			s.addLocked(f)
			f = next
		}
	}
}

// LenLocked gives how many current flights there are.
func (s *Shard[K, V, X]) LenLocked() int { return s.len }

// LoadingLocked gives the flights that are current, and those that were
// detached and whose loads have not returned.
func (s *Shard[K, V, X]) LoadingLocked() []*Flight[K, V, X] {
	all := slices.AppendSeq(make([]*Flight[K, V, X], 0, s.len+len(s.apart)), maps.Keys(s.apart))
	for _, f := range s.buckets {
		for ; f != nil; f = f.next {
			f.known = true
			all = append(all, f)
		}
	}
	return all
}
