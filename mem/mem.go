// Package mem is a near tier: a bounded cache in this process, on otter v2.
package mem

import (
	"errors"
	"fmt"
	"math"

	"github.com/maypok86/otter/v2"

	"github.com/onefold-go/onefold/tier"
)

// DefaultMaxEntries is how many entries a cache holds when its Config names no
// bound.
const DefaultMaxEntries = 10_000

// Config bounds a [Cache], by the number of its entries or by their weight. The
// zero Config is ready to use.
type Config struct {
	// MaxEntries is the greatest number of entries. Zero means
	// DefaultMaxEntries, or no such bound with a MaxWeight.
	MaxEntries int

	// MaxWeight is the greatest sum of weights: bytes, when they are. An
	// entry's weight is what tier.Loaded said, or else what [Weigh] says, or
	// else 1. One that weighs more than MaxWeight by itself is not kept. Zero
	// means no such bound; it excludes MaxEntries.
	MaxWeight uint64
}

// Validate reports every fault of c, each with the value that was given.
func (c Config) Validate() error {
	var faults []error
	if c.MaxEntries < 0 {
		faults = append(faults, fmt.Errorf("mem: Config.MaxEntries is %d, want 0 (%d) or more", c.MaxEntries, DefaultMaxEntries))
	}
	if c.MaxEntries != 0 && c.MaxWeight != 0 {
		faults = append(faults, fmt.Errorf("mem: Config.MaxEntries is %d and MaxWeight is %d, want one of them to be 0", c.MaxEntries, c.MaxWeight))
	}
	return errors.Join(faults...)
}

// An Option is more that a [Cache] can be told. It is made by [Weigh] or
// [OnEvict].
type Option[K comparable, V any] func(*Cache[K, V])

// Weigh has weigh give the weight of values of which the load did not say it;
// zero counts as 1. It needs a MaxWeight.
//
// weigh is the one function of a user that runs with locks held: it must look
// at its arguments only. A value for which it panics weighs as much as can be.
func Weigh[K comparable, V any](weigh func(key K, value V) uint32) Option[K, V] {
	return func(c *Cache[K, V]) { c.weigh = weigh }
}

// A Cache is a tier.Near. It drops the entries that are least likely to be
// asked for again when it holds too many; until the next call it may hold a few
// more than its bound. Make it with [New]. Its methods may be called at the same
// time from many goroutines. It has no goroutine of its own, but for [OnEvict].
//
// The cache knows nothing of TTLs: those are the tier.Cache's, and an entry
// that has expired goes like others that nobody asks for.
type Cache[K comparable, V any] struct {
	entries *otter.Cache[K, *tier.Entry[V]]
	weigh   func(K, V) uint32 // nil: 1
	evicted *evictions[K, V]  // nil: nobody wants to know
}

var _ tier.Near[string, int] = (*Cache[string, int])(nil)

// New makes an empty cache. It panics when cfg has a fault, or when an option
// does not go with it; check settings that come from a file with
// [Config.Validate].
func New[K comparable, V any](cfg Config, opts ...Option[K, V]) *Cache[K, V] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	c := new(Cache[K, V])
	for _, opt := range opts {
		opt(c)
	}
	o := otter.Options[K, *tier.Entry[V]]{
		MaximumSize: cfg.MaxEntries, MaximumWeight: cfg.MaxWeight,
		// otter has a goroutine for each time it brings its queues up to date,
		// which is after almost every Set. To do that here costs a third less
		// (bench/cache, Zipf), and loses fewer reads, for a better hit ratio.
		Executor: func(do func()) { do() },
	}
	switch {
	case cfg.MaxWeight > 0:
		o.Weigher = c.weight
	case c.weigh != nil:
		panic("mem: New: Weigh without Config.MaxWeight, want both or neither")
	case cfg.MaxEntries == 0:
		o.MaximumSize = DefaultMaxEntries
	}
	if c.evicted != nil {
		o.OnAtomicDeletion = c.gone
	}
	c.entries = otter.Must(&o)
	return c
}

// weight is what e counts for.
func (c *Cache[K, V]) weight(key K, e *tier.Entry[V]) (w uint32) {
	switch {
	case e == nil:
		return 1
	case e.Weight() > 0:
		return e.Weight()
	case c.weigh == nil || !e.HasValue():
		return 1
	}
	w = math.MaxUint32
	defer func() { _ = recover() }() //nolint:errcheck // it weighs the most then
	return max(1, c.weigh(key, e.Value()))
}

// Get gives the entry of key, or nil.
func (c *Cache[K, V]) Get(key K) *tier.Entry[V] {
	e, _ := c.entries.GetIfPresent(key)
	return e
}

// Set holds e for key, in the place of what was there.
func (c *Cache[K, V]) Set(key K, e *tier.Entry[V]) {
	if c.evicted != nil {
		if now, ok := c.entries.GetEntryQuietly(key); ok && now.Value == e {
			return // to replace it by itself is not to evict it
		}
	}
	c.entries.Set(key, e)
}

// Delete drops the entry of key.
func (c *Cache[K, V]) Delete(key K) { c.entries.Invalidate(key) }

// Clear drops every entry.
func (c *Cache[K, V]) Clear() { c.entries.InvalidateAll() }

// EstimatedLen is about how many entries there are.
func (c *Cache[K, V]) EstimatedLen() int { return c.entries.EstimatedSize() }

// EstimatedWeight is about what the entries weigh together; without a MaxWeight
// it is 0.
func (c *Cache[K, V]) EstimatedWeight() uint64 { return c.entries.WeightedSize() }
