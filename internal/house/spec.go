package house

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A Spec is the specification: numbered statements in sections, and which of
// them the project claims to keep.
type Spec struct {
	Statements []Statement // in the order of the text
	Claimed    []string    // ids, in the order of the text
}

// A Statement is one promise. Its ID is a letter for its subject and a number.
type Statement struct {
	ID, Section, Text string
}

var statementLine = regexp.MustCompile(`^- \*\*([A-Z]\d\d)\*\* (.+)$`)

// ParseSpec reads the specification. A statement is a list item that begins
// with its id in bold, under a "## " heading; a line "Claimed: G01-G29, L01"
// names those that must have a test. Other text is for the reader.
func ParseSpec(markdown string) (Spec, error) {
	var (
		spec    Spec
		section string
		claims  []string
		open    = false // the last line was part of a statement
	)
	for line := range strings.Lines(markdown) {
		line = strings.TrimSpace(line)
		if list, ok := strings.CutPrefix(line, "Claimed: "); ok {
			claims = append(claims, strings.Split(list, ", ")...)
		}
		switch m := statementLine.FindStringSubmatch(line); {
		case m != nil:
			if spec.index(m[1]) >= 0 {
				return Spec{}, fmt.Errorf("statement %s stands twice", m[1])
			}
			spec.Statements = append(spec.Statements, Statement{ID: m[1], Section: section, Text: m[2]})
			open = true
		case strings.HasPrefix(line, "- "):
			return Spec{}, fmt.Errorf("list item %q, want \"- **X00** text\"", line)
		case strings.HasPrefix(line, "#"):
			section, open = strings.TrimSpace(strings.TrimLeft(line, "#")), false
		case line == "":
			open = false
		case open:
			last := &spec.Statements[len(spec.Statements)-1]
			last.Text += " " + line
		}
	}

	claimed := make(map[string]bool)
	for _, claim := range claims {
		first, last, isRange := strings.Cut(claim, "-")
		if !isRange {
			last = first
		}
		if spec.index(first) < 0 || spec.index(last) < 0 || first[0] != last[0] || last < first {
			return Spec{}, fmt.Errorf("claim %q, want a statement's id or two of one letter, as in G01-G29", claim)
		}
		for _, s := range spec.Statements {
			if s.ID[0] == first[0] && first <= s.ID && s.ID <= last {
				claimed[s.ID] = true
			}
		}
	}
	for _, s := range spec.Statements {
		if claimed[s.ID] {
			spec.Claimed = append(spec.Claimed, s.ID)
		}
	}
	return spec, nil
}

func (s Spec) index(id string) int {
	return slices.IndexFunc(s.Statements, func(st Statement) bool { return st.ID == id })
}

// A Holder is a test that holds a statement: one that says so in a comment
// "// SPEC: G09" or "// SPEC: G08, G09", above it or inside it.
type Holder struct {
	ID   string
	Test string // the function's name
	File string // relative to the root, with slashes
}

var (
	testName    = regexp.MustCompile(`^(Test|Fuzz|Example)([^a-z]|$)`)
	specComment = regexp.MustCompile(`^//\s*SPEC\b`)
	specIDs     = regexp.MustCompile(`^// SPEC: ([A-Z]\d\d(?:, [A-Z]\d\d)*)$`)
)

// Holders returns the holders in all test files of a tree, sorted by
// statement, file and test, and a sentence for each SPEC comment that is
// written in another way or stands outside a test.
func Holders(tree fs.FS) (holders []Holder, faults []string, err error) {
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || len(d.Name()) > 1 && d.Name()[0] == '.') {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		source, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		held, wrong, err := fileHolders(name, source)
		holders, faults = append(holders, held...), append(faults, wrong...)
		return err
	})
	slices.SortFunc(holders, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.File, b.File), cmp.Compare(a.Test, b.Test))
	})
	return slices.Compact(holders), faults, err
}

func fileHolders(name string, source []byte) (holders []Holder, faults []string, err error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, err
	}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if !specComment.MatchString(comment.Text) {
				continue
			}
			ids := specIDs.FindStringSubmatch(comment.Text)
			test := testAt(file, comment.Pos())
			if ids == nil || test == "" {
				faults = append(faults, fmt.Sprintf("%s: %q, want \"// SPEC: G08, G09\" above or inside a test", files.Position(comment.Pos()), comment.Text))
				continue
			}
			for id := range strings.SplitSeq(ids[1], ", ") {
				holders = append(holders, Holder{ID: id, Test: test, File: name})
			}
		}
	}
	return holders, faults, nil
}

// testAt returns the name of the test whose comment or body is at pos, or "".
func testAt(file *ast.File, pos token.Pos) string {
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !testName.MatchString(fn.Name.Name) {
			continue
		}
		start := fn.Pos()
		if fn.Doc != nil {
			start = fn.Doc.Pos()
		}
		if start <= pos && pos < fn.End() {
			return fn.Name.Name
		}
	}
	return ""
}

// Faults returns a sentence for each claimed statement that no test holds, and
// for each holder of a statement that does not exist.
func (s Spec) Faults(holders []Holder) []string {
	var faults []string
	for _, id := range s.Claimed {
		if !slices.ContainsFunc(holders, func(h Holder) bool { return h.ID == id }) {
			faults = append(faults, fmt.Sprintf("statement %s is claimed, and no test holds it", id))
		}
	}
	for _, h := range holders {
		if s.index(h.ID) < 0 {
			faults = append(faults, fmt.Sprintf("%s: %s names statement %s, which does not exist", h.File, h.Test, h.ID))
		}
	}
	return faults
}

// Ledger returns the text of docs/spec.md.
func (s Spec) Ledger(holders []Holder) string {
	held := make(map[string][]string)
	for _, h := range holders {
		link := fmt.Sprintf("[%s](%s)", h.Test, path.Join("..", h.File))
		held[h.ID] = append(held[h.ID], link)
	}
	count := 0
	for _, st := range s.Statements {
		if len(held[st.ID]) > 0 {
			count++
		}
	}

	var b strings.Builder
	fmt.Fprintf(&b, `# What is promised, and the test that holds it

Each statement of [the specification](spec-statements.md) with the tests that
fail when it is broken. %d of %d statements have one; the others are not kept
yet, or not tested, and nobody should rely on them.

Made by `+"`make spec`"+` from the tests' SPEC comments; not edited by hand.
`, count, len(s.Statements))

	section := ""
	for _, st := range s.Statements {
		if st.Section != section {
			section = st.Section
			fmt.Fprintf(&b, "\n## %s\n\n| | statement | held by |\n|---|---|---|\n", section)
		}
		by := "not yet"
		if links := held[st.ID]; len(links) > 0 {
			by = strings.Join(links, ", ")
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", st.ID, strings.ReplaceAll(st.Text, "|", `\|`), by)
	}
	return b.String()
}

// ReadSpec reads the specification and the holders of the working copy at root.
func ReadSpec(root string) (spec Spec, holders []Holder, faults []string, err error) {
	text, err := os.ReadFile(path.Join(root, "docs/spec-statements.md"))
	if err != nil {
		return Spec{}, nil, nil, err
	}
	if spec, err = ParseSpec(string(text)); err != nil {
		return Spec{}, nil, nil, fmt.Errorf("docs/spec-statements.md: %w", err)
	}
	holders, faults, err = Holders(os.DirFS(root))
	return spec, holders, faults, err
}
