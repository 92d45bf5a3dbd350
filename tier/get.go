package tier

import (
	"context"
	"errors"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
)

// get is a call that does not raise a load's panic.
func (c *Cache[K, V]) get(ctx context.Context, key K, r Read) Result[V] {
	if c.audit != nil {
		return c.audited(ctx, key, r)
	}
	return c.told(ctx, key, r)
}

// told is find, with Config.Hooks.Call told of it.
func (c *Cache[K, V]) told(ctx context.Context, key K, r Read) Result[V] {
	if c.cfg.Hooks.Call == nil {
		return c.find(ctx, key, r)
	}
	began := time.Now()
	result := c.find(ctx, key, r)
	c.tell(key, &result, began)
	return result
}

// tell tells Config.Hooks.Call of a call that began at began.
func (c *Cache[K, V]) tell(key K, r *Result[V], began time.Time) {
	c.cfg.Hooks.Call(onefold.Event{
		Name: c.cfg.Name, KeyHash: c.flights.KeyHash(key), Outcome: r.Outcome, Again: r.Again, Callers: r.Callers, Took: time.Since(began), Err: r.Err,
	})
}

// find gives the answer of a call: from the near tier, or of a flight.
func (c *Cache[K, V]) find(ctx context.Context, key K, r Read) Result[V] {
	since := c.fences.now()
	e := c.near.Get(key)
	if e != nil && r == (Read{}) && c.plain(e) {
		c.hit()
		return Result[V]{Value: e.value, Outcome: onefold.Hit, Age: max(0, c.clock.recently()-e.born)}
	}
	return c.seek(ctx, key, r, since, e, true)
}

// seek is the rest of find, where e, which the near tier had after since, is not
// the plain answer. aged says that the result's Age is of interest: to read the
// clock is a good part of what a miss costs.
func (c *Cache[K, V]) seek(ctx context.Context, key K, r Read, since uint64, e *Entry[V], aged bool) Result[V] {
	w := c.want(r)
	s := search[K, V]{cache: c, key: key, want: w, since: since, hard: r.Budget, aged: aged}
	if e != nil {
		if result, ok := c.answer(ctx, key, e, w, nil); ok {
			return result
		}
		s.soft = c.cfg.SoftBudget > 0 && c.fallback(e, c.clock.now(), w)
		s.heed(e)
	}
	def(&s.hard, c.cfg.HardBudget)
	s.wish = detached.Wish{NotBefore: r.NotBefore, Timed: aged}
	return s.run(ctx)
}

// answer gives what the near entry e of key is for a call, if that is an answer.
// Where e is due to be refreshed, that is begun, or left to whoever has due.
func (c *Cache[K, V]) answer(ctx context.Context, key K, e *Entry[V], w want, due *dues[K, V]) (Result[V], bool) {
	now := c.clock.now()
	switch c.judge(e, now, w) {
	case freshValue:
		c.hits.Add(1)
		if now >= e.early() && !c.resting(e, now) {
			due.refresh(ctx, c, key, e)
		}
		return c.result(e, now, onefold.Hit, NotStale), true
	case staleValue:
		c.stale.Add(1)
		why := Revalidating
		if c.resting(e, now) {
			why = max(e.why(), Revalidating)
		} else {
			due.refresh(ctx, c, key, e)
		}
		return c.result(e, now, onefold.Stale, why), true
	case remembered:
		if e.kind == notFound {
			c.negative.Add(1)
		} else {
			c.failed.Add(1)
		}
		return c.result(e, now, onefold.Failed, NotStale), true
	default:
		return Result[V]{}, false
	}
}

// result makes a Result of e. The outcome of an error is for e to say.
func (c *Cache[K, V]) result(e *Entry[V], now time.Duration, outcome onefold.Outcome, why Why) Result[V] {
	r := Result[V]{Outcome: outcome, Why: why, Age: now - e.born}
	switch e.kind {
	case notFound:
		r.Outcome, r.Err = onefold.Negative, e.more.err
	case failed:
		r.Outcome, r.Err = onefold.Failed, e.more.err
	default:
		r.Value = c.share(e.value)
	}
	return r
}

// refresh starts a load of key behind the call, unless one is under way. e is
// what the call is answered with. Leases that came with it are given back if
// they would be lost otherwise.
func (c *Cache[K, V]) refresh(ctx context.Context, key K, e *Entry[V]) {
	started := c.flights.Launch(ctx, key, func(ctx context.Context, key K) (*Entry[V], error) {
		f := fetching[K, V]{cache: c, key: key, want: want{maxStale: forever}, force: true}
		returned := false
		defer func() {
			if !returned {
				c.noReturn(key, e)
			}
		}()
		fresh, err := f.run(ctx, e)
		returned = true
		return fresh, err
	})
	c.launched(ctx, key, e, started)
}

// launched is the rest of refresh, once its load has been started or has not.
func (c *Cache[K, V]) launched(ctx context.Context, key K, e *Entry[V], started bool) {
	if started {
		c.refreshes.Add(1)
	} else if e.more != nil && c.near.Get(key) != e {
		lost := fetching[K, V]{cache: c, key: key}
		lost.claim(e)
		lost.letGo(ctx)
	}
}

var errNoReturn = errors.New("tier: load did not return")

// noReturn notes that a refresh panicked or exited: whoever hits e must not start
// the same again at once.
func (c *Cache[K, V]) noReturn(key K, e *Entry[V]) {
	c.failures.Add(1)
	c.backOff(key, e, errNoReturn)
}

// backOff makes the source be left alone for a while, where e is still what the
// near tier has for key. What is no value is left as it is: nothing stands in for
// it.
func (c *Cache[K, V]) backOff(key K, e *Entry[V], err error) {
	if e.kind != value {
		return
	}
	again := c.standIn(e, SourceFailed, err, e.rest().failures+1)
	c.flights.Locked(key, func() {
		if c.near.Get(key) == e {
			c.near.Set(key, again)
		}
	})
}

// A search is one call's way to the answer of a flight.
type search[K comparable, V any] struct {
	cache *Cache[K, V]
	key   K
	want  want
	since uint64        // of the fences, when the call began: what was invalidated before is no answer
	hard  time.Duration // the budget; 0: none
	soft  bool          // Config.SoftBudget is yet to come
	aged  bool          // the result's Age is of interest
	until time.Duration // the end of hard; 0: not set yet
	wish  detached.Wish
	mark  *Entry[V]   // load for this call alone, since the near tier says so; nil: share
	due   *dues[K, V] // nil: refresh at once
}

// run joins or starts flights until one has an answer for the call.
func (s *search[K, V]) run(ctx context.Context) Result[V] {
	c := s.cache
	if s.hard > 0 && s.until == 0 {
		s.until = later(c.clock.now(), s.hard)
	}
	for {
		s.setBudget()
		var o detached.Outcome[*Entry[V]]
		switch {
		case s.mark != nil:
			o = c.flights.Solo(ctx, s.key, s.load(), s.wish)
		case s.want != (want{maxStale: forever}):
			o = c.flights.DoWish(ctx, s.key, s.load(), s.wish)
		default:
			o = c.flights.DoWish(ctx, s.key, c.load, s.wish)
		}
		result, ok := s.settle(ctx, o)
		if ok {
			result.Again = o.Again
			return result
		}
	}
}

// heed makes the call load for itself where the near entry e says so.
func (s *search[K, V]) heed(e *Entry[V]) {
	if s.cache.judge(e, s.cache.clock.now(), s.want) == loadDirect {
		s.mark = e
	}
}

// load gives what a flight of this call runs, if it starts one. That must not
// hold on to s, or the search of every miss would be on the heap.
func (s *search[K, V]) load() func(context.Context, K) (*Entry[V], error) {
	c, w, direct := s.cache, s.want, s.mark != nil
	return func(ctx context.Context, key K) (*Entry[V], error) {
		f := fetching[K, V]{cache: c, key: key, want: w}
		if !direct {
			return f.run(ctx, c.near.Get(key))
		}
		f.stamp = c.fences.now()
		return f.askSource(ctx)
	}
}

// setBudget makes the call wait no longer than the next of its budgets.
func (s *search[K, V]) setBudget() {
	s.wish.Budget = 0
	if s.hard > 0 {
		s.wish.Budget = max(1, s.until-s.cache.clock.now())
	}
	if soft := s.cache.cfg.SoftBudget; s.soft && (s.hard == 0 || soft < s.wish.Budget) {
		s.wish.Budget = soft
	}
}

// settle makes a result of what a flight came to, if that is one for this call.
// If not, the call enters again with another wish, so that no two times round
// are the same.
func (s *search[K, V]) settle(ctx context.Context, o detached.Outcome[*Entry[V]]) (Result[V], bool) {
	c := s.cache
	if p := o.Panic(); p != nil {
		return Result[V]{Err: &onefold.PanicError{Value: p.Value, Stack: p.Stack}, Callers: o.Served, Age: o.Age}, true
	}
	if o.Err != nil {
		return s.without(o)
	}
	e := o.Value
	if o.Role == detached.Hit {
		result, ok := c.answer(ctx, s.key, e, s.want, s.due)
		if !ok {
			// It may be an answer for others. If not, it was invalidated this
			// moment, and what the call meets next may be one for it.
			s.wish.NoLook = c.judge(e, c.clock.now(), want{maxStale: forever}) != nothing
			s.heed(e)
		}
		return result, ok
	}
	now := e.born
	if s.aged || e.why() != NotStale || e.from != SourceLevel {
		now = c.clock.now()
	}
	if o.Role == detached.Joined {
		switch {
		case s.since > e.stamp && c.overtaken(e):
			// Whatever the call meets now began after it did: it is welcome to all,
			// and so is what one of the others who go this way has loaded by then.
			s.wish.Again = true
			return Result[V]{}, false
		case s.want.refuses(e.born, e.from):
			s.leadOwn()
			return Result[V]{}, false
		case e.why() != NotStale && now >= c.fallbackUntil(e, s.want):
			s.leadOwn()
			return Result[V]{}, false
		case e.why() == NotStale && e.from != SourceLevel && now >= e.fresh: // it has expired since it was read
			s.wish.Again = true
			return Result[V]{}, false
		}
	}
	outcome := onefold.Led
	switch {
	case e.why() != NotStale:
		outcome = onefold.Stale
		c.stale.Add(1)
	case o.Role == detached.Joined:
		outcome = onefold.Joined
	}
	if e.more != nil && e.more.leases.Load() != nil {
		s.due.refresh(ctx, c, s.key, e)
	}
	if s.mark != nil && e.kind != direct { // the key's values may be stored again
		c.flights.Locked(s.key, func() {
			if c.near.Get(s.key) == s.mark {
				c.near.Delete(s.key)
			}
		})
	}
	result := c.result(e, now, outcome, e.why())
	result.Level, result.Callers = e.from, o.Served
	return result, true
}

// leadOwn makes the call enter again and join no load that does not know of its
// wishes.
func (s *search[K, V]) leadOwn() { s.wish.Again, s.wish.NotBefore = true, time.Now() }

// without makes a result of a flight that gave the call no entry.
func (s *search[K, V]) without(o detached.Outcome[*Entry[V]]) (Result[V], bool) {
	c := s.cache
	result := Result[V]{Err: o.Err, Level: Level(o.Stage), Callers: o.Served, Age: o.Age} //nolint:gosec // a Level
	why := SourceFailed
	switch {
	case o.How == flight.Left && errors.Is(o.Err, onefold.ErrBudget):
		if !s.soft {
			result.Err = &BudgetError{Budget: s.hard, Level: result.Level, Continues: !o.Abandoned}
			return result, true
		}
		s.soft = false
		why = OverBudget
	case o.How == flight.Left, errors.Is(o.Err, onefold.ErrClosed), errors.Is(o.Err, onefold.ErrCycle), errors.Is(o.Err, onefold.ErrKey):
		return result, true
	case errors.Is(o.Err, onefold.ErrOverload):
		why = Overloaded
	}
	e, now := c.near.Get(s.key), c.clock.now()
	if c.judge(e, now, s.want) == freshValue { // of a later load: that of the call was taken out by a Delete, say
		c.hits.Add(1)
		return c.result(e, now, onefold.Hit, NotStale), true
	}
	if !c.fallback(e, now, s.want) {
		return result, why != OverBudget
	}
	c.stale.Add(1)
	if why == SourceFailed && !c.failing(e, now) { // its flight has stored nothing, so nobody knows of it yet
		c.backOff(s.key, e, o.Err)
	}
	return c.result(e, now, onefold.Stale, why), true
}
