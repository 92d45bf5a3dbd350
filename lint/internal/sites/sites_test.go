package sites_test

import (
	"fmt"
	"go/ast"
	"path/filepath"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/onefold-go/onefold/lint/internal/sites"
)

// report says of each site what is known of it.
var report = &analysis.Analyzer{
	Name:     "reportsites",
	Doc:      "report every site",
	Requires: []*analysis.Analyzer{sites.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		for _, s := range pass.ResultOf[sites.Analyzer].(*sites.Result).All {
			loader := "opaque"
			switch f := s.Loader.Syntax.(type) {
			case *ast.FuncLit:
				loader = "literal"
			case *ast.FuncDecl:
				loader = f.Name.Name
			}
			group := "none"
			if s.Group != nil {
				group = s.Group.Name()
			}
			how := "plain"
			if s.API.Passing {
				how = "passing"
			}
			if s.API.Detached && s.API.Passing {
				how += " detached"
			}
			if s.API.Bounded {
				how += " bounded"
			}
			pass.Report(analysis.Diagnostic{Pos: s.Pos(), Message: fmt.Sprintf("%s: group %s, load %s, %s", s.API.Name, group, loader, how)})
		}
		return nil, nil
	},
}

func TestSites(t *testing.T) {
	analysistest.Run(t, testdata(t), report, "sites/direct", "sites/wrap", "sites/callers")
}

// outcomes says of each site how often its results are taken.
var outcomes = &analysis.Analyzer{
	Name:     "reportoutcomes",
	Doc:      "report every site's outcome",
	Requires: []*analysis.Analyzer{sites.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		r := pass.ResultOf[sites.Analyzer].(*sites.Result)
		for _, s := range r.All {
			o := r.Outcome(s)
			pass.Report(analysis.Diagnostic{Pos: s.Pos(), Message: fmt.Sprintf("%d values, %d errors, %d shared", len(o.Value), len(o.Err), len(o.Shared))})
		}
		return nil, nil
	},
}

func TestOutcome(t *testing.T) { analysistest.Run(t, testdata(t), outcomes, "sites/outcome") }

func testdata(t *testing.T) string {
	dir, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFacts(t *testing.T) { analysistest.Run(t, testdata(t), sites.Analyzer, "sites/facts") }
