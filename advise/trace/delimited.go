package trace

import (
	"bytes"
	"errors"
)

var (
	errShort = errors.New("the line has too few columns")
	errQuote = errors.New("a quote is not closed")
)

// A delimited splits CSV and its kin. A quoted column may hold the delimiter
// and doubled quotes, but no line break.
type delimited struct {
	delim  byte
	slots  []slot // of each column, up to the last that matters
	need   int    // how many columns a line must have: those up to the key and the time
	blanks bool   // several delimiters are one
	header []byte // passed over wherever it stands: files are put one behind the other
	unq    []byte // scratch for columns with doubled quotes
}

func (d *delimited) split(line []byte, f *fields) error {
	d.unq = d.unq[:0]
	for i, s := range d.slots {
		var text []byte
		switch {
		case len(line) > 0 && line[0] == '"':
			var ok bool
			if text, line, ok = d.quoted(line); !ok {
				return errQuote
			}
		default:
			j := bytes.IndexByte(line, d.delim)
			if j < 0 {
				text, line = line, nil
			} else {
				text, line = line[:j], line[j+1:]
			}
		}
		if s.role != noRole {
			f.put(s, text)
		}
		if d.blanks {
			for len(line) > 0 && line[0] == d.delim {
				line = line[1:]
			}
		}
		if line == nil {
			if i+1 < d.need {
				return errShort
			}
			for _, s := range d.slots[i+1:] {
				f.put(s, nil)
			}
			return nil
		}
	}
	return nil
}

// quoted takes a column in quotes off the line, and gives what is behind the
// delimiter that follows, or nil at the line's end.
func (d *delimited) quoted(line []byte) (text, rest []byte, ok bool) {
	body := line[1:]
	end := bytes.IndexByte(body, '"')
	if end < 0 {
		return nil, nil, false
	}
	if end+1 < len(body) && body[end+1] == '"' {
		from := len(d.unq)
		for {
			d.unq = append(d.unq, body[:end]...)
			if end+1 >= len(body) || body[end+1] != '"' {
				break
			}
			d.unq = append(d.unq, '"')
			body = body[end+2:]
			if end = bytes.IndexByte(body, '"'); end < 0 {
				return nil, nil, false
			}
		}
		text = d.unq[from:]
	} else {
		text = body[:end]
	}
	rest = body[end+1:]
	switch {
	case len(rest) == 0:
		return text, nil, true
	case rest[0] == d.delim:
		return text, rest[1:], true
	default:
		return nil, nil, false
	}
}
