package tier

import (
	"context"
	"time"
)

// watch starts what hears of changes that other processes make: a goroutine for
// each far tier that tells of them, and one for a tag table that does not. All
// end with Close.
func (c *Cache[K, V]) watch() {
	tells := false
	for i := range c.far {
		_, ok := c.far[i].store.(Notifier)
		tells = tells || ok
	}
	c.fences.init(c.cfg.MaxTags, tells)
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
			c.background.Go(func() { c.listen(n, i) })
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

// listen hears of the changes that n tells of. Whenever the stream has broken,
// changes may have been missed: then all that is here is invalid. The stream
// says so itself when it has begun anew.
func (c *Cache[K, V]) listen(n Notifier, i int) {
	for wait := firstRelisten; ; wait = min(2*wait, lastRelisten) {
		began := c.clock.now()
		_ = n.Notify(c.ending, func(change Change) { c.heard(change, i) })
		c.fences.dropAll()
		if c.clock.now()-began > lastRelisten {
			wait = firstRelisten
		}
		if !sleep(c.ending, wait) {
			return
		}
	}
}

func (c *Cache[K, V]) heard(change Change, i int) {
	switch {
	case change.All:
		c.fences.dropAll()
	case change.Tags:
		if i == c.tags.tier && c.tags.tagger != nil {
			c.tags.renew(c.ending)
		}
	default:
		c.fences.dropSlot(c.fences.slot(change.Key))
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
