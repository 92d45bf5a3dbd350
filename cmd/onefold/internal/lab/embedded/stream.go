package embedded

import (
	"context"
	"time"

	"github.com/onefold-go/onefold/tier"
)

// maxQueued is how many changes wait for a slow listener. With more they become
// two that say that all may have changed.
const maxQueued = 10_000

// A stream is one Notify under way. Its fields but wake are guarded by the
// engine's lock.
type stream struct {
	conn  uint64
	queue []tier.Change
	wake  chan struct{} // has an element when queue has; capacity 1
}

// tellLocked tells all processes but s's of a change.
func (s *Store) tellLocked(c tier.Change) {
	for st := range s.engine.streams {
		if st.conn == s.conn {
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

// Notify is that of tier.Notifier.
func (s *Store) Notify(ctx context.Context, deliver func(tier.Change)) error {
	e := s.engine
	st := &stream{conn: s.conn, queue: []tier.Change{{All: true}}, wake: make(chan struct{}, 1)}
	st.wake <- struct{}{}
	e.mu.Lock()
	if e.streams == nil {
		e.streams = make(map[*stream]bool)
	}
	e.streams[st] = true
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		delete(e.streams, st)
		e.mu.Unlock()
	}()
	for {
		select {
		case <-st.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
		e.mu.Lock()
		queue := st.queue
		st.queue = nil
		e.mu.Unlock()
		for _, c := range queue {
			deliver(c)
		}
	}
}

// Staleness is that of tier.Notifier: within a process nothing breaks.
func (*Store) Staleness() time.Duration { return time.Second }
