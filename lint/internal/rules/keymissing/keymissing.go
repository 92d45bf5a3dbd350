// Package keymissing is the rule against keys that lack something which the
// answer depends on.
package keymissing

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/keys"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is keymissing.
var Rule = &check.Rule{
	ID:       "keymissing",
	Title:    "a load depends on something of its caller that is not in the key",
	Severity: check.Error,
	Run:      run,
}

func run(p *check.Pass) { Report(p, true) }

// Report reports what keys miss: what is sure, or what is not, at calls where
// nothing is.
func Report(p *check.Pass, sure bool) {
	for _, s := range p.Sites.All {
		if s.Instr == nil || s.Loader.Opaque() || s.Test {
			continue
		}
		all, constant := keys.Missings(p.Sites, s)
		var certain, doubtful []keys.Missing
		for _, m := range all {
			if m.Sure {
				certain = append(certain, m)
			} else {
				doubtful = append(doubtful, m)
			}
		}
		switch {
		case sure && len(certain) > 0:
			report(p, s, certain, sure, constant)
		case !sure && len(certain) == 0 && len(doubtful) > 0:
			report(p, s, doubtful, sure, constant)
		}
	}
}

func report(p *check.Pass, s *sites.Site, missing []keys.Missing, sure, constant bool) {
	names := list(missing)
	message := fmt.Sprintf("callers who differ only in %s share this load, and all get what it loads for the first of them", names)
	switch {
	case !sure:
		message = fmt.Sprintf("is the answer the same for callers who differ in %s? They share this load, and all get what it loads for the first of them", names)
	case constant:
		message = fmt.Sprintf("all callers share this load under one key, whatever their %s, and get what it loads for the first of them", names)
	}
	d := analysis.Diagnostic{
		Pos:     s.KeyExpr.Pos(),
		End:     s.KeyExpr.End(),
		Message: message,
		Related: []analysis.RelatedInformation{{Pos: s.Pos(), End: s.Call.End(), Message: "the load is shared here"}},
	}
	if sure {
		d.SuggestedFixes = fix(p, s, missing)
	}
	for _, m := range missing {
		if m.Pos.IsValid() {
			d.Related = append(d.Related, analysis.RelatedInformation{Pos: m.Pos, Message: "the load depends on " + m.String() + " here"})
		}
		if m.Param.Pos().IsValid() {
			d.Related = append(d.Related, analysis.RelatedInformation{Pos: m.Param.Pos(), Message: m.String() + " comes from here"})
		}
	}
	p.Report(d)
}

// list names the first three.
func list(missing []keys.Missing) string {
	var names []string
	for i, m := range missing {
		if i == 3 {
			names = append(names, "more")
			break
		}
		names = append(names, m.String())
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return names[0]
}

// fix appends what is missing to the key, with a byte between that no text has.
// There is none where something else would have to change along: the package
// forgets keys, the load is given the key, the results are kept by it.
func fix(p *check.Pass, s *sites.Site, missing []keys.Missing) []analysis.SuggestedFix {
	if t, ok := p.TypesInfo.TypeOf(s.KeyExpr).(*types.Basic); !ok || t.Kind() != types.String || len(s.API.Keys) != 1 || s.API.Keeps || s.API.Wrapper != nil || takesKey(p, s) || forgets(p) {
		return nil
	}
	var names []string
	for _, m := range missing {
		name := nameAt(p, s.KeyExpr.Pos(), m)
		if name == "" {
			return nil
		}
		names = append(names, name)
	}
	done := func(edits ...analysis.TextEdit) []analysis.SuggestedFix {
		return []analysis.SuggestedFix{{Message: "add " + strings.Join(names, " and ") + " to the key", TextEdits: edits}}
	}
	switch key := ast.Unparen(s.KeyExpr).(type) {
	case *ast.CallExpr:
		format, ok := sprintf(p, key)
		if !ok {
			return nil
		}
		return done(
			analysis.TextEdit{Pos: format.End() - 1, End: format.End() - 1, NewText: []byte(strings.Repeat(`\x00%v`, len(names)))},
			analysis.TextEdit{Pos: key.Args[len(key.Args)-1].End(), End: key.Args[len(key.Args)-1].End(), NewText: []byte(", " + strings.Join(names, ", "))},
		)
	case *ast.BinaryExpr, *ast.Ident, *ast.SelectorExpr, *ast.BasicLit:
		if b, ok := key.(*ast.BinaryExpr); ok && b.Op != token.ADD {
			return nil
		}
		for _, m := range missing {
			if t, ok := m.Type().(*types.Basic); !ok || t.Kind() != types.String {
				return nil
			}
		}
		return done(analysis.TextEdit{Pos: key.End(), End: key.End(), NewText: []byte(` + "\x00" + ` + strings.Join(names, ` + "\x00" + `))})
	}
	return nil
}

// sprintf gives the format of a call of fmt.Sprintf that is written as a string
// between double quotes.
func sprintf(p *check.Pass, call *ast.CallExpr) (*ast.BasicLit, bool) {
	fn := p.Sites.Callee(call)
	if fn == nil || fn.FullName() != "fmt.Sprintf" || call.Ellipsis.IsValid() || len(call.Args) == 0 {
		return nil, false
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	return lit, ok && lit.Kind == token.STRING && lit.Value[0] == '"'
}

// nameAt is how to write a part at a place; "" if it has no name there, or is
// no text and no number.
func nameAt(p *check.Pass, at token.Pos, m keys.Missing) string {
	if b, ok := m.Type().Underlying().(*types.Basic); !ok || b.Info()&(types.IsString|types.IsInteger|types.IsBoolean) == 0 {
		return ""
	}
	name := m.String()
	root, _, _ := strings.Cut(name, ".")
	if strings.ContainsAny(name, "()[]") {
		return ""
	}
	scope := p.Pkg.Scope().Innermost(at)
	if scope == nil {
		return ""
	}
	_, obj := scope.LookupParent(root, at)
	v, ok := obj.(*types.Var)
	if !ok || m.Var == "" && obj != m.Param.Object() || root == name && !types.Identical(v.Type(), m.Type()) {
		return ""
	}
	return name
}

// takesKey says whether the load is given the key.
func takesKey(p *check.Pass, s *sites.Site) bool {
	sig, ok := p.TypesInfo.TypeOf(s.LoadExpr).Underlying().(*types.Signature)
	return !ok || sig.Params().Len() > 1 || sig.Params().Len() == 1 && !flow.IsContext(sig.Params().At(0).Type())
}

// forgets says whether the package forgets keys of a group.
func forgets(p *check.Pass) bool {
	found := false
	for _, file := range p.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(sel.Sel.Name, "Forget") {
				found = true
			}
			return !found
		})
	}
	return found
}
