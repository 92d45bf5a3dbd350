package driver

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// around is how many lines a diff shows before and behind what changed.
const around = 3

// A step of a diff is a line that stays, goes or comes.
type step struct {
	kind byte // ' ', '-' or '+'
	line string
}

// unified gives the unified diff of a file, empty if nothing changed.
func unified(name string, before, after []byte) []byte {
	steps := compare(lines(before), lines(after))
	var out bytes.Buffer
	old, new := 1, 1 // the line numbers of the step
	for i := 0; i < len(steps); {
		if steps[i].kind == ' ' {
			i, old, new = i+1, old+1, new+1
			continue
		}
		// A hunk goes on until there are more lines that stay than it shows
		// behind one change and before the next.
		from := max(0, i-around)
		to, same := i, 0
		for ; to < len(steps) && same <= 2*around; to++ {
			if same++; steps[to].kind != ' ' {
				same = 0
			}
		}
		to -= max(0, same-around)
		if out.Len() == 0 {
			_, _ = fmt.Fprintf(&out, "--- a/%[1]s\n+++ b/%[1]s\n", name)
		}
		old, new = old-(i-from), new-(i-from)
		var hunk bytes.Buffer
		var olds, news int
		for _, s := range steps[from:to] {
			hunk.WriteByte(s.kind)
			hunk.WriteString(s.line)
			if !strings.HasSuffix(s.line, "\n") {
				hunk.WriteString("\n\\ No newline at end of file\n")
			}
			if s.kind != '+' {
				olds++
			}
			if s.kind != '-' {
				news++
			}
		}
		_, _ = fmt.Fprintf(&out, "@@ -%s +%s @@\n%s", spanOf(old, olds), spanOf(new, news), hunk.Bytes())
		i, old, new = to, old+olds, new+news
	}
	return out.Bytes()
}

func spanOf(first, count int) string {
	if count == 0 {
		first--
	}
	return fmt.Sprintf("%d,%d", first, count)
}

func lines(data []byte) []string {
	var all []string
	for line := range strings.Lines(string(data)) {
		all = append(all, line)
	}
	return all
}

// largest is how many pairs of lines are compared at most, between the first
// line that differs and the last. Beyond, the diff is right but not short.
const largest = 1 << 24

// compare finds a shortest way from a to b: what both begin and end with stays,
// and of what is between, a longest common sequence.
func compare(a, b []string) []step {
	var head, tail []step
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head = append(head, step{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append(tail, step{' ', a[len(a)-1]})
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	slices.Reverse(tail)

	// common[i][j] is the length of the longest common sequence of a[i:], b[j:].
	common := make([][]int32, len(a)+1)
	small := len(a)*len(b) <= largest
	for i := len(a); i >= 0 && small; i-- {
		common[i] = make([]int32, len(b)+1)
		for j := len(b) - 1; j >= 0 && i < len(a); j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case small && i < len(a) && j < len(b) && a[i] == b[j]:
			head = append(head, step{' ', a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && (!small || common[i+1][j] >= common[i][j+1]):
			head = append(head, step{'-', a[i]})
			i++
		default:
			head = append(head, step{'+', b[j]})
			j++
		}
	}
	return append(head, tail...)
}
