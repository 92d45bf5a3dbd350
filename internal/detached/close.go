package detached

import "context"

// Close turns away all later callers with ErrClosed and waits until every load
// has returned, or ctx ends: then it cancels the loads that are current, does
// not wait for them, and returns the context's error. Closing twice is fine.
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
			t.cancelCurrent()
			return ctx.Err()
		}
	}
	return nil
}

func (t *Table[K, V]) cancelCurrent() {
	for i := range t.flights.Shards() {
		s := &t.flights.Shards()[i]
		s.Lock()
		flights := s.CurrentLocked()
		s.Unlock()
		for _, f := range flights {
			f.X.ctx.Cancel()
		}
	}
}
