package keys

import (
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// A Missing is a part of a caller that a load depends on and its key does not.
type Missing struct {
	Use

	// Sure says that it is data which only the caller decides: nothing speaks
	// against two callers with one key and another answer each.
	Sure bool

	// Partly says that other parts of the same parameter are in the key.
	Partly bool
}

// Missings gives what is missing in a site's key. constant says that the key is
// one for all callers: a constant, or made of the receiver's own.
func Missings(r *sites.Result, s *sites.Site) (missing []Missing, constant bool) {
	key, told := Key(r, s)
	if !told || s.API.Kind == sites.Make || len(s.API.Keys) == 0 {
		return nil, false
	}
	var own Parts // of callers, and not of what holds the group
	at := holder(r, s)
	for _, k := range key {
		if !flow.IsReceiver(k.Param) && k.Param != at && Around(s, k.Param.Parent()) {
			own = append(own, k)
		}
	}
	if len(own) == 0 && !sharedGroup(s) {
		return nil, false
	}
	j := judge{r: r, s: s, key: key, own: own, holder: at}
	for _, u := range Load(r, s) {
		if m := j.use(u); m != nil {
			missing = append(missing, *m)
		} else {
			missing = append(missing, j.leftOut(u)...)
		}
	}
	return missing, len(own) == 0
}

// sharedGroup says whether a group outlives a call: it is a field or a variable
// of the package.
func sharedGroup(s *sites.Site) bool {
	v, ok := s.Group.(*types.Var)
	return ok && (v.IsField() || v.Parent() == v.Pkg().Scope())
}

// packageGroup says whether a group is there once in the program.
func packageGroup(s *sites.Site) bool {
	v, ok := s.Group.(*types.Var)
	return ok && !v.IsField()
}

// holder is the parameter that a group is a field of, as of a receiver: whoever
// waits for a load of the group has it in common. It is nil where the group is
// got in another way.
func holder(r *sites.Result, s *sites.Site) *ssa.Parameter {
	v := s.Receiver()
	if v == nil {
		return nil
	}
	v = r.Flow.Origin(v)
	if load, ok := v.(*ssa.UnOp); ok && load.Op == token.MUL {
		v = load.X // a pointer to a group
	}
	field, ok := v.(*ssa.FieldAddr)
	if !ok {
		return nil
	}
	param, _ := r.Flow.Origin(field.X).(*ssa.Parameter)
	return param
}

type judge struct {
	r      *sites.Result
	s      *sites.Site
	key    Parts
	own    Parts
	holder *ssa.Parameter // nil if there is none
}

// use says of a part that a load uses whether the key misses it; nil if not.
func (j *judge) use(u Use) *Missing {
	if flow.IsReceiver(u.Param) || u.Param == j.holder || j.key.Cover(u.Part) || len(j.key.Within(u.Part)) > 0 {
		return nil
	}
	of := j.key.Of(u.Param)
	if len(of) > 0 && simple(u.Param.Type()) {
		return nil
	}
	m := &Missing{Use: u, Partly: len(of) > 0}
	words := wordsOf(u.Name())
	if len(u.Path) == 0 && u.Param.Name() == "_" || how(words) {
		return nil
	}
	switch ctx := flow.IsContext(u.Param.Type()); {
	case ctx && len(u.Path) == 0:
		return nil
	case !data(u.Type()):
		// Whose it is may matter all the same: a session, a client made for one user.
		if !carriesIdentity(u) {
			return nil
		}
	case ctx:
		m.Sure = telling(append(words, wordsOf(u.Path[len(u.Path)-1].Name)...))
	case len(u.Path) > 0:
		m.Sure = len(u.Path) < 3 && (telling(words) || request(u.Param.Type()) || isBool(u.Type()) && !named(of))
	default:
		m.Sure = true
	}
	if u.Path == nil && j.decidedByCallers(u) || j.pinned(u) || j.revalidated(u) {
		return nil
	}
	switch {
	case j.contentKey(), j.callersKey(u), j.discarded(), place(words) && named(j.own), (j.digestKey() || most(words)) && !telling(words):
		m.Sure = false
	case len(j.own) == 0 && !packageGroup(j.s):
		// The object that the group belongs to may be there for this one thing.
		m.Sure = m.Sure && (telling(words) || isBool(u.Type()))
	}
	return m
}

// leftOut gives the switches of a caller's options that the key, which takes
// others of them one by one, does not have. The load uses the options as a whole,
// so that whether it looks at these is not known.
func (j *judge) leftOut(u Use) (missing []Missing) {
	of := j.key.Of(u.Param)
	if len(u.Path) > 0 || flow.IsReceiver(u.Param) || !request(u.Param.Type()) || len(of) < 2 || j.key.Cover(u.Part) || j.discarded() {
		return nil
	}
	t := u.Param.Type()
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	for f := range s.Fields() {
		has := func(p Part) bool { return p.Path[0].Name == f.Name() }
		if f.Exported() && isBool(f.Type()) && !how(wordsOf(f.Name())) && !slices.ContainsFunc(of, has) {
			part := Part{Param: u.Param, Path: []Step{{f.Name(), f.Type()}}}
			missing = append(missing, Missing{Use: Use{part, u.Pos}, Partly: true})
		}
	}
	return missing
}

// data says whether values of a type are what they hold, and not a way to reach
// something.
func data(t types.Type) bool { return dataWithin(t, 4) }

func dataWithin(t types.Type, deep int) bool {
	if deep == 0 {
		return false
	}
	if n, ok := types.Unalias(t).(*types.Named); ok && n.Obj().Pkg() != nil {
		switch n.Obj().Pkg().Path() + "." + n.Obj().Name() {
		case "time.Duration":
			return false // how long, not what
		case "time.Time", "net/netip.Addr", "net/netip.Prefix", "net/netip.AddrPort", "net/url.URL":
			return true
		}
	}
	switch t := t.Underlying().(type) {
	case *types.Basic:
		return t.Kind() != types.UnsafePointer && t.Kind() != types.UntypedNil
	case *types.Slice:
		return dataWithin(t.Elem(), deep-1)
	case *types.Array:
		return dataWithin(t.Elem(), deep-1)
	case *types.Map:
		return dataWithin(t.Key(), deep-1) && dataWithin(t.Elem(), deep-1)
	case *types.Struct:
		for f := range t.Fields() {
			if !dataWithin(f.Type(), deep-1) {
				return false
			}
		}
		return t.NumFields() > 0
	}
	return false
}

func isBool(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Kind() == types.Bool
}

var requestName = regexp.MustCompile(`(Options?|Opts?|Request|Req|Params?|Query|Filter|Args|Input|Item|Criteria|Selector)$`)

// request says whether a type is called what a caller's wishes are called, as
// against a thing with an identity of its own.
func request(t types.Type) bool {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	return ok && (requestName.MatchString(n.Obj().Name()) || n.Obj().Pkg() != nil && n.Obj().Pkg().Path()+"."+n.Obj().Name() == "net/http.Request")
}

// place says whether a name speaks of where a thing is, or what it is called
// besides: what has an id is found by that.
func place(words []string) bool {
	switch strings.Join(words, "") {
	case "key", "cachekey", "dir", "directory", "folder", "root", "base", "baseurl", "mirror", "endpoint", "addr", "address", "host", "name", "title", "description":
		return true
	}
	return false
}

// most says whether a name speaks of a limit, which is a matter of how a program
// is set up more often than of who asks.
func most(words []string) bool { return len(words) > 1 && (words[0] == "max" || words[0] == "maximum") }

// named says whether parts hold what names a thing: what else the thing has
// comes with that.
func named(parts Parts) bool {
	return slices.ContainsFunc(parts, func(p Part) bool {
		return slices.ContainsFunc(wordsOf(p.Name()), func(w string) bool {
			switch w {
			case "id", "uid", "uuid", "key", "digest", "hash":
				return true
			}
			return false
		})
	})
}

// wordsOf splits a name: clientIP is client, ip.
func wordsOf(name string) (words []string) {
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
			word = nil
		}
	}
	runes := []rune(name)
	for i, c := range runes {
		if !unicode.IsLetter(c) {
			end()
			continue
		}
		if unicode.IsUpper(c) && i > 0 && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			end()
		}
		word = append(word, c)
	}
	end()
	return words
}

var tellingWords = regexp.MustCompile(`^(tenants?|orgs?|organi[sz]ations?|users?|usernames?|uid|accounts?|roles?|scopes?|tokens?|pass|passwords?|passwd|passphrase|pwd|secrets?|locales?|langs?|languages?|accept|regions?|ip|ips|addr|headers?|force|forced|refresh|debug|skip|bypass|fresh|namespace|owner|customer|workspace|principal|subject|permissions?|realm|impersonate)$`)

// telling says whether a name speaks of whose the answer is, or how fresh.
func telling(words []string) bool { return slices.ContainsFunc(words, tellingWords.MatchString) }

var howWords = regexp.MustCompile(`^(buf|buffer|dst|dest|out|ttl|timeout|deadline|expir[a-z]*|retry|retries|attempts?|backoff|interval|delay|wait|concurrency|parallelism|workers|threads|prefetch|capacity|sampling|verbose|trace|tracing|span|metrics?|log|logger|now|start|started|begin|correlation|priority)$`)

// how says whether a name speaks of how something is done, and not what.
func how(words []string) bool {
	joined := strings.Join(words, "")
	if strings.Contains(joined, "requestid") || strings.Contains(joined, "traceid") {
		return true
	}
	return slices.ContainsFunc(words, howWords.MatchString)
}

var identityWords = regexp.MustCompile(`^(session|sess|credentials?|creds?|auth|authn|authz|user|token|claims|principal|identity|signer|account|tenant|subject|impersonator)$`)

// carriesIdentity says of what is no data whether its name or its type speaks of
// a caller's identity.
func carriesIdentity(u Use) bool {
	if len(u.Path) > 0 {
		return false
	}
	t := u.Type()
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	words := wordsOf(u.Name())
	if n, ok := types.Unalias(t).(*types.Named); ok {
		words = append(words, wordsOf(n.Obj().Name())...)
		if n.Obj().Pkg() != nil {
			words = append(words, wordsOf(n.Obj().Pkg().Name())...)
		}
	}
	switch t.Underlying().(type) {
	case *types.Interface, *types.Struct:
		return slices.ContainsFunc(words, identityWords.MatchString)
	}
	return false
}

// contentKey says whether the key names a content by its digest: the rest then
// says where to find it.
func (j *judge) contentKey() bool {
	return slices.ContainsFunc(j.own, func(p Part) bool {
		return slices.ContainsFunc(wordsOf(p.Name()), func(w string) bool {
			switch w {
			case "hash", "digest", "checksum", "fingerprint", "sha", "etag", "cid":
				return true
			}
			return false
		})
	})
}

// digestKey says whether the key is made of one value alone, by its digest: the
// load is then about that content, and the rest may say what is done with it.
func (j *judge) digestKey() bool {
	if len(j.own) != 1 || j.s.Key == nil {
		return false
	}
	digest := false
	j.r.Flow.Sources(j.s.Key, func(v ssa.Value) bool {
		if call, ok := v.(*ssa.Call); ok {
			if fn := flow.Callee(call.Common()); fn != nil {
				digest = digest || slices.ContainsFunc(wordsOf(fn.Name()), func(w string) bool {
					switch w {
					case "hash", "digest", "checksum", "fingerprint", "sum":
						return true
					}
					return false
				})
			}
		}
		return !digest
	})
	return digest
}

// callersKey says whether the key is one that the function's callers made, who
// are not seen: what it covers is theirs to know.
func (j *judge) callersKey(u Use) bool {
	fn := u.Param.Parent()
	if len(j.own) != 1 || len(j.own[0].Path) > 0 || len(j.callers(fn)) > 0 {
		return false
	}
	return slices.ContainsFunc(wordsOf(j.own[0].Name()), func(w string) bool { return w == "key" || w == "keys" })
}

func (j *judge) callers(fn *ssa.Function) (calls []ssa.CallInstruction) {
	for _, c := range j.r.Flow.Callers(fn) {
		if !strings.HasSuffix(fn.Prog.Fset.Position(c.Pos()).Filename, "_test.go") {
			calls = append(calls, c)
		}
	}
	return calls
}

// decidedByCallers says whether all callers in the package pass the same
// constant, or something of the key's, or of their receiver, or of the clock.
func (j *judge) decidedByCallers(u Use) bool {
	fn := u.Param.Parent()
	calls := j.callers(fn)
	if len(calls) == 0 {
		return false
	}
	arg := func(c ssa.CallInstruction, p *ssa.Parameter) ssa.Value {
		if i := slices.Index(fn.Params, p); i >= 0 && i < len(c.Common().Args) {
			return c.Common().Args[i]
		}
		return nil
	}
	var same *ssa.Const
	constant, decided := true, true
	for i, c := range calls {
		v := arg(c, u.Param)
		if v == nil {
			return false
		}
		k, ok := flow.Peel(v).(*ssa.Const)
		switch {
		case !ok, i > 0 && (same == nil || k.String() != same.String()):
			constant = false
		case i == 0:
			same = k
		}
		decided = decided && !ok && j.decidedAt(c, v, arg)
	}
	return constant || decided
}

func (j *judge) decidedAt(c ssa.CallInstruction, v ssa.Value, arg func(ssa.CallInstruction, *ssa.Parameter) ssa.Value) bool {
	w := newWalk(j.r, true)
	for _, k := range j.own {
		if at := arg(c, k.Param); at != nil {
			w.from(at, k.Path, held{}, nil)
		}
	}
	parts := Of(j.r, v)
	if len(parts) == 0 {
		_, global := flow.Peel(v).(*ssa.UnOp)
		return global || j.clock(v)
	}
	for _, p := range parts {
		if !flow.IsReceiver(p.Param) && !w.found.Cover(p) && !how(append(wordsOf(p.Name()), wordsOf(p.Param.Name())...)) {
			return false
		}
	}
	return true
}

// clock says whether a value is made of the time of the call.
func (j *judge) clock(v ssa.Value) bool {
	now := false
	j.r.Flow.Sources(v, func(v ssa.Value) bool {
		if call, ok := v.(*ssa.Call); ok {
			fn := flow.Callee(call.Common())
			now = now || fn != nil && fn.FullName() == "time.Now"
		}
		return !now
	})
	return now
}

// pinned says whether the part has one value wherever the site is reached: an
// "if force { return load() }" stands before it.
func (j *judge) pinned(u Use) bool {
	at := j.s.Instr.Block()
	for f := j.s.In; f != nil; f = f.Parent() {
		for b := at.Idom(); b != nil; b = b.Idom() {
			c, ok := b.Instrs[len(b.Instrs)-1].(*ssa.If)
			if !ok {
				continue
			}
			yes, no := reaches(b.Succs[0], at), reaches(b.Succs[1], at)
			if yes != no && j.pins(u, c.Cond, yes) {
				return true
			}
		}
		made := j.r.Flow.Closure(f)
		if made == nil {
			break
		}
		at = made.Block()
	}
	return false
}

// pins says whether a condition that came out so leaves the part one value.
func (j *judge) pins(u Use, cond ssa.Value, so bool) bool {
	switch c := cond.(type) {
	case *ssa.BinOp:
		x, y := c.X, c.Y
		if _, ok := constantOf(x); ok {
			x, y = y, x
		}
		if _, ok := constantOf(y); !ok {
			return false
		}
		if call, ok := x.(*ssa.Call); ok {
			if b, ok := call.Call.Value.(*ssa.Builtin); ok && b.Name() == "len" {
				// Empty, if it is compared with 0 or 1; anything else is rare.
				return j.is(u, call.Call.Args[0]) && so == (c.Op == token.EQL || c.Op == token.LSS || c.Op == token.LEQ)
			}
		}
		return (c.Op == token.EQL && so || c.Op == token.NEQ && !so) && j.is(u, x)
	case *ssa.UnOp:
		if c.Op == token.NOT {
			return j.pins(u, c.X, !so)
		}
	}
	return isBool(cond.Type()) && j.is(u, cond)
}

// is says whether a value is the part, and that alone.
func (j *judge) is(u Use, v ssa.Value) bool {
	parts := Of(j.r, v)
	return len(parts) == 1 && parts[0].Covers(u.Part) && len(parts[0].Path) == len(u.Path)
}

// discarded says whether nobody looks at what the site gives.
func (j *judge) discarded() bool {
	v := j.s.Instr.Value()
	return v == nil || v.Referrers() == nil || len(*v.Referrers()) == 0
}

// revalidated says whether the function looks at the result and at the part
// together when the load is done.
func (j *judge) revalidated(u Use) bool {
	result := j.s.Instr.Value()
	if result == nil {
		return false
	}
	after := false
	for _, b := range j.s.In.Blocks {
		if b != j.s.Instr.Block() && !reaches(j.s.Instr.Block(), b) {
			continue
		}
		after = b != j.s.Instr.Block()
		for _, instr := range b.Instrs {
			if instr == j.s.Instr {
				after = true
				continue
			}
			if !after {
				continue
			}
			switch instr := instr.(type) {
			case *ssa.BinOp:
				switch instr.Op {
				case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
					if j.both(u, result, instr.X, instr.Y) {
						return true
					}
				}
			case *ssa.Call:
				if fn := flow.Callee(instr.Common()); fn == nil || quiet(j.r, fn) || !checks(instr.Type()) || fn.Pkg() != nil && fn.Pkg().Path() == "fmt" {
					continue
				}
				args := instr.Call.Args
				if instr.Call.IsInvoke() {
					args = append([]ssa.Value{instr.Call.Value}, args...)
				}
				if j.both(u, result, args...) {
					return true
				}
			}
		}
	}
	return false
}

// checks says whether a call's result says yes or no.
func checks(t types.Type) bool {
	if t, ok := t.(*types.Tuple); ok {
		return t.Len() > 0 && checks(t.At(t.Len()-1).Type())
	}
	return isBool(t) || isError(t)
}

// both says whether one of the values comes from the result and another one
// from the part.
func (j *judge) both(u Use, result ssa.Value, values ...ssa.Value) bool {
	fromResult, fromPart := false, false
	for _, v := range values {
		isResult, isPart := false, false
		j.r.Flow.Sources(v, func(v ssa.Value) bool {
			isResult = isResult || v == result
			isPart = isPart || v == u.Param
			return v != result
		})
		fromResult = fromResult || isResult
		fromPart = fromPart || isPart && !isResult
	}
	return fromResult && fromPart
}
