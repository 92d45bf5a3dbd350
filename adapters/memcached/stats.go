package memcached

// Stats are sums since [New], and how things are now.
type Stats struct {
	// State is the worst of States, which are those of each server, in the order
	// of [Config.Servers]: closed: calls are made; open: they are not, as the
	// server does not answer; half-open: one is, to find out.
	State  string
	States []string

	Refused     uint64 // calls that were not made
	Undelivered int    // invalidations that a server may have missed yet
}

// Stats gives the sums so far. They are not taken at one instant.
func (s *Store) Stats() Stats {
	st := Stats{State: s.worst().String(), Refused: s.refused.Load()}
	for _, n := range s.nodes {
		st.States = append(st.States, n.breaker.State().String())
		st.Undelivered += n.missed.Len()
	}
	return st
}
