package check

import (
	"bytes"
	"go/ast"
	"go/printer"
	"go/token"
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
}

// A Finding is a diagnostic, and what else a reader of findings wants to know.
// Those that a comment answers are not among the diagnostics of the pass.
type Finding struct {
	analysis.Diagnostic
	Severity   Severity
	Function   string       // the function around it, as in "(*Store).Get"; empty in a declaration
	Code       string       // the call or the expression at Pos, on one line, spaces evened out
	Suppressed *Suppression // the comment that answers it, or nil
}

// Report reports d with the rule's severity. Category and URL are filled in.
func (p *Pass) Report(d analysis.Diagnostic) { p.ReportAs(p.rule.Severity, d) }

// ReportAs reports d with another severity than the rule's. What is in a
// generated file, or answered by a comment, goes no further than the [Outcome]
// or not even there.
func (p *Pass) ReportAs(s Severity, d analysis.Diagnostic) {
	file := p.file(d.Pos)
	if file == nil || ast.IsGenerated(file) {
		return
	}
	d.Category, d.URL = p.rule.ID, p.rule.URL()
	f := Finding{Diagnostic: d, Severity: s, Suppressed: p.comments.answer(p.Fset, p.rule.ID, d)}
	f.Function, f.Code = p.around(file, d.Pos, d.End)
	p.outcome.Findings = append(p.outcome.Findings, f)
	if f.Suppressed == nil {
		p.Pass.Report(d)
	}
}

func (p *Pass) file(pos token.Pos) *ast.File {
	for _, f := range p.Files {
		if f.FileStart <= pos && pos < f.FileEnd {
			return f
		}
	}
	return nil
}

// around gives the function around a place and the code at it.
func (p *Pass) around(file *ast.File, pos, end token.Pos) (function, code string) {
	path, _ := astutil.PathEnclosingInterval(file, pos, max(pos, end))
	for _, n := range path {
		if e, ok := n.(ast.Expr); ok && code == "" {
			code = p.oneLine(e)
		}
		if f, ok := n.(*ast.FuncDecl); ok {
			function = f.Name.Name
			if f.Recv != nil && len(f.Recv.List) == 1 {
				recv := p.oneLine(f.Recv.List[0].Type)
				if strings.HasPrefix(recv, "*") {
					recv = "(" + recv + ")"
				}
				function = recv + "." + function
			}
		}
	}
	return function, code
}

func (p *Pass) oneLine(n ast.Node) string {
	var b bytes.Buffer
	if printer.Fprint(&b, p.Fset, n) != nil {
		return ""
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
