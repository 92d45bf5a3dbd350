// Package callerstore is the rule against loads that leave what they found with
// the first of the callers they are made for.
package callerstore

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is callerstore.
var Rule = &check.Rule{
	ID:       "callerstore",
	Title:    "a load for many callers leaves its result with the first",
	Severity: check.Warning,
	Default:  true,
	Run:      run,
}

func run(p *check.Pass) {
	for _, s := range p.Sites.All {
		if s.Instr == nil || s.Loader.Opaque() || !s.Loader.Literal() || s.Test || s.API.Kind == sites.Make {
			continue
		}
		f := newFinder(p, s)
		var first *write
		for _, fn := range f.inside {
			for _, b := range fn.Blocks {
				for _, instr := range b.Instrs {
					if w := f.look(instr); w != nil && w.pos.IsValid() && (first == nil || w.pos < first.pos) {
						first = w
					}
				}
			}
		}
		if first != nil {
			report(p, s, first)
		}
	}
}

// A write is a place where a load leaves something with a caller.
type write struct {
	pos   token.Pos
	what  string
	local bool // into a variable around the load, which is read there
}

type finder struct {
	p      *check.Pass
	site   *sites.Site
	inside []*ssa.Function // the load, and the literals in it

	given map[ssa.Value]bool // all that the load's value is made of
	errs  map[ssa.Value]bool // and its error
	empty bool               // the load gives no value, only constants
	locks bool
}

func newFinder(p *check.Pass, s *sites.Site) *finder {
	f := &finder{p: p, site: s, given: make(map[ssa.Value]bool), errs: make(map[ssa.Value]bool), empty: true}
	var add func(*ssa.Function)
	add = func(fn *ssa.Function) {
		f.inside = append(f.inside, fn)
		for _, lit := range fn.AnonFuncs {
			add(lit)
		}
	}
	add(s.Loader.Func)
	for _, b := range s.Loader.Func.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !ok {
			continue
		}
		for i, v := range ret.Results {
			into := f.given
			if i == len(ret.Results)-1 {
				into = f.errs
			} else if _, ok := flow.Peel(v).(*ssa.Const); !ok {
				f.empty = false
			}
			p.Sites.Flow.Sources(v, func(v ssa.Value) bool {
				into[v] = true
				return true
			})
		}
	}
	for _, fn := range f.inside {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				if call, ok := instr.(ssa.CallInstruction); ok {
					if fn := flow.Callee(call.Common()); fn != nil && (fn.Name() == "Lock" || fn.Name() == "RLock") {
						f.locks = true
					}
				}
			}
		}
	}
	return f
}

func (f *finder) isInside(fn *ssa.Function) bool {
	for _, in := range f.inside {
		if in == fn {
			return true
		}
	}
	return false
}

// look tells whether an instruction of the load leaves something with a caller.
func (f *finder) look(instr ssa.Instruction) *write {
	switch instr := instr.(type) {
	case *ssa.Store:
		return f.store(instr)
	case *ssa.MapUpdate:
		return f.element(instr.Map, instr.Value, instr.Pos())
	case *ssa.Call:
		return f.call(instr)
	}
	return nil
}

func (f *finder) store(s *ssa.Store) *write {
	p := f.p.Sites.Flow
	switch addr := s.Addr.(type) {
	case *ssa.FreeVar, *ssa.Alloc:
		return f.variable(p.Variable(addr), s.Val, s.Pos())
	case *ssa.UnOp:
		// *out = v
		param := f.parameter(addr)
		if param == nil || f.isGiven(s.Val) || isBoolConst(s.Val) {
			return nil
		}
		return &write{pos: s.Pos(), what: "through " + param.Name()}
	case *ssa.FieldAddr:
		// out.F = v, where out is made for the call.
		param := f.parameter(addr.X)
		if param == nil || !f.empty || f.locks || f.isGiven(s.Val) || isBoolConst(s.Val) || !f.fresh(param) {
			return nil
		}
		return &write{pos: s.Pos(), what: "into " + param.Name()}
	case *ssa.IndexAddr:
		return f.element(addr.X, s.Val, s.Pos())
	}
	return nil
}

// variable looks at an assignment to a variable around the load.
func (f *finder) variable(v ssa.Value, val ssa.Value, pos token.Pos) *write {
	a, ok := v.(*ssa.Alloc)
	if !ok || f.isInside(a.Parent()) || f.given[a] || isBoolConst(val) || val != nil && f.isGiven(val) {
		return nil
	}
	t := a.Type().Underlying().(*types.Pointer).Elem()
	if !f.empty && measure(t) || isParameter(f.p.Sites.Flow, a) && flow.IsContext(t) {
		return nil
	}
	if f.setAgain(a) || !f.readAfter(a) {
		return nil
	}
	return &write{pos: pos, what: "to " + a.Comment, local: true}
}

// measure says of a type that what is in it may be for the caller that did the
// work alone: how long it took, how many there were, that there was an error.
func measure(t types.Type) bool {
	if types.TypeString(t, nil) == "time.Time" || types.Identical(t, types.Universe.Lookup("error").Type()) {
		return true
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&(types.IsNumeric|types.IsBoolean) != 0
}

func isParameter(p *flow.Program, a *ssa.Alloc) bool {
	for _, s := range p.Stores(a) {
		if _, ok := s.Val.(*ssa.Parameter); ok {
			return true
		}
	}
	return false
}

// setAgain says whether the caller sets a variable with what the site gives.
func (f *finder) setAgain(a *ssa.Alloc) bool {
	for _, s := range f.p.Sites.Flow.Stores(a) {
		if f.isInside(s.Parent()) {
			continue
		}
		found := false
		f.p.Sites.Flow.Sources(s.Val, func(v ssa.Value) bool {
			found = found || v == f.site.Instr.Value()
			return !found
		})
		if found {
			return true
		}
	}
	return false
}

// readAfter says whether a variable is read outside of the load when the site was
// passed.
func (f *finder) readAfter(a *ssa.Alloc) bool {
	for _, addr := range f.p.Sites.Flow.Addresses(a) {
		if addr.Referrers() == nil {
			continue
		}
		for _, r := range *addr.Referrers() {
			switch r.(type) {
			case *ssa.UnOp, *ssa.FieldAddr, *ssa.IndexAddr, *ssa.MakeInterface:
			default:
				continue
			}
			fn := r.Parent()
			if f.isInside(fn) {
				continue
			}
			if (fn != f.site.In || after(f.site.Instr, r)) && !f.leads(a, r) {
				return true
			}
		}
	}
	return false
}

// leads says whether a read of a variable asks whether the load was run by this
// very caller, or comes where that is known: all get the load's value, and the
// variable, which is empty else, is for what is left to do for it.
func (f *finder) leads(a *ssa.Alloc, read ssa.Instruction) bool {
	if f.empty {
		return false
	}
	for _, b := range read.Parent().Blocks {
		c, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If)
		if !ok {
			continue
		}
		test, ok := c.Cond.(*ssa.BinOp)
		if !ok || test.Op != token.NEQ && test.Op != token.EQL {
			continue
		}
		if k, ok := test.Y.(*ssa.Const); !ok || k.Value != nil {
			continue
		}
		asks := false
		set := b.Succs[0]
		if test.Op == token.EQL {
			set = b.Succs[1]
		}
		for v := test.X; v != nil && !asks; {
			asks = f.p.Sites.Flow.Variable(v) == ssa.Value(a)
			switch x := v.(type) {
			case *ssa.UnOp:
				v = x.X
			case *ssa.FieldAddr:
				v = x.X
			case *ssa.Field:
				v = x.X
			default:
				v = nil
			}
		}
		if !asks {
			continue
		}
		if read.Block() == b || len(set.Preds) == 1 && set.Dominates(read.Block()) {
			return true
		}
	}
	return false
}

// after says whether b can be run after a, in the same function.
func after(a, b ssa.Instruction) bool {
	if a.Block() == b.Block() {
		for _, instr := range a.Block().Instrs {
			if instr == a {
				return true
			}
			if instr == b {
				break
			}
		}
	}
	seen := make(map[*ssa.BasicBlock]bool)
	todo := append([]*ssa.BasicBlock(nil), a.Block().Succs...)
	for len(todo) > 0 {
		b0 := todo[0]
		todo = todo[1:]
		if seen[b0] {
			continue
		}
		seen[b0] = true
		if b0 == b.Block() {
			return true
		}
		todo = append(todo, b0.Succs...)
	}
	return false
}

// element looks at an entry that is set in a map or a slice from around the load.
func (f *finder) element(of, val ssa.Value, pos token.Pos) *write {
	if f.locks || f.isGiven(val) || isBoolConst(val) || f.given[of] {
		return nil
	}
	u, ok := of.(*ssa.UnOp)
	if !ok {
		return nil
	}
	a, ok := f.p.Sites.Flow.Variable(u.X).(*ssa.Alloc)
	if !ok || f.isInside(a.Parent()) || f.given[a] {
		return nil
	}
	switch o := f.p.Sites.Flow.Origin(of).(type) {
	case *ssa.MakeMap, *ssa.MakeSlice, *ssa.Slice:
		if !f.readAfter(a) {
			return nil
		}
		return &write{pos: pos, what: "into " + a.Comment, local: true}
	case *ssa.Parameter:
		if !f.empty || flow.IsReceiver(o) || f.isInside(o.Parent()) {
			return nil
		}
		return &write{pos: pos, what: "into " + o.Name()}
	}
	return nil
}

// call looks at a decoder that fills something of the caller's, and at a store
// that was got out of the caller's context.
func (f *finder) call(call *ssa.Call) *write {
	common := call.Common()
	fn := flow.Callee(common)
	if fn == nil {
		return nil
	}
	switch fn.Name() {
	case "Unmarshal", "UnmarshalRead", "Decode", "Scan", "StructScan", "UnmarshalFull", "DecodeContext":
		for _, arg := range common.Args {
			m, ok := arg.(*ssa.MakeInterface)
			if !ok {
				if param := f.parameter(arg); param != nil && types.IsInterface(param.Type()) && !flow.IsContext(param.Type()) && f.empty && !readable(param.Type()) {
					return &write{pos: common.Pos(), what: "into " + param.Name()}
				}
				continue
			}
			switch m.X.(type) {
			case *ssa.FreeVar:
				if w := f.variable(f.p.Sites.Flow.Variable(m.X), nil, common.Pos()); w != nil {
					return w
				}
			case *ssa.UnOp:
				if param := f.parameter(m.X); param != nil && f.empty {
					if _, ok := param.Type().Underlying().(*types.Pointer); ok && f.fresh(param) {
						return &write{pos: common.Pos(), what: "into " + param.Name()}
					}
				}
			}
		}
	case "Set", "Put", "Store":
		if sites.Logs(fn) || fn.Type().(*types.Signature).Recv() == nil {
			return nil
		}
		recv := common.Value
		if !common.IsInvoke() {
			recv = common.Args[0]
		}
		if f.ofContext(recv) {
			return &write{pos: common.Pos(), what: "by " + fn.Name() + " into what belongs to its context"}
		}
	}
	return nil
}

// readable says whether an interface has methods: it is then no place to decode
// into, but something to read.
func readable(t types.Type) bool {
	i, ok := t.Underlying().(*types.Interface)
	return ok && i.NumMethods() > 0
}

// ofContext says whether a value was got out of a caller's context or request.
func (f *finder) ofContext(v ssa.Value) bool {
	v = f.p.Sites.Flow.Origin(v)
	if x, ok := v.(*ssa.Extract); ok {
		v = x.Tuple
	}
	if a, ok := v.(*ssa.TypeAssert); ok {
		v = f.p.Sites.Flow.Origin(a.X)
	}
	call, ok := v.(*ssa.Call)
	if !ok {
		return false
	}
	common := call.Common()
	if fn := flow.Callee(common); fn == nil || sites.Logs(fn) {
		return false
	}
	if common.IsInvoke() {
		return flow.IsContext(common.Value.Type()) && common.Method.Name() == "Value" && f.parameter(common.Value) != nil
	}
	// FromContext(ctx): nothing but the context goes in.
	return len(common.Args) == 1 && flow.IsContext(common.Args[0].Type()) && f.parameter(common.Args[0]) != nil
}

// parameter gives the parameter of a function around the load that a value is, or
// nil; a receiver is none.
func (f *finder) parameter(v ssa.Value) *ssa.Parameter {
	param, ok := f.p.Sites.Flow.Origin(v).(*ssa.Parameter)
	if !ok || flow.IsReceiver(param) || f.isInside(param.Parent()) {
		return nil
	}
	return param
}

// fresh says whether all callers in the package give a parameter something that
// they just made, and there are some.
func (f *finder) fresh(param *ssa.Parameter) bool {
	callers := f.p.Sites.Flow.Callers(param.Parent())
	at := -1
	for i, p := range param.Parent().Params {
		if p == param {
			at = i
		}
	}
	for _, c := range callers {
		if at < 0 || at >= len(c.Common().Args) {
			return false
		}
		if _, ok := f.p.Sites.Flow.Origin(c.Common().Args[at]).(*ssa.Alloc); !ok {
			return false
		}
	}
	return len(callers) > 0
}

// isGiven says whether what is stored is a part of what the load gives.
func (f *finder) isGiven(v ssa.Value) bool {
	given := f.given
	if types.Identical(v.Type(), types.Universe.Lookup("error").Type()) {
		given = f.errs
	}
	for _, o := range f.p.Sites.Flow.Origins(v) {
		if _, ok := o.(*ssa.Const); !ok && given[o] {
			return true
		}
	}
	return given[v]
}

func isBoolConst(v ssa.Value) bool {
	c, ok := v.(*ssa.Const)
	return ok && types.Identical(c.Type().Underlying(), types.Typ[types.Bool])
}

func report(p *check.Pass, s *sites.Site, w *write) {
	message := fmt.Sprintf("this load runs for all who wait on its key and writes %s, which only its first caller sees: the others are given nothing of it", w.what)
	severity := check.Warning
	if s.API.Kind == sites.DoChan && w.local {
		message = fmt.Sprintf("this load writes %s, which only its first caller sees, and which races with it if it does not wait: the others are given nothing of it", w.what)
		severity = check.Error
	}
	d := analysis.Diagnostic{
		Pos:     w.pos,
		Message: message,
		Related: []analysis.RelatedInformation{{Pos: s.Pos(), End: s.Call.End(), Message: "the load is shared here"}},
	}
	for _, f := range p.Files {
		if f.FileStart <= w.pos && w.pos < f.FileEnd {
			path, _ := astutil.PathEnclosingInterval(f, w.pos, w.pos)
			for _, n := range path {
				if stmt, ok := n.(ast.Stmt); ok {
					d.Pos = stmt.Pos()
					if _, isBlock := stmt.(*ast.BlockStmt); !isBlock {
						d.End = min(stmt.End(), lineEnd(p, stmt.Pos()))
					}
					p.ReportAs(severity, d)
					return
				}
			}
		}
	}
	p.ReportAs(severity, d)
}

// lineEnd is the end of the line of a place.
func lineEnd(p *check.Pass, pos token.Pos) token.Pos {
	file := p.Fset.File(pos)
	line := file.Line(pos)
	if line < file.LineCount() {
		return file.LineStart(line+1) - 1
	}
	return token.Pos(file.Base() + file.Size())
}
