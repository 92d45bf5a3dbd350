package sites

import (
	"go/ast"
	"go/types"
	"regexp"

	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/onefold-go/onefold/lint/internal/flow"
)

// Detaches is the fact of a function that gives a context which does not end
// with the one it takes.
type Detaches struct{}

// AddsDeadline is the fact of a function that puts a deadline on the context it
// takes.
type AddsDeadline struct{}

// ReadsOnly is the fact of a function that takes a context and neither waits on
// it nor hands it to anything that may: it reads values, or logs.
type ReadsOnly struct{}

// AFact marks a fact.
func (*Detaches) AFact() {}

// AFact marks a fact.
func (*AddsDeadline) AFact() {}

// AFact marks a fact.
func (*ReadsOnly) AFact() {}

func (*Detaches) String() string     { return "detaches" }
func (*AddsDeadline) String() string { return "addsDeadline" }
func (*ReadsOnly) String() string    { return "readsOnly" }

// contextFacts exports what this package's functions do with contexts. It reads
// the syntax, as it does so in every package, those without sites too.
func (r *Result) contextFacts(in *inspector.Inspector) {
	type candidate struct {
		fn     *types.Func
		decl   *ast.FuncDecl
		params map[types.Object]bool
	}
	var all []candidate
	for n := range in.PreorderSeq((*ast.FuncDecl)(nil)) {
		decl := n.(*ast.FuncDecl)
		fn, ok := r.pass.TypesInfo.Defs[decl.Name].(*types.Func)
		if !ok || decl.Body == nil {
			continue
		}
		sig := fn.Type().(*types.Signature)
		c := candidate{fn: fn, decl: decl, params: make(map[types.Object]bool)}
		for i := range sig.Params().Len() {
			if p := sig.Params().At(i); flow.IsContext(p.Type()) {
				c.params[p] = true
			}
		}
		gives := sig.Results().Len() > 0 && flow.IsContext(sig.Results().At(0).Type())
		if len(c.params) > 0 || gives {
			all = append(all, c)
		}
	}
	for more, round := true, 0; more && round < 4; round++ {
		more = false
		for _, c := range all {
			sig := c.fn.Type().(*types.Signature)
			if sig.Results().Len() > 0 && flow.IsContext(sig.Results().At(0).Type()) && !r.pass.ImportObjectFact(c.fn, new(Detaches)) && r.detaches(c.decl) {
				r.pass.ExportObjectFact(c.fn, new(Detaches))
				more = true
			}
			if len(c.params) == 0 {
				continue
			}
			if round == 0 && r.addsDeadline(c.decl.Body, c.params) {
				r.pass.ExportObjectFact(c.fn, new(AddsDeadline))
			}
			if !r.pass.ImportObjectFact(c.fn, new(ReadsOnly)) && r.readsOnly(c.decl.Body, c.params) {
				r.pass.ExportObjectFact(c.fn, new(ReadsOnly))
				more = true
			}
		}
	}
}

// Callee is the function or method that a call names, as declared, or nil.
func (r *Result) Callee(call *ast.CallExpr) *types.Func {
	if fn, ok := typeutil.Callee(r.pass.TypesInfo, call).(*types.Func); ok {
		return fn.Origin()
	}
	return nil
}

func (r *Result) detaches(decl *ast.FuncDecl) bool {
	returns, all := 0, true
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			returns++
			if len(n.Results) == 0 || !r.detached(n.Results[0], decl.Body, 4) {
				all = false
			}
		}
		return all
	})
	return all && returns > 0
}

// detached says whether an expression is a context that nobody's cancellation
// ends.
func (r *Result) detached(e ast.Expr, body *ast.BlockStmt, hops int) bool {
	if hops == 0 {
		return false
	}
	switch e := ast.Unparen(e).(type) {
	case *ast.CallExpr:
		fn := r.Callee(e)
		if fn == nil {
			return false
		}
		if fn.Pkg() != nil && fn.Pkg().Path() == "context" {
			switch fn.Name() {
			case "Background", "TODO", "WithoutCancel":
				return true
			}
			return len(e.Args) > 0 && r.detached(e.Args[0], body, hops-1)
		}
		return r.pass.ImportObjectFact(fn, new(Detaches))
	case *ast.Ident:
		obj := r.pass.TypesInfo.Uses[e]
		assigned, all := 0, true
		ast.Inspect(body, func(n ast.Node) bool {
			a, ok := n.(*ast.AssignStmt)
			if !ok {
				return true
			}
			for i, l := range a.Lhs {
				id, ok := l.(*ast.Ident)
				if !ok || r.pass.TypesInfo.ObjectOf(id) != obj || obj == nil {
					continue
				}
				assigned++
				switch {
				case len(a.Lhs) == len(a.Rhs):
					all = all && r.detached(a.Rhs[i], body, hops-1)
				case i == 0 && len(a.Rhs) == 1:
					all = all && r.detached(a.Rhs[0], body, hops-1)
				default:
					all = false
				}
			}
			return true
		})
		return assigned > 0 && all
	case *ast.UnaryExpr:
		return r.detached(e.X, body, hops)
	case *ast.CompositeLit:
		t := r.pass.TypesInfo.TypeOf(e)
		if flow.OverridesDone(t) {
			return true
		}
		embedded := embeds(e, t)
		return embedded != nil && r.detached(embedded, body, hops-1)
	}
	return false
}

// embeds gives what a literal sets the context to that its type embeds, or nil.
func embeds(lit *ast.CompositeLit, t types.Type) ast.Expr {
	embedded := flow.Embedded(t)
	if embedded == nil {
		return nil
	}
	for i, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if id, ok := kv.Key.(*ast.Ident); ok && id.Name == embedded.Name() {
				return kv.Value
			}
		} else if t.Underlying().(*types.Struct).Field(i).Origin() == embedded {
			return e
		}
	}
	return nil
}

func (r *Result) addsDeadline(body *ast.BlockStmt, params map[types.Object]bool) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || found || len(call.Args) == 0 {
			return !found
		}
		id, ok := ast.Unparen(call.Args[0]).(*ast.Ident)
		if !ok || !params[r.pass.TypesInfo.Uses[id]] {
			return true
		}
		fn := r.Callee(call)
		if fn == nil || fn.Pkg() == nil {
			return true
		}
		switch {
		case fn.Pkg().Path() != "context":
			found = r.pass.ImportObjectFact(fn, new(AddsDeadline))
		case fn.Name() == "WithTimeout", fn.Name() == "WithDeadline", fn.Name() == "WithTimeoutCause", fn.Name() == "WithDeadlineCause":
			found = true
		}
		return !found
	})
	return found
}

func (r *Result) readsOnly(body *ast.BlockStmt, params map[types.Object]bool) bool {
	fine := make(map[*ast.Ident]bool)
	ok := true
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if sel, is := ast.Unparen(n.Fun).(*ast.SelectorExpr); is && sel.Sel.Name == "Value" {
				if id, is := ast.Unparen(sel.X).(*ast.Ident); is {
					fine[id] = true
				}
			}
			if fn := r.Callee(n); fn != nil && (r.Quiet(fn) || r.Cuts(fn)) {
				for _, a := range n.Args {
					if id, is := ast.Unparen(a).(*ast.Ident); is {
						fine[id] = true
					}
				}
			}
		case *ast.Ident:
			if params[r.pass.TypesInfo.Uses[n]] && !fine[n] {
				ok = false
			}
		}
		return ok
	})
	return ok
}

var quietPackages = regexp.MustCompile(`(^|/)(log|logs|slog|logging|logger|zap|zaplog|zerolog|logr|logrus|klog|trace|tracing|otel|metric|metrics|opentracing-go|opencensus|telemetry|sentry-go)(/|$)`)

// Quiet says whether handing a context to a function ties nothing to the
// context's end: it logs, traces or counts, or only reads values.
func (r *Result) Quiet(fn *types.Func) bool {
	if r.pass.ImportObjectFact(fn.Origin(), new(ReadsOnly)) {
		return true
	}
	return Logs(fn)
}

var quietNames = regexp.MustCompile(`^(Ctx)?(Trace|Debug|Info|Notice|Warn|Warning|Error|Fatal|Panic|Print|Log)(f|w|s|ln|Depth|Attrs)?(Ctx|Context)?$`)

// Logs says whether a function logs, traces or counts: what it is given ends in
// a line or a number, and goes nowhere else. Its package tells, or it is called
// as loggers' functions are, takes any number of values and gives nothing.
func Logs(fn *types.Func) bool {
	if fn.Pkg() != nil && quietPackages.MatchString(fn.Pkg().Path()) {
		return true
	}
	sig := fn.Type().(*types.Signature)
	return sig.Variadic() && sig.Results().Len() == 0 && quietNames.MatchString(fn.Name())
}

// Cuts says whether a function gives a context that does not end with the one
// it takes.
func (r *Result) Cuts(fn *types.Func) bool {
	if fn.Pkg() != nil && fn.Pkg().Path() == "context" {
		return fn.Name() == "WithoutCancel"
	}
	return r.pass.ImportObjectFact(fn.Origin(), new(Detaches))
}

// AddsDeadline says whether a function puts a deadline on the context it takes.
func (r *Result) AddsDeadline(fn *types.Func) bool {
	return r.pass.ImportObjectFact(fn.Origin(), new(AddsDeadline))
}
