package envelope

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"time"
)

// Version 1 of the format:
//
//	size      what
//	2         "1f"
//	1         version, now 1
//	1         flags; see below
//	1         kind
//	8         born, Unix nanoseconds, big endian
//	varint    fresh, nanoseconds plus one; 0: for ever
//	varint    keep less fresh, likewise
//	varint    took, nanoseconds
//	varint    epoch
//	varint    seq
//	varint    version of the value
//	32        with flagDigest: SHA-256 of the key
//	varint+n  without it: length of the key, and the key
//	varint+n  likewise the validator
//	varint    number of tags, and then each like the key
//	m         the encoded value, up to the checksum
//	4         CRC-32C of all before it, big endian
//
// Each envelope has one form: a varint has no more bytes than it needs. The
// version says how all behind it is to be read, and so does each flag:
// compression and authentication have theirs reserved and will change what is
// behind the head. A reader that does not know a version, a flag or a kind says
// so, whatever the rest looks like, so that what a newer writer stored is left
// alone and not taken for garbage.
const (
	magic   = "1f"
	version = 1
	head    = len(magic) + 1 + 1 + 1 + 8
	tail    = 4

	flagDigest        = 1 << 0
	flagCompressed    = 1 << 1 // reserved
	flagAuthenticated = 1 << 2 // reserved
	flagsKnown        = flagDigest
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Seal is [Limits.Seal] with the default limits.
func Seal(e Envelope, encode func(dst []byte) ([]byte, error)) ([]byte, error) {
	return Limits{}.Seal(e, encode)
}

// Open is [Limits.Open] with the default limits.
func Open(key string, data []byte) (Envelope, error) { return Limits{}.Open(key, data) }

// Seal gives the bytes of e with the data that encode appends to dst; e.Data is
// not looked at. A nil encode appends nothing. An error of encode comes as it
// is. What Open would refuse as too large fails with an [Error] of that reason,
// and what is out of range with an error that says so.
func (l Limits) Seal(e Envelope, encode func(dst []byte) ([]byte, error)) ([]byte, error) {
	l = l.withDefaults()
	if err := e.validate(); err != nil {
		return nil, err
	}
	size := head + 6*binary.MaxVarintLen64 + sha256.Size + MaxKey + len(e.Validator) + tail
	if len(e.Tags) > l.Tags || len(e.Validator) > l.Validator {
		return nil, &Error{TooLarge}
	}
	for _, tag := range e.Tags {
		if len(tag) > l.Tag {
			return nil, &Error{TooLarge}
		}
		size += binary.MaxVarintLen32 + len(tag)
	}

	var flags byte
	if len(e.Key) > MaxKey {
		flags |= flagDigest
	}
	b := make([]byte, 0, size+256) // 256: many values are no longer
	b = append(b, magic...)
	b = append(b, version, flags, byte(e.Kind))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Born.UnixNano())) //nolint:gosec // the bits are kept
	b = appendSpan(b, e.Fresh)
	if e.Keep == Forever {
		b = appendSpan(b, Forever)
	} else {
		b = appendSpan(b, e.Keep-e.Fresh)
	}
	for _, n := range []uint64{uint64(e.Took), e.Epoch, e.Seq, e.Version} { //nolint:gosec // never negative
		b = binary.AppendUvarint(b, n)
	}
	if flags&flagDigest != 0 {
		sum := sha256.Sum256([]byte(e.Key))
		b = append(b, sum[:]...)
	} else {
		b = appendString(b, e.Key)
	}
	b = appendString(b, e.Validator)
	b = binary.AppendUvarint(b, uint64(len(e.Tags)))
	for _, tag := range e.Tags {
		b = appendString(b, tag)
	}
	if encode != nil {
		var err error
		if b, err = encode(b); err != nil {
			return nil, err
		}
	}
	if len(b) > l.Size-tail {
		return nil, &Error{TooLarge}
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), nil
}

// earliest and latest are what Unix nanoseconds can say.
var (
	earliest = time.Unix(0, math.MinInt64)
	latest   = time.Unix(0, math.MaxInt64)
)

// validate says what cannot be sealed of e.
func (e *Envelope) validate() error {
	switch {
	case e.Kind > NotFound:
		return fmt.Errorf("envelope: Kind is %d, want Value or NotFound", e.Kind)
	case e.Born.Before(earliest) || e.Born.After(latest):
		return fmt.Errorf("envelope: Born is %v, want the time when the load began, %d to %d", e.Born, earliest.Year()+1, latest.Year()-1)
	case e.Fresh < 0:
		return fmt.Errorf("envelope: Fresh is %v, want 0 or more", e.Fresh)
	case e.Keep < e.Fresh:
		return fmt.Errorf("envelope: Keep is %v, want Fresh, which is %v, or more", e.Keep, e.Fresh)
	case e.Took < 0:
		return fmt.Errorf("envelope: Took is %v, want 0 or more", e.Took)
	}
	return nil
}

func appendSpan(b []byte, d time.Duration) []byte {
	if d == Forever {
		return binary.AppendUvarint(b, 0)
	}
	return binary.AppendUvarint(b, uint64(d)+1) //nolint:gosec // never negative
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Open gives the envelope of key that data is, or an *[Error]. The length of
// data is looked at before anything else, and each length in it before what it
// is the length of. Data of the result is a part of data; the rest of it is
// not, and Key is key.
func (l Limits) Open(key string, data []byte) (Envelope, error) {
	l = l.withDefaults()
	if len(data) > l.Size {
		return Envelope{}, &Error{TooLarge}
	}
	if len(data) < head || string(data[:2]) != magic {
		return Envelope{}, &Error{Decode}
	}
	flags := data[3]
	if data[2] != version || flags&^byte(flagsKnown) != 0 {
		return Envelope{}, &Error{Version}
	}
	if len(data) < head+tail {
		return Envelope{}, &Error{Decode}
	}
	body := data[:len(data)-tail]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(data[len(body):]) {
		return Envelope{}, &Error{Checksum}
	}
	if Kind(body[4]) > NotFound {
		return Envelope{}, &Error{Version}
	}

	e := Envelope{Key: key, Kind: Kind(body[4])}
	e.Born = time.Unix(0, int64(binary.BigEndian.Uint64(body[5:]))) //nolint:gosec // the bits are kept
	r := reader{rest: body[head:]}
	e.Fresh = r.span()
	e.Keep = r.span()
	if e.Keep != Forever {
		if e.Fresh > Forever-1-e.Keep { // also when it is Forever
			r.fail(Decode)
		}
		e.Keep += e.Fresh
	}
	took := r.uvarint()
	if took > math.MaxInt64 {
		r.fail(Decode)
	}
	e.Took = time.Duration(took) //nolint:gosec // looked at
	e.Epoch, e.Seq, e.Version = r.uvarint(), r.uvarint(), r.uvarint()

	var same bool
	if flags&flagDigest != 0 {
		sum := sha256.Sum256([]byte(key))
		same = string(r.bytes(sha256.Size)) == string(sum[:]) && len(key) > MaxKey
	} else {
		same = string(r.string(MaxKey)) == key
	}
	if r.reason == "" && !same {
		r.fail(KeyMismatch)
	}

	e.Validator = string(r.string(l.Validator))
	if n := r.length(l.Tags); n > 0 {
		e.Tags = make([]string, n)
		for i := range e.Tags {
			e.Tags[i] = string(r.string(l.Tag))
		}
	}
	if r.reason != "" {
		return Envelope{}, &Error{r.reason}
	}
	e.Data = slices.Clip(r.rest)
	return e, nil
}

// A reader takes the sections of an envelope off rest, until one of them is
// wrong. What it gives then is zero.
type reader struct {
	rest   []byte
	reason string // of the first fault
}

func (r *reader) fail(reason string) {
	if r.reason == "" {
		r.rest, r.reason = nil, reason
	}
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || (size > 1 && r.rest[size-1] == 0) { // cut off, too large, or longer than it needs to be
		r.fail(Decode)
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) span() time.Duration {
	n := r.uvarint()
	switch {
	case n == 0:
		return Forever
	case n > math.MaxInt64: // n-1 would be Forever, which has a form of its own
		r.fail(Decode)
		return 0
	}
	return time.Duration(n - 1) //nolint:gosec // looked at
}

// length reads how many things follow, of which each has a byte at least.
func (r *reader) length(most int) int {
	n := r.uvarint()
	switch {
	case n > uint64(len(r.rest)):
		r.fail(Decode)
		return 0
	case n > uint64(most): //nolint:gosec // never negative
		r.fail(TooLarge)
		return 0
	}
	return int(n) //nolint:gosec // looked at
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.fail(Decode)
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// string reads a length and the bytes of it, which are still the envelope's.
func (r *reader) string(most int) []byte { return r.bytes(r.length(most)) }
