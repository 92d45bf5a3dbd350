package driver

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/onefold-go/onefold/lint"
	"github.com/onefold-go/onefold/lint/internal/check"
)

// TextOptions say how a report is printed.
type TextOptions struct {
	Color bool // for a terminal
	Quiet bool // findings alone: no excerpts, and no sum at the end
}

// Text prints the open findings, the troubles, and a line that sums them up.
// Files are named relative to where the run began.
func (r *Report) Text(w io.Writer, o TextOptions) error {
	p := &printer{report: r, TextOptions: o, files: make(sources)}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Open() {
			p.finding(f)
		}
	}
	var silent []string
	for _, t := range r.Troubles {
		if t.Message == importsOthers {
			silent = append(silent, t.Package)
		} else {
			p.trouble(t)
		}
	}
	if len(silent) > 0 {
		p.trouble(Trouble{Package: silent[0] + more(len(silent)-1), Message: importsOthers})
	}
	if !o.Quiet {
		p.sum()
	}
	_, err := w.Write(p.out.Bytes())
	return err
}

// A printer makes the text of a report.
type printer struct {
	TextOptions
	report *Report
	files  sources
	out    bytes.Buffer
}

// Colors of a terminal.
const (
	bold   = "1"
	red    = "1;31"
	yellow = "1;33"
	cyan   = "1;36"
	green  = "32"
	faint  = "2"
)

func (p *printer) paint(color, text string) string {
	if !p.Color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func (p *printer) printf(format string, args ...any) { _, _ = fmt.Fprintf(&p.out, format, args...) }

func severityColor(s lint.Severity) string {
	switch s {
	case lint.Error:
		return red
	case lint.Warning:
		return yellow
	default:
		return cyan
	}
}

func (p *printer) finding(f *Finding) {
	at := fmt.Sprintf("%s:%d:%d:", p.name(f.File), f.Line, f.Column)
	p.printf("%s %s %s %s\n", p.paint(bold, at), p.paint(severityColor(f.Severity), f.Severity.String()+":"), f.Message, p.paint(faint, "("+f.Rule+")"))
	if p.Quiet {
		return
	}
	p.excerpt(f)
	for _, rel := range f.Related {
		p.printf("    %s %s\n", p.paint(faint, fmt.Sprintf("%s:%d:%d:", p.name(rel.File), rel.Line, rel.Column)), rel.Message)
	}
	if len(f.Fixes) > 0 {
		p.printf("    %s %s\n", p.paint(green, "fix:"), f.Fixes[0].Message)
	}
	p.printf("\n")
}

// excerpt prints the finding's line and marks the piece of it that is meant.
func (p *printer) excerpt(f *Finding) {
	line, ok := p.files.line(f.File, f.Line)
	if !ok {
		return
	}
	from := min(f.Column-1, len(line))
	to := len(line)
	if f.EndLine == f.Line {
		to = min(max(f.EndColumn-1, from), len(line))
	}
	const tab = "    "
	shown := func(s string) string { return strings.ReplaceAll(s, "\t", tab) }
	number := fmt.Sprintf("%7d | ", f.Line)
	p.printf("%s%s\n", p.paint(faint, number), shown(line))
	indent := strings.Repeat(" ", utf8.RuneCountInString(shown(line[:from])))
	marks := strings.Repeat("^", max(1, utf8.RuneCountInString(shown(line[from:to]))))
	p.printf("%s%s%s\n", p.paint(faint, "        | "), indent, p.paint(severityColor(f.Severity), marks))
}

func more(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return " and one package more"
	default:
		return fmt.Sprintf(" and %d packages more", n)
	}
}

func (p *printer) trouble(t Trouble) {
	what := "not checked"
	if t.Rule != "" {
		what = "not checked by " + t.Rule
	}
	about := t.Package
	if about == "" {
		about = "packages"
	}
	message := strings.ReplaceAll(t.Message, "\n", "\n    ")
	p.printf("%s %s %s\n", p.paint(bold, about+":"), p.paint(red, what+":"), message)
}

func (p *printer) sum() {
	var count [3]int
	var answered, known, fixable int
	for i := range p.report.Findings {
		f := &p.report.Findings[i]
		switch {
		case f.Suppressed != nil:
			answered++
		case f.Known:
			known++
		default:
			count[f.Severity]++
			if len(f.Fixes) > 0 {
				fixable++
			}
		}
	}
	var parts []string
	part := func(n int, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", n, many))
		}
	}
	part(count[lint.Error], "error", "errors")
	part(count[lint.Warning], "warning", "warnings")
	part(count[lint.Note], "note", "notes")
	if len(parts) == 0 {
		parts = append(parts, "nothing found")
	}
	part(answered, "answered by a comment", "answered by comments")
	part(known, "in the baseline", "in the baseline")
	packages := fmt.Sprintf("%d packages", p.report.Packages)
	if p.report.Packages == 1 {
		packages = "1 package"
	}
	p.printf("%s checked: %s.", packages, strings.Join(parts, ", "))
	if fixable > 0 {
		p.printf(" --fix mends %d of them.", fixable)
	}
	if count != [3]int{} {
		p.printf(" A page on each rule: %s<rule>.md", check.Pages)
	}
	p.printf("\n")
	if n := len(p.report.Troubles); n > 0 {
		p.printf("The run is not complete: see what was not checked, above.\n")
	}
}

// name is a file's name for who typed the command.
func (p *printer) name(file string) string {
	if rel, ok := within(p.report.Dir, file); ok {
		return rel
	}
	return p.report.path(file)
}

// sources are files that were read for their lines; nil stands for one that
// cannot be read.
type sources map[string][]string

// line gives a line of a file, counted from one, without its end.
func (s sources) line(file string, n int) (string, bool) {
	lines, read := s[file]
	if !read {
		if data, err := os.ReadFile(file); err == nil {
			lines = strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
		}
		s[file] = lines
	}
	if n < 1 || n > len(lines) {
		return "", false
	}
	return lines[n-1], true
}
