package trace

import (
	"bytes"
	"errors"
	"time"
)

// errPassed says that a line is no record and no fault: a comment, another
// kind of log line, a line about no key.
var errPassed = errors.New("passed over")

// A parser makes records of the columns of one file.
type parser struct {
	clock    clock
	stamp    Stamp
	unit     [numRoles]int64 // of durations, took and TTLs; 0 where each value says its own
	zeroTTL  bool            // a TTL of 0 means that there is none
	scsi     bool            // operations are SCSI opcodes
	identity bool            // there are identity columns

	hash  *hasher
	ops   opFilter
	about *about // what is found out about keys, for all files

	key    []byte // scratch: the parts of a key, one behind the other
	cached cacheWord
	last   int64 // the latest stamp so far, as the file has it
	step   int64 // that divides all stamps
	steps  int
	quiet  bool // the key is counted later, if at all

	same     *twins // for all files; by identity
	keepSame bool
	dropLike bool
	alike    twins // by all but the time

	stats *FileStats
}

// record makes one of f. An error says that the line is bad, or passed over.
func (p *parser) record(f *fields, r *Record) error {
	name, part := f.col[opRole], f.key[0]
	if line := f.col[requestRole]; line != nil {
		method, target := requestLine(line)
		if name == nil {
			name = method
		}
		if part == nil {
			part = target
		}
	}
	op, keep := p.ops.of(name, p.scsi)
	if !keep {
		p.stats.Filtered++
		return errPassed
	}
	key := p.keyOf(f, part)
	if len(key) == 0 {
		p.stats.NoKey++
		return errPassed
	}

	if b := f.col[repeatRole]; b != nil {
		if times, ok := count(b); ok && times > maxRepeat {
			return errRepeat
		}
	}

	at, err := p.clock.since(f.col[timeRole])
	if err != nil {
		if errors.Is(err, errRange) {
			p.stats.Overflow++
		}
		return err
	}
	if at < p.last {
		p.stats.OutOfOrder++
	} else {
		p.last = at
	}
	if p.stamp == End && p.step != 1 && p.steps < stepGaps && at != 0 {
		p.steps++
		if p.step == 0 || at%p.step != 0 {
			p.step = gcd(max(at, -at), p.step)
		}
	}

	took, load := int64(Unknown), int64(Unknown)
	if b := f.col[tookRole]; b != nil {
		took = p.span(tookRole, b)
	}
	if b := f.col[durationRole]; b != nil {
		load = p.span(durationRole, b)
	}
	if p.stamp == End {
		switch {
		case took >= 0:
			at -= took
		case load >= 0:
			at -= load
		default:
			p.stats.EndOnly++
		}
	}
	if load < 0 {
		load = took
	}

	*r = Record{
		Time:     at,
		Key:      p.hash.bytes(key),
		Duration: load,
		TTL:      Unknown,
		Size:     Unknown,
		Op:       op,
	}
	if b := f.col[clientRole]; !dash(b) {
		r.Client = p.hash.bytes(b)
	}
	if b := f.col[ttlRole]; b != nil {
		if ttl := p.span(ttlRole, b); ttl > 0 || ttl == 0 && !p.zeroTTL {
			r.TTL = ttl
		}
	}
	if b := f.col[sizeRole]; b != nil {
		if n, ok := count(b); ok {
			r.Size = n
		}
	}
	if b := f.col[statusRole]; b != nil {
		if n, ok := count(b); ok && n < 1000 {
			r.Status = uint16(n)
		}
	}
	if b := f.col[cacheRole]; b != nil {
		r.Cache = p.cached.of(b)
	}
	if p.twin(f, r) {
		return errPassed
	}
	if load >= 0 {
		p.stats.Durations++
	}
	if !p.quiet {
		r.Hints = p.about.look(key, r.Key, op)
	}
	if !dash(f.col[authRole]) || !dash(f.col[userRole]) {
		r.Hints |= Authorization
	}
	if !dash(f.col[cookieRole]) {
		r.Hints |= SetCookie
	}
	if p.ops.unsafe {
		r.Hints |= UnsafeMethod
	}
	return nil
}

// twin counts a record that is there twice, and reports whether to leave it
// out.
func (p *parser) twin(f *fields, r *Record) bool {
	if p.identity && f.identity[0] != nil {
		h := p.hash.pair(r.Key, p.hash.bytes(f.identity[0]))
		for _, b := range f.identity[1:] {
			if b != nil {
				h = p.hash.pair(h, p.hash.bytes(b))
			}
		}
		if p.same.seen(h, r.Time, 1<<63-1) {
			p.stats.Duplicates++
			return !p.keepSame
		}
		return false
	}
	if r.Client != 0 {
		h := p.hash.pair(r.Key, r.Client) ^ uint64(r.Status)<<48 ^ uint64(r.Size)<<8 ^ uint64(r.Op)
		p.alike.count = suspectSets
		if p.alike.seen(h, r.Time, suspectGap) {
			p.stats.Suspected++
			return p.dropLike
		}
	}
	return false
}

// keyOf gives the key's text: first and its other parts with a character
// between them that no log has. A key of one part is not copied.
func (p *parser) keyOf(f *fields, first []byte) []byte {
	tenant := f.col[tenantRole]
	if dash(tenant) && f.key[1] == nil {
		if dash(first) {
			return nil
		}
		return first
	}
	b := p.key[:0]
	if !dash(tenant) {
		b = append(append(b, tenant...), keySeparator)
	}
	b = append(b, first...)
	for _, part := range f.key[1:] {
		if part != nil {
			b = append(append(b, keySeparator), part...)
		}
	}
	p.key = b
	if dash(first) {
		return nil
	}
	return b
}

// keySeparator stands between the parts of a key.
const keySeparator = 0x1f

// requestLine gives the method and the target of one such as
// "GET /users/1 HTTP/1.1". What is none has no target.
func requestLine(b []byte) (method, target []byte) {
	i := bytes.IndexByte(b, ' ')
	if i <= 0 {
		return nil, nil
	}
	method, b = b[:i], b[i+1:]
	if j := bytes.LastIndexByte(b, ' '); j > 0 && bytes.HasPrefix(b[j+1:], []byte("HTTP/")) {
		b = b[:j]
	}
	return method, b
}

// span gives a duration in nanoseconds, or Unknown. Upstreams that were tried
// one after the other, which nginx separates by commas and colons, are summed.
func (p *parser) span(of role, b []byte) int64 {
	if dash(b) {
		return Unknown
	}
	if b[len(b)-1]|0x20 == 's' && p.unit[of] == 0 {
		d, err := time.ParseDuration(string(b))
		if err != nil || d < 0 || d > maxSpan {
			return Unknown
		}
		return int64(d)
	}
	unit := p.unit[of]
	if unit == 0 {
		unit = 1e9
	}
	if whole, nanos, neg, ok := number(b); ok {
		d, fits := scaled(whole, nanos, unit)
		if neg || !fits {
			return Unknown
		}
		return d
	}
	sum, some := int64(0), false
	for len(b) > 0 {
		i := bytes.IndexAny(b, ",: ")
		part := b
		if i >= 0 {
			part, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		if whole, nanos, neg, ok := number(part); ok && !neg {
			if d, fits := scaled(whole, nanos, unit); fits && sum+d <= maxSpan {
				sum, some = sum+d, true
			}
		}
	}
	if !some {
		return Unknown
	}
	return sum
}
