// Package flow follows values backward through one package's SSA form, across
// variables, captures and literals, and tells whose context a context is.
package flow

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"
)

// A Program is the SSA form of one package and what is looked up in it again
// and again. It is not changed after [Build].
type Program struct {
	Pkg   *ssa.Package
	Funcs []*ssa.Function // with a body, literals after what holds them

	// Detaches says whether a function gives a context that does not end with
	// the one it takes.
	Detaches func(*types.Func) bool

	calls    map[token.Pos]ssa.CallInstruction       // by the left parenthesis
	closures map[*ssa.Function]*ssa.MakeClosure      // where a literal with captures is made
	stores   map[ssa.Value][]*ssa.Store              // by variable: an Alloc or a Global
	fields   map[*types.Var][]*ssa.Store             // by field
	captured map[ssa.Value]map[*ssa.Function]bool    // the literals that see a variable
	callers  map[*ssa.Function][]ssa.CallInstruction // static calls within the package
}

// Build makes the SSA form of the pass's package. Other packages have types
// only in it.
func Build(pass *analysis.Pass) *Program {
	prog := ssa.NewProgram(pass.Fset, 0)
	for _, imported := range pass.Pkg.Imports() {
		prog.CreatePackage(imported, nil, nil, true)
	}
	pkg := prog.CreatePackage(pass.Pkg, pass.Files, pass.TypesInfo, false)
	pkg.Build()

	p := &Program{
		Pkg:      pkg,
		Detaches: func(*types.Func) bool { return false },
		calls:    make(map[token.Pos]ssa.CallInstruction),
		closures: make(map[*ssa.Function]*ssa.MakeClosure),
		stores:   make(map[ssa.Value][]*ssa.Store),
		fields:   make(map[*types.Var][]*ssa.Store),
		captured: make(map[ssa.Value]map[*ssa.Function]bool),
		callers:  make(map[*ssa.Function][]ssa.CallInstruction),
	}
	if init := pkg.Func("init"); init != nil {
		p.add(init)
	}
	for _, file := range pass.Files {
		for _, decl := range file.Decls {
			if decl, ok := decl.(*ast.FuncDecl); ok {
				if fn, ok := pass.TypesInfo.Defs[decl.Name].(*types.Func); ok {
					if f := prog.FuncValue(fn); f != nil {
						p.add(f)
					}
				}
			}
		}
	}
	for _, f := range p.Funcs {
		p.index(f)
	}
	return p
}

func (p *Program) add(f *ssa.Function) {
	p.Funcs = append(p.Funcs, f)
	for _, literal := range f.AnonFuncs {
		p.add(literal)
	}
}

func (p *Program) index(f *ssa.Function) {
	for _, b := range f.Blocks {
		for _, instr := range b.Instrs {
			switch instr := instr.(type) {
			case *ssa.MakeClosure:
				if fn, ok := instr.Fn.(*ssa.Function); ok {
					p.closures[fn] = instr
				}
			case ssa.CallInstruction:
				p.calls[instr.Common().Pos()] = instr
				if callee := instr.Common().StaticCallee(); callee != nil {
					callee = origin(callee)
					p.callers[callee] = append(p.callers[callee], instr)
				}
			}
		}
	}
	// Captures are looked up through the closures of the functions above, and
	// these come first in Funcs.
	for _, fv := range f.FreeVars {
		if v := p.Variable(fv); v != nil {
			if p.captured[v] == nil {
				p.captured[v] = make(map[*ssa.Function]bool)
			}
			p.captured[v][f] = true
		}
	}
	for _, b := range f.Blocks {
		for _, instr := range b.Instrs {
			if s, ok := instr.(*ssa.Store); ok {
				if a, ok := s.Addr.(*ssa.FieldAddr); ok {
					field := Field(a)
					p.fields[field] = append(p.fields[field], s)
				} else if v := p.Variable(s.Addr); v != nil {
					p.stores[v] = append(p.stores[v], s)
				}
			}
		}
	}
}

// origin is the generic function that f is an instance of, or f.
func origin(f *ssa.Function) *ssa.Function {
	if o := f.Origin(); o != nil {
		return o
	}
	return f
}

// Call gives the call whose left parenthesis is at the position, or nil.
func (p *Program) Call(lparen token.Pos) ssa.CallInstruction { return p.calls[lparen] }

// Callers are the calls of f by name in this package.
func (p *Program) Callers(f *ssa.Function) []ssa.CallInstruction { return p.callers[origin(f)] }

// Closure is where the literal f is made, or nil if it captures nothing.
func (p *Program) Closure(f *ssa.Function) *ssa.MakeClosure { return p.closures[f] }

// Body gives the function with a body that a static call of this package runs,
// or nil.
func (p *Program) Body(call *ssa.CallCommon) *ssa.Function {
	f := call.StaticCallee()
	if f == nil {
		return nil
	}
	if f = origin(f); len(f.Blocks) == 0 || f.Pkg != p.Pkg {
		return nil
	}
	return f
}

// Variable gives the variable that an address is of: the *ssa.Alloc or the
// *ssa.Global, looked up through captures. It is nil for other addresses.
func (p *Program) Variable(addr ssa.Value) ssa.Value {
	for range 100 {
		switch a := addr.(type) {
		case *ssa.Alloc, *ssa.Global:
			return addr
		case *ssa.FreeVar:
			bound := p.Bound(a)
			if bound == nil {
				return nil
			}
			addr = bound
		default:
			return nil
		}
	}
	return nil
}

// Bound gives what a free variable stands for in the function around its
// literal, or nil.
func (p *Program) Bound(fv *ssa.FreeVar) ssa.Value {
	f := fv.Parent()
	closure := p.closures[f]
	if closure == nil {
		return nil
	}
	for i, v := range f.FreeVars {
		if v == fv {
			return closure.Bindings[i]
		}
	}
	return nil
}

// Stores are the assignments to a variable, in the literals that see it too. A
// parameter that is captured has one, of the *ssa.Parameter.
func (p *Program) Stores(variable ssa.Value) []*ssa.Store { return p.stores[variable] }

// FieldStores are the assignments to a field of whatever value.
func (p *Program) FieldStores(field *types.Var) []*ssa.Store { return p.fields[field] }

// Field gives the field that an address is of.
func Field(a *ssa.FieldAddr) *types.Var {
	t := a.X.Type().Underlying().(*types.Pointer).Elem()
	if s, ok := typeparamCore(t).(*types.Struct); ok {
		return s.Field(a.Field)
	}
	return nil
}

// typeparamCore is the underlying type, also of a type parameter with one.
func typeparamCore(t types.Type) types.Type {
	if tp, ok := types.Unalias(t).(*types.TypeParam); ok {
		if i, ok := tp.Underlying().(*types.Interface); ok && i.NumEmbeddeds() == 1 {
			t = i.EmbeddedType(0)
			if u, ok := t.(*types.Union); ok && u.Len() == 1 {
				t = u.Term(0).Type()
			}
		}
	}
	return t.Underlying()
}
