package report

import (
	"strings"
	"unicode/utf8"
)

// A style is how a text looks on a terminal with colours.
type style string

const (
	plain   style = ""
	quiet   style = "\x1b[2m"
	strong  style = "\x1b[1m"
	warning style = "\x1b[33m"
	alarm   style = "\x1b[1;31m"
)

// A cell is a text of known width, without its style.
type cell struct {
	text  string
	style style
}

func (c cell) width() int { return utf8.RuneCountInString(c.text) }

// A printer collects text for a terminal of a known width.
type printer struct {
	strings.Builder
	TableOptions
}

func newPrinter(opts TableOptions) *printer {
	if opts.Width <= 0 {
		opts.Width = 120
	}
	return &printer{TableOptions: opts}
}

func (p *printer) line() { p.WriteByte('\n') }

func (p *printer) text(s string, st style) {
	if !p.Color || st == plain || s == "" {
		p.WriteString(s)
		return
	}
	p.WriteString(string(st) + s + "\x1b[0m")
}

// paragraph writes text in lines that fit.
func (p *printer) paragraph(text string, st style) {
	for _, line := range wrap(text, p.Width) {
		p.text(line, st)
		p.line()
	}
}

// definitions writes terms in a column, and what they mean beside them. A term
// without a meaning is left out.
func (p *printer) definitions(defs []fact, st style) {
	indent := 0
	for _, d := range defs {
		indent = max(indent, utf8.RuneCountInString(d.name)+2)
	}
	for _, d := range defs {
		if d.value == "" {
			continue
		}
		term := pad(d.name, indent)
		for _, line := range wrap(d.value, p.Width-indent) {
			p.text(term+line, st)
			p.line()
			term = strings.Repeat(" ", indent)
		}
	}
}

// A grid is a table laid out: its heads, and its rows with one cell a head.
type grid struct {
	heads []head
	rows  []row
	gaps  gaps
}

type head struct {
	text  string
	group string // written above the heads that share it
	left  bool   // aligned, as names are; figures are aligned to the right
}

type row struct {
	cells []cell
	below []belowItem // the second line; none when empty
}

// A belowItem is a figure of a second line, with the words before it.
type belowItem struct {
	words string
	cell  cell
}

// gaps are the blanks between columns.
type gaps struct {
	between int // groups
	within  int // a group
}

// gap is the number of blanks before column i.
func (g grid) gap(i int) int {
	switch {
	case i == 0:
		return 0
	case g.heads[i].group != "" && g.heads[i].group == g.heads[i-1].group:
		return g.gaps.within
	}
	return g.gaps.between
}

func (g grid) columnWidth(i int) int {
	w := utf8.RuneCountInString(g.heads[i].text)
	for _, r := range g.rows {
		w = max(w, r.cells[i].width())
	}
	return w
}

func (g grid) width() int {
	w := 0
	for i := range g.heads {
		w += g.gap(i) + g.columnWidth(i)
	}
	return w
}

// grid writes the table: the groups, the heads, the rows.
func (p *printer) grid(g grid) {
	p.groups(g)
	heads := make([]cell, len(g.heads))
	for i, h := range g.heads {
		heads[i] = cell{h.text, strong}
	}
	p.cells(g, heads)
	for _, r := range g.rows {
		p.cells(g, r.cells)
		p.below(r.below)
	}
}

func (p *printer) cells(g grid, cells []cell) {
	for i, c := range cells {
		p.WriteString(strings.Repeat(" ", g.gap(i)))
		blank := strings.Repeat(" ", g.columnWidth(i)-c.width())
		if g.heads[i].left {
			p.text(c.text, c.style)
			p.WriteString(blank)
		} else {
			p.WriteString(blank)
			p.text(c.text, c.style)
		}
	}
	p.line()
}

// groups writes each group's name over the middle of its columns' heads.
func (p *printer) groups(g grid) {
	line := ""
	start, end := 0, 0
	for i, h := range g.heads {
		end += g.gap(i) + g.columnWidth(i)
		if i == 0 || h.group != g.heads[i-1].group {
			start = end - len(h.text)
		}
		if i+1 == len(g.heads) || g.heads[i+1].group != h.group {
			at := max((start+end-len(h.group))/2, 0)
			line += strings.Repeat(" ", max(0, at-len(line))) + h.group
		}
	}
	p.text(strings.TrimRight(line, " "), quiet)
	p.line()
}

// below writes the second line of a row, indented, in as many lines as it
// takes.
func (p *printer) below(items []belowItem) {
	if len(items) == 0 {
		return
	}
	const indent = "    "
	at := 0
	for i, it := range items {
		words := it.words
		if i == 0 {
			words = strings.TrimPrefix(words, "; ")
		}
		w := utf8.RuneCountInString(words) + it.cell.width()
		switch {
		case at == 0:
			p.WriteString(indent)
			at = len(indent)
		case at+w > p.Width-1: // a comma may follow
			sep, rest, _ := strings.Cut(words, " ")
			p.text(sep, quiet)
			p.line()
			p.WriteString(indent)
			words, at = rest, len(indent)
			w = utf8.RuneCountInString(words) + it.cell.width()
		}
		p.text(words, quiet)
		if it.cell.style == plain {
			it.cell.style = quiet
		}
		p.text(it.cell.text, it.cell.style)
		at += w
	}
	p.line()
}

// wrap breaks text at blanks into lines of at most width; a word that is
// longer is broken anywhere. A text without words is one empty line.
func wrap(text string, width int) []string {
	width = max(width, 10)
	var lines []string
	line, at := "", 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		if at > 0 && at+1+n > width {
			lines = append(lines, line)
			line, at = "", 0
		}
		for n > width {
			cut := len(string([]rune(word)[:width]))
			lines = append(lines, word[:cut])
			word, n = word[cut:], n-width
		}
		if at > 0 {
			line, at = line+" ", at+1
		}
		line, at = line+word, at+n
	}
	return append(lines, line)
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// shorten cuts a text to at most width, and shows that it did.
func shorten(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-3]) + "..."
}
