package tier

import (
	"context"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/internal/detached"
)

// dues are the keys of a call for many that are to be refreshed, together. It is
// used by one goroutine. A nil one keeps nothing: each is refreshed at once.
type dues[K comparable, V any] []due[K, V]

type due[K comparable, V any] struct {
	key   K
	entry *Entry[V] // what the call is answered with
}

func (d *dues[K, V]) refresh(ctx context.Context, c *Cache[K, V], key K, e *Entry[V]) {
	if d == nil {
		c.refresh(ctx, key, e)
		return
	}
	*d = append(*d, due[K, V]{key, e})
}

// refreshMany is refresh for what a call for many has come to. What LoadMany
// could not say again is refreshed alone.
func (c *Cache[K, V]) refreshMany(ctx context.Context, all dues[K, V]) {
	var together dues[K, V]
	for _, d := range all {
		if c.source.LoadMany == nil || len(all) == 1 || d.entry.told() {
			c.refresh(ctx, d.key, d.entry)
		} else {
			together = append(together, d)
		}
	}
	if len(together) == 0 {
		return
	}
	keys, entries := make([]K, len(together)), make(map[K]*Entry[V], len(together))
	for i, d := range together {
		keys[i] = d.key
		if entries[d.key] == nil { // of a key that is there twice, the first is loaded
			entries[d.key] = d.entry
		}
	}
	many := detached.Many[K, *Entry[V]]{
		MaxKeys: c.cfg.MaxKeys,
		Load: func(ctx context.Context, keys []K, settle func(int, *Entry[V], error)) func(int) (*Entry[V], error) {
			c.reload(ctx, keys, entries, settle)
			return nil
		},
	}
	for i, started := range c.flights.LaunchMany(ctx, keys, &many) {
		c.launched(ctx, keys[i], together[i].entry, started)
	}
}

// reload is what a flight of many keys runs behind calls that were answered with
// entries.
func (c *Cache[K, V]) reload(ctx context.Context, keys []K, entries map[K]*Entry[V], settle func(int, *Entry[V], error)) {
	returned := make([]bool, len(keys))
	m := manyFetching[K, V]{cache: c, all: make([]fetching[K, V], len(keys)), settle: func(i int, e *Entry[V], err error) {
		_, panicked := err.(*onefold.PanicError)            //nolint:errorlint // of a key that goes on by itself; a wrapped one is a load's error
		returned[i] = !panicked && err != onefold.ErrGoexit //nolint:errorlint // likewise
		if !returned[i] {
			c.noReturn(keys[i], entries[keys[i]])
			returned[i] = true // that has been noted
		}
		settle(i, e, err)
	}}
	defer func() {
		for i, key := range keys {
			if !returned[i] {
				c.noReturn(key, entries[key])
			}
		}
	}()
	for i, key := range keys {
		m.all[i] = fetching[K, V]{cache: c, key: key, want: want{maxStale: forever}, force: true}
		m.all[i].begin(ctx, entries[key])
	}
	m.run(ctx)
}
