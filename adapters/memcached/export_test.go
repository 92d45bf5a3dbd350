package memcached

import "time"

// SetClock makes a process's clock differ from that of others.
func (s *Store) SetClock(now func() time.Time) { s.clock = now }

// Wire gives a key as memcached knows it.
var Wire = wire

// Ring gives what finds the place of a key's server.
func Ring(servers []string) func(key string) int { return newRing(servers).server }

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

// DecodeTable reads a table of tags as it is stored, and stores it again.
func DecodeTable(b []byte) (again []byte, ok bool) {
	t, ok := decodeTable(b)
	if !ok {
		return nil, false
	}
	return t.encode(), true
}
