package tier_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

var (
	linearFor  = flag.Duration("linear.for", 700*time.Millisecond, "how long each linearizability test makes histories")
	linearSeed = flag.Uint64("linear.seed", 0, "the seed of the plans of the linearizability tests; 0: a new one")
)

// A history is what goroutines did to one cache and one source, with when each
// operation began and ended. Whether some order of the operations, one that
// respects these times, is allowed by the model below is for porcupine to find
// out.
//
// The model of a key is the register of the source and the register of the
// cache. Every load of a key has a number of its own, which is the value that
// it returns; its read of the source is an operation like the others. A number
// can be seen in the cache as long as no Set or Delete has come after the read.
// So the model finds
//
//   - a value stored after the Delete or Set that should have kept it out,
//   - a caller that joins a flight from before a Delete that has returned,
//   - a Set that an older load overwrote,
//   - a second load where the first one's value was kept,
//   - a value older than the source was when the key was last deleted.
type history struct {
	start time.Time
	mu    sync.Mutex
	ops   []porcupine.Operation // guarded by mu
}

// An input is one operation.
type input struct {
	op      op
	key     string
	id      int // read, set: of the value
	version int // read: what the source held; write: what it holds from now on

	// get, when it was given the value of a load: the load read the source
	// while the call was running. Then the call may have been part of a flight
	// that a Delete or Set took out before that read.
	together bool

	// delete: the loads that read the source once it had begun, by bit. Where
	// there are far tiers it goes through them one after the other, and keeps
	// out only what was read before it began.
	later uint64

	// get, peek: there are far tiers, so that a miss of the near one means
	// little. A Set, say, empties it while it writes to the others.
	mayMiss bool
}

type op string

const (
	opWrite  op = "write"  // of the source
	opRead   op = "read"   // of the source, by a load
	opGet    op = "Get"    // gives an id, or failed
	opPeek   op = "Peek"   // gives an id, or 0
	opSet    op = "Set"    // of the cache
	opDelete op = "Delete" // likewise
)

// failed is a Get that ended with an error: its load's, or its own.
const failed = -1

// A state is that of one key.
type state struct {
	version int    // of the source
	cached  int    // the id in the cache; 0: nothing
	read    uint64 // the loads that have read the source since the last Set or Delete, by bit
}

// Ids of loads are bits of state.read; those of Set are above them.
const (
	maxLoads   = 64
	firstSetID = 1000
)

func (s state) hasRead(id int) bool { return id < maxLoads && s.read&(1<<id) != 0 }

// step gives the states that in can lead to from s when it gives out.
func (s state) step(in input, out int) []state {
	switch in.op {
	case opWrite:
		s.version = in.version
		return []state{s}
	case opRead:
		if s.version != in.version {
			return nil
		}
		s.read |= 1 << in.id
		return []state{s}
	case opSet:
		return []state{{version: s.version, cached: in.id}}
	case opDelete:
		return []state{{version: s.version, read: s.read & in.later}}
	}

	// A Get or Peek. A load's value gets into the cache unseen; the first to
	// be given it shows that it did.
	missed := out == 0 || out == failed
	switch {
	case missed && (s.cached == 0 || in.mayMiss), !missed && s.cached == out:
		return []state{s}
	case missed || !s.hasRead(out):
		return nil
	}
	var next []state
	if s.cached == 0 {
		stored := s
		stored.cached = out
		next = append(next, stored)
	}
	if in.together {
		next = append(next, s)
	}
	return next
}

var model = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{state{}} },
	Step: func(s, in, out any) []any {
		var next []any
		for _, n := range s.(state).step(in.(input), out.(int)) {
			next = append(next, n)
		}
		return next
	},
}).ToModel()

// run does what f does and notes it as an operation.
func (h *history) run(in input, f func() int) {
	call := time.Since(h.start)
	out := f()
	h.note(in, out, call, time.Since(h.start))
}

func (h *history) note(in input, out int, call, end time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{Input: in, Output: out, Call: int64(call), Return: int64(end)})
}

// check fails the test if no order of h's operations explains them.
func (h *history) check(t *testing.T, far bool) bool {
	t.Helper()
	var reads []porcupine.Operation
	for _, o := range h.ops {
		if o.Input.(input).op == opRead {
			reads = append(reads, o)
		}
	}
	for i, o := range h.ops {
		in := o.Input.(input)
		for _, r := range reads {
			read := r.Input.(input)
			switch {
			case read.key != in.key || r.Return < o.Call:
			case in.op == opGet && read.id == o.Output.(int):
				in.together = true
			case in.op == opDelete && far:
				in.later |= 1 << read.id
			}
		}
		in.mayMiss = far
		h.ops[i].Input = in
	}
	byKey := make(map[string][]porcupine.Operation)
	for _, o := range h.ops {
		key := o.Input.(input).key
		byKey[key] = append(byKey[key], o)
	}
	for _, ops := range byKey {
		result := porcupine.CheckOperationsTimeout(model, ops, time.Minute)
		if result == porcupine.Ok {
			continue
		}
		slices.SortFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
		var b strings.Builder
		for _, o := range ops {
			fmt.Fprintf(&b, "%9d to %9d: %+v -> %d\n", o.Call, o.Return, o.Input, o.Output)
		}
		t.Errorf("a key's history is %v:\n%s", result, b.String())
		return false
	}
	return true
}

// A plan says what a random history is made of. The shares add up to 1 with
// that of Get.
type plan struct {
	peek, set, delete, write float64 // shares of the calls
	fail                     float64 // share of the loads
	leave                    float64 // share of the Gets whose caller leaves early
	far                      func() []tier.Far[string, int]
	readers                  int // other processes that only Get
}

const (
	goroutines = 4
	callsEach  = 15 // so that no key has maxLoads loads
)

// Set is not in the plans with far tiers: it writes to one after the other, and
// what overlaps with it may see some of them before and some after.
var plans = map[string]plan{
	"registers":    {peek: 0.4, set: 0.3, delete: 0.3},
	"read through": {peek: 0.2, set: 0.1, delete: 0.1, write: 0.1, fail: 0.1, leave: 0.1},
	"write heavy":  {peek: 0.1, delete: 0.2, write: 0.2, fail: 0.1, leave: 0.1},
	"far tiers":    {peek: 0.2, delete: 0.1, write: 0.1, fail: 0.1, leave: 0.1, far: twoFar},
	"processes":    {peek: 0.1, delete: 0.1, write: 0.1, far: twoFar, readers: 2},
}

func twoFar() []tier.Far[string, int] {
	return []tier.Far[string, int]{encoded(&memStore{}), encoded(setStore{&memStore{}})}
}

// TestLinearizability makes random histories of each plan on real goroutines.
// The seed gives the plans again; how they interleave is up to the machine.
//
// SPEC: L01, L02, L03
func TestLinearizability(t *testing.T) {
	seed := *linearSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	for name, p := range plans {
		t.Run(name, func(t *testing.T) { p.check(t, seed) })
	}
}

// check makes histories until their time is over or one of them is wrong.
func (p plan) check(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	histories := 0
	for start := time.Now(); time.Since(start) < *linearFor && p.random(t, rng).check(t, p.far != nil); {
		histories++
	}
	t.Logf("%d histories", histories)
}

var errLoad = errors.New("load")

// random makes a history on a new cache.
func (p plan) random(t *testing.T, rng *rand.Rand) *history {
	h := &history{start: time.Now()}
	src := &registers{h: h, fail: p.fail}
	var far []tier.Far[string, int]
	if p.far != nil {
		far = p.far()
	}
	c := newCacheOver(t, src.load, tier.Config{}, lazyNear{mem.New[string, int](mem.Config{})}, far...)
	var setID atomic.Int64
	setID.Store(firstSetID)

	var wg sync.WaitGroup
	for range goroutines {
		rng := rand.New(rand.NewPCG(rng.Uint64(), 0))
		wg.Go(func() {
			for range callsEach {
				key := []string{"a", "b"}[rng.IntN(2)]
				switch x := rng.Float64(); {
				case x < p.peek:
					h.run(input{op: opPeek, key: key}, func() int {
						v, _ := c.Peek(key)
						return v
					})
				case x < p.peek+p.set:
					id := int(setID.Add(1))
					h.run(input{op: opSet, key: key, id: id}, func() int {
						if err := c.Set(context.Background(), key, tier.Loaded[int]{Value: id}); err != nil {
							t.Errorf("Set = %v", err)
						}
						return 0
					})
				case x < p.peek+p.set+p.delete:
					h.run(input{op: opDelete, key: key}, func() int {
						if err := c.Delete(context.Background(), key); err != nil {
							t.Errorf("Delete = %v", err)
						}
						return 0
					})
				case x < p.peek+p.set+p.delete+p.write:
					src.update(c, key)
				default:
					h.run(input{op: opGet, key: key}, func() int { return getOrLeave(t, c, key, rng.Float64() < p.leave, rng.IntN(20)) })
				}
				yield(rng.IntN(3))
			}
		})
	}
	for range p.readers {
		q := newCacheOver(t, src.load, tier.Config{}, nil, far...)
		rng := rand.New(rand.NewPCG(rng.Uint64(), 0))
		wg.Go(func() {
			for range callsEach {
				_, _ = q.Get(context.Background(), []string{"a", "b"}[rng.IntN(2)])
				yield(rng.IntN(3))
			}
		})
	}
	wg.Wait()
	if err := c.Close(context.Background()); err != nil { // abandoned loads note their reads too
		t.Errorf("Close = %v", err)
	}
	return h
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
			if err, ok := p.(*onefold.PanicError); !ok || !errors.Is(err, errLoad) {
				t.Errorf("Get panicked with %v", p)
			}
			id = failed
		}
	}()
	id, err := c.Get(ctx, key)
	if err == nil {
		return id
	}
	if !errors.Is(err, errLoad) && (!leave || !errors.Is(err, context.Canceled)) {
		t.Errorf("Get = %v", err)
	}
	return failed
}

func yield(n int) {
	for range n {
		runtime.Gosched()
	}
}

// registers are the source, a register a key.
type registers struct {
	h    *history
	fail float64

	mu       sync.Mutex
	versions map[string]int // guarded by mu
	loads    map[string]int // guarded by mu; how many have read
}

func (r *registers) load(_ context.Context, key string) (int, error) {
	yield(rand.IntN(10))
	switch x := rand.Float64(); {
	case x < r.fail/2:
		return 0, errLoad
	case x < r.fail:
		panic(errLoad)
	}
	call := time.Since(r.h.start)
	r.mu.Lock()
	if r.loads == nil {
		r.loads = make(map[string]int)
	}
	id, version := r.loads[key]+1, r.versions[key]
	r.loads[key] = id
	r.mu.Unlock()
	if id >= maxLoads {
		return 0, fmt.Errorf("load %d of a key, want fewer than %d", id, maxLoads)
	}
	r.h.note(input{op: opRead, key: key, id: id, version: version}, 0, call, time.Since(r.h.start))
	yield(rand.IntN(10))
	return id, nil
}

// update writes the source and drops the key, as Write does.
func (r *registers) update(c *tier.Cache[string, int], key string) {
	in := input{op: opWrite, key: key}
	call := time.Since(r.h.start)
	var written time.Duration
	_ = c.Write(context.Background(), key, func(context.Context) error {
		r.mu.Lock()
		if r.versions == nil {
			r.versions = make(map[string]int)
		}
		r.versions[key]++
		in.version = r.versions[key]
		r.mu.Unlock()
		written = time.Since(r.h.start)
		return nil
	})
	r.h.note(in, 0, call, written)
	r.h.note(input{op: opDelete, key: key}, 0, written, time.Since(r.h.start))
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
