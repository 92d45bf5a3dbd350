package arrival

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// A clock reads time stamps: numbers of some unit, or dates of one layout.
// Which of the two, if not given, the first stamp decides.
type clock struct {
	unit   time.Duration // of numbers; zero to guess it in the end
	layout string        // of dates; empty for numbers
	hint   time.Duration // the unit that the column's name tells, if it does

	started   bool
	first     int64     // the first number
	firstDate time.Time // or the first date
}

const (
	layoutCLF = "02/Jan/2006:15:04:05 -0700"
	filetime  = 100 * time.Nanosecond // since 1601
)

// units are the names of --time-unit.
var units = []struct {
	name string
	unit time.Duration
}{
	{"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", time.Nanosecond}, {"100ns", filetime},
}

func unitName(unit time.Duration) string {
	for _, u := range units {
		if u.unit == unit {
			return u.name
		}
	}
	return unit.String()
}

// layouts are the dates that are recognised. A fraction of a second, after a
// point or a comma, is understood by each.
var layouts = []string{
	time.RFC3339,
	layoutCLF,
	"2006-01-02 15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05 -0700 MST",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04:05Z0700",
	"2006/01/02 15:04:05",
	time.RFC1123,
	time.RFC1123Z,
}

// parseUnit makes the clock that --time-unit asks for.
func parseUnit(text string) (clock, error) {
	for _, u := range units {
		if text == u.name {
			return clock{unit: u.unit}, nil
		}
	}
	switch text {
	case "":
		return clock{}, nil
	case "rfc3339":
		return clock{layout: time.RFC3339}, nil
	case "clf":
		return clock{layout: layoutCLF}, nil
	}
	// A layout is a text that the time changes, and that reads itself back.
	sample := time.Date(2023, 11, 28, 13, 49, 57, 0, time.UTC)
	if written := sample.Format(text); written != text {
		if _, err := time.Parse(text, written); err == nil {
			return clock{layout: text}, nil
		}
	}
	return clock{}, fmt.Errorf("arrival: --time-unit is %q, want s, ms, us, ns, 100ns, rfc3339, clf, or the layout of a date as in \"2006-01-02 15:04:05\"", text)
}

// read takes a stamp, and counts it from the first one.
func (c *clock) read(text []byte) (stamp, error) {
	if len(text) == 0 {
		return stamp{}, errors.New("no time")
	}
	if !c.started {
		if err := c.start(text); err != nil {
			return stamp{}, err
		}
		c.started = true
	}
	if c.layout == "" {
		whole, frac, err := parseNumber(text)
		if err != nil {
			return stamp{}, err
		}
		d := whole - c.first
		if (d < 0) != (whole < c.first) {
			return stamp{}, fmt.Errorf("the time %q is too far from the first, %d", shorten(text), c.first)
		}
		return stamp{whole: d, frac: frac}, nil
	}
	date, err := time.Parse(c.layout, string(text))
	if err != nil {
		return stamp{}, fmt.Errorf("the time %q is not written as %q", shorten(text), c.layout)
	}
	d := date.Sub(c.firstDate)
	if d == math.MaxInt64 || d == math.MinInt64 {
		return stamp{}, fmt.Errorf("the time %q is more than 292 years from the first, %v", shorten(text), c.firstDate.Format(c.layout))
	}
	return stamp{whole: int64(d)}, nil
}

// start takes the first stamp, and learns from it what was not given.
func (c *clock) start(text []byte) error {
	try := layouts
	if c.layout != "" {
		try = []string{c.layout}
	} else {
		number, _, err := parseNumber(text)
		if err == nil {
			c.first = number
			return nil
		}
		if c.unit != 0 || errors.Is(err, errRange) {
			return err
		}
	}
	for _, layout := range try {
		if date, err := time.Parse(layout, string(text)); err == nil {
			c.firstDate, c.layout, c.unit = date, layout, time.Nanosecond
			return nil
		}
	}
	if c.layout != "" {
		return fmt.Errorf("the time %q is not written as %q", shorten(text), c.layout)
	}
	return fmt.Errorf("the time %q is neither a number nor a date of a known layout", shorten(text))
}

// isStamp says whether text reads as a time.
func isStamp(text []byte) bool {
	var c clock
	return c.start(text) == nil
}

// guess finds the unit of numbers that run from low to high, counted from the
// first. If there is one in which they are dates between 1990 and 2100, and
// less than ten years, it is that. Stamps that count from some other moment
// tell nothing by their size, and we take the unit in which the rate of calls
// is nearest to ten a second: by factors of 1000, there is mostly one.
func (c *clock) guess(low, high int64, calls int) time.Duration {
	const year = 365 * 24 * time.Hour
	const (
		from1970, to1970 = 20 * float64(year), 130 * float64(year)
		since1601        = 369 * float64(year) // a year's third more or less is no matter here
	)
	span := float64(high) - float64(low)
	if c.hint != 0 && span*float64(c.hint) < maxSpan {
		return c.hint
	}
	best, bestOff := time.Second, math.Inf(1)
	for _, u := range units {
		unit := float64(u.unit)
		from, to := from1970, to1970
		if u.unit == filetime {
			from, to = from+since1601, to+since1601
		}
		early, late := (float64(c.first)+float64(low))*unit, (float64(c.first)+float64(high))*unit
		if early >= from && late <= to && span*unit < 10*float64(year) {
			return u.unit
		}
		rate := float64(calls) / max(span*unit/float64(time.Second), 1e-9)
		if off := math.Abs(math.Log10(rate / 10)); u.unit != filetime && off < bestOff && span*unit < maxSpan {
			best, bestOff = u.unit, off
		}
	}
	return best
}

// errRange reports a number that 64 bits do not hold.
var errRange = errors.New("is out of range")

// parseNumber reads a decimal number as a whole part, rounded down, and
// billionths. So it keeps the digits that a float64 would lose.
func parseNumber(text []byte) (whole int64, frac int32, err error) {
	if bytes.ContainsAny(text, "eE") {
		return parseExponent(text)
	}
	digits := text
	negative := len(text) > 1 && text[0] == '-'
	if len(text) > 1 && (text[0] == '-' || text[0] == '+') {
		digits = text[1:]
	}
	left, right, _ := bytes.Cut(digits, []byte{'.'})
	if len(left)+len(right) == 0 || !allDigits(left) || !allDigits(right) {
		return 0, 0, fmt.Errorf("the time %q is not a number", shorten(text))
	}
	for _, b := range left {
		d := int64(b - '0')
		if whole > (math.MaxInt64-d)/10 {
			return 0, 0, fmt.Errorf("the time %q %w", shorten(text), errRange)
		}
		whole = whole*10 + d
	}
	for i := range 9 {
		frac *= 10
		if i < len(right) {
			frac += int32(right[i] - '0')
		}
	}
	if negative {
		whole = -whole
		if frac > 0 {
			whole, frac = whole-1, 1e9-frac
		}
	}
	return whole, frac, nil
}

func parseExponent(text []byte) (whole int64, frac int32, err error) {
	x, err := strconv.ParseFloat(string(text), 64)
	if err != nil || len(bytes.Trim(text, "0123456789+-.eE")) > 0 {
		return 0, 0, fmt.Errorf("the time %q is not a number", shorten(text))
	}
	if math.Abs(x) >= 1<<63 {
		return 0, 0, fmt.Errorf("the time %q %w", shorten(text), errRange)
	}
	down := math.Floor(x)
	return int64(down), int32((x - down) * 1e9), nil
}

func allDigits(text []byte) bool {
	for _, b := range text {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}
