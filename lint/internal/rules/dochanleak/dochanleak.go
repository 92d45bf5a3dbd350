// Package dochanleak is the rule against waiting twice for a channel that gets
// one result, and against leaving loads behind that have no end.
package dochanleak

import (
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is dochanleak.
var Rule = &check.Rule{
	ID:       "dochanleak",
	Title:    "a wait for a result's channel that never ends, or a load that does not when all have left",
	Severity: check.Error,
	Default:  true,
	Run:      run,
}

func run(p *check.Pass) {
	for _, s := range p.Sites.All {
		if s.Instr == nil || s.Test || s.API.Kind != sites.DoChan {
			continue
		}
		w := wait{p, s}
		if s.API.Classic {
			w.twice()
		}
		if !s.Loader.Opaque() && !s.API.Bounded && !(s.API.Passing && s.API.Detached) {
			w.leaving()
		}
	}
}

// A wait is how the function of a site waits for its channel.
type wait struct {
	p *check.Pass
	s *sites.Site
}

func (w wait) channel(ch ssa.Value) bool {
	v := w.p.Sites.Flow.Origin(ch)
	if e, ok := v.(*ssa.Extract); ok {
		v = e.Tuple
	}
	return v != nil && v == ssa.Value(w.s.Instr.Value())
}

// receive is a receive from the channel that waits for nothing else, or nil.
func (w wait) receive(instr ssa.Instruction) *ssa.UnOp {
	if r, ok := instr.(*ssa.UnOp); ok && r.Op == token.ARROW && w.channel(r.X) {
		return r
	}
	return nil
}

// twice reports a receive that another has come before on the way from the
// call.
func (w wait) twice() {
	seen := make(map[*ssa.UnOp]bool)
	report := func(again *ssa.UnOp) {
		if again == nil || seen[again] {
			return
		}
		seen[again] = true
		message := "this is the second receive from a channel that gets one result and is never closed: it waits for ever"
		if again.Block().Comment == "rangechan.loop" {
			message = "this loop never ends: the channel gets one result and is never closed"
		}
		d := analysis.Diagnostic{Pos: again.Pos(), Message: message}
		if !d.Pos.IsValid() || again.Pos() < w.s.Call.Pos() && w.s.Call.End() > again.Pos() {
			d.Pos = w.s.Pos()
		}
		if d.Pos != w.s.Pos() {
			d.Related = []analysis.RelatedInformation{{Pos: w.s.Pos(), End: w.s.Call.End(), Message: "the channel comes from here"}}
		}
		w.p.Report(d)
	}
	for _, b := range w.s.In.Blocks {
		for i, instr := range b.Instrs {
			if r := w.receive(instr); r != nil {
				report(w.next(b, i+1, make(map[*ssa.BasicBlock]bool)))
			}
			sel, ok := instr.(*ssa.Select)
			if !ok {
				continue
			}
			for i, state := range sel.States {
				if c := flow.Case(sel, i); c != nil && w.channel(state.Chan) {
					report(w.next(c, 0, make(map[*ssa.BasicBlock]bool)))
				}
			}
		}
	}
}

// next is a receive that may come next, from an instruction of a block on,
// before the channel is another one.
func (w wait) next(b *ssa.BasicBlock, from int, seen map[*ssa.BasicBlock]bool) *ssa.UnOp {
	for _, instr := range b.Instrs[from:] {
		if r := w.receive(instr); r != nil {
			return r
		}
		if instr == ssa.Instruction(w.s.Instr) {
			return nil
		}
	}
	for _, s := range b.Succs {
		if seen[s] {
			continue
		}
		seen[s] = true
		if r := w.next(s, 0, seen); r != nil {
			return r
		}
	}
	return nil
}

// leaving reports a load without an end whose callers need not wait for it.
func (w wait) leaving() {
	leave := w.leave()
	if !leave.IsValid() {
		return
	}
	stuck := w.unbounded(w.s.Loader.Func, nil, 3)
	if !stuck.IsValid() {
		return
	}
	w.p.ReportAs(check.Warning, analysis.Diagnostic{
		Pos:     w.s.Pos(),
		End:     w.s.Call.End(),
		Message: "callers may leave here, and the load has no deadline: where its source hangs, it stays for ever, and all who ask for the key wait until they give up",
		Related: []analysis.RelatedInformation{
			{Pos: stuck, Message: "nothing ends this call"},
			{Pos: leave, Message: "a caller leaves here"},
		},
	})
}

// leave is where a caller stops waiting for the channel: its context ended, or
// a timer.
func (w wait) leave() token.Pos {
	for _, b := range w.s.In.Blocks {
		for _, instr := range b.Instrs {
			sel, ok := instr.(*ssa.Select)
			if !ok {
				continue
			}
			waits, other := false, token.NoPos
			for i, state := range sel.States {
				if w.channel(state.Chan) {
					waits = true
				} else if c := flow.Case(sel, i); c != nil && w.ends(state.Chan) && !reaches(c, b) {
					other = state.Pos
				}
			}
			if waits && other.IsValid() {
				return other
			}
		}
	}
	return token.NoPos
}

// reaches says whether there is a way from one block to another.
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

// ends says whether a channel is a context's or a timer's.
func (w wait) ends(ch ssa.Value) bool {
	switch v := w.p.Sites.Flow.Origin(ch).(type) {
	case *ssa.Call:
		fn := flow.Callee(v.Common())
		if fn == nil || fn.Pkg() == nil {
			return false
		}
		return fn.Name() == "Done" && fn.Pkg().Path() == "context" || fn.Name() == "After" && fn.Pkg().Path() == "time"
	case *ssa.UnOp:
		a, ok := v.X.(*ssa.FieldAddr)
		if !ok {
			return false
		}
		field := flow.Field(a)
		return field != nil && field.Name() == "C" && field.Pkg() != nil && field.Pkg().Path() == "time"
	}
	return false
}

// unbounded is where a load waits and nothing ends that: NoPos if there is no
// such place, or if it cannot be told. Contexts without an end are those that
// were detached, and the parameters given.
func (w wait) unbounded(f *ssa.Function, endless map[*ssa.Parameter]bool, hops int) token.Pos {
	for _, b := range f.Blocks {
		for _, instr := range b.Instrs {
			call, ok := instr.(*ssa.Call)
			if !ok || w.p.Sites.Site(call) != nil {
				continue
			}
			common := call.Common()
			ends, gets := false, make(map[int]bool)
			for i, arg := range w.args(common) {
				if named, ok := types.Unalias(arg.Type()).(*types.Named); ok && named.Obj().Name() == "Duration" {
					ends = true // a limit, in all likelihood
				}
				if flow.IsContext(arg.Type()) {
					gets[i] = w.endless(arg, endless)
					ends = ends || !gets[i]
				}
			}
			if ends {
				continue
			}
			if waits(common, len(gets) > 0) {
				return call.Pos()
			}
			body := w.p.Sites.Flow.Body(common)
			if body == nil || hops == 0 {
				continue
			}
			inner := make(map[*ssa.Parameter]bool)
			for i := range gets {
				if i < len(body.Params) {
					inner[body.Params[i]] = true
				}
			}
			if pos := w.unbounded(body, inner, hops-1); pos.IsValid() {
				if f == w.s.Loader.Func {
					return call.Pos()
				}
				return pos
			}
		}
	}
	return token.NoPos
}

// args are a call's arguments, with what a method is called on before them.
func (w wait) args(common *ssa.CallCommon) []ssa.Value {
	if common.IsInvoke() {
		return append([]ssa.Value{common.Value}, common.Args...)
	}
	return common.Args
}

// endless says whether a context has neither a deadline nor anybody's end.
func (w wait) endless(ctx ssa.Value, params map[*ssa.Parameter]bool) bool {
	chains := w.p.Sites.Flow.Chains(ctx)
	for _, c := range chains {
		if c.Bounded || c.From != flow.Fresh && !c.Detached && !(c.Root == ssa.Value(c.Param) && params[c.Param]) {
			return false
		}
	}
	return len(chains) > 0
}

// waits says of functions that are known to wait for others, for as long as it
// takes, whether a call is of one. What is not known may have a limit of its
// own.
func waits(common *ssa.CallCommon, takes bool) bool {
	fn := flow.Callee(common)
	if fn == nil || fn.Pkg() == nil {
		return false
	}
	switch fn.FullName() {
	case "net/http.Get", "net/http.Head", "net/http.Post", "net/http.PostForm", "net.Dial":
		return true
	case "(context.Context).Done":
		return true
	}
	if !takes {
		return false
	}
	switch fn.Pkg().Path() {
	case "database/sql":
		return true
	case "net":
		return strings.HasPrefix(fn.Name(), "Lookup")
	}
	// What protoc makes of a service: it waits for its context alone.
	sig := fn.Type().(*types.Signature)
	if !sig.Variadic() {
		return false
	}
	last, ok := sig.Params().At(sig.Params().Len() - 1).Type().(*types.Slice)
	return ok && types.TypeString(last.Elem(), nil) == "google.golang.org/grpc.CallOption"
}
