package trace

import (
	"encoding/binary"
	"strconv"
)

// number reads a decimal number without allocating. Whole is its integer part
// and nanos what stands behind the point, in billionths cut off after nine
// digits. Neg belongs to both. An exponent goes the slow way.
func number(b []byte) (whole uint64, nanos int64, neg, ok bool) {
	i := 0
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		neg = b[0] == '-'
		i++
	}
	first := i
	for range 2 { // sixteen digits are far below 64 bits
		if len(b)-i < 8 {
			break
		}
		n, ok := eight(b[i:])
		if !ok {
			break
		}
		whole = whole*100_000_000 + n
		i += 8
	}
	for ; i < len(b); i++ {
		d := uint64(b[i] - '0')
		if d > 9 {
			break
		}
		if i-first >= 19 && (whole > maxTenth || whole == maxTenth && d > maxLast) {
			return 0, 0, false, false // beyond 64 bits
		}
		whole = whole*10 + d
	}
	if i == len(b) {
		return whole, 0, neg, i > first
	}
	if b[i] != '.' {
		if i > first && b[i]|0x20 == 'e' {
			return exponent(b)
		}
		return 0, 0, false, false
	}
	digits := i - first
	scale := int64(100_000_000)
	for i++; i < len(b); i++ {
		d := int64(b[i]) - '0'
		if uint64(d) > 9 {
			if digits > 0 && b[i]|0x20 == 'e' {
				return exponent(b)
			}
			return 0, 0, false, false
		}
		nanos += d * scale
		scale /= 10
		digits++
	}
	return whole, nanos, neg, digits > 0
}

// eight reads eight digits at once, each in its byte of a word: pairs of
// digits are summed up, then pairs of those. BenchmarkRead/csv pays for it.
func eight(b []byte) (uint64, bool) {
	v := binary.LittleEndian.Uint64(b)
	const high = 0xf0f0f0f0f0f0f0f0
	if v&high|(v+0x0606060606060606)&high>>4 != 0x3333333333333333 {
		return 0, false
	}
	v = v & 0x0f0f0f0f0f0f0f0f * 2561 >> 8
	v = v & 0x00ff00ff00ff00ff * 6553601 >> 16
	v = v & 0x0000ffff0000ffff * 42949672960001 >> 32
	return v, true
}

const (
	maxTenth = (1<<64 - 1) / 10
	maxLast  = (1<<64 - 1) % 10
)

// exponent reads a number such as 9.5e-05.
func exponent(b []byte) (whole uint64, nanos int64, neg, ok bool) {
	f, err := strconv.ParseFloat(string(b), 64)
	if f < 0 {
		neg, f = true, -f
	}
	if err != nil || !(f < 1<<63) {
		return 0, 0, false, false
	}
	whole = uint64(f)
	nanos = int64((f - float64(whole)) * 1e9)
	return whole, nanos, neg, true
}

// count reads a whole number that fits an int64, or gives false.
func count(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		d := int64(c) - '0'
		if uint64(d) > 9 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// maxSpan is the longest duration that is believed: 36 years.
const maxSpan = 1 << 60

// scaled gives whole and nanos, a number of units, in nanoseconds. It gives
// false where that is beyond maxSpan.
func scaled(whole uint64, nanos, unit int64) (int64, bool) {
	if unit == 1 {
		return int64(whole), whole <= maxSpan
	}
	if whole > uint64(maxSpan/unit)-1 {
		return 0, false
	}
	// A billionth of a unit of up to a second is at most a nanosecond.
	part := nanos
	if unit != 1e9 {
		part = int64(float64(nanos) * (float64(unit) / 1e9))
	}
	return int64(whole)*unit + part, true
}
