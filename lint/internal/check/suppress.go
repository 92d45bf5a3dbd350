package check

import (
	"go/ast"
	"go/token"
	"reflect"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Marker begins a comment that answers a finding:
//
//	//onefold:ok <rule> <reason>
//
// It stands on the line of the finding, or on the line above it.
const Marker = "//onefold:ok"

// A Suppression is one such comment.
type Suppression struct {
	Pos, End token.Pos
	Rule     string // empty when the comment names none
	Reason   string // empty when it gives none: the comment then answers nothing
}

// Suppressions are the comments of a package, by file and line.
type Suppressions map[fileLine][]*Suppression

type fileLine struct {
	file string
	line int
}

// comments collects a package's suppressions, once for all rules.
var comments = &analysis.Analyzer{
	Name:       "onefoldok",
	Doc:        "collect the comments that answer findings",
	ResultType: reflect.TypeFor[Suppressions](),
	Run: func(pass *analysis.Pass) (any, error) {
		all := make(Suppressions)
		for _, f := range pass.Files {
			for _, g := range f.Comments {
				for _, c := range g.List {
					if s := parse(c); s != nil {
						at := pass.Fset.Position(c.Pos())
						all[fileLine{at.Filename, at.Line}] = append(all[fileLine{at.Filename, at.Line}], s)
					}
				}
			}
		}
		return all, nil
	},
}

func parse(c *ast.Comment) *Suppression {
	rest, ok := strings.CutPrefix(c.Text, Marker)
	if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return nil
	}
	// What follows a second // is a comment on the comment: tests use it.
	rest, _, _ = strings.Cut(rest, "//")
	s := &Suppression{Pos: c.Pos(), End: c.End()}
	rest = strings.TrimSpace(rest)
	if i := strings.IndexAny(rest, " \t"); i >= 0 {
		s.Rule, s.Reason = rest[:i], strings.TrimSpace(rest[i:])
	} else {
		s.Rule = rest
	}
	return s
}

// answer gives the comment that answers a finding of the rule, or nil. One at
// the finding's own line or above it counts, and so does one at a place that
// the finding names as related: the call, where the finding is in its loader.
func (all Suppressions) answer(fset *token.FileSet, rule string, d analysis.Diagnostic) *Suppression {
	if len(all) == 0 {
		return nil
	}
	places := []token.Pos{d.Pos}
	for _, r := range d.Related {
		places = append(places, r.Pos)
	}
	for _, pos := range places {
		at := fset.Position(pos)
		for line := at.Line; line >= at.Line-1; line-- {
			for _, s := range all[fileLine{at.Filename, line}] {
				if s.Rule == rule && s.Reason != "" {
					return s
				}
			}
		}
	}
	return nil
}
