// Package checktest runs rules over the packages in testdata/src that are
// written for them.
package checktest

import (
	"flag"
	"go/format"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"

	"github.com/onefold-go/onefold/lint/internal/check"
)

var (
	golden = flag.Bool("golden", false, "write the .golden files of the fixes")
	only   = flag.String("rule", "", "the rules to test, with commas between them; all if empty")
)

// Run runs each rule over testdata/src/<id> and what is below it. A rule must
// find what the "want" comments say, of findings and of facts, and nothing else;
// the first fix of each finding makes the .golden files; and these compile and
// leave of the findings those without a fix.
//
// All packages are loaded once, and once more with the fixes: to read the
// standard library takes far longer than the rules do.
func Run(t *testing.T, rules []*check.Rule) {
	t.Helper()
	var chosen []*check.Rule
	packagesOf := make(map[*check.Rule][]string)
	var all []string
	for _, r := range rules {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), r.ID) {
			continue
		}
		chosen = append(chosen, r)
		packagesOf[r] = below(t, r.ID)
		all = append(all, packagesOf[r]...)
	}
	found := analyze(t, chosen, all, nil)
	overlay := make(map[string][]byte)
	left := make(map[*check.Rule]map[string]int) // findings without a fix, by package with fixes
	for _, r := range chosen {
		left[r] = make(map[string]int)
		t.Run(r.ID, func(t *testing.T) {
			for _, pkg := range packagesOf[r] {
				act := found[at{r.ID, pkg}]
				if act == nil {
					t.Fatalf("%s was not analysed", pkg)
				}
				holdToWants(t, act)
				fixed, unfixed := fixes(t, act)
				if len(fixed) > 0 {
					left[r][pkg] = unfixed
					maps.Copy(overlay, fixed)
				}
			}
		})
	}
	var again []string
	for _, r := range chosen {
		again = append(again, slices.Sorted(maps.Keys(left[r]))...)
	}
	if len(again) == 0 {
		return
	}
	found = analyze(t, chosen, again, overlay)
	for _, r := range chosen {
		for pkg, want := range left[r] {
			if got := len(found[at{r.ID, pkg}].Diagnostics); got != want {
				t.Errorf("%s: %s, fixed: %d findings, want the %d that have no fix", r.ID, pkg, got, want)
			}
		}
	}
}

// root is lint/testdata.
func root() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..", "testdata")
}

// below are the import paths of the packages in testdata/src/<id>.
func below(t *testing.T, id string) (paths []string) {
	t.Helper()
	src := filepath.Join(root(), "src")
	err := filepath.WalkDir(filepath.Join(src, id), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if files, _ := filepath.Glob(filepath.Join(path, "*.go")); len(files) > 0 {
			rel, err := filepath.Rel(src, path)
			if err != nil {
				return err
			}
			paths = append(paths, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

type at struct{ rule, pkg string }

// analyze loads packages, with other text for some files, and runs the rules.
func analyze(t *testing.T, rules []*check.Rule, paths []string, overlay map[string][]byte) map[at]*checker.Action {
	t.Helper()
	pkgs, err := packages.Load(&packages.Config{
		Mode:    packages.LoadAllSyntax | packages.NeedModule,
		Dir:     root(),
		Env:     append(os.Environ(), "GOPATH="+root(), "GO111MODULE=off", "GOPROXY=off", "GOWORK=off"),
		Overlay: overlay,
	}, paths...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pkgs {
		for _, e := range p.Errors {
			t.Errorf("%s does not compile: %v", p.PkgPath, e)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	var analyzers []*analysis.Analyzer
	for _, r := range rules {
		analyzers = append(analyzers, r.Analyzer())
	}
	graph, err := checker.Analyze(analyzers, pkgs, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[at]*checker.Action)
	for act := range graph.All() {
		if act.IsRoot {
			if act.Err != nil {
				t.Fatalf("%s: %v", act, act.Err)
			}
			found[at{act.Analyzer.Name, act.Package.PkgPath}] = act
		}
	}
	return found
}

// fixes makes each file that has them anew with the first fixes of its
// findings, holds it to its golden file, and counts the findings without one.
func fixes(t *testing.T, act *checker.Action) (fixed map[string][]byte, unfixed int) {
	t.Helper()
	edits := make(map[string][]analysis.TextEdit)
	for _, d := range act.Diagnostics {
		if len(d.SuggestedFixes) == 0 {
			unfixed++
			continue
		}
		for _, e := range d.SuggestedFixes[0].TextEdits {
			name := act.Package.Fset.Position(e.Pos).Filename
			edits[name] = append(edits[name], e)
		}
	}
	fixed = make(map[string][]byte)
	for name, edits := range edits {
		fixed[name] = apply(t, act, name, edits)
		path := name + ".golden"
		if *golden {
			if err := os.WriteFile(path, fixed[name], 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v: run the test with -golden to write it, and read it", err)
		}
		if string(want) != string(fixed[name]) {
			t.Errorf("the fixes make another file than %s; they make:\n%s", path, fixed[name])
		}
	}
	return fixed, unfixed
}

// apply makes the edits of one file, each once, and formats it.
func apply(t *testing.T, act *checker.Action, name string, edits []analysis.TextEdit) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(edits, func(a, b analysis.TextEdit) int { return int(b.Pos - a.Pos) })
	for i, e := range edits {
		if i > 0 && e.Pos == edits[i-1].Pos && e.End == edits[i-1].End && string(e.NewText) == string(edits[i-1].NewText) {
			continue
		}
		from, to := act.Package.Fset.Position(e.Pos).Offset, act.Package.Fset.Position(e.End).Offset
		if !e.End.IsValid() {
			to = from
		}
		text = slices.Concat(text[:from], e.NewText, text[to:])
	}
	out, err := format.Source(text)
	if err != nil {
		t.Fatalf("%s: what the fixes make does not parse: %v\n%s", name, err, text)
	}
	return out
}
