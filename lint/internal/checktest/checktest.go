// Package checktest runs a rule over the packages in testdata/src that are
// written for it.
package checktest

import (
	"flag"
	"go/format"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/onefold-go/onefold/lint/internal/check"
)

var update = flag.Bool("update", false, "write the .golden files of the fixes")

// Run checks that a rule finds what the packages' "want" comments say, and
// nothing else; that the first fix of each finding makes the .golden files; and
// that these compile and leave of the findings those without a fix. Run
// the test with -update to write the golden files.
func Run(t *testing.T, r *check.Rule, packages ...string) {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(here), "..", "..", "testdata")
	for _, pkg := range packages {
		t.Run(pkg, func(t *testing.T) { run(t, dir, r, pkg) })
	}
}

func run(t *testing.T, dir string, r *check.Rule, pkg string) {
	fixed := make(map[string][]byte)
	found, mended := 0, 0
	for _, res := range analysistest.Run(t, dir, r.Analyzer(), pkg) {
		edits := make(map[string][]analysis.TextEdit)
		for _, d := range res.Action.Diagnostics {
			found++
			if len(d.SuggestedFixes) == 0 {
				continue
			}
			mended++
			for _, e := range d.SuggestedFixes[0].TextEdits {
				name := res.Action.Package.Fset.Position(e.Pos).Filename
				edits[name] = append(edits[name], e)
			}
		}
		for name, edits := range edits {
			fixed[name] = apply(t, res.Pass, name, edits)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fixed)) {
		golden := name + ".golden"
		if *update {
			if err := os.WriteFile(golden, fixed[name], 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatalf("%v: run the test with -update to write it, and read it", err)
		}
		if string(want) != string(fixed[name]) {
			t.Errorf("the fixes make another file than %s; they make:\n%s", golden, fixed[name])
		}
	}
	if len(fixed) > 0 {
		again(t, dir, r, pkg, fixed, found-mended)
	}
}

// apply makes the edits of one file, each once, and formats it.
func apply(t *testing.T, pass *analysis.Pass, name string, edits []analysis.TextEdit) []byte {
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
		from, to := pass.Fset.Position(e.Pos).Offset, pass.Fset.Position(e.End).Offset
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

// again runs the rule over the fixed files.
func again(t *testing.T, dir string, r *check.Rule, pkg string, fixed map[string][]byte, want int) {
	t.Helper()
	temp := t.TempDir()
	if err := os.CopyFS(temp, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for name, text := range fixed {
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(temp, rel), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// The want comments no longer hold; that the files compile does.
	got := 0
	for _, res := range analysistest.Run(lenient{t}, temp, r.Analyzer(), pkg) {
		got += len(res.Action.Diagnostics)
		if res.Action.Err != nil {
			t.Errorf("%s, fixed: %v", pkg, res.Action.Err)
		}
		for _, e := range res.Action.Package.Errors {
			t.Errorf("%s, fixed: %v", pkg, e)
		}
	}
	if got != want {
		t.Errorf("%s, fixed: %d findings, want the %d that have no fix", pkg, got, want)
	}
}

// lenient takes the complaints about comments that no diagnostic answers.
type lenient struct{ t *testing.T }

func (l lenient) Errorf(format string, args ...any) {
	if !strings.Contains(format, "no diagnostic was reported") && !strings.Contains(format, "unexpected diagnostic") {
		l.t.Logf(format, args...)
	}
}
