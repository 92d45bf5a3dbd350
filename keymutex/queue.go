package keymutex

// A queue is those who wait for one key, in the order in which they came. Its
// shard's lock guards it.
type queue struct {
	first, last *waiter
	waiting     int
}

// A waiter is one caller of Lock that waits. It leaves its queue by pop, with
// the lock, or by remove, without.
type waiter struct {
	turn       chan struct{} // closed, outside the shard's lock, when the waiter is handed the lock
	handed     bool          // guarded by the shard's lock
	prev, next *waiter       // guarded by the shard's lock
}

// push adds a waiter behind all others.
func (q *queue) push() *waiter {
	w := &waiter{turn: make(chan struct{}), prev: q.last}
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
	q.waiting++
	return w
}

// pop takes out the first waiter. There must be one.
func (q *queue) pop() *waiter {
	w := q.first
	q.remove(w)
	return w
}

// remove takes out w, wherever it stands.
func (q *queue) remove(w *waiter) {
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
	q.waiting--
}
