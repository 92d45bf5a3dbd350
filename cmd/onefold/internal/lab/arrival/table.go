package arrival

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A table reads lines of values: csv, tsv, columns and ibm.
type table struct {
	split func(line []byte, values [][]byte) ([][]byte, error)
	width int  // values of the first line
	loose bool // other lines may have more or less

	time, method int // method -1: none
	keys         []int

	values [][]byte // of the current line
	joined []byte   // its key, if that is several values
}

// newTable finds the columns by the first line, which may be a header.
func (t *trace) newTable(first sampleLine) (p parser, header bool, err error) {
	b := &table{split: splitBlanks, loose: true, method: -1}
	switch t.format {
	case "csv":
		b.split, b.loose = splitCSV, false
	case "tsv":
		b.split, b.loose = splitTabs, false
	}
	values, err := b.split(first.text, nil)
	if err != nil {
		t.tally.bad.add(first.number, first.text, err)
		return nil, false, t.refuse("does not begin with a line of "+t.format, t.remedy())
	}
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	b.width = len(names)
	header = !b.loose && t.isHeader(names)

	var found []string // the names of columns
	t.columns = numbered(names)
	if header {
		found, t.columns = names, list(names)
	}
	return b, header, t.findColumns(b, found)
}

// findColumns settles which columns the table reads.
func (t *trace) findColumns(b *table, header []string) (err error) {
	chosen := t.ibmColumns()
	if t.format != "ibm" {
		if chosen, err = t.chooseColumns(header); err != nil {
			return err
		}
	} else if t.TimeUnit == "" {
		t.clock.unit = time.Millisecond
	}
	if b.time, err = t.column("--time", chosen.time, header, b.width); err != nil {
		return err
	}
	if b.keys, err = t.keyColumns(chosen.key, header, b.width); err != nil {
		return err
	}
	if chosen.method != "" {
		b.method, err = t.column("the method", chosen.method, header, b.width)
	}
	return err
}

// isHeader says whether the values of a first line are names: one of them is
// what --time names, or none of them is a time.
func (t *trace) isHeader(values []string) bool {
	if _, err := strconv.Atoi(t.TimeColumn); err != nil && slices.Contains(values, t.TimeColumn) {
		return true
	}
	for _, v := range values {
		asked := t.clock
		if isStamp([]byte(v)) || asked.start([]byte(v)) == nil {
			return false
		}
	}
	return true
}

// ibmColumns are those of IBM's object store traces, unless others are named.
func (t *trace) ibmColumns() choice {
	c := choice{time: "1", method: "2", key: "3"}
	if t.TimeColumn != "" {
		c.time = t.TimeColumn
	}
	if t.KeyColumn != "" {
		c.key = t.KeyColumn
	}
	return c
}

// column finds a column by its name in the header, or by its number from 1.
func (t *trace) column(flag, want string, header []string, width int) (int, error) {
	if i := slices.Index(header, want); i >= 0 {
		return i, nil
	}
	n, err := strconv.Atoi(want)
	switch {
	case err == nil && n >= 1 && n <= width:
		return n - 1, nil
	case err == nil:
		return 0, t.refuse(fmt.Sprintf("has %d columns, and %s is %d", width, flag, n), "the columns are "+t.columns)
	case header == nil:
		return 0, t.refuse(fmt.Sprintf("has no header, and %s is %q", flag, want), "give the number of the column; the columns are "+t.columns)
	}
	return 0, t.refuse(fmt.Sprintf("has no column %q, which %s names", want, flag), "the columns are "+t.columns)
}

func (t *trace) keyColumns(want string, header []string, width int) ([]int, error) {
	i, err := t.column("--key", want, header, width)
	if err == nil || !strings.Contains(want, ",") {
		return []int{i}, err
	}
	var all []int
	for part := range strings.SplitSeq(want, ",") {
		i, err := t.column("--key", strings.TrimSpace(part), header, width)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}

func (b *table) parse(line []byte) (record, error) {
	values, err := b.split(line, b.values[:0])
	if err != nil {
		return record{}, err
	}
	b.values = values
	if !b.loose && len(values) != b.width {
		return record{}, fmt.Errorf("%d values, and the first line has %d", len(values), b.width)
	}
	if need := max(b.time, b.method, slices.Max(b.keys)) + 1; len(values) < need {
		return record{}, fmt.Errorf("%d values, want at least %d", len(values), need)
	}
	rec := record{time: bytes.TrimSpace(values[b.time]), key: values[b.keys[0]]}
	if len(b.keys) > 1 {
		parts := b.joined[:0]
		for i, k := range b.keys {
			if i > 0 {
				parts = append(parts, ' ')
			}
			parts = append(parts, values[k]...)
		}
		b.joined, rec.key = parts, parts
	}
	if b.method >= 0 {
		rec.method = values[b.method]
	}
	return rec, nil
}

func splitTabs(line []byte, values [][]byte) ([][]byte, error) {
	return splitAt(line, '\t', values), nil
}

func splitBlanks(line []byte, values [][]byte) ([][]byte, error) {
	for v := range bytes.FieldsSeq(line) {
		values = append(values, v)
	}
	return values, nil
}

// splitCSV takes one record of one line: a quoted value cannot hold a line's
// end here, as no log has that.
func splitCSV(line []byte, values [][]byte) ([][]byte, error) {
	if bytes.IndexByte(line, '"') < 0 {
		return splitAt(line, ',', values), nil
	}
	r := csv.NewReader(bytes.NewReader(line))
	fields, err := r.Read()
	if at, ok := errors.AsType[*csv.ParseError](err); ok {
		return values, fmt.Errorf("not csv at byte %d: %w", at.Column, at.Err)
	}
	if err != nil {
		return values, fmt.Errorf("not csv: %w", err)
	}
	for _, f := range fields {
		values = append(values, []byte(f))
	}
	return values, nil
}

func splitAt(line []byte, sep byte, values [][]byte) [][]byte {
	for {
		i := bytes.IndexByte(line, sep)
		if i < 0 {
			return append(values, line)
		}
		values = append(values, line[:i])
		line = line[i+1:]
	}
}

// looksIBM says whether a line is one of an IBM object store trace.
func looksIBM(line []byte) bool {
	v := bytes.Fields(line)
	return len(v) >= 3 && allDigits(v[0]) && bytes.HasPrefix(v[1], []byte("REST."))
}
