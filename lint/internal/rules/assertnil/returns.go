package assertnil

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/flow"
)

// An outcome is one pair of value and error that a load can give.
type outcome struct {
	isNil    bool       // the value is the nil interface
	typ      types.Type // or its concrete type; nil when not known
	typedNil bool       // it is a nil of that type
	err      fails
	at       token.Pos // of the return
}

type fails uint8

const (
	maybe fails = iota // not told
	none               // nil
	set                // not nil
)

// returnsOf gives what a function can return.
func returnsOf(p *flow.Program, f *ssa.Function, hops int) []outcome {
	var all []outcome
	for _, b := range f.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !ok || len(ret.Results) < 2 || b == f.Recover {
			continue
		}
		v, e := ret.Results[0], ret.Results[len(ret.Results)-1]
		if !types.IsInterface(v.Type()) {
			return nil
		}
		// return fetch(): what that gives.
		if x, ok := v.(*ssa.Extract); ok && hops > 0 {
			if y, ok := e.(*ssa.Extract); ok && x.Tuple == y.Tuple {
				if call, ok := x.Tuple.(*ssa.Call); ok {
					if body := p.Body(call.Common()); body != nil {
						all = append(all, returnsOf(p, body, hops-1)...)
						continue
					}
				}
			}
		}
		for _, o := range values(p, v) {
			o.err, o.at = errorOf(e, b), ret.Pos()
			all = append(all, o)
		}
	}
	return all
}

// values gives what an interface can hold, without an error yet.
func values(p *flow.Program, v ssa.Value) []outcome {
	var (
		all  []outcome
		seen = make(map[ssa.Value]bool)
		walk func(ssa.Value)
	)
	walk = func(v ssa.Value) {
		if seen[v] {
			return
		}
		seen[v] = true
		switch x := v.(type) {
		case *ssa.Const:
			all = append(all, outcome{isNil: x.IsNil()})
		case *ssa.MakeInterface:
			c, isConst := x.X.(*ssa.Const)
			all = append(all, outcome{typ: x.X.Type(), typedNil: isConst && c.IsNil()})
		case *ssa.ChangeInterface:
			walk(x.X)
		case *ssa.Phi:
			for _, e := range x.Edges {
				walk(e)
			}
		case *ssa.UnOp:
			stores := p.Stores(p.Variable(x.X))
			if x.Op != token.MUL || len(stores) == 0 {
				all = append(all, outcome{})
				return
			}
			for _, s := range stores {
				walk(s.Val)
			}
		default:
			all = append(all, outcome{})
		}
	}
	walk(v)
	return all
}

// errorOf tells whether an error that is returned at the end of a block is nil.
func errorOf(e ssa.Value, b *ssa.BasicBlock) fails {
	switch x := e.(type) {
	case *ssa.Const:
		return none
	case *ssa.MakeInterface:
		return set
	case *ssa.Call:
		if fn := flow.Callee(x.Common()); fn != nil && fn.Pkg() != nil {
			switch fn.Pkg().Path() + "." + fn.Name() {
			case "errors.New", "fmt.Errorf":
				return set
			}
		}
	case *ssa.UnOp:
		if g, ok := x.X.(*ssa.Global); ok && x.Op == token.MUL && g.Object() != nil {
			return set // ErrNotFound and the like
		}
	}
	for d := b; d != nil; d = d.Idom() {
		for _, s := range d.Succs {
			if nilSide, ok := test(d, e); ok && s != nilSide && len(s.Preds) == 1 && s.Dominates(b) {
				return set
			}
		}
	}
	return maybe
}

// test says whether a block ends with a comparison of a value with nil, and
// where it goes on when it is.
func test(b *ssa.BasicBlock, v ssa.Value) (nilSide *ssa.BasicBlock, ok bool) {
	cond, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If)
	if !ok {
		return nil, false
	}
	cmp, ok := cond.Cond.(*ssa.BinOp)
	if !ok || !(cmp.X == v && isNil(cmp.Y) || cmp.Y == v && isNil(cmp.X)) {
		return nil, false
	}
	switch cmp.Op {
	case token.EQL:
		return b.Succs[0], true
	case token.NEQ:
		return b.Succs[1], true
	}
	return nil, false
}

func isNil(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && c.IsNil()
}
