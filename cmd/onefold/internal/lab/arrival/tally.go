package arrival

import (
	"errors"
	"fmt"
	"strings"
)

// A tally counts the lines of a trace by what became of them.
type tally struct {
	good    int
	bad     examples
	left    examples // no fault of theirs, but not calls either
	reasons counts   // why they were left out
	methods counts   // of the good ones
	repeats int      // lines equal to the line before
}

func (t *tally) lines() int { return t.good + t.bad.n + t.left.n }

// leftOutError is the reason why a line that is no fault is not a call.
type leftOutError string

func (l leftOutError) Error() string { return string(l) }

// refuse books a line that is not a call.
func (t *tally) refuse(line int, text []byte, why error) {
	if left, ok := errors.AsType[leftOutError](why); ok {
		t.left.add(line, text, why)
		t.reasons.add(string(left))
		return
	}
	t.bad.add(line, text, why)
}

func (t *tally) notes() []string {
	var notes []string
	for _, r := range t.reasons {
		notes = append(notes, fmt.Sprintf("lines left out (%s): %d", r.what, r.n))
	}
	if t.bad.n > 0 {
		shown := make([]string, len(t.bad.first))
		for i, l := range t.bad.first {
			shown[i] = l.String()
		}
		notes = append(notes, fmt.Sprintf("bad lines left out: %d; %s", t.bad.n, strings.Join(shown, "; ")))
	}
	if len(t.methods) > 1 {
		notes = append(notes, "all of these are replayed as reads: "+t.methods.String())
	}
	return notes
}

// examples counts lines and keeps the first three.
type examples struct {
	n     int
	first []BadLine
}

func (e *examples) add(line int, text []byte, why error) {
	if e.n++; e.n <= 3 {
		e.first = append(e.first, BadLine{Line: line, Reason: why.Error(), Text: shorten(text)})
	}
}

// counts says how often each of a few things was seen, in the order in which
// they came. What comes after the first dozen is counted together.
type counts []counted

type counted struct {
	what string
	n    int
}

func (c *counts) add(what string) {
	for i := range *c {
		if (*c)[i].what == what || i == 12 {
			(*c)[i].n++
			return
		}
	}
	if len(*c) == 12 {
		what = "others"
	}
	*c = append(*c, counted{strings.Clone(what), 1})
}

func (c *counts) String() string {
	parts := make([]string, len(*c))
	for i, x := range *c {
		parts[i] = fmt.Sprintf("%d %s", x.n, x.what)
	}
	return strings.Join(parts, ", ")
}
