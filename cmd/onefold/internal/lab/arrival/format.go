package arrival

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A record is what a parser found in one line. Its parts hold until the
// parser's next line.
type record struct {
	time   []byte
	key    []byte
	method []byte // empty if the format has none
}

// A parser takes lines apart. A leftOutError error means that the line is no call
// and no fault either.
type parser interface {
	parse(line []byte) (record, error)
}

// formats are the names of --format, each with its other names.
var formats = [][]string{
	{"csv"},
	{"tsv"},
	{"jsonl", "json", "ndjson"},
	{"columns"},
	{"ibm"},
	{"combined", "common", "clf", "apache", "nginx"},
	{"oracle", "oraclegeneral"},
	{"pattern"},
}

// Formats are the values of TraceOptions.Format:
//
//	csv       values between commas, with or without a header
//	tsv       values between tabs, with or without a header
//	jsonl     a JSON object a line
//	columns   values between blanks, without a header
//	ibm       IBM's object store traces: milliseconds, operation, object, ...
//	combined  the access logs of Apache and nginx, common or combined; the
//	          names common, clf, apache and nginx mean the same
//	oracle    libCacheSim's oracleGeneral, binary records of 24 bytes
//	pattern   lines that TraceOptions.Pattern matches
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f[0]
	}
	return names
}

// canonical gives the first name of a format.
func canonical(name string) (string, bool) {
	for _, f := range formats {
		for _, n := range f {
			if strings.EqualFold(name, n) {
				return f[0], true
			}
		}
	}
	return name, false
}

// chooseFormat settles the format, by the options or by the content.
func (t *trace) chooseFormat(sample []byte) error {
	switch {
	case t.Format != "":
		t.format, _ = canonical(t.Format)
	case t.Pattern != "":
		t.format = "pattern"
	default:
		t.format = recognise(sample)
		if t.format == "" {
			for _, line := range firstLines(sample) {
				t.tally.bad.add(line.number, line.text, errors.New("no known format"))
			}
			return t.refuse("is in no format that is recognised", fmt.Sprintf("name one with --format (%s), or give a --pattern with the groups time and key", strings.Join(Formats(), ", ")))
		}
		t.notef("the format was recognised by the content: %s", t.format)
	}
	if t.TimeColumn+t.KeyColumn != "" && (t.format == "combined" || t.format == "oracle" || t.format == "pattern") {
		return fmt.Errorf("arrival: --time %q and --key %q: the format %s has no columns to choose; leave them out, or name another --format", t.TimeColumn, t.KeyColumn, t.format)
	}
	if t.Method != "" && t.format == "oracle" {
		return fmt.Errorf("arrival: the method %q is asked for, and the format oracle records none", t.Method)
	}
	return nil
}

// recognise tells the format of a sample, or "". Most lines must agree: the
// first may be cut or odd.
func recognise(sample []byte) string {
	if looksOracle(sample) {
		return "oracle"
	}
	lines := firstLines(sample)
	most := func(is func(line []byte) bool) bool {
		n := 0
		for _, line := range lines {
			if is(line.text) {
				n++
			}
		}
		return n > len(lines)/2
	}
	has := func(b byte) func([]byte) bool {
		return func(line []byte) bool { return bytes.IndexByte(line, b) >= 0 }
	}
	switch {
	case bytes.IndexByte(sample, 0) >= 0:
		return ""
	case most(func(line []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(line), []byte{'{'}) }):
		return "jsonl"
	case most(looksAccessLog):
		return "combined"
	case most(has('\t')):
		return "tsv"
	case most(looksIBM):
		return "ibm"
	case most(has(',')) && !most(looksProse):
		return "csv"
	case most(func(line []byte) bool { return len(bytes.Fields(line)) > 1 && isStamp(bytes.Fields(line)[0]) }):
		return "columns"
	}
	return ""
}

// looksProse says whether a line's commas are those of a sentence.
func looksProse(line []byte) bool {
	return bytes.Count(line, []byte(", ")) == bytes.Count(line, []byte{','})
}

// parser makes the parser of the format, and says whether the first line is a
// header.
func (t *trace) parser(sample []sampleLine) (p parser, header bool, err error) {
	switch t.format {
	case "csv", "tsv", "columns", "ibm":
		return t.newTable(sample[0])
	case "jsonl":
		p, err = t.newObjects(sample)
	case "combined":
		p = accessLog{}
	case "pattern":
		p, err = t.newPattern()
	}
	return p, false, err
}

// readLines reads a trace made of lines.
func (t *trace) readLines(ctx context.Context, sample []sampleLine) error {
	if len(sample) == 0 {
		return nil // judge refuses it
	}
	p, header, err := t.parser(sample)
	if err != nil {
		return err
	}
	var before []byte
	for number := 1; ; number++ {
		if number%1024 == 1 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		line, err := nextLine(t.in)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errLongLine):
			t.tally.refuse(number, line, err)
			continue
		case err != nil:
			return fmt.Errorf("arrival: %s: line %d: %w", t.name, number, err)
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if header {
			header = false
			continue
		}
		if t.full() {
			return nil
		}
		rec, err := p.parse(line)
		t.take(number, line, rec, err)
		if bytes.Equal(line, before) {
			t.tally.repeats++
		}
		before = append(before[:0], line...)
		if t.tally.bad.n >= hopeless && t.tally.good == 0 {
			return nil // judge refuses it
		}
	}
}

// hopeless is how many bad lines, and none good, end the reading.
const hopeless = 1000
