package house_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/onefold-go/onefold/internal/house"
)

var update = flag.Bool("update", false, "write docs/spec.md before it is checked")

// TestSpecLedger checks that docs/spec.md is what the tests' SPEC comments
// make it, and that each claimed statement has a test.
func TestSpecLedger(t *testing.T) {
	root := root(t)
	spec, holders, faults, err := house.ReadSpec(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range append(faults, spec.Faults(holders)...) {
		t.Error(fault)
	}

	name := filepath.Join(root, "docs", "spec.md")
	want := spec.Ledger(holders)
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date: run make spec", name)
	}
}

const smallSpec = `# The specification

Claimed: G01-G02, C01

## Group

- **G01** One.
- **G02** Two
  and a half.
- **G03** Three.

Also:

- **N01** Either | or.

## Cache

- **C01** Four.
`

func TestParseSpec(t *testing.T) {
	spec, err := house.ParseSpec(smallSpec)
	if err != nil {
		t.Fatal(err)
	}
	want := []house.Statement{
		{ID: "G01", Section: "Group", Text: "One."},
		{ID: "G02", Section: "Group", Text: "Two and a half."},
		{ID: "G03", Section: "Group", Text: "Three."},
		{ID: "N01", Section: "Group", Text: "Either | or."},
		{ID: "C01", Section: "Cache", Text: "Four."},
	}
	if !slices.Equal(spec.Statements, want) {
		t.Errorf("statements %v, want %v", spec.Statements, want)
	}
	if want := []string{"G01", "G02", "C01"}; !slices.Equal(spec.Claimed, want) {
		t.Errorf("claimed %v, want %v", spec.Claimed, want)
	}
}

func TestParseSpecRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"a statement twice":              "- **G01** One.\n- **G01** One more.\n",
		"an item that is none":           "- G01 One.\n",
		"a claim that does not exist":    "Claimed: G02\n\n- **G01** One.\n",
		"a claimed range of two letters": "Claimed: G01-N01\n\n- **G01** One.\n- **N01** Two.\n",
		"a claimed range backwards":      "Claimed: G02-G01\n\n- **G01** One.\n- **G02** Two.\n",
	} {
		if spec, err := house.ParseSpec(text); err == nil {
			t.Errorf("%s: %v, want an error", name, spec)
		}
	}
}

func TestHolders(t *testing.T) {
	tree := fstest.MapFS{
		"group_test.go": {Data: []byte(`package onefold_test

// TestTwo does.
// SPEC: G02, C01
func TestTwo(t *testing.T) {}

func TestOne(t *testing.T) {
	// SPEC: G01
	t.Run("a", func(t *testing.T) { /* SPEC is only a word here */ })
	// SPEC: G02
	t.Run("b", func(t *testing.T) {})
}
`)},
		"tier/cache_test.go":         {Data: []byte("package tier_test\n\n// SPEC: C01\nfunc FuzzGet(f *testing.F) {}\n")},
		"tier/cache.go":              {Data: []byte("package tier\n\n// SPEC: N01\nfunc TestLike() {}\n")},
		"tier/testdata/bad_test.go":  {Data: []byte("not Go")},
		"mem/outside_test.go":        {Data: []byte("package mem\n\n// SPEC: G01\n\nfunc TestX(t *testing.T) {}\n")},
		"mem/helper_test.go":         {Data: []byte("package mem\n\n// SPEC: G01\nfunc check(t *testing.T) {}\n")},
		"mem/badly_written_test.go":  {Data: []byte("package mem\n\n//SPEC: G01\nfunc TestX(t *testing.T) {}\n")},
		"mem/range_test.go":          {Data: []byte("package mem\n\n// SPEC: G01-G03\nfunc TestY(t *testing.T) {}\n")},
		"mem/unknown_number_test.go": {Data: []byte("package mem\n\n// SPEC: G77\nfunc TestZ(t *testing.T) {}\n")},
	}
	holders, faults, err := house.Holders(tree)
	if err != nil {
		t.Fatal(err)
	}
	want := []house.Holder{
		{ID: "C01", Test: "TestTwo", File: "group_test.go"},
		{ID: "C01", Test: "FuzzGet", File: "tier/cache_test.go"},
		{ID: "G01", Test: "TestOne", File: "group_test.go"},
		{ID: "G02", Test: "TestOne", File: "group_test.go"},
		{ID: "G02", Test: "TestTwo", File: "group_test.go"},
		{ID: "G77", Test: "TestZ", File: "mem/unknown_number_test.go"},
	}
	if !slices.Equal(holders, want) {
		t.Errorf("holders %v, want %v", holders, want)
	}
	var files []string
	for _, fault := range faults {
		file, _, _ := strings.Cut(fault, ":")
		files = append(files, file)
	}
	if want := []string{"mem/badly_written_test.go", "mem/helper_test.go", "mem/outside_test.go", "mem/range_test.go"}; !slices.Equal(files, want) {
		t.Errorf("faults in %v, want %v:\n%s", files, want, strings.Join(faults, "\n"))
	}
}

func TestSpecFaults(t *testing.T) {
	spec, err := house.ParseSpec(smallSpec)
	if err != nil {
		t.Fatal(err)
	}
	got := spec.Faults([]house.Holder{
		{ID: "G01", Test: "TestOne", File: "group_test.go"},
		{ID: "C01", Test: "TestFour", File: "tier/cache_test.go"},
		{ID: "G77", Test: "TestZ", File: "group_test.go"},
	})
	want := []string{
		"statement G02 is claimed, and no test holds it",
		"group_test.go: TestZ names statement G77, which does not exist",
	}
	if !slices.Equal(got, want) {
		t.Errorf("faults %q, want %q", got, want)
	}
}

func TestLedger(t *testing.T) {
	spec, err := house.ParseSpec(smallSpec)
	if err != nil {
		t.Fatal(err)
	}
	got := spec.Ledger([]house.Holder{
		{ID: "G02", Test: "TestOne", File: "group_test.go"},
		{ID: "G02", Test: "TestTwo", File: "tier/cache_test.go"},
	})
	for _, want := range []string{
		"\n## Group\n",
		"| G01 | One. | not yet |\n",
		"| G02 | Two and a half. | [TestOne](../group_test.go), [TestTwo](../tier/cache_test.go) |\n",
		`| N01 | Either \| or. | not yet |`,
		"1 of 5 statements",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the ledger lacks %q:\n%s", want, got)
		}
	}
}
