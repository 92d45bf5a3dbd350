package memcached

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached/internal/meta"
)

// A record is what one item of memcached says of a key: a value, or who may
// make one, or both. It is all in one item so that one command deletes it and
// one CAS tells whether any of it has changed.
//
// The client flags of the item say what there is; see parts. The data is
//
//	written   8 bytes  when, in µs since 1970, by the clock of who wrote it
//	asked     4 bytes  the seconds that the server was asked to keep it for; 0: none, or a date
//	lasts     8 bytes  with a value: how long from written, in µs; 0: no limit
//	state     8 bytes  with a lease or a bar: how long from written, in µs
//	value     the rest
//
// An item without data and flags is one that the server made for who asked
// first, and that this one has not written to yet.
type record struct {
	value []byte        // nil: none
	ttl   time.Duration // of value, from now; 0: no limit

	state state
	left  time.Duration // of state, from now
}

// A state says whether a key may be loaded.
type state uint8

const (
	free   state = iota
	held         // somebody has the lease
	barred       // the last holder failed: load, and store nothing
)

// What a client flags word is made of.
const (
	magic   = 0x4f460000 // the upper half of what is ours
	version = 0x0100     // of the layout

	hasValue  = 1
	hasHeld   = 2
	hasBarred = 4
)

// A nature says how to read an item.
type nature uint8

const (
	ours    nature = iota
	stub           // made by the server, and not written to yet
	newer          // ours, of another version: left to its writers
	foreign        // nobody's
)

// months is the longest that memcached takes a number of seconds for what it
// is; a greater one is a date.
const months = 30 * 24 * time.Hour

// keep gives the seconds to ask the server for so that it keeps an item for d
// at least, as it has them in a command, and as a number of seconds, which is 0
// where the command has none. A d of 0 is for ever.
//
// Its clock goes in steps of a second: what it keeps for n s is gone after n-1
// to n.
func keep(d time.Duration, now time.Time) (ttl int64, asked uint32) {
	if d == 0 {
		return 0, 0
	}
	n := int64(d/time.Second) + 1
	if d%time.Second != 0 {
		n++
	}
	if n <= int64(months/time.Second) {
		return n, uint32(n) //nolint:gosec // 30 days
	}
	if date := now.Unix() + n; date <= math.MaxInt32 {
		return date, 0
	}
	return 0, 0 // after what memcached can count to
}

// command makes the one that stores r.
func (r record) command(key string, now time.Time) meta.Command {
	flags := uint32(magic | version)
	last := r.left
	if r.state == free {
		last = 0
	}
	if r.value != nil {
		flags |= hasValue
		if last = max(last, r.ttl); r.ttl == 0 {
			last = 0 // for ever
		}
	}
	ttl, asked := keep(last, now)
	data := make([]byte, 0, 28+len(r.value))
	data = binary.BigEndian.AppendUint64(data, uint64(now.UnixMicro())) //nolint:gosec // its bits
	data = binary.BigEndian.AppendUint32(data, asked)
	if r.value != nil {
		lasts := r.ttl.Microseconds()
		if r.ttl > 0 {
			lasts = max(lasts, 1) // 0 would be for ever
		}
		data = binary.BigEndian.AppendUint64(data, uint64(lasts)) //nolint:gosec // not negative
	}
	if r.state != free {
		flags |= map[state]uint32{held: hasHeld, barred: hasBarred}[r.state]
		data = binary.BigEndian.AppendUint64(data, uint64(max(r.left, 0).Microseconds())) //nolint:gosec // not negative
	}
	return meta.Command{Verb: meta.Set, Key: key, Value: append(data, r.value...), Flags: flags, TTL: ttl}
}

// headerMax is the most that a record adds to its value.
const headerMax = 28

// read gives what an item says, as of now. What it says is over, it says no
// longer.
func read(a meta.Reply, now time.Time) (r record, n nature) {
	switch {
	case len(a.Value) == 0 && a.Flags == 0:
		return record{}, stub
	case a.Flags&0xffff0000 != magic:
		return record{}, foreign
	case a.Flags&0xff00 != version:
		return record{}, newer
	}
	data := a.Value
	next := func(n int) (v uint64, ok bool) {
		if len(data) < n {
			return 0, false
		}
		var b [8]byte
		copy(b[8-n:], data)
		data = data[n:]
		return binary.BigEndian.Uint64(b[:]), true
	}
	written, _ := next(8)
	asked, ok := next(4)
	if !ok {
		return record{}, foreign
	}
	age := aged(now.Sub(time.UnixMicro(int64(written))), asked, a.TTL) //nolint:gosec // its bits
	limit := func() (left time.Duration, limited, ok bool) {
		lasts, ok := next(8)
		if !ok || lasts == 0 || lasts > uint64(math.MaxInt64/time.Microsecond) {
			return 0, false, ok && lasts == 0
		}
		return time.Duration(lasts)*time.Microsecond - age, true, true //nolint:gosec // checked
	}
	var limited bool
	if a.Flags&hasValue != 0 {
		if r.ttl, limited, ok = limit(); !ok {
			return record{}, foreign
		}
	}
	if a.Flags&(hasHeld|hasBarred) != 0 {
		if r.left, _, ok = limit(); !ok {
			return record{}, foreign
		}
		if r.left > 0 {
			r.state = held
			if a.Flags&hasBarred != 0 {
				r.state = barred
			}
		}
	}
	if a.Flags&hasValue != 0 && (!limited || r.ttl > 0) {
		r.value = data[:len(data):len(data)]
		return r, ours
	}
	r.ttl = 0
	return r, ours
}

// aged gives how long ago an item was written: what the clocks say, unless the
// server knows better. It counts whole seconds of its own clock, so that what
// they say is right to a second either way: the clocks of two processes that
// differ by more than that make no difference.
func aged(clocks time.Duration, asked uint64, left int64) time.Duration {
	if asked == 0 || left < 0 {
		return max(clocks, 0)
	}
	ticks := time.Duration(int64(asked)-left) * time.Second //nolint:gosec // 32 bits
	return min(max(clocks, ticks-time.Second, 0), max(ticks+time.Second, 0))
}
