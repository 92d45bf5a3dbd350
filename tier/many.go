package tier

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/batch"
	"github.com/onefold-go/onefold/internal/detached"
)

// GetMany gives the values of keys, aligned with them; a key may be among them
// more than once. Each key is as with [Cache.Get], and fails alone: a panic of a
// load is an error here.
//
// Where the [Source] has a LoadMany, the keys that have to be loaded are loaded
// in one call, but for those that are being loaded already: these are waited
// for. Keys for which SoftBudget has a value to give are a call of their own, and
// so are those that have a value but are to be refreshed behind the call, unless
// LoadEntry gave it tags, a validator or a version: LoadMany could not say these
// again. A store that is a [Batcher] is asked for all keys at once.
//
// GetMany returns as soon as ctx ends; keys that have their answer by then keep
// it. It panics when ctx is nil.
func (c *Cache[K, V]) GetMany(ctx context.Context, keys []K) []Result[V] {
	if ctx == nil {
		panic("tier: nil context")
	}
	began := time.Now()
	results := make([]Result[V], len(keys))
	c.clock.catchUp()
	m := manySearch[K, V]{cache: c, keys: keys, results: results, since: c.fences.now(), now: c.clock.recently()}
	hits := uint64(0)
	for i, key := range keys {
		e := c.near.Get(key)
		if e != nil && c.plain(e) {
			hits++
			results[i] = Result[V]{Value: e.value, Outcome: onefold.Hit, Age: max(0, m.now-e.born)}
			continue
		}
		m.look(ctx, i, e)
	}
	c.hits.Add(hits)
	c.refreshMany(ctx, m.due)
	m.run(ctx)
	if c.cfg.Hooks.Call != nil {
		for i := range results {
			c.tell(keys[i], &results[i], began)
		}
	}
	return results
}

// A manySearch is what is left of a GetMany that the near tier has no plain
// answers for.
type manySearch[K comparable, V any] struct {
	cache   *Cache[K, V]
	keys    []K
	results []Result[V] // aligned with keys
	since   uint64      // of the fences, when the call began
	now     time.Duration
	until   time.Duration // the end of HardBudget, if there is one and anything is missing
	due     dues[K, V]

	// The keys that have no answer yet.
	patient []miss[V] // wait for HardBudget
	hasty   []miss[V] // wait for SoftBudget
	alone   []miss[V] // load for themselves
}

// A miss is one key of a batch.
type miss[V any] struct {
	at   int // in the batch
	soft bool
	mark *Entry[V]
}

// look answers key i by its near entry e, if that is an answer.
func (m *manySearch[K, V]) look(ctx context.Context, i int, e *Entry[V]) {
	if e == nil {
		m.patient = append(m.patient, miss[V]{at: i})
		return
	}
	c, w := m.cache, want{maxStale: forever}
	if r, ok := c.answer(ctx, m.keys[i], e, w, &m.due); ok {
		m.results[i] = r
		return
	}
	switch {
	case c.judge(e, c.clock.now(), w) == loadDirect:
		m.alone = append(m.alone, miss[V]{at: i, mark: e})
	case c.cfg.SoftBudget > 0 && c.fallback(e, m.now, w):
		m.hasty = append(m.hasty, miss[V]{at: i, soft: true})
	default:
		m.patient = append(m.patient, miss[V]{at: i})
	}
}

// search is the way of one key.
func (m *manySearch[K, V]) search(one miss[V]) search[K, V] {
	return search[K, V]{
		cache: m.cache, key: m.keys[one.at], want: want{maxStale: forever}, since: m.since,
		hard: m.cache.cfg.HardBudget, until: m.until, soft: one.soft, aged: true, mark: one.mark,
		wish: detached.Wish{Timed: true},
	}
}

// run answers the keys that have no answer yet.
func (m *manySearch[K, V]) run(ctx context.Context) {
	if hard := m.cache.cfg.HardBudget; hard > 0 && len(m.patient)+len(m.hasty)+len(m.alone) > 0 {
		m.until = later(m.cache.clock.now(), hard)
	}
	if m.cache.source.LoadMany == nil {
		each := slices.Concat(m.patient, m.hasty, m.alone)
		parallel(len(each), func(i int) { m.finish(ctx, each[i].at, m.search(each[i])) })
		return
	}
	groups := make([][]miss[V], 0, 2)
	for _, g := range [][]miss[V]{m.patient, m.hasty} {
		if len(g) > 0 {
			groups = append(groups, g)
		}
	}
	left := make([][]unmet[K, V], len(groups))
	parallel(len(groups)+len(m.alone), func(i int) {
		if i < len(groups) {
			left[i] = m.together(ctx, groups[i])
			return
		}
		one := m.alone[i-len(groups)]
		m.finish(ctx, one.at, m.search(one))
	})
	again := slices.Concat(left...)
	parallel(len(again), func(i int) { m.finish(ctx, again[i].at, again[i].search) })
}

// finish answers key i by its search.
func (m *manySearch[K, V]) finish(ctx context.Context, i int, s search[K, V]) {
	m.results[i] = Result[V]{Err: onefold.ErrGoexit} // where the load runs on this goroutine, and ends it
	m.results[i] = s.run(ctx)
}

// An unmet is a key of a batch that the others' load had no answer for.
type unmet[K comparable, V any] struct {
	at     int
	search search[K, V]
}

// together answers the keys of a group, which have the same budget, by one load.
func (m *manySearch[K, V]) together(ctx context.Context, group []miss[V]) (left []unmet[K, V]) {
	c := m.cache
	keys := make([]K, len(group))
	for i, one := range group {
		keys[i] = m.keys[one.at]
		m.results[one.at].Err = onefold.ErrGoexit // likewise
	}
	first := m.search(group[0])
	first.setBudget()
	var due dues[K, V]
	for i, o := range c.flights.DoMany(ctx, keys, &c.many, detached.Wish{Timed: true, Budget: first.wish.Budget}) {
		s := m.search(group[i])
		s.due = &due
		r, ok := s.settle(ctx, o)
		s.due = nil
		if !ok {
			left = append(left, unmet[K, V]{group[i].at, s})
			continue
		}
		r.Again = o.Again
		m.results[group[i].at] = r
	}
	c.refreshMany(ctx, due)
	return left
}

// atOnce is how many keys of a batch are worked on at the same time, where they
// cannot be together.
const atOnce = 64

// parallel calls do for 0 to n-1, many at a time. A panic of one is raised here,
// once all have returned.
func parallel(n int, do func(int)) {
	switch n {
	case 0:
		return
	case 1:
		do(0)
		return
	}
	var (
		wg    sync.WaitGroup
		turns = make(chan struct{}, atOnce)
		mu    sync.Mutex
		fault any // guarded by mu
	)
	for i := range n {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					mu.Lock()
					fault = p
					mu.Unlock()
				}
				<-turns
			}()
			do(i)
		})
	}
	wg.Wait()
	if fault != nil {
		panic(fault)
	}
}

// fetchMany is what a flight of many keys runs. It tells settle of each as soon
// as it is known, and leaves none.
func (c *Cache[K, V]) fetchMany(ctx context.Context, keys []K, settle func(int, *Entry[V], error)) (rest func(int) (*Entry[V], error)) {
	m := manyFetching[K, V]{cache: c, all: make([]fetching[K, V], len(keys)), settle: settle}
	for i, key := range keys {
		m.all[i] = fetching[K, V]{cache: c, key: key, want: want{maxStale: forever}}
		m.all[i].begin(ctx, c.near.Get(key))
	}
	m.run(ctx)
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

// run loads the keys, which have begun.
func (m *manyFetching[K, V]) run(ctx context.Context) {
	defer m.end(ctx) // also when the load panics
	pending := make([]int, len(m.all))
	for i := range pending {
		pending[i] = i
	}
	for i := 0; i < len(m.cache.far) && len(pending) > 0; i++ {
		pending = m.ask(ctx, i, pending)
	}
	switch {
	case len(pending) == 0:
	case ctx.Err() != nil:
		for _, p := range pending {
			m.settle(p, nil, ctx.Err())
		}
	default:
		m.askSource(ctx, pending)
	}
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
	if far.leaser == nil {
		return m.read(ctx, i, pending)
	}
	var asked []int
	var keys []string
	for _, p := range pending {
		f := &m.all[p]
		f.at(ctx, Level(i+1)) //nolint:gosec // few
		switch {
		case f.holds(i): // claimed
			f.count(i, nil, nil)
			rest = append(rest, p)
		case c.holding(f.key, i) != (Lease{}):
			m.goOn(ctx, p, i)
		default:
			asked = append(asked, p)
			keys = append(keys, far.spell(f.key))
		}
	}
	if len(asked) == 0 {
		return rest
	}
	grants, errs := m.acquire(ctx, i, asked, keys)
	for a, p := range asked {
		f := &m.all[p]
		if errs[a] != nil {
			f.count(i, nil, errs[a])
			rest = append(rest, p)
			continue
		}
		e, next := f.take(ctx, i, keys[a], grants[a], false)
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

// acquire asks far tier i for keys, which are those of asked, in one exchange
// where it can.
func (m *manyFetching[K, V]) acquire(ctx context.Context, i int, asked []int, keys []string) ([]Grant, []error) {
	c := m.cache
	if b, ok := c.far[i].store.(Batcher); ok && len(keys) > 1 {
		o := AcquireOptions{LeaseTTL: c.cfg.LeaseTTL}
		for _, p := range asked {
			o.RefreshBelow = max(o.RefreshBelow, m.all[p].refreshBelow())
		}
		ctx, cancel := context.WithTimeout(ctx, c.cfg.FarBudget)
		defer cancel()
		grants, errs := b.AcquireMany(ctx, keys, o)
		return aligned(grants, errs, len(keys))
	}
	grants, errs := make([]Grant, len(keys)), make([]error, len(keys))
	parallel(len(keys), func(n int) {
		f := &m.all[asked[n]]
		grants[n], errs[n] = within(ctx, f, func(ctx context.Context) (Grant, error) {
			return c.far[i].leaser.Acquire(ctx, keys[n], f.options(i))
		})
	})
	return grants, errs
}

// aligned gives a Batcher's answers for n keys: if they are not n, all have
// failed.
func aligned[T any](answers []T, errs []error, n int) ([]T, []error) {
	if len(answers) == n && len(errs) == n {
		return answers, errs
	}
	return make([]T, n), slices.Repeat([]error{errSlots}, n)
}

// read is ask with a store that has no leases.
func (m *manyFetching[K, V]) read(ctx context.Context, i int, pending []int) (rest []int) {
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

// goOn loads key p by itself, from far tier i on. Its panic or exit is that
// key's alone.
func (m *manyFetching[K, V]) goOn(ctx context.Context, p, i int) {
	m.apart.Go(func() {
		var e *Entry[V]
		err := onefold.ErrGoexit
		defer func() { m.settle(p, e, err) }()
		if m.cache.cfg.OnPanic != onefold.CrashOnPanic {
			defer func() {
				if r := recover(); r != nil {
					err = &onefold.PanicError{Value: r, Stack: debug.Stack()}
				}
			}()
		}
		e, err = m.all[p].goOn(ctx, i)
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
	for _, p := range pending {
		m.all[p].stamp = c.fences.now()
	}
	began := c.clock.now()
	for _, p := range pending {
		m.all[p].barred = loadSelfAfterFailure // unless it returns, and well
	}
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
			if entries[n] == nil || entries[n].unkept() || last < 0 || f.held[last].tier != i {
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
		stored, errs = aligned(stored, errs, len(keys))
		for a, n := range filling {
			f := &m.all[pending[n]]
			f.filled(entries[n], f.held[len(f.held)-1], stored[a], errs[a])
		}
	}
	if len(c.far) == 0 {
		return
	}
	parallel(len(pending), func(n int) { // what no Batcher holds
		if e := entries[n]; e != nil && !e.unkept() {
			m.all[pending[n]].fill(ctx, e)
		}
	})
}
