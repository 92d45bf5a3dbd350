// Package sharedmut is the rule against writes to a value that other callers of
// the same load were given too.
package sharedmut

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is sharedmut.
var Rule = &check.Rule{
	ID:       "sharedmut",
	Title:    "a value that many callers share is written to by one",
	Severity: check.Error,
	Default:  true,
	Run:      run,
	Anywhere: true, // for the facts
	Facts:    []analysis.Fact{new(MutatesParam)},
	Needs:    []*analysis.Analyzer{inspect.Analyzer},
}

func run(p *check.Pass) {
	mutators := mutators(p)
	for _, s := range p.Sites.All {
		// What a wrapper makes of the value cannot be told here.
		if s.Instr == nil || s.Test || s.API.Wrapper != nil || clones(p, s) {
			continue
		}
		o := p.Sites.Outcome(s)
		f := follower{p: p, mutators: mutators, call: s.Instr.Value(), seen: make(map[ssa.Value]bool)}
		f.follow(o)
		if f.locked {
			continue
		}
		if w := first(p, o, f.writes); w != nil {
			report(p, s, w)
		}
	}
}

// first gives the write that stands first in the text, of those that are not
// made by an only owner or under a lock.
func first(p *check.Pass, o sites.Outcome, writes []write) *write {
	var one *write
	for i := range writes {
		w := &writes[i]
		if !position(w.at).IsValid() || alone(p.Sites.Flow, o, w.at.Block()) || underLock(w.at) {
			continue
		}
		if one == nil || position(w.at) < position(one.at) {
			one = w
		}
	}
	return one
}

// position is where an instruction is, also a store.
func position(i ssa.Instruction) token.Pos {
	if c, ok := i.(ssa.CallInstruction); ok {
		return c.Common().Pos()
	}
	return i.Pos()
}

// alone says whether a block is run only when the site said that nobody shares.
func alone(p *flow.Program, o sites.Outcome, b *ssa.BasicBlock) bool {
	for _, v := range o.Shared {
		for _, c := range p.Copies(v) {
			for _, r := range *c.Referrers() {
				cond, flip := ssa.Value(c), false
				if n, ok := r.(*ssa.UnOp); ok && n.Op == token.NOT {
					cond, flip = n, true
				}
				for _, r := range *cond.Referrers() {
					if i, ok := r.(*ssa.If); ok {
						side := i.Block().Succs[1]
						if flip {
							side = i.Block().Succs[0]
						}
						if len(side.Preds) == 1 && side.Dominates(b) {
							return true
						}
					}
				}
			}
		}
	}
	return false
}

// underLock says whether a lock was taken on the way to an instruction and not
// given back.
func underLock(at ssa.Instruction) bool {
	held := 0
	for b := at.Block(); b != nil; b = b.Idom() {
		for _, instr := range b.Instrs {
			if instr == at {
				break
			}
			call, ok := instr.(*ssa.Call)
			if !ok {
				continue
			}
			name := ""
			if fn := flow.Callee(call.Common()); fn != nil {
				name = fn.Name()
			}
			switch name {
			case "Lock":
				held++
			case "Unlock":
				held--
			}
		}
	}
	return held > 0
}

// clones says whether the package gives this project's groups a Clone, which
// makes each caller's value its own.
func clones(p *check.Pass, s *sites.Site) bool {
	fn := p.Sites.Callee(s.Call)
	if fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != "github.com/onefold-go/onefold" {
		return false
	}
	found := false
	for _, file := range p.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.Name == "Clone" {
				if v, ok := p.TypesInfo.Uses[id].(*types.Var); ok && v.IsField() && v.Pkg() != nil && v.Pkg().Path() == fn.Pkg().Path() {
					found = true
				}
			}
			return !found
		})
	}
	return found
}

func report(p *check.Pass, s *sites.Site, w *write) {
	d := analysis.Diagnostic{
		Pos:            position(w.at),
		Message:        fmt.Sprintf("all who waited for this load have the same value, and %s here: they see it change, and it races", w.how),
		Related:        []analysis.RelatedInformation{{Pos: s.Pos(), End: s.Call.End(), Message: "the value comes from here"}},
		SuggestedFixes: fix(p, w),
	}
	if e := statement(p, d.Pos); e != nil {
		d.Pos, d.End = e.Pos(), e.End()
	}
	p.Report(d)
}

// statement is the simple statement around a place.
func statement(p *check.Pass, pos token.Pos) ast.Stmt {
	for _, f := range p.Files {
		if f.FileStart <= pos && pos < f.FileEnd {
			path, _ := astutil.PathEnclosingInterval(f, pos, pos)
			for _, n := range path {
				switch n := n.(type) {
				case *ast.AssignStmt, *ast.IncDecStmt, *ast.ExprStmt, *ast.DeferStmt, *ast.GoStmt, *ast.ReturnStmt:
					return n.(ast.Stmt)
				case *ast.FuncLit, *ast.BlockStmt:
					return nil
				}
			}
		}
	}
	return nil
}

// fix clones a slice or a map where it is asserted, if what is written to is an
// element of it and not something further in.
func fix(p *check.Pass, w *write) []analysis.SuggestedFix {
	v := w.into
	for {
		switch x := v.(type) {
		case *ssa.IndexAddr:
			v = x.X
			continue
		case *ssa.FieldAddr:
			if _, ok := x.X.(*ssa.IndexAddr); ok { // of a struct in the slice itself
				v = x.X
				continue
			}
		case *ssa.MakeInterface:
			v = x.X
			continue
		case *ssa.ChangeType:
			v = x.X
			continue
		}
		break
	}
	if w.via != nil && !inPlace(w.via) {
		return nil // it may go further in
	}
	var clone string
	switch v.Type().Underlying().(type) {
	case *types.Slice:
		clone = "slices"
	case *types.Map:
		clone = "maps"
	default:
		return nil
	}
	if s, ok := v.(*ssa.Slice); ok {
		v = s.X
	}
	var a *ssa.TypeAssert
	after := false
	switch x := v.(type) {
	case *ssa.TypeAssert:
		a = x
	case *ssa.Extract:
		a, _ = x.Tuple.(*ssa.TypeAssert)
		after = true
	case *ssa.UnOp:
		if variable, ok := p.Sites.Flow.Variable(x.X).(*ssa.Alloc); ok {
			if stores := p.Sites.Flow.Stores(variable); len(stores) == 1 {
				a, _ = stores[0].Val.(*ssa.TypeAssert)
			}
		}
	}
	if a == nil || !a.Pos().IsValid() || !p.Go(a.Pos(), "go1.21") {
		return nil
	}
	var path []ast.Node
	for _, f := range p.Files {
		if f.FileStart <= a.Pos() && a.Pos() < f.FileEnd {
			path, _ = astutil.PathEnclosingInterval(f, a.Pos(), a.Pos())
		}
	}
	for i, n := range path {
		expr, ok := n.(*ast.TypeAssertExpr)
		if !ok {
			continue
		}
		pkg, edits, ok := p.Import(expr.Pos(), clone)
		if !ok {
			return nil
		}
		message := "clone it before"
		if !after {
			edits = append(edits,
				analysis.TextEdit{Pos: expr.Pos(), End: expr.Pos(), NewText: []byte(pkg + ".Clone(")},
				analysis.TextEdit{Pos: expr.End(), End: expr.End(), NewText: []byte(")")})
			return []analysis.SuggestedFix{{Message: message, TextEdits: edits}}
		}
		// list, ok := v.([]T): the next line clones it.
		assign, ok := path[i+1].(*ast.AssignStmt)
		if !ok || len(path) < i+3 {
			return nil
		}
		if _, ok := path[i+2].(*ast.BlockStmt); !ok {
			return nil
		}
		id, ok := assign.Lhs[0].(*ast.Ident)
		if !ok || id.Name == "_" {
			return nil
		}
		text := fmt.Sprintf("\n%[1]s = %[2]s.Clone(%[1]s)", id.Name, pkg)
		return []analysis.SuggestedFix{{
			Message:   message,
			TextEdits: append(edits, analysis.TextEdit{Pos: assign.End(), End: assign.End(), NewText: []byte(text)}),
		}}
	}
	return nil
}
