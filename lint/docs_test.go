package lint_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/lint"
)

var update = flag.Bool("update", false, "write the table of rules in docs/vet/README.md")

const pages = "../docs/vet"

// TestTableOfRules holds the table in docs/vet/README.md to the list of rules.
func TestTableOfRules(t *testing.T) {
	const begin, end = "-update -->\n", "<!-- /rules -->"
	name := filepath.Join(pages, "README.md")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	_, behind, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no table between %q and %q", name, begin, end)
	}
	var table strings.Builder
	table.WriteString("| rule | finds | severity | on by default |\n|---|---|---|---|\n")
	for _, r := range append(lint.Rules(), lint.UnusedOK) {
		on := "yes"
		if !r.Default {
			on = "no"
		}
		fmt.Fprintf(&table, "| [%[1]s](%[1]s.md) | %s | %v | %s |\n", r.ID, strings.ReplaceAll(r.Title, "|", `\|`), r.Severity, on)
	}
	want := before + begin + table.String() + end + behind
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if string(data) != want {
		t.Errorf("the table in %s is not that of the rules: run go test ./lint -run TestTableOfRules -update. It should be\n%s", name, table.String())
	}
}

// TestRulesHavePages wants a page for each rule, which says what the list says.
func TestRulesHavePages(t *testing.T) {
	for _, r := range append(lint.Rules(), lint.UnusedOK) {
		name := filepath.Join(pages, r.ID+".md")
		data, err := os.ReadFile(name)
		if err != nil {
			t.Errorf("the rule %s has no page: write %s", r.ID, name)
			continue
		}
		severity := strings.ToLower(r.Severity.String())
		on := "On by default"
		if !r.Default {
			on = "Off by default"
		}
		text := string(data)
		if !strings.HasPrefix(text, "# "+r.ID+"\n") || !strings.Contains(text, "Severity: "+severity) || !strings.Contains(text, on) {
			t.Errorf("%s should begin with %q and say %q and %q", name, "# "+r.ID, "Severity: "+severity, on)
		}
	}
}

func TestRulesAreInOrder(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range lint.Rules() {
		if seen[r.ID] || r.ID == "" || r.ID == "all" || r.ID == lint.UnusedOK.ID {
			t.Errorf("%q cannot be the name of a rule, or is one twice", r.ID)
		}
		seen[r.ID] = true
		if r.Title == "" || strings.HasSuffix(r.Title, ".") || strings.Contains(r.Title, "\n") || r.Run == nil {
			t.Errorf("%s: the title %q is a phrase of one line, and Run is there", r.ID, r.Title)
		}
	}
}
