package keys

import (
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// A walk goes backward from values to the parameters that they are made of.
type walk struct {
	sites *sites.Result
	flow  *flow.Program

	// key says that the walk is of a key. What decides which of several values
	// it gets is in it then, and so is all of what a method is called on.
	key bool

	seen  map[visit]bool
	found Parts
}

type visit struct {
	v    ssa.Value
	path string
	in   *frame
}

// A frame is a call that the walk went into.
type frame struct {
	fn    *ssa.Function
	args  []ssa.Value // by fn's parameters, a receiver first; nil where not known
	up    *frame
	depth int
}

// deepest is how many calls the walk goes into, one in the other.
const deepest = 4

func (f *frame) into(fn *ssa.Function, args []ssa.Value) *frame {
	depth := 1
	for up := f; up != nil; up = up.up {
		if up.fn == fn {
			return nil
		}
		depth++
	}
	if depth > deepest {
		return nil
	}
	return &frame{fn, args, f, depth}
}

func newWalk(r *sites.Result, key bool) *walk {
	return &walk{sites: r, flow: r.Flow, key: key, seen: make(map[visit]bool)}
}

func pathString(path []Step) string {
	var b strings.Builder
	for _, s := range path {
		b.WriteString(s.Name)
		b.WriteByte('.')
	}
	return b.String()
}

func prepend(s Step, path []Step) []Step {
	if len(path) > 5 {
		path = nil
	}
	return append([]Step{s}, path...)
}

// A held is how the walk came by a value: the variable that it was in, and the
// type that it was asserted to have.
type held struct {
	name string
	typ  types.Type
}

// from walks to what the part path of v is made of.
func (w *walk) from(v ssa.Value, path []Step, as held, in *frame) {
	at := visit{v, pathString(path), in}
	if v == nil || w.seen[at] || len(w.seen) > 20000 {
		return
	}
	w.seen[at] = true
	if w.key {
		// What was written into a hash that a function, or a pool, gave.
		switch v.(type) {
		case *ssa.Call, *ssa.Extract, *ssa.TypeAssert:
			if types.IsInterface(v.Type()) || isPointer(v.Type()) {
				w.stored(v, in)
			}
		}
	}
	switch v := v.(type) {
	case *ssa.Parameter:
		w.parameter(v, path, as, in)
	case *ssa.FreeVar:
		if bound := w.flow.Bound(v); bound != nil {
			w.from(bound, path, as, in)
		}
	case *ssa.FieldAddr:
		if f := flow.Field(v); f != nil {
			w.from(v.X, prepend(Step{f.Name(), f.Type()}, path), as, in)
		}
	case *ssa.Field:
		if s, ok := v.X.Type().Underlying().(*types.Struct); ok {
			f := s.Field(v.Field)
			w.from(v.X, prepend(Step{f.Name(), f.Type()}, path), as, in)
		}
	case *ssa.UnOp:
		if v.Op == token.MUL {
			w.read(v, path, as, in)
			return
		}
		w.from(v.X, nil, as, in)
	case *ssa.Alloc:
		w.variable(v, path, as, in)
	case *ssa.Phi:
		for _, e := range v.Edges {
			w.from(e, path, as, in)
		}
		if w.key {
			w.decided(v.Block(), in)
		}
	case *ssa.Lookup:
		if c, ok := constantOf(v.Index); ok {
			w.from(v.X, prepend(Step{"[" + c + "]", v.Type()}, path), as, in)
			return
		}
		w.from(v.X, nil, as, in)
		w.from(v.Index, nil, as, in)
	case *ssa.Extract:
		switch tuple := v.Tuple.(type) {
		case *ssa.Call:
			w.call(tuple, v.Index, v.Type(), path, as, in)
		default:
			w.from(v.Tuple, path, as, in)
		}
	case *ssa.Call:
		w.call(v, 0, v.Type(), path, as, in)
	case *ssa.ChangeType:
		w.from(v.X, path, as, in)
	case *ssa.ChangeInterface:
		w.from(v.X, path, as, in)
	case *ssa.MakeInterface:
		w.from(v.X, path, as, in)
	case *ssa.TypeAssert:
		if len(path) == 0 && as.typ == nil {
			as.typ = v.AssertedType
		}
		w.from(v.X, path, as, in)
	case *ssa.Convert:
		w.from(v.X, path, as, in)
	case *ssa.MakeMap, *ssa.MakeSlice:
		w.stored(v, in)
	case *ssa.MakeClosure, *ssa.Function, *ssa.Const, *ssa.Global, *ssa.Builtin:
	case ssa.Instruction:
		for _, op := range v.Operands(nil) {
			if *op != nil {
				w.from(*op, nil, as, in)
			}
		}
	}
}

func (w *walk) parameter(v *ssa.Parameter, path []Step, as held, in *frame) {
	for f := in; f != nil; f = f.up {
		if f.fn != v.Parent() {
			continue
		}
		if i := slices.Index(f.fn.Params, v); i < len(f.args) && f.args[i] != nil {
			w.from(f.args[i], path, as, f.up)
		}
		return
	}
	if len(path) == 0 {
		as.name, as.typ = "", nil
	}
	w.found = w.found.add(Part{v, path, as.name, as.typ})
}

// read walks through a read of a variable, or through a pointer.
func (w *walk) read(v *ssa.UnOp, path []Step, as held, in *frame) {
	variable := w.flow.Variable(v.X)
	switch a := variable.(type) {
	case *ssa.Alloc:
		if as.name == "" && len(path) == 0 && (in == nil || in.depth == 1) && token.IsIdentifier(a.Comment) && a.Comment != "complit" && a.Comment != "varargs" {
			as.name = a.Comment
		}
		w.from(a, path, as, in)
	case *ssa.Global:
	default:
		w.from(v.X, path, as, in)
	}
}

// variable walks to what was assigned to a variable: to all of it, and to the
// part that is asked for.
func (w *walk) variable(a *ssa.Alloc, path []Step, as held, in *frame) {
	stores := w.flow.Stores(a)
	for _, s := range stores {
		w.from(s.Val, path, as, in)
		if w.key && len(stores) > 1 {
			w.decidedStore(s, in)
		}
	}
	if len(path) == 0 {
		w.stored(a, in)
		return
	}
	for _, r := range *a.Referrers() {
		if fa, ok := r.(*ssa.FieldAddr); ok {
			if f := flow.Field(fa); f != nil && f.Name() == path[0].Name {
				for _, r := range *fa.Referrers() {
					if s, ok := r.(*ssa.Store); ok && s.Addr == fa {
						w.from(s.Val, path[1:], as, in)
					}
				}
			}
		}
	}
}

// stored walks to what was put into the parts of a value.
func (w *walk) stored(v ssa.Value, in *frame) {
	refs := v.Referrers()
	if refs == nil {
		return
	}
	for _, r := range *refs {
		switch r := r.(type) {
		case *ssa.FieldAddr:
			w.storedAt(r, in)
		case *ssa.IndexAddr:
			if r.X == v {
				w.storedAt(r, in)
			}
		case *ssa.MapUpdate:
			if r.Map == v {
				w.from(r.Key, nil, held{}, in)
				w.from(r.Value, nil, held{}, in)
			}
		case *ssa.Slice:
			if r.X == v {
				w.stored(r, in)
			}
		case *ssa.MakeInterface:
			w.stored(r, in)
		case *ssa.ChangeInterface:
			w.stored(r, in)
		case ssa.CallInstruction:
			// strings.Builder, a hash, json into a buffer.
			for _, arg := range r.Common().Args {
				if arg != v && !flow.IsContext(arg.Type()) {
					w.from(arg, nil, held{}, in)
				}
			}
		}
	}
}

func (w *walk) storedAt(addr ssa.Value, in *frame) {
	for _, r := range *addr.Referrers() {
		if s, ok := r.(*ssa.Store); ok && s.Addr == addr {
			w.from(s.Val, nil, held{}, in)
		}
	}
	w.stored(addr, in)
}

// decided walks to the conditions that choose between the ways into a block.
func (w *walk) decided(to *ssa.BasicBlock, in *frame) {
	top := to.Idom()
	seen := map[*ssa.BasicBlock]bool{to: true}
	var up func(*ssa.BasicBlock)
	up = func(b *ssa.BasicBlock) {
		if seen[b] {
			return
		}
		seen[b] = true
		if c, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If); ok && reaches(b.Succs[0], to) && reaches(b.Succs[1], to) {
			w.from(c.Cond, nil, held{}, in)
		}
		if b == top {
			return
		}
		for _, p := range b.Preds {
			up(p)
		}
	}
	for _, p := range to.Preds {
		up(p)
	}
}

// decidedStore walks to the conditions under which a variable is assigned: not
// to those without which its function ends.
func (w *walk) decidedStore(s *ssa.Store, in *frame) {
	for b := s.Block().Idom(); b != nil; b = b.Idom() {
		c, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If)
		if ok && goesOn(b.Succs[0]) && goesOn(b.Succs[1]) {
			w.from(c.Cond, nil, held{}, in)
		}
	}
}

// goesOn says whether a block does more than end its function.
func goesOn(b *ssa.BasicBlock) bool {
	switch b.Instrs[len(b.Instrs)-1].(type) {
	case *ssa.Return, *ssa.Panic:
		return false
	}
	return true
}

func reaches(from, to *ssa.BasicBlock) bool {
	seen := make(map[*ssa.BasicBlock]bool)
	var walk func(*ssa.BasicBlock) bool
	walk = func(b *ssa.BasicBlock) bool {
		if b == to {
			return true
		}
		if seen[b] {
			return false
		}
		seen[b] = true
		return slices.ContainsFunc(b.Succs, walk)
	}
	return walk(from)
}

// call walks through a call's result.
func (w *walk) call(call *ssa.Call, index int, result types.Type, path []Step, as held, in *frame) {
	common := call.Common()
	if _, ok := common.Value.(*ssa.Builtin); ok {
		for _, arg := range common.Args {
			w.from(arg, nil, as, in)
		}
		return
	}
	args := common.Args
	if common.IsInvoke() {
		args = append([]ssa.Value{common.Value}, args...)
	}
	fn := flow.Callee(common)
	if flow.IsContext(result) {
		w.context(args, fn, path, as, in)
		return
	}
	if fn != nil && quiet(w.sites, fn) {
		return
	}
	if body := w.body(common); body != nil {
		if inner := in.into(body, args); inner != nil {
			if w.key && body.Signature.Recv() != nil && !isGetter(body) {
				w.from(outermost(args[0]), nil, as, in)
			}
			w.results(body, index, path, as, inner)
			return
		}
	}
	w.opaque(args, fn, result, path, as, in)
}

// context walks through a context made of another, or of a request.
func (w *walk) context(args []ssa.Value, fn *types.Func, path []Step, as held, in *frame) {
	for _, arg := range args {
		if flow.IsContext(arg.Type()) {
			w.from(arg, path, as, in)
			return
		}
	}
	if len(args) == 1 && fn != nil {
		w.from(args[0], prepend(Step{fn.Name() + "()", fn.Type().(*types.Signature).Results().At(0).Type()}, path), as, in)
	}
}

// results walks to what a function of the package gives.
func (w *walk) results(body *ssa.Function, index int, path []Step, as held, in *frame) {
	for _, b := range body.Blocks {
		switch last := b.Instrs[len(b.Instrs)-1].(type) {
		case *ssa.Return:
			if index < len(last.Results) {
				w.from(last.Results[index], path, as, in)
			}
		case *ssa.If:
			if w.key {
				w.from(last.Cond, nil, as, in)
			}
		}
	}
}

// opaque walks to the arguments of a function that cannot be seen. What it
// gives of one value, and of constants, is a part of that value: a getter's
// field, a header by its name, what a context carries.
func (w *walk) opaque(args []ssa.Value, fn *types.Func, result types.Type, path []Step, as held, in *frame) {
	var of ssa.Value
	var consts []string
	for _, arg := range args {
		if c, ok := constantOf(arg); ok {
			consts = append(consts, c)
			continue
		}
		if of != nil {
			of = nil
			break
		}
		of = arg
	}
	if of == nil || fn == nil || len(args) != len(consts)+1 || simple(of.Type()) {
		for _, arg := range args {
			if !flow.IsContext(arg.Type()) {
				w.from(arg, nil, as, in)
			}
		}
		return
	}
	switch field := getter(fn, of.Type()); {
	case field != nil:
		w.from(of, prepend(Step{field.Name(), field.Type()}, path), as, in)
	case len(consts) > 0 || len(path) > 0 || !w.key || flow.IsContext(of.Type()):
		w.from(of, prepend(Step{fn.Name() + "(" + strings.Join(consts, ", ") + ")", result}, path), as, in)
	default:
		w.from(outermost(of), nil, as, in)
	}
}

// outermost is the value whose method a promoted one looks like.
func outermost(recv ssa.Value) ssa.Value {
	for {
		var f *types.Var
		x := recv
		if u, ok := x.(*ssa.UnOp); ok && u.Op == token.MUL {
			x = u.X
		}
		switch a := x.(type) {
		case *ssa.FieldAddr:
			f, x = flow.Field(a), a.X
		case *ssa.Field:
			if s, ok := a.X.Type().Underlying().(*types.Struct); ok {
				f, x = s.Field(a.Field), a.X
			}
		}
		if f == nil || !f.Embedded() {
			return recv
		}
		recv = x
	}
}

// body is the function of this package that a call runs, or nil.
func (w *walk) body(common *ssa.CallCommon) *ssa.Function {
	if common.IsInvoke() {
		return nil
	}
	if f := w.flow.Body(common); f != nil {
		return f
	}
	if common.StaticCallee() == nil {
		switch f := w.flow.Origin(common.Value).(type) {
		case *ssa.MakeClosure:
			if fn := f.Fn.(*ssa.Function); fn.Synthetic == "" && len(fn.Blocks) > 0 {
				return fn
			}
		case *ssa.Function:
			if len(f.Blocks) > 0 && f.Pkg == w.flow.Pkg {
				return f
			}
		}
	}
	return nil
}

// isGetter says whether a method gives one field of its receiver.
func isGetter(f *ssa.Function) bool {
	if len(f.Params) != 1 || len(f.Blocks) != 1 {
		return false
	}
	for _, instr := range f.Blocks[0].Instrs {
		switch instr.(type) {
		case *ssa.FieldAddr, *ssa.Field, *ssa.UnOp, *ssa.Return, *ssa.DebugRef, *ssa.Alloc, *ssa.Store:
		default:
			return false
		}
	}
	return true
}

func isPointer(t types.Type) bool {
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}

// getter is the field that a generated GetX gives, or nil.
func getter(fn *types.Func, t types.Type) *types.Var {
	x, ok := strings.CutPrefix(fn.Name(), "Get")
	if !ok || fn.Type().(*types.Signature).Params().Len() != 0 {
		return nil
	}
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	for f := range s.Fields() {
		if f.Name() == x {
			return f
		}
	}
	return nil
}

// constantOf is a constant as it is written, or the name of what acts as one: a
// package's variable, a key type of a context.
func constantOf(v ssa.Value) (string, bool) {
	switch v := flow.Peel(v).(type) {
	case *ssa.Const:
		if v.Value == nil {
			return typeName(v.Type()), true
		}
		if v.Value.Kind() == constant.String {
			return v.Value.ExactString(), true
		}
		return typeName(v.Type()) + "(" + v.Value.ExactString() + ")", true
	case *ssa.UnOp:
		if g, ok := v.X.(*ssa.Global); ok {
			return g.Name(), true
		}
		// A composite without fields: ctx.Value(tenantKey{}).
		if a, ok := v.X.(*ssa.Alloc); ok {
			if s, ok := a.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct); ok && s.NumFields() == 0 {
				return typeName(v.Type()), true
			}
		}
	}
	return "", false
}

func typeName(t types.Type) string {
	return types.TypeString(t, (*types.Package).Name)
}

// simple says whether values of a type have no parts worth a name.
func simple(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Basic:
		return true
	case *types.Slice:
		return simple(t.Elem())
	case *types.Array:
		return simple(t.Elem())
	}
	return false
}
