package driver

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/onefold-go/onefold/lint"
)

// A Baseline is the findings that a project had when it began to use these
// checks, and means to live with for now. It names them by what stays when
// lines move, so that an old finding stays known and a new one is told.
type Baseline struct {
	Version  int             `json:"version"`
	Findings []BaselineEntry `json:"findings"`
}

// A BaselineEntry is one of them. The fingerprint is what counts; the rest is
// for who reads the file.
type BaselineEntry struct {
	Fingerprint string `json:"fingerprint"`
	Rule        string `json:"rule"`
	Package     string `json:"package"`
	Function    string `json:"function,omitempty"`
	Code        string `json:"code,omitempty"`
}

// baselineVersion is the form that is written here, and the only one there is.
const baselineVersion = 1

// ReadBaseline reads what [Baseline.Bytes] gave.
func ReadBaseline(data []byte) (*Baseline, error) {
	var b Baseline
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, fmt.Errorf("it is no baseline: %w", err)
	}
	if b.Version != baselineVersion {
		return nil, fmt.Errorf("it is a baseline of version %d, and this program knows version %d: write it anew", b.Version, baselineVersion)
	}
	return &b, nil
}

// Baseline gives a baseline of all findings that no comment answers.
func (r *Report) Baseline() *Baseline {
	b := &Baseline{Version: baselineVersion, Findings: []BaselineEntry{}}
	for _, f := range r.Findings {
		if f.Suppressed == nil {
			b.Findings = append(b.Findings, BaselineEntry{f.Fingerprint, f.Rule, f.Package, f.Function, f.Code})
		}
	}
	slices.SortFunc(b.Findings, func(x, y BaselineEntry) int {
		return cmp.Or(
			cmp.Compare(x.Package, y.Package), cmp.Compare(x.Function, y.Function),
			cmp.Compare(x.Rule, y.Rule), cmp.Compare(x.Code, y.Code), cmp.Compare(x.Fingerprint, y.Fingerprint),
		)
	})
	return b
}

// Bytes is the baseline as a file, in an order that does not change.
func (b *Baseline) Bytes() []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(b); err != nil {
		panic(err) // strings and a number
	}
	return out.Bytes()
}

// Apply marks the findings that are in b as known, and gives the entries that
// no finding answers to any more. Entries of rules that are off are none of
// these; those of packages that were not asked for are.
func (r *Report) Apply(b *Baseline) (stale []BaselineEntry) {
	known := make(map[string]bool)
	for _, e := range b.Findings {
		known[e.Fingerprint] = true
	}
	met := make(map[string]bool)
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Known = f.Suppressed == nil && known[f.Fingerprint]
		met[f.Fingerprint] = true
	}
	for _, e := range b.Findings {
		if on := slices.ContainsFunc(r.Rules, func(rule *lint.Rule) bool { return rule.ID == e.Rule }); on && !met[e.Fingerprint] {
			stale = append(stale, e)
		}
	}
	return stale
}
