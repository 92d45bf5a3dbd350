package keys

import (
	"go/token"
	"go/types"
	"regexp"
	"slices"

	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// A Use is a part of a caller that a load's result, or what it writes, depends
// on.
type Use struct {
	Part
	Pos token.Pos // in the load
}

// Key gives the parts of callers that a site's key is made of. Of what a
// method is called on, all is in the key, and so is what decides between
// several keys. told is false where the key is made of something that is neither
// a constant nor got from a parameter or a receiver.
func Key(r *sites.Result, s *sites.Site) (parts Parts, told bool) {
	w := newWalk(r, true)
	fixed := true
	for _, k := range s.API.Keys {
		v := s.Arg(k)
		w.from(v, nil, held{}, nil)
		if _, ok := r.Flow.Origin(v).(*ssa.Const); !ok {
			fixed = false
		}
	}
	return w.found, fixed || len(w.found) > 0
}

// Of gives the parts of parameters that a value is made of.
func Of(r *sites.Result, v ssa.Value) Parts {
	w := newWalk(r, false)
	w.from(v, nil, held{}, nil)
	return w.found
}

// Load gives the parts of callers that a site's load depends on: what it gives
// to functions that may do something with it, puts into its result, stores, or
// decides by. What it only logs, counts or puts into errors does not count.
// Functions of the package are followed.
func Load(r *sites.Result, s *sites.Site) []Use {
	f := s.Loader.Func
	if f == nil {
		return nil
	}
	l := &load{r: r, top: f, done: make(map[*frame]bool)}
	l.function(f, l.frame(s), token.NoPos)
	var within []Use
	for _, u := range l.uses {
		if Around(s, u.Param.Parent()) {
			within = append(within, u)
		}
	}
	return within
}

// Around says whether a function is one around the site whose parameters are a
// caller's own: not one that makes the group, for which they are the same in all
// its flights, or that gives the function with the site in it away to be called
// later.
func Around(s *sites.Site, fn *ssa.Function) bool {
	for f := s.In; f != nil; f = f.Parent() {
		if v, ok := s.Group.(*types.Var); ok && v.Kind() == types.LocalVar && declares(f, v) {
			return false
		}
		if f == fn {
			return true
		}
		if givenAway(f) {
			return false
		}
	}
	return false
}

func declares(f *ssa.Function, v *types.Var) bool {
	return f.Syntax() != nil && f.Syntax().Pos() <= v.Pos() && v.Pos() < f.Syntax().End()
}

// givenAway says whether a literal is returned or kept by the function around
// it, or is the handler of requests that come later.
func givenAway(f *ssa.Function) bool {
	if f.Parent() == nil {
		return false
	}
	for _, p := range f.Params {
		if handled(p.Type()) {
			return true
		}
	}
	var escapes func(v ssa.Value, hops int) bool
	escapes = func(v ssa.Value, hops int) bool {
		refs := v.Referrers()
		if refs == nil || hops == 0 {
			return false
		}
		for _, r := range *refs {
			switch r := r.(type) {
			case *ssa.Return:
				return true
			case *ssa.Store:
				if _, local := r.Addr.(*ssa.Alloc); !local && r.Val == v {
					return true
				}
			case *ssa.ChangeType:
				if escapes(r, hops-1) {
					return true
				}
			case *ssa.MakeInterface:
				if escapes(r, hops-1) {
					return true
				}
			case *ssa.Call:
				if slices.Contains(r.Call.Args, v) && escapes(r, hops-1) {
					return true
				}
			}
		}
		return false
	}
	for _, b := range f.Parent().Blocks {
		for _, instr := range b.Instrs {
			if c, ok := instr.(*ssa.MakeClosure); ok && c.Fn == f {
				return escapes(c, 4)
			}
		}
	}
	return true // captures nothing of the function around it
}

var handledName = regexp.MustCompile(`(Request|Context|ResponseWriter)$`)

// handled says whether a type is that of a request, as a server hands it to its
// handlers.
func handled(t types.Type) bool {
	if flow.IsContext(t) {
		return false
	}
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	return ok && handledName.MatchString(n.Obj().Name())
}

type load struct {
	r    *sites.Result
	top  *ssa.Function
	uses []Use
	done map[*frame]bool
}

// frame is the call of a load by its group: what its parameters are. If
// another function made the load, that call's arguments are known too.
func (l *load) frame(s *sites.Site) *frame {
	var up *frame
	if c, ok := l.r.Flow.Origin(s.Arg(s.API.Load)).(*ssa.Call); ok {
		if body := l.r.Flow.Body(c.Common()); body != nil {
			up = &frame{fn: body, args: c.Call.Args, depth: 1}
		}
	}
	args := make([]ssa.Value, len(l.top.Params))
	i := 0
	if s.Loader.Recv != nil && len(args) > 0 {
		args[0] = s.Loader.Recv
		i = 1
	}
	keys := s.API.Keys
	for ; i < len(args); i++ {
		switch p := l.top.Params[i]; {
		case flow.IsContext(p.Type()):
			args[i] = s.Arg(s.API.Ctx)
		case len(keys) == 1 && s.Key != nil && types.Identical(p.Type(), s.Key.Type()):
			args[i] = s.Key
		}
	}
	return &frame{fn: l.top, args: args, up: up, depth: 1}
}

// function collects what a function's instructions use, seen from a call at
// pos, and those of literals in it.
func (l *load) function(f *ssa.Function, in *frame, pos token.Pos) {
	for _, b := range f.Blocks {
		for _, instr := range b.Instrs {
			at := pos
			if !at.IsValid() {
				at = instr.Pos()
			}
			switch instr := instr.(type) {
			case ssa.CallInstruction:
				l.call(instr.Common(), in, pos)
			case *ssa.Return:
				if f != l.top {
					continue // counts where the caller uses it
				}
				for _, v := range instr.Results {
					if !isError(v.Type()) {
						l.use(v, in, at)
					}
				}
			case *ssa.Store:
				if v := l.r.Flow.Variable(base(instr.Addr)); v == nil || !within(v.Parent(), l.top) && !within(v.Parent(), f) {
					l.use(instr.Val, in, at)
				}
			case *ssa.MapUpdate:
				l.use(instr.Key, in, at)
				l.use(instr.Value, in, at)
			case *ssa.Send:
				l.use(instr.X, in, at)
			case *ssa.If:
				if l.matters(instr) {
					if !at.IsValid() {
						at = instr.Cond.Pos()
					}
					l.use(instr.Cond, in, at)
				}
			}
		}
	}
	for _, literal := range f.AnonFuncs {
		l.function(literal, in, pos)
	}
}

// base is the address of what a field or an element belongs to.
func base(addr ssa.Value) ssa.Value {
	for {
		switch a := addr.(type) {
		case *ssa.FieldAddr:
			addr = a.X
		case *ssa.IndexAddr:
			addr = a.X
		default:
			return addr
		}
	}
}

func within(f, top *ssa.Function) bool {
	for ; f != nil; f = f.Parent() {
		if f == top {
			return true
		}
	}
	return false
}

func (l *load) use(v ssa.Value, in *frame, at token.Pos) {
	if !carries(v.Type()) {
		return
	}
	w := newWalk(l.r, false)
	w.from(v, nil, held{}, in)
	for _, p := range w.found {
		if !slices.ContainsFunc(l.uses, func(u Use) bool { return len(u.Path) == len(p.Path) && u.Covers(p) }) {
			l.uses = append(l.uses, Use{p, at})
		}
	}
}

// carries says whether a value tells of a caller by more than its context, its
// logger, its error.
func carries(t types.Type) bool {
	if flow.IsContext(t) || isError(t) {
		return false
	}
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	if n, ok := types.Unalias(t).(*types.Named); ok && n.Obj().Pkg() != nil {
		return !quietPackage.MatchString(n.Obj().Pkg().Path())
	}
	return true
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

// call uses the arguments of a call that may do something with them.
func (l *load) call(common *ssa.CallCommon, in *frame, pos token.Pos) {
	at := pos
	if !at.IsValid() {
		at = common.Pos()
	}
	if _, ok := common.Value.(*ssa.Builtin); ok {
		return
	}
	fn := flow.Callee(common)
	if fn != nil && (quiet(l.r, fn) || pure(fn)) {
		return
	}
	args := common.Args
	if common.IsInvoke() {
		args = append([]ssa.Value{common.Value}, args...)
	}
	w := walk{flow: l.r.Flow}
	if body := w.body(common); body != nil {
		if within(body.Parent(), l.top) {
			return // a literal of the load's own, which is looked at anyway
		}
		if inner := in.into(body, args); inner != nil {
			l.function(body, inner, at)
			return
		}
		if slices.ContainsFunc(frames(in), func(f *ssa.Function) bool { return f == body }) {
			return
		}
	}
	for _, arg := range args {
		l.use(arg, in, at)
	}
}

func frames(f *frame) (all []*ssa.Function) {
	for ; f != nil; f = f.up {
		all = append(all, f.fn)
	}
	return all
}

// matters says whether a condition decides more than what is logged, or
// whether there is an error.
func (l *load) matters(c *ssa.If) bool {
	b := c.Block()
	for _, succ := range b.Succs {
		if len(succ.Preds) == 1 && !l.idle(succ) {
			return true
		}
	}
	return false
}

// idle says whether all that only one way into b leads to logs, or fails.
func (l *load) idle(b *ssa.BasicBlock) bool {
	for _, d := range dominated(b) {
		for _, instr := range d.Instrs {
			switch instr := instr.(type) {
			case ssa.CallInstruction:
				fn := flow.Callee(instr.Common())
				if _, builtin := instr.Common().Value.(*ssa.Builtin); !builtin && (fn == nil || !quiet(l.r, fn) && !pure(fn)) {
					return false
				}
			case *ssa.Store, *ssa.MapUpdate, *ssa.Send:
				if s, ok := instr.(*ssa.Store); ok {
					if a, ok := s.Addr.(*ssa.IndexAddr); ok && isVarargs(a.X) {
						continue
					}
				}
				return false
			case *ssa.Return:
				n := len(instr.Results)
				if n == 0 || !isError(instr.Results[n-1].Type()) {
					return false
				}
				if c, ok := flow.Peel(instr.Results[n-1]).(*ssa.Const); ok && c.Value == nil {
					return false
				}
			}
		}
		// What is chosen here and used further on.
		for _, succ := range d.Succs {
			if !b.Dominates(succ) && len(succ.Instrs) > 0 {
				if _, phi := succ.Instrs[0].(*ssa.Phi); phi {
					return false
				}
			}
		}
	}
	return true
}

func isVarargs(v ssa.Value) bool {
	a, ok := v.(*ssa.Alloc)
	return ok && a.Comment == "varargs"
}

func dominated(b *ssa.BasicBlock) []*ssa.BasicBlock {
	all := []*ssa.BasicBlock{b}
	for _, d := range b.Dominees() {
		all = append(all, dominated(d)...)
	}
	return all
}

var quietPackage = regexp.MustCompile(`(^|/)(log|logs|slog|logging|logger|zap|zaplog|zerolog|logr|logrus|klog|glog|trace|tracing|otel|metric|metrics|prometheus|statsd|opentracing-go|opencensus|telemetry|sentry-go)(/|$)`)

// quiet says whether a function logs, traces or counts.
func quiet(r *sites.Result, fn *types.Func) bool {
	return fn.Pkg() != nil && quietPackage.MatchString(fn.Pkg().Path())
}

var purePackage = regexp.MustCompile(`^(strings|strconv|path|path/filepath|bytes|unicode.*|errors|encoding/(hex|base64|base32)|crypto/(sha.*|md5)|hash/.*|math|cmp|sort|slices|maps|net/url|net/netip|unsafe)$|(^|/)(errors|xerrors|pkgerrors|errdefs)$`)

// pure says whether a function does nothing but give a result: what it was
// given counts where that is used.
func pure(fn *types.Func) bool {
	if fn.Pkg() == nil {
		return true // error.Error
	}
	path := fn.Pkg().Path()
	switch path {
	case "fmt":
		return fn.Name() == "Errorf" || len(fn.Name()) > 1 && fn.Name()[0] == 'S' && fn.Name()[1] == 'p'
	case "google.golang.org/grpc/status", "time":
		return true
	}
	return purePackage.MatchString(path)
}
