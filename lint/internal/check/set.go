package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// A Set is the rules that are on, among all that there are.
type Set struct {
	All    []*Rule
	On     []*Rule // in the order of All
	Unused bool    // whether comments that answer nothing are reported
}

// Select gives the rules that are on when the default ones are changed as a
// user says. A name is a rule's ID, or "unusedok", or "all"; what names a rule
// counts for more than "all". Names that there are none of, and those that are
// to be both on and off, are faults.
func Select(all []*Rule, enable, disable []string) (*Set, error) {
	known := append(slices.Clip(all), UnusedOK)
	var errs []error
	for _, names := range [][]string{enable, disable} {
		for _, name := range names {
			if name != "all" && !slices.ContainsFunc(known, func(r *Rule) bool { return r.ID == name }) {
				errs = append(errs, fmt.Errorf("there is no rule %q: the rules are %s", name, IDs(known)))
			}
		}
	}
	for _, name := range enable {
		if slices.Contains(disable, name) {
			errs = append(errs, fmt.Errorf("%q is both enabled and disabled: leave one out", name))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}

	s := &Set{All: all}
	for _, r := range known {
		on := r.Default
		switch {
		case slices.Contains(disable, r.ID):
			on = false
		case slices.Contains(enable, r.ID):
			on = true
		case slices.Contains(disable, "all"):
			on = false
		case slices.Contains(enable, "all"):
			on = true
		}
		switch {
		case r == UnusedOK:
			s.Unused = on
		case on:
			s.On = append(s.On, r)
		}
	}
	return s, nil
}

// IDs lists rules in a message.
func IDs(rules []*Rule) string {
	var b strings.Builder
	for i, r := range rules {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(r.ID)
	}
	return b.String()
}

// Has says whether the rule of that ID is on.
func (s *Set) Has(id string) bool {
	return id == UnusedOK.ID && s.Unused || slices.ContainsFunc(s.On, func(r *Rule) bool { return r.ID == id })
}

// Requires are the analyzers that [Set.Gather] reads the results of.
func (s *Set) Requires() []*analysis.Analyzer {
	requires := []*analysis.Analyzer{comments}
	for _, r := range s.On {
		requires = append(requires, r.Guarded())
	}
	return requires
}

// A Failure is a rule that panicked on a package.
type Failure struct {
	Rule *Rule
	Panic
}

// Gather gives what all rules found in a package, in the order of the source,
// and which of them failed.
func (s *Set) Gather(pass *analysis.Pass) (found []Finding, failed []Failure) {
	outcomes := make(map[*Rule]*Outcome)
	for _, r := range s.On {
		o := pass.ResultOf[r.Guarded()].(*Outcome)
		outcomes[r] = o
		found = append(found, o.Findings...)
		if o.Panic != nil {
			failed = append(failed, Failure{r, *o.Panic})
		}
	}
	if s.Unused {
		found = append(found, unused(pass, s.All, outcomes)...)
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return int(a.Pos - b.Pos) })
	return found, failed
}

// Plain gives one analyzer for tools that know messages alone, such as go vet
// and golangci-lint: it reports what no comment answers, each with its rule
// behind it. Notes are left out unless they are asked for, as such tools take
// every message for a failure. A rule that failed is a message of its own.
func (s *Set) Plain(notes bool) *analysis.Analyzer {
	return &analysis.Analyzer{
		Name:     "onefold",
		Doc:      "report misused coalescing of loads\n\nSee " + Pages + "README.md",
		URL:      Pages + "README.md",
		Requires: s.Requires(),
		Run: func(pass *analysis.Pass) (any, error) {
			found, failed := s.Gather(pass)
			for _, f := range found {
				if f.Suppressed == nil && (notes || f.Severity != Note) {
					d := f.Diagnostic
					d.Message += " (" + d.Category + ")"
					pass.Report(d)
				}
			}
			for _, f := range failed {
				pass.Report(analysis.Diagnostic{
					Pos:     pass.Files[0].Package,
					Message: fmt.Sprintf("the rule %s failed on package %s and so was not checked; please report it: %s", f.Rule.ID, pass.Pkg.Path(), f.Value),
				})
			}
			return nil, nil
		},
	}
}
