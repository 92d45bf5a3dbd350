// Package wire is what the tool that go vet runs tells the command that ran go
// vet: all that is known of a package's findings, where go vet itself has room
// for messages alone.
package wire

import (
	"go/token"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/onefold-go/onefold/lint/internal/check"
)

// Report is the flag that makes the tool speak this way: the only message that
// its analyzer then has of a package is a [Package] in JSON.
const Report = "onefoldreport"

// Analyzer is the name of that analyzer.
const Analyzer = "onefold"

// Watch is the environment variable that names a file. The tool writes there,
// a line for each, which packages it looks at. What it finds does not depend on
// it, since the go command's cache would not know.
const Watch = "ONEFOLD_VET_WATCH"

// A Package is what was found in one.
type Package struct {
	Path     string    `json:"path"`
	Findings []Finding `json:"findings,omitempty"`
	Failures []Failure `json:"failures,omitempty"`
}

// A Failure is a rule that panicked on the package.
type Failure struct {
	Rule  string `json:"rule"`
	Value string `json:"value"`
	Stack string `json:"stack"`
}

// A Finding is one place in the code that a rule has something to say of.
type Finding struct {
	Rule       string         `json:"rule"`
	Severity   check.Severity `json:"severity"`
	Message    string         `json:"message"`
	Package    string         `json:"package"`
	Function   string         `json:"function,omitempty"` // as in "(*Store).Get"
	Code       string         `json:"code,omitempty"`     // the call, on one line, without the bodies of literals
	Span                      // where it is
	Related    []Related      `json:"related,omitempty"`
	Fixes      []Fix          `json:"fixes,omitempty"`      // the first is the one to choose
	Suppressed *Suppression   `json:"suppressed,omitempty"` // the comment that answers it
}

// A Span is a piece of a file. Lines and columns count from one, columns in
// bytes. The end is behind the last byte.
type Span struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	EndLine   int    `json:"end_line"`
	EndColumn int    `json:"end_column"`
}

// A Related is another place that has to do with a finding.
type Related struct {
	Message string `json:"message"`
	Span
}

// A Fix is a change that mends the code. Its edits go together.
type Fix struct {
	Message string `json:"message"`
	Edits   []Edit `json:"edits"`
}

// An Edit replaces the bytes from Start to End, of the file as it was.
type Edit struct {
	File  string `json:"file"`
	Start int    `json:"start"`
	End   int    `json:"end"`
	New   string `json:"new"`
}

// A Suppression is a comment that answers a finding.
type Suppression struct {
	Reason string `json:"reason"`
	Span
}

// Of puts what was found in the package of pass into this form.
func Of(pass *analysis.Pass, found []check.Finding, failed []check.Failure) Package {
	path, _, _ := strings.Cut(pass.Pkg.Path(), " [") // the variant that a test is built with
	p := Package{Path: path}
	for _, f := range found {
		out := Finding{
			Rule:     f.Category,
			Severity: f.Severity,
			Message:  f.Message,
			Package:  path,
			Function: f.Function,
			Code:     f.Code,
			Span:     span(pass.Fset, f.Pos, f.End),
		}
		for _, r := range f.Related {
			out.Related = append(out.Related, Related{r.Message, span(pass.Fset, r.Pos, r.End)})
		}
		for _, fix := range f.SuggestedFixes {
			if edits, ok := editsOf(pass.Fset, fix); ok {
				out.Fixes = append(out.Fixes, Fix{fix.Message, edits})
			}
		}
		if s := f.Suppressed; s != nil {
			out.Suppressed = &Suppression{s.Reason, span(pass.Fset, s.Pos, s.End)}
		}
		p.Findings = append(p.Findings, out)
	}
	for _, f := range failed {
		p.Failures = append(p.Failures, Failure{f.Rule.ID, f.Value, f.Stack})
	}
	return p
}

func span(fset *token.FileSet, pos, end token.Pos) Span {
	from, to := fset.Position(pos), fset.Position(pos)
	if end > pos {
		to = fset.Position(end)
	}
	if to.Filename != from.Filename || to.Line < from.Line {
		to = from
	}
	return Span{from.Filename, from.Line, from.Column, to.Line, to.Column}
}

// editsOf gives a fix's edits, or false where the file that they are for is not
// the one that was read: a copy that cgo or another program made.
func editsOf(fset *token.FileSet, fix analysis.SuggestedFix) (edits []Edit, ok bool) {
	for _, e := range fix.TextEdits {
		end := e.End
		if !end.IsValid() {
			end = e.Pos
		}
		from, to := fset.PositionFor(e.Pos, false), fset.PositionFor(end, false)
		if !from.IsValid() || from.Filename != to.Filename || to.Offset < from.Offset ||
			from.Filename != fset.Position(e.Pos).Filename {
			return nil, false
		}
		edits = append(edits, Edit{from.Filename, from.Offset, to.Offset, string(e.NewText)})
	}
	return edits, len(edits) > 0
}
