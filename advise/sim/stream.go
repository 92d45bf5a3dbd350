package sim

import (
	"sync"
	"sync/atomic"
)

// A Stream simulates requests as they come, with a state for each key and arm
// and none for the requests. Make it with [NewStream]; its methods must not be
// called at the same time.
//
// A request may stand for several, where only a share of the keys is given: see
// [Stream.Request].
type Stream struct {
	set       Setting
	router    *router
	index     table
	keys      []uint64
	seen      []uint32
	slotKey   []uint64 // of the router, or keys
	slots     [][]uint32
	total     int64
	origin    int64
	started   bool
	last      int64
	late      int64
	requests  Timeline
	runners   []*runner
	pairs     [][2]int
	contrasts []Contrast
	units     []unit

	block []step
	spare chan []step   // room for blocks; as much as may be handed on
	done  chan struct{} // closed when the latest of them is done; nil: there is none
}

// streamBlock is how many steps the arms are given at once, and streamAhead how
// many blocks may wait for them.
const (
	streamBlock = 1 << 14
	streamAhead = 4
)

// NewStream begins a simulation of arms, some of which are compared as in
// [Trace.Compare]. It panics when the setting or an arm is not valid.
func NewStream(set Setting, pairs [][2]int, arms ...Arm) *Stream {
	mustBeValid(set, arms)
	s := &Stream{set: set, router: newRouter(&set), pairs: pairs, contrasts: make([]Contrast, len(pairs)), units: units(len(arms), pairs)}
	for _, a := range arms {
		s.runners = append(s.runners, newRunner(a, &s.set))
	}
	keepWindows(s.runners, pairs)
	s.spare = make(chan []step, streamAhead+1)
	for range streamAhead {
		s.spare <- nil
	}
	return s
}

// Request is as in [Trace.Request], but times must not go back: one that does is
// taken as the latest so far, and counted in Late. The request stands for
// 1<<weight requests of other keys. It gives the key's number.
func (s *Stream) Request(t int64, key uint64, latency int64, weight uint8) (id uint32) {
	id = s.id(key)
	s.Again(t, id, latency, weight)
	return id
}

// Again is [Stream.Request] for a key by its number. It panics when there is
// none.
func (s *Stream) Again(t int64, id uint32, latency int64, weight uint8) {
	key := s.keys[id]
	st := step{kind: drawn, weight: weight, t: s.clock(t), key: id}
	st.n = s.seen[id]
	s.seen[id]++
	if latency >= 0 {
		st.kind, st.took = measured, min(latency, int64(MaxLatency))
	} else {
		st.took = s.set.Loader.at(uniform(s.set.Seed, forLatency, key, st.n))
	}
	before := len(s.router.slotKey)
	st.slot = s.router.slot(key, st.key, st.n)
	if len(s.router.slotKey) > before {
		s.slots[st.key] = append(s.slots[st.key], st.slot)
	}
	s.total += 1 << weight
	s.requests.at(st.t).Requests += 1 << weight
	s.push(st)
}

// Invalidate is as in [Trace.Invalidate].
func (s *Stream) Invalidate(t int64, key uint64) {
	t = s.clock(t)
	id, found := s.index.get(key)
	if !found {
		return // nothing is cached, nothing is loading
	}
	if s.router.single {
		s.push(step{t: t, key: id, slot: id, kind: dropped})
		return
	}
	for _, slot := range s.slots[id] {
		s.push(step{t: t, key: id, slot: slot, kind: dropped})
	}
}

// Late is how many requests came after a later one.
func (s *Stream) Late() int64 { return s.late }

// Keys are the keys given so far, and the number of requests of each.
func (s *Stream) Keys() (keys []uint64, requests []uint32) { return s.keys, s.seen }

// Slots is how many states the stream keeps for each arm.
func (s *Stream) Slots() int {
	if s.router.single {
		return len(s.keys)
	}
	return len(s.router.slotKey)
}

// Find gives the number of a key that has been given: its place in Keys.
func (s *Stream) Find(key uint64) (id uint32, found bool) { return s.index.get(key) }

// Requests is the course of the requests themselves.
func (s *Stream) Requests() *Timeline { return &s.requests }

func (s *Stream) clock(t int64) int64 {
	if !s.started {
		s.started, s.origin = true, t
	}
	t -= s.origin
	if t < s.last {
		s.late++
		return s.last
	}
	s.last = min(t, never/2)
	return s.last
}

func (s *Stream) id(key uint64) uint32 {
	id, found := s.index.find(key, uint32(len(s.keys))) //nolint:gosec // a trace of 2^32 keys does not fit
	if !found {
		s.keys = append(s.keys, key)
		s.seen = append(s.seen, 0)
		if !s.router.single {
			s.slots = append(s.slots, nil)
		}
	}
	return id
}

func (s *Stream) push(st step) {
	s.block = append(s.block, st)
	if len(s.block) >= streamBlock {
		s.hand()
	}
}

// hand gives the block to the workers, who take it when they are done with the
// one before, and waits while too many are ahead of it. The next block fills
// meanwhile.
func (s *Stream) hand() {
	block, slotKey, before := s.block, s.router.slotKey, s.done
	if s.router.single {
		slotKey = s.keys
	}
	done := make(chan struct{})
	s.done = done
	go func() { // it ends when the block is done
		if before != nil {
			<-before
		}
		s.work(block, slotKey)
		s.spare <- block[:0]
		close(done)
	}()
	s.block = <-s.spare
}

// work takes all arms through a block.
func (s *Stream) work(block []step, slotKey []uint64) {
	var turn atomic.Int64
	var busy sync.WaitGroup
	for range min(workers(s.set), len(s.units)) {
		busy.Go(func() {
			for {
				i := int(turn.Add(1)) - 1
				if i >= len(s.units) {
					return
				}
				u := &s.units[i]
				for _, arm := range u.arms {
					s.runners[arm].run(block, slotKey)
				}
				u.contrast(s.runners, s.pairs, s.contrasts)
			}
		})
	}
	busy.Wait()
}

// Close ends the stream and gives the outcomes, in the order of the arms and
// the pairs.
func (s *Stream) Close() ([]*Outcome, []Contrast) {
	s.hand()
	<-s.done
	for _, r := range s.runners {
		r.finish(s.total, len(s.keys), s.router.owner)
	}
	for i := range s.units {
		s.units[i].contrast(s.runners, s.pairs, s.contrasts)
	}
	out := make([]*Outcome, len(s.runners))
	for i, r := range s.runners {
		out[i] = &r.out
	}
	return out, s.contrasts
}
