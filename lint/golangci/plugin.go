// Package golangci is a plugin of golangci-lint, version 2, that finds misused
// coalescing of loads. The files custom-gcl.yml and golangci.yml in docs/vet
// build golangci-lint with it and turn it on.
package golangci

import (
	"errors"
	"fmt"
	"strings"

	"github.com/golangci/plugin-module-register/register"
	"golang.org/x/tools/go/analysis"

	"github.com/onefold-go/onefold/lint"
)

func init() { register.Plugin("onefold", New) } //nolint:gochecknoinits // this is how a plugin makes itself known

// Settings are what stands under linters.settings.custom.onefold.settings. The
// zero Settings are the default rules.
type Settings struct {
	Enable  []string `json:"enable"`  // rules to run beside the default ones; "all" for every one
	Disable []string `json:"disable"` // rules not to run; "all" for those that enable does not name
	Notes   bool     `json:"notes"`   // report findings of severity note as well
}

// New makes the plugin from its settings, which may be nil. A setting that there
// is none of, and a rule that there is none of, are errors.
func New(settings any) (register.LinterPlugin, error) {
	var s Settings
	if settings != nil {
		var err error
		if s, err = register.DecodeSettings[Settings](settings); err != nil {
			return nil, fmt.Errorf("the settings of onefold are enable, disable and notes: %w", err)
		}
	}
	analyzer, err := lint.Analyzer(s.Enable, s.Disable, s.Notes)
	if err != nil {
		return nil, errors.New("onefold: " + strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return plugin{withoutRelated(analyzer)}, nil
}

// withoutRelated gives an analyzer that reports without the related places.
// golangci-lint makes a finding of each of them, counts these, and of several on
// one line it keeps one, so that a place could hide a finding.
func withoutRelated(a *analysis.Analyzer) *analysis.Analyzer {
	quiet := *a
	quiet.Run = func(pass *analysis.Pass) (any, error) {
		p := *pass
		p.Report = func(d analysis.Diagnostic) {
			d.Related = nil
			pass.Report(d)
		}
		return a.Run(&p)
	}
	return &quiet
}

type plugin struct{ analyzer *analysis.Analyzer }

func (p plugin) BuildAnalyzers() ([]*analysis.Analyzer, error) {
	return []*analysis.Analyzer{p.analyzer}, nil
}

func (plugin) GetLoadMode() string { return register.LoadModeTypesInfo }
