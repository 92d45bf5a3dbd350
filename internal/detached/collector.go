package detached

import (
	"context"
	"sync"
	"time"

	"github.com/onefold-go/onefold/internal/loadctx"
)

// A Collector merges calls for one key each into loads of many keys. Make it
// with [Table.Collect]. Its methods may be called at the same time from many
// goroutines.
type Collector[K comparable, V any] struct {
	table  *Table[K, V]
	many   *Many[K, V]
	window time.Duration

	mu    sync.Mutex
	open  *bundle[K, V] // guarded by mu; nil: none
	timer *time.Timer   // guarded by mu; runs open when the window is over
}

// Collect makes a Collector: a load begins window after its first key came, or
// when it has many.MaxKeys. It has the values of the first key's caller, and must
// not have its end: the table's Policy.Context is not Whole. It has its turn
// under MaxLoads, if nobody waits for turns, from when its first key came.
func (t *Table[K, V]) Collect(many *Many[K, V], window time.Duration) *Collector[K, V] {
	return &Collector[K, V]{table: t, many: many, window: window}
}

// Do is [Table.DoWish] with a load of many keys.
func (g *Collector[K, V]) Do(ctx context.Context, key K, w Wish) Outcome[V] {
	c := Call[K, V]{table: g.table, key: key, collector: g}
	c.wish(w)
	c.enter(ctx)
	return c.Wait(ctx)
}

// enter is the rest of [Call.enter].
func (g *Collector[K, V]) enter(c *Call[K, V], ctx context.Context, from *loadctx.Ctx) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil {
		g.open = newBundle(g.table, g.many)
	}
	b := g.open
	c.bundle = b
	c.enterFlight(ctx, from)
	if c.role != Led {
		return
	}
	if len(b.members) == 1 {
		g.timer = time.AfterFunc(g.window, func() { g.over(b) })
	}
	if len(b.members) == g.many.MaxKeys {
		g.open = nil
		g.timer.Stop() // if it is too late for that, over finds b gone
		b.ctx.Collected()
		go b.run()
	}
}

// over runs b, whose window is over.
func (g *Collector[K, V]) over(b *bundle[K, V]) {
	g.mu.Lock()
	full := g.open != b
	if !full {
		g.open = nil
	}
	g.mu.Unlock()
	if !full {
		b.ctx.Collected()
		b.run()
	}
}
