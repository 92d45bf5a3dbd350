package foldtest

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/onefold-go/onefold/tier"
)

// An Engine is what a Redis or the like is to the processes that share it, in
// memory: keys with values, leases and the table of tags. A [Store] is a
// process's connection to it. Its clock is time.Now, so a bubble's in a bubble.
//
// The zero Engine is ready to use. Its fields are set before the first
// connection, its methods may be called at the same time from many goroutines,
// and it must not be copied.
type Engine struct {
	// MaxTags is how many tags the table holds: with more, those that were
	// invalidated longest ago go, and the floor rises. Zero means no limit.
	MaxTags int

	// Staleness is what the connections answer for how long a broken stream
	// can go unnoticed. Zero means a second. (They notice at once.)
	Staleness time.Duration

	// Logging keeps what Log gives.
	Logging bool

	mu      sync.Mutex
	records map[string]*record
	conns   uint64 // the number of the newest connection
	stores  []*Store
	streams []*stream
	tags    tier.TagTable // Epoch 0: none
	script  script
	calls   map[Op]int
	log     []Done
}

// Done is an operation that the engine has done.
type Done struct {
	Op  Op
	Key string
}

// A record is what an engine knows of a key.
type record struct {
	data    []byte    // nil: no item
	expires time.Time // of data; zero: never

	lease    tier.Lease // zero: nobody's
	ends     time.Time  // of lease
	loadSelf time.Time  // until then there is no lease to have

	waiting map[*Store]chan struct{} // closed at the next change
}

// Connect gives a new connection.
//
// It can do all that a store can. One that can do less is a struct with the
// interfaces that are wanted:
//
//	plain := struct{ tier.Store }{engine.Connect()}
//	leasing := struct {
//		tier.Leaser
//		tier.Notifier
//	}{s, s}
func (e *Engine) Connect() *Store {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conns++
	s := &Store{engine: e, conn: e.conns}
	e.stores = append(e.stores, s)
	return s
}

// Inject lets the next calls of op on any connection meet faults, one after the
// other. What a connection has of its own comes first.
func (e *Engine) Inject(op Op, faults ...Fault) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.script.add(op, faults)
}

// Calm takes back all faults injected into the engine and its connections.
func (e *Engine) Calm() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.script = script{}
	for _, s := range e.stores {
		s.script = script{}
	}
}

// Calls is how many calls of op began on all connections, or of all operations
// for [AnyOp]. A batch is one call.
func (e *Engine) Calls(op Op) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return callsOf(e.calls, op)
}

func callsOf(calls map[Op]int, op Op) int {
	if op != AnyOp {
		return calls[op]
	}
	n := 0
	for _, c := range calls {
		n += c
	}
	return n
}

// Log gives what was done since the engine was made, in order, the slots of a
// batch each by itself. It needs Logging.
func (e *Engine) Log() []Done {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.log)
}

// Data gives a copy of what is stored for key, nil if nothing is.
func (e *Engine) Data(key string) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.record(key, time.Now()).data)
}

// Plant stores a copy of data for key for ttl, zero for ever, as somebody would
// who knows nothing of leases: those there are stay, and nobody is told.
func (e *Engine) Plant(key string, data []byte, ttl time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	r := e.record(key, now)
	r.data, r.expires = append([]byte{}, data...), time.Time{}
	if ttl > 0 {
		r.expires = now.Add(ttl)
	}
}

// Evict drops the values of keys, as an engine that is short of memory: leases
// stay, and nobody is told.
func (e *Engine) Evict(keys ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, key := range keys {
		e.record(key, time.Now()).data = nil
	}
}

// EvictTags drops the table of tags; the next one has a new epoch.
func (e *Engine) EvictTags() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tags = tier.TagTable{}
}

// Restart loses all the engine holds, and drops all connections.
func (e *Engine) Restart() { e.Failover(&Replica{}) }

// A Replica is what an engine held at some time.
type Replica struct {
	records map[string]record
	tags    tier.TagTable
}

// Replica gives a copy of what the engine holds, to fail over to later.
func (e *Engine) Replica() *Replica {
	e.mu.Lock()
	defer e.mu.Unlock()
	copied := &Replica{records: make(map[string]record), tags: e.tableLocked()}
	for key, r := range e.records {
		copied.records[key] = *r
	}
	return copied
}

// Failover puts a replica in the engine's place: what was done since it was
// taken is lost, the leases of then are back, and all connections are dropped.
func (e *Engine) Failover(to *Replica) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.stores {
		s.dropLocked()
	}
	e.records = make(map[string]*record)
	for key, r := range to.records {
		r.waiting = nil
		e.records[key] = &r
	}
	e.tags = tier.TagTable{}
	if to.tags.Epoch != 0 {
		e.tags = cloneTable(to.tags)
	}
}

// record gives the record of key as of now.
func (e *Engine) record(key string, now time.Time) *record {
	r := e.records[key]
	if r == nil {
		r = &record{}
		if e.records == nil {
			e.records = make(map[string]*record)
		}
		e.records[key] = r
	}
	if !r.expires.IsZero() && !now.Before(r.expires) {
		r.data = nil
	}
	if !now.Before(r.ends) {
		r.lease = tier.Lease{}
	}
	return r
}

// put stores it, or nothing if it has no data, and ends the lease.
func (r *record) put(it tier.Item, now time.Time) {
	r.data, r.lease, r.loadSelf, r.expires = nil, tier.Lease{}, time.Time{}, time.Time{}
	if it.Data != nil {
		r.data = append([]byte{}, it.Data...)
	}
	if it.TTL > 0 {
		r.expires = now.Add(it.TTL)
	}
	r.change()
}

// change wakes those who wait for it.
func (r *record) change() {
	for s, ch := range r.waiting {
		s.wake(ch)
	}
	r.waiting = nil
}

// item gives what r holds.
func (r *record) item(now time.Time) tier.Item {
	if r.data == nil {
		return tier.Item{}
	}
	it := tier.Item{Data: append([]byte{}, r.data...)}
	if !r.expires.IsZero() {
		it.TTL = r.expires.Sub(now)
	}
	return it
}

// tableLocked gives a copy of the table of tags; mu is held.
func (e *Engine) tableLocked() tier.TagTable {
	if e.tags.Epoch == 0 {
		e.tags = tier.TagTable{Epoch: rand.Uint64() | 1, Gens: make(map[string]uint64)} //nolint:gosec // no secret
	}
	return cloneTable(e.tags)
}

func cloneTable(t tier.TagTable) tier.TagTable {
	gens := make(map[string]uint64, len(t.Gens))
	for tag, gen := range t.Gens {
		gens[tag] = gen
	}
	t.Gens = gens
	return t
}

// bump is [Store.Bump]; mu is held.
func (e *Engine) bump(tags []string) tier.TagTable {
	e.tableLocked()
	t := &e.tags
	t.Seq++
	for _, tag := range tags {
		t.Gens[tag] = t.Seq
	}
	if len(tags) == 0 {
		t.Floor = t.Seq
		clear(t.Gens)
	}
	for e.MaxTags > 0 && len(t.Gens) > e.MaxTags {
		oldest := t.Seq
		for _, gen := range t.Gens {
			oldest = min(oldest, gen)
		}
		for tag, gen := range t.Gens {
			if gen == oldest {
				delete(t.Gens, tag)
			}
		}
		t.Floor = max(t.Floor, oldest)
	}
	return e.tableLocked()
}
