package detached

import (
	"context"
	"slices"
)

// Many is how many keys are loaded at once. It must not be changed after first
// use.
type Many[K comparable, V any] struct {
	// Load loads keys, which are distinct and its to keep. It may call settle
	// with the index in keys of one as soon as it knows what came of that: its
	// callers have their answers then. settle may be called at the same time
	// from many goroutines; the first call for a key counts, and none does
	// after Load has returned. What Load returns is asked for the keys that are
	// not settled, and may be nil when there are none.
	Load func(ctx context.Context, keys []K, settle func(i int, v V, err error)) (rest func(i int) (V, error))

	MaxKeys int // of one Load; a call for more makes several, at the same time. Zero: no limit
}

// Calls is the way of one caller through the flights of many keys. It is used by
// one goroutine at a time.
type Calls[K comparable, V any] struct {
	table   *Table[K, V]
	many    *Many[K, V]
	calls   []Call[K, V]
	waiting []int // those that have no outcome yet, by their indexes in calls

	inline bool          // run the last load on the caller's goroutine
	last   *bundle[K, V] // that load, until it runs
}

// DoMany gives the outcome of each key, in order. The keys with a current flight
// are joined, as by Do; the others are loaded together. A key that is there
// twice has two callers. It returns when all have their outcomes or ctx ends: then
// those that have not get the context's error. Where nothing can end the wait,
// the caller runs the load itself, and a load that exits ends its goroutine.
//
// What ends a load of many ends it for each of its keys that has not been
// settled: a panic, an exit, the time limit, its leader's end under Whole. Its
// context ends as well when none of its keys is waited for any more, be it that
// all are settled. A table that counts loads counts it as one.
func (t *Table[K, V]) DoMany(ctx context.Context, keys []K, many *Many[K, V], w Wish) []Outcome[V] {
	return t.startMany(ctx, keys, many, w, t.inline(ctx) && w.Budget == 0).Wait(ctx)
}

// StartMany is DoMany in two steps, as Start is of Do.
func (t *Table[K, V]) StartMany(ctx context.Context, keys []K, many *Many[K, V], w Wish) *Calls[K, V] {
	return t.startMany(ctx, keys, many, w, false)
}

func (t *Table[K, V]) startMany(ctx context.Context, keys []K, many *Many[K, V], w Wish, inline bool) *Calls[K, V] {
	cs := &Calls[K, V]{table: t, many: many, inline: inline, calls: make([]Call[K, V], len(keys)), waiting: make([]int, len(keys))}
	if len(keys) == 0 {
		return cs
	}
	for _, key := range keys {
		t.flights.Shard(key) // panics if the key has no equality, which it must not do half-way through
	}
	wishful := Call[K, V]{table: t}
	wishful.wish(w)
	for i, key := range keys {
		cs.calls[i] = wishful
		cs.calls[i].key = key
		cs.waiting[i] = i
	}
	if w.Again {
		t.again.Add(uint64(len(keys) - 1)) //nolint:gosec // not negative
	}
	cs.enter(ctx)
	return cs
}

// enter makes the caller part of a flight of each key that waits, or turns it
// away. The loads of those that it leads run when enter returns, or are the last:
// no load waits until another's flight, which may wait for it in turn, has ended.
func (cs *Calls[K, V]) enter(ctx context.Context) {
	var bundles []*bundle[K, V] // that have a flight
	b := newBundle(cs.table, cs.many)
	for n, i := range cs.waiting {
		c := &cs.calls[i]
		b.room = len(cs.waiting) - n
		c.bundle = b
		c.enter(ctx)
		if c.role != Led {
			continue
		}
		if len(b.members) == 1 {
			bundles = append(bundles, b)
		}
		if len(b.members) == cs.many.MaxKeys {
			b = newBundle(cs.table, cs.many)
		}
	}
	for i, b := range bundles {
		b.ctx.Collected()
		if cs.inline && i == len(bundles)-1 {
			cs.last = b
		} else {
			go b.run()
		}
	}
}

// Wait returns the outcomes in the order of the keys. Those whose load came to
// an end that is not for this caller are entered again together, once the
// others have their outcomes.
func (cs *Calls[K, V]) Wait(ctx context.Context) []Outcome[V] {
	outcomes := make([]Outcome[V], len(cs.calls))
	if len(cs.calls) == 0 {
		return outcomes
	}
	if timer := cs.calls[0].timer; timer != nil {
		defer timer.Stop()
	}
	for {
		cs.runLast()
		again := cs.waiting[len(cs.waiting):]
		// The last key first: as a rule it is also settled last, and the others
		// need no wait then.
		for n := len(cs.waiting) - 1; n >= 0; n-- {
			i := cs.waiting[n]
			c := &cs.calls[i]
			outcomes[i] = c.waitOnce(ctx)
			if c.inVain(ctx, &outcomes[i]) {
				again = append(again, i)
			}
		}
		if len(again) == 0 {
			return outcomes
		}
		slices.Reverse(again)
		cs.waiting = again
		cs.enter(ctx)
	}
}

// runLast runs the load that is left to this goroutine, if there is one.
func (cs *Calls[K, V]) runLast() {
	b := cs.last
	if b == nil {
		return
	}
	cs.last = nil
	returned := false
	defer func() {
		for i := range cs.calls {
			if c := &cs.calls[i]; !returned && c.from != nil { // the load exits, and this goroutine with it
				c.waited()
			}
		}
	}()
	b.run()
	returned = true
}
