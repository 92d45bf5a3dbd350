package trace

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"time"
)

// A clock turns the stamps of one file into nanoseconds since its first. The
// first is subtracted before anything is scaled: a count of 100 ns since the
// year 1601 is beyond an int64 once it is in nanoseconds.
//
// Texts are mostly of the minute that the one before was of, so a clock keeps
// the last one it worked out.
type clock struct {
	kind   stampKind
	unit   int64  // nanoseconds that a number counts
	micros bool   // what stands behind the point counts microseconds, unpadded
	layout string // as of package time, for stampLayout

	limitOf, limit int64 // of differences in a unit

	started bool
	whole   uint64 // the first stamp: units, or seconds since 1970
	sub     int64  // and nanoseconds

	minute  [20]byte // the text up to the minute
	seconds int64    // since 1970, at that minute
	zone    [6]byte
	east    int64 // seconds of that zone
}

// A stampKind is how a file writes times.
type stampKind uint8

const (
	stampNumber stampKind = iota
	stampISO              // 2006-01-02T15:04:05.999999Z, and with a blank, without a zone
	stampCLF              // 02/Jan/2006:15:04:05 -0700
	stampLayout
)

var (
	errStamp = errors.New("the time cannot be read")
	errRange = errors.New("the time is over 146 years from the first one")
)

// maxRange is how far a time may be from the first one of its file: half of
// what an int64 holds, so that a duration can be subtracted from it.
const maxRange = 1 << 62

// since gives the time of stamp b after the file's first.
func (c *clock) since(b []byte) (int64, error) {
	whole, sub, unit, ok := c.read(b)
	if !ok {
		return 0, errStamp
	}
	if !c.started {
		c.started, c.whole, c.sub = true, whole, sub
		return 0, nil
	}
	// Numbers wrap like two's complement, so that the difference is right
	// below and above 1<<63, and around zero.
	diff := int64(whole - c.whole)
	if unit != c.limitOf {
		c.limitOf, c.limit = unit, maxRange/unit
	}
	if diff >= c.limit || diff <= -c.limit {
		return 0, errRange
	}
	return diff*unit + sub - c.sub, nil
}

// read gives b as units and nanoseconds.
func (c *clock) read(b []byte) (whole uint64, sub, unit int64, ok bool) {
	switch c.kind {
	case stampNumber:
		whole, sub, neg, ok := number(b)
		if !ok {
			return 0, 0, 0, false
		}
		switch {
		case c.micros:
			sub = unpadded(b)
		case c.unit != 1e9 && sub != 0:
			sub = int64(float64(sub) * (float64(c.unit) / 1e9))
		}
		if neg {
			whole, sub = -whole, -sub
		}
		return whole, sub, c.unit, true
	case stampISO:
		sec, ns, ok := c.iso(b)
		return uint64(sec), ns, 1e9, ok
	case stampCLF:
		sec, ok := c.clf(b)
		return uint64(sec), 0, 1e9, ok
	default:
		t, err := time.Parse(c.layout, string(b))
		if err != nil {
			return 0, 0, 0, false
		}
		return uint64(t.Unix()), int64(t.Nanosecond()), 1e9, true
	}
}

// unpadded reads microseconds that stand behind a point without their leading
// zeros, as memcached writes them: 12.34 is 12 seconds and 34 microseconds.
func unpadded(b []byte) int64 {
	for i, ch := range b {
		if ch == '.' {
			n, _ := count(b[i+1:])
			return min(n, 999_999) * 1000
		}
	}
	return 0
}

// iso reads a date and time as of ISO 8601. Without a zone it is UTC.
func (c *clock) iso(b []byte) (sec, ns int64, ok bool) {
	const upToMinute = len("2006-01-02T15:04")
	if len(b) < upToMinute+3 || b[upToMinute] != ':' {
		return 0, 0, false
	}
	le := binary.LittleEndian
	if le.Uint64(b) != le.Uint64(c.minute[:]) || le.Uint64(b[8:]) != le.Uint64(c.minute[8:]) {
		year, ok1 := digits(b[0:4])
		month, ok2 := digits(b[5:7])
		day, ok3 := digits(b[8:10])
		hour, ok4 := digits(b[11:13])
		minute, ok5 := digits(b[14:16])
		if !(ok1 && ok2 && ok3 && ok4 && ok5) || b[4] != b[7] || b[4] != '-' && b[4] != '/' ||
			b[10] != 'T' && b[10] != ' ' && b[10] != 't' || b[13] != ':' {
			return 0, 0, false
		}
		at, valid := minuteOf(year, month, day, hour, minute)
		if !valid {
			return 0, 0, false
		}
		c.seconds = at
		copy(c.minute[:], b[:upToMinute])
	}
	s, okay := digits(b[17:19])
	if !okay || s > 60 {
		return 0, 0, false
	}
	rest := b[19:]
	if len(rest) > 1 && (rest[0] == '.' || rest[0] == ',') {
		scale := int64(100_000_000)
		rest = rest[1:]
		for len(rest) > 0 && rest[0]-'0' <= 9 {
			ns += int64(rest[0]-'0') * scale
			scale /= 10
			rest = rest[1:]
		}
	}
	offset, okay := zoneOf(rest)
	return c.seconds + s - offset, ns, okay
}

// clf reads a time as the common log format has it.
func (c *clock) clf(b []byte) (sec int64, ok bool) {
	const upToMinute = len("02/Jan/2006:15:04")
	if len(b) < upToMinute+3 || b[upToMinute] != ':' {
		return 0, false
	}
	le := binary.LittleEndian
	if le.Uint64(b) != le.Uint64(c.minute[:]) || le.Uint64(b[8:]) != le.Uint64(c.minute[8:]) || b[16] != c.minute[16] {
		day, ok1 := digits(b[0:2])
		year, ok2 := digits(b[7:11])
		hour, ok3 := digits(b[12:14])
		minute, ok4 := digits(b[15:17])
		month := monthOf(b[3:6])
		if !(ok1 && ok2 && ok3 && ok4) || b[2] != '/' || b[6] != '/' || b[11] != ':' || b[14] != ':' {
			return 0, false
		}
		at, valid := minuteOf(year, month, day, hour, minute)
		if !valid {
			return 0, false
		}
		c.seconds = at
		copy(c.minute[:], b[:upToMinute])
	}
	s, okay := digits(b[18:20])
	if !okay || s > 60 {
		return 0, false
	}
	if len(b) == 26 && string(b[20:]) == string(c.zone[:]) {
		return c.seconds + s - c.east, true
	}
	offset, okay := zoneOf(b[20:])
	if okay && len(b) == 26 {
		copy(c.zone[:], b[20:])
		c.east = offset
	}
	return c.seconds + s - offset, okay
}

// digits reads a number of a date, which has nothing but digits.
func digits(b []byte) (int64, bool) {
	n := int64(0)
	for _, ch := range b {
		if ch-'0' > 9 {
			return 0, false
		}
		n = n*10 + int64(ch-'0')
	}
	return n, true
}

func monthOf(b []byte) int64 {
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	for m := range int64(12) {
		n := names[3*m:]
		if b[0]|0x20 == n[0] && b[1]|0x20 == n[1] && b[2]|0x20 == n[2] {
			return m + 1
		}
	}
	return 0
}

// minuteOf gives a minute in seconds since 1970.
func minuteOf(year, month, day, hour, minute int64) (int64, bool) {
	if month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || minute > 59 {
		return 0, false
	}
	// The year begins in March, so that a leap day is its last.
	if month <= 2 {
		year--
		month += 12
	}
	days := 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468
	return ((days*24)+hour)*3600 + minute*60, true
}

// zoneOf gives the seconds that a zone is east of UTC.
func zoneOf(b []byte) (int64, bool) {
	if len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	switch {
	case len(b) == 0, len(b) == 1 && b[0]|0x20 == 'z', string(b) == "UTC", string(b) == "GMT":
		return 0, true
	case len(b) == 6 && b[3] == ':', len(b) == 5, len(b) == 3:
	default:
		return 0, false
	}
	hours, ok1 := digits(b[1:3])
	var minutes int64
	ok2 := true
	if len(b) > 3 {
		minutes, ok2 = digits(b[len(b)-2:])
	}
	sec := hours*3600 + minutes*60
	switch {
	case !ok1 || !ok2 || hours > 24 || minutes > 59:
		return 0, false
	case b[0] == '+':
		return sec, true
	case b[0] == '-':
		return -sec, true
	default:
		return 0, false
	}
}

// fileTimeUnit is what Windows counts from the start of the year 1601.
const (
	fileTimeUnit  = 100
	fileTimeEpoch = -11_644_473_600 // seconds since 1970
)

// origin gives the first stamp in seconds since 1970 and nanoseconds, or since
// whatever the file counts from.
func (c *clock) origin() (sec, ns int64) {
	if c.kind != stampNumber {
		return int64(c.whole), c.sub
	}
	whole, sub := c.whole, c.sub
	neg := int64(whole) < 0 && sub <= 0 && c.unit == 1e9
	if neg {
		whole, sub = -whole, -sub
	}
	hi, lo := bits.Mul64(whole, uint64(c.unit))
	q, r := bits.Div64(hi%1e9, lo, 1e9) // hi is below 1e9: unit is at most a second
	sec, ns = int64(q), int64(r)+sub
	if neg {
		return -sec, -ns
	}
	if c.fileTime() {
		sec += fileTimeEpoch
	}
	return sec, ns
}

// absolute reports whether the first stamp is a date of our times, not a count
// from the start of the recording.
func (c *clock) absolute() bool {
	if c.kind != stampNumber {
		return true
	}
	sec, _ := c.origin()
	return plausible(sec)
}

func (c *clock) fileTime() bool {
	return c.unit == fileTimeUnit && c.whole > 120_000_000_000_000_000 && c.whole < 160_000_000_000_000_000
}

// plausible reports whether a time lies between 1990 and 2100.
func plausible(sec int64) bool { return sec >= 631_152_000 && sec < 4_102_444_800 }
