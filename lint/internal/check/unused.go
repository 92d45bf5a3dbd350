package check

import (
	"fmt"
	"reflect"
	"slices"

	"golang.org/x/tools/go/analysis"
)

// UnusedOK is what is reported of comments that answer nothing: those without
// a reason, those with a rule that there is none of, and those whose rule finds
// nothing there. It looks at what the other rules found and so has no Run; see
// [Unused].
var UnusedOK = &Rule{ID: "unusedok", Title: "a comment that should answer a finding answers none", Severity: Warning, Default: true}

// Unused gives an analyzer that reports the comments of [Marker] that answer
// nothing, where all are the rules there are and on those that run. Of a rule
// that is off, comments are not judged.
func Unused(all, on []*Rule) *analysis.Analyzer {
	requires := []*analysis.Analyzer{comments}
	for _, r := range on {
		requires = append(requires, r.Analyzer())
	}
	return &analysis.Analyzer{
		Name:       UnusedOK.ID,
		Doc:        UnusedOK.Title + "\n\nSee " + UnusedOK.URL(),
		URL:        UnusedOK.URL(),
		Requires:   requires,
		ResultType: reflect.TypeFor[*Outcome](),
		Run: func(pass *analysis.Pass) (any, error) {
			outcomes := make(map[*Rule]*Outcome)
			for _, r := range on {
				outcomes[r] = pass.ResultOf[r.Analyzer()].(*Outcome)
			}
			found := unused(pass, all, outcomes)
			for _, f := range found {
				pass.Report(f.Diagnostic)
			}
			return &Outcome{Findings: found}, nil
		},
	}
}

// unused judges a package's comments by what the rules that ran found.
func unused(pass *analysis.Pass, all []*Rule, outcomes map[*Rule]*Outcome) []Finding {
	var (
		ids    []string
		used   = make(map[*Suppression]bool)
		judged = make(map[string]bool) // rules that ran, and to their end
	)
	for _, r := range all {
		ids = append(ids, r.ID)
		if o := outcomes[r]; o != nil {
			judged[r.ID] = o.Panic == nil
			for _, f := range o.Findings {
				used[f.Suppressed] = true
			}
		}
	}
	slices.Sort(ids)

	var found []Finding
	for _, line := range pass.ResultOf[comments].(Suppressions) {
		for _, s := range line {
			why := fault(s, ids)
			if why == "" && judged[s.Rule] && !used[s] {
				why = s.Rule + " finds nothing here: take the comment away"
			}
			file := fileAt(pass, s.Pos)
			if why == "" || isGenerated(pass.Fset, file) {
				continue
			}
			f := Finding{
				Diagnostic: analysis.Diagnostic{Pos: s.Pos, End: s.End, Category: UnusedOK.ID, URL: UnusedOK.URL(), Message: why},
				Severity:   UnusedOK.Severity,
				Code:       Marker + " " + s.Rule,
			}
			f.Function, _ = around(file, s.Pos, s.End)
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return int(a.Pos - b.Pos) })
	return found
}

func fault(s *Suppression, ids []string) string {
	switch {
	case s.Rule == "":
		return "names no rule: write " + Marker + " <rule> <reason>"
	case !slices.Contains(ids, s.Rule):
		return fmt.Sprintf("there is no rule %q; the rules are %v", s.Rule, ids)
	case s.Reason == "":
		return fmt.Sprintf("gives no reason, so it answers nothing: write %s %s <reason>", Marker, s.Rule)
	}
	return ""
}
