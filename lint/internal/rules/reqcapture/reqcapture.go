// Package reqcapture is the rule against loads that read the request, or write
// the response, of one of the callers they are made for.
package reqcapture

import (
	"fmt"
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/analysis"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is reqcapture.
var Rule = &check.Rule{
	ID:       "reqcapture",
	Title:    "a load for many callers reads the request of the first, or writes its response",
	Severity: check.Error,
	Default:  true,
	Run:      run,
}

func run(p *check.Pass) {
	for _, s := range p.Sites.All {
		lit, ok := s.Loader.Syntax.(*ast.FuncLit)
		if !ok || s.Test {
			continue
		}
		f := finder{p: p, site: s, decls: declarations(p)}
		f.keys()
		for _, k := range []kind{request, response} {
			if u := f.first(lit.Body, k, func(v *types.Var) bool { return f.callers(v, lit) }, 2); u != nil {
				report(p, s, k, u, f.whole)
			}
		}
	}
}

// declarations are the functions of the package.
func declarations(p *check.Pass) map[*types.Func]*ast.FuncDecl {
	all := make(map[*types.Func]*ast.FuncDecl)
	for _, file := range p.Files {
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
				if fn, ok := p.TypesInfo.Defs[d.Name].(*types.Func); ok {
					all[fn] = d
				}
			}
		}
	}
	return all
}

// A finder looks at one site.
type finder struct {
	p     *check.Pass
	site  *sites.Site
	decls map[*types.Func]*ast.FuncDecl

	// keyed is what the key holds of the request, as text with a dot in the
	// place of the request; whole says that all of it may be in the key.
	keyed map[string]bool
	whole bool
}

// A use is a place where a load reads a caller's request, or writes to its
// response.
type use struct {
	root *ast.Ident
	expr ast.Expr // what is read of it
}

// callers says whether a variable is of one call: not the load's own, not the
// package's, and not made where the load is.
func (f *finder) callers(v *types.Var, lit *ast.FuncLit) bool {
	if lit.Pos() <= v.Pos() && v.Pos() < lit.End() || v.Parent() == f.p.Pkg.Scope() || v.Pkg() != f.p.Pkg {
		return false
	}
	decl := f.around(lit)
	if decl == nil {
		return false
	}
	local, derived := false, false
	ast.Inspect(decl, func(n ast.Node) bool {
		var rhs ast.Expr
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				if id, ok := l.(*ast.Ident); ok && f.p.TypesInfo.Defs[id] == v {
					rhs = n.Rhs[min(i, len(n.Rhs)-1)]
				}
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				if f.p.TypesInfo.Defs[id] == v {
					local = true
				}
			}
		}
		if rhs != nil {
			local = true
			ast.Inspect(rhs, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					if from, ok := f.p.TypesInfo.Uses[id].(*types.Var); ok && from != v && kindOf(from.Type()) != other && f.callers(from, lit) {
						derived = true
					}
				}
				return true
			})
		}
		return true
	})
	return !local || derived
}

// around is the declaration that a literal is in.
func (f *finder) around(lit *ast.FuncLit) *ast.FuncDecl {
	for _, d := range f.decls {
		if d.Pos() <= lit.Pos() && lit.End() <= d.End() {
			return d
		}
	}
	return nil
}

// first gives the first use of a kind in a body, of the variables that of says.
func (f *finder) first(body *ast.BlockStmt, k kind, of func(*types.Var) bool, hops int) *use {
	var found *use
	f.roots(body, of, func(id *ast.Ident, path []ast.Node) {
		v := f.p.TypesInfo.Uses[id].(*types.Var)
		if found != nil || kindOf(v.Type()) != k && !(k == response && f.writes(id, path)) {
			return
		}
		if k == request && f.writes(id, path) || k == response && recorded(id, path) {
			return
		}
		if e := f.read(id, path, hops); e != nil {
			found = &use{id, e}
		}
	})
	return found
}

// recorded says whether a response is only asked what was written to it, as a
// recorder is: its status, its size, its header's copy.
func recorded(id *ast.Ident, path []ast.Node) bool {
	sel, ok := path[len(path)-1].(*ast.SelectorExpr)
	if !ok || sel.X != id {
		return false
	}
	switch sel.Sel.Name {
	case "Status", "Size", "Written", "Len", "Code", "Body", "body", "Result":
		return true
	case "Header":
		if len(path) > 2 {
			if of, ok := path[len(path)-3].(*ast.SelectorExpr); ok {
				return of.Sel.Name == "Clone" || of.Sel.Name == "Get" || of.Sel.Name == "Values"
			}
		}
	}
	return false
}

// writes says whether a part of a framework's context that is the response is
// used: c.Writer, c.JSON(...).
func (f *finder) writes(id *ast.Ident, path []ast.Node) bool {
	sel, ok := path[len(path)-1].(*ast.SelectorExpr)
	if !ok || sel.X != id {
		return false
	}
	if v := f.p.TypesInfo.Uses[id].(*types.Var); types.TypeString(v.Type(), nil) == "*net/http.Request" {
		return false
	}
	switch sel.Sel.Name {
	case "JSON", "XML", "HTML", "String", "YAML", "Data", "Stream", "Redirect", "Status", "Abort", "AbortWithStatus", "AbortWithStatusJSON", "NoContent", "Blob", "Render", "SendString", "SendStatus", "Send", "SendMsg", "SendHeader", "SetTrailer", "SetCookie", "Response", "Writer":
		return true
	}
	return kindOf(f.p.TypesInfo.TypeOf(sel)) == response
}

// roots calls visit for each mention of a variable, with what is around it,
// outmost first.
func (f *finder) roots(in ast.Node, of func(*types.Var) bool, visit func(*ast.Ident, []ast.Node)) {
	var path []ast.Node
	ast.Inspect(in, func(n ast.Node) bool {
		if n == nil {
			path = path[:len(path)-1]
			return true
		}
		if id, ok := n.(*ast.Ident); ok && len(path) > 0 {
			if v, ok := f.p.TypesInfo.Uses[id].(*types.Var); ok && !v.IsField() && kindOf(v.Type()) != other && of(v) {
				visit(id, path)
			}
		}
		path = append(path, n)
		return true
	})
}

// read gives what is read of a request at one mention of it; nil when it is only
// its context, a line in a log, or in the key as well.
func (f *finder) read(id *ast.Ident, path []ast.Node, hops int) ast.Expr {
	what := ast.Expr(id)
	for i := len(path) - 1; i >= 0; i-- {
		switch n := path[i].(type) {
		case *ast.ParenExpr, *ast.StarExpr, *ast.UnaryExpr, *ast.IndexExpr, *ast.TypeAssertExpr, *ast.SelectorExpr:
			what = n.(ast.Expr)
		case *ast.BinaryExpr:
			if _, ok := f.p.TypesInfo.TypeOf(what).Underlying().(*types.Basic); !ok {
				return nil // a comparison with nil
			}
			return f.unlessLogged(what, path[:i])
		case *ast.CallExpr:
			if ast.Unparen(n.Fun) == what {
				what = n
				if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok {
					switch sel.Sel.Name {
					case "Context", "UserContext", "Done", "Err", "Deadline", "Value":
						return nil
					}
				}
				break
			}
			fn := f.p.Sites.Callee(n)
			if fn != nil && sites.Logs(fn) || f.asContext(n, what) {
				return nil
			}
			if f.keyed[f.text(id, n)] || f.keyed[f.text(id, what)] {
				return nil
			}
			if what == id && hops > 0 && fn != nil && f.decls[fn] != nil {
				param := f.parameter(fn, n, what)
				if param == nil || f.first(f.decls[fn].Body, kindOf(param.Type()), func(v *types.Var) bool { return v == param }, hops-1) == nil {
					return nil
				}
			}
			if what == id {
				what = n
			}
			return f.unlessLogged(what, path[:i])
		default:
			return f.unlessLogged(what, path[:i])
		}
		if f.keyed[f.text(id, what)] {
			return nil
		}
	}
	return what
}

// unlessLogged drops what goes into a log line or a trace.
func (f *finder) unlessLogged(what ast.Expr, path []ast.Node) ast.Expr {
	for i := len(path) - 1; i >= 0; i-- {
		switch n := path[i].(type) {
		case *ast.CallExpr:
			if fn := f.p.Sites.Callee(n); fn != nil && sites.Logs(fn) {
				return nil
			}
		case ast.Stmt:
			return what
		}
	}
	return what
}

// asContext says whether an argument is taken for a context.
func (f *finder) asContext(call *ast.CallExpr, arg ast.Expr) bool {
	sig, ok := f.p.TypesInfo.TypeOf(call.Fun).(*types.Signature)
	if !ok {
		return false
	}
	for i, a := range call.Args {
		if a == arg && i < sig.Params().Len() {
			return flow.IsContext(sig.Params().At(i).Type())
		}
	}
	return false
}

// parameter is the one of a function that an argument is given for.
func (f *finder) parameter(fn *types.Func, call *ast.CallExpr, arg ast.Expr) *types.Var {
	sig := fn.Type().(*types.Signature)
	for i, a := range call.Args {
		if a == arg && i < sig.Params().Len() {
			return sig.Params().At(i)
		}
	}
	return nil
}

func report(p *check.Pass, s *sites.Site, k kind, u *use, whole bool) {
	text := types.ExprString(u.expr)
	if len(text) > 60 {
		text = u.root.Name
	}
	message := fmt.Sprintf("this load runs for all who wait on its key and reads the request of its first caller (%s): the others are given what was made for another request", text)
	if k == response {
		message = fmt.Sprintf("this load runs for all who wait on its key and writes to the response of its first caller (%s): the others get no answer from it", text)
	}
	d := analysis.Diagnostic{
		Pos:     u.expr.Pos(),
		End:     u.expr.End(),
		Message: message,
		Related: []analysis.RelatedInformation{{Pos: s.Pos(), End: s.Call.End(), Message: "the load is shared here"}},
	}
	if v, ok := p.TypesInfo.Uses[u.root].(*types.Var); ok && v.Pos().IsValid() {
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: v.Pos(), Message: "the request comes from here: take what the load needs out of it before, and into the key"})
	}
	if whole && k == request {
		p.ReportAs(check.Note, d)
		return
	}
	p.Report(d)
}
