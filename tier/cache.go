// Package tier makes a cache out of a loader, a tier in this process and any
// number of tiers that processes share.
//
// Whatever is invalidated stays invalidated: a value whose load began before
// [Cache.Delete], [Cache.Set] or [Cache.Write] is never stored after it, in any
// tier, and is never given to a caller that came after it.
package tier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/striped"
)

// A Cache answers from its nearest tier that has a fresh value, and otherwise
// loads it, once for all callers that wait for the key at the time.
//
// Make it with [New]. Its methods may be called at the same time from many
// goroutines. Callers share the values they get and must not change what those
// lead to.
type Cache[K comparable, V any] struct {
	cfg  Config
	load func(context.Context, K) (V, error)
	near Near[K, V]
	far  []Far[K, V] // nearest first

	start   time.Time                                   // of the clock of entries; monotonic, so that a step of the wall clock changes nothing
	flights detached.Table[K, *Entry[V]]                // whoever holds a key's shard there may write the key in near
	fetch   func(context.Context, K) (*Entry[V], error) // c.fetchEntry, made once
	hits    *striped.Counter
	closed  atomic.Bool
}

// New makes a cache over load, which reads the source. near may be nil when
// there is a far tier; far tiers are given nearest first. The faults of cfg are
// reported together.
//
// load gets a context with the values of the caller that started it and none
// of that caller's cancellation. It may use the cache for other keys.
func New[K comparable, V any](load func(context.Context, K) (V, error), cfg Config, near Near[K, V], far ...Far[K, V]) (*Cache[K, V], error) {
	var faults []error
	if load == nil {
		faults = append(faults, errors.New("tier: New: load is nil, want the function that reads the source"))
	}
	if near == nil && len(far) == 0 {
		faults = append(faults, errors.New("tier: New: no tier, want a near or a far one; to share loads and keep nothing, use onefold.Group"))
	}
	for i := range far {
		if far[i].store == nil {
			faults = append(faults, errors.New("tier: New: a far tier is the zero Far, want one made by Encoded"))
		}
	}
	if err := errors.Join(append(faults, cfg.Validate())...); err != nil {
		return nil, err
	}
	if near == nil {
		near = noNear[K, V]{}
	}
	c := &Cache[K, V]{cfg: cfg, load: load, near: near, far: far, start: time.Now(), hits: striped.New()}
	c.fetch = c.fetchEntry
	c.flights.Init(detached.Policy[K, *Entry[V]]{
		Name:            func() string { return cmp.Or(cfg.Name, fmt.Sprintf("%T", c)[1:]) },
		Timeout:         cfg.LoadTimeout,
		CancelAbandoned: cfg.OnAbandon == onefold.CancelLoad,
		Look: func(key K) (*Entry[V], bool) {
			e := c.fresh(key)
			return e, e != nil
		},
		Store: func(key K, e *Entry[V]) {
			if !e.unkept {
				c.near.Set(key, e)
			}
		},
	})
	return c, nil
}

// Get gives the value of key: a fresh one of the nearest tier that has one, or
// else what the load returns. It returns as soon as ctx ends, with ctx.Err();
// the load goes on as [Config.OnAbandon] says. A value at hand is given even
// when ctx has ended already; nothing is started then.
//
// Errors of the load come as they are and are not kept. A panic of the load is
// raised in each of its callers as a *[onefold.PanicError]; a load that calls
// runtime.Goexit gives them [onefold.ErrGoexit], and one that asks for its own
// key gets an [onefold.ErrCycle], which names the ring.
func (c *Cache[K, V]) Get(ctx context.Context, key K) (V, error) {
	if ctx == nil {
		panic("tier: nil context")
	}
	if c.closed.Load() {
		var zero V
		return zero, onefold.ErrClosed
	}
	if e := c.fresh(key); e != nil {
		c.hits.Add()
		return e.value, nil
	}
	o := c.flights.Do(ctx, key, c.fetch)
	if o.Role == detached.Hit {
		c.hits.Add()
	}
	return result(o)
}

// result gives the caller of a flight what the flight came to.
func result[V any](o detached.Outcome[*Entry[V]]) (V, error) {
	if p := o.Panic(); p != nil {
		panic(&onefold.PanicError{Value: p.Value, Stack: p.Stack})
	}
	if o.Err != nil {
		var zero V
		return zero, o.Err
	}
	return o.Value.value, nil
}

// Peek gives the near tier's value of key if it has a fresh one. It starts
// nothing and waits for nothing.
func (c *Cache[K, V]) Peek(key K) (V, bool) {
	if e := c.fresh(key); e != nil {
		return e.value, true
	}
	var zero V
	return zero, false
}

// Stats are sums since the cache was made.
type Stats struct {
	Hits   uint64 // calls that the near tier answered
	Led    uint64 // calls that started a load
	Joined uint64 // calls that joined a load under way
}

// CoalescingRatio is Joined / (Led + Joined): the share of the calls without a
// near value that needed no load of their own. It is 0 when there were none.
func (s Stats) CoalescingRatio() float64 {
	if s.Led+s.Joined == 0 {
		return 0
	}
	return float64(s.Joined) / float64(s.Led+s.Joined)
}

// Stats gives the sums so far. They are not taken at one instant.
func (c *Cache[K, V]) Stats() Stats {
	sum := c.flights.Sum()
	return Stats{Hits: c.hits.Load(), Led: sum.Led, Joined: sum.Joined}
}

// Close makes later calls fail with [onefold.ErrClosed] and waits until the
// loads under way have returned. When ctx ends first, it cancels their contexts
// and returns ctx.Err() without waiting any longer. Closing twice is fine.
func (c *Cache[K, V]) Close(ctx context.Context) error {
	c.closed.Store(true)
	err := c.flights.Close(ctx)
	c.near.Clear()
	return err
}

// fresh gives the near entry of key if it may be served.
func (c *Cache[K, V]) fresh(key K) *Entry[V] {
	e := c.near.Get(key)
	if e == nil || (e.expires != forever && c.now() >= e.expires) {
		return nil
	}
	return e
}

// now is the time on the clock of entries.
func (c *Cache[K, V]) now() time.Duration { return time.Since(c.start) }

// entry makes the entry of a value that was loaded at born and may be served
// for at most ttl, where 0 is for ever.
func (c *Cache[K, V]) entry(value V, born, ttl time.Duration) *Entry[V] {
	return &Entry[V]{value: value, born: born, expires: later(born, c.cfg.ttl(ttl))}
}
