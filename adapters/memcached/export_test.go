package memcached

import "time"

// SetClock makes a process's clock differ from that of others.
func (s *Store) SetClock(now func() time.Time) { s.clock = now }

// Wire, Servers and the like are for the tests of what others must agree on.
var Wire = wire

// Place gives the place of the server that a ring of servers has for a key.
func Place(servers []string, key string) int { return newRing(servers).server(key) }

// Leases is how many leases are remembered.
func (s *Store) Leases() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.leases)
}

// Watches is how many keys are looked at.
func (s *Store) Watches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watches)
}

// EncodeTable and DecodeTable are the table of tags as it is stored.
func DecodeTable(b []byte) (again []byte, ok bool) {
	t, ok := decodeTable(b)
	if !ok {
		return nil, false
	}
	return t.encode(), true
}
