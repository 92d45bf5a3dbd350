package detached

import (
	"container/list"
	"sync"
)

// A turns lets a number of loads run at once. The others wait in the order in
// which they came.
//
// It was a channel with room for that number. A channel that is made in a
// testing/synctest bubble may be used in no other, and a group that is a package
// variable is used in the bubbles of many tests: what is kept must not be one.
type turns struct {
	mu    sync.Mutex
	free  int       // guarded by mu; 0 while anybody waits
	queue list.List // guarded by mu; of chan struct{}, each closed when its owner has the turn
}

// try takes a turn if one is free.
func (t *turns) try() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.free == 0 {
		return false
	}
	t.free--
	return true
}

// wait takes a turn, now or later: then turn is closed. Whoever does not want to
// wait any more calls leave, which reports false if the turn has come.
func (t *turns) wait() (turn <-chan struct{}, leave func() bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ch := make(chan struct{})
	if t.free > 0 {
		t.free--
		close(ch)
		return ch, func() bool { return false }
	}
	place := t.queue.PushBack(ch)
	return ch, func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		select {
		case <-ch:
			return false
		default:
			t.queue.Remove(place)
			return true
		}
	}
}

// done gives a turn back.
func (t *turns) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if first := t.queue.Front(); first != nil {
		close(t.queue.Remove(first).(chan struct{}))
		return
	}
	t.free++
}
