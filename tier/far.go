package tier

import (
	"errors"
	"fmt"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/codec/envelope"
)

// A Far is a [Store] that holds values of V under keys of K. Make it with
// [Encoded]; the zero Far is of no use. It is a value and may be copied.
type Far[K comparable, V any] struct {
	store  Store
	leaser Leaser // nil: read and delete only
	key    codec.Key[K]
	codec  codec.Codec[V]
}

// Encoded makes a far tier of a store. It panics when an argument is nil.
func Encoded[K comparable, V any](s Store, key codec.Key[K], c codec.Codec[V]) Far[K, V] {
	if s == nil || key == nil || c == nil {
		panic("tier: Encoded: nil store, key or codec")
	}
	leaser, _ := s.(Leaser)
	return Far[K, V]{store: s, leaser: leaser, key: key, codec: c}
}

// spell gives key as the store knows it.
func (f *Far[K, V]) spell(key K) string { return string(f.key(nil, key)) }

// skew is how far apart the wall clocks of two processes may be: a value from
// further in the future than that is not served.
const skew = 5 * time.Second

// longest is how long a far tier is told to keep what has no limit: what a store
// keeps for ever never comes with a lease, and could not be replaced but by way of
// having nothing.
const longest = 365 * 24 * time.Hour

// A reason says why bytes in a far tier are not served, in the terms of
// [FarStats].
type reason string

const (
	reasonFuture  reason = "future"
	reasonExpired reason = "expired"
	reasonTags    reason = "invalidated"
)

func (r reason) Error() string { return "tier: " + string(r) }

// garbage reports whether what a far tier holds is of no use to anybody. What is
// of another version, or over this cache's limits, may be of use to others, who
// would only store it again.
func garbage(err error) bool {
	if errors.Is(err, reasonFuture) {
		return true
	}
	var fault *envelope.Error
	return errors.As(err, &fault) && fault.Reason != envelope.Version && fault.Reason != envelope.TooLarge
}

// open decodes what far tier i holds for key. An entry comes with an error
// where it must not be given: it has expired or been invalidated, and is of use
// only as the prior value of a load.
func (f *fetching[K, V]) open(i int, key string, item Item) (*Entry[V], error) {
	c := f.cache
	env, err := c.limits.Open(key, item.Data)
	if err != nil {
		return nil, err
	}
	age := time.Now().Sub(env.Born)
	if age < -skew {
		return nil, reasonFuture
	}
	now := c.clock.now()
	e := &Entry[V]{born: now - max(0, age), stamp: f.stamp, slot: f.slot, took: roughly(max(0, env.Took)), from: Level(i + 1)} //nolint:gosec // few
	e.fresh = later(e.born, env.Fresh)
	m := more[V]{tags: env.Tags, validator: env.Validator, version: env.Version}
	if stale := env.Keep - env.Fresh; env.Keep != forever && stale != c.cfg.StaleFor {
		m.staleFor = max(stale, 1)
	}
	switch env.Kind {
	case envelope.NotFound:
		e.kind = notFound
		m.err = onefold.ErrNotFound
	default:
		e.value, err = contained(func() (V, error) { return c.far[i].codec.Decode(env.Data) })
		if err != nil {
			return nil, fmt.Errorf("%w: %w", &envelope.Error{Reason: envelope.Decode}, err)
		}
		e.lead = c.leadOf(e)
	}
	if m.err != nil || m.staleFor != 0 || len(m.tags) > 0 || m.validator != "" || m.version != 0 {
		e.more = &m
	}
	switch {
	case !f.table.admits(env.Epoch, env.Seq, env.Tags):
		return e, reasonTags
	case now >= e.fresh && (e.kind != value || now >= c.fallbackUntil(e, want{maxStale: forever})):
		return e, reasonExpired
	default:
		return e, nil
	}
}

// item seals e for a far tier, with the age it has.
func (f *fetching[K, V]) item(far *Far[K, V], key string, e *Entry[V]) (Item, error) {
	c := f.cache
	now := c.clock.now()
	m := e.rest()
	env := envelope.Envelope{
		Key: key, Born: time.Now().Add(e.born - now), Took: e.took.duration(),
		Fresh: forever, Keep: forever,
		Epoch: f.table.epoch(), Seq: f.table.seq(), Tags: m.tags, Validator: m.validator, Version: m.version,
	}
	encode := func(dst []byte) ([]byte, error) { return dst, nil }
	if e.kind == notFound {
		env.Kind = envelope.NotFound
	} else {
		encode = func(dst []byte) ([]byte, error) { return far.codec.Append(dst, e.value) }
	}
	it := Item{TTL: longest}
	if e.fresh != forever {
		env.Fresh = max(0, e.fresh-e.born)
		env.Keep = later(env.Fresh, c.staleUntil(e, want{maxStale: forever})-e.fresh)
		until := e.fresh
		if e.kind == value {
			until = c.fallbackUntil(e, want{maxStale: forever})
		}
		if until != forever {
			it.TTL = max(1, until-now)
		}
	}
	var err error
	it.Data, err = c.limits.Seal(env, encode)
	return it, err
}

// contained makes an error of a codec's panic: the value is none that it can
// cope with, which is no fault of the load.
func contained[T any](do func() (T, error)) (result T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errCodec
		}
	}()
	return do()
}
