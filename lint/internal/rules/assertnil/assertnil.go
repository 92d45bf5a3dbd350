// Package assertnil is the rule against assertions on a shared load's value that
// panic when the load fails, or each time.
package assertnil

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is assertnil.
var Rule = &check.Rule{
	ID:       "assertnil",
	Title:    "a load's value is asserted to a type that it does not have",
	Severity: check.Error,
	Default:  true,
	Run:      run,
}

func run(p *check.Pass) {
	for _, s := range p.Sites.All {
		// What a wrapper makes of the value cannot be told here.
		if s.Instr == nil || s.Loader.Opaque() || s.Test || s.API.Wrapper != nil {
			continue
		}
		returns := returnsOf(p.Sites.Flow, s.Loader.Func, 2)
		if len(returns) == 0 {
			continue
		}
		o := p.Sites.Outcome(s)
		g := newGuards(p, s, o)
		for _, v := range o.Value {
			if !types.IsInterface(v.Type()) {
				continue
			}
			for _, at := range places(p.Sites.Flow, v) {
				for _, ref := range *at.v.Referrers() {
					switch ref := ref.(type) {
					case *ssa.TypeAssert:
						if !ref.CommaOk && ref.Pos().IsValid() {
							assertion(p, s, o, g, returns, ref, at)
						}
					case *ssa.BinOp:
						comparison(p, s, returns, ref)
					}
				}
			}
		}
	}
}

// assertion looks at one assertion without a comma-ok.
func assertion(p *check.Pass, s *sites.Site, o sites.Outcome, g *guards, returns []outcome, a *ssa.TypeAssert, at place) {
	if hasTypeParam(a.AssertedType) {
		return
	}
	var (
		sure     = true // every value that comes without an error has another type
		wrong    types.Type
		bare     bool // nil and no error
		failed   bool // nil, or another type, with an error
		failedAs = "nil"
	)
	for _, r := range returns {
		switch {
		case r.typ == nil && !r.isNil:
			sure = sure && r.err == set
		case r.isNil:
			bare = bare || r.err == none
			failed = failed || r.err != none
			sure = sure && r.err == set
		case fits(r.typ, a.AssertedType):
			sure = sure && r.err == set
		case r.err != set:
			wrong = r.typ
		default:
			if !failed {
				failedAs = "a " + types.TypeString(r.typ, types.RelativeTo(p.Pkg))
			}
			failed = true
		}
	}
	t := types.TypeString(a.AssertedType, types.RelativeTo(p.Pkg))
	var message string
	switch {
	case wrong != nil && sure:
		message = fmt.Sprintf("the load gives a %s: the assertion to %s panics whenever it succeeds", types.TypeString(wrong, types.RelativeTo(p.Pkg)), t)
	case bare && !g.valueSeen(at, a):
		message = fmt.Sprintf("the load can give nil without an error: the assertion to %s then panics in every caller that waited", t)
	case failed && !g.errSeen(at, a) && !g.valueSeen(at, a):
		if len(o.Err) == 0 {
			message = fmt.Sprintf("the load gives %s when it fails and its error is dropped: the assertion to %s then panics in every caller that waited", failedAs, t)
		} else {
			message = fmt.Sprintf("the load gives %s when it fails and the error is not looked at before: the assertion to %s then panics in every caller that waited", failedAs, t)
		}
	default:
		return
	}
	d := analysis.Diagnostic{
		Pos:     a.Pos(),
		Message: message,
		Related: []analysis.RelatedInformation{{Pos: s.Pos(), End: s.Call.End(), Message: "the value comes from here"}},
	}
	expr, path := enclosing(p, s, a.Pos())
	if expr != nil {
		d.Pos, d.End = expr.Pos(), expr.End()
		if !(wrong != nil && sure) && !bare {
			d.SuggestedFixes = fix(p, s, expr, path)
		}
	}
	for _, r := range returns {
		if r.at.IsValid() && (wrong == nil || !sure) && r.isNil && (r.err == none) == bare {
			d.Related = append(d.Related, analysis.RelatedInformation{Pos: r.at, Message: "nil is given here"})
			break
		}
	}
	p.Report(d)
}

// comparison looks at a comparison with nil that a typed nil slips through.
func comparison(p *check.Pass, s *sites.Site, returns []outcome, b *ssa.BinOp) {
	if b.Op != token.EQL && b.Op != token.NEQ || !isNil(b.X) && !isNil(b.Y) {
		return
	}
	for _, r := range returns {
		if r.typedNil && r.err == none {
			p.Report(analysis.Diagnostic{
				Pos:     b.Pos(),
				Message: fmt.Sprintf("the load gives a nil %s inside an interface, which is not equal to nil: this comparison does not see it", types.TypeString(r.typ, types.RelativeTo(p.Pkg))),
				Related: []analysis.RelatedInformation{
					{Pos: s.Pos(), End: s.Call.End(), Message: "the value comes from here"},
					{Pos: r.at, Message: "the nil is given here"},
				},
			})
			return
		}
	}
}

// fits says whether a value of a type passes an assertion to another.
func fits(got, want types.Type) bool {
	if hasTypeParam(got) {
		return true
	}
	if i, ok := want.Underlying().(*types.Interface); ok {
		return types.Implements(got, i)
	}
	return types.Identical(got, want)
}

func hasTypeParam(t types.Type) bool {
	switch t := types.Unalias(t).(type) {
	case *types.TypeParam:
		return true
	case *types.Pointer:
		return hasTypeParam(t.Elem())
	case *types.Slice:
		return hasTypeParam(t.Elem())
	case *types.Array:
		return hasTypeParam(t.Elem())
	case *types.Chan:
		return hasTypeParam(t.Elem())
	case *types.Map:
		return hasTypeParam(t.Key()) || hasTypeParam(t.Elem())
	case *types.Named:
		for a := range t.TypeArgs().Types() {
			if hasTypeParam(a) {
				return true
			}
		}
	case *types.Signature, *types.Struct:
		return true // not looked into: what has one passes
	}
	return false
}

// enclosing gives the assertion at a position, and what is around it, inmost
// first.
func enclosing(p *check.Pass, s *sites.Site, lparen token.Pos) (*ast.TypeAssertExpr, []ast.Node) {
	if s.Decl == nil {
		return nil, nil
	}
	var (
		stack []ast.Node
		found *ast.TypeAssertExpr
		path  []ast.Node
	)
	ast.Inspect(s.Decl, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if t, ok := n.(*ast.TypeAssertExpr); ok && t.Lparen == lparen {
			found = t
			for i := len(stack) - 1; i >= 0; i-- {
				path = append(path, stack[i])
			}
		}
		stack = append(stack, n)
		return true
	})
	return found, path
}
