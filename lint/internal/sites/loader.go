package sites

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

type ssaValue = ssa.Value

// loader tells which function a value is: a literal, a function, a method
// value, what a function of this package returns when it returns one literal
// only, or a variable that was assigned once with one of these.
func (r *Result) loader(v ssa.Value) Loader { return r.loaderVia(v, 2) }

func (r *Result) loaderVia(v ssa.Value, hops int) Loader {
	if v == nil || hops < 0 {
		return Loader{}
	}
	switch v := r.Flow.Origin(v).(type) {
	case *ssa.MakeClosure:
		f := v.Fn.(*ssa.Function)
		if f.Synthetic != "" {
			return r.bound(f, v)
		}
		return Loader{Func: f, Syntax: f.Syntax(), Bindings: v.Bindings, Maker: v.Parent()}
	case *ssa.Function:
		if o := v.Origin(); o != nil {
			v = o
		}
		if len(v.Blocks) == 0 || v.Synthetic != "" {
			return Loader{}
		}
		return Loader{Func: v, Syntax: v.Syntax(), Maker: v.Parent()}
	case *ssa.Call:
		return r.returned(v, hops)
	}
	return Loader{}
}

// bound is a method value: x.load.
func (r *Result) bound(f *ssa.Function, at *ssa.MakeClosure) Loader {
	fn, ok := f.Object().(*types.Func)
	if !ok || len(at.Bindings) != 1 {
		return Loader{}
	}
	body := r.Flow.Pkg.Prog.FuncValue(fn.Origin())
	if body == nil || len(body.Blocks) == 0 {
		return Loader{}
	}
	return Loader{Func: body, Syntax: body.Syntax(), Recv: at.Bindings[0]}
}

// returned is what a function of this package gives, if that is one function.
func (r *Result) returned(call *ssa.Call, hops int) Loader {
	body := r.Flow.Body(call.Common())
	if body == nil {
		return Loader{}
	}
	var one Loader
	for _, b := range body.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !ok || len(ret.Results) != 1 {
			continue
		}
		l := r.loaderVia(ret.Results[0], hops-1)
		if l.Opaque() || one.Func != nil && one.Func != l.Func {
			return Loader{}
		}
		one = l
	}
	return one
}

// Body is the block of the load as written, or nil.
func (l *Loader) Body() *ast.BlockStmt {
	switch f := l.Syntax.(type) {
	case *ast.FuncLit:
		return f.Body
	case *ast.FuncDecl:
		return f.Body
	}
	return nil
}
