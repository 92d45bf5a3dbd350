package redis

import "sync/atomic"

// Stats are sums since [Open], and how things are now.
type Stats struct {
	Live    bool   // the stream of changes is
	Streams uint64 // how often it began
	Heard   uint64 // changes by others that it told of
	Flushes uint64 // times that it told that anything may have changed: it broke, or the server was emptied

	State       string // closed: calls are made; open: they are not, as the server does not answer; half-open: one is, to find out
	Refused     uint64 // calls that were not made
	Undelivered int    // invalidations that the server may have missed yet
}

type counts struct{ streams, heard, flushes, refused atomic.Uint64 }

// Stats gives the sums so far. They are not taken at one instant.
func (s *Store) Stats() Stats {
	s.stream.mu.Lock()
	live := s.stream.live
	s.stream.mu.Unlock()
	return Stats{
		Live: live, Streams: s.counts.streams.Load(), Heard: s.counts.heard.Load(), Flushes: s.counts.flushes.Load(),
		State: s.breakers.state().String(), Refused: s.counts.refused.Load(), Undelivered: s.undelivered.Len(),
	}
}
