package fencemodel_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of docs/fence-model.md before they are checked")

const (
	page  = "../../docs/fence-model.md"
	begin = "<!-- made by go test ./internal/fencemodel -update -->\n"
	end   = "<!-- end -->\n"
)

// The tables of the page are what the runs give.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no lines %q and %q", page, begin, end)
	}
	want := head + begin + tables() + end + tail
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is not what the runs give now: go test ./internal/fencemodel -update", page)
	}
}

func tables() string {
	var b strings.Builder
	b.WriteString("\n| space | states | steps | depth |\n|---|---|---|---|\n")
	for _, run := range all {
		got := run.result(0)
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", run.name, got.States, got.Steps, got.Depth)
	}
	b.WriteString("\n| naive version, and its space | a shortest way to break it |\n|---|---|\n")
	for _, run := range all {
		if run.exception {
			got := run.result(0)
			fmt.Fprintf(&b, "| the stated exception: %s | %s. **So %s.** |\n", run.name, words(got), got.Fault)
		}
		for _, naive := range run.naive {
			got := run.result(naive.is)
			if naive.harmless {
				fmt.Fprintf(&b, "| %s (%s) | broke nothing in %d states |\n", naive.name, run.name, got.States)
				continue
			}
			fmt.Fprintf(&b, "| %s (%s) | %s. **So %s.** |\n", naive.name, run.name, words(got), got.Fault)
		}
	}
	b.WriteString("\n")
	return b.String()
}
