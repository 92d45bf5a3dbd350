package flow

import (
	"go/constant"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"
)

// A Frame is one run of a function, as far as it is known what its parameters
// and captures stand for. Two runs of one function are two frames.
type Frame struct {
	Func *ssa.Function

	// Args are what the parameters stand for in the frame Caller. Without a
	// caller they stand for themselves.
	Args   []ssa.Value
	Caller *Frame

	// Outer is the run of the function around, if Func is a literal.
	Outer *Frame
}

// A Place is a value in a frame.
type Place struct {
	V  ssa.Value
	In *Frame
}

// Resolve looks a value up through variables, captures and parameters, as far
// as it is one value. V is nil if it is not.
func (p *Program) Resolve(at Place) Place {
	for range 20 {
		v := p.Origin(at.V)
		if v == nil {
			return Place{}
		}
		in := at.In
		if f := parent(v); f != nil {
			for in != nil && in.Func != f {
				in = in.Outer
			}
			if in == nil {
				return Place{}
			}
		}
		switch x := v.(type) {
		case *ssa.Parameter:
			i := slices.Index(in.Func.Params, x)
			if in.Caller == nil || i >= len(in.Args) {
				return Place{v, in}
			}
			at = Place{in.Args[i], in.Caller}
		case *ssa.FreeVar:
			bound := p.Bound(x)
			if bound == nil {
				return Place{}
			}
			at = Place{bound, in.Outer}
		default:
			return Place{v, in}
		}
	}
	return Place{}
}

// parent is the function that a value is in, nil for constants and globals.
func parent(v ssa.Value) *ssa.Function {
	switch v.(type) {
	case *ssa.Const, *ssa.Global, *ssa.Function, *ssa.Builtin:
		return nil
	}
	return v.Parent()
}

// Same says whether two values are equal for sure: one value, equal constants,
// or made in the same way of values that are the same. A field counts as
// unchanged if the package sets it in what it has just made only.
func (p *Program) Same(a, b Place) bool { return p.same(a, b, 20) }

func (p *Program) same(a, b Place, depth int) bool {
	a, b = p.Resolve(a), p.Resolve(b)
	if a.V == nil || b.V == nil || depth == 0 || !types.Identical(a.V.Type(), b.V.Type()) {
		return false
	}
	if a == b {
		return true
	}
	all := func(as, bs []ssa.Value) bool {
		if len(as) != len(bs) {
			return false
		}
		for i := range as {
			if (as[i] == nil) != (bs[i] == nil) || as[i] != nil && !p.same(Place{as[i], a.In}, Place{bs[i], b.In}, depth-1) {
				return false
			}
		}
		return true
	}
	switch x := a.V.(type) {
	case *ssa.Const:
		y, ok := b.V.(*ssa.Const)
		return ok && (x.Value == nil) == (y.Value == nil) && (x.Value == nil || constant.Compare(x.Value, token.EQL, y.Value))
	case *ssa.Global:
		return a.V == b.V
	case *ssa.FieldAddr:
		y, ok := b.V.(*ssa.FieldAddr)
		return ok && x.Field == y.Field && all([]ssa.Value{x.X}, []ssa.Value{y.X})
	case *ssa.Field:
		y, ok := b.V.(*ssa.Field)
		return ok && x.Field == y.Field && all([]ssa.Value{x.X}, []ssa.Value{y.X})
	case *ssa.UnOp:
		y, ok := b.V.(*ssa.UnOp)
		if !ok || x.Op != y.Op || x.Op == token.ARROW {
			return false
		}
		if x.Op != token.MUL {
			return all([]ssa.Value{x.X}, []ssa.Value{y.X})
		}
		if parts, ok := p.composite(x.X); ok {
			others, ok := p.composite(y.X)
			return ok && all(parts, others)
		}
		return p.steady(x.X) && all([]ssa.Value{x.X}, []ssa.Value{y.X})
	case *ssa.BinOp:
		y, ok := b.V.(*ssa.BinOp)
		return ok && x.Op == y.Op && all([]ssa.Value{x.X, x.Y}, []ssa.Value{y.X, y.Y})
	case *ssa.Convert:
		y, ok := b.V.(*ssa.Convert)
		return ok && all([]ssa.Value{x.X}, []ssa.Value{y.X})
	case *ssa.Slice:
		y, ok := b.V.(*ssa.Slice)
		if !ok {
			return false
		}
		if parts, ok := p.composite(x.X); ok && x.Low == nil && x.High == nil {
			others, ok := p.composite(y.X)
			return ok && y.Low == nil && y.High == nil && all(parts, others)
		}
		_, text := x.X.Type().Underlying().(*types.Basic)
		return text && all([]ssa.Value{x.X, x.Low, x.High}, []ssa.Value{y.X, y.Low, y.High})
	case *ssa.Call:
		y, ok := b.V.(*ssa.Call)
		fn := Callee(x.Common())
		return ok && fn != nil && fn == Callee(y.Common()) && pure(fn) && all(x.Call.Args, y.Call.Args)
	}
	return false
}

// steady says whether what an address holds stays what it is.
func (p *Program) steady(addr ssa.Value) bool {
	switch a := addr.(type) {
	case *ssa.Global:
		for _, s := range p.stores[a] {
			if s.Parent().Synthetic == "" {
				return false
			}
		}
		return true
	case *ssa.FieldAddr:
		for _, s := range p.fields[Field(a)] {
			if _, made := p.Origin(s.Addr.(*ssa.FieldAddr).X).(*ssa.Alloc); !made {
				return false
			}
		}
		return true
	}
	return false
}

// composite gives the fields or elements of a struct or array that is built in
// a variable of its own, each set once at most; nil stands for one that is
// not set.
func (p *Program) composite(addr ssa.Value) ([]ssa.Value, bool) {
	a, ok := addr.(*ssa.Alloc)
	if !ok || len(p.stores[a]) > 0 {
		return nil, false
	}
	var parts []ssa.Value
	switch t := a.Type().Underlying().(*types.Pointer).Elem().Underlying().(type) {
	case *types.Struct:
		parts = make([]ssa.Value, t.NumFields())
	case *types.Array:
		if t.Len() > 100 {
			return nil, false
		}
		parts = make([]ssa.Value, t.Len())
	default:
		return nil, false
	}
	for _, r := range *a.Referrers() {
		i := -1
		var part ssa.Value
		switch r := r.(type) {
		case *ssa.FieldAddr:
			i, part = r.Field, r
		case *ssa.IndexAddr:
			c, ok := r.Index.(*ssa.Const)
			if !ok {
				return nil, false
			}
			i, part = int(c.Int64()), r
		case *ssa.UnOp, *ssa.Slice, *ssa.DebugRef:
			continue
		default:
			return nil, false // its address goes elsewhere
		}
		for _, rr := range *part.Referrers() {
			switch rr := rr.(type) {
			case *ssa.Store:
				if rr.Addr != part || parts[i] != nil {
					return nil, false
				}
				parts[i] = rr.Val
			case *ssa.UnOp, *ssa.DebugRef:
			default:
				return nil, false
			}
		}
	}
	return parts, true
}

// pure says whether a function gives the same for the same, always.
func pure(fn *types.Func) bool {
	if fn.Pkg() == nil {
		return false
	}
	switch fn.Pkg().Path() {
	case "strconv", "strings", "path", "path/filepath":
		return fn.Type().(*types.Signature).Recv() == nil
	case "fmt":
		return fn.Name() == "Sprintf" || fn.Name() == "Sprint" || fn.Name() == "Sprintln"
	}
	return false
}
