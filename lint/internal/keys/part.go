// Package keys tells what of its callers a site's key is made of, and what of
// them its load depends on. What is in the second and not in the first is
// answered for one caller and given to all.
package keys

import (
	"go/types"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ssa"
)

// A Part is a parameter of a function around a site, or a part of one: a field,
// or what a getter gives.
type Part struct {
	Param *ssa.Parameter
	Path  []Step // empty: all of it

	// Var is the variable that the part was in when the load used it, "" if it
	// used the parameter itself.
	Var string

	as types.Type // what the part was asserted to be; nil if it was not
}

// A Step is one field or getter on the way from a parameter to a part.
type Step struct {
	Name string // "Key", "Query()", `Get("id")`
	Type types.Type
}

// Type is the part's type.
func (p Part) Type() types.Type {
	if p.as != nil {
		return p.as
	}
	if n := len(p.Path); n > 0 {
		return p.Path[n-1].Type
	}
	return p.Param.Type()
}

// String is the part as a reader of the code knows it: the variable that it is
// in, or the way to it.
func (p Part) String() string {
	if p.Var != "" {
		return p.Var
	}
	s := p.Param.Name()
	for _, step := range p.Path {
		s += "." + step.Name
	}
	return s
}

// Name is the word that says what the part is for: its variable's, its last
// step's, its parameter's.
func (p Part) Name() string {
	if p.Var != "" {
		return p.Var
	}
	if n := len(p.Path); n > 0 {
		name, arg, call := strings.Cut(p.Path[n-1].Name, "(")
		if s, err := strconv.Unquote(strings.TrimSuffix(arg, ")")); call && err == nil {
			return s
		}
		return name
	}
	return p.Param.Name()
}

// Covers says whether p holds all of q.
func (p Part) Covers(q Part) bool {
	if p.Param != q.Param || len(p.Path) > len(q.Path) {
		return false
	}
	for i, step := range p.Path {
		if step.Name != q.Path[i].Name {
			return false
		}
	}
	return true
}

// Parts are several.
type Parts []Part

// Cover says whether one of them holds all of q.
func (ps Parts) Cover(q Part) bool {
	for _, p := range ps {
		if p.Covers(q) {
			return true
		}
	}
	return false
}

// Within gives those that are parts of q and not all of it.
func (ps Parts) Within(q Part) (within Parts) {
	for _, p := range ps {
		if q.Covers(p) && len(p.Path) > len(q.Path) {
			within = append(within, p)
		}
	}
	return within
}

// Of gives those of one parameter.
func (ps Parts) Of(param *ssa.Parameter) (of Parts) {
	for _, p := range ps {
		if p.Param == param {
			of = append(of, p)
		}
	}
	return of
}

func (ps Parts) add(p Part) Parts {
	for i, q := range ps {
		if q.Param == p.Param && len(q.Path) == len(p.Path) && q.Covers(p) {
			if q.Var == "" {
				ps[i].Var = p.Var
			}
			return ps
		}
	}
	return append(ps, p)
}
