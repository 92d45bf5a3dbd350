package tier

import (
	"context"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/internal/audit"
)

// audited is get in a cache with an Audit.
func (c *Cache[K, V]) audited(ctx context.Context, key K, r Read) Result[V] {
	began := c.audit.Begin(key)
	result := c.told(ctx, key, r)
	if result.Err == nil && (result.Outcome == onefold.Hit || result.Outcome == onefold.Joined) && c.audit.Chance() {
		audit.Shadow(ctx, c.cfg.LoadContext == onefold.Bounded, c.cfg.Carry, func(ctx context.Context) {
			// Not c.source, whose answers are remembered.
			if own, err := c.unwatched.load(ctx, key, Prior[V]{}); err == nil && !own.NotModified {
				c.audit.Checked(key, began, result.Value, own.Value, c.unwatched.function())
			}
		})
	}
	return result
}

// watched is a source whose answers the audit is told of.
func (c *Cache[K, V]) watched(s Source[K, V]) Source[K, V] {
	c.unwatched = s
	w := Source[K, V]{Clone: s.Clone}
	if s.Load != nil {
		w.Load = func(ctx context.Context, key K) (V, error) {
			began := c.audit.Begin(key)
			v, err := s.Load(ctx, key)
			if err == nil {
				c.audit.Loaded(key, began, v, s.Load)
			}
			return v, err
		}
	}
	if s.LoadEntry != nil {
		w.LoadEntry = func(ctx context.Context, key K, prior Prior[V]) (Loaded[V], error) {
			began := c.audit.Begin(key)
			e, err := s.LoadEntry(ctx, key, prior)
			if err == nil && !e.NotModified {
				c.audit.Loaded(key, began, e.Value, s.LoadEntry)
			}
			return e, err
		}
	}
	if s.LoadMany != nil {
		w.LoadMany = func(ctx context.Context, keys []K) (map[K]V, error) {
			began := make([]audit.Mark, len(keys))
			for i, key := range keys {
				began[i] = c.audit.Begin(key)
			}
			values, err := s.LoadMany(ctx, keys)
			for i, key := range keys {
				if v, found := values[key]; found {
					c.audit.Loaded(key, began[i], v, s.LoadMany)
				}
			}
			return values, err
		}
	}
	return w
}

// function is the source's load of one key, whichever it is.
func (s *Source[K, V]) function() any {
	if s.Load != nil {
		return s.Load
	}
	return s.LoadEntry
}

// auditSlot is the slot of a key for the audit: that of the fences where there
// are far tiers that tell of changes.
func (c *Cache[K, V]) auditSlot(key K) uint16 {
	if len(c.slots.told) == 0 {
		return audit.Slot(key)
	}
	return c.slotOf(key)
}
