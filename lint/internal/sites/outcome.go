package sites

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/flow"
)

// An Outcome is where what a site gives is taken: out of the call's results, or
// out of the structs that come on its channel. There are several values where a
// channel is received from at several places.
type Outcome struct {
	Value, Err, Shared []ssa.Value
}

// Outcome gives what the code takes of a site's results, in the function that
// makes the call; all empty where it takes none.
func (r *Result) Outcome(s *Site) Outcome {
	var o Outcome
	if s.Instr == nil || s.Instr.Value() == nil || s.API.Kind == Make {
		return o
	}
	result := func(i int) ssa.Value {
		if i < 0 {
			return nil
		}
		if s.Instr.Common().Signature().Results().Len() == 1 {
			return s.Instr.Value()
		}
		return flow.Extracted(s.Instr.Value(), i)
	}
	add := func(to *[]ssa.Value, v ssa.Value) {
		if v != nil {
			*to = append(*to, v)
		}
	}
	add(&o.Err, result(s.API.Err))
	add(&o.Shared, result(s.API.Shared))
	switch {
	case s.API.Kind == DoChan:
		if ch := result(s.API.Chan); ch != nil {
			for _, got := range r.received(ch) {
				if s.API.Struct {
					r.fields(got, &o)
				} else {
					add(&o.Value, got)
				}
			}
		}
	case s.API.Struct:
		if v := result(s.API.Value); v != nil {
			r.fields(v, &o)
		}
	default:
		add(&o.Value, result(s.API.Value))
	}
	return o
}

// received gives what is received from a channel.
func (r *Result) received(ch ssa.Value) []ssa.Value {
	var all []ssa.Value
	seen := make(map[ssa.Instruction]bool) // a select refers to a channel once for each case
	for _, ch := range r.Flow.Copies(ch) {
		for _, ref := range *ch.Referrers() {
			if seen[ref] {
				continue
			}
			seen[ref] = true
			switch ref := ref.(type) {
			case *ssa.UnOp:
				if ref.Op != token.ARROW {
					continue
				}
				if !ref.CommaOk {
					all = append(all, ref)
				} else if x := flow.Extracted(ref, 0); x != nil {
					all = append(all, x)
				}
			case *ssa.Select:
				at := 2
				for _, state := range ref.States {
					if state.Dir != types.RecvOnly {
						continue
					}
					if state.Chan == ch {
						if x := flow.Extracted(ref, at); x != nil {
							all = append(all, x)
						}
					}
					at++
				}
			}
		}
	}
	return all
}

// fields adds what is read of a struct of value and error.
func (r *Result) fields(v ssa.Value, o *Outcome) {
	add := func(read ssa.Value, t types.Type, i int) {
		s, ok := t.Underlying().(*types.Struct)
		if !ok || i >= s.NumFields() {
			return
		}
		f := s.Field(i)
		b, isBasic := f.Type().Underlying().(*types.Basic)
		switch {
		case isError(f.Type()):
			o.Err = append(o.Err, read)
		case isBasic && b.Kind() == types.Bool && f.Name() == "Shared":
			o.Shared = append(o.Shared, read)
		case f.Name() == "Val" || f.Name() == "Value":
			o.Value = append(o.Value, read)
		}
	}
	for _, v := range r.Flow.Copies(v) {
		for _, ref := range *v.Referrers() {
			switch ref := ref.(type) {
			case *ssa.Field:
				add(ref, v.Type(), ref.Field)
			case *ssa.Store:
				// A variable that the struct is kept in: its fields are read
				// through their addresses.
				variable := r.Flow.Variable(ref.Addr)
				if variable == nil || ref.Val != v {
					continue
				}
				for _, a := range r.Flow.Addresses(variable) {
					for _, use := range *a.Referrers() {
						fa, ok := use.(*ssa.FieldAddr)
						if !ok {
							continue
						}
						for _, read := range *fa.Referrers() {
							if u, ok := read.(*ssa.UnOp); ok && u.Op == token.MUL {
								add(u, v.Type(), fa.Field)
							}
						}
					}
				}
			}
		}
	}
}
