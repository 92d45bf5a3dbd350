// Package unbounded is the rule against loads that nothing ends: their context
// was detached from the callers, and was given no deadline instead.
package unbounded

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is unbounded.
var Rule = &check.Rule{
	ID:       "unbounded",
	Title:    "a load may wait for ever",
	Severity: check.Note,
	Default:  true,
	Run:      run,
}

func run(p *check.Pass) {
	for _, s := range p.Sites.All {
		if s.Instr == nil || s.Loader.Opaque() || s.Test || s.API.Bounded || timed(s.Loader.Func) {
			continue
		}
		f := finder{p: p, site: s}
		if w := f.first(s.Loader.Func, func(*ssa.Parameter) bool { return false }, 2); w != nil {
			report(p, s, w)
		}
	}
}

type finder struct {
	p    *check.Pass
	site *sites.Site
}

// A wait is a call in the load that may wait for ever.
type wait struct {
	call  ssa.CallInstruction // in the load
	inner ssa.CallInstruction // where it waits, when that is further in
	ctx   token.Pos           // the call that takes the context which has no deadline; none if there is no context
}

// first gives the first such call of a function. free says of its parameters
// whether they are contexts that are known to have no end.
func (f *finder) first(fn *ssa.Function, free func(*ssa.Parameter) bool, hops int) *wait {
	var found *wait
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			call, ok := instr.(ssa.CallInstruction)
			if !ok {
				continue
			}
			if w := f.call(call, free, hops); w != nil && (found == nil || w.call.Common().Pos() < found.call.Common().Pos()) {
				found = w
			}
		}
	}
	return found
}

func (f *finder) call(call ssa.CallInstruction, free func(*ssa.Parameter) bool, hops int) *wait {
	if _, ok := call.(*ssa.Call); !ok {
		return nil // a goroutine does not hold the load up
	}
	if ctx, maker, ok := f.waits(call.Common()); ok {
		if ctx == nil {
			return &wait{call: call}
		}
		if f.endless(ctx, free) {
			at := call.Common().Pos()
			if maker != nil {
				at = maker.Common().Pos()
			}
			return &wait{call: call, ctx: at}
		}
		return nil
	}
	body := f.p.Sites.Flow.Body(call.Common())
	if body == nil || hops == 0 || timed(body) {
		return nil
	}
	if _, isSite := f.siteOf(call); isSite {
		return nil
	}
	inner := f.first(body, func(param *ssa.Parameter) bool {
		i := slices.Index(body.Params, param)
		return i >= 0 && i < len(call.Common().Args) && f.endless(call.Common().Args[i], free)
	}, hops-1)
	if inner == nil {
		return nil
	}
	w := &wait{call: call, inner: inner.call}
	if inner.inner != nil {
		w.inner = inner.inner
	}
	if inner.ctx.IsValid() && firstContext(call.Common(), nil) != nil && f.endless(firstContext(call.Common(), nil), free) {
		w.ctx = call.Common().Pos()
	}
	return w
}

func (f *finder) siteOf(call ssa.CallInstruction) (*sites.Site, bool) {
	for _, s := range f.p.Sites.All {
		if s.Instr == call {
			return s, true
		}
	}
	return nil, false
}

// endless says whether a context is known to have no deadline, and not to end
// with anybody's.
func (f *finder) endless(ctx ssa.Value, free func(*ssa.Parameter) bool) bool {
	chains := f.p.Sites.Flow.Chains(ctx)
	for _, c := range chains {
		if c.Bounded {
			return false
		}
		param, ok := c.Root.(*ssa.Parameter)
		if c.Detached || ok && c.From == flow.Parameter && free(param) {
			continue
		}
		return false
	}
	return len(chains) > 0 && !f.deadlined(ctx)
}

// deadlined says whether a context was made by a function that puts a deadline
// on it, or may.
func (f *finder) deadlined(ctx ssa.Value) bool {
	found := false
	f.p.Sites.Flow.Sources(ctx, func(v ssa.Value) bool {
		call, ok := v.(*ssa.Call)
		if ok {
			if fn := flow.Callee(call.Common()); fn != nil {
				found = found || fn.Pkg() == nil || fn.Pkg().Path() != "context" && !ownDetach(fn)
			}
		}
		return !found
	})
	return found
}

func ownDetach(fn *types.Func) bool {
	return fn.Pkg() != nil && fn.Pkg().Path() == "github.com/onefold-go/onefold" && fn.Name() == "Detach"
}

func report(p *check.Pass, s *sites.Site, w *wait) {
	message := "this load waits without a deadline: if it hangs, so do all who wait on its key, and all who come later"
	if w.ctx.IsValid() {
		message = "this load waits with a context that was detached and has no deadline: if it hangs, so do all who wait on its key, and all who come later"
	}
	d := analysis.Diagnostic{
		Pos:     w.call.Common().Pos(),
		Message: message,
		Related: []analysis.RelatedInformation{{Pos: s.Pos(), End: s.Call.End(), Message: "the load is shared here"}},
	}
	if w.inner != nil {
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: w.inner.Common().Pos(), Message: "it waits here"})
	}
	calls := callsOf(s)
	if call := calls[w.call.Common().Pos()]; call != nil {
		d.Pos, d.End = call.Pos(), call.End()
	}
	if w.ctx.IsValid() {
		d.SuggestedFixes = fix(p, s, calls[w.ctx])
	}
	p.Report(d)
}

// callsOf gives the calls in a load by their left parenthesis.
func callsOf(s *sites.Site) map[token.Pos]*ast.CallExpr {
	calls := make(map[token.Pos]*ast.CallExpr)
	if body := s.Loader.Body(); body != nil {
		ast.Inspect(body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				calls[call.Lparen] = call
			}
			return true
		})
	}
	return calls
}

// fix puts a deadline on the context that a call in the load is given.
func fix(p *check.Pass, s *sites.Site, call *ast.CallExpr) []analysis.SuggestedFix {
	lit, ok := s.Loader.Syntax.(*ast.FuncLit)
	if !ok || call == nil || within(lit, call) {
		return nil
	}
	var arg ast.Expr
	for _, a := range call.Args {
		if flow.IsContext(p.TypesInfo.TypeOf(a)) {
			arg = ast.Unparen(a)
			break
		}
	}
	var (
		edits []analysis.TextEdit
		top   = lit.Body.Lbrace + 1
		text  = types.ExprString(arg)
	)
	switch x := arg.(type) {
	case *ast.Ident:
		obj := p.TypesInfo.Uses[x]
		at := top
		if obj == nil {
			return nil
		}
		if lit.Pos() <= obj.Pos() && obj.Pos() < lit.End() {
			if at = definition(lit, x, obj); !at.IsValid() {
				return nil
			}
		}
		edits, ok = p.Deadline(lit, at, x.Name, func(string) string { return x.Name })
	case *ast.CallExpr:
		fn := p.Sites.Callee(x)
		if fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != "context" {
			return nil
		}
		for _, a := range x.Args {
			id, isName := ast.Unparen(a).(*ast.Ident)
			if !isName || p.TypesInfo.Uses[id] == nil || lit.Pos() <= p.TypesInfo.Uses[id].Pos() && p.TypesInfo.Uses[id].Pos() < lit.End() {
				return nil
			}
		}
		name := p.FreeIn(lit, "ctx", "loadCtx", "ownCtx")
		if name == "" {
			return nil
		}
		if edits, ok = p.Deadline(lit, top, name, func(string) string { return text }); !ok {
			return nil
		}
		// Wherever the load makes the same context.
		ast.Inspect(lit.Body, func(n ast.Node) bool {
			if e, isExpr := n.(ast.Expr); isExpr && types.ExprString(e) == text {
				edits = append(edits, analysis.TextEdit{Pos: e.Pos(), End: e.End(), NewText: []byte(name)})
				return false
			}
			return true
		})
	default:
		return nil
	}
	if !ok {
		return nil
	}
	return []analysis.SuggestedFix{{Message: "give the load a deadline", TextEdits: edits}}
}

// within says whether a call is in a literal inside the load.
func within(lit *ast.FuncLit, call *ast.CallExpr) bool {
	found := false
	ast.Inspect(lit.Body, func(n ast.Node) bool {
		if l, ok := n.(*ast.FuncLit); ok {
			found = found || l.Pos() <= call.Pos() && call.End() <= l.End()
			return false
		}
		return true
	})
	return found
}

// definition is the end of the statement of the load's own block that declares a
// variable, if it is the only one that the variable is set in.
func definition(lit *ast.FuncLit, id *ast.Ident, obj types.Object) token.Pos {
	at := token.NoPos
	for _, stmt := range lit.Body.List {
		if a, ok := stmt.(*ast.AssignStmt); ok && a.Tok == token.DEFINE && a.Pos() <= obj.Pos() && obj.Pos() < a.End() {
			at = a.End()
		}
	}
	ast.Inspect(lit.Body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && !(a.Pos() <= obj.Pos() && obj.Pos() < a.End()) {
			for _, l := range a.Lhs {
				if other, ok := l.(*ast.Ident); ok && other.Name == id.Name {
					at = token.NoPos
				}
			}
		}
		return true
	})
	return at
}
