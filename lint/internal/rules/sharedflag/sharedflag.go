// Package sharedflag is the rule against keeping the flag that says whether a
// load's result was shared.
package sharedflag

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"regexp"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is sharedflag.
var Rule = &check.Rule{
	ID:       "sharedflag",
	Title:    "whether one round of a load was shared is kept beyond that round",
	Severity: check.Note,
	Run:      run,
}

func run(p *check.Pass) {
	for _, s := range p.Sites.All {
		if s.Instr == nil || s.Test {
			continue
		}
		for _, v := range p.Sites.Outcome(s).Shared {
			if at, where := kept(p, v); at.IsValid() {
				report(p, s, at, where)
				break
			}
		}
	}
}

// kept gives the place where a flag is put where it outlives the call.
func kept(p *check.Pass, v ssa.Value) (token.Pos, string) {
	for _, c := range p.Sites.Flow.Copies(v) {
		for _, r := range *c.Referrers() {
			switch r := r.(type) {
			case *ssa.Store:
				fa, ok := r.Addr.(*ssa.FieldAddr)
				if !ok || r.Val != c {
					continue
				}
				if passing(fa.X) {
					continue
				}
				return r.Pos(), "in a field"
			case *ssa.MapUpdate:
				if r.Value == c {
					return r.Pos(), "in a map"
				}
			case *ssa.Call:
				fn := flow.Callee(r.Common())
				if fn == nil || sites.Logs(fn) || fn.Type().(*types.Signature).Recv() == nil {
					continue
				}
				switch fn.Name() {
				case "Set", "Put", "Store", "LoadOrStore", "Swap":
					return r.Common().Pos(), "by " + fn.Name()
				}
			}
		}
	}
	return token.NoPos, ""
}

// reports are types that are a record of one round, for people to read.
var reports = regexp.MustCompile(`(?i)(event|span|log|trace|metric|stat|record|attr|label)`)

// passing says whether a struct is such a record.
func passing(x ssa.Value) bool {
	t := x.Type()
	if ptr, ok := t.Underlying().(*types.Pointer); ok {
		t = ptr.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	return ok && reports.MatchString(n.Obj().Name())
}

func report(p *check.Pass, s *sites.Site, at token.Pos, where string) {
	d := analysis.Diagnostic{
		Pos:     at,
		Message: fmt.Sprintf("whether this load was shared is kept %s: it tells how many met in this one round, and nothing of the value or of the next round", where),
		Related: []analysis.RelatedInformation{{Pos: s.Pos(), End: s.Call.End(), Message: "the flag comes from here"}},
	}
	for _, f := range p.Files {
		if f.FileStart <= at && at < f.FileEnd {
			path, _ := astutil.PathEnclosingInterval(f, at, at)
			for _, n := range path {
				switch n.(type) {
				case *ast.AssignStmt, *ast.KeyValueExpr, *ast.CallExpr:
					d.Pos, d.End = n.Pos(), n.End()
					p.Report(d)
					return
				case ast.Stmt:
					p.Report(d)
					return
				}
			}
		}
	}
	p.Report(d)
}
