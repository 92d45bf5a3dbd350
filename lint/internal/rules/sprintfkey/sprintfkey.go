// Package sprintfkey is the rule against keys that are formatted where joining
// their parts does.
package sprintfkey

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is sprintfkey.
var Rule = &check.Rule{
	ID:       "sprintfkey",
	Title:    "a key is formatted on a path that every caller takes",
	Severity: check.Note,
	Run:      run,
}

// A key is a call of Sprintf or Sprint that makes a site's key, and the
// expression that makes the same text.
type key struct {
	*sites.Site
	call  *ast.CallExpr
	parts []part
}

func run(p *check.Pass) {
	var found []key
	seen := make(map[*ast.CallExpr]bool)
	for _, s := range p.Sites.All {
		if s.Instr == nil || s.Test {
			continue
		}
		for _, k := range s.API.Keys {
			instr, ok := p.Sites.Flow.Origin(s.Arg(k)).(*ssa.Call)
			if !ok || instr.Parent() != s.In || !hot(s, instr) {
				continue
			}
			call := written(p, instr)
			if call == nil || seen[call] {
				continue
			}
			seen[call] = true
			if parts, ok := partsOf(p, call); ok {
				found = append(found, key{s, call, parts})
			}
		}
	}
	for _, k := range found {
		d := analysis.Diagnostic{
			Pos:     k.call.Pos(),
			End:     k.call.End(),
			Message: "every caller formats this key, also those that a cache or another's load answers: joining its parts takes a fraction of that",
			Related: []analysis.RelatedInformation{{Pos: k.Pos(), End: k.Call.End(), Message: "the load is shared here"}},
		}
		if edits := rewrite(p, k, found); edits != nil {
			d.SuggestedFixes = []analysis.SuggestedFix{{Message: "join the parts, to the same text", TextEdits: edits}}
		}
		p.Report(d)
	}
}

// hot says whether a key is made more often than it is loaded for: in a loop,
// before the call that asks a cache for it, or before anything that could
// answer without it.
func hot(s *sites.Site, made *ssa.Call) bool {
	b := made.Block()
	for _, succ := range b.Succs {
		if reaches(succ, b) {
			return true
		}
	}
	if b.Index == 0 {
		return true
	}
	// Asked for with the key before the site.
	asked := false
	var users func(v ssa.Value)
	users = func(v ssa.Value) {
		if v.Referrers() == nil {
			return
		}
		for _, r := range *v.Referrers() {
			switch r := r.(type) {
			case *ssa.MakeInterface:
				users(r)
			case *ssa.ChangeType:
				users(r)
			case *ssa.Store:
				if r.Val == v {
					users(r.Addr)
				}
			case *ssa.UnOp:
				users(r)
			case ssa.CallInstruction:
				asked = asked || r != s.Instr && r.Parent() == s.In && (r.Block() == b || reaches(r.Block(), s.Instr.Block()))
			case *ssa.Lookup:
				asked = true
			}
		}
	}
	users(made)
	return asked
}

func reaches(from, to *ssa.BasicBlock) bool {
	seen := make(map[*ssa.BasicBlock]bool)
	var walk func(*ssa.BasicBlock) bool
	walk = func(b *ssa.BasicBlock) bool {
		if b == to {
			return true
		}
		if seen[b] {
			return false
		}
		seen[b] = true
		for _, s := range b.Succs {
			if walk(s) {
				return true
			}
		}
		return false
	}
	return walk(from)
}

// written is a call of fmt.Sprintf or Sprint as it stands in the file, or nil.
func written(p *check.Pass, instr *ssa.Call) *ast.CallExpr {
	fn := flow.Callee(instr.Common())
	if fn == nil || fn.FullName() != "fmt.Sprintf" && fn.FullName() != "fmt.Sprint" {
		return nil
	}
	at := instr.Common().Pos()
	for _, f := range p.Files {
		if f.FileStart <= at && at < f.FileEnd {
			path, _ := astutil.PathEnclosingInterval(f, at, at)
			for _, n := range path {
				if call, ok := n.(*ast.CallExpr); ok && call.Lparen == at {
					return call
				}
			}
		}
	}
	return nil
}

// A part of a key is a text, or an expression with what is put around it to
// make one.
type part struct {
	text          string
	expr          ast.Expr
	before, after string
	convert       bool // with package strconv
}

// partsOf takes a call apart; ok is false if it does more than join texts,
// whole numbers and truth values.
func partsOf(p *check.Pass, call *ast.CallExpr) (parts []part, ok bool) {
	if call.Ellipsis.IsValid() || len(call.Args) == 0 {
		return nil, false
	}
	if p.Sites.Callee(call).Name() == "Sprint" {
		return printed(p, call)
	}
	format := p.TypesInfo.Types[call.Args[0]].Value
	if format == nil || format.Kind() != constant.String {
		return nil, false
	}
	args := call.Args[1:]
	text := ""
	rest := constant.StringVal(format)
	for {
		before, after, found := strings.Cut(rest, "%")
		text += before
		if !found {
			break
		}
		if after == "" {
			return nil, false
		}
		verb := after[0]
		rest = after[1:]
		if verb == '%' {
			text += "%"
			continue
		}
		if len(args) == 0 {
			return nil, false
		}
		x, ok := joined(p, args[0], verb)
		if !ok {
			return nil, false
		}
		args = args[1:]
		if text != "" {
			parts = append(parts, part{text: text})
			text = ""
		}
		parts = append(parts, x)
	}
	if text != "" {
		parts = append(parts, part{text: text})
	}
	return parts, len(args) == 0 && len(parts) > 0
}

// printed takes a call of Sprint apart: it puts a space between two operands
// neither of which is a string.
func printed(p *check.Pass, call *ast.CallExpr) (parts []part, ok bool) {
	wasString := true
	for _, arg := range call.Args {
		x, ok := joined(p, arg, 'v')
		if !ok {
			return nil, false
		}
		isString := p.TypesInfo.TypeOf(arg).Underlying().(*types.Basic).Info()&types.IsString != 0
		if !wasString && !isString {
			parts = append(parts, part{text: " "})
		}
		wasString = isString
		parts = append(parts, x)
	}
	return parts, true
}

// joined makes a text of an argument that comes out as the verb prints it.
func joined(p *check.Pass, arg ast.Expr, verb byte) (part, bool) {
	t := p.TypesInfo.TypeOf(arg)
	b, ok := t.Underlying().(*types.Basic)
	if !ok || printsItself(t) {
		return part{}, false
	}
	x := part{expr: arg, convert: true}
	switch info := b.Info(); {
	case info&types.IsString != 0 && (verb == 's' || verb == 'v'):
		x.convert = false
		if t != types.Type(b) {
			x.before, x.after = "string(", ")"
		}
	case info&types.IsInteger != 0 && (verb == 'd' || verb == 'v') && b.Kind() != types.Uintptr:
		switch {
		case info&types.IsUnsigned != 0:
			x.before, x.after = "strconv.FormatUint(uint64(", "), 10)"
			if t == types.Typ[types.Uint64] {
				x.before, x.after = "strconv.FormatUint(", ", 10)"
			}
		case t == types.Typ[types.Int] || b.Kind() == types.UntypedInt:
			x.before, x.after = "strconv.Itoa(", ")"
		case t == types.Typ[types.Int64]:
			x.before, x.after = "strconv.FormatInt(", ", 10)"
		default:
			x.before, x.after = "strconv.FormatInt(int64(", "), 10)"
		}
	case info&types.IsBoolean != 0 && verb == 'v':
		x.before, x.after = "strconv.FormatBool(", ")"
		if t != types.Type(b) {
			x.before, x.after = "strconv.FormatBool(bool(", "))"
		}
	default:
		return part{}, false
	}
	return x, true
}

// printsItself says whether package fmt leaves the printing to values of a type.
func printsItself(t types.Type) bool {
	for _, name := range []string{"String", "Error", "Format"} {
		if obj, _, indirect := types.LookupFieldOrMethod(t, false, nil, name); obj != nil && !indirect {
			return true
		}
	}
	return false
}

// rewrite makes the edits of a key, or nil where they would leave the file
// without a use of fmt but with its import.
func rewrite(p *check.Pass, k key, all []key) []analysis.TextEdit {
	file, unused := lastOfFmt(p, k, all)
	if file == nil {
		return nil
	}
	var edits []analysis.TextEdit
	strconvName := "strconv"
	for _, x := range k.parts {
		if x.convert {
			name, more, ok := p.Import(k.call.Pos(), "strconv")
			if !ok {
				return nil
			}
			strconvName, edits = name, more
			break
		}
	}
	// What stands between the arguments is replaced, the arguments stay.
	var text strings.Builder
	from := k.call.Pos()
	flush := func(to token.Pos) {
		edits = append(edits, analysis.TextEdit{Pos: from, End: to, NewText: []byte(text.String())})
		text.Reset()
	}
	operands := len(k.parts)
	wrap := operands > 1 && !standsAlone(p, file, k.call)
	if wrap {
		text.WriteString("(")
	}
	for i, x := range k.parts {
		if i > 0 {
			text.WriteString(" + ")
		}
		if x.expr == nil {
			text.WriteString(strconv.Quote(x.text))
			continue
		}
		text.WriteString(strings.Replace(x.before, "strconv.", strconvName+".", 1))
		paren := x.before == "" && operands > 1 && !isOperand(x.expr)
		if paren {
			text.WriteString("(")
		}
		flush(x.expr.Pos())
		from = x.expr.End()
		if paren {
			text.WriteString(")")
		}
		text.WriteString(x.after)
	}
	if wrap {
		text.WriteString(")")
	}
	flush(k.call.End())
	if unused != nil {
		edits = append(edits, analysis.TextEdit{Pos: unused.Pos(), End: unused.End()})
	}
	return edits
}

// isOperand says whether an expression is one operand of a +.
func isOperand(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return e.Op == token.ADD
	case *ast.FuncLit, *ast.UnaryExpr:
		return false
	}
	return true
}

// standsAlone says whether an expression is a whole argument or a whole side of
// an assignment.
func standsAlone(p *check.Pass, file *ast.File, call *ast.CallExpr) bool {
	path, _ := astutil.PathEnclosingInterval(file, call.Pos(), call.End())
	if len(path) < 2 {
		return false
	}
	switch parent := path[1].(type) {
	case *ast.CallExpr:
		return parent.Fun != ast.Expr(call)
	case *ast.AssignStmt, *ast.ValueSpec, *ast.ReturnStmt, *ast.KeyValueExpr, *ast.CompositeLit, *ast.ParenExpr:
		return true
	}
	return false
}

// lastOfFmt gives the key's file, and the import of fmt if nothing else in it
// uses that. It gives no file for the first of several keys that would leave
// the import unused together: one that stays keeps it in use.
func lastOfFmt(p *check.Pass, k key, all []key) (file *ast.File, unused ast.Node) {
	for _, f := range p.Files {
		if f.FileStart <= k.call.Pos() && k.call.Pos() < f.FileEnd {
			file = f
		}
	}
	uses := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if pkg, ok := p.TypesInfo.Uses[id].(*types.PkgName); ok && pkg.Imported().Path() == "fmt" {
				uses++
			}
		}
		return true
	})
	var ours []key
	for _, other := range all {
		if file.FileStart <= other.call.Pos() && other.call.Pos() < file.FileEnd {
			ours = append(ours, other)
		}
	}
	switch {
	case uses > len(ours):
		return file, nil
	case len(ours) > 1 && ours[0].call == k.call:
		return nil, nil
	case len(ours) > 1:
		return file, nil
	}
	return file, fmtImport(file)
}

// fmtImport is the import of fmt, with all of its declaration if it is the only
// one there.
func fmtImport(file *ast.File) ast.Node {
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.IMPORT {
			continue
		}
		for _, spec := range d.Specs {
			if spec.(*ast.ImportSpec).Path.Value != `"fmt"` {
				continue
			}
			if len(d.Specs) == 1 && !d.Lparen.IsValid() {
				return d
			}
			return spec
		}
	}
	return nil
}
