package sharedmut

import (
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// A write is an instruction that writes to a shared value.
type write struct {
	at   ssa.Instruction
	how  string      // "a field is set"
	via  *types.Func // the function that writes, when it is a call
	into ssa.Value   // the shared value, or what is in it
}

// A follower finds the writes to what one site gives, in the function that it is
// in. A value goes on being shared through names, types, fields and elements; it
// stops where it is handed to a function, which may have copied it.
type follower struct {
	p        *check.Pass
	mutators map[*types.Func]uint64
	call     ssa.Value

	seen   map[ssa.Value]bool
	todo   []ssa.Value
	writes []write
	locked bool // a lock in the value was taken: it is made for sharing
}

func (f *follower) follow(o sites.Outcome) {
	for _, v := range o.Value {
		f.shared(v)
	}
	for len(f.todo) > 0 {
		v := f.todo[0]
		f.todo = f.todo[1:]
		for _, r := range *v.Referrers() {
			f.use(v, r)
		}
	}
}

// shared marks a value, if writing into it can be seen by others.
func (f *follower) shared(v ssa.Value) {
	if f.seen[v] || v.Referrers() == nil {
		return
	}
	switch v.Type().Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Map, *types.Interface, *types.Struct, *types.Array:
		f.seen[v] = true
		f.todo = append(f.todo, v)
	}
}

func (f *follower) write(at ssa.Instruction, how string, into ssa.Value) {
	f.writes = append(f.writes, write{at: at, how: how, into: into})
}

func (f *follower) use(v ssa.Value, r ssa.Instruction) {
	switch r := r.(type) {
	case *ssa.ChangeType:
		f.shared(r)
	case *ssa.ChangeInterface:
		f.shared(r)
	case *ssa.MakeInterface:
		f.shared(r)
	case *ssa.TypeAssert:
		if !r.CommaOk {
			f.shared(r)
		} else if x := flow.Extracted(r, 0); x != nil {
			f.shared(x)
		}
	case *ssa.Phi:
		if !f.cloned(v, r) {
			f.shared(r)
		}
	case *ssa.Store:
		if r.Val == v {
			f.kept(v, r)
		} else if r.Addr == v {
			f.write(r, "it is overwritten", v)
		}
	case *ssa.FieldAddr:
		f.address(r, "a field of it is set")
	case *ssa.IndexAddr:
		f.address(r, "an element of it is set")
	case *ssa.Field:
		f.shared(r)
	case *ssa.Index:
		f.shared(r)
	case *ssa.Lookup:
		if r.X != v {
			return
		}
		if !r.CommaOk {
			f.shared(r)
		} else if x := flow.Extracted(r, 0); x != nil {
			f.shared(x)
		}
	case *ssa.UnOp:
		if r.Op == token.MUL {
			f.shared(r)
		}
	case *ssa.Slice:
		if r.X == v {
			f.shared(r)
		}
	case *ssa.Range:
		for _, next := range *r.Referrers() {
			if n, ok := next.(*ssa.Next); ok && !n.IsString {
				if x := flow.Extracted(n, 2); x != nil {
					f.shared(x)
				}
			}
		}
	case *ssa.MapUpdate:
		if r.Map == v {
			f.write(r, "an entry of it is set", v)
		}
	case ssa.CallInstruction:
		f.given(v, r)
	}
}

// cloned says whether another branch brings a copy of v, as in
// "if shared { v = clone(v) }".
func (f *follower) cloned(v ssa.Value, phi *ssa.Phi) bool {
	for _, e := range phi.Edges {
		if e == v || e == phi || f.seen[e] || grown(e, phi) {
			continue
		}
		of := false
		f.p.Sites.Flow.Sources(e, func(s ssa.Value) bool {
			of = of || s != f.call && f.seen[s]
			return !of && s != phi && s != f.call
		})
		if of && !f.part(e) {
			return true
		}
	}
	return false
}

// grown says whether a value is another one with elements appended.
func grown(v, of ssa.Value) bool {
	call, ok := v.(*ssa.Call)
	if !ok {
		return false
	}
	b, ok := call.Call.Value.(*ssa.Builtin)
	return ok && b.Name() == "append" && call.Call.Args[0] == of
}

// cut says whether a slice was made shorter than what it is of: append then
// writes over what follows.
func cut(v ssa.Value) bool {
	switch v := v.(type) {
	case *ssa.Slice:
		return v.High != nil && v.Max == nil
	case *ssa.Phi:
		for _, e := range v.Edges {
			if s, ok := e.(*ssa.Slice); ok && cut(s) {
				return true
			}
		}
	}
	return false
}

// part says whether a value is another one's under a changed type or bounds, and
// so no copy.
func (f *follower) part(v ssa.Value) bool {
	switch v.(type) {
	case *ssa.Call, *ssa.Extract, *ssa.Alloc, *ssa.MakeSlice, *ssa.MakeMap:
		return false
	}
	return true
}

// address follows the address of a part of a shared value.
func (f *follower) address(addr ssa.Value, how string) {
	if f.seen[addr] {
		return
	}
	f.seen[addr] = true
	for _, r := range *addr.Referrers() {
		switch r := r.(type) {
		case *ssa.Store:
			if r.Addr == addr {
				f.write(r, how, addr)
			}
		case *ssa.UnOp:
			if r.Op == token.MUL {
				f.shared(r)
			}
		case *ssa.FieldAddr:
			f.address(r, "a field of it is set")
		case *ssa.IndexAddr:
			f.address(r, "an element of it is set")
		case *ssa.Slice:
			f.shared(r)
		case *ssa.Phi:
			f.address(r, how)
		case ssa.CallInstruction:
			f.given(addr, r)
		}
	}
}

// kept follows a value into the variable that it is assigned to. A struct that
// is copied there keeps its slices and maps shared, unless they are replaced.
func (f *follower) kept(v ssa.Value, s *ssa.Store) {
	p := f.p.Sites.Flow
	variable, ok := p.Variable(s.Addr).(*ssa.Alloc)
	if !ok || len(p.Stores(variable)) != 1 {
		return
	}
	if _, ok := v.Type().Underlying().(*types.Struct); ok {
		f.copied(variable)
		return
	}
	for _, read := range p.Reads(variable) {
		f.shared(read)
	}
}

// copied follows the fields of a struct's copy.
func (f *follower) copied(addr ssa.Value) {
	fields := make(map[int][]*ssa.FieldAddr)
	for _, r := range *addr.Referrers() {
		if fa, ok := r.(*ssa.FieldAddr); ok {
			fields[fa.Field] = append(fields[fa.Field], fa)
		}
	}
	for _, all := range fields {
		replaced := false
		for _, fa := range all {
			for _, r := range *fa.Referrers() {
				switch r := r.(type) {
				case *ssa.Store:
					replaced = replaced || r.Addr == fa
				case ssa.CallInstruction:
					replaced = true // by the callee perhaps
				}
			}
		}
		if replaced {
			continue
		}
		for _, fa := range all {
			for _, r := range *fa.Referrers() {
				if u, ok := r.(*ssa.UnOp); ok && u.Op == token.MUL && isReference(u.Type()) {
					f.shared(u)
				}
			}
			f.copied(fa)
		}
	}
}

// given looks at a call that a shared value, or the address of a part, is an
// argument of.
func (f *follower) given(v ssa.Value, call ssa.CallInstruction) {
	common := call.Common()
	if b, ok := common.Value.(*ssa.Builtin); ok {
		if len(common.Args) == 0 || common.Args[0] != v {
			return
		}
		switch b.Name() {
		case "delete":
			f.write(call, "an entry of it is deleted", v)
		case "clear":
			f.write(call, "it is cleared", v)
		case "copy":
			f.write(call, "its elements are written over", v)
		case "append":
			if cut(v) {
				f.write(call, "append writes over its elements", v)
			}
		}
		return
	}
	fn := flow.Callee(common)
	if fn == nil {
		return
	}
	mask := f.mutators[fn]
	if fact := new(MutatesParam); mask == 0 && f.p.ImportObjectFact(fn, fact) {
		mask = fact.Mask
	}
	if inPlace(fn) {
		mask |= 1 | 2
	}
	off := 1
	if fn.Type().(*types.Signature).Recv() != nil {
		off = 0
		if common.IsInvoke() {
			return
		}
	}
	for i, arg := range common.Args {
		if arg != v {
			continue
		}
		if i == 0 && off == 0 && (fn.Name() == "Lock" || fn.Name() == "TryLock") {
			f.locked = true
		}
		if i+off < 64 && mask&(1<<(i+off)) != 0 {
			f.writes = append(f.writes, write{call, fn.Name() + " writes to it", fn, v})
		}
	}
}
