package tier

import (
	"context"
	"errors"
	"time"

	"github.com/onefold-go/onefold/codec"
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

// found is what a far tier has to say about a key.
type found[V any] struct {
	value V
	ok    bool // value is fresh
	age   time.Duration
	ttl   time.Duration // counted from age 0; forever: no end

	lease Lease // zero: nothing may be filled
}

// look reads the key, and where there is nothing fresh waits until it has the
// key's lease, a value that the holder of the lease stored, or no hope of
// either. An error means that the tier could not be asked.
func (f Far[K, V]) look(ctx context.Context, key string, leaseTTL time.Duration) (found[V], error) {
	if f.leaser == nil {
		item, err := f.store.Get(ctx, key)
		if err != nil || item.Data == nil {
			return found[V]{}, err
		}
		hit, err := f.open(key, item)
		if err != nil {
			return found[V]{}, nil //nolint:nilerr // what cannot be served is a miss
		}
		return hit, nil
	}
	dropped := false
	for {
		g, err := f.leaser.Acquire(ctx, key, AcquireOptions{LeaseTTL: leaseTTL})
		if err != nil {
			return found[V]{}, err
		}
		if g.Item.Data != nil {
			hit, err := f.open(key, g.Item)
			switch {
			case err == nil:
				hit.lease = g.Lease
				return hit, nil
			case errors.Is(err, errVersion): // it is left to its writers
				if g.Lease != (Lease{}) {
					f.release(ctx, key, g.Lease)
				}
				return found[V]{}, nil
			case g.Lease != (Lease{}):
				return found[V]{lease: g.Lease}, nil
			case dropped:
				return found[V]{}, nil
			}
			dropped = true
			if err := f.store.Delete(ctx, key); err != nil {
				return found[V]{}, err
			}
			continue
		}
		if g.Lease != (Lease{}) || g.LoadSelf || g.Changed == nil {
			return found[V]{lease: g.Lease}, nil
		}
		if err := await(ctx, g); err != nil {
			return found[V]{}, err
		}
	}
}

// loadSelfAfterFailure is how long the processes that waited for a failed load
// may all load at once.
const loadSelfAfterFailure = time.Second

// release gives a lease back without a value, on a goroutine of its own that
// ends within a second: nobody has to wait for it. The lease ends by itself if
// it fails.
func (f Far[K, V]) release(ctx context.Context, key string, lease Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	go func() {
		defer cancel()
		_ = f.leaser.Release(ctx, key, lease, loadSelfAfterFailure)
	}()
}

// await waits until there is a point in asking again.
func await(ctx context.Context, g Grant) error {
	end := time.NewTimer(max(g.HeldFor, time.Millisecond))
	defer end.Stop()
	select {
	case <-g.Changed:
	case <-end.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// open decodes what the store gave, if it may be served now.
func (f Far[K, V]) open(key string, item Item) (found[V], error) {
	v, err := open(key, item.Data)
	if err != nil {
		return found[V]{}, err
	}
	age, err := v.age(time.Now())
	if err != nil {
		return found[V]{}, err
	}
	value, err := f.codec.Decode(v.value)
	if err != nil {
		return found[V]{}, err
	}
	return found[V]{value: value, ok: true, age: age, ttl: v.ttl}, nil
}

// item seals value, which is age old and may be served until it is ttl old.
func (f Far[K, V]) item(key string, value V, age, ttl time.Duration) (Item, error) {
	data, err := seal(key, time.Now().Add(-age), ttl, func(dst []byte) ([]byte, error) {
		return f.codec.Append(dst, value)
	})
	if err != nil {
		return Item{}, err
	}
	it := Item{Data: data}
	if ttl != forever {
		it.TTL = max(1, ttl-age)
	}
	return it, nil
}

// set stores value for a writer: whatever lease there is, is dropped first, so
// that no load under way can overwrite it. stored is false when somebody else
// has taken the key since: what they store is no older.
func (f Far[K, V]) set(ctx context.Context, key string, value V, age, ttl, leaseTTL time.Duration) (stored bool, err error) {
	if f.leaser == nil {
		return true, f.store.Delete(ctx, key)
	}
	it, err := f.item(key, value, age, ttl)
	if err != nil {
		return false, err
	}
	if s, ok := f.leaser.(Setter); ok {
		return true, s.Set(ctx, key, it)
	}
	if err := f.store.Delete(ctx, key); err != nil {
		return false, err
	}
	g, err := f.leaser.Acquire(ctx, key, AcquireOptions{LeaseTTL: leaseTTL})
	if err != nil || g.Lease == (Lease{}) {
		return false, err
	}
	return f.leaser.Fill(ctx, key, g.Lease, it)
}
