// Package check is what the rules have in common: what a rule is, how it
// reports, and how a comment in the code that is checked answers it.
package check

import (
	"reflect"
	"sync"

	"golang.org/x/tools/go/analysis"

	"github.com/onefold-go/onefold/lint/internal/sites"
)

// A Severity says what to think of a finding.
type Severity uint8

// The severities, gravest first.
const (
	Error   Severity = iota // wrong whenever it runs that way
	Warning                 // wrong under load, or when something else goes wrong
	Note                    // worth a thought; never fails a build
)

// String is the severity's name in lower case.
func (s Severity) String() string { return [...]string{"error", "warning", "note"}[s] }

// A Rule is one check. Its ID is for ever: people write it into comments,
// baselines and configurations.
type Rule struct {
	ID       string
	Title    string // what is wrong with the code that it finds, in one line
	Severity Severity
	Default  bool // whether it is on unless somebody turns it off

	// Run looks at one package. It is called for packages with sites only,
	// unless Anywhere is true.
	Run func(*Pass)

	// Anywhere is for a rule that has something to say where nothing is
	// coalesced.
	Anywhere bool

	// Facts are the types of facts that Run exports and imports.
	Facts []analysis.Fact

	// Needs are analyzers beside [sites.Analyzer] whose results Run reads.
	Needs []*analysis.Analyzer

	once     sync.Once
	analyzer *analysis.Analyzer
}

// Pages is where the rules' pages are.
const Pages = "https://github.com/onefold-go/onefold/blob/main/docs/vet/"

// URL is the address of the rule's page.
func (r *Rule) URL() string { return Pages + r.ID + ".md" }

// Analyzer is the rule as an analyzer. Its result is an [*Outcome].
func (r *Rule) Analyzer() *analysis.Analyzer {
	r.once.Do(func() {
		r.analyzer = &analysis.Analyzer{
			Name:       r.ID,
			Doc:        r.Title + "\n\nSee " + r.URL(),
			URL:        r.URL(),
			Requires:   append([]*analysis.Analyzer{sites.Analyzer, comments}, r.Needs...),
			ResultType: reflect.TypeFor[*Outcome](),
			FactTypes:  r.Facts,
			Run:        r.run,
		}
	})
	return r.analyzer
}

func (r *Rule) run(pass *analysis.Pass) (any, error) {
	p := &Pass{
		Pass:     pass,
		Sites:    pass.ResultOf[sites.Analyzer].(*sites.Result),
		rule:     r,
		comments: pass.ResultOf[comments].(Suppressions),
		outcome:  new(Outcome),
	}
	if r.Anywhere || len(p.Sites.All) > 0 {
		r.Run(p)
	}
	return p.outcome, nil
}
