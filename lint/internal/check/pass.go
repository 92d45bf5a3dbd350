package check

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/astutil"

	"github.com/onefold-go/onefold/lint/internal/sites"
)

// A Pass is one rule's look at one package.
type Pass struct {
	*analysis.Pass
	Sites *sites.Result

	rule     *Rule
	comments Suppressions
	outcome  *Outcome
}

// An Outcome is what a rule found in a package.
type Outcome struct {
	Findings []Finding
	Panic    *Panic // the rule's own, which ended it; nil if it came to its end
}

// A Panic is how a rule failed.
type Panic struct{ Value, Stack string }

// A Finding is a diagnostic, and what else a reader of findings wants to know.
// Those that a comment answers are not among the diagnostics of the pass.
type Finding struct {
	analysis.Diagnostic
	Severity   Severity
	Function   string       // the function around it, as in "(*Store).Get"; empty in a declaration
	Code       string       // the call around Pos, on one line and without the bodies of literals
	Suppressed *Suppression // the comment that answers it, or nil
}

// Report reports d with the rule's severity. Category and URL are filled in.
func (p *Pass) Report(d analysis.Diagnostic) { p.ReportAs(p.rule.Severity, d) }

// ReportAs reports d with another severity than the rule's. What is in a
// generated file, or answered by a comment, goes no further than the [Outcome]
// or not even there.
func (p *Pass) ReportAs(s Severity, d analysis.Diagnostic) {
	file := p.file(d.Pos)
	if file == nil || isGenerated(p.Fset, file) {
		return
	}
	d.Category, d.URL = p.rule.ID, p.rule.URL()
	f := Finding{Diagnostic: d, Severity: s, Suppressed: p.comments.answer(p.Fset, p.rule.ID, d)}
	f.Function, f.Code = around(file, d.Pos, d.End)
	p.outcome.Findings = append(p.outcome.Findings, f)
	if f.Suppressed == nil {
		p.Pass.Report(d)
	}
}

func (p *Pass) file(pos token.Pos) *ast.File { return fileAt(p.Pass, pos) }

func fileAt(pass *analysis.Pass, pos token.Pos) *ast.File {
	for _, f := range pass.Files {
		if f.FileStart <= pos && pos < f.FileEnd {
			return f
		}
	}
	return nil
}

var generatedBy = regexp.MustCompile(`^// Code generated (.*) DO NOT EDIT\.$`)

// isGenerated says whether nobody wrote the file. A file that imports "C"
// reaches us as cgo has rewritten it, under a line that says that it is
// generated; it counts as what it was before.
func isGenerated(fset *token.FileSet, file *ast.File) bool {
	if !ast.IsGenerated(file) {
		return false
	}
	if fset.PositionFor(file.Package, false).Filename == fset.Position(file.Package).Filename {
		return true
	}
	for _, g := range file.Comments {
		for _, c := range g.List {
			if c.Pos() > file.Package {
				return false
			}
			if m := generatedBy.FindStringSubmatch(c.Text); m != nil && m[1] != "by cmd/cgo;" {
				return true
			}
		}
	}
	return false
}

// around gives the function around a place and the code at it: the innermost
// call, or an expression where there is no call.
func around(file *ast.File, pos, end token.Pos) (function, code string) {
	path, _ := astutil.PathEnclosingInterval(file, pos, max(pos, end))
	var call, expr ast.Expr
	for _, n := range path {
		switch n := n.(type) {
		case *ast.CallExpr:
			if call == nil {
				call = n
			}
		case *ast.FuncDecl:
			function = nameOf(n)
		}
		if e, ok := n.(ast.Expr); ok && expr == nil {
			expr = e
		}
	}
	if call != nil {
		expr = call
	}
	if expr != nil {
		code = oneLine(expr)
	}
	return function, code
}

// nameOf is a function's name, as in "(*Store).Get".
func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) != 1 {
		return f.Name.Name
	}
	recv := oneLine(f.Recv.List[0].Type)
	if strings.HasPrefix(recv, "*") {
		recv = "(" + recv + ")"
	}
	return recv + "." + f.Name.Name
}

// oneLine is an expression in short: without the bodies of literals, so that
// a change to a load is no change to the call it is given to.
func oneLine(e ast.Expr) string { return strings.Join(strings.Fields(types.ExprString(e)), " ") }
