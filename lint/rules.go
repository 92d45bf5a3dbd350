package lint

import (
	"golang.org/x/tools/go/analysis"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/rules/assertnil"
	"github.com/onefold-go/onefold/lint/internal/rules/callerstore"
	"github.com/onefold-go/onefold/lint/internal/rules/ctxcapture"
	"github.com/onefold-go/onefold/lint/internal/rules/dochanleak"
	"github.com/onefold-go/onefold/lint/internal/rules/forgetmisuse"
	"github.com/onefold-go/onefold/lint/internal/rules/groupscope"
	"github.com/onefold-go/onefold/lint/internal/rules/keymaybe"
	"github.com/onefold-go/onefold/lint/internal/rules/keymissing"
	"github.com/onefold-go/onefold/lint/internal/rules/keyspace"
	"github.com/onefold-go/onefold/lint/internal/rules/keyvolatile"
	"github.com/onefold-go/onefold/lint/internal/rules/mutexmap"
	"github.com/onefold-go/onefold/lint/internal/rules/nocache"
	"github.com/onefold-go/onefold/lint/internal/rules/recursivedo"
	"github.com/onefold-go/onefold/lint/internal/rules/reqcapture"
	"github.com/onefold-go/onefold/lint/internal/rules/sharedflag"
	"github.com/onefold-go/onefold/lint/internal/rules/sharedmut"
	"github.com/onefold-go/onefold/lint/internal/rules/sideeffect"
	"github.com/onefold-go/onefold/lint/internal/rules/sprintfkey"
	"github.com/onefold-go/onefold/lint/internal/rules/unbounded"
)

// A Rule is one check.
type Rule = check.Rule

// A Severity says what to think of a finding.
type Severity = check.Severity

// The severities, gravest first.
const (
	Error   = check.Error
	Warning = check.Warning
	Note    = check.Note
)

// rules are all of them, in the order of the documentation.
var rules = []*Rule{
	ctxcapture.Rule,
	keymissing.Rule,
	keymaybe.Rule,
	reqcapture.Rule,
	keyspace.Rule,
	sharedmut.Rule,
	callerstore.Rule,
	unbounded.Rule,
	groupscope.Rule,
	assertnil.Rule,
	forgetmisuse.Rule,
	recursivedo.Rule,
	dochanleak.Rule,
	keyvolatile.Rule,
	sideeffect.Rule,
	sprintfkey.Rule,
	mutexmap.Rule,
	sharedflag.Rule,
	nocache.Rule,
}

// Rules gives every rule there is, those that are off by default as well.
func Rules() []*Rule { return append([]*Rule(nil), rules...) }

// UnusedOK is what is reported of comments that answer nothing. It is on by
// default, is turned off as a rule is, and is not among [Rules].
var UnusedOK = check.UnusedOK

// Analyzers gives the rules that are on by default, and the check of the
// comments that answer findings, each an analyzer of its own.
func Analyzers() []*analysis.Analyzer {
	var (
		all []*analysis.Analyzer
		on  []*Rule
	)
	for _, r := range rules {
		if r.Default {
			on = append(on, r)
			all = append(all, r.Analyzer())
		}
	}
	return append(all, check.Unused(rules, on))
}

// Analyzer gives one analyzer, named onefold, for tools that know messages
// alone: what it reports names the rule at its end. The rules are the default
// ones, those of enable added and those of disable taken away; "all" stands for
// all of them. Findings that are notes are left out unless notes is true. A
// name that no rule has is an error.
//
// It cannot be run together with those of [Analyzers].
func Analyzer(enable, disable []string, notes bool) (*analysis.Analyzer, error) {
	set, err := check.Select(rules, enable, disable)
	if err != nil {
		return nil, err
	}
	return set.Plain(notes), nil
}
