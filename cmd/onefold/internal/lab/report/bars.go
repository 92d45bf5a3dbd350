package report

import (
	"strconv"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

// A barChart has a bar for each strategy, in the rows of a table, so that its
// figures can be read without it.
type barChart struct {
	Kinds []segmentKind // what the parts of a bar are; none for plain bars
	Rows  []bar
}

type segmentKind struct {
	Name, Means string
	Index       int // of its pattern
}

type bar struct {
	panel
	Segments []segment
	Note     string // beside the figure
}

// A segment is a part of a bar, in shares of the room.
type segment struct {
	X, Width string
	Kind     int
	Name     string
}

// newLoadsChart shows the loads of each strategy, nil when there were none.
func newLoadsChart(r *figures.Report) *barChart {
	var most int64
	for _, res := range r.Results {
		most = max(most, res.Loads)
	}
	if most == 0 {
		return nil
	}
	chart := &barChart{}
	for i := range r.Results {
		res := &r.Results[i]
		b := bar{panel: newPanel(i, res, "")}
		b.Figure = count(res.Loads)
		b.Note = percent(res.Saved)
		if res.Loads > 0 {
			b.Segments = []segment{{X: "0%", Width: width(res.Loads, most), Name: plural(res.Loads, "load", "loads")}}
		}
		chart.Rows = append(chart.Rows, b)
	}
	return chart
}

// newWrongChart shows the wrong answers of each strategy, by kind. It is nil
// when there were none.
func newWrongChart(r *figures.Report) *barChart {
	var most int64
	for _, res := range r.Results {
		most = max(most, res.Wrong.Total())
	}
	if most == 0 {
		return nil
	}
	chart := &barChart{}
	shown := occurring(wrongKinds, r.Results, wrongOf)
	for i, k := range shown {
		chart.Kinds = append(chart.Kinds, segmentKind{k.name, k.means, i})
	}
	for i := range r.Results {
		res := &r.Results[i]
		b := bar{panel: newPanel(i, res, "")}
		b.Figure = count(res.Wrong.Total())
		b.Note = list(shown, res.Wrong)
		var before int64
		for at, k := range shown {
			if n := k.count(res.Wrong); n > 0 {
				b.Segments = append(b.Segments, segment{width(before, most), width(n, most), at, count(n) + " " + k.name})
				before += n
			}
		}
		chart.Rows = append(chart.Rows, b)
	}
	return chart
}

// width is n of most as a share of the room. A bar that is not 0 is wide
// enough to be seen.
func width(n, most int64) string {
	if n == 0 {
		return "0%"
	}
	share := 100 * float64(n) / float64(most)
	return strconv.FormatFloat(max(0.4, share), 'f', 2, 64) + "%"
}
