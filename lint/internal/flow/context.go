package flow

import (
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// A Chain is what is known of a context: what it goes back to, and what was
// put between.
type Chain struct {
	From From

	// Root is the value that the chain goes back to: a parameter, a call, what
	// was read out of a field or variable.
	Root ssa.Value

	// Param is the parameter that Root is, or was got out of; nil if none.
	Param *ssa.Parameter

	// Bounded says that a deadline was put between.
	Bounded bool

	// Detached says that the cancellation of what it goes back to was dropped
	// between; From and Root then say what the values come from.
	Detached bool
}

// A From says what a context goes back to.
type From uint8

// What a context can go back to.
const (
	Unknown   From = iota // not told
	Fresh                 // context.Background or TODO
	Parameter             // a parameter of a function, or a field of one
	Accessor              // x.Context() of a parameter x that is not the receiver: a request, a stream
	Lifecycle             // a field of the receiver, a variable of the package: nobody's call
)

// IsContext says whether t is context.Context.
func IsContext(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return false
	}
	obj := named.Obj()
	return obj.Name() == "Context" && obj.Pkg() != nil && obj.Pkg().Path() == "context"
}

// Chains gives the chain of each context that v can be.
func (p *Program) Chains(v ssa.Value) []Chain {
	w := chainWalk{p: p, seen: make(map[visit]bool)}
	w.walk(v, Chain{})
	return w.found
}

type chainWalk struct {
	p     *Program
	seen  map[visit]bool
	found []Chain
}

// A visit is a value on a chain, and what was put between on the way to it: a
// variable that is assigned a context made of itself is visited for both.
type visit struct {
	v                 ssa.Value
	bounded, detached bool
}

func (w *chainWalk) end(c Chain, from From, root ssa.Value) {
	c.From, c.Root = from, root
	w.found = append(w.found, c)
}

func (w *chainWalk) walk(v ssa.Value, c Chain) {
	for _, o := range w.p.Origins(v) {
		at := visit{o, c.Bounded, c.Detached}
		if w.seen[at] {
			continue
		}
		w.seen[at] = true
		w.step(o, c)
	}
}

func (w *chainWalk) step(v ssa.Value, c Chain) {
	switch v := v.(type) {
	case *ssa.Extract:
		if call, ok := v.Tuple.(*ssa.Call); ok {
			w.call(call, c)
			return
		}
		w.end(c, Unknown, v)
	case *ssa.Call:
		w.call(v, c)
	case *ssa.Parameter:
		if IsReceiver(v) && !IsContext(v.Type()) {
			w.end(c, Lifecycle, v)
			return
		}
		c.Param = v
		w.end(c, Parameter, v)
	case *ssa.UnOp:
		w.read(v, v.X, c)
	case *ssa.Field:
		w.read(v, v.X, c)
	case *ssa.Alloc:
		// A struct of the package's own that is used as a context.
		w.composite(v, c)
	case *ssa.Const:
		if v.Value == nil {
			return // nil is no context; what it is checked for decides
		}
		w.end(c, Unknown, v)
	default:
		if OverridesDone(v.Type()) {
			c.Detached = true
		}
		w.end(c, Unknown, v)
	}
}

// call follows a function that makes a context.
func (w *chainWalk) call(call *ssa.Call, c Chain) {
	common := call.Common()
	fn := callee(common)
	if fn == nil {
		w.end(c, Unknown, call)
		return
	}
	if fn.Pkg() != nil && fn.Pkg().Path() == "context" && fn.Type().(*types.Signature).Recv() == nil {
		switch fn.Name() {
		case "Background", "TODO":
			c.Detached = true
			w.end(c, Fresh, call)
			return
		case "WithoutCancel":
			c.Detached = true
			w.walk(common.Args[0], c)
			return
		case "WithTimeout", "WithDeadline", "WithTimeoutCause", "WithDeadlineCause":
			c.Bounded = true
			w.walk(common.Args[0], c)
			return
		case "WithCancel", "WithCancelCause", "WithValue":
			w.walk(common.Args[0], c)
			return
		}
	}
	if w.p.Detaches(fn.Origin()) || isDetach(fn) {
		c.Detached = true
	}
	sig := fn.Type().(*types.Signature)
	off := 0
	if sig.Recv() != nil && !common.IsInvoke() {
		off = 1
	}
	// A function from contexts to contexts: errgroup.WithContext, a tracer's
	// Start, one of the package's own.
	for i := range sig.Params().Len() {
		if IsContext(sig.Params().At(i).Type()) && i+off < len(common.Args) {
			w.walk(common.Args[i+off], c)
			return
		}
	}
	// An accessor: r.Context(), stream.Context(), c.UserContext().
	if sig.Recv() != nil && sig.Params().Len() == 0 {
		recv := common.Value
		if !common.IsInvoke() {
			recv = common.Args[0]
		}
		w.owned(c, recv, Accessor, call)
		return
	}
	w.end(c, Unknown, call)
}

// read follows a context that was read out of a field or a variable.
func (w *chainWalk) read(v ssa.Value, from ssa.Value, c Chain) {
	switch from := from.(type) {
	case *ssa.Global:
		w.end(c, Lifecycle, v)
	case *ssa.FieldAddr:
		o, param := w.owner(from.X, Parameter)
		if o == Lifecycle && w.setFromRequest(Field(from)) {
			o = Parameter
		}
		c.Param = param
		w.end(c, o, v)
	case *ssa.Alloc:
		w.composite(from, c)
	default:
		w.owned(c, from, Parameter, v)
	}
}

func (w *chainWalk) owned(c Chain, by ssa.Value, per From, root ssa.Value) {
	from, param := w.owner(by, per)
	c.Param = param
	w.end(c, from, root)
}

// owner says whose a value is that a context is got from: per, when it is a
// caller's own, Lifecycle when it belongs to the receiver or the package; and
// the parameter that it comes from.
func (w *chainWalk) owner(v ssa.Value, per From) (From, *ssa.Parameter) {
	for range 20 {
		switch x := w.p.Origin(v).(type) {
		case *ssa.Parameter:
			if IsReceiver(x) {
				return Lifecycle, x
			}
			return per, x
		case *ssa.UnOp:
			v = x.X
		case *ssa.FieldAddr:
			v = x.X
		case *ssa.Field:
			v = x.X
		case *ssa.IndexAddr:
			v = x.X
		case *ssa.FreeVar:
			v = w.p.Bound(x)
		case *ssa.Global:
			return Lifecycle, nil
		default:
			return Unknown, nil
		}
	}
	return Unknown, nil
}

// setFromRequest says whether the package puts a request's context into the
// field: its receiver is then a thing of one call.
func (w *chainWalk) setFromRequest(field *types.Var) bool {
	if w.seen == nil || field == nil {
		return false
	}
	for _, s := range w.p.fields[field] {
		inner := chainWalk{p: w.p, seen: make(map[visit]bool)}
		for v := range w.seen {
			inner.seen[v] = true
		}
		inner.walk(s.Val, Chain{})
		for _, c := range inner.found {
			if c.From == Accessor && !c.Detached {
				return true
			}
		}
	}
	return false
}

// composite follows a struct that is a context: through the context in it,
// unless its type has a Done of its own. Beside an embedded one, others are
// there for their values.
func (w *chainWalk) composite(a *ssa.Alloc, c Chain) {
	t := a.Type().Underlying().(*types.Pointer).Elem()
	if OverridesDone(t) {
		c.Detached = true
	}
	found, embedded := false, Embedded(t)
	for _, r := range *a.Referrers() {
		if fa, ok := r.(*ssa.FieldAddr); ok && Field(fa) != nil && IsContext(Field(fa).Type()) {
			if embedded != nil && Field(fa).Origin() != embedded {
				continue
			}
			for _, s := range *fa.Referrers() {
				if s, ok := s.(*ssa.Store); ok && s.Addr == fa {
					found = true
					w.walk(s.Val, c)
				}
			}
		}
	}
	if !found {
		w.end(c, Unknown, a)
	}
}

// Embedded is the context that a struct embeds, or what a pointer points to
// does: its Done is the struct's, unless that has one of its own. It is nil if
// there is none.
func Embedded(t types.Type) *types.Var {
	if ptr, ok := t.Underlying().(*types.Pointer); ok {
		t = ptr.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	for f := range s.Fields() {
		if f.Embedded() && IsContext(f.Type()) {
			return f.Origin()
		}
	}
	return nil
}

// OverridesDone says whether a type that embeds a context has a Done of its own: it
// is how contexts were detached before context.WithoutCancel.
func OverridesDone(t types.Type) bool {
	if ptr, ok := t.Underlying().(*types.Pointer); ok {
		t = ptr.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return false
	}
	obj, index, _ := types.LookupFieldOrMethod(named, true, named.Obj().Pkg(), "Done")
	fn, ok := obj.(*types.Func)
	if !ok || len(index) != 1 {
		return false
	}
	sig := fn.Type().(*types.Signature)
	if sig.Params().Len() != 0 || sig.Results().Len() != 1 {
		return false
	}
	_, isChan := sig.Results().At(0).Type().Underlying().(*types.Chan)
	return isChan
}

// IsReceiver says whether a parameter is its method's receiver.
func IsReceiver(v *ssa.Parameter) bool {
	f := v.Parent()
	return f.Signature.Recv() != nil && len(f.Params) > 0 && f.Params[0] == v
}

// callee is the function or method that a call names, or nil.
func callee(common *ssa.CallCommon) *types.Func {
	if common.IsInvoke() {
		return common.Method
	}
	if f := common.StaticCallee(); f != nil {
		if fn, ok := f.Object().(*types.Func); ok {
			return fn
		}
		if o := f.Origin(); o != nil {
			fn, _ := o.Object().(*types.Func)
			return fn
		}
	}
	return nil
}

// Callee is the function or method that a call names, as declared and not as
// instantiated, or nil.
func Callee(common *ssa.CallCommon) *types.Func {
	if fn := callee(common); fn != nil {
		return fn.Origin()
	}
	return nil
}

// isDetach knows this project's own way to drop a cancellation.
func isDetach(fn *types.Func) bool {
	return fn.Pkg() != nil && fn.Pkg().Path() == "github.com/onefold-go/onefold" && fn.Name() == "Detach"
}
