// Package keyspace is the rule against two loads that share a group and tell
// their keys apart by nothing.
package keyspace

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/keys"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is keyspace.
var Rule = &check.Rule{
	ID:       "keyspace",
	Title:    "two different loads of one group may be given the same key",
	Severity: check.Warning,
	Run:      run,
}

// A use is a site and what is compared of it.
type use struct {
	*sites.Site
	group   string // the way to the group
	pattern keys.Pattern
	gives   []types.Type  // what the load can give, errors left out; nil where not told
	calls   []*types.Func // the functions that it gives the results of
	key     types.Type
}

func run(p *check.Pass) {
	var uses []use
	for _, s := range p.Sites.All {
		if s.Instr == nil || s.Test || s.Loader.Opaque() || s.Key == nil {
			continue
		}
		group := way(p, s)
		if group == "" {
			continue
		}
		u := use{Site: s, group: group, pattern: keys.PatternOf(p.Sites, s), key: s.Key.Type()}
		u.results(p)
		for _, other := range uses {
			if collide(u, other) {
				report(p, u, other)
				break
			}
		}
		uses = append(uses, u)
	}
}

// way names the group that a site uses, so that two sites with one name use
// one group: a variable of the package, or the fields that lead to it from
// a value of some type. It is empty for local groups and those out of maps.
func way(p *check.Pass, s *sites.Site) string {
	if s.GroupExpr == nil || s.Group == nil {
		return ""
	}
	name := ""
	if s.API.Wrapper != nil {
		name = s.API.Wrapper.FullName() + "@"
	}
	for e := s.GroupExpr; ; {
		switch x := ast.Unparen(e).(type) {
		case *ast.Ident:
			v, ok := p.TypesInfo.Uses[x].(*types.Var)
			if !ok {
				return ""
			}
			if v.Parent() == p.Pkg.Scope() {
				return name + "." + v.Name()
			}
			if s.Group == v && s.API.Wrapper == nil {
				return "" // a local group, or one that was passed
			}
			return name + "(" + types.TypeString(v.Type(), nil) + ")" + embedded(p, s)
		case *ast.SelectorExpr:
			if id, ok := x.X.(*ast.Ident); ok {
				if _, ok := p.TypesInfo.Uses[id].(*types.PkgName); ok {
					return name + types.ExprString(x)
				}
			}
			name += x.Sel.Name + "<"
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.UnaryExpr:
			e = x.X
		default:
			return ""
		}
	}
}

// embedded names the field that a promoted method belongs to.
func embedded(p *check.Pass, s *sites.Site) string {
	if v, ok := s.Group.(*types.Var); ok && v.Embedded() {
		return v.Name()
	}
	return ""
}

// results reads what the load gives.
func (u *use) results(p *check.Pass) {
	for _, b := range u.Loader.Func.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !ok || len(ret.Results) == 0 {
			continue
		}
		for _, v := range p.Sites.Flow.Origins(ret.Results[0]) {
			if c, ok := v.(*ssa.Const); ok && c.Value == nil {
				continue
			}
			if !slices.ContainsFunc(u.gives, func(t types.Type) bool { return types.Identical(t, v.Type()) }) {
				u.gives = append(u.gives, v.Type())
			}
			if e, ok := v.(*ssa.Extract); ok {
				v = e.Tuple
			}
			if c, ok := v.(*ssa.Call); ok {
				if fn := flow.Callee(c.Common()); fn != nil {
					u.calls = append(u.calls, fn)
				}
			}
		}
	}
	// What it calls besides: a load may put its result together.
	for _, b := range u.Loader.Func.Blocks {
		for _, instr := range b.Instrs {
			if c, ok := instr.(ssa.CallInstruction); ok {
				if fn := flow.Callee(c.Common()); fn != nil && fn.Pkg() == p.Pkg {
					u.calls = append(u.calls, fn)
				}
			}
		}
	}
}

// collide says whether one key can mean two things.
func collide(a, b use) bool {
	switch {
	case a.group != b.group, !types.Identical(a.key, b.key), a.pattern.Apart(b.pattern):
		return false
	case a.Loader.Func == b.Loader.Func, discarded(a) && discarded(b):
		return false
	}
	if types.IsInterface(a.key) {
		return false // the key's own type may tell
	}
	if len(a.gives) > 0 && len(b.gives) > 0 && differ(a.gives, b.gives) {
		return true
	}
	// The same types: the loads are taken for two if they call nothing in
	// common, and something each.
	return len(a.calls) > 0 && len(b.calls) > 0 && !slices.ContainsFunc(a.calls, func(f *types.Func) bool { return slices.Contains(b.calls, f) })
}

// differ says whether no type is in both.
func differ(a, b []types.Type) bool {
	for _, t := range a {
		if types.IsInterface(t) || slices.ContainsFunc(b, func(u types.Type) bool { return types.IsInterface(u) || types.Identical(t, u) }) {
			return false
		}
	}
	return true
}

func discarded(u use) bool {
	v := u.Instr.Value()
	if v == nil || v.Referrers() == nil {
		return true
	}
	for _, r := range *v.Referrers() {
		if e, ok := r.(*ssa.Extract); !ok || e.Index == u.API.Value && len(*e.Referrers()) > 0 {
			return false
		}
	}
	return true
}

func report(p *check.Pass, u, other use) {
	message := fmt.Sprintf("this key and that of %s may be the same, and the loads are not: a caller who comes while the other one runs gets its result", where(p, other))
	if len(u.gives) > 0 && len(other.gives) > 0 && differ(u.gives, other.gives) && types.IsInterface(valueType(u)) {
		q := types.RelativeTo(p.Pkg)
		message = fmt.Sprintf("this key and that of %s may be the same, and the loads are not: a caller who wants a %s gets a %s, and an assertion of its type panics",
			where(p, other), types.TypeString(u.gives[0], q), types.TypeString(other.gives[0], q))
	}
	p.Report(analysis.Diagnostic{
		Pos:     u.KeyExpr.Pos(),
		End:     u.KeyExpr.End(),
		Message: message,
		Related: []analysis.RelatedInformation{
			{Pos: u.Pos(), End: u.Call.End(), Message: "the load is shared here"},
			{Pos: other.KeyExpr.Pos(), End: other.KeyExpr.End(), Message: "the other key is made here"},
		},
	})
}

// valueType is the type of what the site gives.
func valueType(u use) types.Type {
	sig := u.Instr.Common().Signature()
	if u.API.Value >= 0 && u.API.Value < sig.Results().Len() {
		return sig.Results().At(u.API.Value).Type()
	}
	return types.NewInterfaceType(nil, nil)
}

func where(p *check.Pass, u use) string {
	if u.Decl != nil {
		return u.Decl.Name.Name
	}
	return fmt.Sprintf("line %d", p.Fset.Position(u.Pos()).Line)
}
