package record

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onefold-go/onefold"
)

// What a [Config] means that names nothing else.
const (
	DefaultHeadKeys  = 4096
	DefaultTailShare = 1.0 / 16
	DefaultBuffer    = 1 << 16 // events: 3 MiB
)

// Config configures a [Recorder]. The zero Config is ready to use.
type Config struct {
	// HeadKeys is how many keys are recorded in full: all, as long as there are
	// no more than these, and then those asked for most. Zero means
	// DefaultHeadKeys.
	HeadKeys int

	// TailShare is the share of the other keys that are recorded, each of them
	// in full, chosen by their digests. 1 records all. Zero means
	// DefaultTailShare.
	TailShare float64

	// Buffer is how many events may wait to be written. What comes when it is
	// full is dropped, and counted. Zero means DefaultBuffer.
	Buffer int
}

// Validate reports every fault of c, each with the value that was given.
func (c Config) Validate() error {
	var faults []error
	if c.HeadKeys < 0 {
		faults = append(faults, fmt.Errorf("record: Config.HeadKeys is %d, want 0 (%d) or more", c.HeadKeys, DefaultHeadKeys))
	}
	if !(c.TailShare >= 0 && c.TailShare <= 1) { //nolint:staticcheck // so that a NaN is a fault too
		faults = append(faults, fmt.Errorf("record: Config.TailShare is %v, want 0 (1/16) to 1", c.TailShare))
	}
	if c.Buffer < 0 {
		faults = append(faults, fmt.Errorf("record: Config.Buffer is %d, want 0 (%d) or more", c.Buffer, DefaultBuffer))
	}
	return errors.Join(faults...)
}

// A Recorder writes recordings. Make it with [New], give its [Recorder.Hooks] to
// groups and caches, and [Recorder.Close] it. Its methods may be called at the
// same time from many goroutines.
//
// An event costs its caller a clock reading and a place in a buffer; a goroutine
// of the recorder's own writes them, a few times a second.
type Recorder struct {
	headKeys int
	tail     uint64 // digests below it are recorded

	head    atomic.Pointer[map[uint64]struct{}] // nil: all keys are
	buffers []buffer
	dropped atomic.Uint64
	skipped atomic.Uint64

	wake   chan struct{}
	ending chan struct{}
	once   sync.Once
	done   chan struct{} // closed when the goroutine has ended
	writer writer        // the goroutine's
	err    error         // written before done is closed
}

// A buffer is a part of the events that wait, for some of the callers.
type buffer struct {
	mu     sync.Mutex
	events []event // guarded by mu; full at its capacity
	spare  []event // the goroutine's
	_      [64]byte
}

// An event is a call or a load.
type event struct {
	began   int64 // Unix, in nanoseconds
	took    int64
	key     uint64
	name    string
	outcome onefold.Outcome
	load    bool
	again   bool
}

// probeEvery is how many calls there are for one that counts toward the head.
const probeEvery = 8

// New makes a Recorder that writes to w, which it does not close. Faults of cfg
// are reported together. When w fails the recorder stops recording, and Close
// gives the error.
func New(w io.Writer, cfg Config) (*Recorder, error) {
	faults := []error{cfg.Validate()}
	if w == nil {
		faults = append(faults, errors.New("record: nil writer"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if cfg.HeadKeys == 0 {
		cfg.HeadKeys = DefaultHeadKeys
	}
	if cfg.TailShare == 0 {
		cfg.TailShare = DefaultTailShare
	}
	if cfg.Buffer == 0 {
		cfg.Buffer = DefaultBuffer
	}
	r := &Recorder{
		headKeys: cfg.HeadKeys,
		tail:     math.MaxUint64,
		buffers:  make([]buffer, stripes),
		wake:     make(chan struct{}, 1),
		ending:   make(chan struct{}),
		done:     make(chan struct{}),
	}
	if cfg.TailShare < 1 {
		r.tail = uint64(cfg.TailShare * (1 << 63) * 2)
	}
	for i := range r.buffers {
		r.buffers[i].events = make([]event, 0, max(1, cfg.Buffer/stripes))
		r.buffers[i].spare = make([]event, 0, cap(r.buffers[i].events))
	}
	r.writer.init(w, cfg)
	go r.write() // ends with Close, or when w fails
	return r, nil
}

const stripes = 16

// Hooks gives hooks that record, and tell those of also, which may be the zero
// Hooks.
func (r *Recorder) Hooks(also onefold.Hooks) onefold.Hooks {
	h := onefold.Hooks{
		Call: func(e onefold.Event) { r.add(e, false) },
		Load: func(e onefold.Event) { r.add(e, true) },
	}
	if call := also.Call; call != nil {
		h.Call = func(e onefold.Event) { r.add(e, false); call(e) }
	}
	if load := also.Load; load != nil {
		h.Load = func(e onefold.Event) { r.add(e, true); load(e) }
	}
	return h
}

// add puts an event where the goroutine finds it.
func (r *Recorder) add(e onefold.Event, load bool) {
	random := rand.Uint32() //nolint:gosec // no secret
	if !r.wants(e.KeyHash) && random%probeEvery != 0 {
		r.skipped.Add(1)
		return
	}
	b := &r.buffers[random>>8%stripes]
	b.mu.Lock()
	n := len(b.events)
	if n == cap(b.events) {
		b.mu.Unlock()
		r.dropped.Add(1)
		return
	}
	b.events = append(b.events, event{
		began: time.Now().Add(-e.Took).UnixNano(), took: int64(e.Took), key: e.KeyHash, name: e.Name,
		outcome: e.Outcome, load: load, again: e.Again,
	})
	halfFull := n == cap(b.events)/2
	b.mu.Unlock()
	if halfFull {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// wants says whether a key is one of those that are recorded.
func (r *Recorder) wants(key uint64) bool {
	head := r.head.Load()
	if head == nil || key < r.tail {
		return true
	}
	_, in := (*head)[key]
	return in
}

// Stats are a Recorder's sums so far.
type Stats struct {
	Written uint64 // events in the recording
	Skipped uint64 // events of keys that are not recorded, about
	Dropped uint64 // events that found the buffer full, or came after a writer's failure
}

// Stats gives the sums so far.
func (r *Recorder) Stats() Stats {
	return Stats{Written: r.writer.written.Load(), Skipped: r.skipped.Load(), Dropped: r.dropped.Load()}
}

// Close writes what waits and ends the recording. What hooks are told after that
// is passed over. Closing twice gives the same error.
func (r *Recorder) Close() error {
	r.once.Do(func() { close(r.ending) })
	<-r.done
	return r.err
}
