package check

import (
	"go/ast"
	"go/token"
	"go/types"
	goversion "go/version"
	"strconv"

	"golang.org/x/tools/go/analysis"
)

// Import gives the name by which a file knows a package, and the edit that
// imports it if it does not yet. ok is false where the name is taken.
func (p *Pass) Import(at token.Pos, path string) (name string, edits []analysis.TextEdit, ok bool) {
	file := p.file(at)
	if file == nil {
		return "", nil, false
	}
	name = path[lastSlash(path)+1:]
	for _, spec := range file.Imports {
		if got, err := strconv.Unquote(spec.Path.Value); err == nil && got == path {
			switch {
			case spec.Name == nil:
				return name, nil, p.means(at, name, path)
			case spec.Name.Name != "_" && spec.Name.Name != ".":
				return spec.Name.Name, nil, p.means(at, spec.Name.Name, path)
			}
		}
	}
	if !p.Free(at, name) {
		return "", nil, false
	}
	line := strconv.Quote(path)
	for _, decl := range file.Decls {
		if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.IMPORT {
			if d.Lparen.IsValid() {
				return name, []analysis.TextEdit{{Pos: d.Lparen + 1, End: d.Lparen + 1, NewText: []byte("\n\t" + line)}}, true
			}
			return name, []analysis.TextEdit{{Pos: d.End(), End: d.End(), NewText: []byte("\nimport " + line)}}, true
		}
	}
	return name, []analysis.TextEdit{{Pos: file.Name.End(), End: file.Name.End(), NewText: []byte("\n\nimport " + line)}}, true
}

func lastSlash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return i
		}
	}
	return -1
}

// means says whether a name stands for an imported package at a place.
func (p *Pass) means(at token.Pos, name, path string) bool {
	_, obj := p.scope(at).LookupParent(name, at)
	pkg, ok := obj.(*types.PkgName)
	return ok && pkg.Imported().Path() == path
}

// Free says whether a name stands for nothing at a place, so that it can be
// declared there without hiding anything.
func (p *Pass) Free(at token.Pos, name string) bool {
	_, obj := p.scope(at).LookupParent(name, at)
	return obj == nil
}

// FreeIn gives the first of names that is used nowhere within a node and stands
// for nothing there; "" if there is none.
func (p *Pass) FreeIn(n ast.Node, names ...string) string {
	used := make(map[string]bool)
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			used[id.Name] = true
		}
		return true
	})
	for _, name := range names {
		if !used[name] && p.Free(n.Pos()+1, name) {
			return name
		}
	}
	return ""
}

func (p *Pass) scope(at token.Pos) *types.Scope {
	if s := p.Pkg.Scope().Innermost(at); s != nil {
		return s
	}
	return p.Pkg.Scope()
}

// Go says whether the file at a place may use what a version of Go brought, as
// in "go1.21".
func (p *Pass) Go(at token.Pos, version string) bool {
	file := p.file(at)
	if file == nil {
		return false
	}
	v := p.TypesInfo.FileVersions[file]
	return v == "" || goversion.Compare(v, version) >= 0
}
