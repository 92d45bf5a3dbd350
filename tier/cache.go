// Package tier makes a cache out of a loader, a tier in this process and any
// number of tiers that processes share.
//
// Whatever is invalidated stays invalidated: a value whose load began before
// [Cache.Delete], [Cache.Set], [Cache.Write] or [Cache.InvalidateTag] is never
// served from any tier after it, and is never given to a caller that came after
// it. Where a far tier could not be told, they return an error that says so.
package tier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/codec/envelope"
	"github.com/onefold-go/onefold/internal/audit"
	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
	"github.com/onefold-go/onefold/internal/striped"
)

// A Cache answers from its nearest tier that has a fresh value, and otherwise
// loads it, once for all callers that wait for the key at the time.
//
// Make it with [New] or [NewSource]. Its methods may be called at the same time
// from many goroutines. Callers share the values they get and must not change
// what those lead to, unless the [Source] has a Clone.
type Cache[K comparable, V any] struct {
	cfg    Config
	source Source[K, V]
	near   Near[K, V]
	far    []Far[K, V] // nearest first
	limits envelope.Limits

	clock   clock                                       // of entries
	fences  fences                                      // of entries
	tags    tags                                        // of far tiers
	slots   slots[K, V]                                 // of keys, for the fences
	flights detached.Table[K, *Entry[V]]                // whoever holds a key's shard there may write the key in near
	load    func(context.Context, K) (*Entry[V], error) // c.fetch, made once
	many    detached.Many[K, *Entry[V]]
	limit   limiter
	leases  sync.Map // with JoinWithin: those that loads under way hold, by place

	audit     *audit.Table[K] // nil without Config.Audit
	unwatched Source[K, V]    // with it: the source whose answers it is not told of
	bare      bool            // a plain hit is the value, and there is nothing else to be done
	observed  bool            // somebody is told of each call

	hits *striped.Counter
	tally
	farStats []farCounters

	ending     context.Context //nolint:containedctx // of what runs in the background; it ends with Close
	end        context.CancelFunc
	background background
}

// New makes a cache over load, which reads the source. near may be nil when
// there is a far tier; far tiers are given nearest first. The faults of cfg are
// reported together.
//
// load gets a context with the values of the caller that started it and none
// of that caller's cancellation. It may use the cache for other keys.
func New[K comparable, V any](load func(context.Context, K) (V, error), cfg Config, near Near[K, V], far ...Far[K, V]) (*Cache[K, V], error) {
	return NewSource(Source[K, V]{Load: load}, cfg, near, far...)
}

// NewSource is [New] for a source that can do more than load a value.
func NewSource[K comparable, V any](source Source[K, V], cfg Config, near Near[K, V], far ...Far[K, V]) (*Cache[K, V], error) {
	faults := []error{source.validate()}
	if near == nil && len(far) == 0 {
		faults = append(faults, errors.New("tier: no tier, want a near or a far one; to share loads and keep nothing, use onefold.Group"))
	}
	if len(far) > 250 {
		faults = append(faults, errors.New("tier: more than 250 far tiers"))
	}
	for i := range far {
		if far[i].store == nil {
			faults = append(faults, errors.New("tier: a far tier is the zero Far, want one made by Encoded"))
		}
	}
	if err := errors.Join(append(faults, cfg.Validate())...); err != nil {
		return nil, err
	}
	if near == nil {
		near = noNear[K, V]{}
	}
	c := &Cache[K, V]{
		cfg: cfg.withDefaults(), source: source, near: near, far: far,
		hits: striped.New(), farStats: make([]farCounters, len(far)),
	}
	c.limits.Size = c.cfg.MaxValueSize
	if cfg.Audit != nil {
		c.audit = audit.NewTable(cfg.Audit, cfg.Name, cfg.ShowKeys, cfg.TTL, c.auditSlot)
		c.source = c.watched(source)
	}
	c.bare = source.Clone == nil && c.audit == nil
	c.observed = cfg.Hooks.Call != nil || c.audit != nil
	c.clock.start = time.Now()
	c.limit = newLimiter(&c.cfg)
	c.load = c.fetch
	c.many = detached.Many[K, *Entry[V]]{Load: c.fetchMany, MaxKeys: c.cfg.MaxKeys}
	c.ending, c.end = context.WithCancel(context.Background())
	c.initFlights()
	c.watch()
	return c, nil
}

func (c *Cache[K, V]) initFlights() {
	p := detached.Policy[K, *Entry[V]]{
		Name:            func() string { return cmp.Or(c.cfg.Name, fmt.Sprintf("%T", c)[1:]) },
		Carry:           c.cfg.Carry,
		Timeout:         c.cfg.LoadTimeout,
		CancelAbandoned: c.cfg.OnAbandon == onefold.CancelLoad,
		JoinWithin:      c.cfg.JoinWithin,
		Succeed:         c.cfg.RetryFailed,
		MaxCallers:      c.cfg.MaxCallers,
		MaxFlights:      onefold.DefaultMaxFlights,
		Limited: func(limit string, value int) error {
			return &onefold.LimitError{Name: c.cfg.Name, Limit: limit, Value: value}
		},
		Look: func(key K) (*Entry[V], bool) {
			e := c.near.Get(key)
			return e, e != nil && c.judge(e, c.clock.now(), want{maxStale: forever}) != nothing
		},
		Store: func(key K, e *Entry[V]) {
			switch {
			case e.unkept():
				c.near.Delete(key)
			case e.kind == direct:
				c.near.Set(key, e.more.mark)
			case e.kind == failed && c.fallback(c.near.Get(key), c.clock.now(), want{maxStale: forever}):
				// A call that did not want the value there is has failed: the others keep it.
			default:
				c.near.Set(key, e)
			}
		},
	}
	if c.cfg.LoadContext == onefold.Bounded {
		p.Context = detached.Background
	}
	if c.cfg.ShowKeys {
		p.ShowKey = func(key K) string { return fmt.Sprint(key) }
	}
	if c.cfg.OnPanic == onefold.CrashOnPanic {
		p.Crash = func(p *flight.Panic) { panic(&onefold.PanicError{Value: p.Value, Stack: p.Stack}) }
	}
	c.hookLoads(&p)
	c.flights.Init(p)
}

// Get gives the value of key: a fresh one of the nearest tier that has one, or
// else what the load returns. It returns as soon as ctx ends, with ctx.Err();
// the load goes on as [Config.OnAbandon] says. A value at hand is given even
// when ctx has ended already; nothing is started then.
//
// Errors of the load come as they are, and are kept only as the [Config] says.
// A panic of the load is raised in each of its callers as a
// *[onefold.PanicError], unless [Config.OnPanic] says otherwise; a load that
// calls runtime.Goexit gives them [onefold.ErrGoexit], and one that asks for its
// own key gets an [onefold.ErrCycle], which names the ring.
//
// Get panics when ctx is nil.
func (c *Cache[K, V]) Get(ctx context.Context, key K) (V, error) {
	if ctx == nil {
		panic("tier: nil context")
	}
	if c.observed {
		r := c.get(ctx, key, Read{})
		c.raise(r.Err)
		return r.Value, r.Err
	}
	since := c.fences.now()
	e := c.near.Get(key)
	if e != nil && c.plain(e) {
		c.hit()
		return e.value, nil
	}
	r := c.seek(ctx, key, Read{}, since, e, false)
	c.raise(r.Err)
	return r.Value, r.Err
}

// hit counts a plain answer, and sees to the clock now and then.
func (c *Cache[K, V]) hit() {
	if c.hits.Add(1)%lookEvery == 0 {
		c.clock.catchUp()
	}
}

// plain reports whether e is the answer to a call that wants nothing special,
// and there is nothing else to be done.
func (c *Cache[K, V]) plain(e *Entry[V]) bool {
	return (e.stamp == c.fences.now() || !c.fences.overtaken(e.stamp, e.slot, e.tags())) &&
		c.clock.before(e.early()) && e.kind == value && c.bare
}

// GetResult is [Cache.Get] with wishes of this one call, and with all there is
// to know of how it went. It panics as Get does, and when r.Budget is negative.
func (c *Cache[K, V]) GetResult(ctx context.Context, key K, r Read) Result[V] {
	if ctx == nil {
		panic("tier: nil context")
	}
	if r.Budget < 0 {
		panic("tier: Read.Budget is negative, want 0 (that of Config) or more")
	}
	result := c.get(ctx, key, r)
	c.raise(result.Err)
	return result
}

// raise raises a load's panic, if err is one and the Config does not ask for an
// error.
func (c *Cache[K, V]) raise(err error) {
	if c.cfg.OnPanic == onefold.ReturnPanic {
		return
	}
	if p, ok := err.(*onefold.PanicError); ok { //nolint:errorlint // a wrapped one is an error that the load returned
		panic(p)
	}
}

// Peek gives the near tier's value of key if it has a fresh one. It starts
// nothing and waits for nothing.
func (c *Cache[K, V]) Peek(key K) (V, bool) {
	e := c.near.Get(key)
	if c.judge(e, c.clock.now(), want{maxStale: forever}) == freshValue {
		return c.share(e.value), true
	}
	var zero V
	return zero, false
}

// share gives a caller its own copy of a value, where the source has a Clone.
func (c *Cache[K, V]) share(v V) V {
	if c.source.Clone == nil {
		return v
	}
	return c.source.Clone(v)
}

// Close makes later calls that get or set a value fail with [onefold.ErrClosed],
// while those that invalidate still reach far tiers, and waits until the
// loads under way, and what runs in the background, have returned. When ctx ends
// first, it cancels their contexts, gives their callers ErrClosed and returns
// ctx.Err() without waiting any longer. Closing twice is fine.
func (c *Cache[K, V]) Close(ctx context.Context) error {
	if ctx == nil {
		panic("tier: nil context")
	}
	c.closed.Store(true)
	c.end()
	c.fences.dropAll() // so that no call is answered on the way past the flights
	c.clock.stop()
	err := c.flights.Close(ctx)
	if err == nil {
		err = c.background.wait(ctx)
	}
	c.near.Clear()
	return err
}

// background is what runs behind callers and ends by itself or with Close.
type background struct {
	running atomic.Int32
	all     sync.WaitGroup
}

// Go runs do.
func (b *background) Go(do func()) {
	b.running.Add(1)
	b.all.Go(func() {
		defer b.running.Add(-1)
		do()
	})
}

// wait returns when nothing runs any more, or ctx ends.
func (b *background) wait(ctx context.Context) error {
	if b.running.Load() == 0 {
		return nil // also when ctx has ended
	}
	done := make(chan struct{})
	go func() { // ends with what it waits for, which is soon after Close
		b.all.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
