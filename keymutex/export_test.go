package keymutex

// Traces gives how many keys m has in its table, and how many callers wait.
func (m *Mutex[K]) Traces() (keys, waiting int) {
	for i := range m.table.shards {
		s := &m.table.shards[i]
		s.Lock()
		for _, l := range s.buckets {
			for ; l != nil; l = l.next {
				keys++
				waiting += l.waiting
			}
		}
		s.Unlock()
	}
	return keys, waiting
}
