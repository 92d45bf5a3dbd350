package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strings"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

var (
	//go:embed page/page.tmpl
	pageTemplate string
	//go:embed page/page.css
	pageStyle string
	//go:embed page/page.js
	pageScript string

	pageTmpl = template.Must(template.New("page").Funcs(template.FuncMap{"micro": micro}).Parse(pageTemplate))
)

// HTML writes the report as one page that needs nothing else: no network, no
// font, no other file, and its script only for comparing by hand. The page
// forbids itself the network, and any script but its own.
func HTML(w io.Writer, r *figures.Report) error {
	var b bytes.Buffer
	if err := pageTmpl.Execute(&b, newPage(cleaned(r))); err != nil {
		return fmt.Errorf("report: HTML: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// A page is what the template shows.
type page struct {
	Policy template.HTML
	Style  template.CSS
	Script template.JS

	Title, Headline string
	Next            string
	Partial         bool
	Notes           []string
	Started         string
	Version         string
	Command         string
	Facts           []pageFact
	Calls           string // where all strategies had the same number

	Heads  []pageHead
	Groups []pageGroup
	Rows   []pageRow
	Legend []pageFact

	Loads     *barChart
	Wrong     *barChart
	Latency   *latencyChart
	Loading   *seriesChart
	InFlight  *seriesChart
	Catalogue []entry
}

type pageFact struct{ Name, Value string }

// A pageGroup is a head above the heads of several columns.
type pageGroup struct {
	Name string
	Span int
}

type pageHead struct {
	Name  string
	First bool // of its group
}

type pageRow struct {
	panel
	Cells []pageCell
}

type pageCell struct {
	Text   string
	Spread string // over the repeats, below the text
	Class  string
}

// A panel is what every drawing of a strategy has in common.
type panel struct {
	ID     int
	Title  string
	Desc   string // the drawing in words
	Figure string // the one figure told beside it
	Wrong  int64
	Cut    bool // interrupted
}

// Class names the panel's colours: those of a strategy that answered wrongly
// differ, and what is drawn differs in its lines as well.
func (p panel) Class() string {
	if p.Wrong > 0 {
		return "bad"
	}
	return "good"
}

// Mark says in words what the colours say.
func (p panel) Mark() string {
	switch {
	case p.Wrong == 1:
		return "1 wrong answer"
	case p.Wrong > 0:
		return count(p.Wrong) + " wrong answers"
	}
	return ""
}

// entry is a strategy of the catalogue.
type entry struct {
	panel
	Strategy, Prevents, Misses string
}

func newPanel(id int, r *figures.Result, desc string) panel {
	title := r.Title
	if title == "" {
		title = r.Strategy
	}
	return panel{ID: id, Title: title, Desc: desc, Wrong: r.Wrong.Total(), Cut: r.Interrupts}
}

func newPage(r *figures.Report) page {
	p := page{
		Policy:   policy(),
		Style:    template.CSS(pageStyle),
		Script:   template.JS(pageScript),
		Title:    "onefold lab",
		Headline: r.Sentence,
		Next:     r.Next,
		Partial:  r.Partial,
		Notes:    r.Notes,
		Version:  r.Version,
		Command:  shellLine(r.Command),
		Loads:    newLoadsChart(r),
		Wrong:    newWrongChart(r),
		Latency:  newLatencyChart(r),
		Loading:  newSeriesChart(r, loading),
		InFlight: newSeriesChart(r, inFlight),
	}
	if p.Headline == "" {
		p.Headline = plural(int64(len(r.Results)), "strategy", "strategies") + " over one stream of calls"
	}
	if r.Setup.Source != "" {
		p.Title += ": " + r.Setup.Source
	}
	if !r.Started.IsZero() {
		p.Started = r.Started.Format("2 January 2006, 15:04 MST")
	}
	for _, f := range facts(r) {
		p.Facts = append(p.Facts, pageFact{f.name, f.value})
	}
	if len(r.Results) == 0 {
		return p
	}
	p.table(r)
	for _, f := range legend(r) {
		p.Legend = append(p.Legend, pageFact{f.name, f.value})
	}
	for i := range r.Results {
		res := &r.Results[i]
		p.Catalogue = append(p.Catalogue, entry{newPanel(i, res, ""), res.Strategy, res.Prevents, res.Misses})
	}
	return p
}

// table takes over the columns of the terminal's table, all of them. A spread
// stands below the figure that it is of.
func (p *page) table(r *figures.Report) {
	for i := range r.Results {
		p.Rows = append(p.Rows, pageRow{panel: newPanel(i, &r.Results[i], "")})
	}
	last := ""
	for _, c := range columns(r) {
		if !c.at(everything) {
			continue
		}
		if c.spread {
			for i := range r.Results {
				cells := p.Rows[i].Cells
				cells[len(cells)-1].Spread = c.cell(&r.Results[i]).text
			}
			continue
		}
		first := c.group == "" || c.group != last
		last = c.group
		p.Heads = append(p.Heads, pageHead{c.head, first})
		if first {
			p.Groups = append(p.Groups, pageGroup{Name: c.group})
		}
		p.Groups[len(p.Groups)-1].Span++
		for i := range r.Results {
			cell := c.cell(&r.Results[i])
			class := cell.style.class()
			if first {
				class = strings.TrimSpace(class + " first")
			}
			p.Rows[i].Cells = append(p.Rows[i].Cells, pageCell{Text: cell.text, Class: class})
		}
	}
}

// class is the style's name in the page.
func (s style) class() string {
	switch s {
	case quiet:
		return "quiet"
	case warning:
		return "warning"
	case alarm:
		return "alarm"
	}
	return ""
}

// policy is what the browser lets the page do: its own style and its own
// script, known by their hashes, and nothing else.
func policy() template.HTML {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return template.HTML(fmt.Sprintf(
		`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src %s; script-src %s; base-uri 'none'; form-action 'none'">`,
		hash(pageStyle), hash(pageScript)))
}

// shellLine writes a command as it is typed.
func shellLine(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = a
		if a == "" || strings.ContainsAny(a, " \t\n\"'\\$`!*?[]{}()<>|&;#~") {
			quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

var microseconds = regexp.MustCompile(`(\d)us\b`)

// micro writes figures as a page does, which has more characters than a
// terminal can be trusted with.
func micro(s string) string { return microseconds.ReplaceAllString(s, "${1}\u00b5s") }
