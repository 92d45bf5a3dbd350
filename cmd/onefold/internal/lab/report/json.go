package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

// JSON writes the report as indented JSON, the same bytes for the same
// report. A figure that is not a finite number is left out, or null where it
// stands in a series.
func JSON(w io.Writer, r *figures.Report) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("report: JSON: %w", err)
	}
	_, err := w.Write(foldSeries(b.Bytes()))
	return err
}

// ReadJSON reads what [JSON] wrote. Figures that were left out are NaN.
func ReadJSON(rd io.Reader) (*figures.Report, error) {
	dec := json.NewDecoder(rd)
	var r figures.Report
	if err := dec.Decode(&r); err != nil {
		return nil, fmt.Errorf("report: not a JSON report of onefold lab: %w", err)
	}
	if r.Schema != figures.Schema {
		return nil, fmt.Errorf("report: the JSON's schema is %d, this onefold reads %d: read it with the version that wrote it (%q)", r.Schema, figures.Schema, r.Version)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("report: the JSON goes on after the report, at byte %d: give one report a file", dec.InputOffset())
	}
	return &r, nil
}

// Every pattern needs a line break, which no JSON string holds unescaped, so
// what a user named cannot be mistaken for a series.
var (
	point  = regexp.MustCompile(`\{\n *"x": ([^\n]*),\n *"y": ([^\n]*)\n *\}`)
	series = regexp.MustCompile(`\[\n(?: *(?:null|[-+.0-9eE]+|\{"x": [^\n]*\}),?\n)+ *\]`)
	breaks = regexp.MustCompile(`\n *`)
)

// foldSeries puts each series on one line: with a line a point, the figures
// that people look for would be lost among thousands.
func foldSeries(text []byte) []byte {
	text = point.ReplaceAll(text, []byte(`{"x": $1, "y": $2}`))
	return series.ReplaceAllFunc(text, func(s []byte) []byte {
		inner := breaks.ReplaceAll(bytes.TrimSpace(s[1:len(s)-1]), []byte(" "))
		return append(append([]byte("["), inner...), ']')
	})
}
