package trace

import (
	"bytes"
	"errors"
	"io"
)

// ErrLineTooLong reports a line longer than [Config].MaxLine. The line is
// passed over and counted as bad; reading goes on behind it.
var ErrLineTooLong = errors.New("trace: the line is longer than Config.MaxLine")

// lines cuts a file into lines. It holds one buffer, which grows to the longest
// line allowed and not beyond.
type lines struct {
	r          io.Reader
	buf        []byte
	start, end int
	max        int
	err        error  // from r, once
	number     uint64 // of the line that next gave last, from 1
}

const block = 256 << 10

func newLines(r io.Reader, maxLine int) *lines {
	return &lines{r: r, buf: make([]byte, block), max: maxLine}
}

// fill reads more behind what is there. It reports whether more came.
func (l *lines) fill() bool {
	if l.err != nil {
		return false
	}
	if l.start > 0 {
		copy(l.buf, l.buf[l.start:l.end])
		l.end -= l.start
		l.start = 0
	}
	if l.end == len(l.buf) {
		return false
	}
	for range 100 {
		n, err := l.r.Read(l.buf[l.end:])
		l.end += n
		if err != nil {
			l.err = err
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
	l.err = io.ErrNoProgress
	return false
}

// peek gives what the file begins with, up to a block, and drops a byte order
// mark. It must come before next.
func (l *lines) peek(n int) []byte {
	for l.end < n && l.fill() {
	}
	if bytes.HasPrefix(l.buf[l.start:l.end], []byte("\xef\xbb\xbf")) {
		l.start += 3
	}
	return l.buf[l.start:min(l.end, l.start+n)]
}

// next gives the next line without its end. The line lives until the next
// call. The error is ErrLineTooLong for one that was passed over, io.EOF at the
// end, or the reader's. A last line without an end counts when the file is
// whole.
func (l *lines) next() ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(l.buf[l.start+seen:l.end], '\n'); i >= 0 {
			line := l.buf[l.start : l.start+seen+i]
			l.start += seen + i + 1
			l.number++
			if len(line) > l.max {
				return nil, ErrLineTooLong
			}
			if n := len(line); n > 0 && line[n-1] == '\r' {
				line = line[:n-1]
			}
			return line, nil
		}
		seen = l.end - l.start
		if seen > l.max {
			return nil, l.skip()
		}
		if seen == len(l.buf) {
			bigger := make([]byte, min(2*len(l.buf), l.max+block))
			l.end = copy(bigger, l.buf[l.start:l.end])
			l.start, l.buf = 0, bigger
		}
		if l.fill() {
			continue
		}
		line := l.buf[l.start:l.end]
		l.start = l.end
		if len(line) == 0 || !errors.Is(l.err, io.EOF) {
			return nil, l.err
		}
		l.number++
		if n := len(line); line[n-1] == '\r' {
			line = line[:n-1]
		}
		return line, nil
	}
}

// skip passes over a line that is too long.
func (l *lines) skip() error {
	l.number++
	for {
		if i := bytes.IndexByte(l.buf[l.start:l.end], '\n'); i >= 0 {
			l.start += i + 1
			return ErrLineTooLong
		}
		l.start = l.end
		if !l.fill() {
			return ErrLineTooLong // what ended the file comes with the next call
		}
	}
}

// Read gives what is left as bytes, for files that are not lines.
func (l *lines) Read(p []byte) (int, error) {
	if l.start == l.end && !l.fill() {
		return 0, l.err
	}
	n := copy(p, l.buf[l.start:l.end])
	l.start += n
	return n, nil
}
