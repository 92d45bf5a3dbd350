package lint

import (
	"golang.org/x/tools/go/analysis"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/rules/assertnil"
	"github.com/onefold-go/onefold/lint/internal/rules/callerstore"
	"github.com/onefold-go/onefold/lint/internal/rules/ctxcapture"
	"github.com/onefold-go/onefold/lint/internal/rules/reqcapture"
	"github.com/onefold-go/onefold/lint/internal/rules/sharedflag"
	"github.com/onefold-go/onefold/lint/internal/rules/sharedmut"
	"github.com/onefold-go/onefold/lint/internal/rules/unbounded"
)

// A Rule is one check.
type Rule = check.Rule

// rules are all of them, in the order of the documentation.
var rules = []*Rule{
	ctxcapture.Rule,
	reqcapture.Rule,
	sharedmut.Rule,
	callerstore.Rule,
	unbounded.Rule,
	assertnil.Rule,
	sharedflag.Rule,
}

// Rules gives every rule there is, those that are off by default as well.
func Rules() []*Rule { return append([]*Rule(nil), rules...) }

// Analyzers gives the rules that are on by default, and the check of the
// comments that answer findings.
func Analyzers() []*analysis.Analyzer {
	var all []*analysis.Analyzer
	for _, r := range rules {
		if r.Default {
			all = append(all, r.Analyzer())
		}
	}
	return append(all, check.Unused(rules))
}
