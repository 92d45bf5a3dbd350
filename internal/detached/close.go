package detached

import (
	"context"

	"github.com/onefold-go/onefold/internal/flight"
)

// Close turns away all later callers with ErrClosed and waits until every load
// has returned, or ctx ends: then the callers of the flights that are current
// get ErrClosed, their loads are cancelled and not waited for, and Close returns
// the context's error. Closing twice is fine.
func (t *Table[K, V]) Close(ctx context.Context) error {
	shards := t.flights.Shards()
	for i := range shards {
		s := &shards[i]
		s.Lock()
		s.Closed = true
		if s.Drained == nil {
			s.Drained = make(chan struct{})
			if s.Running == 0 {
				close(s.Drained)
			}
		}
		s.Unlock()
	}
	for i := range shards {
		select {
		case <-shards[i].Drained: // fixed since the loop above
		case <-ctx.Done():
			t.cutCurrent()
			return ctx.Err()
		}
	}
	return nil
}

func (t *Table[K, V]) cutCurrent() {
	for i := range t.flights.Shards() {
		s := &t.flights.Shards()[i]
		s.Lock()
		flights := s.CurrentLocked()
		s.Unlock()
		for _, f := range flights {
			t.cut(f, flight.Ending[V]{How: flight.Refused, Err: ErrClosed})
			f.X.ctx.Cancel()
		}
	}
}
