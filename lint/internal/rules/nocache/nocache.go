// Package nocache is the rule about loads whose results nobody keeps.
package nocache

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is nocache.
var Rule = &check.Rule{
	ID:       "nocache",
	Title:    "what is loaded for many is kept nowhere",
	Severity: check.Note,
	Run:      run,
}

func run(p *check.Pass) {
	k := keeping{p: p, decls: make(map[*types.Func]*ast.FuncDecl), known: make(map[ast.Node]bool)}
	for _, file := range p.Files {
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
				if fn, ok := p.TypesInfo.Defs[d.Name].(*types.Func); ok {
					k.decls[fn] = d
				}
			}
		}
	}
	for _, s := range p.Sites.All {
		if s.Instr == nil || s.Loader.Opaque() || s.Test || s.Decl == nil || s.API.Keeps || s.API.Kind == sites.Make || discarded(s) || keepers.MatchString(s.API.Name) || k.site(s) {
			continue
		}
		p.Report(analysis.Diagnostic{
			Pos:     s.Pos(),
			End:     s.Call.End(),
			Message: "nothing here keeps what is loaded: it is shared by those who come while the load runs, and loaded again for the next who comes after",
		})
	}
}

func discarded(s *sites.Site) bool {
	v := s.Instr.Value()
	return v == nil || v.Referrers() == nil || len(*v.Referrers()) == 0
}

// A keeping knows which functions of the package keep something.
type keeping struct {
	p     *check.Pass
	decls map[*types.Func]*ast.FuncDecl
	known map[ast.Node]bool
}

// site says whether what a site loads may be kept: by the function around it, by
// the load, by what these call, and by those who call the function.
func (k *keeping) site(s *sites.Site) bool {
	if w := s.API.Wrapper; w != nil && k.decls[w] == nil {
		return true // a wrapper of another package may well be a cache
	}
	if k.near(s.Decl) || k.near(s.Loader.Syntax) {
		return true
	}
	for f := s.In; f != nil; f = f.Parent() {
		for _, call := range k.p.Sites.Flow.Callers(f) {
			if k.keeps(top(call.Parent()).Syntax()) {
				return true
			}
		}
	}
	return false
}

func top(f *ssa.Function) *ssa.Function {
	for f.Parent() != nil {
		f = f.Parent()
	}
	return f
}

// near says whether a function keeps something, or one that it calls.
func (k *keeping) near(f ast.Node) bool {
	if k.keeps(f) {
		return true
	}
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && !found {
			if d := k.decls[k.p.Sites.Callee(call)]; d != nil {
				found = k.keeps(d)
			}
		}
		return !found
	})
	return found
}

var (
	// keepers are names of what keeps something.
	keepers = regexp.MustCompile(`(?i)cache|lru|lfu|memo([^r]|$)|redis|memcache|ttl|expir|snapshot|latest`)

	// writes are names of functions that put something somewhere.
	writes = regexp.MustCompile(`^(?i:set|put|add|store|save|insert|upsert|write|create|persist|remember|update|register|swap|compareandswap|loadorstore)([A-Z_0-9].*)?$`)
)

// keeps says whether the text of a function has anything that looks like
// keeping: the name of a cache, a write, a map or a field that is set.
func (k *keeping) keeps(f ast.Node) bool {
	if f == nil {
		return true
	}
	if yes, ok := k.known[f]; ok {
		return yes
	}
	found := false
	body := f
	switch f := f.(type) {
	case *ast.FuncDecl:
		found, body = keepers.MatchString(f.Name.Name) || writes.MatchString(f.Name.Name), f.Body
	case *ast.FuncLit:
		body = f.Body
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			found = found || keepers.MatchString(n.Name)
		case *ast.CallExpr:
			switch fun := ast.Unparen(n.Fun).(type) {
			case *ast.SelectorExpr:
				found = found || writes.MatchString(fun.Sel.Name) && !k.counts(n)
			case *ast.Ident:
				found = found || writes.MatchString(fun.Name)
			}
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, l := range n.Lhs {
					found = found || k.lasts(l)
				}
			}
		case *ast.IndexExpr:
			if _, ok := k.p.TypesInfo.TypeOf(n.X).Underlying().(*types.Map); ok {
				found = found || k.lasts(n.X)
			}
		}
		return !found
	})
	k.known[f] = found
	return found
}

// counts says whether a call is a counter's or a wait group's Add.
func (k *keeping) counts(call *ast.CallExpr) bool {
	fn := k.p.Sites.Callee(call)
	return fn != nil && fn.Name() == "Add" && fn.Pkg() != nil && (fn.Pkg().Path() == "sync/atomic" || fn.Pkg().Path() == "sync")
}

// lasts says whether an expression is of something that outlives the call: a
// field, a variable of the package.
func (k *keeping) lasts(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.SelectorExpr:
		return true
	case *ast.IndexExpr:
		return k.lasts(e.X)
	case *ast.StarExpr:
		return true
	case *ast.Ident:
		obj := k.p.TypesInfo.Uses[e]
		return obj != nil && obj.Parent() == k.p.Pkg.Scope()
	}
	return false
}
