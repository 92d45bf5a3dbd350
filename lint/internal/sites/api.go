package sites

import (
	"go/types"
	"strings"

	"github.com/onefold-go/onefold/lint/internal/flow"
)

// An API is a function or method that coalesces loads, as its callers see it.
// Arguments and results are counted without the receiver; -1 stands for one
// that there is not.
type API struct {
	// Name is what messages call it: "singleflight.Group.Do".
	Name string

	Kind Kind

	Ctx, Load int   // arguments
	Keys      []int // the arguments that make up the key; more than one in wrappers only

	Value, Err, Chan int  // results; Chan is a channel of results
	Shared           int  // the result that says whether others got the same
	Struct           bool // the result at Value, or what the channel carries, is a struct of value and error

	// Passing says that the load is given a context that the library, or the
	// wrapper, made for it.
	Passing bool

	// Detached says that the load's context does not end with the caller's, or
	// that it has none and sees none through the API.
	Detached bool

	// Bounded says that the load's context has a deadline.
	Bounded bool

	// Keeps says that results are kept after the load, as a cache does.
	Keeps bool

	// Classic says that the group is x/sync's or works like it: it lets go of a
	// key when its load ends, and a channel gets one result and is not closed.
	Classic bool

	// Wrapper is the function that passes its arguments on to a site, when
	// the call is of such a one.
	Wrapper *types.Func
}

// A Kind is the shape of an API.
type Kind uint8

// The kinds.
const (
	Do     Kind = iota // waits for the result
	DoChan             // gives a channel that the result comes on
	Make               // makes a group around one load; the key comes later
)

// Our own packages' functions and methods, and those of others that the shape
// of a method does not tell.
const module = "github.com/onefold-go/onefold"

type name struct{ pkg, typ, fn string }

// known are APIs that their name decides, where the name alone would not match.
// What differs from the shape of the signature is set by the function.
var known = map[name]func(*API){
	{module, "Group", "Do"}:              owned,
	{module, "Group", "DoChan"}:          owned,
	{module, "Group", "DoResult"}:        owned,
	{module, "", "NewLoader"}:            maker,
	{module + "/batch", "", "NewLoader"}: maker,
	{module + "/future", "", "New"}:      keeping,
	{module + "/tier", "", "New"}:        keeping,
	{module + "/memo", "Table", "Get"}:   func(a *API) { owned(a); a.Keeps = true },
}

func owned(a *API)   { a.Passing, a.Detached = true, true }
func maker(a *API)   { owned(a); a.Kind, a.Keys = Make, nil }
func keeping(a *API) { maker(a); a.Keeps = true }

// Groups are more types that coalesce, as "import/path.Type": the user's word
// for what neither a name nor a shape tells. It is set by a flag before the
// first pass.
var Groups []string

// apiOf tells whether a function or method coalesces. It is nil for one that
// does not.
func apiOf(fn *types.Func) *API {
	if fn.Pkg() == nil {
		return nil
	}
	sig := fn.Type().(*types.Signature)
	pkg, typ := fn.Pkg().Path(), receiver(sig)
	if typ == "" && sig.Recv() != nil {
		return nil
	}
	set, isKnown := known[name{pkg, typ, fn.Name()}]
	if !isKnown {
		if typ == "" || !((named(pkg, typ) || holdsCalls(sig)) && doing(fn.Name()) || given(pkg, typ)) {
			return nil
		}
	}
	a := shape(sig, isKnown)
	if a == nil {
		return nil
	}
	a.Name = fn.Pkg().Name() + "." + fn.Name()
	if typ != "" {
		a.Name = fn.Pkg().Name() + "." + typ + "." + fn.Name()
	}
	a.Detached = !a.Passing || flightOwnsContext(pkg)
	a.Classic = classic(fn)
	if isKnown {
		set(a)
	}
	return a
}

// IsGroup says whether a type has a method that coalesces.
func IsGroup(t types.Type) bool {
	if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
		t = ptr.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return false
	}
	for m := range named.Origin().Methods() {
		if apiOf(m) != nil {
			return true
		}
	}
	return false
}

// flightOwnsContext says of forks that give the load a context whether it is
// free of the caller's cancellation.
func flightOwnsContext(pkg string) bool {
	for _, known := range []string{"resenje.org/singleflight", "tailscale.com/util/singleflight", "github.com/moby/buildkit/util/flightcontrol"} {
		if pkg == known || strings.HasSuffix(pkg, "/vendor/"+known) {
			return true
		}
	}
	return false
}

// classic says whether a method is one of a group like x/sync's: ours, or one
// of its name with no methods that speak of keeping results.
func classic(fn *types.Func) bool {
	recv := fn.Type().(*types.Signature).Recv()
	if recv == nil || receiver(fn.Type().(*types.Signature)) != "Group" {
		return false
	}
	if fn.Pkg().Path() == module {
		return true
	}
	if fn.Pkg().Name() != "singleflight" {
		return false
	}
	for m := range types.NewMethodSet(recv.Type()).Methods() {
		for _, word := range []string{"Store", "Set", "Cache", "TTL", "Expire"} {
			if strings.Contains(m.Obj().Name(), word) {
				return false
			}
		}
	}
	return true
}

// receiver is the name of the type that a method belongs to, "" for none.
func receiver(sig *types.Signature) string {
	if sig.Recv() == nil {
		return ""
	}
	t := sig.Recv().Type()
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	if n, ok := types.Unalias(t).(*types.Named); ok {
		return n.Obj().Name()
	}
	return ""
}

// named says whether a package or a type is called what groups are called.
func named(pkg, typ string) bool {
	last := pkg[strings.LastIndexByte(pkg, '/')+1:]
	for _, s := range []string{last, typ, strings.TrimSuffix(pkg, "/"+last)} {
		s = strings.ToLower(s[strings.LastIndexByte(s, '/')+1:])
		if strings.Contains(s, "flight") || strings.Contains(s, "dedup") {
			return true
		}
	}
	return false
}

// holdsCalls says whether a method's receiver keeps what copies of singleflight
// do, whatever they are called: by key, the result that is loaded, and a wait
// group for those who wait for it.
func holdsCalls(sig *types.Signature) bool {
	t := sig.Recv().Type()
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range s.Fields() {
		m, ok := f.Type().Underlying().(*types.Map)
		if !ok {
			continue
		}
		ptr, ok := m.Elem().Underlying().(*types.Pointer)
		if !ok {
			continue
		}
		call, ok := ptr.Elem().Underlying().(*types.Struct)
		if !ok {
			continue
		}
		waits, err := false, false
		for f := range call.Fields() {
			waits = waits || types.TypeString(f.Type(), nil) == "sync.WaitGroup"
			err = err || isError(f.Type())
		}
		if waits && err {
			return true
		}
	}
	return false
}

func given(pkg, typ string) bool {
	for _, g := range Groups {
		if g == pkg+"."+typ {
			return true
		}
	}
	return false
}

func doing(method string) bool {
	return strings.HasPrefix(method, "Do") || strings.HasPrefix(method, "Execute")
}

// shape reads an API off a signature: a comparable key, and a function that
// gives a value and an error. A known maker takes the function alone.
func shape(sig *types.Signature, isKnown bool) *API {
	a := &API{Ctx: -1, Load: -1, Value: -1, Err: -1, Chan: -1, Shared: -1}
	for i := range sig.Params().Len() {
		t := sig.Params().At(i).Type()
		switch f, isFunc := t.Underlying().(*types.Signature); {
		case flow.IsContext(t):
			if a.Ctx < 0 {
				a.Ctx = i
			}
		case isFunc && a.Load < 0:
			if !loads(f) {
				return nil
			}
			a.Load = i
			a.Passing = f.Params().Len() > 0 && flow.IsContext(f.Params().At(0).Type())
		case isFunc:
			return nil // two functions: whatever it is, it is no group
		case len(a.Keys) == 0 && a.Load < 0 && isKey(t):
			a.Keys = []int{i}
		}
	}
	if a.Load < 0 || len(a.Keys) == 0 && !isKnown {
		return nil
	}
	results(sig, a)
	return a
}

// isKey says whether a group can tell its loads apart by values of t.
func isKey(t types.Type) bool {
	if _, ok := t.Underlying().(*types.Signature); ok {
		return false
	}
	return types.Comparable(t)
}

// loads says whether a function is of the kind that a group runs.
func loads(f *types.Signature) bool {
	n := f.Results().Len()
	return n > 0 && isError(f.Results().At(n-1).Type()) && f.Params().Len() <= 3
}

func results(sig *types.Signature, a *API) {
	for i := range sig.Results().Len() {
		t := sig.Results().At(i).Type()
		switch u := t.Underlying().(type) {
		case *types.Chan:
			if a.Chan < 0 {
				a.Kind, a.Chan = DoChan, i
				a.Struct = outcomeStruct(u.Elem())
			}
			continue
		case *types.Basic:
			if u.Kind() == types.Bool && i > 0 {
				a.Shared = i
				continue
			}
		}
		switch {
		case isError(t):
			a.Err = i
		case a.Value < 0:
			a.Value = i
			a.Struct = a.Struct || outcomeStruct(t)
		}
	}
}

// outcomeStruct says whether a struct holds a load's error beside its value.
func outcomeStruct(t types.Type) bool {
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for i := range s.NumFields() {
		if f := s.Field(i); isError(f.Type()) && f.Exported() {
			return true
		}
	}
	return false
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }
