// Package report shows what a run of the lab measured: as a table for the
// terminal, as JSON for other programs, and as a page for people.
package report

import (
	"io"
	"slices"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

// TableOptions say how a table is printed. The zero TableOptions prints it
// plain, for 120 columns.
type TableOptions struct {
	Width   int  // columns of the terminal; 0: 120
	Color   bool // with the terminal's own colours
	Explain bool // with what each strategy prevents, and what not
}

// Table writes the run as one table, a row a strategy, then what its columns
// mean, what the run showed and what to try next.
//
// On a narrow terminal the less important figures move from their columns to
// a second line of the row; none is left out.
func Table(w io.Writer, r *figures.Report, opts TableOptions) error {
	r = cleaned(r)
	p := newPrinter(opts)
	if len(r.Results) == 0 {
		p.paragraph("No strategy was measured.", plain)
	} else {
		p.table(r)
		p.line()
		p.definitions(legend(r), quiet)
		if slices.ContainsFunc(r.Results, func(r figures.Result) bool { return r.Interrupts }) {
			p.definitions([]fact{{"*      ", "interrupted: its figures are those up to then"}}, quiet)
		}
		if opts.Explain {
			p.explain(r.Results)
		}
	}
	p.closing(r)
	_, err := io.WriteString(w, p.String())
	return err
}

// table writes the table at the first step at which it fits. A table wider
// than the terminal at every step is written at the last one.
func (p *printer) table(r *figures.Report) {
	cols := columns(r)
	var g grid
	for step := everything; step < never; step++ {
		g = layOut(r.Results, cols, step)
		for _, gaps := range []gaps{{between: 3, within: 2}, {between: 3, within: 1}, {between: 2, within: 1}} {
			g.gaps = gaps
			if g.width() <= p.Width {
				p.grid(g)
				return
			}
		}
	}
	p.grid(g)
}

// layOut puts the results into the columns of one step, and the rest of each
// into its second line.
func layOut(results []figures.Result, cols []column, step int) grid {
	var g grid
	g.heads = append(g.heads, head{text: "strategy", left: true})
	for _, c := range cols {
		if c.at(step) {
			g.heads = append(g.heads, head{text: c.head, group: c.group})
		}
	}
	for i := range results {
		r := &results[i]
		row := row{cells: []cell{{name(r, step >= shortNames), strong}}}
		last := ""
		for _, c := range cols {
			cell := c.cell(r)
			switch {
			case c.at(step):
				row.cells = append(row.cells, cell)
			case c.once || step < c.until || cell.text == none:
			case c.group != "" && c.group == last:
				row.below = append(row.below, belowItem{", " + c.head + " ", cell})
			case c.group != "":
				row.below = append(row.below, belowItem{"; " + c.group + ": " + c.head + " ", cell})
				last = c.group
			default:
				row.below = append(row.below, belowItem{"; " + c.head + " ", cell})
			}
		}
		g.rows = append(g.rows, row)
	}
	return g
}

// name is what the table calls a strategy. One that was cut off has a star.
func name(r *figures.Result, short bool) string {
	s := r.Title
	if short || s == "" {
		s = r.Strategy
	}
	s = shorten(s, 24)
	if r.Interrupts {
		s += "*"
	}
	return s
}

// explain says of each strategy what it prevents, and what not.
func (p *printer) explain(results []figures.Result) {
	p.line()
	p.paragraph("What each strategy prevents, and what not", strong)
	for i := range results {
		r := &results[i]
		p.line()
		p.paragraph(name(r, false)+" (--only "+r.Strategy+")", strong)
		p.definitions([]fact{
			{"  prevents", r.Prevents},
			{"  but", r.Misses},
		}, plain)
	}
}

// closing writes what holds for the run as a whole.
func (p *printer) closing(r *figures.Report) {
	p.line()
	if r.Partial {
		p.paragraph("Interrupted: these are the figures up to then.", warning)
	}
	for _, note := range r.Notes {
		p.paragraph("Note: "+note, plain)
	}
	if r.Sentence != "" {
		p.paragraph(r.Sentence, strong)
	}
	if r.Next != "" {
		p.paragraph("Next: "+r.Next, plain)
	}
}
