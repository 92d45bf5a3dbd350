// Package sites finds the places where code coalesces loads: calls of x/sync's
// singleflight, of its copies and forks, of this project's own packages, and of
// functions that pass their key and their load on to one of these.
package sites

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/ssa"
)

// A Site is one call that coalesces.
type Site struct {
	API  *API
	Call *ast.CallExpr

	// Instr is Call in SSA form; nil in code that cannot be reached, and in
	// the initialization of package variables where it is not found.
	Instr ssa.CallInstruction

	// In is the function that makes the call, a literal perhaps.
	In *ssa.Function

	// Decl is the declaration around the call; nil in a package variable's
	// initialization.
	Decl *ast.FuncDecl

	// Group is the variable that the call's group is in: a field, a package's
	// variable, a local one, a parameter. It is nil when the group comes out
	// of something else, such as a call or a map.
	Group types.Object

	// GroupExpr is the expression before the method's name, or the function's
	// receiver; nil for a function without.
	GroupExpr ast.Expr

	// KeyExpr and Key are the key given; both nil if the API takes none here.
	KeyExpr ast.Expr
	Key     ssa.Value

	// LoadExpr is the load given, and Loader what is known of it.
	LoadExpr ast.Expr
	Loader   Loader

	// Test says that the call is in a _test.go file.
	Test bool
}

// Pos is where the call's method is named: x in g.x(...).
func (s *Site) Pos() token.Pos {
	if sel, ok := ast.Unparen(s.Call.Fun).(*ast.SelectorExpr); ok {
		return sel.Sel.Pos()
	}
	return s.Call.Pos()
}

// A Loader is the function that a site runs once for many callers.
type Loader struct {
	// Func is its body; nil when it could not be told: the load is opaque,
	// and what is said of it would be a guess.
	Func *ssa.Function

	// Syntax is the same as written: a *ast.FuncLit or *ast.FuncDecl.
	Syntax ast.Node

	// Bindings are the values of Func's free variables, in their order, in
	// the function that made the literal (Maker), which is the site's own
	// unless the literal was returned to it.
	Bindings []ssa.Value
	Maker    *ssa.Function

	// Recv is the receiver of a method value, else nil.
	Recv ssa.Value
}

// Opaque says that nothing is known of the load.
func (l *Loader) Opaque() bool { return l.Func == nil }

// Literal says that the load is written as a function literal, so that it sees
// the variables around it.
func (l *Loader) Literal() bool {
	_, ok := l.Syntax.(*ast.FuncLit)
	return ok
}
