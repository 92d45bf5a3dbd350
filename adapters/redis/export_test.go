package redis

// Waiting gives for how many keys somebody waits for another's lease.
func (s *Store) Waiting() (n int) {
	s.stream.mu.Lock()
	defer s.stream.mu.Unlock()
	for _, w := range s.stream.waits {
		if w.timer != nil {
			n++
		}
	}
	return n
}

// Armed gives for how many keys anything is kept because somebody may wait.
func (s *Store) Armed() int {
	s.stream.mu.Lock()
	defer s.stream.mu.Unlock()
	return len(s.stream.waits)
}
