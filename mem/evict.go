package mem

import (
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/onefold-go/onefold/tier"
)

// A Cause says why a value left a [Cache].
type Cause uint8

// The causes.
const (
	Capacity Cause = iota // it had to make room, or was too heavy by itself
	Replaced              // another took its place
	Deleted               // by Delete or Clear
)

// String gives the cause in a word.
func (c Cause) String() string {
	switch c {
	case Capacity:
		return "capacity"
	case Replaced:
		return "replaced"
	case Deleted:
		return "deleted"
	default:
		return "unknown"
	}
}

// maxUntold is how many evictions wait for a slow callback.
const maxUntold = 10_000

// OnEvict has told called with each value that leaves the cache, for whatever
// cause, once for each time it was set.
//
// It is called a moment later with no lock held, one call after the other, on a
// goroutine that ends when there is no more to tell: it may use the cache, and
// nobody waits for it. A panic in it, and a Goexit, is its own and is counted.
// While it is slow, up to 10,000 evictions wait for it; what comes on top is
// counted and not told. Other callers may still be using the value: it is no
// time to close it.
func OnEvict[K comparable, V any](told func(key K, value V, cause Cause)) Option[K, V] {
	return func(c *Cache[K, V]) {
		if told != nil {
			c.evicted = &evictions[K, V]{told: told}
		}
	}
}

// EvictStats are sums since the cache was made. Without [OnEvict] they are 0.
type EvictStats struct {
	Told     uint64 // calls of the callback, with those that panicked
	Panicked uint64 // calls that panicked, or called Goexit
	Untold   uint64 // evictions that came while too many waited
}

// EvictStats gives the sums so far. They are not taken at one instant.
func (c *Cache[K, V]) EvictStats() EvictStats {
	q := c.evicted
	if q == nil {
		return EvictStats{}
	}
	return EvictStats{Told: q.calls.Load(), Panicked: q.panicked.Load(), Untold: q.untold.Load()}
}

// gone puts an eviction in the queue. It is called with otter's lock of the key
// held, so that it is called once for each entry, and with the cache's.
func (c *Cache[K, V]) gone(d otter.DeletionEvent[K, *tier.Entry[V]]) {
	if d.Value == nil || !d.Value.HasValue() {
		return
	}
	cause := Capacity
	switch d.Cause {
	case otter.CauseReplacement:
		cause = Replaced
	case otter.CauseInvalidation:
		cause = Deleted
	}
	c.evicted.add(eviction[K, V]{d.Key, d.Value.Value(), cause})
}

// evictions are the queue to a callback. otter has a callback of its own that
// runs outside its locks, but starts a goroutine for each call, without a bound
// and in no order.
type evictions[K comparable, V any] struct {
	told func(K, V, Cause)

	calls, panicked, untold atomic.Uint64

	mu      sync.Mutex
	queue   []eviction[K, V]
	telling bool // a goroutine of tell is under way
}

type eviction[K comparable, V any] struct {
	key   K
	value V
	cause Cause
}

func (q *evictions[K, V]) add(e eviction[K, V]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) >= maxUntold {
		q.untold.Add(1)
		return
	}
	q.queue = append(q.queue, e)
	if !q.telling {
		q.telling = true
		go q.tell()
	}
}

// tell empties the queue.
func (q *evictions[K, V]) tell() {
	for {
		q.mu.Lock()
		if len(q.queue) == 0 {
			q.queue, q.telling = nil, false
			q.mu.Unlock()
			return
		}
		e := q.queue[0]
		q.queue[0] = eviction[K, V]{} // so that nothing is kept alive by it
		q.queue = q.queue[1:]
		q.mu.Unlock()
		q.call(e)
	}
}

func (q *evictions[K, V]) call(e eviction[K, V]) {
	q.calls.Add(1)
	returned := false
	defer func() {
		if returned {
			return
		}
		q.panicked.Add(1)
		if recover() == nil { // a Goexit, which ends this goroutine
			go q.tell()
		}
	}()
	q.told(e.key, e.value, e.cause)
	returned = true
}
