package driver

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ast/astutil"

	"github.com/onefold-go/onefold/lint/internal/wire"
)

// Fixes are what the first fix of each open finding makes of the files.
type Fixes struct {
	Files   []FixedFile // by path
	Applied int         // findings whose fix is in Files
	Left    int         // findings whose fix is not, as it meets another's: for a second run
	Faults  []Trouble   // files that fixes would have spoiled
}

// A FixedFile is one file before and after.
type FixedFile struct {
	Path          string // absolute
	Before, After []byte
}

// Fix works out the fixes. It writes nothing. A fix is taken whole or not at
// all: one that touches what a fix before it touches is left. Files are
// formatted as gofmt does it, and imports that a fix took the last use from are
// taken away. Vendored files and those outside of the repository are left alone.
func (r *Report) Fix() (*Fixes, error) {
	var fixes Fixes
	taken := make(map[string][]wire.Edit)
	for i := range r.Findings {
		f := &r.Findings[i]
		if !f.Open() || len(f.Fixes) == 0 {
			continue
		}
		edits := f.Fixes[0].Edits
		switch {
		case slices.ContainsFunc(edits, func(e wire.Edit) bool { return !r.mayWrite(e.File) }):
		case meets(taken, edits):
			fixes.Left++
		default:
			fixes.Applied++
			for _, e := range edits {
				if !slices.Contains(taken[e.File], e) {
					taken[e.File] = append(taken[e.File], e)
				}
			}
		}
	}
	for _, name := range sortedKeys(taken) {
		before, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("a file that was checked cannot be read to fix it: %w", err)
		}
		after, err := edited(before, taken[name])
		if err != nil {
			fixes.Faults = append(fixes.Faults, Trouble{Message: fmt.Sprintf("the fixes of %s were left out: %v", r.path(name), err)})
			continue
		}
		fixes.Files = append(fixes.Files, FixedFile{name, before, after})
	}
	return &fixes, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// mayWrite says whether a file is the user's own.
func (r *Report) mayWrite(file string) bool {
	rel, ours := within(r.Root, file)
	if !ours || slices.Contains(strings.Split(rel, "/"), "vendor") {
		return false
	}
	_, cached := within(r.modCache, file)
	return !cached || r.modCache == ""
}

// meets says whether edits touch what is taken, or each other. The same edit
// twice is none: two fixes may need the same import.
func meets(taken map[string][]wire.Edit, edits []wire.Edit) bool {
	for i, e := range edits {
		for _, t := range slices.Concat(taken[e.File], edits[:i]) {
			if t == e || t.File != e.File {
				continue
			}
			if e.Start < t.End && t.Start < e.End || e.Start == t.Start && !(imports(e) && imports(t)) {
				return true
			}
		}
	}
	return false
}

var importLine = regexp.MustCompile(`^\n(\t|import )"[^"\n]+"\n?$`)

// imports says whether all that an edit does is to import a package: several
// may do that at one place, in any order.
func imports(e wire.Edit) bool { return e.Start == e.End && importLine.MatchString(e.New) }

// edited applies edits that do not meet, and puts the file in order.
func edited(before []byte, edits []wire.Edit) ([]byte, error) {
	edits = slices.Clone(edits)
	slices.SortFunc(edits, func(a, b wire.Edit) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
	var out []byte
	at := 0
	for _, e := range edits {
		if e.Start < at || e.End > len(before) {
			return nil, errors.New("the file is not the one that was checked: run again")
		}
		out = append(append(out, before[at:e.Start]...), e.New...)
		at = e.End
	}
	out = append(out, before[at:]...)
	after, err := format.Source(out)
	if err != nil {
		return nil, fmt.Errorf("it would not be Go any more: %w", err)
	}
	return withoutImports(before, after)
}

// withoutImports takes away the imports of after that were used before and are
// not any more.
func withoutImports(before, after []byte) ([]byte, error) {
	fset := token.NewFileSet()
	was, err := parser.ParseFile(fset, "", before, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	is, err := parser.ParseFile(fset, "", after, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	used, uses := selected(was), selected(is)
	changed := false
	for _, spec := range slices.Clone(is.Imports) {
		file, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		var name string
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names := packageNames(name, file)
		isUsed := func(in map[string]bool) bool {
			return slices.ContainsFunc(names, func(n string) bool { return in[n] })
		}
		if isUsed(used) && !isUsed(uses) {
			changed = astutil.DeleteNamedImport(fset, is, name, file) || changed
		}
	}
	if !changed {
		return after, nil
	}
	var out bytes.Buffer
	if err := format.Node(&out, fset, is); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// selected are the names before the dots of a file that are not declared in it.
func selected(f *ast.File) map[string]bool {
	names := make(map[string]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && id.Obj == nil {
				names[id.Name] = true
			}
		}
		return true
	})
	return names
}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// packageNames are the names that an import may go by in its file.
func packageNames(name, file string) []string {
	if name != "" {
		return []string{name}
	}
	last := path.Base(file)
	if majorVersion.MatchString(last) {
		last = path.Base(path.Dir(file))
	}
	short, _, _ := strings.Cut(last, ".v") // gopkg.in/yaml.v3
	return []string{last, short, strings.TrimPrefix(short, "go-"), strings.TrimSuffix(short, "-go")}
}

// Diff prints the fixes as a unified diff, with paths relative to the
// repository.
func (f *Fixes) Diff(r *Report) []byte {
	var out bytes.Buffer
	for _, file := range f.Files {
		out.Write(unified(r.path(file.Path), file.Before, file.After))
	}
	return out.Bytes()
}

// Mend writes the fixes and runs the check again; the report is of the code as
// it is then. Fixes of a package that does not compile with them are taken
// back, and are a trouble of the report.
func (f *Fixes) Mend(ctx context.Context, o Options, r *Report) (after *Report, err error) {
	if len(f.Files) == 0 {
		r.Troubles = append(r.Troubles, f.Faults...)
		return r, nil
	}
	if err := write(f.Files, func(f FixedFile) []byte { return f.After }); err != nil {
		return nil, err
	}
	after, err = Run(ctx, o)
	if err != nil {
		return nil, errors.Join(err, write(f.Files, func(f FixedFile) []byte { return f.Before }))
	}
	var back []FixedFile
	var troubles []Trouble
	for _, t := range after.Troubles {
		if slices.ContainsFunc(r.Troubles, func(was Trouble) bool { return was.Package == t.Package }) {
			continue
		}
		for _, file := range f.Files {
			if r.packageOf(file.Path) == t.Package {
				back = append(back, file)
			}
		}
		troubles = append(troubles, Trouble{Package: t.Package, Message: "the fixes were taken back, as the package did not compile with them; please report it: " + t.Message})
	}
	if len(back) > 0 {
		if err := write(back, func(f FixedFile) []byte { return f.Before }); err != nil {
			return nil, err
		}
		f.Files = slices.DeleteFunc(f.Files, func(file FixedFile) bool {
			return slices.ContainsFunc(back, func(b FixedFile) bool { return b.Path == file.Path })
		})
		if after, err = Run(ctx, o); err != nil {
			return nil, err
		}
		after.Troubles = append(after.Troubles, troubles...)
	}
	after.Troubles = append(after.Troubles, f.Faults...)
	return after, nil
}

// packageOf is the package of the findings of a file.
func (r *Report) packageOf(file string) string {
	for i := range r.Findings {
		for _, fix := range r.Findings[i].Fixes {
			if slices.ContainsFunc(fix.Edits, func(e wire.Edit) bool { return e.File == file }) {
				return r.Findings[i].Package
			}
		}
	}
	return ""
}

func write(files []FixedFile, content func(FixedFile) []byte) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, os.WriteFile(filepath.Clean(f.Path), content(f), 0o666))
	}
	return errors.Join(errs...)
}
