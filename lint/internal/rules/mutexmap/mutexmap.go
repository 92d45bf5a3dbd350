// Package mutexmap is the rule against maps that get a mutex or a group for each
// key and keep it.
package mutexmap

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is mutexmap.
var Rule = &check.Rule{
	ID:       "mutexmap",
	Title:    "a mutex or a group for each key, kept for ever",
	Severity: check.Note,
	Default:  true,
	Run:      run,
	Anywhere: true,
	Needs:    []*analysis.Analyzer{inspect.Analyzer},
}

// A table is a field or a variable of the package that maps keys to locks.
type table struct {
	v     *types.Var
	named bool      // it is a sync.Map: what it holds shows where it grows
	what  string    // what it holds: "mutex", "group"; empty while not known
	at    token.Pos // where a key is added
	end   token.Pos
	kept  bool // nothing that is done with it takes keys out
}

func run(p *check.Pass) {
	in := p.ResultOf[inspect.Analyzer].(*inspector.Inspector)
	w := walk{p: p, tables: make(map[*types.Var]*table)}
	w.declared(in)
	if len(w.tables) == 0 {
		return // nearly all packages
	}
	in.WithStack([]ast.Node{(*ast.Ident)(nil)}, func(n ast.Node, push bool, stack []ast.Node) bool {
		if push {
			if v, ok := p.TypesInfo.Uses[n.(*ast.Ident)].(*types.Var); ok {
				if t := w.tables[v.Origin()]; t != nil && t.kept {
					w.use(t, stack)
				}
			}
		}
		return true
	})
	for _, v := range w.order {
		if t := w.tables[v]; t.kept && t.at.IsValid() {
			p.Report(analysis.Diagnostic{
				Pos:     t.at,
				End:     t.end,
				Message: fmt.Sprintf("each key gets a %s here that nothing takes out again: the map grows with every key that was ever asked for", t.what),
				Related: []analysis.RelatedInformation{{Pos: v.Pos(), Message: "the map is declared here"}},
			})
		}
	}
}

type walk struct {
	p      *check.Pass
	tables map[*types.Var]*table
	order  []*types.Var
}

// declared collects the fields and variables of the package that may be tables.
func (w *walk) declared(in *inspector.Inspector) {
	in.Preorder([]ast.Node{(*ast.StructType)(nil)}, func(n ast.Node) {
		for _, f := range n.(*ast.StructType).Fields.List {
			for _, name := range f.Names {
				w.declare(name)
			}
		}
	})
	for _, file := range w.p.Files {
		for _, d := range file.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.VAR {
				for _, s := range d.Specs {
					for _, name := range s.(*ast.ValueSpec).Names {
						w.declare(name)
					}
				}
			}
		}
	}
}

func (w *walk) declare(name *ast.Ident) {
	v, ok := w.p.TypesInfo.Defs[name].(*types.Var)
	if !ok || w.test(name.Pos()) {
		return
	}
	t := &table{v: v, kept: true}
	switch m := types.Unalias(v.Type()).(type) {
	case *types.Map:
		if t.what = lock(m.Elem()); t.what == "" || few(m.Key()) {
			return
		}
	case *types.Named:
		if m.Obj().Name() != "Map" || m.Obj().Pkg() == nil || m.Obj().Pkg().Path() != "sync" {
			return
		}
		t.named = true
	default:
		return
	}
	w.tables[v] = t
	w.order = append(w.order, v)
}

func (w *walk) test(pos token.Pos) bool {
	return strings.HasSuffix(w.p.Fset.Position(pos).Filename, "_test.go")
}

// lock names what a map holds for each key, if that is a pointer to a mutex, a
// struct with nothing but a mutex, or a group; else it is "".
func lock(t types.Type) string {
	ptr, ok := types.Unalias(t).(*types.Pointer)
	if !ok {
		return ""
	}
	if named, ok := types.Unalias(ptr.Elem()).(*types.Named); ok {
		if pkg := named.Obj().Pkg(); pkg != nil && pkg.Path() == "sync" {
			if n := named.Obj().Name(); n == "Mutex" || n == "RWMutex" {
				return "mutex"
			}
			return ""
		}
		if sites.IsGroup(named) {
			return "group"
		}
	}
	if s, ok := ptr.Elem().Underlying().(*types.Struct); ok && s.NumFields() == 1 {
		return lock(types.NewPointer(s.Field(0).Type()))
	}
	return ""
}

// few says whether keys of a type are few, or at least no more than the program
// has objects: a type with named constants, a bool, a byte, a pointer.
func few(t types.Type) bool {
	if _, ok := t.Underlying().(*types.Pointer); ok {
		return true
	}
	basic, ok := t.Underlying().(*types.Basic)
	if !ok {
		return false
	}
	switch basic.Kind() {
	case types.Bool, types.Uint8, types.Int8:
		return true
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return false
	}
	scope := named.Obj().Pkg().Scope()
	for _, name := range scope.Names() {
		if c, ok := scope.Lookup(name).(*types.Const); ok && types.Identical(c.Type(), t) {
			return true
		}
	}
	return false
}

// use looks at one use of a table: what is done with it grows it, leaves it as
// it is, or may take keys out.
func (w *walk) use(t *table, stack []ast.Node) {
	i := len(stack) - 1
	var x ast.Node = stack[i]
	if sel, ok := stack[i-1].(*ast.SelectorExpr); ok && sel.Sel == x {
		i, x = i-1, sel
	} else if kv, ok := stack[i-1].(*ast.KeyValueExpr); ok && kv.Key == x {
		return // in a composite literal
	}
	up := stack[i-1]
	if t.named {
		w.method(t, x, up, stack[:i])
		return
	}
	switch up := up.(type) {
	case *ast.IndexExpr:
		if up.X != x {
			return
		}
		if a, ok := stack[i-2].(*ast.AssignStmt); ok {
			for _, l := range a.Lhs {
				if l == up {
					w.grow(t, up.Index, up.X, up, stack[:i])
				}
			}
		}
		if u, ok := stack[i-2].(*ast.UnaryExpr); ok && u.Op == token.AND {
			t.kept = false
		}
	case *ast.RangeStmt:
	case *ast.BinaryExpr: // a comparison with nil
	case *ast.CallExpr:
		if id, ok := ast.Unparen(up.Fun).(*ast.Ident); !ok || id.Name != "len" {
			t.kept = false // delete, clear, or whatever is done with it elsewhere
		}
	case *ast.AssignStmt:
		for j, l := range up.Lhs {
			if l == x {
				if len(up.Rhs) != len(up.Lhs) || !w.begins(x, up.Rhs[j], stack[:i]) {
					t.kept = false
				}
				return
			}
		}
		t.kept = false // another name for it
	default:
		t.kept = false
	}
}

// begins says whether an assignment of a whole map makes the first one: in a
// function that makes what the map is in, or where there is none yet.
func (w *walk) begins(x ast.Node, value ast.Expr, stack []ast.Node) bool {
	if call, ok := ast.Unparen(value).(*ast.CallExpr); ok {
		if id, ok := ast.Unparen(call.Fun).(*ast.Ident); !ok || id.Name != "make" {
			return false
		}
	} else if _, ok := ast.Unparen(value).(*ast.CompositeLit); !ok {
		return false
	}
	if w.making(x, stack) {
		return true
	}
	for _, n := range stack {
		if cond, ok := n.(*ast.IfStmt); ok {
			if b, ok := ast.Unparen(cond.Cond).(*ast.BinaryExpr); ok && b.Op == token.EQL && types.ExprString(b.X) == types.ExprString(x.(ast.Expr)) {
				return true
			}
		}
	}
	return false
}

// making says whether a place is in a function that makes what the table is in:
// the variable it is reached through is one of the function's own; or init.
func (w *walk) making(x ast.Node, stack []ast.Node) bool {
	var decl *ast.FuncDecl
	for _, n := range stack {
		if d, ok := n.(*ast.FuncDecl); ok {
			decl = d
		}
	}
	if decl == nil || decl.Recv == nil && decl.Name.Name == "init" {
		return true
	}
	sel, ok := x.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	root := sel.X
	for {
		if next, ok := ast.Unparen(root).(*ast.SelectorExpr); ok {
			root = next.X
			continue
		}
		break
	}
	id, ok := ast.Unparen(root).(*ast.Ident)
	if !ok {
		return false
	}
	v, ok := w.p.TypesInfo.Uses[id].(*types.Var)
	return ok && decl.Body.Pos() <= v.Pos() && v.Pos() < decl.Body.End()
}

// grow notes where a key is added, if keys are added as they come.
func (w *walk) grow(t *table, key, table, at ast.Expr, stack []ast.Node) {
	if t.at.IsValid() || w.p.TypesInfo.Types[key].Value != nil || few(w.p.TypesInfo.TypeOf(key)) || w.test(at.Pos()) || w.making(table, stack) || w.own(key, stack) {
		return
	}
	t.at, t.end = at.Pos(), at.End()
}

// own says whether a key is a field of the method's receiver: a name that an
// object of the program has, and not what somebody asks for.
func (w *walk) own(key ast.Expr, stack []ast.Node) bool {
	sel, ok := ast.Unparen(key).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	id, ok := ast.Unparen(sel.X).(*ast.Ident)
	if !ok {
		return false
	}
	v := w.p.TypesInfo.Uses[id]
	for _, n := range stack {
		if d, ok := n.(*ast.FuncDecl); ok && d.Recv != nil && v != nil {
			return d.Recv.Pos() <= v.Pos() && v.Pos() < d.Recv.End()
		}
	}
	return false
}

// method looks at a use of a sync.Map.
func (w *walk) method(t *table, x, up ast.Node, stack []ast.Node) {
	sel, ok := up.(*ast.SelectorExpr)
	if !ok || sel.X != x || len(stack) < 2 {
		t.kept = false
		return
	}
	call, ok := stack[len(stack)-2].(*ast.CallExpr)
	if !ok || call.Fun != sel {
		t.kept = false
		return
	}
	switch sel.Sel.Name {
	case "Load", "Range":
	case "LoadOrStore", "Store":
		if len(call.Args) != 2 {
			return
		}
		what := lock(w.p.TypesInfo.TypeOf(call.Args[1]))
		if what == "" {
			t.kept = false // it holds other things: not a table of locks
			return
		}
		if t.what == "" {
			t.what = what
		}
		w.grow(t, call.Args[0], sel.X, call, stack)
	default:
		t.kept = false
	}
}
