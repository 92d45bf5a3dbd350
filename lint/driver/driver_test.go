package driver_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/lint"
	"github.com/onefold-go/onefold/lint/driver"
	"github.com/onefold-go/onefold/lint/internal/fakerules"
	"github.com/onefold-go/onefold/lint/vettool"
)

// The tests' program is go vet's tool as well.
func TestMain(m *testing.M) {
	if vettool.Called(os.Args[1:]) {
		vettool.Run(fakerules.Rules())
	}
	os.Exit(m.Run())
}

// tree writes files, whose names and texts take turns, into a new directory.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o777); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		put(t, dir, files[i], files[i+1])
	}
	return dir
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func run(t *testing.T, dir string, change ...func(*driver.Options)) *driver.Report {
	t.Helper()
	r, err := driver.Run(t.Context(), options(dir, change...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func options(dir string, change ...func(*driver.Options)) driver.Options {
	o := driver.Options{Dir: dir, Rules: fakerules.Rules()}
	for _, c := range change {
		c(&o)
	}
	return o
}

func packages(patterns ...string) func(*driver.Options) {
	return func(o *driver.Options) { o.Patterns = patterns }
}

// want compares the findings, each as "file:line rule", with ~ before one that
// a comment answers, and sees that all was checked.
func want(t *testing.T, r *driver.Report, findings ...string) {
	t.Helper()
	for _, trouble := range r.Troubles {
		t.Errorf("trouble: %+v", trouble)
	}
	wantFindings(t, r, findings...)
}

func wantFindings(t *testing.T, r *driver.Report, findings ...string) {
	t.Helper()
	var got []string
	for i := range r.Findings {
		f := &r.Findings[i]
		rel, err := filepath.Rel(r.Root, f.File)
		if err != nil {
			t.Error(err)
		}
		answered := ""
		if !f.Open() {
			answered = "~"
		}
		got = append(got, fmt.Sprintf("%s%s:%d %s", answered, filepath.ToSlash(rel), f.Line, f.Rule))
	}
	if !slices.Equal(got, findings) {
		t.Errorf("findings\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(findings, "\n  "))
	}
}

const shop = `package shop

type Store struct{}

func (s *Store) Get(n int) {
	if n > 0 {
		oops(n, func() { println("a literal's body") })
	}
	hint()
	optin()
	//onefold:ok oops it is meant to be so
	oops(2, nil)
	//onefold:ok hint there is none here
}

func oops(int, func()) {}
func fine(int, func()) {}
func hint()            {}
func optin()           {}
`

func TestFindings(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "store/shop.go", shop)
	r := run(t, dir)
	want(t, r, "store/shop.go:7 oops", "store/shop.go:9 hint", "~store/shop.go:12 oops", "store/shop.go:13 unusedok")
	if r.Root != dir || r.Packages != 1 {
		t.Errorf("Root = %s, Packages = %d; want %s, 1", r.Root, r.Packages, dir)
	}
	f := r.Findings[0]
	if f.Severity != lint.Error || f.Package != "example.com/shop/store" || f.Function != "(*Store).Get" || f.Column != 3 || f.EndColumn != 7 {
		t.Errorf("the first finding is %+v", f)
	}
	if want := "oops(n, (func() literal))"; f.Code != want {
		t.Errorf("Code = %s, want %s", f.Code, want)
	}
	if len(f.Related) != 1 || f.Related[0].Line != 16 || len(f.Fixes) != 1 || len(f.Fixes[0].Edits) != 1 {
		t.Errorf("related %+v, fixes %+v", f.Related, f.Fixes)
	}
	if s := r.Findings[2].Suppressed; s == nil || s.Reason != "it is meant to be so" || s.Line != 11 {
		t.Errorf("answered by %+v", s)
	}
}

// What go vet keeps of a package from when it was looked at for another must
// be whole, and what it keeps of others must not be told of this one.
func TestOrderOfRunsDoesNotMatter(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n",
		"main.go", "package main\n\nimport _ \"example.com/shop/store\"\n\nfunc main() {}\n", "store/shop.go", shop)
	want(t, run(t, dir, packages(".")))
	all := []string{"store/shop.go:7 oops", "store/shop.go:9 hint", "~store/shop.go:12 oops", "store/shop.go:13 unusedok"}
	want(t, run(t, dir, packages("./store")), all...)
	want(t, run(t, dir, packages(".")))
	want(t, run(t, dir), all...)
}

func TestChoiceOfRules(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "shop.go", shop)
	choose := func(enable, disable string) func(*driver.Options) {
		return func(o *driver.Options) { o.Enable, o.Disable = strings.Fields(enable), strings.Fields(disable) }
	}
	want(t, run(t, dir, choose("optin", "")),
		"shop.go:7 oops", "shop.go:9 hint", "shop.go:10 optin", "~shop.go:12 oops", "shop.go:13 unusedok")
	// A comment for a rule that is off is not judged.
	want(t, run(t, dir, choose("", "hint")), "shop.go:7 oops", "~shop.go:12 oops")
	want(t, run(t, dir, choose("optin", "all")), "shop.go:10 optin")
	want(t, run(t, dir, choose("all", "oops unusedok")), "shop.go:9 hint", "shop.go:10 optin")

	for _, bad := range [][2]string{{"no", ""}, {"", "no"}, {"optin", "optin"}} {
		_, err := driver.Run(t.Context(), options(dir, choose(bad[0], bad[1])))
		if err == nil {
			t.Errorf("enable %q, disable %q: no error", bad[0], bad[1])
		}
	}
}

func TestTests(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "shop.go", shop,
		"in_test.go", "package shop\n\nfunc init() { hint() }\n",
		"out_test.go", "package shop_test\n\nfunc hint() {}\n\nfunc init() { hint() }\n")
	all := []string{"in_test.go:3 hint", "out_test.go:5 hint", "shop.go:7 oops", "shop.go:9 hint", "~shop.go:12 oops", "shop.go:13 unusedok"}
	r := run(t, dir)
	want(t, r, all...)
	if r.Packages != 1 {
		t.Errorf("Packages = %d, want 1", r.Packages)
	}
	want(t, run(t, dir, func(o *driver.Options) { o.NoTests = true }), all[2:]...)
}

func TestFactsAcrossPackages(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n",
		"low/low.go", "package low\n\nfunc Low() { oops() }\n\nfunc oops() {}\n",
		"main.go", "package main\n\nimport \"example.com/shop/low\"\n\nfunc main() { low.Low() }\n")
	want(t, run(t, dir, packages(".")), "main.go:5 relay")
	want(t, run(t, dir), "low/low.go:3 oops", "main.go:5 relay")
}

func TestVendor(t *testing.T) {
	dir := tree(t,
		"go.mod", "module example.com/shop\n\ngo 1.24\n\nrequire example.org/low v1.0.0\n",
		"vendor/modules.txt", "# example.org/low v1.0.0\n## explicit; go 1.24\nexample.org/low\n",
		"vendor/example.org/low/low.go", "package low\n\nfunc Low() { oops() }\n\nfunc oops() {}\n",
		"main.go", "package main\n\nimport \"example.org/low\"\n\nfunc main() { low.Low() }\n")
	want(t, run(t, dir), "main.go:5 relay")
	// Asked for by name, it is told of, and not written to.
	r := run(t, dir, packages("example.org/low"))
	want(t, r, "vendor/example.org/low/low.go:3 oops")
	fixes, err := r.Fix()
	if err != nil || len(fixes.Files) != 0 {
		t.Errorf("fixes of a vendored file: %+v, %v", fixes, err)
	}
}

func TestWorkspace(t *testing.T) {
	dir := tree(t, "go.work", "go 1.24\n\nuse (\n\t./low\n\t./high\n)\n",
		"low/go.mod", "module example.com/low\n\ngo 1.24\n", "low/low.go", "package low\n\nfunc Low() { oops() }\n\nfunc oops() {}\n",
		"high/go.mod", "module example.com/high\n\ngo 1.24\n",
		"high/main.go", "package main\n\nimport \"example.com/low\"\n\nfunc main() { low.Low() }\n")
	r := run(t, filepath.Join(dir, "high"))
	want(t, r, "high/main.go:5 relay")
	want(t, run(t, dir, packages("./low/...", "./high/...")), "high/main.go:5 relay", "low/low.go:3 oops")
}

func TestBuildTags(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "shop.go", "package shop\n\nfunc hint() {}\n",
		"more.go", "//go:build more && other\n\npackage shop\n\nfunc more() { hint() }\n",
		"only/only.go", "//go:build more\n\npackage only\n\nfunc hint() {}\n\nfunc more() { hint() }\n")
	want(t, run(t, dir))
	want(t, run(t, dir, func(o *driver.Options) { o.Tags = "more,other" }), "more.go:5 hint", "only/only.go:7 hint")
}

// A file that imports "C" reaches the rules as cgo has rewritten it.
func TestCgo(t *testing.T) {
	t.Setenv("CGO_ENABLED", "1")
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n",
		"shop.go", "package shop\n\n// static int one(void) { return 1; }\nimport \"C\"\n\nfunc get() {\n\toops(int(C.one()))\n\t//onefold:ok oops it is meant to be so\n\toops(2)\n}\n\nfunc oops(int) {}\nfunc fine(int) {}\n",
		"made.go", "// Code generated by hand. DO NOT EDIT.\n\npackage shop\n\nimport \"C\"\n\nfunc made() { oops(3) }\n")
	r := run(t, dir)
	want(t, r, "shop.go:7 oops", "~shop.go:9 oops")
	if n := len(r.Findings[0].Fixes); n != 0 {
		t.Errorf("%d fixes of a file that is not the one that was read, want none", n)
	}
}

func TestPackageThatDoesNotCompile(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n",
		"bad/bad.go", "package bad\n\nfunc F() { undefined() }\n",
		"on/on.go", "package on\n\nimport \"example.com/shop/bad\"\n\nfunc F() { bad.F() }\n",
		"good/good.go", "package good\n\nfunc F() { hint() }\n\nfunc hint() {}\n")
	r := run(t, dir)
	wantFindings(t, r, "good/good.go:3 hint")
	wantTroubles(t, r, "example.com/shop/bad", "undefined: undefined", "example.com/shop/on", "it imports a package that does not compile")
	if code := r.ExitCode(lint.Warning); code != driver.ExitPartial {
		t.Errorf("ExitCode = %d, want %d", code, driver.ExitPartial)
	}
}

// wantTroubles compares troubles, whose packages and parts of messages take
// turns.
func wantTroubles(t *testing.T, r *driver.Report, troubles ...string) {
	t.Helper()
	if len(r.Troubles) != len(troubles)/2 {
		t.Errorf("%d troubles, want %d: %+v", len(r.Troubles), len(troubles)/2, r.Troubles)
	}
	for i := 0; i < len(troubles); i += 2 {
		if !slices.ContainsFunc(r.Troubles, func(tr driver.Trouble) bool {
			return tr.Package == troubles[i] && strings.Contains(tr.Message, troubles[i+1])
		}) {
			t.Errorf("no trouble of %s says %q: %+v", troubles[i], troubles[i+1], r.Troubles)
		}
	}
}

// The go command will not begin where a package cannot be loaded.
func TestPackageThatCannotBeLoaded(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n",
		"bad/bad.go", "package bad\n\nimport _ \"example.com/shop/none\"\n",
		"worse/worse.go", "package worse\n\nfunc {\n",
		"good/good.go", "package good\n\nfunc F() { hint() }\n\nfunc hint() {}\n")
	r := run(t, dir)
	wantFindings(t, r, "good/good.go:3 hint")
	wantTroubles(t, r, "example.com/shop/bad", "example.com/shop/none", "example.com/shop/worse", "expected")
}

func TestNothingThere(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "shop.go", "package shop\n")
	r := run(t, dir, packages("./none"))
	if r.ExitCode(lint.Note) != driver.ExitPartial || len(r.Troubles) == 0 {
		t.Errorf("a package that is not there: %+v", r)
	}
	if r := run(t, tree(t)); r.ExitCode(lint.Note) != driver.ExitPartial {
		t.Errorf("a directory without a module: %+v", r)
	}
}

func TestRuleThatPanics(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n",
		"bad/bad.go", "package bad\n\nfunc boom() { hint() }\n\nfunc hint() {}\n\n//onefold:ok boom the rule did not come so far\n",
		"good/good.go", "package good\n\nfunc F() { hint() }\n\nfunc hint() {}\n")
	r := run(t, dir)
	wantFindings(t, r, "bad/bad.go:3 hint", "good/good.go:3 hint")
	wantTroubles(t, r, "example.com/shop/bad", "there is a boom")
	if tr := r.Troubles[0]; tr.Rule != "boom" || !strings.Contains(tr.Detail, "fakerules.boom") {
		t.Errorf("the trouble is %+v", tr)
	}
	if code := r.ExitCode(lint.Error); code != driver.ExitPartial {
		t.Errorf("ExitCode = %d, want %d", code, driver.ExitPartial)
	}
}

func TestExitCode(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "shop.go", "package shop\n\nfunc f() { hint() }\n\nfunc hint() {}\n")
	r := run(t, dir)
	for failOn, want := range map[lint.Severity]int{lint.Error: driver.ExitClean, lint.Warning: driver.ExitClean, lint.Note: driver.ExitFound} {
		if code := r.ExitCode(failOn); code != want {
			t.Errorf("ExitCode(%v) = %d, want %d", failOn, code, want)
		}
	}
}

func TestProgress(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "shop.go", shop)
	last := make(chan driver.Progress, 1<<12)
	run(t, dir, func(o *driver.Options) { o.Progress = func(p driver.Progress) { last <- p } })
	close(last) // nobody calls it any more
}

// goVet runs go vet itself, with the tests' program as its tool.
func goVet(t *testing.T, dir string, args ...string) (text string, ok bool) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"vet", "-vettool=" + self}, args...)...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err == nil
}

func TestGoVet(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "shop.go", shop)
	for args, lines := range map[string][]string{
		"":                             {"shop.go:7:3: oops is called (oops)", "shop.go:13:2: hint finds nothing here: take the comment away (unusedok)"},
		"-notes":                       {"shop.go:7:3: oops is called (oops)", "shop.go:9:2: hint is called (hint)", "shop.go:13:2: hint finds nothing here: take the comment away (unusedok)"},
		"-disable=all -enable optin":   {"shop.go:10:2: optin is called (optin)"},
		"-disable=oops,unusedok":       nil,
		"--disable oops,unusedok -c=0": nil,
	} {
		text, ok := goVet(t, dir, append(strings.Fields(args), ".")...)
		var got []string
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "# ") && !strings.Contains(line, "\t") {
				got = append(got, strings.TrimPrefix(strings.TrimSpace(line), "./"))
			}
		}
		if !slices.Equal(got, lines) || ok != (lines == nil) {
			t.Errorf("go vet %s: ok = %t, and it says\n%s", args, ok, text)
		}
	}
	if text, ok := goVet(t, dir, "-enable=no", "."); ok || !strings.Contains(text, `there is no rule "no"`) {
		t.Errorf("go vet -enable=no: ok = %t, and it says\n%s", ok, text)
	}
}

func TestGoVetOfARuleThatPanics(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "shop.go", "package shop\n\nfunc boom() { oops() }\n\nfunc oops() {}\n")
	text, ok := goVet(t, dir, ".")
	if ok || !strings.Contains(text, "the rule boom failed on package example.com/shop") || !strings.Contains(text, "oops is called (oops)") {
		t.Errorf("ok = %t, and it says\n%s", ok, text)
	}
}

func TestGoVetFacts(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n",
		"low/low.go", "package low\n\nfunc Low() { oops() }\n\nfunc oops() {}\n",
		"main.go", "package main\n\nimport \"example.com/shop/low\"\n\nfunc main() { low.Low() }\n")
	for range 2 {
		if text, ok := goVet(t, dir, "."); ok || !strings.Contains(text, "main.go:5:15: Low calls oops (relay)") {
			t.Errorf("ok = %t, and it says\n%s", ok, text)
		}
	}
	if text, ok := goVet(t, dir, "./low"); ok || !strings.Contains(text, "low.go:3:14: oops is called (oops)") {
		t.Errorf("a package that was looked at for another: ok = %t, and go vet says\n%s", ok, text)
	}
}
