package onefold_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onefold-go/onefold"
)

// A scenario is what happens to one group: its callers and Forgets, and what
// its loads do. Times are in milliseconds.
type scenario struct {
	cfg   onefold.Config
	plans []plan
	ops   []op // in the order of time
}

// An op is one use of the group, a call or a Forget.
type op struct {
	at, key int
	forget  bool
	asChan  bool   // DoChan, not Do
	endless bool   // its context cannot end: Do may run the load itself
	leaves  ending // what ends its context, or nothing
	stays   int    // until that; 0: it has ended before the call
}

// A plan is what one load does.
type plan struct {
	took  int
	deaf  bool // to its context
	comes ending
}

// An ending is that of a load, or of one caller's wait for it.
type ending string

const (
	never     ending = ""
	value     ending = "a value"
	failure   ending = "an error, and a value beside it"
	panics    ending = "a panic"
	exits     ending = "Goexit"
	timesOut  ending = "ErrLoadTimeout"
	cancelled ending = "context.Canceled"
	overdue   ending = "context.DeadlineExceeded"
	exited    ending = "no answer: the load ended the caller's goroutine"
)

// decode makes a scenario of any bytes, so that a fuzzer and a random test can
// share it. Zeros, and what is missing, make the simplest.
func decode(data []byte) scenario {
	next := func(n int) int {
		if len(data) == 0 {
			return 0
		}
		b := int(data[0])
		data = data[1:]
		return b % n
	}
	var sc scenario
	sc.cfg.OnAbandon = onefold.OnAbandon(next(3))
	sc.cfg.LoadTimeout = time.Duration(next(2)*5) * ms
	sc.cfg.LoadContext = onefold.LoadContext(next(3))
	if sc.cfg.LoadContext == onefold.Bounded {
		sc.cfg.LoadTimeout = 5 * ms // it needs one
	}
	for range 4 {
		comes := []ending{value, failure, panics, exits, value, value}[next(6)]
		sc.plans = append(sc.plans, plan{took: next(9), deaf: next(2) == 1, comes: comes})
	}
	at := 0
	for len(data) > 0 && len(sc.ops) < 30 {
		o := op{key: next(2), forget: next(8) == 7, asChan: next(2) == 1}
		switch next(6) {
		case 1:
			o.endless = true
		case 2, 3:
			o.leaves = cancelled
		case 4:
			o.leaves = overdue
		}
		if o.leaves != never {
			o.stays = next(8)
		}
		at += next(4)
		o.at = at
		sc.ops = append(sc.ops, o)
	}
	return sc
}

// planOf gives the plan of the nth load of key.
func (sc scenario) planOf(key, nth int) plan { return sc.plans[(key+nth)%len(sc.plans)] }

// runsInline reports whether Do runs the load itself when o leads.
func (sc scenario) runsInline(o op) bool { return o.endless && !o.asChan && sc.cfg.LoadTimeout == 0 }

func (sc scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v\n", sc.cfg)
	for i, p := range sc.plans {
		fmt.Fprintf(&b, "plan %d: %+v\n", i, p)
	}
	for i, o := range sc.ops {
		fmt.Fprintf(&b, "op %d: %+v\n", i, o)
	}
	return b.String()
}

// A clock says when things happen in a scenario. Each op's events have places
// of their own within the millisecond, so that no two fall together and there
// is one right answer; unless the clock is crowded, when all of a millisecond
// happen at once.
type clock struct{ crowded bool }

func (c clock) begins(sc scenario, i int) time.Duration { return c.at(sc.ops[i].at, i) }

func (c clock) leaves(sc scenario, i int) time.Duration {
	if o := sc.ops[i]; o.stays > 0 {
		return c.at(o.at+o.stays, 100+i)
	}
	return c.begins(sc, i)
}

// lasts is how long a load takes, if it is not cut short.
func (c clock) lasts(p plan) time.Duration { return c.at(p.took, 200) }

func (c clock) at(millisecond, place int) time.Duration {
	if c.crowded {
		place = 0
	}
	return time.Duration(millisecond)*ms + time.Duration(place)*time.Microsecond
}

// Seen is all that can be seen of a scenario from outside the group.
type seen struct {
	answers []heard // by op; zero for a Forget
	loads   []ran   // in the order of their names
}

// Heard is what one caller got, and when.
type heard struct {
	how     ending
	load    string // that it is from; nothing for an ending that does not tell
	at      time.Duration
	outcome onefold.Outcome // Failed for Do, which does not tell
	callers int             // 0 for Do
}

// Ran is what can be seen of one load.
type ran struct {
	name   string
	leader int // the op, or nobody where the load cannot tell
	began  time.Duration
	ended  time.Duration // its context
	with   ending
}

const nobody = -1

// withoutFirstCaller makes sc one with a single right answer.
func (sc *scenario) withoutFirstCaller() {
	if sc.cfg.LoadContext == onefold.FirstCaller {
		sc.cfg.LoadContext = onefold.Detached
	}
}

func loadName(key, nth int) string { return fmt.Sprintf("key %d, load %02d", key, nth) }

func (s *seen) sortLoads() {
	slices.SortFunc(s.loads, func(a, b ran) int { return strings.Compare(a.name, b.name) })
}
