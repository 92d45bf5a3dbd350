package driver_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/lint"
	"github.com/onefold-go/onefold/lint/driver"
)

func TestText(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "store/shop.go", shop)
	r := run(t, dir)
	var out bytes.Buffer
	if err := r.Text(&out, driver.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	const want = `store/shop.go:7:3: error: oops is called (oops)
      7 |         oops(n, func() { println("a literal's body") })
        |         ^^^^
    store/shop.go:16:6: it is declared here
    fix: call fine

store/shop.go:9:2: note: hint is called (hint)
      9 |     hint()
        |     ^^^^^^

store/shop.go:13:2: warning: hint finds nothing here: take the comment away (unusedok)
     13 |     //onefold:ok hint there is none here
        |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

1 package checked: 1 error, 1 warning, 1 note, 1 answered by a comment. --fix mends 1 of them. A page on each rule: https://github.com/onefold-go/onefold/blob/main/docs/vet/<rule>.md
`
	if out.String() != want {
		t.Errorf("the text is\n%s\nwant\n%s", out.String(), want)
	}

	out.Reset()
	if err := r.Text(&out, driver.TextOptions{Quiet: true}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("quiet, the text has %d lines, want 3:\n%s", n, out.String())
	}
	out.Reset()
	if err := r.Text(&out, driver.TextOptions{Color: true}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\x1b[1;31merror:\x1b[0m") {
		t.Errorf("no color in\n%s", out.String())
	}
}

func TestTextOfTroubles(t *testing.T) {
	r := &driver.Report{Troubles: []driver.Trouble{
		{Package: "a", Message: "a.go:1:1: undefined: x"},
		{Package: "b", Rule: "boom", Message: "the rule failed"},
		{Message: "pattern ./none: no such directory"},
	}}
	var out bytes.Buffer
	if err := r.Text(&out, driver.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	const want = `a: not checked: a.go:1:1: undefined: x
b: not checked by boom: the rule failed
packages: not checked: pattern ./none: no such directory
0 packages checked: nothing found.
The run is not complete: see what was not checked, above.
`
	if out.String() != want {
		t.Errorf("the text is\n%s\nwant\n%s", out.String(), want)
	}
}

func TestJSON(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "store/shop.go", shop)
	var out bytes.Buffer
	if err := run(t, dir).JSON(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), dir) {
		t.Errorf("the place of the repository is in\n%s", out.String())
	}
	var got struct {
		Packages int
		Findings []struct {
			Rule, Severity, File, Fingerprint string
			Line                              int
			Related                           []struct{ File string }
			Fixes                             []struct {
				Edits []struct {
					File       string
					Start, End int
					New        string
				}
			}
			Suppressed *struct{ Reason, File string }
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Packages != 1 || len(got.Findings) != 4 {
		t.Fatalf("%d packages, %d findings; want 1, 4", got.Packages, len(got.Findings))
	}
	f := got.Findings[0]
	if f.Rule != "oops" || f.Severity != "error" || f.File != "store/shop.go" || f.Line != 7 || f.Related[0].File != "store/shop.go" {
		t.Errorf("the first finding is %+v", f)
	}
	if e := f.Fixes[0].Edits[0]; e.File != "store/shop.go" || shop[e.Start:e.End] != "oops" || e.New != "fine" {
		t.Errorf("its fix is %+v", e)
	}
	if s := got.Findings[2].Suppressed; s == nil || s.File != "store/shop.go" {
		t.Errorf("the third is answered by %+v", s)
	}

	out.Reset()
	if err := new(driver.Report).JSON(&out); err != nil || !strings.Contains(out.String(), `"findings": []`) {
		t.Errorf("nothing found is %s, %v", out.String(), err)
	}
}

func TestSARIF(t *testing.T) {
	const text = "package shop\n\nfunc f() {\n\tprintln(\"ä€😀\"); oops()\n\toops() //onefold:ok oops it is meant to be so\n\n\toops()\n}\n\nfunc oops() {}\n"
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "a/größe.go", text,
		"bad/bad.go", "package bad\n\nfunc boom() {}\n", "worse/worse.go", "package worse\n\nvar x = y\n")
	r := run(t, dir)
	r.Apply(&driver.Baseline{Findings: []driver.BaselineEntry{{Fingerprint: r.Findings[2].Fingerprint}}})

	var out bytes.Buffer
	if err := r.SARIF(&out, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	s := sarifSchema(t)
	for _, fault := range s.check(s, "log", v) {
		t.Error(fault)
	}
	if strings.Contains(out.String(), dir) {
		t.Errorf("the place of the repository is in\n%s", out.String())
	}

	type location struct {
		PhysicalLocation struct {
			ArtifactLocation struct{ URI, URIBaseID string }
			Region           struct{ StartLine, StartColumn, EndColumn int }
		}
	}
	var log struct {
		Runs []struct {
			ColumnKind string
			Tool       struct {
				Driver struct {
					Version string
					Rules   []struct {
						ID, HelpURI          string
						DefaultConfiguration struct{ Level string }
					}
				}
			}
			Invocations []struct {
				ExecutionSuccessful        bool
				ToolExecutionNotifications []any
			}
			Results []struct {
				RuleID              string
				RuleIndex           int
				Level               string
				Locations           []location
				RelatedLocations    []location
				Fixes               []any
				Suppressions        []struct{ Kind, Justification string }
				BaselineState       string
				PartialFingerprints map[string]string
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	rules := run.Tool.Driver.Rules
	if len(rules) != 6 || rules[0].ID != "oops" || rules[0].DefaultConfiguration.Level != "error" ||
		rules[0].HelpURI != "https://github.com/onefold-go/onefold/blob/main/docs/vet/oops.md" || run.Tool.Driver.Version != "v1.2.3" {
		t.Errorf("the tool is %+v", run.Tool.Driver)
	}
	if run.Invocations[0].ExecutionSuccessful || len(run.Invocations[0].ToolExecutionNotifications) != 2 {
		t.Errorf("the invocation is %+v, want a failure with two notifications", run.Invocations)
	}
	if len(run.Results) != 3 {
		t.Fatalf("%d results, want 3:\n%s", len(run.Results), out.String())
	}
	first := run.Results[0]
	at := first.Locations[0].PhysicalLocation
	if at.ArtifactLocation.URI != "a/gr%C3%B6%C3%9Fe.go" || at.ArtifactLocation.URIBaseID != "%SRCROOT%" {
		t.Errorf("the file is %+v", at.ArtifactLocation)
	}
	// In UTF-16, the tab, println, and what is between the quotes are 14.
	if r := at.Region; run.ColumnKind != "utf16CodeUnits" || r.StartLine != 4 || r.StartColumn != 19 || r.EndColumn != 23 {
		t.Errorf("the region is %+v in %s, want line 4, columns 19 to 23", r, run.ColumnKind)
	}
	if rules[first.RuleIndex].ID != first.RuleID || len(first.RelatedLocations) != 1 || len(first.Fixes) != 1 || len(first.Suppressions) != 0 {
		t.Errorf("the first result is %+v", first)
	}
	if s := run.Results[1].Suppressions; len(s) != 1 || s[0].Kind != "inSource" || s[0].Justification != "it is meant to be so" {
		t.Errorf("what a comment answers: %+v", s)
	}
	if s := run.Results[2].Suppressions; len(s) != 1 || s[0].Kind != "external" || run.Results[2].BaselineState != "unchanged" {
		t.Errorf("what the baseline knows: %+v", s)
	}
	for i, res := range run.Results {
		if got := res.PartialFingerprints["onefoldFinding/v1"]; got != r.Findings[i].Fingerprint {
			t.Errorf("fingerprint %d is %q, want %q", i, got, r.Findings[i].Fingerprint)
		}
	}
}

// A schema that takes everything would find nothing.
func TestSchemaFindsFaults(t *testing.T) {
	s := sarifSchema(t)
	for text, word := range map[string]string{
		`{"version":"2.1.0"}`:         "runs is missing",
		`{"version":"2.0","runs":[]}`: "none of",
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x","helpUri":"y"}}}]}`:                                                 "helpUri is not known",
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"message":{"text":"m"},"level":"bad"}]}]}`:            "bad is none of",
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"message":{"text":"m"},"ruleIndex":-2}]}]}`:           "out of range",
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x","rules":[{"id":"r"},{"id":"r"}]}}}]}`:                               "there twice",
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x","informationUri":"no uri"}}}]}`:                                     "is no uri",
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"message":{"text":"m"},"partialFingerprints":[]}]}]}`: "is no object",
	} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if faults := s.check(s, "log", v); !strings.Contains(strings.Join(faults, "\n"), word) {
			t.Errorf("%s: %q is not among %q", text, word, faults)
		}
	}
}

func TestBaseline(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "shop.go", shop)
	old, err := driver.ReadBaseline(run(t, dir).Baseline().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if len(old.Findings) != 3 {
		t.Fatalf("%d findings in the baseline, want 3: what a comment answers is not in it", len(old.Findings))
	}

	// Lines move, the load changes, and there is a new call like the old one.
	moved := strings.Replace(shop, "type Store", "\n\n// A Store is a store.\ntype Store", 1)
	moved = strings.Replace(moved, "a literal's body", "a longer body", 1)
	moved = strings.Replace(moved, "\thint()\n", "\toops(3, nil)\n", 1)
	put(t, dir, "shop.go", moved)
	r := run(t, dir)
	stale := r.Apply(old)
	want(t, r, "~shop.go:10 oops", "shop.go:12 oops", "~shop.go:15 oops", "~shop.go:16 unusedok")
	if len(stale) != 1 || stale[0].Rule != "hint" {
		t.Errorf("gone are %+v, want the hint", stale)
	}
	if code := r.ExitCode(lint.Warning); code != driver.ExitFound {
		t.Errorf("ExitCode = %d, want %d", code, driver.ExitFound)
	}
	r.Apply(r.Baseline())
	if code := r.ExitCode(lint.Note); code != driver.ExitClean {
		t.Errorf("with all in the baseline, ExitCode = %d, want %d", code, driver.ExitClean)
	}

	for text, word := range map[string]string{"x": "no baseline", `{"version": 7}`: "version 7"} {
		if _, err := driver.ReadBaseline([]byte(text)); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("ReadBaseline(%s): %v", text, err)
		}
	}
}

// The same call twice in a function is two findings, in the baseline as well.
func TestBaselineCounts(t *testing.T) {
	const once = "package shop\n\nfunc f() {\n\toops()\n}\n\nfunc oops() {}\n"
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "shop.go", once)
	old := run(t, dir).Baseline()
	put(t, dir, "shop.go", strings.Replace(once, "\toops()\n", "\toops()\n\toops()\n", 1))
	r := run(t, dir)
	r.Apply(old)
	want(t, r, "~shop.go:4 oops", "shop.go:5 oops")
}

const late = `package shop

import (
	"fmt"
	"time"
)

func f() {
	oops(nil, func() { oops(nil, nil) })
	fmt.Println("a", time.Now())
}

func oops(any, func()) {}
func fine(any, func()) {}
`

func TestFix(t *testing.T) {
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "shop.go", late, "other.go", "package shop\n\nimport \"time\"\n\nvar _ = time.Now()\nvar _ time.Time\n")
	o := options(dir)
	r := run(t, dir)
	want(t, r, "other.go:5 clock", "shop.go:9 oops", "shop.go:9 oops", "shop.go:10 clock")
	fixes, err := r.Fix()
	if err != nil || fixes.Applied != 4 || fixes.Left != 0 || len(fixes.Faults) != 0 {
		t.Fatalf("Fix = %+v, %v", fixes, err)
	}
	const diff = `--- a/shop.go
+++ b/shop.go
@@ -2,12 +2,11 @@
 
 import (
 	"fmt"
-	"time"
 )
 
 func f() {
-	oops(nil, func() { oops(nil, nil) })
-	fmt.Println("a", time.Now())
+	fine(nil, func() { fine(nil, nil) })
+	fmt.Println("a", nil)
 }
 
 func oops(any, func()) {}
`
	if got := string(fixes.Diff(r)); !strings.Contains(got, diff) {
		t.Errorf("the diff is\n%s\nwant\n%s", got, diff)
	}
	if get(t, dir, "shop.go") != late {
		t.Error("the file was changed before Mend")
	}
	// "var _ = nil" does not compile, so that package's fixes are taken back.
	after, err := fixes.Mend(t.Context(), o, r)
	if err != nil {
		t.Fatal(err)
	}
	wantTroubles(t, after, "example.com/shop", "taken back")
	if get(t, dir, "shop.go") != late {
		t.Error("the fixes were not taken back")
	}

	put(t, dir, "other.go", "package shop\n")
	r = run(t, dir)
	if fixes, err = r.Fix(); err != nil {
		t.Fatal(err)
	}
	if after, err = fixes.Mend(t.Context(), o, r); err != nil {
		t.Fatal(err)
	}
	want(t, after)
}

// A package whose fixes are wrong does not keep others from being mended.
func TestFixThatDoesNotCompile(t *testing.T) {
	const bad = "package bad\n\nfunc f() { spoil() }\n\nfunc spoil() {}\n"
	dir := tree(t, "go.mod", "module example.com/shop\n\ngo 1.24\n", "bad/bad.go", bad,
		"good/good.go", "package good\n\nfunc f() { oops() }\n\nfunc oops() {}\nfunc fine() {}\n")
	o := options(dir, func(o *driver.Options) { o.Enable = []string{"spoil"} })
	r, err := driver.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	fixes, err := r.Fix()
	if err != nil {
		t.Fatal(err)
	}
	after, err := fixes.Mend(t.Context(), o, r)
	if err != nil {
		t.Fatal(err)
	}
	wantFindings(t, after, "bad/bad.go:3 spoil")
	wantTroubles(t, after, "example.com/shop/bad", "undefined: noSuchThing")
	if get(t, dir, "bad/bad.go") != bad || !strings.Contains(get(t, dir, "good/good.go"), "fine() }") {
		t.Errorf("the files are\n%s\n%s", get(t, dir, "bad/bad.go"), get(t, dir, "good/good.go"))
	}
}

// finding makes one with a fix, of edits on the text between marks.
func finding(file, text, old, new string) driver.Finding {
	var f driver.Finding
	f.Rule, f.File, f.Line, f.Column = "oops", file, 1, 1
	at := strings.Index(text, old)
	if err := json.Unmarshal([]byte(`{"fixes": [{"message": "m", "edits": [{}]}]}`), &f); err != nil {
		panic(err)
	}
	e := &f.Fixes[0].Edits[0]
	e.File, e.Start, e.End, e.New = file, at, at+len(old), new
	return f
}

func TestFixesThatMeet(t *testing.T) {
	const text = "package shop\n\nimport (\n)\n\nvar a, b, c = 1, 2, 3\n"
	for name, c := range map[string]struct {
		edits         []string // old and new take turns
		applied, left int
		want          string
	}{
		"apart":              {[]string{"1", "10", "3", "30"}, 2, 0, "var a, b, c = 10, 2, 30\n"},
		"in any order":       {[]string{"3", "30", "1", "10"}, 2, 0, "var a, b, c = 10, 2, 30\n"},
		"side by side":       {[]string{"1", "10", ", 2", ", 20"}, 2, 0, "var a, b, c = 10, 20, 3\n"},
		"the same":           {[]string{"1", "10", "1", "10"}, 2, 0, "var a, b, c = 10, 2, 3\n"},
		"one in another":     {[]string{"1, 2", "7, 8", "2", "20"}, 1, 1, "var a, b, c = 7, 8, 3\n"},
		"over an end":        {[]string{"1, 2", "7, 8", "2, 3", "20, 30"}, 1, 1, "var a, b, c = 7, 8, 3\n"},
		"two at one place":   {[]string{"1", "10", "1", "11"}, 1, 1, "var a, b, c = 10, 2, 3\n"},
		"formatted":          {[]string{"1", "  10"}, 1, 0, "var a, b, c = 10, 2, 3\n"},
		"two imports":        {[]string{"\n)", "\n\t_ \"a\"\n)", "1", "10"}, 2, 0, "import (\n\t_ \"a\"\n)\n\nvar a, b, c = 10, 2, 3\n"},
		"not Go any more":    {[]string{"1", "10 +"}, 1, 0, ""},
		"nothing to be done": {nil, 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, "shop.go", text)
			r := &driver.Report{Root: dir, Dir: dir}
			for i := 0; i < len(c.edits); i += 2 {
				r.Findings = append(r.Findings, finding(dir+"/shop.go", text, c.edits[i], c.edits[i+1]))
			}
			fixes, err := r.Fix()
			if err != nil || fixes.Applied != c.applied || fixes.Left != c.left {
				t.Fatalf("Fix = %+v, %v", fixes, err)
			}
			if (c.want == "") != (len(fixes.Files) == 0) {
				t.Fatalf("%d files, %+v", len(fixes.Files), fixes.Faults)
			}
			if c.want != "" && !strings.HasSuffix(string(fixes.Files[0].After), c.want) {
				t.Errorf("the file is\n%s\nwant at its end\n%s", fixes.Files[0].After, c.want)
			}
		})
	}
}

func TestImportsOfTwoFixes(t *testing.T) {
	const text = "package shop\n\nimport (\n\t\"fmt\"\n)\n\nvar _ = fmt.Sprint\n"
	dir := tree(t, "shop.go", text)
	r := &driver.Report{Root: dir, Dir: dir}
	for _, path := range []string{"time", "slices", "time"} {
		f := finding(dir+"/shop.go", text, "", "\n\t\""+path+"\"")
		e := &f.Fixes[0].Edits[0]
		e.Start = strings.Index(text, "(") + 1
		e.End = e.Start
		r.Findings = append(r.Findings, f)
	}
	fixes, err := r.Fix()
	if err != nil || fixes.Applied != 3 || len(fixes.Files) != 1 {
		t.Fatalf("Fix = %+v, %v", fixes, err)
	}
	if got := string(fixes.Files[0].After); !strings.Contains(got, "import (\n\t\"fmt\"\n\t\"slices\"\n\t\"time\"\n)") {
		t.Errorf("the file is\n%s", got)
	}
}

// Files that are not the user's to change.
func TestFixLeavesOthersFiles(t *testing.T) {
	const text = "package shop\n\nvar a = 1\n"
	dir := tree(t, "mine/vendor/example.org/shop.go", text, "other/shop.go", text)
	r := &driver.Report{Root: dir + "/mine", Dir: dir}
	for _, file := range []string{"/mine/vendor/example.org/shop.go", "/other/shop.go"} {
		r.Findings = append(r.Findings, finding(dir+file, text, "1", "2"))
	}
	if fixes, err := r.Fix(); err != nil || len(fixes.Files) != 0 || fixes.Applied != 0 {
		t.Errorf("Fix = %+v, %v", fixes, err)
	}
}

func TestDiff(t *testing.T) {
	numbers := func(change func(i int) string) string {
		var b strings.Builder
		for i := range 30 {
			b.WriteString(change(i))
		}
		return b.String()
	}
	line := func(i int) string { return strings.Repeat("x", i) + "\n" }
	before := numbers(line)
	for name, c := range map[string]struct {
		after string
		hunks []string
	}{
		"nothing":   {before, nil},
		"one line":  {numbers(func(i int) string { return map[bool]string{true: "new\n", false: line(i)}[i == 10] }), []string{"@@ -8,7 +8,7 @@"}},
		"the first": {"new\n" + before, []string{"@@ -1,3 +1,4 @@"}},
		"the last":  {before + "new\n", []string{"@@ -28,3 +28,4 @@"}},
		"far apart": {numbers(func(i int) string {
			return map[bool]string{true: "", false: line(i)}[i == 5 || i == 20]
		}), []string{"@@ -3,7 +3,6 @@", "@@ -18,7 +17,6 @@"}},
		"near": {numbers(func(i int) string {
			return map[bool]string{true: "", false: line(i)}[i == 10 || i == 15]
		}), []string{"@@ -8,12 +8,10 @@"}},
		"all gone": {"", []string{"@@ -1,30 +0,0 @@"}},
	} {
		var got []string
		for l := range strings.Lines(string(driver.Unified("f", []byte(before), []byte(c.after)))) {
			if strings.HasPrefix(l, "@@") {
				got = append(got, strings.TrimSpace(l))
			}
		}
		if !slices.Equal(got, c.hunks) {
			t.Errorf("%s: hunks %v, want %v", name, got, c.hunks)
		}
	}
}
