package keymutex

import (
	"hash/maphash"
	"runtime"
	"sync"
)

// A table has the locks that somebody holds. It is a hash table of its own,
// chained through the locks, because a lock comes and goes with every use: a
// built-in map would hash the key again for each step of that, which costs
// more than everything else here.
type table[K comparable] struct {
	seed   maphash.Seed
	shards []shard[K] // a power of two of them
}

// A shard has the locks of its keys.
type shard[K comparable] struct {
	sync.Mutex

	// All guarded by the Mutex.
	buckets []*lock[K] // a power of two of chains, by the upper half of the hash
	len     int        // locks in them
	spare   *lock[K]   // a chain of locks to use again
	spares  int        // locks in it

	_ [72]byte // two shards share no pair of cache lines
}

// A lock is one key that is held, and who waits for it. Its shard's lock guards
// it.
type lock[K comparable] struct {
	key  K
	hash uint32
	next *lock[K]
	queue
}

const (
	fewBuckets = 4  // of a shard that has held little
	maxBuckets = 64 // of a shard that holds nothing: more are given back
	maxSpares  = 8  // of a shard
)

// init makes the table ready, for the processors there are now.
func (t *table[K]) init() {
	t.seed = maphash.MakeSeed()
	n := 4
	for n < 4*runtime.GOMAXPROCS(0) {
		n *= 2
	}
	t.shards = make([]shard[K], n)
	for i := range t.shards {
		t.shards[i].buckets = make([]*lock[K], fewBuckets)
	}
}

// shard gives the shard of key, and the hash by which the shard finds it.
func (t *table[K]) shard(key K) (*shard[K], uint32) {
	h := maphash.Comparable(t.seed, key)
	return &t.shards[h&uint64(len(t.shards)-1)], uint32(h >> 32) //nolint:gosec // the upper half
}

// chainLocked gives the chain in which a key with hash stands.
func (s *shard[K]) chainLocked(hash uint32) **lock[K] {
	return &s.buckets[hash&uint32(len(s.buckets)-1)] //nolint:gosec // few
}

// findLocked gives the lock of key if somebody holds it, or nil.
func (s *shard[K]) findLocked(key K, hash uint32) *lock[K] {
	for l := *s.chainLocked(hash); l != nil; l = l.next {
		if l.hash == hash && l.key == key {
			return l
		}
	}
	return nil
}

// holdLocked adds the lock of a key that nobody holds.
func (s *shard[K]) holdLocked(key K, hash uint32) {
	if s.len >= 2*len(s.buckets) {
		s.growLocked()
	}
	l := s.spare
	if l == nil {
		l = new(lock[K])
	} else {
		s.spare = l.next
		s.spares--
	}
	l.key, l.hash = key, hash
	s.addLocked(l)
}

func (s *shard[K]) addLocked(l *lock[K]) {
	at := s.chainLocked(l.hash)
	l.next, *at = *at, l
	s.len++
}

// freeLocked takes out a lock that nobody waits for.
func (s *shard[K]) freeLocked(l *lock[K]) {
	at := s.chainLocked(l.hash)
	for *at != l {
		at = &(*at).next
	}
	*at = l.next
	s.len--
	if s.spares < maxSpares {
		*l = lock[K]{next: s.spare} // it must not keep the key
		s.spare = l
		s.spares++
	}
	if s.len == 0 && len(s.buckets) > maxBuckets {
		s.buckets = make([]*lock[K], fewBuckets)
	}
}

func (s *shard[K]) growLocked() {
	old := s.buckets
	s.buckets = make([]*lock[K], 2*len(old))
	s.len = 0
	for _, l := range old {
		for l != nil {
			next := l.next
			s.addLocked(l)
			l = next
		}
	}
}
