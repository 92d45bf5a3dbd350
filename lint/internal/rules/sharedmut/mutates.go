package sharedmut

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/onefold-go/onefold/lint/internal/check"
)

// MutatesParam is the fact of a function that writes to what its parameters
// point to, and takes no lock for it: bit 0 is the receiver, bit i+1 parameter i.
type MutatesParam struct{ Mask uint64 }

// AFact marks a fact.
func (*MutatesParam) AFact() {}

func (f *MutatesParam) String() string { return fmt.Sprintf("mutatesParam(%b)", f.Mask) }

// mutators finds the functions of a package that write to what they are given,
// and exports the facts of those that other packages can call. It reads the
// syntax, as it does so in every package, those without sites too.
func mutators(p *check.Pass) map[*types.Func]uint64 {
	all := make(map[*types.Func]uint64)
	own := len(p.Sites.All) > 0
	for n := range p.ResultOf[inspect.Analyzer].(*inspector.Inspector).PreorderSeq((*ast.FuncDecl)(nil)) {
		decl := n.(*ast.FuncDecl)
		if decl.Body == nil || !own && !exported(decl) {
			continue
		}
		fn, ok := p.TypesInfo.Defs[decl.Name].(*types.Func)
		if !ok {
			continue
		}
		mask := mutated(p, decl, fn.Type().(*types.Signature))
		if mask == 0 {
			continue
		}
		all[fn] = mask
		if exported(decl) {
			p.ExportObjectFact(fn, &MutatesParam{mask})
		}
	}
	return all
}

// exported says whether another package can call a function by its name.
func exported(decl *ast.FuncDecl) bool {
	if !decl.Name.IsExported() {
		return false
	}
	if decl.Recv == nil || len(decl.Recv.List) == 0 {
		return true
	}
	t := ast.Unparen(decl.Recv.List[0].Type)
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// mutated gives the mask of the parameters that a function writes to.
func mutated(p *check.Pass, decl *ast.FuncDecl, sig *types.Signature) uint64 {
	bits := make(map[types.Object]uint64)
	if r := sig.Recv(); r != nil && r.Name() != "" && isReference(r.Type()) && !synchronized(r.Type()) {
		bits[r] = 1
	}
	for i := range min(sig.Params().Len(), 62) {
		v := sig.Params().At(i)
		if v.Name() != "" && isReference(v.Type()) && !(sig.Variadic() && i == sig.Params().Len()-1) && !synchronized(v.Type()) {
			bits[v] = 2 << i
		}
	}
	if len(bits) == 0 {
		return 0
	}
	var (
		mask, replaced uint64
		locks          bool
	)
	write := func(e ast.Expr) {
		if id, inside := root(e); id != nil {
			if bit := bits[p.TypesInfo.Uses[id]]; inside {
				mask |= bit
			} else {
				replaced |= bit // what is written to may be another one then
			}
		}
	}
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, l := range n.Lhs {
					write(l)
				}
			}
		case *ast.IncDecStmt:
			write(n.X)
		case *ast.CallExpr:
			switch fun := ast.Unparen(n.Fun).(type) {
			case *ast.SelectorExpr:
				locks = locks || strings.Contains(strings.ToLower(fun.Sel.Name), "lock")
				if len(n.Args) > 0 {
					if fn, ok := typeutil.Callee(p.TypesInfo, n).(*types.Func); ok && inPlace(fn) {
						if id, _ := root(n.Args[0]); id != nil {
							mask |= bits[p.TypesInfo.Uses[id]]
						}
					}
				}
			case *ast.Ident:
				switch fun.Name {
				case "delete", "clear", "copy":
					if _, ok := p.TypesInfo.Uses[fun].(*types.Builtin); ok {
						if id, _ := root(n.Args[0]); id != nil {
							mask |= bits[p.TypesInfo.Uses[id]]
						}
					}
				}
			}
		}
		return !locks
	})
	if locks {
		return 0
	}
	return mask &^ replaced
}

// root is the variable that an expression goes into, and whether it goes in.
func root(e ast.Expr) (id *ast.Ident, inside bool) {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x, inside
		case *ast.ParenExpr:
			e = x.X
			continue
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		default:
			return nil, false
		}
		inside = true
	}
}

// isReference says whether writing into a value of a type is seen by all who
// have a copy of it.
func isReference(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Map:
		return true
	}
	return false
}

// synchronized says whether a struct has a lock, an atomic or a channel of its
// own: its methods then know that they are called at the same time.
func synchronized(t types.Type) bool {
	if ptr, ok := t.Underlying().(*types.Pointer); ok {
		t = ptr.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for i := range s.NumFields() {
		f := s.Field(i).Type()
		if ptr, ok := f.(*types.Pointer); ok {
			f = ptr.Elem()
		}
		if _, ok := f.Underlying().(*types.Chan); ok {
			return true
		}
		if n, ok := types.Unalias(f).(*types.Named); ok && n.Obj().Pkg() != nil {
			switch n.Obj().Pkg().Path() {
			case "sync", "sync/atomic", "internal/sync":
				return true
			}
		}
	}
	return false
}

// inPlace says whether a function of the standard library writes to its first
// argument, or its receiver.
func inPlace(fn *types.Func) bool {
	if fn.Pkg() == nil {
		return false
	}
	recv := ""
	if r := fn.Type().(*types.Signature).Recv(); r != nil {
		if n, ok := types.Unalias(r.Type()).(*types.Named); ok {
			recv = n.Obj().Name() + "."
		}
	}
	switch name := recv + fn.Name(); fn.Pkg().Path() {
	case "sort":
		switch name {
		case "Sort", "Stable", "Slice", "SliceStable", "Strings", "Ints", "Float64s":
			return true
		}
	case "slices":
		switch name {
		case "Sort", "SortFunc", "SortStableFunc", "Reverse", "Delete", "DeleteFunc", "Compact", "CompactFunc", "Replace":
			return true
		}
	case "maps":
		return name == "Copy" || name == "DeleteFunc"
	case "net/http":
		return name == "Header.Set" || name == "Header.Add" || name == "Header.Del"
	case "net/url":
		return name == "Values.Set" || name == "Values.Add" || name == "Values.Del"
	}
	return false
}
