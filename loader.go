package onefold

import (
	"context"
	"errors"
)

// A Loader is a [Group] for one load, given once. Make it with [NewLoader]. Its
// methods may be called at the same time from many goroutines.
type Loader[K comparable, V any] struct {
	group Group[K, V]
	load  func(context.Context, K) (V, error)
}

// NewLoader makes a Loader of load. The faults of cfg are reported together.
func NewLoader[K comparable, V any](load func(context.Context, K) (V, error), cfg Config) (*Loader[K, V], error) {
	err := cfg.Validate()
	if load == nil {
		err = errors.Join(errors.New("onefold: NewLoader: load is nil"), err)
	}
	if err != nil {
		return nil, err
	}
	return &Loader[K, V]{group: Group[K, V]{Config: cfg}, load: load}, nil
}

// Load gives the result of loading key, as [Group.Do] does.
func (l *Loader[K, V]) Load(ctx context.Context, key K) (V, error) {
	return l.group.Do(ctx, key, l.load)
}

// LoadResult gives the result of loading key, as [Group.DoResult] does.
func (l *Loader[K, V]) LoadResult(ctx context.Context, key K, c Call) Result[V] {
	return l.group.DoResult(ctx, key, l.load, c)
}

// Forget makes the next Load of key start anew, as [Group.Forget] does.
func (l *Loader[K, V]) Forget(key K) { l.group.Forget(key) }

// Stats gives the sums so far, as [Group.Stats] does.
func (l *Loader[K, V]) Stats() Stats { return l.group.Stats() }

// Close ends the Loader, as [Group.Close] does.
func (l *Loader[K, V]) Close(ctx context.Context) error { return l.group.Close(ctx) }
