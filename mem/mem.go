// Package mem is a near tier: a bounded cache in this process, on otter v2.
package mem

import (
	"errors"
	"fmt"

	"github.com/maypok86/otter/v2"

	"github.com/onefold-go/onefold/tier"
)

// DefaultMaxEntries is how many entries a cache holds when its Config names no
// bound.
const DefaultMaxEntries = 10_000

// Config bounds a [Cache]. The zero Config is ready to use.
type Config struct {
	// MaxEntries is the greatest number of entries. Zero means
	// DefaultMaxEntries.
	MaxEntries int
}

// Validate reports every fault of c, each with the value that was given.
func (c Config) Validate() error {
	if c.MaxEntries < 0 {
		return errors.Join(fmt.Errorf("mem: Config.MaxEntries is %d, want 0 (%d) or more", c.MaxEntries, DefaultMaxEntries))
	}
	return nil
}

// A Cache is a tier.Near. It drops the entries that are least likely to be
// asked for again when it holds too many; for a moment it may hold a few more
// than its bound. Make it with [New]. Its methods may be called at the same
// time from many goroutines.
type Cache[K comparable, V any] struct {
	entries *otter.Cache[K, *tier.Entry[V]]
}

var _ tier.Near[string, int] = (*Cache[string, int])(nil)

// New makes an empty cache. It panics when cfg has a fault; check settings
// that come from a file with [Config.Validate].
func New[K comparable, V any](cfg Config) *Cache[K, V] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	if cfg.MaxEntries == 0 {
		cfg.MaxEntries = DefaultMaxEntries
	}
	return &Cache[K, V]{entries: otter.Must(&otter.Options[K, *tier.Entry[V]]{MaximumSize: cfg.MaxEntries})}
}

// Get gives the entry of key, or nil.
func (c *Cache[K, V]) Get(key K) *tier.Entry[V] {
	e, _ := c.entries.GetIfPresent(key)
	return e
}

// Set holds e for key, in the place of what was there.
func (c *Cache[K, V]) Set(key K, e *tier.Entry[V]) { c.entries.Set(key, e) }

// Delete drops the entry of key.
func (c *Cache[K, V]) Delete(key K) { c.entries.Invalidate(key) }

// Clear drops every entry.
func (c *Cache[K, V]) Clear() { c.entries.InvalidateAll() }

// EstimatedLen is about how many entries there are.
func (c *Cache[K, V]) EstimatedLen() int { return c.entries.EstimatedSize() }
