package onefold_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold"
	"pgregory.net/rapid"
)

// A model says what must be seen of a scenario with detached or bounded loads.
// It has no goroutines, locks or contexts: it goes from one event to the next
// and looks at everything it has. Its clock is not crowded.
type model struct {
	scenario
	clock
	seen    seen
	flights []*modelFlight
	turns   map[int]int
}

type modelFlight struct {
	key, leader int
	plan        plan
	load        *ran
	waiting     []int // ops
	current     bool  // can be joined
	over        bool  // has given its ending, or has been abandoned
	returned    bool
}

// An event is the next thing to happen.
type event struct {
	at time.Duration
	do func()
}

// modelOf plays sc.
func modelOf(sc scenario) seen {
	m := &model{scenario: sc, turns: make(map[int]int)}
	m.seen.answers = make([]heard, len(sc.ops))
	for done := 0; ; {
		var events []event
		if done < len(sc.ops) {
			events = append(events, event{m.begins(sc, done), func() { m.begin(done); done++ }})
		}
		for _, f := range m.flights {
			events = append(events, m.eventsOf(f)...)
		}
		if len(events) == 0 {
			break
		}
		slices.MinFunc(events, func(a, b event) int { return int(a.at - b.at) }).do()
	}
	for _, f := range m.flights {
		m.seen.loads = append(m.seen.loads, *f.load)
	}
	m.seen.sortLoads()
	return m.seen
}

func (m *model) eventsOf(f *modelFlight) (events []event) {
	for _, i := range f.waiting {
		if how := m.ops[i].leaves; how != never {
			at := m.leaves(m.scenario, i)
			events = append(events, event{at, func() { m.leave(f, i, heard{how: how, at: at}) }})
		}
	}
	if at := f.load.began + m.cfg.LoadTimeout; m.cfg.LoadTimeout > 0 && !f.over {
		events = append(events, event{at, func() { m.endContext(f, at, overdue); m.settle(f, at, timesOut) }})
	}
	if at := f.load.began + m.lasts(f.plan); !f.returned {
		events = append(events, event{at, func() { f.returned = true; m.endContext(f, at, cancelled); m.settle(f, at, f.plan.comes) }})
	}
	return events
}

// begin is the call or Forget of op i.
func (m *model) begin(i int) {
	o, at := m.ops[i], m.begins(m.scenario, i)
	f := m.current(o.key)
	switch {
	case o.forget && f != nil:
		f.current = false
	case o.forget:
	case o.leaves != never && o.stays == 0:
		m.seen.answers[i] = heard{how: o.leaves, at: at}
	case f != nil:
		f.waiting = append(f.waiting, i)
	default:
		nth := m.turns[o.key]
		m.turns[o.key]++
		m.flights = append(m.flights, &modelFlight{
			key: o.key, leader: i, plan: m.planOf(o.key, nth), waiting: []int{i}, current: true,
			load: &ran{name: loadName(o.key, nth), leader: m.told(i), began: at},
		})
	}
}

// told is who led a load, as the values of its context say.
func (m *model) told(leader int) int {
	if m.cfg.LoadContext == onefold.Bounded {
		return nobody
	}
	return leader
}

func (m *model) current(key int) *modelFlight {
	for _, f := range m.flights {
		if f.current && f.key == key {
			return f
		}
	}
	return nil
}

func (m *model) leave(f *modelFlight, i int, h heard) {
	m.seen.answers[i] = h
	f.waiting = slices.DeleteFunc(f.waiting, func(j int) bool { return i == j })
	if len(f.waiting) == 0 && m.cfg.OnAbandon != onefold.FinishLoad {
		f.current, f.over = false, true
		m.endContext(f, h.at, cancelled)
	}
}

func (m *model) endContext(f *modelFlight, at time.Duration, with ending) {
	if f.load.with == never {
		f.load.ended, f.load.with = at, with
	}
}

// settle gives those who wait for f its ending.
func (m *model) settle(f *modelFlight, at time.Duration, how ending) {
	if f.over {
		return
	}
	f.current, f.over = false, true
	for _, i := range f.waiting {
		h := heard{how: how, at: at}
		if how == value || how == failure || how == panics {
			h.load = f.load.name
		}
		if m.ops[i].asChan {
			h.callers = len(f.waiting)
			if how == value {
				h.outcome = onefold.Joined
				if i == f.leader {
					h.outcome = onefold.Led
				}
			}
		}
		if how == exits && i == f.leader && m.runsInline(m.ops[i]) {
			h = heard{how: exited}
		}
		m.seen.answers[i] = h
	}
	f.waiting = nil
}

// differences gives a line for each thing that was seen and should not be, or
// the other way round.
func differences(got, want seen) string {
	var b strings.Builder
	for i := range want.answers {
		if got.answers[i] != want.answers[i] {
			fmt.Fprintf(&b, "op %d: %+v, want %+v\n", i, got.answers[i], want.answers[i])
		}
	}
	for i := range max(len(got.loads), len(want.loads)) {
		switch {
		case i >= len(got.loads):
			fmt.Fprintf(&b, "no load, want %+v\n", want.loads[i])
		case i >= len(want.loads):
			fmt.Fprintf(&b, "%+v, want no load\n", got.loads[i])
		case got.loads[i] != want.loads[i]:
			fmt.Fprintf(&b, "%+v, want %+v\n", got.loads[i], want.loads[i])
		}
	}
	return b.String()
}

// SPEC: G03, G07, G08, G09, G11, G12, G13, G14, G15, G20, G26, G31, G35, G37, N17
func TestGroupFollowsTheModel(t *testing.T) {
	for range 20 { // each with a seed of its own, which a failure prints
		rapid.Check(t, func(rt *rapid.T) {
			sc := decode(rapid.SliceOfN(rapid.Byte(), 20, 150).Draw(rt, "bytes"))
			sc.withoutFirstCaller()
			if diff := differences(stage(t, sc, clock{}), modelOf(sc)); diff != "" {
				rt.Fatalf("%s%s", sc, diff)
			}
		})
	}
}

// Here all that belongs to a millisecond happens at once, in any order, and so
// there are several right answers; with FirstCaller there are anyway. Each
// caller gets one of them, and nobody gets the end of another.
//
// SPEC: G07, G13, G36, N17
func TestEveryCallerGetsItsOwn(t *testing.T) {
	for range 20 {
		rapid.Check(t, func(rt *rapid.T) {
			sc := decode(rapid.SliceOfN(rapid.Byte(), 20, 150).Draw(rt, "bytes"))
			got := stage(t, sc, clock{crowded: true})
			for i, h := range got.answers {
				if fault := faultOf(sc, got, i); fault != "" && !sc.ops[i].forget {
					rt.Errorf("%sop %d heard %+v: %s", sc, i, h, fault)
				}
			}
		})
	}
}

// faultOf says why op i cannot have heard what it did.
func faultOf(sc scenario, got seen, i int) string {
	o, h, c := sc.ops[i], got.answers[i], clock{crowded: true}
	begins, leaves := c.begins(sc, i), c.leaves(sc, i)
	switch {
	case h.how == exited:
		if !sc.runsInline(o) {
			return "it ran no load"
		}
		return ""
	case h.at < begins:
		return "too early"
	case o.leaves != never && h.at > leaves:
		return "it should have left"
	case h.how == cancelled || h.how == overdue:
		if h.how != o.leaves || h.at != leaves || h.callers != 0 {
			return "it is another's end"
		}
		return ""
	case o.leaves != never && o.stays == 0:
		return "it has left before it came"
	}
	for _, l := range got.loads {
		var key, nth int
		fmt.Sscanf(l.name, "key %d, load %d", &key, &nth)
		if key != o.key || l.ended != h.at {
			continue
		}
		timedOut := h.how == timesOut && l.began+sc.cfg.LoadTimeout == h.at
		if timedOut || h.how == exits && sc.planOf(key, nth).comes == exits {
			return ""
		}
		if h.load != l.name || h.how != sc.planOf(key, nth).comes {
			continue
		}
		callers := 0
		for _, other := range got.answers {
			if other.load == l.name {
				callers++
			}
		}
		if o.asChan && h.callers != callers {
			return fmt.Sprintf("%d callers heard it", callers)
		}
		return ""
	}
	return "no load of its key ended so at that time"
}
