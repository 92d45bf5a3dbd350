package fencemodel

// The rule for changes made elsewhere, in the process that hears of them. It
// needs no way back from the key of a push to the typed key: a push deletes no
// entry and detaches no flight, but notes its number in a slot that the hash of
// its key chooses. Entries and flights carry the number from before they read
// anything. One process is modelled, with what reaches it from outside.

const (
	slotKeys    = 2
	slotFlights = 5
	slotCallers = 6
)

// SlotNaive is a set of simpler rules.
type SlotNaive uint8

// What can be left out, or be done in another order.
const (
	StampAfterRead SlotNaive = 1 << iota
	StampAtStore
	SlotLooksBetween // a joiner refuses only when stamp < slot <= its entry's number
	JoinerTakesAll   // a joiner refuses nothing
	SlotGoesBack     // two pushes at once may leave the lower number in the slot
	SlotBeforeFar    // the push is sent before the far tier has dropped the key
	FloorForgotten   // InvalidateAll and gaps do not raise the floor
)

// A SlotCall is a Get, or a change that the process hears of.
type SlotCall struct {
	Kind SlotKind
	Key  uint8
}

// SlotKind is the kind of a [SlotCall].
type SlotKind uint8

// The kinds.
const (
	SlotGet  SlotKind = iota
	SlotPush          // a Write elsewhere, whose push arrives
	SlotGap           // a Write elsewhere, whose push is lost; then the gap is noticed
	SlotAll           // the source changes, then InvalidateAll
	SlotTag           // the source changes, then InvalidateTag of the tag that all entries carry
	SlotDrop          // a Write here, which does D2 under the lock
)

// Slots is the model's bounds.
type Slots struct {
	Calls  []SlotCall
	Shared bool // both keys have the same slot
	Evict  uint8
	Naive  SlotNaive
}

type slotEntry struct{ v, stamp uint8 }

type slotFlight struct {
	pc, key uint8
	stamp   uint8
	got     uint8
}

type slotCaller struct {
	pc      uint8
	key     uint8
	need    uint8
	seq     uint8 // at its entry
	e       slotEntry
	flight  uint8
	again   bool
	ver     uint8
	arrived uint8 // the number that the change got
}

// A slots is one state.
type slots struct {
	src, far  [slotKeys]uint8
	seq       uint8
	floor     uint8
	gen       uint8
	slot      [slotKeys]uint8
	near      [slotKeys]slotEntry
	flow      [slotKeys]uint8
	flights   [slotFlights]slotFlight
	callers   [slotCallers]slotCaller
	need      [slotKeys]uint8
	evictions uint8
	old       bool
}

// Where a caller is.
const (
	cDone = iota
	cBegin
	cSeq   // R1, reading one word after the other: stamp == seq?
	cFloor // floor <= stamp?
	cSlot  // slot <= stamp?
	cGen   // gen <= stamp?
	cEnter // R2
	cWait  // R7
	cFar   // a change: the far tier drops the key
	cAdd   // the number is taken
	cNote  // and written down
)

// Where a flight of this model is.
const (
	gNone = iota
	gRead
	gStamp
	gStore
	gEnded
)

// Model makes the model.
func (m Slots) Model() Model[slots] {
	var s slots
	s.evictions = m.Evict
	for k := range slotKeys {
		s.src[k], s.far[k] = 1, 1
	}
	for i := range m.Calls {
		s.callers[i].pc, s.callers[i].key = cBegin, m.Calls[i].Key
	}
	cached := s
	for k := range slotKeys {
		cached.near[k].v = 1
	}
	return Model[slots]{
		Start: []slots{s, cached},
		Next:  m.next,
		Bad: func(s *slots) string {
			if s.old {
				return faults[oldAnswer]
			}
			for k := range uint8(slotKeys) {
				if m.would(s, k) {
					return faults[wouldBeOld]
				}
			}
			return ""
		},
		Done: func(s *slots) bool {
			for i := range m.Calls {
				if s.callers[i].pc != cDone {
					return false
				}
			}
			return true
		},
		Finish: true,
	}
}

func (m *Slots) is(n SlotNaive) bool { return m.Naive&n != 0 }

func (m *Slots) slotOf(k uint8) uint8 {
	if m.Shared {
		return 0
	}
	return k
}

// valid is what makes an entry a hit.
func (m *Slots) valid(s *slots, k, stamp uint8) bool {
	return stamp == s.seq || s.floor <= stamp && s.slot[m.slotOf(k)] <= stamp && s.gen <= stamp
}

// would reports whether a Get that began now would be given too old a value,
// near or by the flight that it would join.
func (m *Slots) would(s *slots, k uint8) bool {
	if e := s.near[k]; e.v != 0 && m.valid(s, k, e.stamp) {
		return e.v < s.need[k]
	}
	if at := s.flow[k]; at != 0 {
		f := s.flights[at-1]
		now := slotCaller{key: k, seq: s.seq}
		return f.got != 0 && f.got < s.need[k] && !m.refuses(s, &now, f.stamp)
	}
	return false
}

var slotNames = [slotCallers]string{"call 1:", "call 2:", "call 3:", "call 4:", "call 5:", "call 6:"}

func (m *Slots) next(s *slots, emit func(Step, slots)) {
	for i, call := range m.Calls {
		step := func(n *slots, text string, a, b uint8) {
			n.reclaim(len(m.Calls))
			emit(Step{Who: slotNames[i], Text: text, A: a, B: b}, *n)
		}
		if call.Kind == SlotGet {
			m.get(*s, i, step)
		} else {
			m.change(*s, i, call, step)
		}
	}
	for i := range s.flights {
		m.flight(*s, i, emit)
	}
	if s.evictions > 0 {
		for k := range s.near {
			if s.near[k].v != 0 {
				n := *s
				n.evictions--
				n.near[k] = slotEntry{}
				emit(Step{Who: "near:", Text: "evicts key %d", A: uint8(k)}, n)
			}
		}
	}
}

func (s *slots) reclaim(calls int) {
	for i := range s.flights {
		used := s.flights[i].pc != gEnded
		for j := range calls {
			used = used || s.callers[j].flight == uint8(i)+1
		}
		if !used {
			s.flights[i] = slotFlight{}
		}
	}
}

func (s *slots) answer(c *slotCaller, v uint8) {
	if v < c.need {
		s.old = true
	}
	*c = slotCaller{key: c.key}
}

// get is R1, R2 and R7. In R1 no lock is held, and the words are read one after
// the other.
func (m *Slots) get(s slots, i int, step func(*slots, string, uint8, uint8)) {
	c := &s.callers[i]
	k := c.key
	check := func(ok bool, hit bool, then uint8, what string) {
		switch {
		case !ok:
			c.pc, c.e = cEnter, slotEntry{}
			step(&s, "R1 key %d: not valid by "+what, k, 0)
		case hit:
			v := c.e.v
			s.answer(c, v)
			step(&s, "R1 key %d: hits v%d, valid by "+what, k, v)
		default:
			c.pc = then
			step(&s, "R1 key %d: valid by "+what, k, 0)
		}
	}
	switch c.pc {
	case cBegin:
		c.need, c.seq, c.e = s.need[k], s.seq, s.near[k]
		c.pc = cSeq
		if c.e.v == 0 {
			c.pc = cEnter
		}
		step(&s, "R1 key %d: begins with number %d", k, c.seq)
	case cSeq:
		if c.e.stamp == s.seq {
			check(true, true, 0, "its stamp being the newest number")
		} else {
			c.pc = cFloor
			step(&s, "R1 key %d: its stamp is not the newest number", k, 0)
		}
	case cFloor:
		check(s.floor <= c.e.stamp, false, cSlot, "the floor")
	case cSlot:
		check(s.slot[m.slotOf(k)] <= c.e.stamp, false, cGen, "its slot")
	case cGen:
		check(s.gen <= c.e.stamp, true, 0, "its tag")
	case cEnter:
		m.enter(s, i, step)
	case cWait:
		f := s.flights[c.flight-1]
		if f.pc != gEnded {
			return
		}
		if m.refuses(&s, c, f.stamp) {
			c.pc, c.flight, c.again = cEnter, 0, true
			step(&s, "R7 key %d: refuses v%d, enters again", k, f.got)
			return
		}
		s.answer(c, f.got)
		step(&s, "R7 key %d: is given v%d", k, f.got)
	}
}

func (m *Slots) enter(s slots, i int, step func(*slots, string, uint8, uint8)) {
	c := &s.callers[i]
	k := c.key
	if e := s.near[k]; e.v != 0 && m.valid(&s, k, e.stamp) {
		s.answer(c, e.v)
		step(&s, "R2 key %d: looks again, hits v%d", k, e.v)
		return
	}
	if at := s.flow[k]; at != 0 {
		if !c.again || s.flights[at-1].stamp >= c.seq {
			c.pc, c.flight = cWait, at
			step(&s, "R2 key %d: joins flight %d", k, at)
			return
		}
	}
	for j := range s.flights {
		f := &s.flights[j]
		if f.pc != gNone {
			continue
		}
		*f = slotFlight{pc: gRead, key: k, stamp: s.seq}
		s.flow[k] = uint8(j) + 1
		c.pc, c.flight = cWait, uint8(j)+1
		step(&s, "R2 key %d: leads a flight with stamp %d", k, s.seq)
		return
	}
	panic("fencemodel: more flights than slotFlights")
}

// refuses is R7. A number that is newer than the caller may hide one that is
// not, since a slot, a tag and the floor keep their last only. So it is enough
// that there was any change between the flight's beginning and the caller's.
func (m *Slots) refuses(s *slots, c *slotCaller, stamp uint8) bool {
	between := func(n uint8) bool { return stamp < n && n <= c.seq }
	switch {
	case m.is(JoinerTakesAll):
		return false
	case m.is(SlotLooksBetween):
		return between(s.slot[m.slotOf(c.key)]) || between(s.floor) || between(s.gen)
	default:
		return stamp < c.seq && !m.valid(s, c.key, stamp)
	}
}

func (m *Slots) flight(s slots, i int, emit func(Step, slots)) {
	f := &s.flights[i]
	step := func(text string, a, b uint8) {
		s.reclaim(len(m.Calls))
		emit(Step{Who: "flight:", Text: text, A: a, B: b}, s)
	}
	k := f.key
	switch f.pc {
	case gRead:
		f.got, f.pc = s.far[k], gStore
		if f.got == 0 {
			f.got = s.src[k]
		}
		if m.is(StampAfterRead) {
			f.pc = gStamp
		}
		step("R3-R4 key %d: reads v%d", k, f.got)
	case gStamp:
		f.stamp, f.pc = s.seq, gStore
		step("key %d: takes its stamp %d, late", k, f.stamp)
	case gStore:
		f.pc = gEnded
		if s.flow[k] != uint8(i)+1 {
			step("R6 key %d: is not the key's any more", k, 0)
			return
		}
		if m.is(StampAtStore) {
			f.stamp = s.seq
		}
		got, stamp := f.got, f.stamp
		s.near[k], s.flow[k] = slotEntry{got, stamp}, 0
		step("R6 stores v%d with stamp %d, valid or not", got, stamp)
	}
}

// change is a Write elsewhere or here, or one of the calls that invalidate much
// at once.
func (m *Slots) change(s slots, i int, call SlotCall, step func(*slots, string, uint8, uint8)) {
	c := &s.callers[i]
	k := call.Key
	one := call.Kind == SlotPush || call.Kind == SlotGap || call.Kind == SlotDrop
	switch c.pc {
	case cBegin:
		c.pc = cFar
		if !one {
			s.src[1-k]++
		}
		s.src[k]++
		c.ver = s.src[k]
		if m.is(SlotBeforeFar) && call.Kind == SlotPush {
			c.pc = cAdd
		}
		step(&s, "key %d: the source changes to v%d", k, c.ver)
	case cFar:
		s.far[k] = 0
		if !one {
			s.far[1-k] = 0
		}
		c.pc = cAdd
		if m.is(SlotBeforeFar) && call.Kind == SlotPush {
			c.pc = cDone
		}
		step(&s, "D1 key %d: deleted in the far tier", k, 0)
	case cAdd:
		if call.Kind == SlotDrop {
			s.near[k], s.flow[k] = slotEntry{}, 0
			s.need[k] = max(s.need[k], c.ver)
			c.pc = cDone
			step(&s, "D2 key %d: drops the entry, detaches the flight, returns", k, 0)
			return
		}
		s.seq++
		c.arrived, c.pc = s.seq, cNote
		step(&s, "key %d: the change is heard of and gets number %d", k, s.seq)
	case cNote:
		c.pc = cDone
		if m.is(SlotBeforeFar) && call.Kind == SlotPush {
			c.pc = cFar
		}
		n := c.arrived
		c.arrived = 0
		for key := range s.need {
			switch {
			case uint8(key) == k:
				s.need[key] = max(s.need[key], c.ver)
			case !one:
				s.need[key] = max(s.need[key], c.ver)
			}
		}
		switch call.Kind {
		case SlotPush:
			slot := &s.slot[m.slotOf(k)]
			if m.is(SlotGoesBack) {
				*slot = n
			}
			*slot = max(*slot, n)
			step(&s, "key %d: its slot is at least %d", k, n)
		case SlotTag:
			s.gen = max(s.gen, n)
			step(&s, "the tag's generation is %d; returns", n, 0)
		default:
			if !m.is(FloorForgotten) {
				s.floor = max(s.floor, n)
			}
			step(&s, "the floor is at least %d; returns", n, 0)
		}
	}
}
