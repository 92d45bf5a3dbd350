package flow

import (
	"go/token"

	"golang.org/x/tools/go/ssa"
)

// Peel takes away what changes a value's type and not the value.
func Peel(v ssa.Value) ssa.Value {
	for {
		switch x := v.(type) {
		case *ssa.ChangeType:
			v = x.X
		case *ssa.ChangeInterface:
			v = x.X
		case *ssa.MakeInterface:
			v = x.X
		default:
			return v
		}
	}
}

// Origins gives the values that v can be, looked up through changes of type,
// branches, and variables, captured ones too: parameters, results of calls,
// constants, what was read out of fields, elements and globals. Of a variable
// it takes all assignments, wherever they are.
func (p *Program) Origins(v ssa.Value) []ssa.Value {
	var (
		found []ssa.Value
		seen  = make(map[ssa.Value]bool)
		walk  func(ssa.Value)
	)
	walk = func(v ssa.Value) {
		if v == nil || seen[v] {
			return
		}
		seen[v] = true
		switch x := v.(type) {
		case *ssa.ChangeType:
			walk(x.X)
		case *ssa.ChangeInterface:
			walk(x.X)
		case *ssa.MakeInterface:
			walk(x.X)
		case *ssa.TypeAssert:
			if !x.CommaOk {
				walk(x.X)
				return
			}
			found = append(found, v)
		case *ssa.Phi:
			for _, e := range x.Edges {
				walk(e)
			}
		case *ssa.UnOp:
			if variable, ok := p.Variable(x.X).(*ssa.Alloc); ok && x.Op == token.MUL {
				if stores := p.stores[variable]; len(stores) > 0 {
					for _, s := range stores {
						walk(s.Val)
					}
					return
				}
			}
			found = append(found, v)
		default:
			found = append(found, v)
		}
	}
	walk(v)
	return found
}

// Origin is the one value that v can be, or nil when there are several.
func (p *Program) Origin(v ssa.Value) ssa.Value {
	if all := p.Origins(v); len(all) == 1 {
		return all[0]
	}
	return nil
}

// Sources walks backward from v to all that it was made of: operands of
// operations, arguments of calls, what was stored into the variables, fields
// and elements that it reads, what literals capture. visit is called once for
// each value, v first, and says whether to go on behind it.
func (p *Program) Sources(v ssa.Value, visit func(ssa.Value) bool) {
	seen := make(map[ssa.Value]bool)
	var walk func(ssa.Value)
	walk = func(v ssa.Value) {
		if v == nil || seen[v] {
			return
		}
		seen[v] = true
		if !visit(v) {
			return
		}
		switch x := v.(type) {
		case *ssa.FreeVar:
			walk(p.Bound(x))
			return
		case *ssa.Alloc:
			// The value of a variable, or of a composite that is built in it:
			// all that is stored in it or in a part of it.
			for _, s := range p.stores[x] {
				walk(s.Val)
			}
			p.parts(x, walk)
			return
		case *ssa.MakeMap, *ssa.MakeSlice:
			p.parts(x, walk)
		}
		instr, ok := v.(ssa.Instruction)
		if !ok {
			return
		}
		for _, op := range instr.Operands(nil) {
			if *op == nil {
				continue
			}
			if _, ok := (*op).(*ssa.Function); ok {
				continue
			}
			if _, ok := (*op).(*ssa.Builtin); ok {
				continue
			}
			walk(*op)
		}
	}
	walk(v)
}

// parts walks what is stored through addresses into a variable, by whoever
// refers to it in its own function.
func (p *Program) parts(v ssa.Value, walk func(ssa.Value)) {
	refs := v.Referrers()
	if refs == nil {
		return
	}
	for _, r := range *refs {
		switch r := r.(type) {
		case *ssa.FieldAddr:
			p.storedAt(r, walk)
		case *ssa.IndexAddr:
			p.storedAt(r, walk)
		case *ssa.MapUpdate:
			if r.Map == v {
				walk(r.Key)
				walk(r.Value)
			}
		case *ssa.Slice:
			if r.X == v {
				p.parts(r, walk)
			}
		case ssa.CallInstruction:
			// A method or function that is given the address may write what it
			// is given besides: strings.Builder, a hash, json into a buffer.
			for _, arg := range r.Common().Args {
				if arg != v {
					walk(arg)
				}
			}
		case *ssa.MakeInterface:
			p.parts(r, walk)
		}
	}
}

func (p *Program) storedAt(addr ssa.Value, walk func(ssa.Value)) {
	for _, r := range *addr.Referrers() {
		if s, ok := r.(*ssa.Store); ok && s.Addr == addr {
			walk(s.Val)
		}
	}
	p.parts(addr, walk)
}
