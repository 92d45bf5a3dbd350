package keys

import (
	"go/constant"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/onefold-go/onefold/lint/internal/flow"
	"github.com/onefold-go/onefold/lint/internal/sites"
)

// A Pattern is what is the same in all keys of a site: the constant texts
// around what differs. Keys of other types than text have none.
type Pattern struct {
	// Prefix and Suffix are the constant beginning and end; the whole of a
	// constant key is its Prefix.
	Prefix, Suffix string

	// Marks are the constant texts with a zero byte in them, which no name or
	// path has: who writes one means to tell keys apart.
	Marks string

	// Constant says that nothing differs.
	Constant bool

	// By is the function that makes the key where nothing is known of what it
	// puts in; nil where the rest is known.
	By *types.Func
}

// PatternOf gives the pattern of a site's key.
func PatternOf(r *sites.Result, s *sites.Site) Pattern {
	var pieces []piece
	for _, k := range s.API.Keys {
		pieces = append(pieces, piecesOf(r, s.Arg(k), 6)...)
	}
	var p Pattern
	p.Constant = true
	for i, x := range pieces {
		if x.text == "" && !x.fixed {
			p.Constant = false
			if len(pieces) == 1 {
				p.By = x.by
			}
			continue
		}
		if strings.Contains(x.text, "\x00") {
			p.Marks += x.text
		}
		if p.Constant {
			p.Prefix += x.text
		} else if i == len(pieces)-1 {
			p.Suffix = x.text
		}
	}
	return p
}

// Apart says whether no key is of both patterns, as far as the code shows: they
// begin or end with other texts, are marked in other ways, or nothing is known
// of one of them.
func (p Pattern) Apart(q Pattern) bool {
	if p.Constant && q.Constant {
		return p.Prefix != q.Prefix
	}
	return p.Prefix != q.Prefix || p.Suffix != q.Suffix || p.Marks != q.Marks || p.By != q.By
}

// A piece is a part of a text: a constant one, or one that differs.
type piece struct {
	text  string
	fixed bool
	by    *types.Func
}

// piecesOf takes a text apart.
func piecesOf(r *sites.Result, v ssa.Value, deep int) []piece {
	differs := []piece{{}}
	if v == nil || deep == 0 {
		return differs
	}
	v = r.Flow.Origin(v)
	switch v := v.(type) {
	case *ssa.Const:
		if v.Value != nil && v.Value.Kind() == constant.String {
			return []piece{{text: constant.StringVal(v.Value), fixed: true}}
		}
		return []piece{{text: v.String(), fixed: true}}
	case *ssa.Convert:
		return piecesOf(r, v.X, deep-1)
	case *ssa.BinOp:
		if v.Op == token.ADD {
			return append(piecesOf(r, v.X, deep-1), piecesOf(r, v.Y, deep-1)...)
		}
	case *ssa.UnOp:
		// A composite key: its constant fields tell keys apart.
		if a, ok := v.X.(*ssa.Alloc); ok && v.Op == token.MUL {
			return fieldsOf(r, a)
		}
	case *ssa.Call:
		return madeBy(r, v, deep)
	}
	return differs
}

func fieldsOf(r *sites.Result, a *ssa.Alloc) (pieces []piece) {
	for _, ref := range *a.Referrers() {
		fa, ok := ref.(*ssa.FieldAddr)
		if !ok {
			continue
		}
		for _, ref := range *fa.Referrers() {
			if s, ok := ref.(*ssa.Store); ok && s.Addr == fa {
				if c, ok := constantOf(s.Val); ok {
					pieces = append(pieces, piece{text: flow.Field(fa).Name() + "=" + c, fixed: true})
				}
			}
		}
	}
	return append(pieces, piece{})
}

func madeBy(r *sites.Result, call *ssa.Call, deep int) []piece {
	fn := flow.Callee(call.Common())
	if fn == nil {
		return []piece{{}}
	}
	args := call.Call.Args
	switch fn.FullName() {
	case "fmt.Sprintf", "fmt.Sprint":
		if c, ok := flow.Peel(args[0]).(*ssa.Const); ok && fn.Name() == "Sprintf" && c.Value != nil {
			return formatted(constant.StringVal(c.Value))
		}
		return []piece{{}}
	case "strings.ToLower", "strings.ToUpper", "strings.Clone", "strings.TrimSpace":
		return piecesOf(r, args[0], deep-1)
	}
	if body := r.Flow.Body(call.Common()); body != nil {
		if v := onlyResult(body); v != nil {
			if pieces := piecesOf(r, v, deep-1); len(pieces) > 1 || pieces[0].fixed {
				return pieces
			}
		}
	}
	// A method of the value says what it is called; another function may put
	// anything in.
	if fn.Type().(*types.Signature).Recv() != nil && len(args) <= 1 {
		return []piece{{}}
	}
	return []piece{{by: fn}}
}

// onlyResult is what a function with one return gives, or nil.
func onlyResult(f *ssa.Function) (v ssa.Value) {
	for _, b := range f.Blocks {
		if ret, ok := b.Instrs[len(b.Instrs)-1].(*ssa.Return); ok {
			if v != nil || len(ret.Results) == 0 {
				return nil
			}
			v = ret.Results[0]
		}
	}
	return v
}

// formatted takes a format apart.
func formatted(format string) (pieces []piece) {
	for format != "" {
		text, rest, verb := strings.Cut(format, "%")
		if text != "" {
			pieces = append(pieces, piece{text: text, fixed: true})
		}
		if !verb {
			break
		}
		i := strings.IndexFunc(rest, func(c rune) bool { return !strings.ContainsRune("+-# 0123456789.[]*", c) })
		if i < 0 {
			break
		}
		pieces = append(pieces, piece{})
		format = rest[i+1:]
	}
	return pieces
}
