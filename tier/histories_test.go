package tier_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

var (
	linearOps  = flag.Int("linear.ops", 0, "how many operations TestLinearizability makes; 0: a million")
	linearSeed = flag.Uint64("linear.seed", 0, "the seed of the plans of the linearizability tests; 0: a new one")
)

// A plan says what random histories are made of. The shares of calls add up to
// 1 with that of Get.
type plan struct {
	peek, set, delete, write, invalidate, many float64 // shares of the calls
	fail, hang                                 float64 // shares of the loads; half of fail panics
	leave                                      float64 // share of the Gets whose caller leaves early
	cfg                                        tier.Config
	loadMany                                   bool
	far                                        func() []tier.Far[string, int]
	readers                                    int // other processes that only Get
}

const (
	goroutines = 4
	callsEach  = 24
	keysEach   = 4  // of a round
	rounds     = 16 // of a cache
)

var plans = map[string]plan{
	"registers":    {peek: 0.4, set: 0.3, delete: 0.3},
	"read through": {peek: 0.2, set: 0.1, delete: 0.1, write: 0.1, fail: 0.1, leave: 0.1},
	"write heavy":  {peek: 0.1, delete: 0.2, write: 0.2, fail: 0.1, leave: 0.1},
	"tags and many": {
		peek: 0.1, set: 0.1, delete: 0.1, write: 0.1, invalidate: 0.1, many: 0.2, fail: 0.1, leave: 0.1,
	},
	"load many": {
		peek: 0.1, set: 0.1, delete: 0.1, write: 0.1, invalidate: 0.1, many: 0.4, fail: 0.1, leave: 0.1, loadMany: true,
	},
	"hanging loads": {
		peek: 0.1, set: 0.1, delete: 0.1, write: 0.1, invalidate: 0.1, many: 0.1, fail: 0.1, hang: 0.1, leave: 0.1,
		cfg: tier.Config{LoadTimeout: time.Second},
	},
	"cancelled loads": {
		peek: 0.1, set: 0.1, delete: 0.1, write: 0.1, invalidate: 0.1, many: 0.1, fail: 0.1, hang: 0.1, leave: 0.5,
		cfg: tier.Config{LoadTimeout: time.Second, OnAbandon: onefold.CancelLoad},
	},
	"far tiers": {peek: 0.2, set: 0.1, delete: 0.1, write: 0.1, many: 0.1, fail: 0.1, leave: 0.1, far: twoFar},
	"far tags": {
		peek: 0.1, set: 0.1, delete: 0.1, write: 0.1, invalidate: 0.1, many: 0.1, fail: 0.1, hang: 0.05, leave: 0.1,
		far: tagFar, cfg: tier.Config{LoadTimeout: time.Second},
	},
	"processes": {peek: 0.1, delete: 0.1, write: 0.1, invalidate: 0.1, many: 0.1, fail: 0.1, far: tagFar, readers: 2},
}

func twoFar() []tier.Far[string, int] {
	return []tier.Far[string, int]{encoded(&memStore{}), encoded(setStore{&memStore{}})}
}

// tagFar is a near one that knows nothing of tags over one that can do all but
// tell of changes, of which a single process hears nothing.
func tagFar() []tier.Far[string, int] {
	type silent struct {
		tier.Leaser
		tier.Setter
		tier.Batcher
		tier.Tagger
	}
	s := new(foldtest.Engine).Connect()
	return []tier.Far[string, int]{encoded(setStore{&memStore{}}), encoded(silent{s, s, s, s})}
}

// TestLinearizability makes random histories of each plan on real goroutines,
// in bubbles, where a load that hangs costs no time. The seed gives the plans
// again; how they interleave is up to the machine.
//
// SPEC: L01, L02, L03, L05, N13, R11
func TestLinearizability(t *testing.T) {
	ops := *linearOps
	if ops == 0 {
		ops = 1_000_000
	}
	makeHistories(t, int64(ops))
}

// TestLinearizabilityForLong makes as many operations as ONEFOLD_LONG says;
// docs/histories.md has what came of it.
func TestLinearizabilityForLong(t *testing.T) {
	text := os.Getenv("ONEFOLD_LONG")
	if text == "" {
		return
	}
	ops, err := strconv.ParseFloat(text, 64) // so that 1e8 is one
	if err != nil {
		t.Fatalf("ONEFOLD_LONG is %q, want a number of operations", text)
	}
	makeHistories(t, int64(ops))
}

// makeHistories makes histories of all plans in turn, until they have ops
// operations or one is wrong.
func makeHistories(t *testing.T, ops int64) {
	seed := *linearSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	names := make([]string, 0, len(plans))
	for name := range plans {
		names = append(names, name)
	}
	slices.Sort(names)
	rng := rand.New(rand.NewPCG(seed, 0))
	var calls, reads, histories int64
	start, noted := time.Now(), time.Now()
	for n := 0; calls < ops && !t.Failed(); n++ {
		name := names[n%len(names)]
		made := plans[name].random(t, rng)
		for _, h := range made.histories {
			if fault := h.fault(plans[name].far != nil); fault != "" {
				t.Errorf("%s, key %s: %s", name, h.key, fault)
				break
			}
		}
		calls += made.calls.Load()
		reads += made.reads.Load()
		histories += int64(len(made.histories))
		if time.Since(noted) > time.Minute {
			noted = time.Now()
			fmt.Printf("%d operations in %.0f s\n", calls, time.Since(start).Seconds())
		}
	}
	violations := 0
	if t.Failed() {
		violations++
	}
	t.Logf("seed %d: %d operations and %d reads of sources in %d histories, %.1f s, %d violations",
		seed, calls, reads, histories, time.Since(start).Seconds(), violations)
}

// A making is the histories that are made on one cache, each of a key.
type making struct {
	plan  plan
	cache *tier.Cache[string, int]
	clock logical
	calls atomic.Int64 // on keys
	reads atomic.Int64

	mu        sync.Mutex
	histories map[string]*history  // guarded by mu
	registers map[string]*register // guarded by mu; the source
}

// A register is what the source holds for a key. It is guarded by making.mu.
type register struct {
	version int
	ids     int        // that were given out
	set     sync.Mutex // held by who sets the key in far tiers; not guarded
}

// random makes histories on a new cache.
func (p plan) random(t *testing.T, rng *rand.Rand) *making {
	m := &making{plan: p, histories: make(map[string]*history), registers: make(map[string]*register)}
	synctest.Test(t, func(t *testing.T) {
		var far []tier.Far[string, int]
		if p.far != nil {
			far = p.far()
		}
		source := tier.Source[string, int]{LoadEntry: m.load}
		if p.loadMany {
			source.LoadMany = m.loadMany
		}
		var err error
		if m.cache, err = tier.NewSource(source, p.cfg, lazyNear{mem.New[string, int](mem.Config{})}, far...); err != nil {
			t.Fatal(err)
		}
		var readers []*tier.Cache[string, int]
		for range p.readers {
			q, err := tier.NewSource(source, p.cfg, nil, far...)
			if err != nil {
				t.Fatal(err)
			}
			readers = append(readers, q)
		}
		for round := range rounds {
			m.round(t, rng, m.newKeys(round), readers)
		}
		for _, c := range append(readers, m.cache) {
			if err := c.Close(context.Background()); err != nil { // abandoned loads note their reads too
				t.Errorf("Close = %v", err)
			}
		}
	})
	return m
}

// newKeys begins the histories of a round. All keys but the first are tagged,
// where all values of the source can be.
func (m *making) newKeys(round int) []string {
	m.mu.Lock() // abandoned loads of older rounds may still run
	defer m.mu.Unlock()
	keys := make([]string, keysEach)
	for i := range keys {
		keys[i] = fmt.Sprintf("%d-%d", round, i)
		m.histories[keys[i]] = &history{key: keys[i], tagged: i > 0 && !m.plan.loadMany}
		m.registers[keys[i]] = &register{}
	}
	return keys
}

// round makes the histories of keys.
func (m *making) round(t *testing.T, rng *rand.Rand, keys []string, readers []*tier.Cache[string, int]) {
	var wg sync.WaitGroup
	for range goroutines {
		rng := rand.New(rand.NewPCG(rng.Uint64(), 0))
		wg.Go(func() {
			for range callsEach {
				m.call(t, rng, keys)
				yield(rng.IntN(3))
			}
		})
	}
	for _, q := range readers {
		rng := rand.New(rand.NewPCG(rng.Uint64(), 0))
		wg.Go(func() {
			for range callsEach {
				getOrLeave(t, q, keys[rng.IntN(keysEach)], false, 0)
				yield(rng.IntN(3))
			}
		})
	}
	wg.Wait()
}

// call makes one random call.
func (m *making) call(t *testing.T, rng *rand.Rand, keys []string) {
	p, c, ctx := m.plan, m.cache, context.Background()
	key := keys[rng.IntN(keysEach)]
	x := rng.Float64()
	share := func(of float64) bool {
		x -= of
		return x < 0
	}
	switch {
	case share(p.peek):
		m.run(key, input{op: opPeek}, func() int {
			v, _ := c.Peek(key)
			return v
		})
	case share(p.set):
		id, ok := m.newID(key)
		if !ok {
			return
		}
		if p.far != nil { // writers that race leave far tiers with the value of any of them
			turn := m.turn(key)
			turn.Lock()
			defer turn.Unlock()
		}
		m.run(key, input{op: opSet, id: id}, func() int {
			if err := c.Set(ctx, key, tier.Loaded[int]{Value: id, Tags: m.tags(key)}); err != nil {
				t.Errorf("Set = %v", err)
			}
			return 0
		})
	case share(p.delete):
		m.run(key, input{op: opDelete}, func() int {
			if err := c.Delete(ctx, key); err != nil {
				t.Errorf("Delete = %v", err)
			}
			return 0
		})
	case share(p.write):
		m.write(t, key)
	case share(p.invalidate):
		call := m.clock.now()
		if err := c.InvalidateTag(ctx, "tag"); err != nil {
			t.Errorf("InvalidateTag = %v", err)
		}
		end := m.clock.now()
		m.calls.Add(1)
		for _, key := range keys {
			if m.tags(key) != nil {
				m.note(key, input{op: opInvalidate}, 0, call, end)
			}
		}
	case share(p.many):
		some := slices.Clone(keys)
		rng.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		m.getMany(t, some[:2+rng.IntN(keysEach-1)])
	default:
		m.run(key, input{op: opGet}, func() int { return getOrLeave(t, c, key, rng.Float64() < p.leave, rng.IntN(20)) })
	}
}

// run does what f does and notes it as an operation on key.
func (m *making) run(key string, in input, f func() int) {
	call := m.clock.now()
	out := f()
	m.note(key, in, out, call, m.clock.now())
	m.calls.Add(1)
}

func (m *making) note(key string, in input, out int, call, end int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.histories[key].note(in, out, call, end)
}

// newID gives a key's next id, if there is one left.
func (m *making) newID(key string) (int, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.registers[key]
	if r.ids++; r.ids < maxIDs {
		return r.ids, true
	}
	return 0, false
}

// turn gives the lock of those who set key.
func (m *making) turn(key string) *sync.Mutex {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &m.registers[key].set
}

// tags gives what every value of key carries.
func (m *making) tags(key string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.histories[key].tagged {
		return []string{"tag"}
	}
	return nil
}

// write writes the source and drops the key.
func (m *making) write(t *testing.T, key string) {
	in := input{op: opWrite}
	call, written := m.clock.now(), int64(0)
	if err := m.cache.Write(context.Background(), key, func(context.Context) error {
		m.mu.Lock()
		m.registers[key].version++
		in.version = m.registers[key].version
		m.mu.Unlock()
		written = m.clock.now()
		return nil
	}); err != nil {
		t.Errorf("Write = %v", err)
	}
	m.note(key, in, 0, call, written)
	m.note(key, input{op: opDelete}, 0, written, m.clock.now())
	m.calls.Add(1)
}

// getMany notes a GetMany as a Get of each key.
func (m *making) getMany(t *testing.T, keys []string) {
	call := m.clock.now()
	results := m.cache.GetMany(context.Background(), keys)
	end := m.clock.now()
	for i, r := range results {
		out := r.Value
		if r.Err != nil {
			out = failed
			checkFailure(t, "GetMany", r.Err, false)
		}
		m.note(keys[i], input{op: opGet}, out, call, end)
	}
	m.calls.Add(int64(len(keys)))
}

// getOrLeave gives the id that Get gave, or failed. When leave is set its
// caller leaves after a while, at the latest when Get returns.
func getOrLeave(t *testing.T, c *tier.Cache[string, int], key string, leave bool, patience int) (id int) {
	ctx := context.Background()
	if leave {
		cancelled, cancel := context.WithCancel(ctx)
		defer cancel()
		ctx = cancelled
		go func() {
			yield(patience)
			cancel()
		}()
	}
	defer func() {
		if p := recover(); p != nil {
			err, ok := p.(*onefold.PanicError)
			if !ok {
				t.Errorf("Get panicked with %v", p)
				return
			}
			checkFailure(t, "Get", err, leave)
			id = failed
		}
	}()
	id, err := c.Get(ctx, key)
	if err == nil {
		return id
	}
	checkFailure(t, "Get", err, leave)
	return failed
}

// checkFailure checks that a call had a reason to fail.
func checkFailure(t *testing.T, call string, err error, leave bool) {
	if !errors.Is(err, errLoad) && !errors.Is(err, onefold.ErrLoadTimeout) && (!leave || !errors.Is(err, context.Canceled)) {
		t.Errorf("%s = %v", call, err)
	}
}

func yield(n int) {
	for range n {
		runtime.Gosched()
	}
}

// load is the source.
func (m *making) load(ctx context.Context, key string, _ tier.Prior[int]) (tier.Loaded[int], error) {
	id, err := m.read(ctx, key)
	return tier.Loaded[int]{Value: id, Tags: m.tags(key)}, err
}

// loadMany is the source, asked for many keys. Its values have no tags.
func (m *making) loadMany(ctx context.Context, keys []string) (map[string]int, error) {
	values := make(map[string]int)
	for _, key := range keys {
		id, err := m.read(ctx, key)
		if err != nil {
			return nil, err
		}
		values[key] = id
	}
	return values, nil
}

func (m *making) read(ctx context.Context, key string) (int, error) {
	yield(rand.IntN(10))
	switch x := rand.Float64(); {
	case x < m.plan.fail/2:
		return 0, errLoad
	case x < m.plan.fail:
		panic(errLoad)
	case x < m.plan.fail+m.plan.hang:
		<-ctx.Done()
		return 0, ctx.Err()
	}
	call := m.clock.now()
	m.mu.Lock()
	r := m.registers[key]
	r.ids++
	id, version := r.ids, r.version
	m.mu.Unlock()
	if id >= maxIDs {
		return 0, errLoad
	}
	m.reads.Add(1)
	m.note(key, input{op: opRead, id: id, version: version}, 0, call, m.clock.now())
	yield(rand.IntN(10))
	return id, nil
}

// A lazyNear is a near tier that lets others run at each step, so that what
// should be one step shows when it is two.
type lazyNear struct{ tier.Near[string, int] }

func (n lazyNear) Get(key string) *tier.Entry[int] {
	e := n.Near.Get(key)
	runtime.Gosched()
	return e
}

func (n lazyNear) Set(key string, e *tier.Entry[int]) {
	runtime.Gosched()
	n.Near.Set(key, e)
	runtime.Gosched()
}

func (n lazyNear) Delete(key string) {
	runtime.Gosched()
	n.Near.Delete(key)
	runtime.Gosched()
}
