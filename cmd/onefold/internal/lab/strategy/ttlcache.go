package strategy

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
)

// A ttlCache is the cache that most services begin with: a map, a lock, and
// the moment at which each entry expires. Nothing sweeps it: an expired entry
// stays until it is replaced or deleted.
type ttlCache struct {
	ttl  func() time.Duration // of the next entry
	hits atomic.Int64

	mu      sync.RWMutex
	entries map[string]ttlEntry // guarded by mu
}

type ttlEntry struct {
	record  source.Record
	expires time.Time
}

func newTTLCache(ttl func() time.Duration) *ttlCache {
	return &ttlCache{ttl: ttl, entries: make(map[string]ttlEntry)}
}

// always gives every entry the same time to live.
func always(ttl time.Duration) func() time.Duration {
	return func() time.Duration { return ttl }
}

// lookup is the first look of a call: what it finds counts as a hit.
func (c *ttlCache) lookup(key string) (source.Record, bool) {
	r, ok := c.get(key)
	if ok {
		c.hits.Add(1)
	}
	return r, ok
}

func (c *ttlCache) get(key string) (source.Record, bool) {
	c.mu.RLock()
	e, ok := c.entries[key]
	c.mu.RUnlock()
	if !ok || !time.Now().Before(e.expires) {
		return source.Record{}, false
	}
	return e.record, true
}

func (c *ttlCache) set(key string, r source.Record) {
	e := ttlEntry{record: r, expires: time.Now().Add(c.ttl())}
	c.mu.Lock()
	c.entries[key] = e
	c.mu.Unlock()
}

func (c *ttlCache) delete(key string) {
	c.mu.Lock()
	delete(c.entries, key)
	c.mu.Unlock()
}
