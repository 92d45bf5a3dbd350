package tier

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// An envelope is what a far tier stores around an encoded value:
//
//	offset  size  what
//	0       2     "1f"
//	2       1     version, now 1
//	3       1     flags, now 0
//	4       8     born: when the load began, Unix nanoseconds, big endian
//	12      8     ttl: how long it may be served from born, nanoseconds; the greatest int64: for ever
//	20      4     length of the key
//	24      n     the key
//	24+n    m     the encoded value
//	24+n+m  4     CRC-32C of all before it, big endian
//
// The checksum finds accidents, not forgeries.
const (
	envelopeMagic   = "1f"
	envelopeVersion = 1
	envelopeHead    = 24
	envelopeTail    = 4
)

// Why an envelope is not served.
var (
	errEnvelope = errors.New("tier: not an envelope, or a damaged one")
	errVersion  = errors.New("tier: envelope of another version")
	errOtherKey = errors.New("tier: envelope of another key")
	errAge      = errors.New("tier: envelope expired or from the future")
)

// skew is how far apart the wall clocks of two processes may be: a value from
// further in the future than that is not served.
const skew = 5 * time.Second

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type envelope struct {
	born  time.Time
	ttl   time.Duration // forever: no end
	value []byte
}

// seal gives the envelope of a value that encode appends.
func seal(key string, born time.Time, ttl time.Duration, encode func([]byte) ([]byte, error)) ([]byte, error) {
	data := make([]byte, 0, envelopeHead+len(key)+128+envelopeTail)
	data = append(data, envelopeMagic...)
	data = append(data, envelopeVersion, 0)
	data = binary.BigEndian.AppendUint64(data, uint64(born.UnixNano())) //nolint:gosec // the bits are kept
	data = binary.BigEndian.AppendUint64(data, uint64(ttl))             //nolint:gosec // never negative
	data = binary.BigEndian.AppendUint32(data, uint32(len(key)))        //nolint:gosec // far below 4 GiB
	data = append(data, key...)
	data, err := encode(data)
	if err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint32(data, crc32.Checksum(data, castagnoli)), nil
}

// open checks that data is a whole envelope of key. Its value is a part of data.
func open(key string, data []byte) (envelope, error) {
	if len(data) < envelopeHead+envelopeTail || string(data[:2]) != envelopeMagic {
		return envelope{}, errEnvelope
	}
	body, sum := data[:len(data)-envelopeTail], data[len(data)-envelopeTail:]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(sum) {
		return envelope{}, errEnvelope
	}
	if body[2] != envelopeVersion || body[3] != 0 {
		return envelope{}, errVersion
	}
	n := binary.BigEndian.Uint32(body[20:])
	if uint64(n) > uint64(len(body)-envelopeHead) {
		return envelope{}, errEnvelope
	}
	if string(body[envelopeHead:envelopeHead+n]) != key {
		return envelope{}, errOtherKey
	}
	ttl := time.Duration(binary.BigEndian.Uint64(body[12:])) //nolint:gosec // checked below
	if ttl <= 0 {
		return envelope{}, errEnvelope
	}
	born := time.Unix(0, int64(binary.BigEndian.Uint64(body[4:]))) //nolint:gosec // the bits are kept
	return envelope{born: born, ttl: ttl, value: body[envelopeHead+n:]}, nil
}

// age gives how old the envelope is at now, at least 0, and an error when it
// must not be served.
func (v envelope) age(now time.Time) (time.Duration, error) {
	age := now.Sub(v.born)
	if age < -skew || (v.ttl != forever && age >= v.ttl) {
		return 0, errAge
	}
	return max(0, age), nil
}
