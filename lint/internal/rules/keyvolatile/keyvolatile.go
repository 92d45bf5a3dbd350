// Package keyvolatile is the rule against keys that are new for every caller.
package keyvolatile

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/keys"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is keyvolatile.
var Rule = &check.Rule{
	ID:       "keyvolatile",
	Title:    "a key that no two callers have",
	Severity: check.Warning,
	Default:  true,
	Run:      run,
}

func run(p *check.Pass) {
	for _, s := range p.Sites.All {
		if s.Instr == nil || s.Test {
			continue
		}
		for _, k := range s.API.Keys {
			if what, at := volatile(p, s, s.Arg(k)); what != "" {
				report(p, s, k, what, at)
				break
			}
		}
	}
}

func report(p *check.Pass, s *sites.Site, k int, what string, at token.Pos) {
	key := s.Call.Args[k]
	d := analysis.Diagnostic{
		Pos:            key.Pos(),
		End:            key.End(),
		Message:        "the key holds " + what + ", which every call has its own of: nobody ever joins a load",
		Related:        []analysis.RelatedInformation{{Pos: s.Pos(), End: s.Call.End(), Message: "the load is shared here"}},
		SuggestedFixes: fix(p, key, at),
	}
	if at.IsValid() && (at < key.Pos() || at >= key.End()) {
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: at, Message: what + " comes from here"})
	}
	p.Report(d)
}

// volatile looks for what differs from call to call in what a key is made of.
// It gives what it is and where; "" if there is nothing, or if the load is made
// of it as well.
func volatile(p *check.Pass, s *sites.Site, key ssa.Value) (what string, at token.Pos) {
	p.Sites.Flow.Sources(key, func(v ssa.Value) bool {
		if what != "" {
			return false
		}
		switch v := v.(type) {
		case *ssa.BinOp:
			// A rounded number: Unix() / 60.
			return v.Op != token.QUO && v.Op != token.REM && v.Op != token.AND
		case *ssa.Parameter:
			if requestID(v.Name()) && isText(v.Type()) && keys.Around(s, v.Parent()) && !used(p, s, key, v) {
				what, at = "the id of a request, "+v.Name(), v.Pos()
			}
		case *ssa.FieldAddr:
			if f := flow.Field(v); f != nil && requestID(f.Name()) && isText(f.Type()) && !flow.IsContext(f.Type()) && !used(p, s, key, v) {
				what, at = "the id of a request, "+f.Name(), v.Pos()
			}
		case *ssa.Call:
			fn := flow.Callee(v.Common())
			if fn == nil {
				return true
			}
			if rounds(v, fn) {
				return false
			}
			if w := fresh(v, fn); w != "" {
				if !used(p, s, key, v) {
					what, at = w, v.Common().Pos()
				}
				return false
			}
			if w := pointer(p, s, v, fn); w != "" {
				what, at = w, v.Common().Pos()
			}
		}
		return what == ""
	})
	return what, at
}

// rounds says whether a call takes the part of a time that differs from call to
// call away: down to the second at least.
func rounds(call *ssa.Call, fn *types.Func) bool {
	if fn.Pkg() == nil || fn.Pkg().Path() != "time" {
		return false
	}
	switch fn.Name() {
	case "Truncate", "Round", "Unix", "Year", "YearDay", "Month", "Day", "Weekday", "Hour", "Minute", "Second", "ISOWeek", "Date", "Clock":
		return true
	case "Format":
		layout, ok := text(call.Call.Args[len(call.Call.Args)-1])
		return !ok || !strings.ContainsAny(layout, ".,") || !regexp.MustCompile(`[.,](0|9)+`).MatchString(layout)
	}
	return false
}

var idPackage = regexp.MustCompile(`(^|/)(go\.)?(uuid|xid|ulid|ksuid|nanoid|go-nanoid|shortuuid)(/|$)`)

// fresh says what a call gives that no other call gives; "" if it does not.
func fresh(call *ssa.Call, fn *types.Func) string {
	path, name := "", fn.Name()
	if fn.Pkg() != nil {
		path = fn.Pkg().Path()
	}
	switch path {
	case "time":
		if name == "Now" {
			return "the time of the call"
		}
	case "math/rand", "math/rand/v2":
		if !strings.HasPrefix(name, "New") && name != "Seed" {
			return "a random number"
		}
	case "crypto/rand":
		if name == "Int" || name == "Text" || name == "Prime" {
			return "a random number"
		}
	}
	if idPackage.MatchString(path) && random(name) {
		return "a new id, " + fn.Pkg().Name() + "." + name
	}
	// A header or a context's value, by its name; a function of that name.
	args := call.Call.Args
	if call.Call.IsInvoke() || fn.Type().(*types.Signature).Recv() != nil && len(args) > 0 {
		for _, a := range args {
			if t, ok := text(a); ok && requestID(t) {
				return "the id of a request, " + t
			}
		}
	}
	if requestID(name) && isText(call.Type()) {
		return "the id of a request, " + name
	}
	return ""
}

// random says of a function of a package of ids whether what it makes is made
// of nothing that it is given.
func random(name string) bool {
	switch name {
	case "New", "NewString", "NewRandom", "NewUUID", "NewV1", "NewV4", "NewV6", "NewV7", "Make", "MustNew", "Must", "NewRandomWithTime", "Generate", "MustGenerate":
		return name != "Must"
	}
	return false
}

var requestIDs = regexp.MustCompile(`^(x)?(request|req|trace|span|correlation)id(fromcontext|from|fromctx|ctx)?$`)

// requestID says whether a name is that of the id of one request.
func requestID(name string) bool {
	flat := strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(name))
	return requestIDs.MatchString(strings.TrimPrefix(flat, "get"))
}

func isText(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&(types.IsString|types.IsInteger) != 0
}

func text(v ssa.Value) (string, bool) {
	c, ok := flow.Peel(v).(*ssa.Const)
	if !ok || c.Value == nil || c.Value.Kind() != constant.String {
		return "", false
	}
	return constant.StringVal(c.Value), true
}

// pointer says what a call of Sprintf prints the address of, if that is a thing
// of this call only.
func pointer(p *check.Pass, s *sites.Site, call *ssa.Call, fn *types.Func) string {
	if fn.FullName() != "fmt.Sprintf" || len(call.Call.Args) != 2 {
		return ""
	}
	format, ok := text(call.Call.Args[0])
	if !ok {
		return ""
	}
	args := variadic(call.Call.Args[1])
	for i, verb := range verbs(format) {
		if verb != 'p' || i >= len(args) {
			continue
		}
		switch v := p.Sites.Flow.Origin(args[i]).(type) {
		case *ssa.Alloc:
			return "the address of a value of this call"
		case *ssa.Parameter:
			if !flow.IsReceiver(v) && (flow.IsContext(v.Type()) || ofRequest(v.Type())) {
				return "the address of " + v.Name()
			}
		}
	}
	return ""
}

// ofRequest says whether a type is one of which each call has its own.
func ofRequest(t types.Type) bool {
	ptr, ok := t.Underlying().(*types.Pointer)
	if !ok {
		return false
	}
	n, ok := types.Unalias(ptr.Elem()).(*types.Named)
	return ok && regexp.MustCompile(`(Request|Req|Context)$`).MatchString(n.Obj().Name())
}

// variadic gives what was put into the slice of a variadic call.
func variadic(v ssa.Value) []ssa.Value {
	s, ok := v.(*ssa.Slice)
	if !ok {
		return nil
	}
	a, ok := s.X.(*ssa.Alloc)
	if !ok {
		return nil
	}
	var args []ssa.Value
	for _, r := range *a.Referrers() {
		if at, ok := r.(*ssa.IndexAddr); ok {
			for _, r := range *at.Referrers() {
				if st, ok := r.(*ssa.Store); ok {
					args = append(args, st.Val)
				}
			}
		}
	}
	return args
}

// verbs gives the verbs of a format that take an argument each.
func verbs(format string) (all []rune) {
	in := false
	for _, c := range format {
		switch {
		case !in:
			in = c == '%'
		case strings.ContainsRune("+-# 0123456789.", c):
		default:
			in = false
			if c != '%' {
				all = append(all, c)
			}
		}
	}
	return all
}

// used says whether the load is made of a value by another way than the key:
// then it is what the load is for.
func used(p *check.Pass, s *sites.Site, key, v ssa.Value) bool {
	if _, ok := v.(*ssa.FieldAddr); ok {
		for _, u := range keys.Load(p.Sites, s) {
			for _, part := range keys.Of(p.Sites, v) {
				if u.Covers(part) || part.Covers(u.Part) {
					return true
				}
			}
		}
	}
	stop := make(map[ssa.Value]bool)
	for _, o := range p.Sites.Flow.Origins(key) {
		stop[o] = o != v
	}
	found := false
	sources := func(from ssa.Value) {
		p.Sites.Flow.Sources(from, func(x ssa.Value) bool {
			found = found || x == v
			return !stop[x]
		})
	}
	sources(s.Arg(s.API.Load))
	for _, b := range s.Loader.Bindings {
		sources(b)
	}
	if s.Loader.Recv != nil {
		sources(s.Loader.Recv)
	}
	return found
}

// fix takes the operand of a + away that a key does not want. There is none
// where that would leave an import or a variable unused.
func fix(p *check.Pass, key ast.Expr, at token.Pos) []analysis.SuggestedFix {
	ast.Inspect(key, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if obj := p.TypesInfo.Uses[id]; obj != nil && obj.Pos() == at {
				at = id.Pos() // a parameter, where the key names it
			}
		}
		return true
	})
	if at < key.Pos() || at >= key.End() {
		return nil
	}
	var file *ast.File
	for _, f := range p.Files {
		if f.FileStart <= at && at < f.FileEnd {
			file = f
		}
	}
	path, _ := astutil.PathEnclosingInterval(file, at, at)
	for i := 0; i+1 < len(path); i++ {
		sum, ok := path[i+1].(*ast.BinaryExpr)
		if !ok || sum.Op != token.ADD || sum.Pos() < key.Pos() || sum.End() > key.End() {
			continue
		}
		operand := path[i].(ast.Expr)
		if !spare(p, file, operand) {
			return nil
		}
		edit := analysis.TextEdit{Pos: operand.Pos(), End: sum.Y.Pos()}
		if operand == sum.Y {
			edit = analysis.TextEdit{Pos: sum.X.End(), End: operand.End()}
		}
		return []analysis.SuggestedFix{{Message: "take it out of the key", TextEdits: []analysis.TextEdit{edit}}}
	}
	return nil
}

// spare says whether the packages and variables that an expression names are
// named elsewhere too.
func spare(p *check.Pass, file *ast.File, e ast.Expr) bool {
	wanted := make(map[types.Object]bool)
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			switch obj := p.TypesInfo.Uses[id].(type) {
			case *types.PkgName:
				wanted[obj] = true
			case *types.Var:
				if !obj.IsField() && obj.Parent() != p.Pkg.Scope() {
					wanted[obj] = true
				}
			}
		}
		return true
	})
	ast.Inspect(file, func(n ast.Node) bool {
		if n == e {
			return false
		}
		if id, ok := n.(*ast.Ident); ok {
			delete(wanted, p.TypesInfo.Uses[id])
		}
		return true
	})
	for obj := range wanted {
		// A parameter may stay unused.
		if v, ok := obj.(*types.Var); !ok || v.Kind() != types.ParamVar {
			return false
		}
	}
	return true
}
