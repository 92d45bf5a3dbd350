package sites

import (
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/onefold-go/onefold/lint/internal/flow"
)

// Analyzer finds the sites of a package. Its result is a [*Result].
//
// Most packages coalesce nothing. What is done for all of them is one walk over
// their calls; the SSA form is built where there is a site to look at.
var Analyzer = &analysis.Analyzer{
	Name:       "onefoldsites",
	Doc:        "find the calls that coalesce loads",
	Requires:   []*analysis.Analyzer{inspect.Analyzer},
	FactTypes:  []analysis.Fact{new(Passes), new(Detaches), new(AddsDeadline), new(ReadsOnly)},
	ResultType: reflect.TypeFor[*Result](),
	Run:        run,
}

// A Result is what is known of a package's sites.
type Result struct {
	All []*Site // in the order of the source

	// Flow is the package's SSA form; nil where All is empty.
	Flow *flow.Program

	pass *analysis.Pass
}

func run(pass *analysis.Pass) (any, error) {
	r := &Result{pass: pass}
	in := pass.ResultOf[inspect.Analyzer].(*inspector.Inspector)
	r.contextFacts(in)

	// A wrapper makes sites of its callers, which may be wrappers themselves.
	apis := make(map[*types.Func]*API)
	for {
		r.find(in, apis)
		if !r.wrappers(apis) {
			break
		}
	}
	return r, nil
}

// find collects the sites, of wrappers too as far as they are known.
func (r *Result) find(in *inspector.Inspector, apis map[*types.Func]*API) {
	r.All = nil
	in.WithStack([]ast.Node{(*ast.CallExpr)(nil)}, func(n ast.Node, push bool, stack []ast.Node) bool {
		if push {
			if s := r.site(n.(*ast.CallExpr), stack, apis); s != nil {
				r.All = append(r.All, s)
			}
		}
		return true
	})
	if len(r.All) > 0 && r.Flow == nil {
		r.build()
	}
	for _, s := range r.All {
		r.complete(s)
	}
}

// build makes the SSA form. The facts about contexts are there by then.
func (r *Result) build() {
	r.Flow = flow.Build(r.pass)
	r.Flow.Detaches = func(fn *types.Func) bool { return r.pass.ImportObjectFact(fn.Origin(), new(Detaches)) }
}

// site reads a call; nil if it does not coalesce.
func (r *Result) site(call *ast.CallExpr, stack []ast.Node, apis map[*types.Func]*API) *Site {
	fn, ok := typeutil.Callee(r.pass.TypesInfo, call).(*types.Func)
	if !ok {
		return nil
	}
	fn = fn.Origin()
	api, known := apis[fn]
	if !known {
		if api = apiOf(fn); api == nil {
			api = r.wrapperOf(fn)
		}
		apis[fn] = api
	}
	if api == nil || call.Ellipsis.IsValid() || len(call.Args) < fn.Type().(*types.Signature).Params().Len() && !fn.Type().(*types.Signature).Variadic() || len(call.Args) <= api.Load {
		return nil
	}
	s := &Site{API: api, Call: call, LoadExpr: ast.Unparen(call.Args[api.Load])}
	if len(api.Keys) > 0 {
		s.KeyExpr = call.Args[api.Keys[0]]
	}
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && fn.Type().(*types.Signature).Recv() != nil {
		if m := r.pass.TypesInfo.Selections[sel]; m == nil || m.Kind() != types.MethodVal {
			return nil
		} else {
			s.GroupExpr, s.Group = sel.X, r.group(sel.X, m)
		}
	}
	for _, n := range stack {
		switch n := n.(type) {
		case *ast.FuncDecl:
			s.Decl = n
		case *ast.File:
			s.Test = strings.HasSuffix(r.pass.Fset.Position(n.Package).Filename, "_test.go")
		}
	}
	return s
}

// group is the variable that holds the group of a method's call: the embedded
// field, if the method is promoted.
func (r *Result) group(x ast.Expr, m *types.Selection) types.Object {
	if index := m.Index(); len(index) > 1 {
		t := m.Recv()
		var field *types.Var
		for _, i := range index[:len(index)-1] {
			if p, ok := t.Underlying().(*types.Pointer); ok {
				t = p.Elem()
			}
			s, ok := t.Underlying().(*types.Struct)
			if !ok {
				return nil
			}
			field = s.Field(i)
			t = field.Type()
		}
		return field
	}
	return r.variable(x)
}

// variable is the variable or field that an expression names, or nil.
func (r *Result) variable(x ast.Expr) types.Object {
	switch x := ast.Unparen(x).(type) {
	case *ast.Ident:
		if v, ok := r.pass.TypesInfo.Uses[x].(*types.Var); ok {
			return v
		}
	case *ast.SelectorExpr:
		if v, ok := r.pass.TypesInfo.Uses[x.Sel].(*types.Var); ok {
			return v.Origin()
		}
	case *ast.StarExpr:
		return r.variable(x.X)
	case *ast.UnaryExpr:
		if x.Op == token.AND {
			return r.variable(x.X)
		}
	}
	return nil
}

// complete adds what the SSA form tells.
func (r *Result) complete(s *Site) {
	s.Instr = r.Flow.Call(s.Call.Lparen)
	if s.Instr == nil {
		return
	}
	s.In = s.Instr.Parent()
	if len(s.API.Keys) > 0 {
		s.Key = s.Arg(s.API.Keys[0])
	}
	s.Loader = r.loader(s.Arg(s.API.Load))
}

// Arg is the call's argument i, counted without the receiver; nil if Instr is.
func (s *Site) Arg(i int) ssaValue {
	if s.Instr == nil || i < 0 {
		return nil
	}
	common := s.Instr.Common()
	if common.Signature().Recv() != nil && !common.IsInvoke() {
		i++
	}
	if i >= len(common.Args) {
		return nil
	}
	return common.Args[i]
}
