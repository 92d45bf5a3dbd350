package detached

import "context"

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
	table *Table[K, V]
	many  *Many[K, V]
	calls []Call[K, V]
}

// DoMany gives the outcome of each key, in order. The keys with a current flight
// are joined, as by Do; the others are loaded together. A key that is there
// twice has two callers. It returns when all have their outcomes or ctx ends: then
// those that have not get the context's error.
//
// What ends a load of many ends it for each of its keys that has not been
// settled: a panic, an exit, the time limit, its leader's end under Whole. Its
// context ends as well when none of its keys is waited for any more, be it that
// all are settled. A table that counts loads counts it as one.
func (t *Table[K, V]) DoMany(ctx context.Context, keys []K, many *Many[K, V], w Wish) []Outcome[V] {
	return t.StartMany(ctx, keys, many, w).Wait(ctx)
}

// StartMany is DoMany in two steps, as Start is of Do.
func (t *Table[K, V]) StartMany(ctx context.Context, keys []K, many *Many[K, V], w Wish) *Calls[K, V] {
	cs := &Calls[K, V]{table: t, many: many, calls: make([]Call[K, V], len(keys))}
	if len(keys) == 0 {
		return cs
	}
	for _, key := range keys {
		t.flights.Shard(key) // panics if the key has no equality, which it must not do half-way through
	}
	wishful := Call[K, V]{table: t}
	wishful.wish(w)
	entering := make([]*Call[K, V], len(keys))
	for i, key := range keys {
		cs.calls[i] = wishful
		cs.calls[i].key = key
		entering[i] = &cs.calls[i]
	}
	if w.Again {
		t.again.Add(uint64(len(keys) - 1)) //nolint:gosec // not negative
	}
	cs.enter(ctx, entering)
	return cs
}

// enter makes the caller part of a flight of each key, or turns it away. The
// loads of those that it leads run when enter returns: no load waits until
// another's flight, which may wait for it in turn, has ended.
func (cs *Calls[K, V]) enter(ctx context.Context, calls []*Call[K, V]) {
	var bundles []*bundle[K, V] // that have a flight
	b := newBundle(cs.table, cs.many)
	for _, c := range calls {
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
	for _, b := range bundles {
		b.ctx.Collected()
		go b.run()
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
	waiting := make([]int, len(cs.calls))
	for i := range waiting {
		waiting[i] = i
	}
	for {
		var again []int
		var entering []*Call[K, V]
		for _, i := range waiting {
			c := &cs.calls[i]
			outcomes[i] = c.waitOnce(ctx)
			if c.inVain(ctx, &outcomes[i]) {
				again, entering = append(again, i), append(entering, c)
			}
		}
		if waiting = again; len(waiting) == 0 {
			return outcomes
		}
		cs.enter(ctx, entering)
	}
}
