package arrival

import (
	"fmt"
	"math"
	"time"
)

// A stamp is a moment as the trace writes it, counted from the trace's first
// one, so that no unit can make it overflow: whole units, and billionths of a
// unit from 0 to 999,999,999.
type stamp struct {
	whole int64
	frac  int32
}

// A collector holds the calls while their unit of time is not known. Until
// scale, the At of a call is the whole part of its stamp.
type collector struct {
	keys     []string
	index    map[string]int32
	keyBytes int

	calls []Call
	frac  []int32 // of each call; nil while all are 0

	low, high         int64 // least and greatest whole part
	lowLine, highLine int
}

func newCollector() *collector {
	return &collector{index: make(map[string]int32), low: math.MaxInt64, high: math.MinInt64}
}

func (c *collector) add(at stamp, key []byte, line int) {
	k, known := c.index[string(key)]
	if !known {
		text := string(key) // the one copy
		k = int32(len(c.keys))
		c.keys = append(c.keys, text)
		c.index[text] = k
		c.keyBytes += len(text)
	}
	if at.frac != 0 && c.frac == nil {
		c.frac = make([]int32, len(c.calls), cap(c.calls))
	}
	if c.frac != nil {
		c.frac = append(c.frac, at.frac)
	}
	c.calls = append(c.calls, Call{At: time.Duration(at.whole), Key: k})
	if at.whole < c.low {
		c.low, c.lowLine = at.whole, line
	}
	if at.whole > c.high {
		c.high, c.highLine = at.whole, line
	}
}

// maxSpan is the longest trace: far enough from the end of time.Duration for
// a tick to be added.
const maxSpan = math.MaxInt64 / 2 // ns, 146 years

// scale turns stamps into nanoseconds. Until the calls are sorted they count
// from the trace's first line, not from its earliest call.
func (t *trace) scale() error {
	c := t.calls
	unit, guessed := t.clock.unit, false
	if unit == 0 {
		unit, guessed = t.clock.guess(c.low, c.high, len(c.calls)), true
	}
	// The earliest and the latest can both be far from the first line.
	if span := uint64(c.high) - uint64(c.low); span >= uint64(maxSpan/unit) {
		return t.refuse(
			fmt.Sprintf("the time stamps of lines %d and %d are more than 146 years apart in units of %s", c.lowLine, c.highLine, unitName(unit)),
			"name the unit with --time-unit, or take out the line that is wrong")
	}
	if guessed {
		t.notef("the time stamps were taken to be in units of %s; --time-unit names another", unitName(unit))
	}
	for i := range c.calls {
		ns := int64(c.calls[i].At) * int64(unit)
		if c.frac != nil {
			ns += int64(c.frac[i]) * int64(unit) / 1e9
		}
		c.calls[i].At = time.Duration(ns)
	}
	c.frac, c.index = nil, nil
	return nil
}
