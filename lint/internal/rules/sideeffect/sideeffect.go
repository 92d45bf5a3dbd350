// Package sideeffect is the rule against loads that do something once that each
// caller should do.
package sideeffect

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/check"
	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// Rule is sideeffect.
var Rule = &check.Rule{
	ID:       "sideeffect",
	Title:    "a load does once for all what each caller should do",
	Severity: check.Warning,
	Run:      run,
}

func run(p *check.Pass) {
	for _, s := range p.Sites.All {
		if s.Instr == nil || s.Loader.Opaque() || s.Test {
			continue
		}
		l := look{p: p, s: s}
		l.body(s.Loader.Func, token.NoPos)
	}
}

type look struct {
	p     *check.Pass
	s     *sites.Site
	keyed map[*ssa.Parameter]bool // the parameters that the key is made of
	found bool
}

var (
	// deeds are done once for each event, whatever they are done with.
	deeds = regexp.MustCompile(`^(?i:audit|emit|publish|send|notify|alert|charge|bill)([A-Z_0-9].*)?$`)

	// accounts are those of them that somebody is answerable for. They count one
	// call further, too, where an event may belong to what that function does.
	accounts = regexp.MustCompile(`(?i)audit|billing|^charge`)

	// doers are the types and packages whose methods that give nothing back are
	// deeds.
	doers = regexp.MustCompile(`(?i)audit|publisher|notifier|mailer|eventbus|outbox|billing`)

	// marks are deeds when they are done with something of the caller's that the
	// key does not tell: its user, its address.
	marks = regexp.MustCompile(`^(?i:record|incr|increment|inc|count|touch|set|put|update|track)([A-Z_0-9].*)?$`)

	// counts are about the loads that run, and right in them.
	counts = regexp.MustCompile(`(?i)metric|prometheus|stats|otel|span|trac(e|er|ing)$|histogram|counter|gauge|log(ger|rus)?(\.|$)|zap|zerolog|sentry|telemetry`)
)

// body looks at what a function calls: the load, or one that it calls at the
// place via.
func (l *look) body(f *ssa.Function, via token.Pos) {
	for _, b := range f.Blocks {
		for _, instr := range b.Instrs {
			call, ok := instr.(ssa.CallInstruction)
			if !ok || l.found {
				continue
			}
			fn := flow.Callee(call.Common())
			if fn == nil {
				continue
			}
			if why := l.deed(call, fn, via.IsValid()); why != "" {
				l.report(call, why, via)
				return
			}
			if body := l.p.Sites.Flow.Body(call.Common()); body != nil && !via.IsValid() && l.p.Sites.Site(call) == nil {
				l.body(body, call.Pos())
			}
		}
	}
	for _, literal := range f.AnonFuncs {
		if !l.found {
			l.body(literal, via)
		}
	}
}

// deed says what is wrong with a call in a load; "" if nothing is.
func (l *look) deed(call ssa.CallInstruction, fn *types.Func, hop bool) string {
	sig := fn.Type().(*types.Signature)
	if fn.Pkg() == nil || !quiet(sig) || standard(fn.Pkg().Path()) && fn.Pkg() != l.p.Pkg {
		return ""
	}
	owner := fn.Pkg().Name()
	if sig.Recv() != nil {
		owner += "." + typeName(sig.Recv().Type())
	}
	own := l.p.Pkg.Name() + "."
	does := doers.MatchString(strings.TrimPrefix(owner, own)) && sig.Recv() != nil
	if counts.MatchString(owner) && !does || streams(sig.Recv()) {
		return ""
	}
	name := strings.TrimPrefix(owner+"."+fn.Name(), own)
	switch {
	case hop && !accounts.MatchString(name):
	case does, deeds.MatchString(fn.Name()):
		return fmt.Sprintf("%s is called once for all who share this load, not once for each of them", name)
	case marks.MatchString(fn.Name()):
		if p := l.callers(call); p != nil {
			return fmt.Sprintf("%s is called once for all who share this load, with the %s of the first of them", name, p.Name())
		}
	}
	return ""
}

// quiet says whether a function gives nothing back but an error: it is called
// for what it does.
func quiet(sig *types.Signature) bool {
	for v := range sig.Results().Variables() {
		if !types.Identical(v.Type(), types.Universe.Lookup("error").Type()) {
			return false
		}
	}
	return true
}

func typeName(t types.Type) string {
	if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
		t = ptr.Elem()
	}
	if named, ok := types.Unalias(t).(*types.Named); ok {
		return named.Obj().Name()
	}
	return ""
}

// standard says whether a package is one of the standard library whose Send or
// Set is about something else.
func standard(path string) bool {
	root, _, _ := strings.Cut(path, "/")
	switch root {
	case "os", "sync", "net", "reflect", "time", "io", "bufio", "bytes", "strings", "encoding", "math", "flag", "runtime", "container", "testing", "crypto", "text", "html":
		return true
	}
	return false
}

// streams says whether a receiver also receives: a Send is half of a question.
func streams(recv *types.Var) bool {
	if recv == nil {
		return false
	}
	for _, name := range []string{"Recv", "Receive", "RecvMsg"} {
		if obj, _, _ := types.LookupFieldOrMethod(recv.Type(), true, recv.Pkg(), name); obj != nil {
			return true
		}
	}
	return false
}

// callers is a parameter of the function around the load that a call is made
// with and that the key does not tell, or nil.
func (l *look) callers(call ssa.CallInstruction) (found *ssa.Parameter) {
	if l.keyed == nil {
		l.keyed = make(map[*ssa.Parameter]bool)
		for _, k := range l.s.API.Keys {
			l.p.Sites.Flow.Sources(l.s.Arg(k), func(v ssa.Value) bool {
				if p, ok := v.(*ssa.Parameter); ok {
					l.keyed[p] = true
				}
				return true
			})
		}
	}
	if len(l.keyed) == 0 {
		return nil
	}
	common := call.Common()
	args := common.Args
	if !common.IsInvoke() && common.Signature().Recv() != nil && len(args) > 0 {
		args = args[1:]
	}
	for _, a := range args {
		l.p.Sites.Flow.Sources(a, func(v ssa.Value) bool {
			switch v := v.(type) {
			case *ssa.Call:
				return formats(v) // not into what was loaded
			case *ssa.Parameter:
				if found == nil && l.outside(v.Parent()) && !l.keyed[v] && !flow.IsReceiver(v) && data(v.Type()) {
					found = v
				}
			}
			return found == nil
		})
	}
	return found
}

func formats(call *ssa.Call) bool {
	fn := flow.Callee(call.Common())
	return fn != nil && fn.Pkg() != nil && (fn.Pkg().Path() == "fmt" || fn.Pkg().Path() == "strconv")
}

func (l *look) outside(f *ssa.Function) bool {
	for in := l.s.In; in != nil; in = in.Parent() {
		if in == f {
			return true
		}
	}
	return false
}

// data says whether values of a type are data of a call, and no service.
func data(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return true
	case *types.Struct:
		return true
	case *types.Pointer:
		_, ok := u.Elem().Underlying().(*types.Struct)
		return ok && !flow.IsContext(t)
	}
	return false
}

func (l *look) report(call ssa.CallInstruction, why string, via token.Pos) {
	l.found = true
	d := analysis.Diagnostic{
		Pos:     call.Pos(),
		Message: why,
		Related: []analysis.RelatedInformation{{Pos: l.s.Pos(), End: l.s.Call.End(), Message: "the load is shared here"}},
	}
	if via.IsValid() {
		// The finding is where the load's own text is.
		d.Pos = via
		d.Related = append(d.Related, analysis.RelatedInformation{Pos: call.Pos(), Message: "it is called here"})
	}
	if e := l.expr(d.Pos); e != nil {
		d.Pos, d.End = e.Pos(), e.End()
	}
	l.p.Report(d)
}

// expr is the call of the load's text whose parenthesis is at a place.
func (l *look) expr(at token.Pos) (found ast.Expr) {
	body := l.s.Loader.Body()
	if body == nil {
		return nil
	}
	ast.Inspect(body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && call.Lparen == at {
			found = call
		}
		return found == nil
	})
	return found
}
