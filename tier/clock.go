package tier

import (
	"sync"
	"sync/atomic"
	"time"
)

// A clock tells the time since it was made. It is monotonic: a step of the wall
// clock changes nothing.
//
//	still --a hit asks--> ticking --nobody has asked for a tick--> still
//
// To read the time costs more than everything else in a hit, so a hit first
// looks at the time of the last tick, which is tick old or a little older. Only
// near the edge, where that could make a difference, does it read the real one.
// A clock that nobody asks has no timer, and it never has a goroutine.
//
// A tick is late where the process is stopped, or has more to do than it has
// processors for, and by seconds where goroutines that never wait keep them. So
// one hit in lookEvery reads the time and sees to it that the others have it.
// Until the first of them, a value may be served that expired meanwhile.
type clock struct {
	start  time.Time
	last   atomic.Int64 // when the last tick was; 0: still
	asked  atomic.Bool  // since the last tick
	_      [40]byte     // hits read the line above; nothing else is on it
	mu     sync.Mutex
	timer  *time.Timer // guarded by mu; nil until the first hit
	closed bool        // guarded by mu
}

const (
	tick = time.Millisecond
	edge = 50 * time.Millisecond

	lookEvery = 16 // hits of a goroutine, or of a few that share a stripe of the counter
)

// now gives the time.
func (k *clock) now() time.Duration { return time.Since(k.start) }

// before reports whether it is earlier than t.
func (k *clock) before(t time.Duration) bool {
	if t == forever {
		return true
	}
	if last := k.last.Load(); last != 0 {
		if !k.asked.Load() {
			k.asked.Store(true)
		}
		if t-time.Duration(last) > edge {
			return true
		}
	} else {
		k.wind()
	}
	return k.now() < t
}

// recently gives the time of the last tick, or the time where the clock is
// still.
func (k *clock) recently() time.Duration {
	if last := k.last.Load(); last != 0 {
		return time.Duration(last)
	}
	return k.now()
}

// catchUp is a tick where the last one is late.
func (k *clock) catchUp() {
	last := k.last.Load()
	if last == 0 {
		return
	}
	if now := int64(k.now()); now-last > int64(2*tick) {
		k.last.CompareAndSwap(last, now)
	}
}

// wind starts a still clock.
func (k *clock) wind() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed || k.last.Load() != 0 {
		return
	}
	k.asked.Store(true)
	k.last.Store(max(1, int64(k.now())))
	if k.timer == nil {
		k.timer = time.AfterFunc(tick, k.tick)
	} else {
		k.timer.Reset(tick)
	}
}

func (k *clock) tick() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed || !k.asked.Load() {
		k.last.Store(0)
		return
	}
	k.asked.Store(false)
	k.last.Store(int64(k.now()))
	k.timer.Reset(tick)
}

// stop makes the clock still for good. It still tells the time.
func (k *clock) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	k.last.Store(0)
	if k.timer != nil {
		k.timer.Stop()
	}
}
