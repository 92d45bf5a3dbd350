// Package groupscope is the rule against groups that live no longer than one
// call.
package groupscope

import (
	"fmt"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is groupscope.
var Rule = &check.Rule{
	ID:       "groupscope",
	Title:    "a group of its own for each call, which shares nothing",
	Severity: check.Error,
	Default:  true,
	Run:      run,
}

func run(p *check.Pass) {
	seen := make(map[ssa.Value]bool)
	for _, s := range p.Sites.All {
		if s.Instr == nil || s.Test || s.API.Wrapper != nil || s.Decl == nil || once(p, s) {
			continue
		}
		group := origin(p, s)
		if group == nil || seen[group] {
			continue
		}
		seen[group] = true
		u := uses{p: p, seen: make(map[ssa.Value]bool)}
		if !u.follow(group) || !u.asked || u.chans > 1 {
			continue
		}
		report(p, s, group)
	}
}

// once says whether a site is in main or init: its function runs once, so that
// the group lives as long as the program.
func once(p *check.Pass, s *sites.Site) bool {
	return s.Decl.Recv == nil && (s.Decl.Name.Name == "init" || s.Decl.Name.Name == "main" && p.Pkg.Name() == "main")
}

// origin is the group that a site's function makes for itself, or nil.
func origin(p *check.Pass, s *sites.Site) ssa.Value {
	if s.API.Kind == sites.Make {
		return s.Instr.Value()
	}
	recv := s.Receiver()
	if recv == nil {
		return nil
	}
	switch v := p.Sites.Flow.Origin(recv).(type) {
	case *ssa.Alloc:
		if v.Parent() == s.In && fresh(p, v) {
			return v
		}
	case *ssa.Call:
		fn := flow.Callee(v.Common())
		if fn == nil || v.Parent() != s.In || !strings.HasPrefix(fn.Name(), "New") && !strings.HasPrefix(fn.Name(), "Make") {
			return nil
		}
		for _, arg := range v.Call.Args {
			if _, plain := arg.Type().Underlying().(*types.Basic); !plain {
				return nil // it may be made of a group that lives longer
			}
		}
		if method := s.Instr.Common(); fn.Pkg() == pkgOf(method) && fn.Type().(*types.Signature).Recv() == nil {
			return v
		}
	}
	return nil
}

func pkgOf(common *ssa.CallCommon) *types.Package {
	if fn := flow.Callee(common); fn != nil {
		return fn.Pkg()
	}
	return nil
}

// fresh says whether a variable is a group that begins empty: nothing that
// may hold a longer living one is put into it.
func fresh(p *check.Pass, a *ssa.Alloc) bool {
	for _, s := range p.Sites.Flow.Stores(a) {
		switch v := s.Val.(type) {
		case *ssa.Const:
		case *ssa.UnOp: // the composite literal
			if made, ok := v.X.(*ssa.Alloc); !ok || made == a || !fresh(p, made) {
				return false
			}
		default:
			return false
		}
	}
	for _, r := range *a.Referrers() {
		f, ok := r.(*ssa.FieldAddr)
		if !ok {
			continue
		}
		switch flow.Field(f).Type().Underlying().(type) {
		case *types.Pointer, *types.Interface, *types.Map, *types.Chan:
			return false
		}
	}
	_, isStruct := a.Type().Underlying().(*types.Pointer).Elem().Underlying().(*types.Struct)
	return isStruct
}

// uses follows a group through the function that makes it.
type uses struct {
	p    *check.Pass
	seen map[ssa.Value]bool

	asked bool // a load is asked for
	chans int  // loads that are not waited for at once, so that two may run
}

// follow says whether all that is done with a group is known, and keeps it in
// the call that made it.
func (u *uses) follow(v ssa.Value) bool {
	if u.seen[v] {
		return true
	}
	u.seen[v] = true
	if v.Referrers() == nil {
		return false
	}
	for _, r := range *v.Referrers() {
		if !u.use(v, r) {
			return false
		}
	}
	return true
}

func (u *uses) use(v ssa.Value, r ssa.Instruction) bool {
	switch r := r.(type) {
	case *ssa.DebugRef:
		return true
	case *ssa.FieldAddr:
		return u.setting(r)
	case *ssa.Store:
		if r.Addr == v {
			return true
		}
		held, ok := u.p.Sites.Flow.Variable(r.Addr).(*ssa.Alloc)
		return ok && u.follow(held)
	case *ssa.UnOp:
		if r.Op != token.MUL {
			return false
		}
		switch r.Type().Underlying().(type) {
		case *types.Pointer, *types.Interface:
			return u.follow(r)
		}
		return false // a copy
	case *ssa.Extract:
		return r.Index > 0 || u.follow(r) // the error of a maker
	case *ssa.Phi, *ssa.ChangeType:
		return u.follow(r.(ssa.Value))
	case *ssa.BinOp:
		return true
	case *ssa.Defer:
		return u.call(v, r)
	case *ssa.Call:
		return u.call(v, r)
	case *ssa.MakeClosure:
		return u.captured(v, r)
	}
	return false
}

// setting says whether a field is only set, as options are.
func (u *uses) setting(a *ssa.FieldAddr) bool {
	for _, r := range *a.Referrers() {
		switch r := r.(type) {
		case *ssa.Store:
			if r.Addr != a {
				return false
			}
		case *ssa.FieldAddr:
			if !u.setting(r) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// call says whether a group is the receiver of a call and nothing more.
func (u *uses) call(v ssa.Value, call ssa.CallInstruction) bool {
	common := call.Common()
	args := common.Args
	switch {
	case common.IsInvoke():
		if common.Value != v {
			return false
		}
	case common.Signature().Recv() != nil && len(args) > 0 && args[0] == v:
		args = args[1:]
	default:
		return false
	}
	for _, a := range args {
		if a == v {
			return false
		}
	}
	if s := u.p.Sites.Site(call); s != nil && s.API.Kind == sites.DoChan {
		u.chans++
		if inLoop(call.Block()) {
			u.chans++
		}
		u.asked = true
	} else if s != nil || callLoads(common) {
		u.asked = true
	}
	return true
}

// callLoads says whether a method of what a maker gave asks for a load.
func callLoads(common *ssa.CallCommon) bool {
	fn := flow.Callee(common)
	return fn != nil && (fn.Name() == "Load" || fn.Name() == "Get" || fn.Name() == "Do")
}

func inLoop(b *ssa.BasicBlock) bool {
	seen := make(map[*ssa.BasicBlock]bool)
	var walk func(*ssa.BasicBlock) bool
	walk = func(at *ssa.BasicBlock) bool {
		for _, s := range at.Succs {
			if s == b {
				return true
			}
			if !seen[s] {
				seen[s] = true
				if walk(s) {
					return true
				}
			}
		}
		return false
	}
	return walk(b)
}

// captured says whether a literal that sees a group runs within the call: it is
// called or deferred here, or is the load of a site.
func (u *uses) captured(v ssa.Value, c *ssa.MakeClosure) bool {
	for _, r := range *c.Referrers() {
		switch r := r.(type) {
		case *ssa.DebugRef:
		case *ssa.Call:
			if r.Call.Value != c && (u.p.Sites.Site(r) == nil || u.p.Sites.Site(r).API.Kind != sites.Do) {
				return false
			}
		case *ssa.Defer:
			if r.Call.Value != c {
				return false
			}
		default:
			return false
		}
	}
	f, ok := c.Fn.(*ssa.Function)
	if !ok || f.Synthetic != "" {
		return false
	}
	for i, b := range c.Bindings {
		if b == v && !u.follow(f.FreeVars[i]) {
			return false
		}
	}
	return true
}

func report(p *check.Pass, s *sites.Site, group ssa.Value) {
	what := "group"
	if s.API.Kind == sites.Make {
		what = s.API.Name[:strings.IndexByte(s.API.Name, '.')] + " " + strings.ToLower(strings.TrimPrefix(s.API.Name[strings.LastIndexByte(s.API.Name, '.')+1:], "New"))
		what = strings.TrimSpace(what)
	}
	d := analysis.Diagnostic{
		Pos:     s.Pos(),
		End:     s.Call.End(),
		Message: fmt.Sprintf("each call makes a %s of its own, so no two callers ever share a load: it belongs to something that outlives the call", what),
	}
	if at := group.Pos(); at.IsValid() && s.API.Kind != sites.Make {
		d.Related = []analysis.RelatedInformation{{Pos: at, Message: "the group is made here"}}
	}
	p.Report(d)
}
