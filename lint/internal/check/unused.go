package check

import (
	"fmt"
	"reflect"
	"slices"

	"golang.org/x/tools/go/analysis"
)

// Unused gives an analyzer that reports the comments of [Marker] that answer
// nothing: those without a reason, with a rule that there is none of, and those
// whose rule finds nothing there.
func Unused(rules []*Rule) *analysis.Analyzer {
	self := &Rule{ID: "unusedok", Title: "a comment that should answer a finding answers none", Severity: Warning, Default: true}
	requires := []*analysis.Analyzer{comments}
	var ids []string
	for _, r := range rules {
		requires = append(requires, r.Analyzer())
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return &analysis.Analyzer{
		Name:       self.ID,
		Doc:        self.Title + "\n\nSee " + self.URL(),
		URL:        self.URL(),
		Requires:   requires,
		ResultType: reflect.TypeFor[*Outcome](),
		Run: func(pass *analysis.Pass) (any, error) {
			used := make(map[*Suppression]bool)
			for _, r := range rules {
				for _, f := range pass.ResultOf[r.Analyzer()].(*Outcome).Findings {
					used[f.Suppressed] = true
				}
			}
			p := &Pass{Pass: pass, rule: self, outcome: new(Outcome)}
			for _, line := range pass.ResultOf[comments].(Suppressions) {
				for _, s := range line {
					if why := fault(s, ids, used[s]); why != "" {
						p.Report(analysis.Diagnostic{Pos: s.Pos, End: s.End, Message: why})
					}
				}
			}
			slices.SortFunc(p.outcome.Findings, func(a, b Finding) int { return int(a.Pos - b.Pos) })
			return p.outcome, nil
		},
	}
}

func fault(s *Suppression, ids []string, used bool) string {
	switch {
	case s.Rule == "":
		return "names no rule: write " + Marker + " <rule> <reason>"
	case !slices.Contains(ids, s.Rule):
		return fmt.Sprintf("there is no rule %q; the rules are %v", s.Rule, ids)
	case s.Reason == "":
		return fmt.Sprintf("gives no reason, so it answers nothing: write %s %s <reason>", Marker, s.Rule)
	case !used:
		return fmt.Sprintf("%s finds nothing here: take the comment away", s.Rule)
	}
	return ""
}
