// Package forgetmisuse is the rule against a Forget that does nothing, or takes
// away somebody else's load.
package forgetmisuse

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is forgetmisuse.
var Rule = &check.Rule{
	ID:       "forgetmisuse",
	Title:    "a Forget takes a load from those who wait for it, or does nothing",
	Severity: check.Warning,
	Default:  true,
	Run:      run,
}

func run(p *check.Pass) {
	for _, f := range forgets(p) {
		for _, s := range p.Sites.All {
			if s.Test || s.Instr == nil || !s.API.Classic {
				continue
			}
			if why := f.wrong(s); why != "" {
				d := analysis.Diagnostic{
					Pos: f.call.Pos(), End: f.call.End(), Message: why,
					Related: []analysis.RelatedInformation{{Pos: s.Pos(), End: s.Call.End(), Message: "the load is shared here"}},
				}
				if why != leaves {
					d.SuggestedFixes = f.fix()
				}
				p.Report(d)
				break
			}
		}
	}
}

// What is wrong.
const (
	leaves = "a caller that leaves takes the load from those who still wait: the next caller starts another beside it, and when many leave, many run at once"
	after  = "the group let go of the key when the load ended: this can only take away the load that another caller has started since"
	within = "the group lets go of the key when this load returns: until then this lets another load of it start beside this one"
)

// A forget is a call of a group's Forget.
type forget struct {
	p     *check.Pass
	call  *ast.CallExpr
	instr ssa.CallInstruction
	path  []ast.Node // from the call up to its file
	stmt  ast.Stmt   // the statement that is the call, or that defers it or a literal with nothing but it
	in    *ssa.Function

	deferred bool // runs when in returns
}

// forgets are the package's calls of Forget that are statements.
func forgets(p *check.Pass) []*forget {
	var all []*forget
	for _, file := range p.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Forget" && sel.Sel.Name != "ForgetUnshared" {
				return true
			}
			instr := p.Sites.Flow.Call(call.Lparen)
			if instr == nil {
				return true
			}
			f := &forget{p: p, call: call, instr: instr, in: instr.Parent()}
			f.path, _ = astutil.PathEnclosingInterval(file, call.Pos(), call.End())
			if f.place() {
				all = append(all, f)
			}
			return true
		})
	}
	return all
}

// place finds the statement and the function whose flow it belongs to, and says
// whether it is plain enough to judge.
func (f *forget) place() bool {
	i := 0
	for ; i < len(f.path) && f.stmt == nil; i++ {
		f.stmt, _ = f.path[i].(ast.Stmt)
	}
	switch f.stmt.(type) {
	case *ast.ExprStmt:
	case *ast.DeferStmt:
		f.deferred = true
	default:
		return false
	}
	// A literal that is deferred and does nothing else.
	for ; i+3 < len(f.path); i++ {
		body, ok := f.path[i].(*ast.BlockStmt)
		lit, ok2 := f.path[i+1].(*ast.FuncLit)
		if !ok || !ok2 {
			break
		}
		d, ok := f.path[i+3].(*ast.DeferStmt)
		if !ok || len(body.List) != 1 || d.Call.Fun != lit || f.in.Parent() == nil {
			break
		}
		f.stmt, f.deferred, f.in = d, true, f.in.Parent()
		f.path = f.path[i+3:]
		return true
	}
	f.path = f.path[i-1:]
	return true
}

// frame is the run that the call is in, given those of a function and its load.
func (f *forget) frame(around *flow.Frame) *flow.Frame {
	for fn := f.instr.Parent(); fn != around.Func; fn = fn.Parent() {
		if fn.Parent() == around.Func {
			return &flow.Frame{Func: fn, Outer: around}
		}
	}
	return around
}

// wrong says what is wrong with a Forget in view of a site; "" if nothing is,
// or it has to do with something else.
func (f *forget) wrong(s *sites.Site) string {
	around := s.Frame()
	switch {
	case !s.Loader.Opaque() && s.Loader.Func == f.in:
		if f.same(s, around, f.frame(s.LoadFrame(around))) && f.ends() {
			return within
		}
	case s.In == f.in:
		if !f.same(s, around, f.frame(around)) {
			return ""
		}
		if s.API.Kind == sites.DoChan && f.leaving(s) {
			return leaves
		}
		if f.late(s) {
			return after
		}
	}
	return ""
}

func (f *forget) same(s *sites.Site, around, at *flow.Frame) bool {
	args := f.instr.Common().Args
	return s.Key != nil && f.p.Sites.SameGroup(s, around, f.instr, at) &&
		f.p.Sites.Flow.Same(flow.Place{V: s.Key, In: around}, flow.Place{V: args[len(args)-1], In: at})
}

// ends says whether nothing of weight comes between a Forget in a load and the
// load's return.
func (f *forget) ends() bool {
	if f.deferred {
		return true
	}
	var child ast.Node = f.stmt
	for _, n := range f.path[1:] {
		switch n := n.(type) {
		case *ast.BlockStmt, *ast.CaseClause:
			list := statements(n)
			for i, s := range list {
				if s != child {
					continue
				}
				for _, next := range list[i+1:] {
					if !f.light(next, token.NoPos) {
						return false
					}
					if _, returns := next.(*ast.ReturnStmt); returns {
						return true
					}
				}
			}
		case *ast.IfStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.LabeledStmt:
		case *ast.FuncLit, *ast.FuncDecl:
			return true
		default: // a loop, or a select that waits for a timer
			return false
		}
		child = n
	}
	return false
}

func statements(n ast.Node) []ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return n.List
	case *ast.CaseClause:
		return n.Body
	}
	return nil
}

// invalidates are the names of functions that change what the key stands for:
// a load under way would give what was before.
var invalidates = regexp.MustCompile(`(?i)invalid|delete|remove|update|^set|^put|save|^store|write|evict|purge|reset|refresh|reload|expire|clear|forget|rotate|revoke`)

// late says whether a Forget runs after the result is there, with nothing
// between that may have changed what the key stands for.
func (f *forget) late(s *sites.Site) bool {
	if s.Decl == nil || invalidates.MatchString(s.Decl.Name.Name) {
		return false
	}
	body := bodyOf(f.in)
	if body == nil {
		return false
	}
	if f.deferred {
		if s.API.Kind == sites.DoChan {
			return false // callers may leave before the result is there
		}
		return f.light(body, s.Call.End())
	}
	from := token.NoPos
	switch s.API.Kind {
	case sites.Do:
		if before(s.Instr, f.instr) {
			from = s.Call.End()
		}
	case sites.DoChan:
		if from = f.received(s); from.IsValid() {
			from = max(from, s.Call.End())
		}
	}
	return from.IsValid() && from < f.call.Pos() && f.lightBetween(body, from, f.call.Pos())
}

func bodyOf(f *ssa.Function) *ast.BlockStmt {
	switch n := f.Syntax().(type) {
	case *ast.FuncLit:
		return n.Body
	case *ast.FuncDecl:
		return n.Body
	}
	return nil
}

// before says whether whenever b runs, a has run before.
func before(a, b ssa.Instruction) bool {
	if a.Block() != b.Block() {
		return a.Block().Dominates(b.Block())
	}
	for _, instr := range a.Block().Instrs {
		if instr == a || instr == b {
			return instr == a
		}
	}
	return false
}

// received gives where the result was received from a site's channel, on
// every way to the Forget; NoPos if it was not.
func (f *forget) received(s *sites.Site) token.Pos {
	for _, b := range f.in.Blocks {
		for _, instr := range b.Instrs {
			switch instr := instr.(type) {
			case *ssa.UnOp:
				if instr.Op == token.ARROW && f.channel(s, instr.X) && before(instr, f.instr) {
					return instr.Pos()
				}
			case *ssa.Select:
				for i, state := range instr.States {
					if c := flow.Case(instr, i); c != nil && f.channel(s, state.Chan) && c.Dominates(f.instr.Block()) {
						return state.Pos
					}
				}
			}
		}
	}
	return token.NoPos
}

// channel says whether a channel is the one that a site gave.
func (f *forget) channel(s *sites.Site, ch ssa.Value) bool {
	v := f.p.Sites.Flow.Origin(ch)
	if e, ok := v.(*ssa.Extract); ok {
		v = e.Tuple
	}
	return v != nil && v == ssa.Value(s.Instr.Value())
}

// leaving says whether a Forget is what a caller does that stops waiting for a
// site's channel, as its own context ended.
func (f *forget) leaving(s *sites.Site) bool {
	for _, b := range f.in.Blocks {
		for _, instr := range b.Instrs {
			sel, ok := instr.(*ssa.Select)
			if !ok {
				continue
			}
			waits := false
			for _, state := range sel.States {
				waits = waits || f.channel(s, state.Chan)
			}
			if !waits {
				continue
			}
			for i, state := range sel.States {
				if c := flow.Case(sel, i); c != nil && f.callersEnd(state.Chan) && (f.deferred || c.Dominates(f.instr.Block())) {
					return true
				}
			}
		}
	}
	return false
}

// callersEnd says whether a channel is that of the end of a context which the
// caller brought, and on which this function has put no limit for its load.
func (f *forget) callersEnd(ch ssa.Value) bool {
	call, ok := f.p.Sites.Flow.Origin(ch).(*ssa.Call)
	if !ok || !call.Call.IsInvoke() || call.Call.Method.Name() != "Done" || !flow.IsContext(call.Call.Value.Type()) {
		return false
	}
	chains := f.p.Sites.Flow.Chains(call.Call.Value)
	for _, c := range chains {
		if c.From != flow.Parameter && c.From != flow.Accessor || c.Bounded || c.Detached {
			return false
		}
	}
	return len(chains) > 0
}

// light says whether what a node does after a place changes nothing elsewhere:
// it looks at the result, makes an error, writes a log line.
func (f *forget) light(n ast.Node, from token.Pos) bool {
	return f.lightBetween(n, from, n.End()+1)
}

func (f *forget) lightBetween(n ast.Node, from, to token.Pos) bool {
	light := true
	ast.Inspect(n, func(n ast.Node) bool {
		if n == nil || !light || n.Pos() >= to || n.End() <= from || n == f.stmt {
			return false
		}
		switch n := n.(type) {
		case *ast.GoStmt, *ast.SendStmt:
			light = false
		case *ast.CallExpr:
			if n.Pos() >= from && n != f.call {
				light = f.quiet(n)
			}
		}
		return light
	})
	return light
}

var logs = regexp.MustCompile(`^(Debug|Info|Warn|Error|Log|Trace|Print|Fatal|Unlock|RUnlock|Err$|Is$|As$)`)

func (f *forget) quiet(call *ast.CallExpr) bool {
	if tv := f.p.TypesInfo.Types[call.Fun]; tv.IsType() || tv.IsBuiltin() {
		return true
	}
	fn := f.p.Sites.Callee(call)
	if fn == nil {
		return false
	}
	if logs.MatchString(fn.Name()) || f.p.Sites.Quiet(fn) {
		return true
	}
	if fn.Pkg() == nil {
		return true // error.Error
	}
	switch fn.Pkg().Path() {
	case "errors", "fmt", "strings", "strconv", "bytes", "slices", "maps", "math", "context":
		return true
	case "time":
		return fn.Name() != "Sleep"
	}
	return false
}

// fix takes the statement away, with the if around that would be empty then. It
// gives none where a variable or an import would be left unused.
func (f *forget) fix() []analysis.SuggestedFix {
	var gone ast.Stmt = f.stmt
	path := f.path[1:]
	if block, ok := path[0].(*ast.BlockStmt); ok && len(block.List) == 1 && len(path) > 2 {
		if cond, ok := path[1].(*ast.IfStmt); ok {
			if _, inBlock := path[2].(*ast.BlockStmt); !inBlock || cond.Else != nil || cond.Init != nil || calls(cond.Cond) {
				return nil
			}
			gone = cond
		} else if _, isFunc := path[1].(*ast.FuncLit); !isFunc {
			if _, isDecl := path[1].(*ast.FuncDecl); !isDecl {
				return nil
			}
		}
	}
	file := f.path[len(f.path)-1].(*ast.File)
	if f.orphans(file, gone) {
		return nil
	}
	pos, end := f.line(gone)
	return []analysis.SuggestedFix{{
		Message:   "take the Forget away",
		TextEdits: []analysis.TextEdit{{Pos: pos, End: end}},
	}}
}

func calls(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		_, is := n.(*ast.CallExpr)
		found = found || is
		return !found
	})
	return found
}

// orphans says whether something that a statement uses is used nowhere else.
func (f *forget) orphans(file *ast.File, gone ast.Stmt) bool {
	left := make(map[types.Object]bool)
	ast.Inspect(gone, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			switch obj := f.p.TypesInfo.Uses[id].(type) {
			case *types.PkgName:
				left[obj] = true
			case *types.Var:
				if !obj.IsField() && obj.Parent() != f.p.Pkg.Scope() {
					left[obj] = true
				}
			}
		}
		return true
	})
	set := make(map[*ast.Ident]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case ast.Stmt:
			if n == gone {
				return false
			}
			if a, ok := n.(*ast.AssignStmt); ok {
				for _, l := range a.Lhs {
					if id, ok := l.(*ast.Ident); ok {
						set[id] = true
					}
				}
			}
		case *ast.Ident:
			if obj := f.p.TypesInfo.Uses[n]; obj != nil && !set[n] {
				delete(left, obj)
			}
		}
		return true
	})
	return len(left) > 0
}

// line widens a statement to its whole lines, if nothing else is on them.
func (f *forget) line(gone ast.Stmt) (pos, end token.Pos) {
	file := f.p.Fset.File(gone.Pos())
	first, last := file.Line(gone.Pos()), file.Line(gone.End())
	pos, end = gone.Pos(), gone.End()
	if last >= file.LineCount() {
		return pos, end
	}
	text, err := f.p.ReadFile(file.Name())
	if err != nil || len(text) < file.Offset(end) {
		return pos, end
	}
	start, next := file.LineStart(first), file.LineStart(last+1)
	head := strings.TrimSpace(string(text[file.Offset(start):file.Offset(pos)]))
	tail := strings.TrimSpace(string(text[file.Offset(end):file.Offset(next)]))
	if head != "" || tail != "" && !strings.HasPrefix(tail, "//") {
		return pos, end
	}
	return start, next
}
