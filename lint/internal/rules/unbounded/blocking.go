package unbounded

import (
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/flow"
)

// waits tells of a call that may wait for another machine or process for as long
// as that takes. ctx is the context that alone can end it; nil if there is none.
// ok is false for all calls that are not known to do so.
func (f *finder) waits(call *ssa.CallCommon) (ctx ssa.Value, at *ssa.Call, ok bool) {
	fn := flow.Callee(call)
	if fn == nil || fn.Pkg() == nil {
		return nil, nil, false
	}
	switch path := fn.Pkg().Path(); {
	case path == "database/sql", strings.HasPrefix(path, "github.com/jackc/pgx/"):
		switch fn.Name() {
		case "QueryContext", "QueryRowContext", "ExecContext", "PingContext", "Query", "QueryRow", "Exec", "Ping":
			ctx := firstContext(call, fn)
			return ctx, nil, ctx != nil || path == "database/sql"
		}
	case path == "net":
		switch fullName(fn) {
		case "Dial", "DialTCP", "DialUDP":
			return nil, nil, true
		}
	case path == "os/exec":
		switch fullName(fn) {
		case "Cmd.Run", "Cmd.Output", "Cmd.CombinedOutput", "Cmd.Wait":
			return f.command(call.Args[0])
		}
	case path == "net/http":
		switch fullName(fn) {
		case "Get", "Head", "Post", "PostForm":
			return nil, nil, !f.defaultClientSet()
		case "Client.Get", "Client.Head", "Client.Post", "Client.PostForm":
			return nil, nil, f.zeroClient(call.Args[0])
		case "Client.Do":
			if !f.zeroClient(call.Args[0]) {
				return nil, nil, false
			}
			return f.request(call.Args[1])
		}
	default:
		// A method that protoc generated of a client.
		sig := fn.Type().(*types.Signature)
		if sig.Variadic() && sig.Recv() != nil {
			last := sig.Params().At(sig.Params().Len() - 1).Type().(*types.Slice).Elem()
			if types.TypeString(last, nil) == "google.golang.org/grpc.CallOption" {
				ctx := firstContext(call, fn)
				return ctx, nil, ctx != nil
			}
		}
	}
	return nil, nil, false
}

// fullName is a function's name, with its receiver's type before it.
func fullName(fn *types.Func) string {
	r := fn.Type().(*types.Signature).Recv()
	if r == nil {
		return fn.Name()
	}
	t := types.Unalias(r.Type())
	if ptr, ok := t.(*types.Pointer); ok {
		t = types.Unalias(ptr.Elem())
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj().Name() + "." + fn.Name()
	}
	return fn.Name()
}

// firstContext is the first argument that is a context, or nil.
func firstContext(call *ssa.CallCommon, fn *types.Func) ssa.Value {
	for _, a := range call.Args {
		if flow.IsContext(a.Type()) {
			return a
		}
	}
	return nil
}

// made gives the call of a package's function that a value came out of.
func (f *finder) made(v ssa.Value, pkg string) (*ssa.Call, string) {
	v = f.p.Sites.Flow.Origin(v)
	if x, ok := v.(*ssa.Extract); ok && x.Index == 0 {
		v = x.Tuple
	}
	call, ok := v.(*ssa.Call)
	if !ok {
		return nil, ""
	}
	fn := flow.Callee(call.Common())
	if fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != pkg {
		return nil, ""
	}
	return call, fn.Name()
}

func (f *finder) command(cmd ssa.Value) (ssa.Value, *ssa.Call, bool) {
	call, name := f.made(cmd, "os/exec")
	switch name {
	case "Command":
		return nil, nil, true
	case "CommandContext":
		return call.Call.Args[0], call, true
	}
	return nil, nil, false
}

func (f *finder) request(req ssa.Value) (ssa.Value, *ssa.Call, bool) {
	call, name := f.made(req, "net/http")
	switch name {
	case "NewRequest":
		return nil, nil, true
	case "NewRequestWithContext":
		return call.Call.Args[0], call, true
	}
	return nil, nil, false
}

// zeroClient says whether an HTTP client is one without a timeout: the default
// one, or a literal that sets neither that nor a transport, which may have some.
func (f *finder) zeroClient(client ssa.Value) bool {
	switch c := f.p.Sites.Flow.Origin(client).(type) {
	case *ssa.UnOp:
		g, ok := c.X.(*ssa.Global)
		return ok && g.Pkg != nil && g.Pkg.Pkg.Path() == "net/http" && g.Name() == "DefaultClient" && !f.defaultClientSet()
	case *ssa.Alloc:
		for _, r := range *c.Referrers() {
			switch r := r.(type) {
			case *ssa.FieldAddr:
				if field := flow.Field(r); field != nil && (field.Name() == "Timeout" || field.Name() == "Transport") {
					return false
				}
			case *ssa.Store:
				return false // set whole, or handed elsewhere
			}
		}
		return true
	}
	return false
}

// defaultClientSet says whether the package changes the default client.
func (f *finder) defaultClientSet() bool {
	for _, fn := range f.p.Sites.Flow.Funcs {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				s, ok := instr.(*ssa.Store)
				if !ok {
					continue
				}
				addr := s.Addr
				if fa, ok := addr.(*ssa.FieldAddr); ok {
					if u, ok := fa.X.(*ssa.UnOp); ok {
						addr = u.X
					}
				}
				if g, ok := addr.(*ssa.Global); ok && g.Pkg != nil && g.Pkg.Pkg.Path() == "net/http" {
					return true
				}
			}
		}
	}
	return false
}

// timed says whether a function sets a timer or a deadline of another kind.
func timed(fn *ssa.Function) bool {
	for _, b := range fn.Blocks {
		for _, instr := range b.Instrs {
			call, ok := instr.(ssa.CallInstruction)
			if !ok {
				continue
			}
			callee := flow.Callee(call.Common())
			if callee == nil {
				continue
			}
			switch callee.Name() {
			case "SetDeadline", "SetReadDeadline", "SetWriteDeadline":
				return true
			case "After", "AfterFunc", "NewTimer", "Tick", "NewTicker":
				if callee.Pkg() != nil && callee.Pkg().Path() == "time" {
					return true
				}
			}
			for _, a := range call.Common().Args {
				if types.TypeString(a.Type(), nil) == "time.Duration" && firstContext(call.Common(), callee) != nil && (callee.Pkg() == nil || callee.Pkg().Path() != "context") {
					return true
				}
			}
		}
	}
	for _, lit := range fn.AnonFuncs {
		if timed(lit) {
			return true
		}
	}
	return false
}
