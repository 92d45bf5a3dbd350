package trace

import (
	"errors"
	"io"
)

// A lineFile decodes a file of lines.
type lineFile struct {
	lines  *lines
	split  splitter
	parser *parser
	skip   []byte // the header
	sparse bool   // a line need not have all columns: those of the last are cleared
	stats  *FileStats

	fields  fields
	pending []Record // of a line that stands for several
	repeat  int64    // how many more of the last record there are

	memcached *memcachedLine
	settler   *settler
	ended     bool
}

// maxRepeat is how many accesses one line may stand for. One that says more is
// bad: it is a line of another kind, or a sum over far too long a time.
const maxRepeat = 100_000

var errRepeat = errors.New("the line stands for over 100,000 accesses")

func (f *lineFile) decode(dst []Record) (int, error) {
	n := 0
	for n < len(dst) {
		switch {
		case len(f.pending) > 0:
			dst[n] = f.pending[0]
			if f.repeat > 0 {
				f.repeat--
				f.stats.Repeats++
			} else {
				f.pending = f.pending[1:]
			}
			f.stats.Records++
			n++
			continue
		case f.settler != nil:
			if r, ok := f.settler.next(f.ended); ok {
				dst[n] = *r
				f.stats.Records++
				n++
				continue
			}
			if f.ended {
				return n, eofUnless(n)
			}
		}
		line, err := f.lines.next()
		if err != nil {
			if errors.Is(err, ErrLineTooLong) {
				f.stats.Lines++
				if err := f.bad(err, nil); err != nil {
					return n, err
				}
				continue
			}
			if errors.Is(err, io.EOF) && f.settler != nil {
				f.ended = true
				continue
			}
			if n > 0 && errors.Is(err, io.EOF) {
				return n, nil
			}
			return n, err
		}
		if len(line) == 0 {
			continue
		}
		if len(line) == len(f.skip) && string(line) == string(f.skip) {
			f.stats.Passed++
			f.stats.Lines++
			continue
		}
		if f.sparse {
			f.fields.clear()
		}
		f.stats.Lines++
		err = f.split.split(line, &f.fields)
		switch {
		case err == nil:
			err = f.parser.record(&f.fields, &dst[n])
		case errors.Is(err, errPassed):
			f.stats.Passed++
		}
		if err != nil {
			if errors.Is(err, errPassed) {
				continue
			}
			if line[0] == '#' {
				f.stats.Passed++
				continue
			}
			if err := f.bad(err, line); err != nil {
				return n, err
			}
			continue
		}
		if f.settler != nil {
			f.settler.add(&dst[n], f.memcached, f.fields.key[0])
			continue
		}
		f.stats.Records++
		if len(f.fields.keys) > 0 || f.fields.col[repeatRole] != nil {
			f.more(&dst[n])
		}
		n++
	}
	return n, nil
}

func eofUnless(n int) error {
	if n > 0 {
		return nil
	}
	return io.EOF
}

// more keeps what a line stands for beyond its first record.
func (f *lineFile) more(r *Record) {
	f.pending = f.pending[:0]
	for _, key := range f.fields.keys {
		again := *r
		again.Key = f.parser.hash.bytes(f.parser.keyOf(&f.fields, key))
		f.pending = append(f.pending, again)
		f.parser.about.look(key, again.Key, again.Op)
	}
	if b := f.fields.col[repeatRole]; b != nil {
		if times, ok := count(b); ok && times > 1 {
			f.pending = append(f.pending, *r)
			f.repeat = times - 2
			f.stats.Repeats++
		}
	}
}

// bad counts a bad line. It gives an error when most lines are.
func (f *lineFile) bad(err error, line []byte) error {
	f.stats.bad(err, line)
	if f.stats.Bad%1000 != 0 {
		return nil
	}
	if bad := f.stats.mostlyBad(); bad != nil {
		return bad
	}
	return nil
}

func (f *lineFile) origin() (sec, ns int64, absolute, ok bool) {
	sec, ns = f.parser.clock.origin()
	return sec, ns, f.parser.clock.absolute(), f.parser.clock.started
}
