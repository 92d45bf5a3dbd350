package arrival

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A FormatError reports that a trace cannot be what it was taken for.
type FormatError struct {
	Name   string    // of the file, or "standard input"
	Reason string    // what is wrong with it
	Lines  []BadLine // the first lines that could not be used
	Remedy string    // what to do
}

// Error gives the reason and the remedy, then a line for each bad line.
func (e *FormatError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "arrival: --trace %s: %s; %s", e.Name, e.Reason, e.Remedy)
	for _, l := range e.Lines {
		fmt.Fprintf(&b, "\n  %v", l)
	}
	return b.String()
}

// A BadLine is one line of a trace that could not be used. In a binary trace
// it is a record.
type BadLine struct {
	Line   int    // counted from 1
	Reason string // why it could not be used
	Text   string // its beginning, at most 80 characters
}

func (l BadLine) String() string { return fmt.Sprintf("line %d: %s: %q", l.Line, l.Reason, l.Text) }

// shownText is how many characters of a line messages show.
const shownText = 80

func shorten(text []byte) string {
	end := 0
	for range shownText {
		if end == len(text) {
			break
		}
		_, size := utf8.DecodeRune(text[end:])
		end += size
	}
	return string(text[:end])
}
