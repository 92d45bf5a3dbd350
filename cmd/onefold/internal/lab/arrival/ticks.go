package arrival

import (
	"slices"
	"time"
)

// Traces often have coarse stamps: whole seconds, or the moment at which a
// batch was written. Replayed as they stand, the calls of one tick come as one
// spike that never was. So they are spread evenly over the tick, in the order
// of the trace. The truth lies between the two: how many calls for one key
// overlapped within a tick cannot be known, and a note says so.

const (
	coarsest = time.Millisecond // shorter ticks are left alone
	tooClose = 100 * time.Microsecond
)

// refineStamps notes coarse stamps and records that may have been captured
// twice. It spreads the calls of coarse ticks unless KeepStamps is set.
func (t *trace) refineStamps(s *Stream) {
	tick, tied := findTick(s.Calls)
	switch {
	case tied == len(s.Calls)-1 && tied > 0:
		t.notef("all %d calls have the same time stamp, and are replayed at one moment", len(s.Calls))
		return
	case tick == 0:
		t.noteTwins(s)
		return
	}
	if n := t.tally.repeats; n*100 >= len(s.Calls) {
		t.notef("lines the same as the line before them: %d; if they were captured twice, the figures show too many calls at once", n)
	}
	if t.KeepStamps {
		t.notef("the time stamps are coarse, %d of %d calls share one, in ticks of %v; they were kept as they are", tied, len(s.Calls), tick)
		return
	}
	spread(s.Calls, tick)
	t.notef("the time stamps are coarse, %d of %d calls share one; the calls of each tick of %v were spread evenly over it, so how many came at once is a guess", tied, len(s.Calls), tick)
}

// findTick gives the tick of coarse stamps, or 0, and the number of calls that
// share their stamp with the one before. The calls are in order of time.
//
// Stamps are coarse if a tenth of the calls share one, and all are whole
// multiples of a millisecond or more. Or they were written in batches: half of
// the calls share one, and the gaps between stamps are nearly of one length,
// as those between moments of chance are not.
func findTick(calls []Call) (tick time.Duration, tied int) {
	var step time.Duration
	var gaps []time.Duration
	for i := 1; i < len(calls); i++ {
		if gap := calls[i].At - calls[i-1].At; gap > 0 {
			step = gcd(step, gap)
			gaps = append(gaps, gap)
		} else {
			tied++
		}
	}
	if tied*10 < len(calls) || len(gaps) == 0 {
		return 0, tied
	}
	if len(gaps) < 20 { // too few to tell a tick from chance
		for _, usual := range []time.Duration{time.Second, 100 * time.Millisecond, 10 * time.Millisecond, coarsest} {
			if step%usual == 0 {
				return usual, tied
			}
		}
		return 0, tied
	}
	if tied*2 >= len(calls) {
		slices.Sort(gaps)
		low, middle := gaps[len(gaps)/10], gaps[len(gaps)/2]
		if low > middle/2 && low > 10*step {
			step = low
		}
	}
	if step < coarsest {
		return 0, tied
	}
	return step, tied
}

func gcd(a, b time.Duration) time.Duration {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// spread places the calls of one stamp evenly over the tick that begins there,
// or over what there is of it before the next stamp.
func spread(calls []Call, tick time.Duration) {
	for len(calls) > 0 {
		n := 1
		for n < len(calls) && calls[n].At == calls[0].At {
			n++
		}
		room := tick
		if n < len(calls) {
			room = min(room, calls[n].At-calls[0].At)
		}
		for i := range n {
			calls[i].At += room / time.Duration(n) * time.Duration(i)
		}
		calls = calls[n:]
	}
}

// noteTwins counts the calls that follow one for the same key so closely that
// a capture may have seen one request twice.
func (t *trace) noteTwins(s *Stream) {
	last := make([]time.Duration, len(s.Keys))
	seen := make([]bool, len(s.Keys))
	twins := 0
	for _, c := range s.Calls {
		if seen[c.Key] && c.At-last[c.Key] <= tooClose {
			twins++
		}
		last[c.Key], seen[c.Key] = c.At, true
	}
	if twins*100 >= len(s.Calls) {
		t.notef("%d of %d calls come within 100 us of one for the same key; if the capture recorded requests twice, the figures show too many calls at once", twins, len(s.Calls))
	}
}
