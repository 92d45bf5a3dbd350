// Package fakerules has rules that find things in any code, so that what
// carries findings can be tested without a coalesced load. They know what to
// say by the names of functions.
package fakerules

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/onefold-go/onefold/lint/internal/check"
)

// Rules gives them.
func Rules() []*check.Rule {
	return []*check.Rule{
		{ID: "oops", Title: "oops is called", Severity: check.Error, Default: true, Anywhere: true, Run: oops},
		{ID: "clock", Title: "the clock is called for nothing", Severity: check.Warning, Default: true, Anywhere: true, Run: clock},
		{ID: "hint", Title: "hint is called", Severity: check.Note, Default: true, Anywhere: true, Run: calls("hint")},
		{ID: "optin", Title: "optin is called", Severity: check.Warning, Anywhere: true, Run: calls("optin")},
		{ID: "boom", Title: "a rule that cannot stand boom", Severity: check.Warning, Default: true, Anywhere: true, Run: boom},
		{
			ID: "relay", Title: "a function of another package that calls oops is called", Severity: check.Warning, Default: true, Anywhere: true,
			Facts: []analysis.Fact{new(callsOops)}, Run: relay,
		},
		{ID: "spoil", Title: "spoil is called, and mended wrongly", Severity: check.Warning, Anywhere: true, Run: spoil},
	}
}

// each calls do for the calls of a function, or of any if the name is empty.
func each(p *check.Pass, name string, do func(call *ast.CallExpr, f *types.Func)) {
	for _, file := range p.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if f, ok := typeutil.Callee(p.TypesInfo, call).(*types.Func); ok && (name == "" || f.Name() == name) {
					do(call, f)
				}
			}
			return true
		})
	}
}

func calls(name string) func(*check.Pass) {
	return func(p *check.Pass) {
		each(p, name, func(call *ast.CallExpr, _ *types.Func) {
			p.Report(analysis.Diagnostic{Pos: call.Pos(), End: call.End(), Message: name + " is called"})
		})
	}
}

func replace(message string, pos, end token.Pos, text string) []analysis.SuggestedFix {
	return []analysis.SuggestedFix{{Message: message, TextEdits: []analysis.TextEdit{{Pos: pos, End: end, NewText: []byte(text)}}}}
}

func oops(p *check.Pass) {
	each(p, "oops", func(call *ast.CallExpr, f *types.Func) {
		p.Report(analysis.Diagnostic{
			Pos: call.Fun.Pos(), End: call.Fun.End(), Message: "oops is called",
			Related:        []analysis.RelatedInformation{{Pos: f.Pos(), Message: "it is declared here"}},
			SuggestedFixes: replace("call fine", call.Fun.Pos(), call.Fun.End(), "fine"),
		})
	})
}

// clock takes calls of time.Now out of what is called with them.
func clock(p *check.Pass) {
	each(p, "Now", func(call *ast.CallExpr, _ *types.Func) {
		p.Report(analysis.Diagnostic{
			Pos: call.Pos(), End: call.End(), Message: "the clock is called",
			SuggestedFixes: replace("take nil", call.Pos(), call.End(), "nil"),
		})
	})
}

func boom(p *check.Pass) {
	if p.Pkg.Scope().Lookup("boom") != nil {
		panic("there is a boom")
	}
}

type callsOops struct{ Times int }

func (*callsOops) AFact() {}

func relay(p *check.Pass) {
	for _, file := range p.Files {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			fact := new(callsOops)
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if callee, ok := typeutil.Callee(p.TypesInfo, call).(*types.Func); ok && callee.Name() == "oops" {
						fact.Times++
					}
				}
				return true
			})
			if obj := p.TypesInfo.Defs[f.Name]; fact.Times > 0 && obj != nil {
				p.ExportObjectFact(obj, fact)
			}
		}
	}
	each(p, "", func(call *ast.CallExpr, f *types.Func) {
		if f.Pkg() != p.Pkg && p.ImportObjectFact(f, new(callsOops)) {
			p.Report(analysis.Diagnostic{Pos: call.Pos(), End: call.End(), Message: f.Name() + " calls oops"})
		}
	})
}

// spoil has a fix that does not compile.
func spoil(p *check.Pass) {
	each(p, "spoil", func(call *ast.CallExpr, _ *types.Func) {
		p.Report(analysis.Diagnostic{
			Pos: call.Pos(), End: call.End(), Message: "spoil is called",
			SuggestedFixes: replace("spoil it", call.Pos(), call.End(), "noSuchThing()"),
		})
	})
}
