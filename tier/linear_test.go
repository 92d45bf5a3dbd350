package tier_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// A history is what goroutines did to one key of a cache and of its source,
// with when each operation began and ended. Whether some order of the
// operations, one that respects these times, is allowed by the model below is
// for porcupine to find out.
//
// The model of a key is the register of the source and the register of the
// cache. Every value has an id of its own, which says what load or Set it is of;
// a load's read of the source is an operation like the others. An id can be seen
// in the cache as long as no Set, Delete or InvalidateTag has come after the
// read. So the model finds
//
//   - a value stored after the Delete or Set that should have kept it out,
//   - a caller that joins a flight from before a Delete that has returned,
//   - a Set that an older load overwrote,
//   - a value whose tag was invalidated, served after that,
//   - a second load where the first one's value was kept,
//   - a value older than the source was when the key was last deleted.
type history struct {
	key    string
	tagged bool
	ops    []porcupine.Operation
}

// A logical is a clock that gives times that are all different, in the
// order in which they are asked for.
type logical struct{ last atomic.Int64 }

func (l *logical) now() int64 { return l.last.Add(1) }

// An input is one operation.
type input struct {
	op      op
	id      int // read, set: of the value
	version int // read: what the source held; write: what it holds from now on

	// get, when it was given the value of a load: the load read the source
	// while the call was running. Then the call may have been part of a flight
	// that a Delete or Set took out before that read.
	together bool

	// delete, set, invalidate: the loads that read the source once it had
	// begun, by bit. Where there are far tiers it goes through them one after
	// the other, and keeps out only what was read before it began.
	later uint64

	// There are far tiers, so that a miss of the near one means little. A Set,
	// say, empties it while it writes to the others, and a tag table that is
	// seen for the first time makes all invalid that was there before.
	far bool
}

type op string

const (
	opWrite      op = "write"         // of the source
	opRead       op = "read"          // of the source, by a load
	opGet        op = "Get"           // gives an id, or failed
	opPeek       op = "Peek"          // gives an id, or 0
	opSet        op = "Set"           // of the cache
	opDelete     op = "Delete"        // likewise
	opInvalidate op = "InvalidateTag" // likewise; for the model it is a Delete
)

// failed is a Get that ended with an error: its load's, or its own.
const failed = -1

// maxIDs bounds the ids of a key: they are bits.
const maxIDs = 64

// A state is what may be true of one key.
type state struct {
	version int    // of the source
	maybe   uint64 // what the cache may hold, by bit; bit 0 is nothing
	read    uint64 // the ids that may yet get into the cache, by bit
}

// step gives the state after in gave out, and whether it could.
func (s state) step(in input, out int) (state, bool) {
	switch in.op {
	case opWrite:
		s.version = in.version
		return s, true
	case opRead:
		s.read |= 1 << in.id
		return s, s.version == in.version
	case opSet:
		if in.far { // it may be seen from now on
			return state{version: s.version, maybe: 1, read: s.read&in.later | 1<<in.id}, true
		}
		return state{version: s.version, maybe: 1 << in.id}, true
	case opDelete, opInvalidate:
		return state{version: s.version, maybe: 1, read: s.read & in.later}, true
	}
	if out == 0 || out == failed {
		if in.far {
			return s, true
		}
		s.maybe &= 1
		return s, s.maybe != 0
	}
	// A load's value gets into the cache unseen; the first to be given it shows
	// that it did.
	var next uint64
	bit := uint64(1) << out
	next |= s.maybe & bit
	if s.read&bit != 0 {
		if s.maybe&1 != 0 || in.far {
			next |= bit
		}
		if in.together {
			next |= s.maybe
		}
	}
	s.maybe = next
	return s, next != 0
}

var model = porcupine.Model{
	Init: func() any { return state{maybe: 1} },
	Step: func(s, in, out any) (bool, any) {
		next, ok := s.(state).step(*in.(*input), out.(int))
		return ok, next
	},
	Equal: func(a, b any) bool { return a.(state) == b.(state) },
	Hash: func(s any) uint64 {
		v := s.(state)
		return uint64(v.version)*0x9e3779b97f4a7c15 ^ v.maybe*0xbf58476d1ce4e5b9 ^ v.read //nolint:gosec // a hash
	},
}

// note adds an operation.
func (h *history) note(in input, out int, call, end int64) {
	h.ops = append(h.ops, porcupine.Operation{Input: &in, Output: out, Call: call, Return: end})
}

// fault gives the history as text when no order of its operations explains it.
func (h *history) fault(far bool) string {
	var reads []*porcupine.Operation
	for i := range h.ops {
		if h.ops[i].Input.(*input).op == opRead {
			reads = append(reads, &h.ops[i])
		}
	}
	for _, o := range h.ops {
		in := o.Input.(*input)
		in.far = far
		for _, r := range reads {
			id := r.Input.(*input).id
			switch {
			case r.Return < o.Call:
			case in.op == opGet && id == o.Output.(int):
				in.together = true
			case far && (in.op == opDelete || in.op == opSet || in.op == opInvalidate):
				in.later |= 1 << id
			}
		}
	}
	result := porcupine.CheckOperationsTimeout(model, h.ops, time.Minute)
	if result == porcupine.Ok {
		return ""
	}
	slices.SortFunc(h.ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var b strings.Builder
	fmt.Fprintf(&b, "the history of a key is %v:\n", result)
	for _, o := range h.ops {
		fmt.Fprintf(&b, "%6d to %6d: %+v -> %d\n", o.Call, o.Return, *o.Input.(*input), o.Output)
	}
	return b.String()
}

// TestTheModelRefuses sees that the model is one that histories can be wrong by.
func TestTheModelRefuses(t *testing.T) {
	read := func(id, version int, call int64) porcupine.Operation {
		return porcupine.Operation{Input: &input{op: opRead, id: id, version: version}, Output: 0, Call: call, Return: call + 1}
	}
	do := func(o op, out int, call, end int64) porcupine.Operation {
		return porcupine.Operation{Input: &input{op: o, version: 1, id: 9}, Output: out, Call: call, Return: end}
	}
	for name, test := range map[string]struct {
		far bool
		ops []porcupine.Operation
	}{
		"served after Delete":        {true, []porcupine.Operation{do(opGet, 1, 1, 5), read(1, 0, 2), do(opDelete, 0, 6, 7), do(opGet, 1, 8, 9)}},
		"served after InvalidateTag": {true, []porcupine.Operation{do(opGet, 1, 1, 5), read(1, 0, 2), do(opInvalidate, 0, 6, 7), do(opPeek, 1, 8, 9)}},
		"joined after Delete":        {true, []porcupine.Operation{do(opGet, 1, 1, 9), read(1, 0, 2), do(opDelete, 0, 4, 5), do(opGet, 1, 6, 8)}},
		"Set overwritten":            {true, []porcupine.Operation{do(opGet, 1, 1, 9), read(1, 0, 2), do(opSet, 0, 4, 5), do(opGet, 1, 10, 12)}},
		"Set lost":                   {false, []porcupine.Operation{do(opSet, 0, 4, 5), do(opPeek, 0, 10, 12)}},
		"loaded twice":               {false, []porcupine.Operation{do(opGet, 1, 1, 5), read(1, 0, 2), do(opPeek, 1, 6, 7), do(opGet, 2, 8, 11), read(2, 0, 9), do(opPeek, 2, 12, 13)}},
		"older than the source":      {true, []porcupine.Operation{do(opWrite, 0, 1, 2), do(opGet, 1, 3, 6), read(1, 0, 4)}},
	} {
		t.Run(name, func(t *testing.T) {
			h := history{ops: test.ops}
			if h.fault(test.far) == "" {
				t.Error("the model allows it")
			}
		})
	}
}
