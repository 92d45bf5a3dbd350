package detached

import (
	"context"

	"github.com/onefold-go/onefold/internal/flight"
)

// Close turns away all later callers with ErrClosed and waits until every load
// has returned, or ctx ends: then the callers of the flights that are left get
// ErrClosed, their loads are cancelled and not waited for, and Close returns the
// context's error. Closing twice is fine.
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
		drained := shards[i].Drained // fixed since the loop above
		select {
		case <-drained:
			continue // also when ctx has ended
		default:
		}
		select {
		case <-drained:
		case <-ctx.Done():
			t.cutAll()
			return ctx.Err()
		}
	}
	return nil
}

func (t *Table[K, V]) cutAll() {
	for i := range t.flights.Shards() {
		s := &t.flights.Shards()[i]
		s.Lock()
		flights := s.LoadingLocked()
		s.Unlock()
		for _, f := range flights {
			t.cut(f, flight.Ending[V]{How: flight.Refused, Err: ErrClosed})
			f.X.ctx.Cancel()
		}
	}
}
