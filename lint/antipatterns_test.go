package lint_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"

	"github.com/onefold-go/onefold/lint"
)

// The programs in examples/antipatterns are each named for the rule that the
// documents name for them. It finds what is marked in them and nothing else;
// in fine, no rule does.
func TestAntiPatternsAreFound(t *testing.T) {
	loaded, err := packages.Load(&packages.Config{
		Mode:       packages.LoadSyntax,
		Dir:        "..",
		BuildFlags: []string{"-tags=antipatterns"},
	}, "./examples/antipatterns/...")
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded) != 8 {
		t.Fatalf("%d programs, want seven anti-patterns and fine", len(loaded))
	}
	var analyzers []*analysis.Analyzer
	for _, r := range lint.Rules() {
		analyzers = append(analyzers, r.Analyzer())
	}
	for _, pkg := range loaded {
		for _, e := range pkg.Errors {
			t.Errorf("%s: %v", pkg.PkgPath, e)
		}
		// Imports are known by their types. What the rules could learn of their
		// functions is not needed here.
		pkg.Imports = nil
	}
	graph, err := checker.Analyze(analyzers, loaded, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]string) // by program: "rule file:line"
	for _, act := range graph.Roots {
		if act.Err != nil {
			t.Errorf("%v: %v", act, act.Err)
		}
		program := filepath.Base(act.Package.PkgPath)
		for _, d := range act.Diagnostics {
			if program == "fine" {
				t.Errorf("%s: %s", act.Package.Fset.Position(d.Pos), d.Message)
			} else if d.Category == program {
				found[program] = append(found[program], line(act.Package.Fset.Position(d.Pos).Filename, act.Package.Fset.Position(d.Pos).Line))
			}
		}
	}
	for _, pkg := range loaded {
		program := filepath.Base(pkg.PkgPath)
		if program == "fine" {
			continue
		}
		if !slices.ContainsFunc(lint.Rules(), func(r *lint.Rule) bool { return r.ID == program }) {
			t.Errorf("there is no rule %s", program)
			continue
		}
		if len(found[program]) == 0 {
			t.Errorf("%s finds nothing in the program that is named for it", program)
		}
		for _, l := range found[program] {
			if !strings.HasSuffix(l, "// wrong") {
				t.Errorf("%s finds something in a line that is not marked: %s", program, l)
			}
		}
	}
}

func line(file string, n int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(strings.Split(string(text), "\n")[n-1])
}
