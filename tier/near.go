package tier

import (
	"math"
	"sync/atomic"
	"time"
)

// A Near is a tier in this process: it holds entries by key and may drop any
// of them at any time. Package mem has one; package foldtest has a suite that
// holds one to this contract.
//
// All methods may be called at the same time from many goroutines. The cache
// calls Set and Delete with a lock held that is its own for the key, and Get
// with and without it: none of them may block, or call the cache or any user's
// function. Clear is called with no promise about other calls.
type Near[K comparable, V any] interface {
	Get(key K) *Entry[V] // nil: a miss
	Set(key K, e *Entry[V])
	Delete(key K)
	Clear()
}

// An Entry is what a near tier holds for a key: a value, or that there is none,
// or that loading it failed. It is made by the cache and never changes; its
// value is shared by all who get it.
type Entry[V any] struct {
	value V

	// On the cache's clock; forever: never.
	born  time.Duration // when the load that made the value began
	fresh time.Duration // until when it answers calls without a load

	stamp uint64   // of the cache's fences, from before the load
	more  *more[V] // what most entries have not; nil: nothing

	// In eight bytes: there are many entries.
	took rough  // the load, smoothed over the loads of the key
	lead rough  // how long before fresh a call looks closer, to refresh; always: whenever
	slot uint16 // of the fences
	kind kind
	from Level
}

// A rough is a duration to two digits and a half, of any length: the upper half
// of a float32.
type rough uint16

// always is a lead that is longer than any life.
const always rough = 0x7f80

// roughly gives d, which is not negative, or up to a hundredth less.
func roughly(d time.Duration) rough {
	return rough(math.Float32bits(float32(d)) >> 16) //nolint:gosec // of 16 bits
}

func (r rough) duration() time.Duration {
	return time.Duration(math.Float32frombits(uint32(r) << 16))
}

// more is the part of an entry that most have not.
type more[V any] struct {
	staleFor  time.Duration // 0: as the Config has it
	tags      []string
	validator string
	version   uint64

	weight uint32 // 0: not said
	why    Why    // it is given although it is stale
	unkept bool   // only for the callers of its flight

	err      error         // of what is no value; of the last load, where that failed
	failures int           // in a row, up to now
	retry    time.Duration // not before this is the source asked again, on behalf of calls that have an answer

	mark   *Entry[V]              // of a value that is not to be stored: what is stored in its place
	leases atomic.Pointer[leases] // with which whoever refreshes the entry fills far tiers; taken once
}

// kind says what an entry stands for.
type kind uint8

const (
	value    kind = iota
	notFound      // the source has nothing for the key
	failed        // a load failed, and is not to be tried again yet
	direct        // the key's values are not to be stored: load without waiting for others
)

// Value gives the entry's value, to weigh it for instance. It must not be
// changed. What is no value, but a remembered failure, has the zero value.
func (e *Entry[V]) Value() V { return e.value }

// Weight gives what [Loaded].Weight said, or 0 when that said nothing.
func (e *Entry[V]) Weight() uint32 {
	if e.more == nil {
		return 0
	}
	return e.more.weight
}

// HasValue reports whether the entry is a value.
func (e *Entry[V]) HasValue() bool { return e.kind == value }

// early is from when on a call looks closer: at fresh, or before it to refresh.
func (e *Entry[V]) early() time.Duration {
	switch e.lead {
	case 0:
		return e.fresh
	case always:
		return 0
	default:
		return max(0, e.fresh-e.lead.duration())
	}
}

// told reports whether the source said more of the value than how long it is
// good: what only LoadEntry can say.
func (e *Entry[V]) told() bool {
	m := e.more
	return m != nil && (len(m.tags) > 0 || m.validator != "" || m.version != 0)
}

// newerThan is a *VersionError where e's version is above version.
func (e *Entry[V]) newerThan(version uint64) error {
	if e.more == nil || e.more.version <= version {
		return nil
	}
	return &VersionError{Version: version, Known: e.more.version}
}

func (e *Entry[V]) why() Why {
	if e.more == nil {
		return NotStale
	}
	return e.more.why
}

func (e *Entry[V]) unkept() bool { return e.more != nil && e.more.unkept }

// own gives e's more, for writing, while nobody else has e.
func (e *Entry[V]) own() *more[V] {
	if e.more == nil {
		e.more = new(more[V])
	}
	return e.more
}

// rest gives e's more, for reading.
func (e *Entry[V]) rest() *more[V] {
	if e.more == nil {
		return &more[V]{}
	}
	return e.more
}

// copyMore makes a more for another entry with e's value, that may be changed.
func (e *Entry[V]) copyMore() *more[V] {
	m := new(more[V])
	if old := e.more; old != nil {
		m.staleFor, m.tags, m.validator, m.version = old.staleFor, old.tags, old.validator, old.version
		m.weight = old.weight
		m.err, m.failures, m.retry = old.err, old.failures, old.retry
	}
	return m
}

// again makes another entry of a value, to be looked at closer by each call.
func (e *Entry[V]) again() *Entry[V] {
	m := e.copyMore()
	m.why = e.why()
	return &Entry[V]{
		value: e.value, born: e.born, fresh: e.fresh, stamp: e.stamp,
		took: e.took, lead: always, slot: e.slot, from: e.from, more: m,
	}
}

func (e *Entry[V]) tags() []string {
	if e.more == nil {
		return nil
	}
	return e.more.tags
}

const forever time.Duration = math.MaxInt64

// later is t + d, or forever when that is out of range.
func later(t, d time.Duration) time.Duration {
	if sum := t + d; sum >= t {
		return sum
	}
	return forever
}

// noNear is the near tier of a cache that has none.
type noNear[K comparable, V any] struct{}

func (noNear[K, V]) Get(K) *Entry[V]  { return nil }
func (noNear[K, V]) Set(K, *Entry[V]) {}
func (noNear[K, V]) Delete(K)         {}
func (noNear[K, V]) Clear()           {}
