package flow

import (
	"go/token"

	"golang.org/x/tools/go/ssa"
)

// Copies gives the values that are v under another type or name, v first: after
// changes of type and assertions, out of branches that join, and read back from
// the variables it was assigned to. Where branches join, or a variable is
// assigned more than once, the value may be another one on another way.
func (p *Program) Copies(v ssa.Value) []ssa.Value {
	var (
		found []ssa.Value
		seen  = make(map[ssa.Value]bool)
	)
	add := func(v ssa.Value) {
		if !seen[v] {
			seen[v] = true
			found = append(found, v)
		}
	}
	add(v)
	for i := 0; i < len(found); i++ {
		refs := found[i].Referrers()
		if refs == nil {
			continue
		}
		for _, r := range *refs {
			switch r := r.(type) {
			case *ssa.ChangeType:
				add(r)
			case *ssa.ChangeInterface:
				add(r)
			case *ssa.MakeInterface:
				add(r)
			case *ssa.Phi:
				add(r)
			case *ssa.TypeAssert:
				if !r.CommaOk {
					add(r)
				} else if x := Extracted(r, 0); x != nil {
					add(x)
				}
			case *ssa.Store:
				if r.Val == found[i] {
					for _, read := range p.Reads(r.Addr) {
						add(read)
					}
				}
			}
		}
	}
	return found
}

// Reads are the places where a variable is read whole, in literals too. addr is
// the variable's address in one of the functions that see it.
func (p *Program) Reads(addr ssa.Value) []*ssa.UnOp {
	variable := p.Variable(addr)
	if variable == nil {
		return nil
	}
	var reads []*ssa.UnOp
	for _, a := range p.Addresses(variable) {
		if a.Referrers() == nil {
			continue
		}
		for _, r := range *a.Referrers() {
			if u, ok := r.(*ssa.UnOp); ok && u.Op == token.MUL {
				reads = append(reads, u)
			}
		}
	}
	return reads
}

// Addresses are a variable and what stands for it in the literals that capture
// it.
func (p *Program) Addresses(variable ssa.Value) []ssa.Value {
	all := []ssa.Value{variable}
	for _, f := range p.Funcs {
		if !p.captured[variable][f] {
			continue
		}
		for _, fv := range f.FreeVars {
			if p.Variable(fv) == variable {
				all = append(all, fv)
			}
		}
	}
	return all
}

// Extracted is element i of what a call or a comma-ok operation gives, or nil
// if nothing takes it.
func Extracted(tuple ssa.Value, i int) ssa.Value {
	if refs := tuple.Referrers(); refs != nil {
		for _, r := range *refs {
			if x, ok := r.(*ssa.Extract); ok && x.Index == i && len(*x.Referrers()) > 0 {
				return x
			}
		}
	}
	return nil
}
