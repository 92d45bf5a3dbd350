package flow_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/flow"
)

// pairs reports each call of pair(a, b) whose arguments are the same.
var pairs = &analysis.Analyzer{
	Name: "pairs",
	Doc:  "report pairs of the same value",
	Run: func(pass *analysis.Pass) (any, error) {
		p := flow.Build(pass)
		for _, f := range p.Funcs {
			for _, b := range f.Blocks {
				for _, instr := range b.Instrs {
					call, ok := instr.(*ssa.Call)
					if !ok {
						continue
					}
					if fn := flow.Callee(call.Common()); fn == nil || fn.Name() != "pair" {
						continue
					}
					in := frame(f)
					if p.Same(flow.Place{V: call.Call.Args[0], In: in}, flow.Place{V: call.Call.Args[1], In: in}) {
						pass.Report(analysis.Diagnostic{Pos: call.Pos(), Message: "same"})
					}
				}
			}
		}
		return nil, nil
	},
}

func frame(f *ssa.Function) *flow.Frame {
	if f == nil {
		return nil
	}
	return &flow.Frame{Func: f, Outer: frame(f.Parent())}
}

func TestSame(t *testing.T) {
	dir, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	analysistest.Run(t, dir, pairs, "flow/same")
}

// A parameter is what the caller gave, in each run of a function another.
func TestSameLooksThroughArguments(t *testing.T) {
	dir, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	calls := &analysis.Analyzer{
		Name: "calls",
		Doc:  "report calls of a function by itself with the same first argument",
		Run: func(pass *analysis.Pass) (any, error) {
			p := flow.Build(pass)
			for _, f := range p.Funcs {
				outer := &flow.Frame{Func: f}
				for _, c := range p.Callers(f) {
					if c.Parent() != f {
						continue
					}
					inner := &flow.Frame{Func: f, Args: c.Common().Args, Caller: outer}
					if k := f.Params[0]; p.Same(flow.Place{V: k, In: outer}, flow.Place{V: k, In: inner}) {
						pass.Report(analysis.Diagnostic{Pos: c.Pos(), Message: "same"})
					}
				}
			}
			return nil, nil
		},
	}
	analysistest.Run(t, dir, calls, "flow/again")
}
