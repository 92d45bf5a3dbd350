// Package keymaybe is the rule that asks about what keymissing is not sure of.
package keymaybe

import (
	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/rules/keymissing"
)

// Rule is keymaybe. It is a rule of its own, and not an option of keymissing, so
// that it is turned on and answered by the same means as any other.
var Rule = &check.Rule{
	ID:       "keymaybe",
	Title:    "a load depends on something of its caller that may belong into the key",
	Severity: check.Note,
	Run:      func(p *check.Pass) { keymissing.Report(p, false) },
}
