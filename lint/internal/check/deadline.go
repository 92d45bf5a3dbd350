package check

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// Deadline gives the edits that put a context with a deadline into a load that
// is a literal: at a place in its body, name is declared as the child of a
// parent, which is written with the name of package context. The deadline is a
// constant for the code's owner to set.
//
// ok is false where a name is taken, and where something may need the context
// when the load has returned and the deadline's context with it: a goroutine
// that the load starts, or a value that is closed later.
func (p *Pass) Deadline(lit *ast.FuncLit, at token.Pos, name string, parent func(context string) string) (edits []analysis.TextEdit, ok bool) {
	if p.outlives(lit) {
		return nil, false
	}
	pkg, edits, ok := p.Import(at, "context")
	clock, more, ok2 := p.Import(at, "time")
	cancel := p.FreeIn(lit, "cancel", "cancelLoad", "endLoad")
	timeout := p.FreeIn(lit, "loadTimeout", "loadLimit")
	if !ok || !ok2 || cancel == "" || timeout == "" {
		return nil, false
	}
	text := fmt.Sprintf("\nconst %[1]s = 10 * %[2]s.Second // the longest that one load may take: set it\n"+
		"%[3]s, %[4]s := %[5]s.WithTimeout(%[6]s, %[1]s)\ndefer %[4]s()\n", timeout, clock, name, cancel, pkg, parent(pkg))
	return append(append(edits, more...), analysis.TextEdit{Pos: at, End: at, NewText: []byte(text)}), true
}

// outlives says whether a literal starts a goroutine, or gives something that
// has a Close: a response, rows.
func (p *Pass) outlives(lit *ast.FuncLit) bool {
	found := false
	ast.Inspect(lit.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = true
		case *ast.ReturnStmt:
			if len(n.Results) == 0 {
				break
			}
			t := p.TypesInfo.TypeOf(n.Results[0])
			if tuple, ok := t.(*types.Tuple); ok && tuple.Len() > 0 {
				t = tuple.At(0).Type()
			}
			if t != nil && closes(t) {
				found = true
			}
		}
		return !found
	})
	return found
}

// closes says whether a value is closed when it is done with. A response has its
// body for that.
func closes(t types.Type) bool {
	for _, name := range []string{"Close", "Body"} {
		obj, _, _ := types.LookupFieldOrMethod(t, true, nil, name)
		switch obj := obj.(type) {
		case *types.Func:
			return name == "Close"
		case *types.Var:
			return closes(obj.Type())
		}
	}
	return false
}
