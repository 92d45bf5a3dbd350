package trace

import (
	"errors"
	"fmt"
	"strings"
)

// FileStats are what became of a file's lines.
type FileStats struct {
	Guess  Guess
	Bytes  int64  // of the file as it is on disk, as far as it was read
	Digest string // SHA-256 of the whole file, when Config.Digest asks for it

	Lines    uint64 // that are not empty; records, in files that are no lines
	Records  uint64 // that were given, or are to be
	Bad      uint64 // lines that cannot be read
	Passed   uint64 // lines of another kind: comments, headers, other log lines
	NoKey    uint64 // records without a key
	Filtered uint64 // records of operations that are not wanted

	OutOfOrder uint64 // records earlier than one before them, as the file has them
	Overflow   uint64 // bad lines whose time is beyond 146 years from the first
	EndOnly    uint64 // records whose time is the end and that have no duration
	Durations  uint64 // records that have a duration
	Duplicates uint64 // records that are there twice by their identity
	Suspected  uint64 // records alike within 100 µs, in all but the time
	Repeats    uint64 // records that a line stands for beyond its first

	Recording *RecordingStats // of what package record wrote; else nil

	Truncated bool // the file breaks off
	FirstBad  []BadLine

	keepBad int
	showBad bool
}

// A BadLine is one that could not be read.
type BadLine struct {
	Line  uint64 // from 1, empty ones not counted
	Bytes int
	Err   string
	Text  string // only with Config.ShowLines
}

// String says where the line is and what is wrong with it.
func (b BadLine) String() string {
	s := fmt.Sprintf("line %d (%d bytes): %s", b.Line, b.Bytes, b.Err)
	if b.Text != "" {
		s += fmt.Sprintf(": %q", b.Text)
	}
	return s
}

func (s *FileStats) bad(err error, line []byte) {
	s.Bad++
	if len(s.FirstBad) >= s.keepBad {
		return
	}
	b := BadLine{Line: s.Lines, Bytes: len(line), Err: strings.TrimPrefix(err.Error(), "trace: ")}
	if s.showBad {
		b.Text = string(line[:min(len(line), 200)])
	}
	s.FirstBad = append(s.FirstBad, b)
}

// ErrNoRecords reports that nothing was left to give.
var ErrNoRecords = errors.New("trace: there are no records")

// A MostlyBadError reports a file most of whose lines cannot be read: it is not
// what it was taken for.
type MostlyBadError struct {
	File       string
	Format     Format
	Lines, Bad uint64 // so far
	First      []BadLine
}

// Error names the first bad lines and the remedy.
func (e *MostlyBadError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "trace: %s was taken for %s, and %d of %d lines cannot be read as such", e.File, e.Format, e.Bad, e.Lines)
	for _, l := range e.First {
		fmt.Fprintf(&b, "; %v", l)
	}
	b.WriteString("; set Config.Format, Config.Columns, Config.Template or Config.Pattern")
	return b.String()
}

// mostlyBad gives an error when more lines are bad than not.
func (s *FileStats) mostlyBad() error {
	if s.Bad*2 <= s.Lines || s.Bad == 0 {
		return nil
	}
	return &MostlyBadError{File: s.Guess.File, Format: s.Guess.Format, Lines: s.Lines, Bad: s.Bad, First: s.FirstBad}
}
