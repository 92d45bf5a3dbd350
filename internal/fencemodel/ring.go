package fencemodel

// The wait graph: load i is about to wait for load waits[i], and looks first
// whether that closes a ring. Reading one edge is one step.

const maxLoads = 4

// Nobody is whom a load waits for that waits for nobody.
const Nobody = 255

type ring struct {
	edge  [maxLoads]uint8 // published: whom the load waits for
	pc    [maxLoads]uint8
	at    [maxLoads]uint8 // where its walk is
	found [maxLoads]bool  // it saw a ring, and does not wait
}

const (
	ringPublish = iota
	ringWalk
	ringWait
	ringDone
)

// Ring is the model of loads that each want to wait for one other, Nobody
// being none. Naive: walk the edges first, then publish one's own.
func Ring(waits []uint8, naive bool) Model[ring] {
	start := ring{}
	for i := range maxLoads {
		start.edge[i], start.at[i], start.pc[i] = Nobody, Nobody, ringDone
	}
	for i, other := range waits {
		start.pc[i] = ringPublish
		switch {
		case other == Nobody:
			start.pc[i] = ringWait // it only has to end
		case naive:
			start.pc[i], start.at[i] = ringWalk, other
		}
	}
	closed := isRing(waits)
	return Model[ring]{
		Start:  []ring{start},
		Finish: true,
		Next: func(s *ring, emit func(Step, ring)) {
			for i := range waits {
				s.step(uint8(i), waits[i], naive, emit)
			}
		},
		Bad: func(s *ring) string {
			for i := range waits {
				if s.found[i] && !closed {
					return "a ring is seen where there is none"
				}
			}
			return ""
		},
		Done: func(s *ring) bool {
			for i := range waits {
				if s.pc[i] != ringDone {
					return false
				}
			}
			return true
		},
	}
}

func isRing(waits []uint8) bool {
	for i := range waits {
		at := waits[i]
		for range waits {
			if at == uint8(i) {
				return true
			}
			if at == Nobody {
				break
			}
			at = waits[at]
		}
	}
	return false
}

var loadNames = [maxLoads]string{"A:", "B:", "C:", "D:"}

func (s *ring) step(i, other uint8, naive bool, emit func(Step, ring)) {
	n := *s
	who := loadNames[i]
	switch s.pc[i] {
	case ringPublish:
		n.edge[i] = other
		n.pc[i], n.at[i] = ringWalk, other
		if naive {
			n.pc[i] = ringWait
		}
		emit(Step{Who: who, Text: "publishes that it waits for load %d", A: other}, n)
	case ringWalk:
		next := s.edge[s.at[i]]
		text := "looks at load %d, which waits"
		switch {
		case s.at[i] == i || next == i:
			n.found[i], n.pc[i], n.edge[i] = true, ringDone, Nobody
			text = "looks at load %d and sees the ring"
		case next == Nobody:
			n.at[i], n.pc[i] = Nobody, ringWait
			if naive {
				n.pc[i] = ringPublish
			}
			text = "looks at load %d, which waits for nobody"
		default:
			n.at[i] = next
		}
		emit(Step{Who: who, Text: text, A: s.at[i]}, n)
	case ringWait:
		if other != Nobody && s.pc[other] != ringDone {
			return
		}
		n.pc[i], n.edge[i] = ringDone, Nobody
		emit(Step{Who: who, Text: "ends"}, n)
	}
}
