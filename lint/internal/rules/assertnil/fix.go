package assertnil

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// fix puts a look at the error before the statement with the assertion, where
// the function around gives an error and the other results have a zero that can
// be written.
func fix(p *check.Pass, s *sites.Site, expr ast.Expr, path []ast.Node) []analysis.SuggestedFix {
	// The statement must stand in a block, and be of the function that calls.
	var stmt ast.Stmt
	for i, n := range path {
		switch n.(type) {
		case *ast.ReturnStmt, *ast.AssignStmt:
			if i+1 < len(path) && inList(path[i+1], n.(ast.Stmt)) {
				stmt = n.(ast.Stmt)
			}
		case *ast.FuncLit, *ast.FuncDecl:
			if n != s.In.Syntax() || stmt == nil {
				return nil
			}
		default:
			continue
		}
		if stmt == nil {
			return nil
		}
	}
	id := errorName(p, s, path)
	if id == nil || id.Name == "_" || stmt == nil {
		return nil
	}
	obj := p.TypesInfo.ObjectOf(id)
	if _, now := p.Pkg.Scope().Innermost(stmt.Pos()).LookupParent(id.Name, stmt.Pos()); now != obj || obj == nil {
		return nil
	}
	results := s.In.Signature.Results()
	n := results.Len()
	if n == 0 || !types.Identical(results.At(n-1).Type(), types.Universe.Lookup("error").Type()) {
		return nil
	}
	var zeros []string
	for i := range n - 1 {
		z := zero(results.At(i).Type())
		if z == "" {
			return nil
		}
		zeros = append(zeros, z)
	}
	text := fmt.Sprintf("if %[1]s != nil {\nreturn %[2]s\n}\n", id.Name, strings.Join(append(zeros, id.Name), ", "))
	return []analysis.SuggestedFix{{
		Message:   "return the error first",
		TextEdits: []analysis.TextEdit{{Pos: stmt.Pos(), End: stmt.Pos(), NewText: []byte(text)}},
	}}
}

func inList(n ast.Node, stmt ast.Stmt) bool {
	b, ok := n.(*ast.BlockStmt)
	return ok && slices.Contains(b.List, stmt)
}

// errorName is the variable that a site's error is assigned to.
func errorName(p *check.Pass, s *sites.Site, path []ast.Node) *ast.Ident {
	if s.API.Err < 0 {
		return nil
	}
	var id *ast.Ident
	for _, n := range path {
		b, ok := n.(*ast.BlockStmt)
		if !ok {
			continue
		}
		for _, stmt := range b.List {
			a, ok := stmt.(*ast.AssignStmt)
			if ok && len(a.Rhs) == 1 && ast.Unparen(a.Rhs[0]) == s.Call && s.API.Err < len(a.Lhs) {
				id, _ = a.Lhs[s.API.Err].(*ast.Ident)
				return id
			}
		}
	}
	return nil
}

// zero writes the zero value of a type, or gives "".
func zero(t types.Type) string {
	switch u := t.Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Map, *types.Chan, *types.Signature:
		return "nil"
	case *types.Interface:
		if !hasTypeParam(t) {
			return "nil"
		}
	case *types.Basic:
		switch {
		case u.Info()&types.IsString != 0:
			return `""`
		case u.Info()&types.IsNumeric != 0:
			return "0"
		case u.Info()&types.IsBoolean != 0:
			return "false"
		}
	}
	return ""
}
