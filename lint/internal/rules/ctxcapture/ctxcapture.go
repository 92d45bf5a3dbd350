// Package ctxcapture is the rule against loads that run with the context of one
// of the callers they are made for.
package ctxcapture

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/keys"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is ctxcapture.
var Rule = &check.Rule{
	ID:       "ctxcapture",
	Title:    "a load for many callers uses the context of the first",
	Severity: check.Warning,
	Default:  true,
	Run:      run,
}

func run(p *check.Pass) {
	for _, s := range p.Sites.All {
		if s.Instr == nil || s.Loader.Opaque() || s.Test || command(p, s) {
			continue
		}
		f := finder{p: p, site: s, load: s.Loader.Func}
		if u := f.first(); u != nil {
			report(p, s, u)
		}
	}
}

// command says whether a site is in a program's own start, where there is one
// caller only: main, init, the run function of a command.
func command(p *check.Pass, s *sites.Site) bool {
	if s.Decl == nil {
		return false
	}
	if s.Decl.Recv == nil && (s.Decl.Name.Name == "init" || s.Decl.Name.Name == "main" && p.Pkg.Name() == "main") {
		return true
	}
	for f := s.In; f != nil; f = f.Parent() {
		for _, param := range f.Params {
			if types.TypeString(param.Type(), nil) == "*github.com/spf13/cobra.Command" {
				return true
			}
		}
	}
	return false
}

// A use is a place where a load ties itself to a caller's context.
type use struct {
	expr  ast.Expr
	chain flow.Chain
}

type finder struct {
	p    *check.Pass
	site *sites.Site
	load *ssa.Function
}

// first gives the first use in the load's text, or nil.
func (f *finder) first() *use {
	var found *use
	body := f.site.Loader.Body()
	if body == nil {
		return nil
	}
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || found != nil {
			return found == nil
		}
		found = f.call(call)
		return found == nil
	})
	return found
}

// call looks at the contexts that a call is given, or is a method of.
func (f *finder) call(call *ast.CallExpr) *use {
	instr := f.p.Sites.Flow.Call(call.Lparen)
	if instr == nil {
		return nil
	}
	common := instr.Common()
	if common.IsInvoke() && flow.IsContext(common.Value.Type()) {
		switch common.Method.Name() {
		case "Done", "Err":
			if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
				return f.foreign(sel.X, common.Value)
			}
		}
		return nil
	}
	if fn := flow.Callee(common); fn != nil && (f.p.Sites.Quiet(fn) || f.p.Sites.Cuts(fn) || derives(fn)) {
		return nil
	}
	off := len(common.Args) - len(call.Args)
	if off < 0 || off > 1 {
		return nil
	}
	for i, arg := range call.Args {
		if isContext(f.p.TypesInfo.TypeOf(arg)) && flow.IsContext(common.Args[i+off].Type()) {
			if u := f.foreign(arg, common.Args[i+off]); u != nil {
				return u
			}
		}
	}
	return nil
}

// isContext says whether a type is a context that ends when another does: the
// interface, or a struct around it without a Done of its own.
func isContext(t types.Type) bool {
	return flow.IsContext(t) || flow.Embedded(t) != nil && !flow.OverridesDone(t)
}

// derives says whether a function gives a context: what is done with that one
// is what counts.
func derives(fn *types.Func) bool {
	for v := range fn.Type().(*types.Signature).Results().Variables() {
		if flow.IsContext(v.Type()) {
			return true
		}
	}
	return false
}

// foreign gives a use if a context is a caller's: nil when it is the load's
// own, was detached on one way at least, or is not known.
func (f *finder) foreign(expr ast.Expr, ctx ssa.Value) *use {
	var u *use
	for _, c := range f.p.Sites.Flow.Chains(ctx) {
		switch {
		case c.From == flow.Fresh:
			// The other way is what counts: if ctx == nil { ctx = Background() }.
		case c.Detached, c.From == flow.Unknown:
			return nil
		case c.From == flow.Lifecycle:
			return nil
		case c.Param != nil && (f.within(c.Param.Parent()) || f.shared(c.Param.Parent()) || f.nobodys(c)):
			return nil
		default:
			if u == nil {
				u = &use{expr, c}
			}
		}
	}
	return u
}

// within says whether a function is the load or a literal in it.
func (f *finder) within(fn *ssa.Function) bool {
	for ; fn != nil; fn = fn.Parent() {
		if fn == f.load {
			return true
		}
	}
	return false
}

// shared says whether a function is around the site and yet not a caller's: all
// who wait have its context in common, as it makes the group, or the handler
// that the site is in.
func (f *finder) shared(fn *ssa.Function) bool {
	for in := f.site.In; in != nil; in = in.Parent() {
		if in == fn {
			return !keys.Around(f.site, fn)
		}
	}
	return false
}

// nobodys says whether a context is the parameter of a function that only the
// package calls, and it is given one at each call that ends with no caller: the
// program's, or one that was detached.
func (f *finder) nobodys(c flow.Chain) bool {
	fn := c.Param.Parent()
	if c.Root != c.Param || fn.Object() == nil || fn.Object().Exported() {
		return false
	}
	given := 0
	for _, call := range f.p.Sites.Flow.Callers(fn) {
		if strings.HasSuffix(f.p.Fset.Position(call.Pos()).Filename, "_test.go") {
			continue
		}
		given++
		i := slices.Index(fn.Params, c.Param)
		if i < 0 || i >= len(call.Common().Args) {
			return false
		}
		chains := f.p.Sites.Flow.Chains(call.Common().Args[i])
		for _, given := range chains {
			if !given.Detached && given.From != flow.Fresh && given.From != flow.Lifecycle {
				return false
			}
		}
		if len(chains) == 0 {
			return false
		}
	}
	return given > 0
}

func report(p *check.Pass, s *sites.Site, u *use) {
	whose := "the context of its first caller"
	if u.chain.From == flow.Accessor {
		whose = "the context of its first caller's request"
	}
	message := fmt.Sprintf("this load runs for all who wait on its key, with %s: when that caller leaves, it fails for them all", whose)
	if s.API.Passing {
		message = fmt.Sprintf("this load is given a context of its own and uses %s: when that caller leaves, it fails for all who wait", whose)
	}
	if u.chain.Bounded {
		message += " (a timeout on top of it changes nothing in that)"
	}
	d := analysis.Diagnostic{
		Pos:            u.expr.Pos(),
		End:            u.expr.End(),
		Message:        message,
		Related:        []analysis.RelatedInformation{{Pos: s.Pos(), End: s.Call.End(), Message: "the load is shared here"}},
		SuggestedFixes: fix(p, s, u),
	}
	if u.chain.Param != nil && u.chain.Param.Pos().IsValid() {
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: u.chain.Param.Pos(), Message: "the context comes from here"})
	}
	if discarded(p, s) {
		p.ReportAs(check.Note, d)
		return
	}
	p.Report(d)
}

// discarded says whether nobody looks at what a call gives, as in a refresh.
func discarded(p *check.Pass, s *sites.Site) bool {
	v := s.Instr.Value()
	return v == nil || v.Referrers() == nil || len(*v.Referrers()) == 0
}

// fix gives the load a context of its own. In an API that has one for it
// already, that is the one.
func fix(p *check.Pass, s *sites.Site, u *use) []analysis.SuggestedFix {
	lit, ok := s.Loader.Syntax.(*ast.FuncLit)
	id, isName := ast.Unparen(u.expr).(*ast.Ident)
	if !ok || !isName {
		return nil
	}
	if s.API.Passing {
		if own := parameter(lit); own != "" && p.TypesInfo.Uses[id] != nil && own != id.Name {
			return []analysis.SuggestedFix{{
				Message:   "use the load's own context",
				TextEdits: []analysis.TextEdit{{Pos: id.Pos(), End: id.End(), NewText: []byte(own)}},
			}}
		}
		return nil
	}
	if obj := p.TypesInfo.Uses[id]; obj == nil || lit.Pos() <= obj.Pos() && obj.Pos() < lit.End() || !p.Go(lit.Pos(), "go1.21") {
		return nil
	}
	edits, ok := p.Deadline(lit, lit.Body.Lbrace+1, id.Name, func(context string) string { return context + ".WithoutCancel(" + id.Name + ")" })
	if !ok {
		return nil
	}
	return []analysis.SuggestedFix{{Message: "give the load a context and a deadline of its own", TextEdits: edits}}
}

// parameter is the name of a literal's context, or "".
func parameter(lit *ast.FuncLit) string {
	if len(lit.Type.Params.List) == 0 || len(lit.Type.Params.List[0].Names) == 0 {
		return ""
	}
	if n := lit.Type.Params.List[0].Names[0].Name; n != "_" {
		return n
	}
	return ""
}
