package foldtest

import (
	"context"
	"slices"
	"time"

	"github.com/onefold-go/onefold/tier"
)

// maxQueued is how many changes wait for a slow reader of a stream. With more
// they become one that says that all may have changed.
const maxQueued = 10_000

// A stream is one Notify under way.
type stream struct {
	store  *Store
	broken chan struct{} // closed when the connection is gone

	// Guarded by the engine's mu.
	queue []tier.Change
	wake  chan struct{} // has an element when queue has; capacity 1
}

// push tells all but from of a change; mu is held.
func (e *Engine) push(from *Store, c tier.Change) {
	for _, st := range e.streams {
		if st.store == from {
			continue
		}
		if len(st.queue) >= maxQueued {
			st.queue = append(st.queue[:0], tier.Change{All: true}, tier.Change{Tags: true})
		}
		st.queue = append(st.queue, c)
		select {
		case st.wake <- struct{}{}:
		default:
		}
	}
}

// Staleness is that of [tier.Notifier].
func (s *Store) Staleness() time.Duration {
	if s.engine.Staleness > 0 {
		return s.engine.Staleness
	}
	return time.Second
}

// Notify is that of [tier.Notifier]. It tells of all changes from when the call
// began, and says so at once.
func (s *Store) Notify(ctx context.Context, deliver func(tier.Change)) error {
	e := s.engine
	st := &stream{store: s, broken: make(chan struct{}), wake: make(chan struct{}, 1)}
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.streams = slices.DeleteFunc(e.streams, func(other *stream) bool { return other == st })
	}()
	if _, err := s.do(ctx, Notify, "", func(time.Time) { e.streams = append(e.streams, st) }); err != nil {
		return err
	}
	deliver(tier.Change{All: true})
	var late []tier.Change
	for {
		select { // first, since a gap is behind it
		case <-st.broken:
			return ErrDropped
		default:
		}
		select {
		case <-st.broken:
			return ErrDropped
		case <-ctx.Done():
			return ctx.Err()
		case <-st.wake:
		}
		e.mu.Lock()
		changes := st.queue
		st.queue = nil
		e.mu.Unlock()
		for _, c := range changes {
			f := s.take(Push, c.Key)
			if err := s.pass(ctx); err != nil {
				return err
			}
			if err := f.suffer(ctx, s); err != nil {
				return err
			}
			if f.Lost {
				continue
			}
			if f.Late {
				late = append(late, c)
				continue
			}
			deliver(c)
			if f.Twice {
				deliver(c)
			}
			for _, c := range late {
				deliver(c)
			}
			late = nil
		}
	}
}
