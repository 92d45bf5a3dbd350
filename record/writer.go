package record

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Header is the first line of a recording: the names of its columns.
//
//	time      when the call or load began, in nanoseconds since 1970
//	name      of the group or cache, Config.Name
//	key       the key's digest, in hexadecimal: equal for equal keys of one name, within one recording
//	event     call or load
//	outcome   as onefold.Outcome: led, joined, hit, stale, negative, failed
//	duration  of the call or load, in nanoseconds
//	weight    how many keys this one stands for
//
// Lines are in the order of the times to within the interval of writing. Lines that
// begin with # are remarks.
const Header = "time,name,key,event,outcome,duration,weight"

const interval = 250 * time.Millisecond

// A writer is what the recorder's goroutine has for itself.
type writer struct {
	w       *bufio.Writer
	weight  string // of a key in the tail
	line    []byte
	batch   []event
	counts  map[uint64]uint32 // of probes, by key
	looked  time.Time         // when the head was chosen
	written atomic.Uint64
}

func (w *writer) init(to io.Writer, cfg Config) {
	w.w = bufio.NewWriterSize(to, 1<<16)
	w.weight = strconv.FormatFloat(1/cfg.TailShare, 'g', 6, 64)
	w.counts = make(map[uint64]uint32)
	w.looked = time.Now()
	fmt.Fprintf(w.w, "# onefold recording 1: up to %d keys in full, %g of the others\n%s\n", cfg.HeadKeys, cfg.TailShare, Header)
}

// write is the recorder's goroutine.
func (r *Recorder) write() {
	defer close(r.done)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-r.wake:
		case <-r.ending:
			if r.err = r.flush(); r.err == nil {
				s := r.Stats()
				fmt.Fprintf(r.writer.w, "# written %d, skipped %d, dropped %d\n", s.Written, s.Skipped, s.Dropped)
				r.err = r.writer.w.Flush()
			}
			r.stop()
			return
		}
		if r.err = r.flush(); r.err != nil {
			r.err = fmt.Errorf("record: %w", r.err)
			r.stop()
			return
		}
	}
}

// stop lets nobody wait or put in events any more: a buffer without room drops
// what comes.
func (r *Recorder) stop() {
	for i := range r.buffers {
		b := &r.buffers[i]
		b.mu.Lock()
		r.dropped.Add(uint64(len(b.events)))
		b.events = nil
		b.mu.Unlock()
	}
}

// flush writes all that waits.
func (r *Recorder) flush() error {
	w := &r.writer
	w.batch = w.batch[:0]
	for i := range r.buffers {
		b := &r.buffers[i]
		b.mu.Lock()
		b.events, b.spare = b.spare[:0], b.events
		b.mu.Unlock()
		w.batch = append(w.batch, b.spare...)
	}
	slices.SortFunc(w.batch, func(a, b event) int { return cmp.Compare(a.began, b.began) })
	for i := range w.batch {
		e := &w.batch[i]
		if !e.load {
			r.count(e.key)
		}
		if r.wants(e.key) {
			w.put(e, r.weight(e.key))
		}
	}
	r.chooseHead()
	return w.w.Flush()
}

// weight is how many keys one stands for.
func (r *Recorder) weight(key uint64) string {
	head := r.head.Load()
	if head == nil {
		return "1"
	}
	if _, in := (*head)[key]; in {
		return "1"
	}
	return r.writer.weight
}

// put writes a line.
func (w *writer) put(e *event, weight string) {
	b := strconv.AppendInt(w.line[:0], e.began, 10)
	b = append(b, ',')
	b = appendName(b, e.name)
	b = append(b, ',')
	b = strconv.AppendUint(b, e.key, 16)
	if e.load {
		b = append(b, ",load,"...)
	} else {
		b = append(b, ",call,"...)
	}
	b = append(b, e.outcome.String()...)
	b = append(b, ',')
	b = strconv.AppendInt(b, e.took, 10)
	b = append(b, ',')
	b = append(b, weight...)
	b = append(b, '\n')
	w.line = b
	_, _ = w.w.Write(b) // an error stays with the bufio.Writer until Flush
	w.written.Add(1)
}

// appendName quotes a name as CSV does, where it must be.
func appendName(b []byte, name string) []byte {
	if !strings.ContainsAny(name, ",\"\r\n#") {
		return append(b, name...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(name, `"`, `""`)...)
	return append(b, '"')
}

// count counts a call toward the head.
func (r *Recorder) count(key uint64) {
	w := &r.writer
	if _, known := w.counts[key]; known || len(w.counts) < 8*r.headKeys {
		w.counts[key]++
	}
}

// chooseHead takes the keys that were asked for most into the head, once a
// second. As long as there are no more keys than it holds, all are recorded.
//
// Before there is a head all calls are counted, afterwards those of recorded
// keys and a share of the others, for which theirs count more.
func (r *Recorder) chooseHead() {
	w := &r.writer
	first := r.head.Load() == nil
	if len(w.counts) <= r.headKeys && first {
		return
	}
	if !first && time.Since(w.looked) < time.Second {
		return
	}
	w.looked = time.Now()
	keys := make([]uint64, 0, len(w.counts))
	for k := range w.counts {
		keys = append(keys, k)
	}
	rank := func(k uint64) uint32 {
		if first || r.wants(k) {
			return w.counts[k]
		}
		return w.counts[k] * probeEvery
	}
	slices.SortFunc(keys, func(a, b uint64) int { return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a, b)) })
	head := make(map[uint64]struct{}, r.headKeys)
	for _, k := range keys[:min(len(keys), r.headKeys)] {
		head[k] = struct{}{}
	}
	for k, n := range w.counts {
		if n /= 2; n == 0 {
			delete(w.counts, k)
		} else {
			w.counts[k] = n
		}
	}
	r.head.Store(&head)
}
