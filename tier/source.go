package tier

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Source is where values come from. Exactly one of Load and LoadEntry must be
// set. All functions may be called at the same time from many goroutines, each
// with a context of the load's own: see [Config.LoadContext].
type Source[K comparable, V any] struct {
	// Load gives the value of key. An error that is [onefold.ErrNotFound] says
	// that there is none.
	Load func(ctx context.Context, key K) (V, error)

	// LoadEntry is Load for a source that has more to say of a value, and for
	// one that can tell whether the value it gave before still stands: prior is
	// that value, if the cache still has it.
	LoadEntry func(ctx context.Context, key K, prior Prior[V]) (Loaded[V], error)

	// LoadMany gives the values of many keys in one call. A key that is not in
	// the map is not found. An error that is, or wraps, a [batch.KeyErrors] fails
	// the keys it names and no others; any other error fails all. Nil: keys are
	// loaded one by one, at the same time.
	LoadMany func(ctx context.Context, keys []K) (map[K]V, error)

	// Clone copies a value that more than one caller may get, once for each of
	// them, on the caller's goroutine. Nil: callers share the V, and must not
	// change what it leads to.
	Clone func(V) V
}

func (s *Source[K, V]) validate() error {
	switch {
	case s.Load == nil && s.LoadEntry == nil:
		return errors.New("tier: load is nil, and so is Source.LoadEntry: want one function that reads the source")
	case s.Load != nil && s.LoadEntry != nil:
		return errors.New("tier: both Source.Load and Source.LoadEntry are set, want one of them")
	default:
		return nil
	}
}

// load asks for one key.
func (s *Source[K, V]) load(ctx context.Context, key K, prior Prior[V]) (Loaded[V], error) {
	if s.LoadEntry != nil {
		return s.LoadEntry(ctx, key, prior)
	}
	v, err := s.Load(ctx, key)
	return Loaded[V]{Value: v}, err
}

// A Loaded is a value with what its source says of it. The zero values of all
// fields but Value mean what the cache's [Config] says, or nothing.
type Loaded[V any] struct {
	Value V

	TTL       time.Duration // how long it is fresh; jitter applies
	StaleFor  time.Duration // how long after that it is still given while a load is under way
	Tags      []string      // what [Cache.InvalidateTag] knows it by
	Weight    uint32        // what it counts in a near tier that is bounded by weight
	Validator string        // by which the source knows it again, such as an ETag
	Version   uint64        // as the source counts: a load whose value has a lower one than the value at hand has failed, and [Cache.Set] refuses it; see [VersionError]

	// NotModified says that the prior value still stands: Value is not looked
	// at, and Tags only if there are any. Without a prior value it is an error.
	NotModified bool

	// NoStore says that the value is for the callers who wait for it now and is
	// stored nowhere. For [Config.DirectFor], or TTL if that is set, calls for
	// the key load for themselves.
	NoStore bool
}

func (l *Loaded[V]) validate() error {
	if l.TTL < 0 {
		return fmt.Errorf("tier: Loaded.TTL is %v, want 0 (that of Config) or more", l.TTL)
	}
	if l.StaleFor < 0 {
		return fmt.Errorf("tier: Loaded.StaleFor is %v, want 0 (that of Config) or more", l.StaleFor)
	}
	return nil
}

// A Prior is the value of a key that a cache still has when it loads the key
// anew. It may have been invalidated by tag: only the source can say whether it
// still stands.
type Prior[V any] struct {
	OK        bool // there is one
	Value     V    // it must not be changed
	Validator string
	Age       time.Duration
}
