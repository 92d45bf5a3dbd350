package golangci_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/golangci/plugin-module-register/register"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/onefold-go/onefold/lint"
	"github.com/onefold-go/onefold/lint/golangci"
)

func analyzer(t *testing.T, settings any) *analysis.Analyzer {
	t.Helper()
	p, err := golangci.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	if mode := p.GetLoadMode(); mode != register.LoadModeTypesInfo {
		t.Errorf("the load mode is %q, want %q", mode, register.LoadModeTypesInfo)
	}
	all, err := p.BuildAnalyzers()
	if err != nil || len(all) != 1 {
		t.Fatalf("analyzers %v, %v; want one", all, err)
	}
	if err := analysis.Validate(all); err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func TestPluginIsKnown(t *testing.T) {
	if _, err := register.GetPlugin("onefold"); err != nil {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	runs := func(a *analysis.Analyzer, rule string) bool {
		return slices.ContainsFunc(a.Requires, func(r *analysis.Analyzer) bool { return r.Name == rule })
	}
	defaults := analyzer(t, nil)
	all := analyzer(t, map[string]any{"enable": []any{"all"}})
	none := analyzer(t, map[string]any{"disable": []any{"all"}, "notes": true})
	for _, r := range lint.Rules() {
		if runs(defaults, r.ID) != r.Default || !runs(all, r.ID) || runs(none, r.ID) {
			t.Errorf("%s: by default %t, of all %t, of none %t", r.ID, runs(defaults, r.ID), runs(all, r.ID), runs(none, r.ID))
		}
	}

	for word, settings := range map[string]any{
		"enabled":         map[string]any{"enabled": []any{}},
		"enable, disable": "text",
		`"no"`:            map[string]any{"enable": []any{"no"}},
	} {
		if _, err := golangci.New(settings); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("New(%v): %v", settings, err)
		}
	}
}

// What golangci-lint does: it runs the analyzer and prints what it reports, and
// each related place as a finding more.
func TestFindings(t *testing.T) {
	found := 0
	for _, r := range analysistest.Run(t, analysistest.TestData(), analyzer(t, nil), "shop") {
		for _, d := range r.Action.Diagnostics {
			found++
			if len(d.Related) > 0 {
				t.Errorf("%q comes with %d related places", d.Message, len(d.Related))
			}
		}
	}
	if found == 0 {
		t.Error("nothing was found")
	}
}
