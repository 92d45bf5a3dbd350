package report

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// none stands for nothing to report: no wrong answers, no figure.
const none = "-"

// units are the ones that a person reads a duration in, each up to its limit.
var units = []struct {
	name  string
	size  time.Duration
	limit float64 // in this unit, before rounding; then the next
}{
	{"us", time.Microsecond, 999.5},
	{"ms", time.Millisecond, 999.5},
	{"s", time.Second, 999.5},
	{"min", time.Minute, 99.95},
	{"h", time.Hour, 99.95},
	{"d", 24 * time.Hour, math.Inf(1)},
}

// duration writes d with three significant figures: 940ns, 1.23ms, 45.6s.
func duration(d time.Duration) string {
	value, unit := durationParts(d)
	return value + unit
}

func durationParts(d time.Duration) (value, unit string) {
	switch {
	case d == 0:
		return "0", ""
	case d < 0:
		value, unit = durationParts(-max(d, -math.MaxInt64))
		return "-" + value, unit
	case d < time.Microsecond:
		return strconv.FormatInt(int64(d), 10), "ns"
	}
	for _, u := range units {
		if x := float64(d) / float64(u.size); x < u.limit {
			return number(x), u.name
		}
	}
	panic("unreachable: the last unit has no limit")
}

// fromSeconds is the duration of x seconds, or the longest there is.
func fromSeconds(x float64) time.Duration {
	if x >= math.MaxInt64/1e9 {
		return math.MaxInt64
	}
	return time.Duration(math.Round(x * 1e9))
}

// between writes a range of durations, with the unit once where it is the
// same: 44.1-47.2ms.
func between(least, most time.Duration) string {
	low, unit := durationParts(least)
	high, same := durationParts(most)
	if unit != same {
		low += unit
	}
	return low + "-" + high + same
}

// number writes x with three significant figures, and from 1,000 as count does.
func number(x float64) string {
	size := math.Abs(x)
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return none
	case x == 0:
		return "0"
	case size < 0.01:
		return strconv.FormatFloat(x, 'g', 1, 64)
	case size < 9.995:
		return strconv.FormatFloat(x, 'f', 2, 64)
	case size < 99.95:
		return strconv.FormatFloat(x, 'f', 1, 64)
	case size < math.MaxInt64:
		return count(int64(math.Round(x)))
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// count writes n in full below a million, and with three significant figures
// above: 999,999, 1.23M.
func count(n int64) string {
	if n < 0 {
		return "-" + count(-max(n, -math.MaxInt64))
	}
	if n >= 1_000_000 {
		x := float64(n)
		for _, unit := range []string{"k", "M", "G", "T", "P"} {
			if x /= 1000; x < 999.5 {
				return number(x) + unit
			}
		}
		return number(x/1000) + "E"
	}
	s := strconv.FormatInt(n, 10)
	if len(s) > 3 {
		s = s[:len(s)-3] + "," + s[len(s)-3:]
	}
	return s
}

// percent writes a share. What is near 0 or 1 is never rounded to it.
func percent(x float64) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return none
	case x == 0:
		return "0%"
	case x == 1:
		return "100%"
	case x < 0 && x > -0.001:
		return ">-0.1%"
	case x < 0:
		return "-" + percent(-x)
	case x < 0.001:
		return "<0.1%"
	case x > 0.999 && x < 1:
		return ">99.9%"
	case x < 0.9995:
		return strconv.FormatFloat(100*x, 'f', 1, 64) + "%"
	}
	return strings.ReplaceAll(number(100*x), ",", "") + "%"
}

// plural writes a count with its noun.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}
