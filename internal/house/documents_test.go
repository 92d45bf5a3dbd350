package house_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/internal/house"
)

// TestDocumentLinks checks that the documents' relative links lead somewhere.
func TestDocumentLinks(t *testing.T) {
	root := root(t)
	for _, name := range documents(t, root) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		links, err := house.Links(string(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, link := range links {
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(name), link)); err != nil {
				t.Errorf("%s links to %s: %v", name, link, err)
			}
		}
	}
}

// documents lists the Markdown files of the root directory and docs, relative
// to root.
func documents(t *testing.T, root string) []string {
	t.Helper()
	names, err := fs.Glob(os.DirFS(root), "*.md")
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(os.DirFS(root), "docs", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestLinks(t *testing.T) {
	const doc = `[a](one.md) and [b](two/three.md#part)
[c](https://example.com/x.md) [d](#here)
'''text
[e](four.md)
'''
![f](five.png "title")
`
	got, err := house.Links(fenced(doc))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"one.md", "two/three.md", "five.png"}; !slices.Equal(got, want) {
		t.Errorf("links %q, want %q", got, want)
	}
}

// fenced writes ' for a backquote, which a Go raw string cannot hold.
func fenced(markdown string) string { return strings.ReplaceAll(markdown, "'", "`") }

func TestExamples(t *testing.T) {
	const doc = `# Title
'''sh
make run
'''

'''text
a table
'''
Some prose.
'''go run
package main
// Output: 3
'''
'''go
var fragment int
'''
''''markdown
'''sh
echo not an example, but text about one
'''
''''
1. a list
   '''console run
   $ echo hi
   hi
   '''
`
	for name, c := range map[string]struct {
		all  bool
		want []house.Example
	}{
		"README": {all: true, want: []house.Example{
			{Line: 2, Lang: "sh", Text: "make run\n", Want: "a table\n", Checks: true},
			{Line: 10, Lang: "go", Text: "package main\n// Output: 3\n", Want: "3\n", Checks: true},
			{Line: 14, Lang: "go", Text: "var fragment int\n"},
			{Line: 23, Lang: "console", Text: "$ echo hi\nhi\n"},
		}},
		"others": {all: false, want: []house.Example{
			{Line: 10, Lang: "go", Text: "package main\n// Output: 3\n", Want: "3\n", Checks: true},
			{Line: 23, Lang: "console", Text: "$ echo hi\nhi\n"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := house.Examples(fenced(doc), c.all)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("examples\n%+v, want\n%+v", got, c.want)
			}
		})
	}
}

func TestExamplesRefuses(t *testing.T) {
	for name, doc := range map[string]string{
		"a block left open":              "'''sh\nmake run\n",
		"a language that cannot be run":  "'''yaml run\na: 1\n'''\n",
		"two expectations for a program": "'''go run\n// Output: 3\n'''\n'''text\n3\n'''\n",
		"two expectations for a console": "'''console run\n$ echo 3\n3\n'''\n'''text\n3\n'''\n",
	} {
		if got, err := house.Examples(fenced(doc), false); err == nil {
			t.Errorf("%s: examples %+v, want an error", name, got)
		}
	}
}

func TestExampleCommands(t *testing.T) {
	for name, c := range map[string]struct {
		example house.Example
		want    []house.Command // nil and no error: nothing to run
		refused bool
	}{
		"a script is one command": {
			example: house.Example{Lang: "sh", Text: "x=1\necho $x\n", Want: "1\n", Checks: true},
			want:    []house.Command{{Text: "x=1\necho $x\n", Want: "1\n", Checks: true}},
		},
		"what fetches the project is left out": {
			example: house.Example{Lang: "sh", Text: "git clone https://example.com/onefold && cd onefold\nmake run # the lab\n"},
			want:    []house.Command{{Text: "make run # the lab\n"}},
		},
		"nothing else is left": {
			example: house.Example{Lang: "sh", Text: "git clone https://example.com/onefold\ncd onefold\nmake test # all tests\ngo get " + house.Module + "@latest\n"},
		},
		"a clone with more on its line": {
			example: house.Example{Lang: "sh", Text: "git clone https://example.com/onefold && make run\n"},
			refused: true,
		},
		"a console session": {
			example: house.Example{Lang: "console", Text: "$ make test\nok\n$ echo a \\\n  b\na b\n$ true\n"},
			want:    []house.Command{{Text: "echo a \\\n  b\n", Want: "a b\n", Checks: true}, {Text: "true\n", Checks: true}},
		},
		"a console session without a prompt": {
			example: house.Example{Lang: "console", Text: "echo a\n"},
			refused: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.example.Commands()
			if refused := err != nil; refused != c.refused {
				t.Fatalf("error %v, want one: %v", err, c.refused)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("commands %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		got, want string
		matches   bool
	}{
		{"", "", true},
		{"a  \nb\n\n", "a\nb", true},
		{"a\nb", "a", false},
		{"a", "a\nb", false},
		{"a\nx\ny\nb", "a\n...\nb", true},
		{"a\nb", "a\n...\nb", true},
		{"a\nx", "a\n...\nb", false},
		{"x\na\nb\na\nc", "...\na\nc", true},
	} {
		if got := house.Matches(c.got, c.want); got != c.matches {
			t.Errorf("Matches(%q, %q) = %v, want %v", c.got, c.want, got, c.matches)
		}
	}
}
