package sites

import (
	"fmt"
	"go/types"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/flow"
)

// Passes is the fact of a function that passes its own key and load on to a
// site: its callers are sites too.
type Passes struct {
	Keys                              []int // parameters
	Load                              int   // parameter
	Passing, Detached, Bounded, Keeps bool
	DoChan                            bool
}

// AFact marks a fact.
func (*Passes) AFact() {}

func (f *Passes) String() string {
	return fmt.Sprintf("passes(keys %v, load %d)", f.Keys, f.Load)
}

// wrapperOf is the API that a fact makes of a function, or nil.
func (r *Result) wrapperOf(fn *types.Func) *API {
	var fact Passes
	if fn.Pkg() == nil || !r.pass.ImportObjectFact(fn, &fact) {
		return nil
	}
	sig := fn.Type().(*types.Signature)
	a := &API{Name: fn.Pkg().Name() + "." + fn.Name(), Ctx: -1, Load: fact.Load, Keys: fact.Keys, Value: -1, Err: -1, Chan: -1, Shared: -1}
	if typ := receiver(sig); typ != "" {
		a.Name = fn.Pkg().Name() + "." + typ + "." + fn.Name()
	}
	results(sig, a)
	for i := range sig.Params().Len() {
		if flow.IsContext(sig.Params().At(i).Type()) {
			a.Ctx = i
			break
		}
	}
	a.Passing, a.Detached, a.Bounded, a.Keeps, a.Wrapper = fact.Passing, fact.Detached, fact.Bounded, fact.Keeps, fn
	return a
}

// wrappers exports the facts of functions that this package's sites make
// wrappers, and says whether there were new ones.
func (r *Result) wrappers(apis map[*types.Func]*API) bool {
	more := false
	for _, s := range r.All {
		if s.Decl == nil || s.Instr == nil || s.API.Kind == Make || s.Test {
			continue
		}
		fn, ok := r.pass.TypesInfo.Defs[s.Decl.Name].(*types.Func)
		if !ok || apis[fn] != nil || apiOf(fn) != nil {
			continue
		}
		fact := r.passes(s)
		if fact == nil {
			continue
		}
		r.pass.ExportObjectFact(fn, fact)
		apis[fn] = r.wrapperOf(fn)
		more = true
	}
	return more
}

// passes tells whether the function around a site passes its parameters on to
// it, as the key and as what is loaded.
func (r *Result) passes(s *Site) *Passes {
	outer := r.Flow.Pkg.Prog.FuncValue(r.pass.TypesInfo.Defs[s.Decl.Name].(*types.Func))
	if outer == nil {
		return nil
	}
	fact := &Passes{Load: -1, DoChan: s.API.Kind == DoChan, Keeps: s.API.Keeps}
	param := func(v ssa.Value) int {
		p, ok := r.Flow.Origin(v).(*ssa.Parameter)
		if !ok || p.Parent() != outer {
			return -1
		}
		i := slices.Index(outer.Params, p)
		if outer.Signature.Recv() != nil {
			i--
		}
		return i
	}

	for _, k := range s.API.Keys {
		r.Flow.Sources(s.Arg(k), func(v ssa.Value) bool {
			if p, ok := v.(*ssa.Parameter); ok && p.Parent() == outer {
				if i := param(p); i >= 0 && !slices.Contains(fact.Keys, i) {
					fact.Keys = append(fact.Keys, i)
				}
			}
			return true
		})
	}
	if len(fact.Keys) == 0 {
		return nil
	}

	// The load itself, or a literal that calls it.
	if i := param(s.Arg(s.API.Load)); i >= 0 {
		fact.Load, fact.Passing, fact.Detached, fact.Bounded = i, s.API.Passing, s.API.Detached, s.API.Bounded
	} else if f := s.Loader.Func; f != nil && s.Loader.Literal() {
		fact.Load = r.called(s, f, fact, param)
	}
	if fact.Load < 0 || slices.Contains(fact.Keys, fact.Load) {
		return nil
	}
	slices.Sort(fact.Keys)
	return fact
}

// called is the parameter, as param tells it, that a wrapper's literal f calls
// to load; -1 if none. Of several it is the one that the outcome comes from:
// others may be told what was loaded, or store it.
func (r *Result) called(s *Site, f *ssa.Function, fact *Passes, param func(ssa.Value) int) int {
	load, best := -1, -1
	gives := r.gives(f)
	for _, b := range f.Blocks {
		for _, instr := range b.Instrs {
			call, ok := instr.(*ssa.Call)
			if !ok || call.Call.IsInvoke() || !loads(call.Call.Signature()) {
				continue
			}
			i := param(call.Call.Value)
			if i < 0 || gives[call] < best {
				continue
			}
			load, best = i, gives[call]
			fact.Passing, fact.Detached, fact.Bounded = false, true, false
			if len(call.Call.Args) > 0 && flow.IsContext(call.Call.Args[0].Type()) {
				fact.Passing = true
				fact.Detached, fact.Bounded = r.given(s, f, call.Call.Args[0])
			}
		}
	}
	return load
}

// gives tells which values go into what f returns: 1 for those of its error
// alone, 2 for those of another result.
func (r *Result) gives(f *ssa.Function) map[ssa.Value]int {
	gives := make(map[ssa.Value]int)
	for _, b := range f.Blocks {
		ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return)
		if !ok {
			continue
		}
		for _, result := range ret.Results {
			n := 2
			if isError(result.Type()) {
				n = 1
			}
			r.Flow.Sources(result, func(v ssa.Value) bool {
				gives[v] = max(gives[v], n)
				return true
			})
		}
	}
	return gives
}

// given tells of the context that a wrapper gives to its caller's load whether
// it is free of the caller's cancellation, and whether it has a deadline.
func (r *Result) given(s *Site, load *ssa.Function, ctx ssa.Value) (detached, bounded bool) {
	detached, bounded = true, true
	for _, c := range r.Flow.Chains(ctx) {
		d, b := c.Detached, c.Bounded
		if p, ok := c.Root.(*ssa.Parameter); ok && p.Parent() == load && s.API.Passing {
			d, b = d || s.API.Detached, b || s.API.Bounded
		}
		detached, bounded = detached && (d || c.From == flow.Lifecycle), bounded && b
	}
	return detached, bounded
}
