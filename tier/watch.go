package tier

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// watch starts what hears of changes that other processes make: a goroutine for
// each far tier that tells of them, and one for a tag table that does not. All
// end with Close.
func (c *Cache[K, V]) watch() {
	for i := range c.far {
		if _, ok := c.far[i].store.(Notifier); ok {
			c.slots.told = append(c.slots.told, &c.far[i])
		}
	}
	c.fences.init(c.cfg.MaxTags, len(c.slots.told) > 0)
	c.tags = tags{
		poll: c.cfg.TagPoll, budget: c.cfg.FarBudget, fences: &c.fences, turn: make(chan struct{}, 1),
	}
	for i := range c.far {
		if t, ok := c.far[i].store.(Tagger); ok {
			c.tags.tagger, c.tags.tier = t, i
		}
	}
	for i := range c.far {
		if n, ok := c.far[i].store.(Notifier); ok {
			c.background.Go(func() { c.listen(n, &c.far[i]) })
		}
	}
	if c.tags.tagger == nil {
		return
	}
	if _, ok := c.tags.tagger.(Notifier); !ok {
		c.background.Go(c.pollTags)
	}
}

// Waits between attempts to hear of changes, doubling from the first to the
// last.
const (
	firstRelisten = 100 * time.Millisecond
	lastRelisten  = 5 * time.Second
)

// listen hears of the changes that n tells of, which is far's store. Whenever the
// stream has broken, changes may have been missed: then all that is here is
// invalid, and so is, after a while, what comes here until the stream says that
// it has begun anew.
func (c *Cache[K, V]) listen(n Notifier, far *Far[K, V]) {
	deaf := deaf{drop: c.fences.dropAll, most: max(n.Staleness(), firstRelisten)}
	defer deaf.set(false)
	for wait := firstRelisten; ; wait = min(2*wait, lastRelisten) {
		began := c.clock.now()
		deaf.set(true)
		_ = notify(c.ending, n, func(change Change) {
			if change.All {
				deaf.set(false)
			}
			c.heard(change, far)
		})
		c.fences.dropAll()
		if c.clock.now()-began > lastRelisten {
			wait = firstRelisten
		}
		if !sleep(c.ending, wait) {
			return
		}
	}
}

// notify is n.Notify, whose panic is a stream that breaks.
func notify(ctx context.Context, n Notifier, deliver func(Change)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errNotify
		}
	}()
	return n.Notify(ctx, deliver)
}

var errNotify = errors.New("tier: Notify panicked")

func (c *Cache[K, V]) heard(change Change, far *Far[K, V]) {
	switch {
	case change.All:
		c.audit.ForgetAll()
		c.fences.dropAll()
	case change.Tags:
		c.audit.ForgetAll()
		if c.tags.tagger != nil && far == &c.far[c.tags.tier] {
			c.tags.renew(c.ending)
		}
	case far != c.slots.told[0] && c.slots.differ.Load():
		c.audit.ForgetAll()
		c.fences.dropAll()
	default:
		c.audit.ForgetSlot(c.fences.slot(change.Key))
		c.fences.dropSlot(c.fences.slot(change.Key))
	}
}

// slots finds the slot of a key as those spell it who tell of its changes. It is
// that of the first: where another spells a key otherwise, there is no way from
// its changes to slots.
type slots[K comparable, V any] struct {
	told   []*Far[K, V] // fixed
	differ atomic.Bool
}

func (c *Cache[K, V]) slotOf(key K) uint16 {
	spelt := c.slots.told[0].spell(key)
	for _, far := range c.slots.told[1:] {
		if far.spell(key) != spelt {
			c.slots.differ.Store(true)
		}
	}
	return c.fences.slot(spelt)
}

// deaf drops all there is from time to time while changes may be missed, so that
// nothing is served for longer than a stream that broke unnoticed would let it.
type deaf struct {
	drop func()
	most time.Duration

	mu    sync.Mutex
	is    bool        // guarded by mu
	timer *time.Timer // guarded by mu; nil until the first time
}

func (d *deaf) set(is bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.is = is
	switch {
	case d.timer == nil:
		d.timer = time.AfterFunc(d.most, d.tick)
	case is:
		d.timer.Reset(d.most)
	default:
		d.timer.Stop()
	}
}

func (d *deaf) tick() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.is {
		d.drop()
		d.timer.Reset(d.most)
	}
}

// pollTags looks at the tag table of a far tier that tells nobody of its
// changes.
func (c *Cache[K, V]) pollTags() {
	for sleep(c.ending, c.cfg.TagPoll) {
		c.tags.renew(c.ending)
	}
}

// sleep waits for d and reports whether ctx has not ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
