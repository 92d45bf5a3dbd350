package assertnil

import (
	"go/token"

	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// A place is a value that is the load's, or can be.
type place struct {
	v ssa.Value

	// block is the end of the branch that it comes from, and join where that
	// branch meets the others: what is asserted after has been through both.
	block, join *ssa.BasicBlock
}

// places follows an interface through branches and variables.
func places(p *flow.Program, v ssa.Value) []place {
	found := []place{{v: v}}
	seen := map[ssa.Value]bool{v: true}
	add := func(at place) {
		if !seen[at.v] {
			seen[at.v] = true
			found = append(found, at)
		}
	}
	for i := 0; i < len(found); i++ {
		at := found[i]
		for _, r := range *at.v.Referrers() {
			switch r := r.(type) {
			case *ssa.ChangeInterface:
				add(place{r, at.block, at.join})
			case *ssa.Phi:
				for n, e := range r.Edges {
					if e == at.v {
						add(place{r, r.Block().Preds[n], r.Block()})
					}
				}
			case *ssa.Store:
				if r.Val == at.v {
					for _, read := range p.Reads(r.Addr) {
						if read.Parent() == r.Parent() {
							add(place{read, at.block, at.join})
						}
					}
				}
			}
		}
	}
	return found
}

// guards are the tests of a load's error and value.
type guards struct {
	p           *check.Pass
	call        ssa.Value // the site's
	errs, value map[ssa.Value]bool
}

func newGuards(p *check.Pass, s *sites.Site, o sites.Outcome) *guards {
	g := &guards{p: p, call: s.Instr.Value(), errs: make(map[ssa.Value]bool), value: make(map[ssa.Value]bool)}
	for _, e := range o.Err {
		for _, c := range p.Sites.Flow.Copies(e) {
			g.errs[c] = true
		}
	}
	for _, v := range o.Value {
		for _, c := range p.Sites.Flow.Copies(v) {
			g.value[c] = true
		}
	}
	return g
}

// errSeen says whether the error was found to be nil, or looked at in a way that
// is not understood, before an assertion of what is at a place.
func (g *guards) errSeen(at place, a *ssa.TypeAssert) bool { return g.seen(g.errs, true, at, a) }

// valueSeen says the same of the value: that it is not nil.
func (g *guards) valueSeen(at place, a *ssa.TypeAssert) bool { return g.seen(g.value, false, at, a) }

func (g *guards) seen(of map[ssa.Value]bool, wantNil bool, at place, a *ssa.TypeAssert) bool {
	return g.before(a.Block(), nil, a, of, wantNil) || at.block != nil && g.before(at.block, at.join, nil, of, wantNil)
}

// before looks for a test on the way to a block: to an instruction in it, or
// through its end to the block join.
func (g *guards) before(block, join *ssa.BasicBlock, stop ssa.Instruction, of map[ssa.Value]bool, wantNil bool) bool {
	for d := block; d != nil; d = d.Idom() {
		for _, instr := range d.Instrs {
			if instr == stop {
				break
			}
			switch instr := instr.(type) {
			case *ssa.If:
				cmp, ok := instr.Cond.(*ssa.BinOp)
				if !ok || !(of[cmp.X] && isNil(cmp.Y) || of[cmp.Y] && isNil(cmp.X)) {
					if g.dependsOn(instr.Cond, of) {
						return true
					}
					continue
				}
				side := d.Succs[0]
				if (cmp.Op == token.EQL) != wantNil {
					side = d.Succs[1]
				}
				if len(side.Preds) == 1 && side.Dominates(block) || d == block && side == join {
					return true
				}
			case ssa.CallInstruction:
				// A helper may return, panic or fail the test for us.
				fn := flow.Callee(instr.Common())
				for _, arg := range instr.Common().Args {
					if of[arg] && (fn == nil || !sites.Logs(fn)) {
						return true
					}
				}
			}
		}
	}
	return false
}

// dependsOn says whether a condition is made of one of the values.
func (g *guards) dependsOn(cond ssa.Value, of map[ssa.Value]bool) bool {
	found := false
	g.p.Sites.Flow.Sources(cond, func(v ssa.Value) bool {
		found = found || of[v]
		return !found && v != g.call
	})
	return found
}
