package sites

import (
	"reflect"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/inspect"
)

// Analyzer finds the sites of a package. Its result is a [*Result].
var Analyzer = &analysis.Analyzer{
	Name:       "onefoldsites",
	Doc:        "find the calls that coalesce loads",
	Requires:   []*analysis.Analyzer{inspect.Analyzer},
	ResultType: reflect.TypeFor[*Result](),
	Run:        func(pass *analysis.Pass) (any, error) { return new(Result), nil },
}

// A Result is what is known of a package's sites.
type Result struct {
	All []*Site // in the order of the source
}
