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

// FoundAs reports whether a table in which held is held finds key under held's
// hash, as if the two had the same.
func FoundAs[K comparable](held, key K) bool {
	var t table[K]
	t.init()
	s, hash := t.shard(held)
	s.holdLocked(held, hash)
	return s.findLocked(key, hash) != nil
}
