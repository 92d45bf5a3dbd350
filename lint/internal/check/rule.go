// Package check is what the rules have in common: what a rule is, how it
// reports, how a comment in the code that is checked answers it, and how what
// they all found reaches the tool that somebody runs.
package check

import (
	"fmt"
	"reflect"
	"runtime/debug"
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
	Note                    // worth a thought; fails a build only where that is asked for
)

var severities = [...]string{"error", "warning", "note"}

// String is the severity's name in lower case.
func (s Severity) String() string { return severities[s] }

// MarshalText is the name as well.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a name.
func (s *Severity) UnmarshalText(text []byte) error {
	for i, name := range severities {
		if string(text) == name {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("there is no severity %q: it is error, warning or note", text)
}

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
	analyzer *analysis.Analyzer // as it is
	guarded  *analysis.Analyzer // with its panics caught
}

// Pages is where the rules' pages are.
const Pages = "https://github.com/onefold-go/onefold/blob/main/docs/vet/"

// URL is the address of the rule's page.
func (r *Rule) URL() string { return Pages + r.ID + ".md" }

// Analyzer is the rule as an analyzer. Its result is an [*Outcome]. A panic of
// the rule is one of the analyzer, so that tests see it.
func (r *Rule) Analyzer() *analysis.Analyzer {
	r.once.Do(r.make)
	return r.analyzer
}

// Guarded is the analyzer for tools: where the rule panics on a package, the
// outcome says so, and other rules go on. The two cannot be used together, as
// they have the same facts.
func (r *Rule) Guarded() *analysis.Analyzer {
	r.once.Do(r.make)
	return r.guarded
}

func (r *Rule) make() {
	r.analyzer = &analysis.Analyzer{
		Name:       r.ID,
		Doc:        r.Title + "\n\nSee " + r.URL(),
		URL:        r.URL(),
		Requires:   append([]*analysis.Analyzer{sites.Analyzer, comments}, r.Needs...),
		ResultType: reflect.TypeFor[*Outcome](),
		FactTypes:  r.Facts,
		Run: func(pass *analysis.Pass) (any, error) {
			outcome := new(Outcome)
			r.look(pass, outcome)
			return outcome, nil
		},
	}
	guarded := *r.analyzer
	guarded.Run = func(pass *analysis.Pass) (result any, err error) {
		outcome := new(Outcome)
		result = outcome // also after a panic
		defer func() {
			if v := recover(); v != nil {
				outcome.Panic = &Panic{Value: fmt.Sprint(v), Stack: string(debug.Stack())}
			}
		}()
		r.look(pass, outcome)
		return result, nil
	}
	r.guarded = &guarded
}

func (r *Rule) look(pass *analysis.Pass, outcome *Outcome) {
	p := &Pass{
		Pass:     pass,
		Sites:    pass.ResultOf[sites.Analyzer].(*sites.Result),
		rule:     r,
		comments: pass.ResultOf[comments].(Suppressions),
		outcome:  outcome,
	}
	if r.Anywhere || len(p.Sites.All) > 0 {
		r.Run(p)
	}
}
