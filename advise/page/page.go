// Package page writes a report of the advisor as one HTML page: the verdict, what
// carries it, plots, and all that was taken for granted.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/onefold-go/onefold/advise"
)

var (
	//go:embed page.tmpl
	pageTemplate string
	//go:embed page.css
	pageStyle string

	pageTmpl = template.Must(template.New("page").Parse(pageTemplate))
)

// Config says what a page has beside the report. The zero Config adds nothing.
type Config struct {
	// Title is the page's. Empty means one made from the verdict.
	Title string

	// Command is what made the report, to be shown as it is: whoever makes it
	// leaves out of it what is nobody else's business. Empty shows none.
	Command string
}

// Write writes r as one page of HTML that needs nothing else: no network, no
// script, no font and no other file, and which forbids itself to ask for any. The
// same report and Config give the same bytes. All texts of the report are
// escaped, and what cannot be printed stands as an escape such as \u202e; keys
// are as the report has them.
//
// It is an error that r is nil; an error of w is returned as it is. Write keeps
// neither and changes nothing, and may be called at the same time as others that
// only read r.
func Write(w io.Writer, r *advise.Report, c Config) error {
	if r == nil {
		return errors.New("page: Write: the report is nil, want one of advise.Run")
	}
	var b bytes.Buffer
	if err := pageTmpl.Execute(&b, newPage(r, c)); err != nil {
		return fmt.Errorf("page: Write: %w", err)
	}
	_, err := w.Write(printable(b.Bytes()))
	return err
}

// printable writes what is not printable as its escape: file names and keys are
// named by others, and some characters turn the order of those around them.
func printable(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		c, n := utf8.DecodeRune(text)
		switch {
		case c == utf8.RuneError && n == 1:
			out = fmt.Appendf(out, `\x%02x`, text[0])
		case c == '\n' || c == '\t' || strconv.IsPrint(c):
			out = append(out, text[:n]...)
		default:
			out = fmt.Appendf(out, `\u%04x`, c)
		}
		text = text[n:]
	}
	return out
}

// A page is what the template shows.
type page struct {
	Policy template.HTML
	Style  template.CSS

	Title, Command string
	R              *advise.Report
	Class          string
	Also           []string
	IfSafe         string // empty where it is the verdict
	Carried        []carried
	MoreTrace      string

	Settings, Watch, Current  table
	OverLimit                 table
	Safety, Questions         table
	Reasons                   table
	Bounds                    table
	Figures                   table
	Arms, Stress              table
	TopKeys                   table
	Time, Wait, Even, Kept    []figure
	Files, Findings           table
	Trace, Stated, Thresholds table
	Method                    table
}

// A carried is a figure that carries the verdict.
type carried struct{ Name, Value, Bounds, By string }

// A table is one of texts. The first column heads the rows.
type table struct {
	Caption string
	Columns []column
	Rows    [][]string
	Missing string // said where there are no rows
	Kind    string // what the style sheet calls it
}

// Kinds of tables beside the plain ones.
const (
	stack = "stack" // of texts; on a phone the cells of a row stand below each other
	pin   = "pin"   // of many columns, the first of which stays in view
)

// Class is what the style sheet calls column i, and Name its head.
func (t table) Class(i int) string { return t.Columns[i].Class }
func (t table) Name(i int) string  { return t.Columns[i].Name }

// Stacks reports whether cells need their column's name beside them.
func (t table) Stacks() bool { return t.Kind == stack }

type column struct{ Name, Class string }

// How columns are set.
const (
	num  = "num"
	text = "text"
	code = "code"
)

// policy forbids the page the network, scripts, and any style but its own.
func policy() template.HTML {
	sum := sha256.Sum256([]byte(pageStyle))
	return template.HTML(`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'sha256-` + //nolint:gosec // a digest
		base64.StdEncoding.EncodeToString(sum[:]) + `'; base-uri 'none'; form-action 'none'">`)
}

func newPage(r *advise.Report, c Config) *page {
	v, arms := r.Verdict, choose(r)
	p := &page{
		Policy: policy(), Style: template.CSS(pageStyle), //nolint:gosec // our own file
		Title: c.Title, Command: c.Command, R: r, Class: string(v.Class),
	}
	if p.Title == "" {
		p.Title = "Should this be coalesced? " + p.Class
	}
	for _, a := range v.Also {
		p.Also = append(p.Also, string(a))
	}
	if v.IfSafe != v.Class {
		p.IfSafe = string(v.IfSafe)
	}
	if v.MoreTrace > 0 {
		p.MoreTrace = duration(v.MoreTrace)
	}
	for _, f := range v.CarriedBy {
		write := of(f.Unit, f.Interval)
		c := carried{Name: f.Name, Value: value(f.Interval, write), Bounds: bounds(f.Interval, write)}
		if c.Bounds != "" {
			c.By = f.Interval.By
		}
		p.Carried = append(p.Carried, c)
	}
	p.advice(r)
	p.answers(r)
	p.measured(r)
	p.given(r)

	p.Time = []figure{loadsOverTime(r, arms), inFlight(r, arms), herds(r, arms), hours(r)}
	p.Wait = []figure{latency(r, arms), concurrency(r, arms)}
	p.Even = []figure{breakEven(r, "loader"), breakEven(r, "rate"), breakEven(r, "ttl")}
	p.Kept = []figure{heat(r)}
	return p
}
