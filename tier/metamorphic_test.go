package tier_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

var (
	metaLists = flag.Int("metamorphic.lists", 0, "how many lists of operations TestOneListOverAllOptionsAndTiers makes; 0: 10, or 3 under the race detector")
	metaSeed  = flag.Uint64("metamorphic.seed", 0, "the seed of the lists; 0: a new one")
)

// A verb is what an operation of a list does.
type verb string

// The verbs, as often as they are drawn.
var verbs = strings.Fields(`get get get get get get get result result many many peek peek refresh later later
	set delete expire write tag tag all sleep sleep sleep sleep change change notfound works works fails
	panics hangs nostore unmodified slow retag engine`)

// A deed is one operation of a list. A list means the same to every cache; what
// a cache has not (a second process, an engine) it leaves out.
type deed struct {
	verb verb
	proc int
	key  int
	n    int // whatever else there is to choose
}

func (d deed) String() string { return fmt.Sprintf("{%q, %d, %d, %d}", d.verb, d.proc, d.key, d.n) }

var metaKeys = []string{"a", "b", "c"}

func newList(rng *rand.Rand) []deed {
	list := make([]deed, 60)
	for i := range list {
		list[i] = deed{verb(verbs[rng.IntN(len(verbs))]), rng.IntN(2), rng.IntN(len(metaKeys)), rng.IntN(1000)}
	}
	return list
}

// metaOptions are the options, most of them alone, and at the end together.
var metaOptions = map[string]tier.Config{
	"none":     {},
	"TTL":      {TTL: 5 * time.Second},
	"stale":    {TTL: 5 * time.Second, StaleFor: 2 * time.Second},
	"if error": {TTL: 5 * time.Second, StaleIfError: 4 * time.Second, SoftBudget: 100 * time.Millisecond},
	"negative": {NegativeTTL: 2 * time.Second, TTL: 5 * time.Second},
	"early":    {TTL: 5 * time.Second, EarlyRefresh: 1, Jitter: 0.2},
	"join":     {TTL: 5 * time.Second, JoinWithin: 500 * time.Millisecond, LoadTimeout: 3 * time.Second},
	"cancel":   {TTL: 5 * time.Second, OnAbandon: onefold.CancelLoad, HardBudget: 2 * time.Second},
	"limits":   {StaleFor: time.Second, TTL: time.Second, MaxLoads: 1, QueueWait: 100 * time.Millisecond, MaxTags: 1},
	"remember": {TTL: 5 * time.Second, RememberFailed: func(error) bool { return true }, Backoff: tier.Backoff{Min: time.Second, Max: 2 * time.Second}},
	"all": {
		TTL: 5 * time.Second, Jitter: 0.1, StaleFor: 2 * time.Second, StaleIfError: 4 * time.Second, NegativeTTL: 2 * time.Second, EarlyRefresh: 1,
		SoftBudget: 100 * time.Millisecond, HardBudget: 2 * time.Second, LoadTimeout: 3 * time.Second, JoinWithin: 500 * time.Millisecond,
		OnAbandon: onefold.CancelLoad, Backoff: tier.Backoff{Min: time.Second, Max: 2 * time.Second},
	},
}

// A layout is the tiers of one or two processes.
type layout struct {
	near     bool
	procs    int
	connect  func(*foldtest.Store) tier.Store // nil: no far tier
	two      bool                             // another engine above, without tags
	pushes   bool                             // processes hear of each other's changes
	tags     bool                             // and share a table of tags
	loadMany bool
}

type (
	leasing struct{ tier.Leaser }
	telling struct {
		tier.Leaser
		tier.Notifier
		tier.Tagger
	} //nolint:gofmt // one line says it
	polling struct {
		tier.Leaser
		tier.Setter
		tier.Tagger
	} //nolint:gofmt // likewise
	batching struct {
		tier.Leaser
		tier.Setter
		tier.Batcher
		tier.Notifier
	} //nolint:gofmt // likewise
	reading struct{ tier.Store }
)

func whole(s *foldtest.Store) tier.Store { return s }
func bare(s *foldtest.Store) tier.Store  { return leasing{s} }

var metaLayouts = map[string]layout{
	"near":                   {near: true, procs: 1},
	"near, many":             {near: true, procs: 1, loadMany: true},
	"far":                    {procs: 1, connect: whole, pushes: true, tags: true},
	"near and far":           {near: true, procs: 1, connect: whole, pushes: true, tags: true, loadMany: true},
	"near and read-only far": {near: true, procs: 1, connect: func(s *foldtest.Store) tier.Store { return reading{s} }},
	"near, far and far":      {near: true, procs: 1, connect: whole, two: true, pushes: true, tags: true},
	"two":                    {near: true, procs: 2, connect: whole, pushes: true, tags: true},
	"two, many":              {near: true, procs: 2, connect: whole, pushes: true, tags: true, loadMany: true},
	"two, leases only":       {near: true, procs: 2, connect: bare},
	"two, far only":          {procs: 2, connect: bare},
	"two, no batches":        {near: true, procs: 2, connect: func(s *foldtest.Store) tier.Store { return telling{s, s, s} }, pushes: true, tags: true},
	"two, polling":           {near: true, procs: 2, connect: func(s *foldtest.Store) tier.Store { return polling{s, s, s} }, tags: true},
	"two, no tags":           {near: true, procs: 2, connect: func(s *foldtest.Store) tier.Store { return batching{s, s, s, s} }, pushes: true},
}

// A world is all there is in one run of a list: the caches, their source, and
// the model, which is a record of every load and every invalidation. Whether
// an answer is allowed is looked up there, slowly.
type world struct {
	cfg    tier.Config
	layout layout
	caches []*tier.Cache[string, int]
	engine *foldtest.Engine

	mu       sync.Mutex // of all below
	seq      int64      // a clock whose times are all different
	source   map[string]*held
	loads    []*load // the id of a value is the place of its load, from 1
	drops    []*drop
	faulted  bool             // something was done to the engine
	sure     map[string]*load // what the next call must be a hit of
	trouble  []string
	inFlight sync.WaitGroup
}

// held is what the source holds for a key.
type held struct {
	version int
	mode    verb
	delay   time.Duration
	tag     string
}

// A load is one load of the source, or a Set.
type load struct {
	id         int // of the value it brought
	proc       int
	key        string
	begin, end int64 // end is math.MaxInt64 while it runs
	at, endAt  time.Time
	version    int
	kind       verb // works, notfound, fails, nostore
	tags       []string
}

// A drop is one invalidation, by key, by tag or of all.
type drop struct {
	proc       int
	keys       []string
	tag        string
	all        bool
	expire     bool
	begin, end int64 // end is 0 while it runs
	endAt      time.Time
	settled    int64 // when all that hear of it had heard; 0: not yet
	ok         bool
}

// A visit is one call on one key.
type visit struct {
	proc    int
	key     string
	begin   int64
	at      time.Time
	wish    tier.Read
	timeout bool
	plain   bool // nothing else runs, and it wishes for nothing
}

func (w *world) tick() int64 { w.seq++; return w.seq }

func (w *world) fail(format string, args ...any) {
	w.trouble = append(w.trouble, fmt.Sprintf(format, args...))
}

// load is the source of process proc.
func (w *world) load(proc int) func(context.Context, string, tier.Prior[int]) (tier.Loaded[int], error) {
	return func(ctx context.Context, key string, prior tier.Prior[int]) (tier.Loaded[int], error) {
		w.mu.Lock()
		s := *w.source[key]
		l := &load{proc: proc, key: key, begin: w.tick(), end: math.MaxInt64, at: time.Now(), version: s.version, kind: "works"}
		w.loads = append(w.loads, l)
		l.id = len(w.loads)
		if s.tag != "" {
			l.tags = []string{s.tag}
		}
		unmodified := s.mode == "unmodified" && prior.OK && w.loads[prior.Value-1].version == s.version
		if unmodified {
			l.id = prior.Value
		}
		switch s.mode {
		case "notfound":
			l.kind, l.tags = s.mode, nil
		case "nostore":
			l.kind = s.mode
		case "fails", "panics", "hangs":
			l.kind = "fails"
		}
		w.mu.Unlock()
		defer func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			l.end, l.endAt = w.tick(), time.Now()
		}()
		delay := s.delay
		if s.mode == "hangs" {
			delay = 20 * time.Second
		}
		if delay > 0 {
			select {
			case <-time.After(delay):
			case <-ctx.Done():
				w.mu.Lock()
				l.kind = "fails"
				w.mu.Unlock()
				return tier.Loaded[int]{}, ctx.Err()
			}
		}
		switch s.mode {
		case "notfound":
			return tier.Loaded[int]{}, onefold.ErrNotFound
		case "fails", "hangs":
			return tier.Loaded[int]{}, errLoad
		case "panics":
			panic(errLoad)
		}
		return tier.Loaded[int]{Value: l.id, Tags: l.tags, NoStore: s.mode == "nostore", NotModified: unmodified}, nil
	}
}

// loadMany is a source whose values have no tags, and are all to be stored. A
// failure or panic is that of all keys.
func (w *world) loadMany(proc int) func(context.Context, []string) (map[string]int, error) {
	one := w.load(proc)
	return func(ctx context.Context, keys []string) (map[string]int, error) {
		values := make(map[string]int)
		var fault error
		for _, key := range keys {
			l, err := one(ctx, key, tier.Prior[int]{})
			switch {
			case err == nil:
				values[key] = l.Value
				w.mu.Lock()
				w.loads[l.Value-1].tags, w.loads[l.Value-1].kind = nil, "works"
				w.mu.Unlock()
			case !errors.Is(err, onefold.ErrNotFound):
				fault = err
			}
		}
		return values, fault
	}
}

// dead reports whether d has made l no answer for v. expired says that it is
// one as a stale value.
func (w *world) dead(d *drop, l *load, v visit) (dead, expired bool) {
	if !d.all && !slices.Contains(d.keys, l.key) && (d.tag == "" || !slices.Contains(l.tags, d.tag)) {
		return false, false
	}
	far := w.layout.connect != nil
	switch shared := d.tag != "" || d.all; {
	case d.end == 0 || d.end > v.begin || l.begin > d.begin:
		return false, false
	case far && !d.ok:
		return false, false
	case d.proc == v.proc:
	case w.faulted:
		return false, false
	case w.layout.pushes && (!shared || w.layout.tags):
		if d.settled == 0 || d.settled > v.begin {
			return false, false
		}
	case shared && w.layout.tags:
		if v.at.Sub(d.endAt) <= 2*tier.DefaultTagPoll {
			return false, false
		}
	case shared || w.layout.near || l.end > d.begin: // a load under way may be joined: its process has not heard
		return false, false
	}
	return true, d.expire
}

// allows reports whether l may be the answer of v: why not, or nothing.
func (w *world) allows(l *load, v visit, stale bool, why tier.Why) string {
	if l.key != v.key {
		return "of another key"
	}
	window := time.Duration(0)
	if stale {
		window = w.cfg.StaleFor
		if why != tier.Revalidating {
			window = max(window, w.cfg.StaleIfError)
		}
		if v.wish.MaxStale != 0 {
			window = min(window, max(0, v.wish.MaxStale))
		}
	}
	for _, d := range w.drops {
		dead, expired := w.dead(d, l, v)
		if dead && (!expired || !stale || v.at.Sub(d.endAt) >= window) {
			return fmt.Sprintf("invalidated by %+v", *d)
		}
	}
	if !v.wish.NotBefore.IsZero() && l.at.Before(v.wish.NotBefore) {
		return "before NotBefore"
	}
	if l.end > v.begin {
		return ""
	}
	age, ttl := v.at.Sub(l.at), w.cfg.TTL
	if l.kind == "notfound" {
		ttl = w.cfg.NegativeTTL
		if ttl == 0 {
			return "not to be remembered"
		}
	}
	if l.kind == "nostore" {
		return "not to be stored"
	}
	if ttl != 0 && age >= ttl+window {
		return fmt.Sprintf("of age %v", age)
	}
	return ""
}

// check is called with what a call came to.
func (w *world) check(v visit, r tier.Result[int]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	end := w.tick()
	what := fmt.Sprintf("process %d, key %s, wish %+v: %+v", v.proc, v.key, v.wish, r)
	if r.Err != nil {
		if reason := w.excuse(v, r); reason != "" {
			w.fail("%s: %s", what, reason)
		}
		return
	}
	stale := r.Outcome == onefold.Stale
	if stale != (r.Why != tier.NotStale) || r.Outcome == onefold.Failed || r.Outcome == onefold.Negative {
		w.fail("%s: the outcome is not what came of it", what)
	}
	if r.Value < 1 || r.Value > len(w.loads) {
		w.fail("%s: a value that nobody loaded", what)
		return
	}
	var reasons []string
	var last *load
	for _, l := range w.loads {
		if l.id != r.Value || l.kind != "works" && l.kind != "nostore" {
			continue
		}
		if reason := w.allows(l, v, stale, r.Why); reason != "" {
			reasons = append(reasons, reason)
			continue
		}
		reasons, last = nil, l
		break
	}
	if last == nil {
		w.fail("%s: no load explains it: %s", what, strings.Join(reasons, "; "))
		return
	}
	w.checkSure(v, r, last, end)
}

// checkSure checks that what was at hand a moment ago is still.
func (w *world) checkSure(v visit, r tier.Result[int], l *load, end int64) {
	if want := w.sure[v.key]; want != nil && v.plain && (w.cfg.TTL == 0 || v.at.Sub(want.at) < w.cfg.TTL) {
		if r.Outcome != onefold.Hit || r.Value != want.id {
			w.fail("key %s: %+v, want a hit of %d", v.key, r, want.id)
		}
	}
	delete(w.sure, v.key)
	for _, other := range w.loads {
		if other.key == v.key && (other.end > end || other.begin > l.begin || other.kind == "nostore") {
			return
		}
	}
	simple := w.layout.near && w.layout.procs == 1 && !w.faulted && w.cfg.EarlyRefresh == 0 && w.cfg.MaxTags == 0
	if simple && v.plain && r.Why == tier.NotStale && l.kind == "works" && !slices.ContainsFunc(w.drops, func(d *drop) bool { return d.end > l.begin }) {
		w.sure[v.key] = l
	}
}

// excuse gives why a call must not have ended with this error, or nothing.
func (w *world) excuse(v visit, r tier.Result[int]) string {
	var budget *tier.BudgetError
	remembered := time.Duration(0)
	if w.cfg.RememberFailed != nil {
		remembered = w.cfg.Backoff.Max
	}
	switch {
	case errors.Is(r.Err, onefold.ErrNotFound):
		if r.Outcome != onefold.Negative {
			return "want Negative"
		}
		reasons := []string{"nobody found nothing"}
		for _, l := range w.loads {
			if l.kind != "notfound" || l.key != v.key {
				continue
			}
			reason := w.allows(l, v, false, 0)
			if reason == "" {
				return ""
			}
			reasons = append(reasons, reason)
		}
		return strings.Join(reasons, "; ")
	case r.Outcome != onefold.Failed:
		return "want Failed"
	case errors.As(r.Err, &budget):
		limit := w.cfg.HardBudget
		if v.wish.Budget > 0 {
			limit = v.wish.Budget
		}
		if limit == 0 || time.Since(v.at) != limit {
			return fmt.Sprintf("after %v", time.Since(v.at))
		}
	case errors.Is(r.Err, onefold.ErrOverload):
		if w.cfg.MaxLoads == 0 {
			return "nothing is limited"
		}
	case v.timeout && errors.Is(r.Err, context.DeadlineExceeded):
	case errors.Is(r.Err, onefold.ErrLoadTimeout) && w.cfg.LoadTimeout > 0 && w.layout.connect != nil: // stores, and other processes, take of it too
	case errors.Is(r.Err, errLoad), errors.Is(r.Err, onefold.ErrLoadTimeout):
		for _, l := range w.loads {
			if (l.key == v.key || w.layout.loadMany) && l.proc == v.proc && l.kind == "fails" && (l.end > v.begin || v.at.Sub(l.endAt) < remembered) {
				return ""
			}
		}
		return "no load failed"
	default:
		return "no reason"
	}
	return ""
}

// visit begins a call.
func (w *world) visit(d deed, key string) visit {
	w.mu.Lock()
	defer w.mu.Unlock()
	return visit{proc: d.proc, key: key, begin: w.tick(), at: time.Now()}
}

// dropping does an invalidation.
func (w *world) dropping(d drop, do func() error) {
	w.mu.Lock()
	d.begin = w.tick()
	w.drops = append(w.drops, &d)
	clear(w.sure)
	w.mu.Unlock()
	err := do()
	w.mu.Lock()
	defer w.mu.Unlock()
	d.end, d.endAt, d.ok = w.tick(), time.Now(), err == nil
	if err != nil && !w.faulted && (!d.all || w.layout.tags) {
		w.fail("%+v: %v", d, err)
	}
}

// do does one deed.
func (w *world) do(ctx context.Context, d deed) {
	d.proc %= w.layout.procs
	key, c := metaKeys[d.key], w.caches[d.proc]
	spans := []time.Duration{0, 1, time.Millisecond, 100 * time.Millisecond, time.Second - 1, time.Second, 3 * time.Second, 5 * time.Second, 10 * time.Second}
	span := spans[d.n%len(spans)]
	source := w.source[key]
	switch d.verb {
	case "get", "result", "refresh":
		v := w.visit(d, key)
		switch {
		case d.verb == "get":
			v.plain = true
		case d.verb == "refresh" || d.n%4 == 0:
			v.wish.NotBefore = time.Now()
		case d.n%4 == 1:
			v.wish.MaxStale = span - time.Millisecond
		case d.n%4 == 2:
			v.wish.Budget = 200 * time.Millisecond
		}
		w.check(v, c.GetResult(ctx, key, v.wish))
	case "later":
		v := w.visit(d, key)
		v.timeout = d.n%2 == 0
		clear(w.sure)
		w.inFlight.Go(func() {
			if v.timeout {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, span+time.Millisecond)
				defer cancel()
			}
			w.check(v, c.GetResult(ctx, key, v.wish))
		})
	case "many":
		var visits []visit
		for _, key := range metaKeys {
			visits = append(visits, w.visit(d, key))
		}
		for i, r := range c.GetMany(ctx, metaKeys) {
			w.check(visits[i], r)
		}
	case "peek":
		v := w.visit(d, key)
		if value, ok := c.Peek(key); ok {
			w.check(v, tier.Result[int]{Value: value, Outcome: onefold.Hit})
		}
	case "set":
		w.set(ctx, d, key)
	case "delete":
		w.dropping(drop{proc: d.proc, keys: metaKeys[:1+d.n%3]}, func() error { return c.Delete(ctx, metaKeys[:1+d.n%3]...) })
	case "expire":
		w.dropping(drop{proc: d.proc, keys: []string{key}, expire: true}, func() error { return c.Expire(ctx, key) })
	case "write":
		w.dropping(drop{proc: d.proc, keys: []string{key}}, func() error {
			return c.Write(ctx, key, func(context.Context) error { w.mu.Lock(); source.version++; w.mu.Unlock(); return nil })
		})
	case "tag":
		w.dropping(drop{proc: d.proc, tag: []string{"s", "t"}[d.n%2]}, func() error { return c.InvalidateTag(ctx, []string{"s", "t"}[d.n%2]) })
	case "all":
		w.dropping(drop{proc: d.proc, all: true}, func() error { return c.InvalidateAll(ctx) })
	case "sleep":
		time.Sleep(span)
	case "engine":
		if w.engine != nil {
			w.harm(d)
		}
	default:
		w.mu.Lock()
		defer w.mu.Unlock()
		switch d.verb {
		case "change":
			source.version++
		case "slow":
			source.delay = []time.Duration{0, 0, 10 * time.Millisecond, 300 * time.Millisecond, time.Second}[d.n%5]
		case "retag":
			source.tag = []string{"", "s", "t"}[d.n%3]
		default:
			source.mode = d.verb
		}
	}
}

// set puts a value of its own into the cache.
func (w *world) set(ctx context.Context, d deed, key string) {
	w.mu.Lock()
	l := &load{proc: d.proc, key: key, begin: math.MaxInt64, end: math.MaxInt64, at: time.Now(), version: -1, kind: "works"}
	if d.n%2 == 0 {
		l.tags = []string{"s"}
	}
	w.loads = append(w.loads, l)
	l.id = len(w.loads)
	w.mu.Unlock()
	w.dropping(drop{proc: d.proc, keys: []string{key}}, func() error {
		return w.caches[d.proc].Set(ctx, key, tier.Loaded[int]{Value: l.id, Tags: l.tags})
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	l.begin, l.at = w.tick(), time.Now()
	l.end, l.endAt = l.begin, l.at
}

// harm does something to the engine.
func (w *world) harm(d deed) {
	w.mu.Lock()
	w.faulted = true
	clear(w.sure)
	w.mu.Unlock()
	ops := []foldtest.Op{foldtest.Acquire, foldtest.Fill, foldtest.Delete, foldtest.Set, foldtest.Bump, foldtest.Tags, foldtest.AcquireMany, foldtest.FillMany, foldtest.Release}
	op := ops[d.n/10%len(ops)]
	switch d.n % 10 {
	case 0:
		w.engine.Restart()
	case 1:
		w.engine.EvictTags()
	case 2:
		w.engine.Evict(metaKeys...)
	case 3:
		w.engine.Inject(foldtest.Acquire, foldtest.Fault{Spoil: foldtest.Garbage})
	case 4:
		w.engine.Inject(foldtest.Acquire, foldtest.Fault{Spoil: foldtest.Truncate, Times: 3})
	case 5:
		w.engine.Inject(op, foldtest.Fault{Hang: true})
	case 6:
		w.engine.Inject(op, foldtest.Fault{Drop: true})
	case 7:
		w.engine.Inject(op, foldtest.Fault{Err: foldtest.ErrInjected, After: true})
	case 8:
		w.engine.Inject(op, foldtest.Fault{Delay: 500 * time.Millisecond, Times: 2})
	default:
		w.engine.Inject(op, foldtest.Fault{Err: foldtest.ErrInjected, Times: 3})
	}
}

// runList runs list in a bubble and gives what was not allowed.
func runList(t *testing.T, list []deed, cfg tier.Config, l layout) []string {
	w := &world{cfg: cfg, layout: l, source: make(map[string]*held), sure: make(map[string]*load)}
	w.cfg.OnPanic = onefold.ReturnPanic
	for i, key := range metaKeys {
		w.source[key] = &held{mode: "works", tag: []string{"", "s", "t"}[i]}
	}
	synctest.Test(t, func(t *testing.T) {
		if l.connect != nil {
			w.engine = new(foldtest.Engine)
		}
		upper := new(foldtest.Engine)
		for proc := range l.procs {
			source := tier.Source[string, int]{LoadEntry: w.load(proc)}
			if l.loadMany {
				source.LoadMany = w.loadMany(proc)
			}
			var near tier.Near[string, int]
			if l.near {
				near = mem.New[string, int](mem.Config{})
			}
			var far []tier.Far[string, int]
			if l.two {
				s := upper.Connect()
				far = append(far, encoded(batching{s, s, s, s}))
			}
			if l.connect != nil {
				far = append(far, encoded(l.connect(w.engine.Connect())))
			}
			c, err := tier.NewSource(source, w.cfg, near, far...)
			if err != nil {
				t.Fatal(err)
			}
			w.caches = append(w.caches, c)
		}
		synctest.Wait()
		for _, d := range list {
			w.do(context.Background(), d)
			synctest.Wait()
			w.settle()
		}
		w.inFlight.Wait()
		for _, c := range w.caches {
			if err := c.Close(context.Background()); err != nil {
				w.fail("Close = %v", err)
			}
		}
	})
	return w.trouble
}

// settle notes that everybody has heard of what is done.
func (w *world) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.drops {
		if d.end != 0 && d.settled == 0 {
			d.settled = w.tick()
		}
	}
}

// TestOneListOverAllOptionsAndTiers runs lists of operations over all
// combinations of options and tiers: every answer must be one that the record of
// loads and invalidations allows.
//
// SPEC: C10, C12, F01, F08, F09, L03, L04, N13, R09, R17
func TestOneListOverAllOptionsAndTiers(t *testing.T) {
	seed, lists := *metaSeed, *metaLists
	if seed == 0 {
		seed = rand.Uint64()
	}
	if lists == 0 {
		lists = 10
		if raceEnabled {
			lists = 3
		}
	}
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	runs := 0
	for range lists {
		list := newList(rng)
		for _, options := range slices.Sorted(maps.Keys(metaOptions)) {
			for _, tiers := range slices.Sorted(maps.Keys(metaLayouts)) {
				run := func(list []deed) []string { return runList(t, list, metaOptions[options], metaLayouts[tiers]) }
				runs++
				trouble := run(list)
				if trouble == nil {
					continue
				}
				list = shrink(list, run)
				if again := run(list); again != nil {
					trouble = again
				}
				t.Fatalf("options %q, tiers %q:\n%s\nafter %v", options, tiers, trouble[0], list)
			}
		}
	}
	t.Logf("%d lists, %d runs", lists, runs)
}

// shrink takes deeds out of a list as long as there is trouble without them.
func shrink(list []deed, run func([]deed) []string) []deed {
	for n := len(list) / 2; n > 0; n /= 2 {
		for i := 0; i+n <= len(list); {
			if shorter := slices.Concat(list[:i], list[i+n:]); run(shorter) != nil {
				list = shorter
			} else {
				i += n
			}
		}
	}
	return list
}
