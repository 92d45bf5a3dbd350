package tier

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/batch"
	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
)

// GetMany gives the values of keys, aligned with them; a key may be among them
// more than once. Each key is as with [Cache.Get], and fails alone: a panic of a
// load is an error here.
//
// Where the [Source] has a LoadMany, the keys that have to be loaded are loaded
// in one call, but for those that are being loaded already: these are waited
// for. A store that is a [Batcher] is asked for all keys at once.
//
// GetMany returns as soon as ctx ends; keys that have their answer by then keep
// it. It panics when ctx is nil.
func (c *Cache[K, V]) GetMany(ctx context.Context, keys []K) []Result[V] {
	if ctx == nil {
		panic("tier: nil context")
	}
	results := make([]Result[V], len(keys))
	var searches []search[K, V]
	var missing []int // of keys, aligned with searches
	since, now := c.fences.now(), c.clock.now()
	for i, key := range keys {
		e := c.near.Get(key)
		if e != nil && c.plain(e) {
			c.hits.Add()
			results[i] = Result[V]{Value: e.value, Outcome: onefold.Hit, Age: now - e.born}
			continue
		}
		s := search[K, V]{cache: c, key: key, want: want{maxStale: forever}, since: since, hard: c.cfg.HardBudget}
		if r, ok := s.answer(ctx, e); ok {
			results[i] = r
			continue
		}
		s.wish.Timed = true
		searches = append(searches, s)
		missing = append(missing, i)
	}
	if len(missing) > 0 {
		c.findMany(ctx, searches, func(j int, r Result[V]) { results[missing[j]] = r })
	}
	return results
}

// findMany answers calls that the near tier has no answer for.
func (c *Cache[K, V]) findMany(ctx context.Context, searches []search[K, V], answer func(int, Result[V])) {
	if c.source.LoadMany == nil {
		parallel(len(searches), func(j int) { answer(j, searches[j].run(ctx)) })
		return
	}
	var together, alone []int // alone load for themselves
	for j := range searches {
		searches[j].until = later(c.clock.now(), searches[j].hard)
		if searches[j].mark == nil {
			together = append(together, j)
		} else {
			alone = append(alone, j)
		}
	}
	single := func(js []int) {
		parallel(len(js), func(i int) { answer(js[i], searches[js[i]].run(ctx)) })
	}
	if len(alone) == 0 {
		single(c.findTogether(ctx, searches, together, answer))
		return
	}
	parallel(2, func(i int) {
		if i == 0 {
			single(c.findTogether(ctx, searches, together, answer))
		} else {
			single(alone)
		}
	})
}

// findTogether answers calls with one load, and gives those for which it was no
// good.
func (c *Cache[K, V]) findTogether(ctx context.Context, searches []search[K, V], together []int, answer func(int, Result[V])) (rest []int) {
	keys := make([]K, len(together))
	for i, j := range together {
		keys[i] = searches[j].key
	}
	for i, o := range c.flights.DoMany(ctx, keys, &c.many, detached.Wish{Timed: true, Budget: c.cfg.HardBudget}) {
		j := together[i]
		if r, ok := searches[j].settle(ctx, o); ok {
			r.Again = o.Again
			answer(j, r)
			continue
		}
		searches[j].entered(o)
		rest = append(rest, j)
	}
	return rest
}

// atOnce is how many keys of a batch are worked on at the same time, where they
// cannot be together.
const atOnce = 64

// parallel calls do for 0 to n-1, many at a time. When one of them panics, so
// does parallel, once the others have returned.
func parallel(n int, do func(int)) {
	if n == 1 {
		do(0)
		return
	}
	var wg sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	var panicked atomic.Pointer[flight.Panic]
	for i := range n {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			e := flight.Call(func() flight.Ending[struct{}] {
				do(i)
				return flight.Ending[struct{}]{}
			})
			if p := e.Panic(); p != nil {
				panicked.CompareAndSwap(nil, p)
			}
		})
	}
	wg.Wait()
	if p := panicked.Load(); p != nil {
		panic(p.Value)
	}
}

// fetchMany is what a flight of many keys runs. It tells settle of each as soon
// as it is known, and leaves none.
func (c *Cache[K, V]) fetchMany(ctx context.Context, keys []K, settle func(int, *Entry[V], error)) (rest func(int) (*Entry[V], error)) {
	all := make([]fetching[K, V], len(keys))
	pending := make([]int, len(keys))
	for i, key := range keys {
		all[i] = fetching[K, V]{cache: c, key: key, want: want{maxStale: forever}}
		all[i].begin(ctx, c.near.Get(key))
		pending[i] = i
	}
	m := manyFetching[K, V]{cache: c, all: all, settle: settle}
	defer m.end(ctx) // also when the load panics
	for i := 0; i < len(c.far) && len(pending) > 0; i++ {
		pending = m.ask(ctx, i, pending)
	}
	if len(pending) > 0 {
		m.askSource(ctx, pending)
	}
	return nil
}

// manyFetching is one load of many keys. The keys that cannot go along with the
// others, since another process is loading them for instance, go on by
// themselves. It is used by one goroutine.
type manyFetching[K comparable, V any] struct {
	cache  *Cache[K, V]
	all    []fetching[K, V]
	settle func(int, *Entry[V], error)
	apart  sync.WaitGroup // the keys that go on by themselves
}

func (m *manyFetching[K, V]) end(ctx context.Context) {
	m.apart.Wait()
	for i := range m.all {
		m.all[i].letGo(ctx)
	}
}

// ask asks far tier i for the pending keys and gives those that are still
// pending after it.
func (m *manyFetching[K, V]) ask(ctx context.Context, i int, pending []int) (rest []int) {
	c := m.cache
	far := &c.far[i]
	batcher, ok := far.store.(Batcher)
	if !ok || len(pending) == 1 {
		return m.askEach(ctx, i, pending)
	}
	var asked []int
	var keys []string
	o := AcquireOptions{LeaseTTL: c.cfg.LeaseTTL}
	for _, p := range pending {
		f := &m.all[p]
		f.at(ctx, Level(i+1)) //nolint:gosec // few
		if len(f.held) > 0 || c.holding(f.key, i) != (Lease{}) {
			m.goOn(ctx, p, i)
			continue
		}
		o.RefreshBelow = max(o.RefreshBelow, f.refreshBelow())
		asked = append(asked, p)
		keys = append(keys, far.spell(f.key))
	}
	if len(asked) == 0 {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, c.cfg.FarBudget)
	grants, errs := batcher.AcquireMany(asking, keys, o)
	cancel()
	for a, p := range asked {
		f := &m.all[p]
		if errs[a] != nil {
			f.count(i, nil, errs[a])
			rest = append(rest, p)
			continue
		}
		e, next := f.take(ctx, i, keys[a], grants[a])
		switch {
		case next != proceed:
			m.goOn(ctx, p, i)
		case e != nil:
			f.count(i, e, nil)
			f.hand(e, i)
			f.fill(ctx, e)
			m.settle(p, e, nil)
		default:
			f.count(i, nil, nil)
			rest = append(rest, p)
		}
	}
	return rest
}

// askEach is ask with a store that is asked key by key.
func (m *manyFetching[K, V]) askEach(ctx context.Context, i int, pending []int) (rest []int) {
	if m.cache.far[i].leaser != nil { // any of them may have to wait for another process
		for _, p := range pending {
			m.goOn(ctx, p, i)
		}
		return nil
	}
	found := make([]*Entry[V], len(pending))
	parallel(len(pending), func(n int) {
		f := &m.all[pending[n]]
		e, err := f.ask(ctx, i)
		f.count(i, e, err)
		found[n] = e
	})
	for n, p := range pending {
		if found[n] == nil {
			rest = append(rest, p)
			continue
		}
		m.all[p].fill(ctx, found[n])
		m.settle(p, found[n], nil)
	}
	return rest
}

// goOn loads key p by itself, from far tier i on.
func (m *manyFetching[K, V]) goOn(ctx context.Context, p, i int) {
	m.apart.Go(func() {
		var e *Entry[V]
		err := onefold.ErrGoexit
		defer func() { m.settle(p, e, err) }()
		ending := flight.Call(func() flight.Ending[*Entry[V]] {
			e, err := m.all[p].goOn(ctx, i)
			return flight.Ending[*Entry[V]]{Value: e, Err: err}
		})
		e, err = ending.Value, ending.Err
	})
}

// askSource loads the pending keys from the source.
func (m *manyFetching[K, V]) askSource(ctx context.Context, pending []int) {
	c := m.cache
	keys := make([]K, len(pending))
	for n, p := range pending {
		m.all[p].at(ctx, SourceLevel)
		keys[n] = m.all[p].key
	}
	leave, err := c.limit.enter(ctx)
	if err != nil {
		for _, p := range pending {
			e, err := m.all[p].shed(err)
			m.settle(p, e, err)
		}
		return
	}
	began := c.clock.now()
	values, err := func() (map[K]V, error) {
		defer leave()
		return c.source.LoadMany(ctx, keys)
	}()
	var failed batch.KeyErrors[K]
	if errors.As(err, &failed) {
		err = nil
	}
	entries := make([]*Entry[V], len(pending))
	errs := make([]error, len(pending))
	for n, p := range pending {
		v, ok := values[keys[n]]
		fault := err
		if fault == nil {
			fault = failed[keys[n]]
		}
		if fault == nil && !ok {
			fault = onefold.ErrNotFound
		}
		entries[n], errs[n] = m.all[p].conclude(ctx, Loaded[V]{Value: v}, fault, began)
	}
	m.fill(ctx, pending, entries)
	for n, p := range pending {
		m.settle(p, entries[n], errs[n])
	}
}

// fill stores entries in far tiers, the deepest first, together where a store
// can do that.
func (m *manyFetching[K, V]) fill(ctx context.Context, pending []int, entries []*Entry[V]) {
	c := m.cache
	for i := len(c.far) - 1; i >= 0; i-- {
		batcher, ok := c.far[i].store.(Batcher)
		if !ok {
			continue
		}
		var filling []int
		var keys []string
		var held []Lease
		var items []Item
		for n, p := range pending {
			f := &m.all[p]
			last := len(f.held) - 1
			if entries[n] == nil || entries[n].unkept || last < 0 || f.held[last].tier != i {
				continue
			}
			h := f.held[last]
			if it, ok := f.pack(entries[n], h); ok {
				filling, keys, held, items = append(filling, n), append(keys, h.key), append(held, h.lease), append(items, it)
			}
		}
		if len(filling) == 0 {
			continue
		}
		storing, cancel := context.WithTimeout(ctx, c.cfg.FarBudget)
		stored, errs := batcher.FillMany(storing, keys, held, items)
		cancel()
		for a, n := range filling {
			f := &m.all[pending[n]]
			f.filled(entries[n], f.held[len(f.held)-1], stored[a], errs[a])
		}
	}
	parallel(len(pending), func(n int) { // what no Batcher holds
		if e := entries[n]; e != nil && !e.unkept {
			m.all[pending[n]].fill(ctx, e)
		}
	})
}
