// Package recursivedo is the rule against loads that ask their own group for
// their own key.
package recursivedo

import (
	"fmt"
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

// Rule is recursivedo.
var Rule = &check.Rule{
	ID:       "recursivedo",
	Title:    "a load asks for its own key and waits for itself",
	Severity: check.Error,
	Default:  true,
	Run:      run,
}

func run(p *check.Pass) {
	for _, s := range p.Sites.All {
		if s.Instr == nil || s.Loader.Opaque() || s.Test || s.API.Kind == sites.Make || s.API.Keeps {
			continue
		}
		root := s.Frame()
		w := walk{p: p, site: s, root: root}
		w.own = w.target(s, root, maxDepth)
		if len(w.own.keys) == 0 {
			continue
		}
		w.body(s.LoadFrame(root), nil, 0)
		if w.found != nil && !w.forgets {
			report(p, s, w.found)
		}
	}
}

// maxDepth is how many calls away from the load the group may be asked again.
const maxDepth = 3

// A target is what a site asks for: of wrappers that can be seen it is what
// they ask for.
type target struct {
	group   flow.Place
	wrapper *types.Func // of another package; else nil
	keys    []flow.Place
}

type walk struct {
	p    *check.Pass
	site *sites.Site
	root *flow.Frame // the run of the function around the site
	own  target

	found   []token.Pos // the calls on the way from the load to the group
	forgets bool        // the load takes its key out of the group
	steps   int
}

// target tells what a site asks for when it is run in a frame.
func (w *walk) target(s *sites.Site, in *flow.Frame, hops int) target {
	common := s.Instr.Common()
	if wrapper := s.API.Wrapper; wrapper != nil {
		if f := w.p.Sites.Flow.Pkg.Prog.FuncValue(wrapper); f != nil && f.Pkg == w.p.Sites.Flow.Pkg && hops > 0 {
			for _, inner := range w.p.Sites.All {
				if inner.Instr != nil && inner.In == f && inner != s {
					return w.target(inner, &flow.Frame{Func: f, Args: common.Args, Caller: in}, hops-1)
				}
			}
			return target{}
		}
	}
	t := target{wrapper: s.API.Wrapper, group: flow.Place{V: s.Receiver(), In: in}}
	for _, k := range s.API.Keys {
		t.keys = append(t.keys, flow.Place{V: s.Arg(k), In: in})
	}
	return t
}

// again says whether a target is the one that is being loaded.
func (w *walk) again(t target) bool {
	if t.wrapper != w.own.wrapper || len(t.keys) != len(w.own.keys) || (t.group.V == nil) != (w.own.group.V == nil) {
		return false
	}
	if t.group.V != nil && !w.p.Sites.Flow.Same(t.group, w.own.group) {
		return false
	}
	for i, k := range t.keys {
		if !w.p.Sites.Flow.Same(k, w.own.keys[i]) {
			return false
		}
	}
	return true
}

// body looks at all that a run of a function calls, and waits for.
func (w *walk) body(f *flow.Frame, path []token.Pos, depth int) {
	for _, b := range f.Func.Blocks {
		for _, instr := range b.Instrs {
			call, ok := instr.(ssa.CallInstruction)
			if _, apart := instr.(*ssa.Go); !ok || apart || w.found != nil {
				continue
			}
			if w.steps++; w.steps > 20000 {
				return
			}
			if fn := flow.Callee(call.Common()); fn != nil && strings.HasPrefix(fn.Name(), "Forget") {
				w.forgets = true
			}
			w.call(call, f, append(slices.Clip(path), call.Pos()), depth)
		}
	}
}

func (w *walk) call(call ssa.CallInstruction, in *flow.Frame, path []token.Pos, depth int) {
	if s := w.p.Sites.Site(call); s != nil {
		if s.API.Kind != sites.Do {
			return
		}
		if w.again(w.target(s, in, maxDepth)) {
			if !w.guarded(call.Block(), in) {
				w.found = path
			}
			return
		}
		if !s.Loader.Opaque() && depth < maxDepth && !w.guarded(call.Block(), in) {
			w.body(s.LoadFrame(in), path, depth+1)
		}
		return
	}
	if depth == maxDepth {
		return
	}
	common := call.Common()
	f := w.p.Sites.Flow.Body(common)
	if f == nil && !common.IsInvoke() {
		switch v := w.p.Sites.Flow.Origin(common.Value).(type) {
		case *ssa.MakeClosure:
			f, _ = v.Fn.(*ssa.Function)
		case *ssa.Function:
			f = v
		}
	}
	if f == nil || len(f.Blocks) == 0 || f.Pkg != w.p.Sites.Flow.Pkg || f.Synthetic != "" || w.guarded(call.Block(), in) {
		return
	}
	w.body(&flow.Frame{Func: f, Args: common.Args, Caller: in, Outer: sites.Around(f, in)}, path, depth+1)
}

// guarded says whether a call in a function that the load comes to may be kept
// from being made by what the load passes to the function: a flag, a marker in
// the context. What the load itself branches on is no such thing, nor is what
// was the same when the load began.
func (w *walk) guarded(b *ssa.BasicBlock, in *flow.Frame) bool {
	if in.Func == w.site.Loader.Func {
		return false
	}
	for d := b.Idom(); d != nil; d = d.Idom() {
		branch, ok := d.Instrs[len(d.Instrs)-1].(*ssa.If)
		if !ok || !d.Succs[0].Dominates(b) && !d.Succs[1].Dominates(b) {
			continue
		}
		guard := false
		w.p.Sites.Flow.Sources(branch.Cond, func(v ssa.Value) bool {
			switch v := v.(type) {
			case *ssa.Parameter:
				guard = guard || v.Parent() == in.Func && !w.asBefore(v, in)
			case *ssa.UnOp:
				if a, ok := v.X.(*ssa.FieldAddr); ok {
					guard = guard || w.sets(flow.Field(a))
				}
			case *ssa.Call:
				return !outcome(v)
			}
			return !guard
		})
		if guard {
			return true
		}
	}
	return false
}

// asBefore says whether a parameter is what it was when the load was asked for.
func (w *walk) asBefore(v *ssa.Parameter, in *flow.Frame) bool {
	if flow.IsReceiver(v) {
		return true
	}
	at := flow.Place{V: v, In: in}
	for _, k := range w.own.keys {
		if w.p.Sites.Flow.Same(at, k) {
			return true
		}
	}
	for f := w.root; f != nil; f = f.Outer {
		if f.Func == in.Func {
			return w.p.Sites.Flow.Same(at, flow.Place{V: v, In: f})
		}
	}
	return false
}

// sets says whether the load stores to a field: a mark that it leaves there.
func (w *walk) sets(field *types.Var) bool {
	for _, s := range w.p.Sites.Flow.FieldStores(field) {
		for f := s.Parent(); f != nil; f = f.Parent() {
			if f == w.site.Loader.Func {
				return true
			}
		}
	}
	return false
}

// outcome says whether a call does something with a context and has an outcome,
// so that its context is no marker that is looked for: not ctx.Value, and not a
// function that says yes or no of a context.
func outcome(call *ssa.Call) bool {
	common := call.Common()
	if common.IsInvoke() && flow.IsContext(common.Value.Type()) {
		return common.Method.Name() != "Value"
	}
	takes := slices.ContainsFunc(common.Args, func(a ssa.Value) bool { return flow.IsContext(a.Type()) })
	basic, ok := call.Type().Underlying().(*types.Basic)
	return takes && !(ok && basic.Kind() == types.Bool)
}

func report(p *check.Pass, s *sites.Site, path []token.Pos) {
	end := "it waits for the load, the load for it, and so do all who want the key, for ever"
	if strings.HasPrefix(s.API.Name, "onefold.") {
		end = "it fails with ErrCycle, and so does everybody's load of the key"
	}
	where := "this call"
	if len(path) > 1 {
		where = "this call comes back to the same group and"
	}
	d := analysis.Diagnostic{
		Pos:     path[0],
		Message: fmt.Sprintf("%s asks for the key whose load it is in: %s", where, end),
		Related: []analysis.RelatedInformation{{Pos: s.Pos(), End: s.Call.End(), Message: "the load is shared here"}},
	}
	if last := path[len(path)-1]; len(path) > 1 {
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: last, Message: "the load comes back here"})
	}
	p.Report(d)
}
