package trace

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"
)

var errJSON = errors.New("the line is no JSON object")

// A jsonLine splits one JSON object. It looks at the members that are wanted
// and passes over the rest, so it takes some lines that are not quite JSON.
type jsonLine struct {
	members []member
	nested  bool // some name has a point

	path    []byte // of the object being read, with a point at its end
	scratch []byte // texts that had escapes
}

type member struct {
	name string
	slot slot
}

func (j *jsonLine) split(line []byte, f *fields) error {
	j.path, j.scratch = j.path[:0], j.scratch[:0]
	at := blanks(line, 0)
	at = j.object(line, at, f, 0)
	if at < 0 || blanks(line, at) != len(line) {
		return errJSON
	}
	return nil
}

func blanks(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\t' || b[at] == '\r' || b[at] == '\n') {
		at++
	}
	return at
}

// maxDepth is how deeply a line may be nested.
const maxDepth = 64

// object reads the object that begins at a place and gives where it ends, or -1.
func (j *jsonLine) object(b []byte, at int, f *fields, depth int) int {
	if at >= len(b) || b[at] != '{' || depth > maxDepth {
		return -1
	}
	at = blanks(b, at+1)
	if at < len(b) && b[at] == '}' {
		return at + 1
	}
	for {
		name, next := j.text(b, at)
		if next < 0 {
			return -1
		}
		at = blanks(b, next)
		if at >= len(b) || b[at] != ':' {
			return -1
		}
		at = blanks(b, at+1)
		if at >= len(b) {
			return -1
		}
		if b[at] == '{' && j.nested && j.leads(name) {
			was := len(j.path)
			j.path = append(append(j.path, name...), '.')
			at = j.object(b, at, f, depth+1)
			j.path = j.path[:was]
		} else {
			at = j.value(b, at, j.find(name), f, depth)
		}
		if at < 0 {
			return -1
		}
		at = blanks(b, at)
		if at >= len(b) {
			return -1
		}
		switch b[at] {
		case '}':
			return at + 1
		case ',':
			at = blanks(b, at+1)
		default:
			return -1
		}
	}
}

// find gives the slot of a member of the object being read.
func (j *jsonLine) find(name []byte) slot {
	for i := range j.members {
		m := &j.members[i]
		if len(m.name) == len(j.path)+len(name) && m.name[len(j.path):] == string(name) && m.name[:len(j.path)] == string(j.path) {
			return m.slot
		}
	}
	return slot{}
}

// leads reports whether a wanted member lies in the object called name.
func (j *jsonLine) leads(name []byte) bool {
	n := len(j.path) + len(name)
	for i := range j.members {
		m := j.members[i].name
		if len(m) > n && m[n] == '.' && m[:len(j.path)] == string(j.path) && m[len(j.path):n] == string(name) {
			return true
		}
	}
	return false
}

// value reads any value and puts it where s says.
func (j *jsonLine) value(b []byte, at int, s slot, f *fields, depth int) int {
	switch b[at] {
	case '"':
		text, next := j.text(b, at)
		if s.role != noRole && next >= 0 {
			f.put(s, text)
		}
		return next
	case '{', '[':
		end := skipNested(b, at)
		if end > 0 && b[at] == '[' && s.role == ttlRole {
			f.put(s, least(b[at+1:end-1]))
		}
		return end
	default:
		end := at
		for end < len(b) && b[end] != ',' && b[end] != '}' && b[end] != ']' && b[end] > ' ' {
			end++
		}
		text := b[at:end]
		if !scalar(text) {
			return -1
		}
		if s.role != noRole && string(text) != "null" {
			f.put(s, text)
		}
		return end
	}
}

// scalar reports whether b may be a number or a word of JSON.
func scalar(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	switch b[0] {
	case 't':
		return string(b) == "true"
	case 'f':
		return string(b) == "false"
	case 'n':
		return string(b) == "null"
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return true
	default:
		return false
	}
}

// text reads a string and gives where it ends, or -1.
func (j *jsonLine) text(b []byte, at int) ([]byte, int) {
	if at >= len(b) || b[at] != '"' {
		return nil, -1
	}
	at++
	end := bytes.IndexByte(b[at:], '"')
	if end < 0 {
		return nil, -1
	}
	if bytes.IndexByte(b[at:at+end], '\\') < 0 {
		return b[at : at+end], at + end + 1
	}
	from := len(j.scratch)
	for i := at; i < len(b); i++ {
		switch c := b[i]; c {
		case '"':
			return j.scratch[from:len(j.scratch):len(j.scratch)], i + 1
		case '\\':
			i++
			if i >= len(b) {
				return nil, -1
			}
			switch c := b[i]; c {
			case 'n':
				j.scratch = append(j.scratch, '\n')
			case 't':
				j.scratch = append(j.scratch, '\t')
			case 'r':
				j.scratch = append(j.scratch, '\r')
			case 'b':
				j.scratch = append(j.scratch, '\b')
			case 'f':
				j.scratch = append(j.scratch, '\f')
			case 'u':
				if i+5 > len(b) {
					return nil, -1
				}
				u, err := strconv.ParseUint(string(b[i+1:i+5]), 16, 32)
				if err != nil {
					return nil, -1
				}
				j.scratch = utf8.AppendRune(j.scratch, rune(u))
				i += 4
			default:
				j.scratch = append(j.scratch, c)
			}
		default:
			j.scratch = append(j.scratch, c)
		}
	}
	return nil, -1
}

// skipNested passes over an object or an array and gives where it ends, or -1.
func skipNested(b []byte, at int) int {
	depth := 0
	for at < len(b) {
		switch b[at] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1
			}
		case '"':
			for at++; at < len(b) && b[at] != '"'; at++ {
				if b[at] == '\\' {
					at++
				}
			}
		}
		at++
	}
	return -1
}

// least gives the smallest number of an array's inside: the TTL of an answer
// of several records is that of the one that expires first.
func least(b []byte) (text []byte) {
	var smallest uint64
	for len(b) > 0 {
		i := bytes.IndexByte(b, ',')
		part := b
		if i >= 0 {
			part, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		part = bytes.TrimSpace(part)
		if whole, _, neg, ok := number(part); ok && !neg && (text == nil || whole < smallest) {
			text, smallest = part, whole
		}
	}
	return text
}
