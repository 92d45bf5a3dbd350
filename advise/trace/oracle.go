package trace

import (
	"encoding/binary"
	"errors"
	"io"
)

// An oracle reads libCacheSim's oracleGeneral: records of 24 bytes, the lower
// byte first, without padding: time in seconds (32 bits), object (64), size
// (32), and when the object comes next (64, -1 for never), which we leave alone.
type oracle struct {
	r     io.Reader
	buf   []byte
	n     int // bytes in buf
	at    int
	err   error
	begun bool
	first uint32
	last  uint32
	hash  *hasher
	about *about
	keep  bool
	stats *FileStats
}

const oracleSize = 24

func (o *oracle) decode(dst []Record) (int, error) {
	le := binary.LittleEndian
	n := 0
	for n < len(dst) {
		if o.n-o.at < oracleSize {
			if err := o.fill(); err != nil {
				if n > 0 {
					return n, nil
				}
				return 0, err
			}
			continue
		}
		b := o.buf[o.at : o.at+oracleSize]
		o.at += oracleSize
		o.stats.Lines++
		if !o.keep {
			o.stats.Filtered++
			continue
		}
		t := le.Uint32(b)
		if !o.begun {
			o.begun, o.first, o.last = true, t, t
		}
		if t < o.last {
			o.stats.OutOfOrder++
		} else {
			o.last = t
		}
		key := o.hash.bytes(b[4:12])
		size := int64(le.Uint32(b[12:]))
		o.about.count(key)
		dst[n] = Record{
			Time: (int64(t) - int64(o.first)) * 1e9, Key: key,
			Duration: Unknown, TTL: Unknown, Size: size, Op: Read,
		}
		o.stats.Records++
		n++
	}
	return n, nil
}

func (o *oracle) fill() error {
	if o.err == nil {
		o.n = copy(o.buf, o.buf[o.at:o.n])
		o.at = 0
		var n int
		n, o.err = io.ReadAtLeast(o.r, o.buf[o.n:], oracleSize-o.n)
		o.n += n
		if o.n >= oracleSize {
			return nil
		}
	}
	if o.n > o.at && (errors.Is(o.err, io.EOF) || errors.Is(o.err, io.ErrUnexpectedEOF)) {
		o.n = o.at
		o.stats.Truncated = true
		return io.EOF
	}
	if errors.Is(o.err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return o.err
}

func (o *oracle) origin() (sec, ns int64, absolute, ok bool) {
	return int64(o.first), 0, plausible(int64(o.first)), o.begun
}
