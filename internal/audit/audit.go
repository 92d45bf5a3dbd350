// Package audit finds keys that do not say all that their answers depend on, by
// comparing the answers that loads of one key give. It is what a group and a
// cache do with [Audit].
package audit

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"runtime"
	"sync"
	"time"
)

// What an [Audit] means that names nothing else.
const (
	DefaultWindow  = time.Minute // for a group, and for a cache whose values never expire
	DefaultMaxKeys = 10_000
)

// An Audit makes a group or a cache look for keys that do not say all that the
// answer depends on: a tenant, a locale, a flag that the load takes from
// its context or from the function around it. Callers who differ in that share
// a load, and one of them gets the other's answer. The audit is for tests and
// staging: it walks every loaded value with reflection.
//
// It remembers a fingerprint of each key's answer, and reports when a load of
// the key gives another one within Window, with no invalidation in between. That
// may also be a source that changed meanwhile: it is worth a look, not a proof.
// Functions and channels within a value do not count.
//
// An Audit is only read; one may serve many groups and caches.
type Audit struct {
	// Window is how close together two loads of a key must be to be compared.
	// Zero means the TTL of a cache, and [DefaultWindow] for a group, or for a
	// cache without a TTL.
	Window time.Duration

	// Shadow is the share of shared answers that are checked at once, from 0 to
	// 1: a caller who joined a load, or was given a cached value, loads for
	// itself as well, with the function and the context that it came with, and
	// the two answers are compared. It still gets the shared one, later. These
	// loads come on top of all limits. Zero means none: only loads that run
	// anyway are compared. Calls of DoChan and GetMany check nothing.
	Shadow float64

	// MaxKeys is how many keys are remembered, one group's or cache's. Zero
	// means [DefaultMaxKeys]; of more, some are forgotten at random.
	MaxKeys int

	// Report is told of each difference, on the goroutine of the load or of the
	// caller that checks. Nil means a warning by the default logger of log/slog.
	Report func(Difference)
}

// A Difference is two answers to one key.
type Difference struct {
	Name   string        // Config.Name of the group or cache
	Key    string        // the key, where Config.ShowKeys is set, or else a digest
	Fields []string      // the fields that differ, where the value is a struct or points at one
	Apart  time.Duration // between the ends of the two loads; 0 where the first was another process's
	Shadow bool          // the second load was made to check a shared answer
	Loads  [2]string     // the names of the functions that loaded, first and second; empty where not known
}

// Faults gives every fault of a, each with the value that was given.
func (a *Audit) Faults() (faults []error) {
	if a.Window < 0 {
		faults = append(faults, fmt.Errorf("Audit.Window is %v, want 0 (the TTL) or more", a.Window))
	}
	if !(a.Shadow >= 0 && a.Shadow <= 1) { //nolint:staticcheck // so that a NaN is a fault too
		faults = append(faults, fmt.Errorf("Audit.Shadow is %v, want 0 to 1", a.Shadow))
	}
	if a.MaxKeys < 0 {
		faults = append(faults, fmt.Errorf("Audit.MaxKeys is %d, want 0 (%d) or more", a.MaxKeys, DefaultMaxKeys))
	}
	return faults
}

// A Table is what one group or cache remembers.
type Table[K comparable] struct {
	audit   *Audit
	name    string
	showKey bool
	window  time.Duration
	maxKeys int

	slot func(K) uint16 // groups keys, as whoever tells of invalidations does

	mu    sync.Mutex
	keys  map[K]seen
	since [1 << 10]uint64 // counts invalidations, by slot
}

// seen is the last answer to a key.
type seen struct {
	print print
	at    time.Time
	load  string
	slot  uint16
}

// NewTable makes a table for a group or cache of the name. ttl is its values', or
// zero. slot is for [Table.ForgetSlot], and nil for a table that has no use for it.
func NewTable[K comparable](a *Audit, name string, showKey bool, ttl time.Duration, slot func(K) uint16) *Table[K] {
	t := &Table[K]{audit: a, name: name, showKey: showKey, window: a.Window, maxKeys: a.MaxKeys, slot: slot, keys: make(map[K]seen)}
	if slot == nil {
		t.slot = Slot
	}
	if t.window == 0 {
		t.window = ttl
	}
	if t.window == 0 {
		t.window = DefaultWindow
	}
	if t.maxKeys == 0 {
		t.maxKeys = DefaultMaxKeys
	}
	return t
}

// Slot is the slot of a key where nobody else has slots.
func Slot[K comparable](key K) uint16 {
	return uint16(maphash.Comparable(seed, key)) //nolint:gosec // a few bits of it
}

// A Mark is a moment in a table's life, taken when a load begins.
type Mark struct {
	slot  uint16
	since uint64
	known bool
	at    time.Time // of the answer that was remembered then
}

// Begin marks the begin of a load.
func (t *Table[K]) Begin(key K) Mark {
	slot := t.slot(key)
	t.mu.Lock()
	defer t.mu.Unlock()
	s, known := t.keys[key]
	return Mark{slot, *t.count(slot), known, s.at}
}

// Loaded compares the answer of a load that began at m with what is remembered,
// and remembers it. load is the function that gave it. Nothing can be said
// where the key was invalidated, or loaded by somebody else, since the load began.
func (t *Table[K]) Loaded(key K, m Mark, value, load any) {
	p, fields := fingerprint(value)
	now, name := time.Now(), nameOf(load)
	t.mu.Lock()
	was, known := t.keys[key]
	if *t.count(m.slot) != m.since || known != m.known || !was.at.Equal(m.at) {
		t.mu.Unlock()
		return
	}
	if !known && len(t.keys) >= t.maxKeys {
		for other := range t.keys {
			delete(t.keys, other)
			break
		}
	}
	t.keys[key] = seen{p, now, name, m.slot}
	t.mu.Unlock()
	if known && now.Sub(was.at) <= t.window && was.print.whole != p.whole {
		t.report(key, Difference{Fields: differing(was.print, p, fields), Apart: now.Sub(was.at), Loads: [2]string{was.load, name}})
	}
}

// Checked compares an answer that a call got, which began at m, with the own one
// that its caller loaded after it. It remembers nothing, and says nothing where the answer
// that was given is not the last one any more.
func (t *Table[K]) Checked(key K, m Mark, given, own, load any) {
	was, _ := fingerprint(given)
	t.mu.Lock()
	s, known := t.keys[key]
	changed := *t.count(m.slot) != m.since || m.known && !known || known && s.print.whole != was.whole
	t.mu.Unlock()
	if changed {
		return
	}
	is, fields := fingerprint(own)
	if was.whole == is.whole {
		return
	}
	d := Difference{Fields: differing(was, is, fields), Shadow: true, Loads: [2]string{s.load, nameOf(load)}}
	if known {
		d.Apart = time.Since(s.at)
	}
	t.report(key, d)
}

// count is the counter of a slot's invalidations.
func (t *Table[K]) count(slot uint16) *uint64 { return &t.since[int(slot)%len(t.since)] }

// Forget is told that keys were invalidated. A nil table forgets nothing.
func (t *Table[K]) Forget(keys ...K) {
	if t == nil {
		return
	}
	for _, key := range keys {
		slot := t.slot(key)
		t.mu.Lock()
		*t.count(slot)++
		delete(t.keys, key)
		t.mu.Unlock()
	}
}

// ForgetSlot is told that some key of a slot was invalidated.
func (t *Table[K]) ForgetSlot(slot uint16) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	*t.count(slot)++
	for key, s := range t.keys {
		if s.slot == slot {
			delete(t.keys, key)
		}
	}
}

// ForgetAll is told that more was invalidated than there are names for.
func (t *Table[K]) ForgetAll() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.since {
		t.since[i]++
	}
	clear(t.keys)
}

// Chance says whether this shared answer is one to check.
func (t *Table[K]) Chance() bool {
	return t.audit.Shadow > 0 && (t.audit.Shadow >= 1 || rand.Float64() < t.audit.Shadow) //nolint:gosec // no secret
}

func (t *Table[K]) report(key K, d Difference) {
	d.Name, d.Key = t.name, fmt.Sprintf("%016x", maphash.Comparable(seed, key))
	if t.showKey {
		d.Key = fmt.Sprint(key)
	}
	if t.audit.Report != nil {
		t.audit.Report(d)
		return
	}
	slog.Warn("onefold: two answers to one key: does the key say all that they depend on?",
		"name", d.Name, "key", d.Key, "fields", d.Fields, "apart", d.Apart, "shadow", d.Shadow, "loads", d.Loads)
}

// nameOf is the name of a function, as the runtime knows it.
func nameOf(load any) string {
	v := reflect.ValueOf(load)
	if v.Kind() != reflect.Func || v.IsNil() {
		return ""
	}
	if f := runtime.FuncForPC(v.Pointer()); f != nil {
		return f.Name()
	}
	return ""
}

// Shadow runs a load that checks a shared answer, with the context that the
// caller's own load would have had: background says that loads see nothing of their
// callers, carry what they see, or nil for all. It keeps a panic or
// runtime.Goexit of the load from the caller.
func Shadow(caller context.Context, background bool, carry func(load, caller context.Context) context.Context, load func(context.Context)) {
	done := make(chan struct{})
	go func() { // ends with the load, which the caller waits for
		defer close(done)
		defer func() { _ = recover() }()
		switch {
		case background:
			load(context.Background())
		case carry != nil:
			load(carry(context.Background(), caller))
		default:
			load(caller)
		}
	}()
	<-done
}
