// Package batch loads many keys in one call, and shares the loads between all
// who want a key at the time, whether they ask for it alone or among others.
package batch

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
)

// A Loader is a [onefold.Loader] over a source that gives many keys at once.
// Keys that are being loaded are joined, be it by a Load or by a LoadMany that
// overlaps; the others of a call are loaded together. Nothing is kept.
//
// Make it with [NewLoader]. Its methods may be called at the same time from
// many goroutines. Callers of the same load share its values and must not
// change what those lead to.
type Loader[K comparable, V any] struct {
	cfg       Config
	load      func(ctx context.Context, keys []K) (map[K]V, error)
	many      detached.Many[K, V]
	table     detached.Table[K, V]
	collector *detached.Collector[K, V] // nil: there is no Window
	loads     atomic.Uint64
}

// NewLoader makes a Loader of load. The faults of cfg are reported together.
//
// load gets distinct keys, which are its to keep, and returns their values. A
// key that is not in the map has [onefold.ErrNotFound]; a [KeyErrors] fails just
// the keys in it, any other error all of them. Keys that were not asked for are
// passed over. The context is one for all its keys, as [onefold.Config.LoadContext]
// makes it of the context of the call that started the load; it ends when none
// of them is waited for any more, unless loads are to be finished.
func NewLoader[K comparable, V any](load func(ctx context.Context, keys []K) (map[K]V, error), cfg Config) (*Loader[K, V], error) {
	err := cfg.Validate()
	if load == nil {
		err = errors.Join(errors.New("batch: NewLoader: load is nil"), err)
	}
	if err != nil {
		return nil, err
	}
	l := &Loader[K, V]{cfg: cfg, load: load}
	l.table.Init(detached.Typed[K, V](detached.RulesOf(cfg.Config), l))
	l.many = detached.Many[K, V]{
		MaxKeys: cfg.maxKeys(),
		Load: func(ctx context.Context, keys []K, _ func(int, V, error)) func(int) (V, error) {
			return l.fetch(ctx, keys)
		},
	}
	if cfg.Window > 0 {
		l.collector = l.table.Collect(&l.many, cfg.Window)
	}
	return l, nil
}

// LoadMany gives the results of keys, in their order. It returns when it has
// all of them or ctx ends, whichever is first: then those that are still loading
// have ctx.Err(). Each key fares as it would alone: its error, a limit it meets
// or its being loaded by somebody else does not touch the others. A key that
// is there twice has two callers and is loaded once.
//
// A panic of the load is each of its keys' error, a *[onefold.PanicError], and
// never raised; a load that calls runtime.Goexit gives them [onefold.ErrGoexit].
// LoadMany panics when ctx is nil.
func (l *Loader[K, V]) LoadMany(ctx context.Context, keys []K) []onefold.Result[V] {
	check(ctx)
	began := l.clock()
	outcomes := l.table.DoMany(ctx, keys, &l.many, detached.Wish{Timed: true})
	results := make([]onefold.Result[V], len(keys))
	for i, o := range outcomes {
		results[i] = l.result(keys[i], o, began)
	}
	return results
}

// Load gives the result of loading key, as [onefold.Group.Do] does. When it
// starts a load that has this one key, or those that come within
// [Config.Window].
func (l *Loader[K, V]) Load(ctx context.Context, key K) (V, error) {
	check(ctx)
	r := l.single(ctx, key, detached.Wish{})
	return r.Value, r.Err
}

// LoadResult gives the result of loading key, as [onefold.Group.DoResult] does.
func (l *Loader[K, V]) LoadResult(ctx context.Context, key K, c onefold.Call) onefold.Result[V] {
	check(ctx)
	if c.Budget < 0 {
		panic(fmt.Sprintf("batch: Call.Budget is %v, want 0 (none) or more", c.Budget))
	}
	return l.single(ctx, key, detached.Wish{NotBefore: c.NotBefore, Budget: c.Budget, Timed: true})
}

// Forget makes the next call for each of keys start a new load, as
// [onefold.Group.Forget] does.
func (l *Loader[K, V]) Forget(keys ...K) {
	for _, key := range keys {
		l.table.Detach(key, nil)
	}
}

// Stats are sums since a [Loader] was made, and how many loads there are now.
// Those of [onefold.Stats] count keys: a LoadMany of three keys is three callers.
type Stats struct {
	onefold.Stats
	Loads uint64 // calls of the load function; Led / Loads is how many keys one had
}

// Stats gives the sums so far. They are not taken at one instant.
func (l *Loader[K, V]) Stats() Stats {
	sum := l.table.Sum()
	return Stats{
		Stats: onefold.Stats{
			Led: sum.Led, Joined: sum.Joined, Again: sum.Again, TurnedAway: sum.TurnedAway,
			Loading: sum.Flights, Running: sum.Running,
		},
		Loads: l.loads.Load(),
	}
}

// Close ends the Loader, as [onefold.Group.Close] does.
func (l *Loader[K, V]) Close(ctx context.Context) error {
	check(ctx)
	return l.table.Close(ctx)
}

// fetch calls the load for keys and gives what came of each.
func (l *Loader[K, V]) fetch(ctx context.Context, keys []K) func(i int) (V, error) {
	l.loads.Add(1)
	own := append([]K(nil), keys...)
	values, err := l.load(ctx, keys)
	each, all := split[K](err)
	return func(i int) (V, error) {
		v, found := values[own[i]]
		switch err := each[own[i]]; {
		case all != nil:
			return v, all
		case err != nil:
			return v, err
		case !found:
			return v, onefold.ErrNotFound
		}
		return v, nil
	}
}

func (l *Loader[K, V]) fetchOne(ctx context.Context, key K) (V, error) {
	return l.fetch(ctx, []K{key})(0)
}

// single answers a call of the forms that raise a load's panic.
func (l *Loader[K, V]) single(ctx context.Context, key K, w detached.Wish) onefold.Result[V] {
	began := l.clock()
	var o detached.Outcome[V]
	if l.collector != nil {
		o = l.collector.Do(ctx, key, w)
	} else {
		o = l.table.DoWish(ctx, key, l.fetchOne, w)
	}
	r := l.result(key, o, began)
	if o.How == flight.Panicked && l.cfg.OnPanic != onefold.ReturnPanic {
		panic(r.Err)
	}
	return r
}

// clock is the time, where a hook needs it.
func (l *Loader[K, V]) clock() time.Time {
	if l.cfg.Hooks.Call == nil {
		return time.Time{}
	}
	return time.Now()
}

// result gives a caller what a key came to, and tells the hook of it.
func (l *Loader[K, V]) result(key K, o detached.Outcome[V], began time.Time) onefold.Result[V] {
	r := onefold.Result[V]{Value: o.Value, Err: o.Err, Again: o.Again, Callers: o.Served, Age: o.Age, Took: o.Took}
	if p := o.Panic(); p != nil {
		r.Err = &onefold.PanicError{Value: p.Value, Stack: p.Stack}
	}
	if r.Err == nil {
		r.Outcome = onefold.Led
		if o.Role == detached.Joined {
			r.Outcome = onefold.Joined
		}
	}
	if hook := l.cfg.Hooks.Call; hook != nil {
		hook(onefold.Event{Name: l.cfg.Name, KeyHash: l.table.KeyHash(key), Outcome: r.Outcome, Again: r.Again, Callers: r.Callers, Took: time.Since(began), Err: r.Err})
	}
	return r
}

// check finds misuse before anything is registered.
func check(ctx context.Context) {
	if ctx == nil {
		panic("batch: nil context")
	}
}
