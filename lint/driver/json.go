package driver

import (
	"encoding/json"
	"io"
	"slices"
)

// JSON prints the report as one object. Files are named relative to the
// repository. Findings that are answered are in it, each with its answer.
func (r *Report) JSON(w io.Writer) error {
	findings := make([]Finding, len(r.Findings))
	for i, f := range r.Findings {
		f.File = r.path(f.File)
		f.Related = slices.Clone(f.Related)
		for j := range f.Related {
			f.Related[j].File = r.path(f.Related[j].File)
		}
		f.Fixes = slices.Clone(f.Fixes)
		for j := range f.Fixes {
			edits := slices.Clone(f.Fixes[j].Edits)
			for k := range edits {
				edits[k].File = r.path(edits[k].File)
			}
			f.Fixes[j].Edits = edits
		}
		if f.Suppressed != nil {
			s := *f.Suppressed
			s.File = r.path(s.File)
			f.Suppressed = &s
		}
		findings[i] = f
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Packages int       `json:"packages"`
		Findings []Finding `json:"findings"`
		Troubles []Trouble `json:"troubles,omitempty"`
	}{r.Packages, findings, r.Troubles})
}
