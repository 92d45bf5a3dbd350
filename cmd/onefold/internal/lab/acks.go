package lab

import (
	"sync"
	"time"
)

// acks are when invalidations were acknowledged, to tell how late an answer is
// that should have followed one. The zero acks hold none.
type acks struct {
	mu   sync.Mutex
	keys map[int32][]ack // guarded by mu; in the order of acknowledgement
	most time.Duration   // guarded by mu; that any answer was late
}

type ack struct {
	version int64 // of the row, from then on
	at      time.Time
}

func (a *acks) add(key int32, version int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.keys == nil {
		a.keys = make(map[int32][]ack)
	}
	a.keys[key] = append(a.keys[key], ack{version, time.Now()})
}

// stale notes an answer of this version to a call that began at began.
func (a *acks) stale(key int32, version int64, began time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range a.keys[key] {
		if k.version > version {
			a.most = max(a.most, began.Sub(k.at))
			return
		}
	}
}

// stalest is the most that an answer was late.
func (a *acks) stalest() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.most
}
