package lint_test

import (
	"bytes"
	"encoding/gob"
	"testing"

	"golang.org/x/tools/go/analysis"

	"github.com/onefold-go/onefold/lint"
)

// Facts go from package to package in files.
func TestFactsCanBeWritten(t *testing.T) {
	seen := make(map[*analysis.Analyzer]bool)
	var walk func(a *analysis.Analyzer)
	walk = func(a *analysis.Analyzer) {
		if seen[a] {
			return
		}
		seen[a] = true
		for _, f := range a.FactTypes {
			gob.Register(f)
			var b bytes.Buffer
			if err := gob.NewEncoder(&b).Encode(&f); err != nil {
				t.Errorf("%v: a %T cannot be written: %v", a, f, err)
			}
		}
		for _, r := range a.Requires {
			walk(r)
		}
	}
	all := lint.Analyzers()
	if err := analysis.Validate(all); err != nil {
		t.Error(err)
	}
	for _, a := range all {
		walk(a)
	}
	plain, err := lint.Analyzer([]string{"all"}, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := analysis.Validate([]*analysis.Analyzer{plain}); err != nil {
		t.Error(err)
	}
}
