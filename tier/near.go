package tier

import (
	"math"
	"time"
)

// A Near is a tier in this process: it holds entries by key and may drop any
// of them at any time. Package mem has one.
//
// All methods may be called at the same time from many goroutines. The cache
// calls Set, Delete and Clear with a lock held that is its own for the key, and
// Get with and without it: none of them may block, or call the cache or any
// user's function. Clear is called with no promise about other calls.
type Near[K comparable, V any] interface {
	Get(key K) *Entry[V] // nil: a miss
	Set(key K, e *Entry[V])
	Delete(key K)
	Clear()
}

// An Entry is what a near tier holds for a key. It is made by the cache and
// never changes; its value is shared by all who get it.
type Entry[V any] struct {
	value   V
	born    time.Duration // since the cache's start: when the load that made the value began
	expires time.Duration // likewise; forever: never
	unkept  bool          // only for the callers of its flight: a fill of a far tier was refused
}

// Value gives the entry's value, to weigh it for instance. It must not be
// changed.
func (e *Entry[V]) Value() V { return e.value }

const forever time.Duration = math.MaxInt64

// later is t + d, or forever when that is out of range.
func later(t, d time.Duration) time.Duration {
	if sum := t + d; sum >= t {
		return sum
	}
	return forever
}

// noNear is the near tier of a cache that has none.
type noNear[K comparable, V any] struct{}

func (noNear[K, V]) Get(K) *Entry[V]  { return nil }
func (noNear[K, V]) Set(K, *Entry[V]) {}
func (noNear[K, V]) Delete(K)         {}
func (noNear[K, V]) Clear()           {}
