package reqcapture

import (
	"go/ast"
	"go/types"
	"regexp"
)

// keys collects what a site's key holds of the request.
func (f *finder) keys() {
	f.keyed = make(map[string]bool)
	any := func(*types.Var) bool { return true }
	seen := make(map[types.Object]bool)
	var expr func(ast.Node)
	expr = func(e ast.Node) {
		f.roots(&ast.ParenExpr{X: asExpr(e)}, any, func(id *ast.Ident, path []ast.Node) { f.key(id, path, 2) })
		ast.Inspect(e, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			v, ok := f.p.TypesInfo.Uses[id].(*types.Var)
			if !ok || v.IsField() || seen[v] || kindOf(v.Type()) != other {
				return true
			}
			seen[v] = true
			f.made(v, expr)
			return true
		})
	}
	for _, k := range f.site.API.Keys {
		if k < len(f.site.Call.Args) {
			expr(f.site.Call.Args[k])
		}
	}
}

func asExpr(n ast.Node) ast.Expr {
	e, _ := n.(ast.Expr)
	return e
}

// made visits what a local variable is made of: what is assigned to it, and what
// is given to calls with it, as to a hash or a builder.
func (f *finder) made(v *types.Var, visit func(ast.Node)) {
	if f.site.Decl == nil {
		return
	}
	is := func(e ast.Expr) bool {
		id, ok := ast.Unparen(e).(*ast.Ident)
		return ok && f.p.TypesInfo.ObjectOf(id) == v
	}
	ast.Inspect(f.site.Decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				if r := n.Rhs[min(i, len(n.Rhs)-1)]; is(l) && ast.Unparen(r) != f.site.Call {
					visit(r)
				}
			}
		case *ast.ValueSpec:
			for i, id := range n.Names {
				if f.p.TypesInfo.Defs[id] == v && len(n.Values) > 0 {
					visit(n.Values[min(i, len(n.Values)-1)])
				}
			}
		case *ast.CallExpr:
			if n == f.site.Call {
				return false
			}
			sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr)
			with := ok && is(sel.X)
			for _, a := range n.Args {
				if u, ok := ast.Unparen(a).(*ast.UnaryExpr); ok {
					a = u.X
				}
				with = with || is(a)
			}
			if with {
				for _, a := range n.Args {
					if !is(a) {
						visit(a)
					}
				}
			}
		}
		return true
	})
}

// key takes what one mention of the request in the key stands for.
func (f *finder) key(id *ast.Ident, path []ast.Node, hops int) {
	what := ast.Expr(id)
	for i := len(path) - 1; i >= 0; i-- {
		switch n := path[i].(type) {
		case *ast.StarExpr, *ast.UnaryExpr, *ast.IndexExpr, *ast.TypeAssertExpr, *ast.SelectorExpr:
			what = n.(ast.Expr)
			continue
		case *ast.CallExpr:
			if ast.Unparen(n.Fun) == what {
				if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok && sel.X != id && len(n.Args) == 0 {
					switch sel.Sel.Name {
					case "String", "RequestURI", "Encode":
						f.keyed[f.text(id, sel.X)] = true // all of it
					}
				}
				what = n
				continue
			}
			if what == id {
				// mux.Vars(r)["id"], chi.URLParam(r, "id"), or a key of the whole.
				what = n
				if len(n.Args) > 1 {
					continue
				}
				switch f.p.TypesInfo.TypeOf(n).Underlying().(type) {
				case *types.Map, *types.Struct, *types.Pointer, *types.Interface:
					continue
				}
				f.hashed(n, id, hops)
			}
		}
		break
	}
	if what == id {
		f.whole = true
		return
	}
	f.keyed[f.text(id, what)] = true
}

// hashed looks into the function that makes a key of a request.
func (f *finder) hashed(call *ast.CallExpr, arg ast.Expr, hops int) {
	fn := f.p.Sites.Callee(call)
	if fn == nil || f.decls[fn] == nil || hops == 0 {
		f.whole = true
		return
	}
	param := f.parameter(fn, call, arg)
	f.roots(f.decls[fn].Body, func(v *types.Var) bool { return v == param }, func(id *ast.Ident, path []ast.Node) { f.key(id, path, hops-1) })
}

// text is what is read of a request, with a dot in its place.
func (f *finder) text(root *ast.Ident, e ast.Expr) string {
	return regexp.MustCompile(`\b`+regexp.QuoteMeta(root.Name)+`\b`).ReplaceAllString(types.ExprString(e), "·")
}
