//go:build unix

package house_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/internal/house"
)

// TestDocuments runs what README.md tells its reader to run, and what the
// other documents mark as runnable, in a copy of the working copy.
func TestDocuments(t *testing.T) {
	root := root(t)
	box, err := house.NewSandbox(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range documents(t, root) {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				t.Fatal(err)
			}
			examples, err := house.Examples(string(text), name == "README.md")
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if name == "README.md" && len(examples) == 0 {
				t.Errorf("%s shows nothing to run", name)
			}
			for _, e := range examples {
				t.Logf("%s:%d: %s", name, e.Line, e.Lang)
				if err := box.Run(t.Context(), e); err != nil {
					t.Errorf("%s:%d: %v", name, e.Line, err)
				}
			}
		})
	}
}

func TestSandboxRun(t *testing.T) {
	box := sandbox(t)
	const program = "package main\n\nimport (\n\t\"fmt\"\n\n\t\"example.com/lib\"\n)\n\nfunc main() { fmt.Println(lib.Three()) }\n"

	for name, c := range map[string]struct {
		example house.Example
		want    string // part of the error; empty for none
	}{
		"a script":                 {example: house.Example{Lang: "sh", Text: "cat greeting\n", Want: "hello\n", Checks: true}},
		"a script's second line":   {example: house.Example{Lang: "sh", Text: "false\ntrue\n"}, want: "exit status 1"},
		"a script's pipe":          {example: house.Example{Lang: "sh", Text: "false | true\n"}, want: "exit status 1"},
		"a script's output":        {example: house.Example{Lang: "sh", Text: "echo a\n", Want: "b\n", Checks: true}, want: "printed\na"},
		"a console":                {example: house.Example{Lang: "console", Text: "$ cat greeting\nhello\n$ true\n"}},
		"a console's output":       {example: house.Example{Lang: "console", Text: "$ true\n$ cat greeting\ngoodbye\n"}, want: "printed\nhello"},
		"input that nobody gives":  {example: house.Example{Lang: "sh", Text: "read answer\n"}, want: "exit status 1"},
		"a file git does not know": {example: house.Example{Lang: "sh", Text: "cat ignored\n"}, want: "No such file"},
		"a program":                {example: house.Example{Lang: "go", Text: program, Want: "3\n", Checks: true}},
		"a program's output":       {example: house.Example{Lang: "go", Text: program, Want: "4\n", Checks: true}, want: "printed\n3"},
		"a program that is wrong":  {example: house.Example{Lang: "go", Text: strings.Replace(program, "Three", "Four", 1)}, want: "undefined: lib.Four"},
		"a part of a program":      {example: house.Example{Lang: "go", Text: "x := 3\n"}, want: "want a whole program"},
	} {
		t.Run(name, func(t *testing.T) {
			err := box.Run(t.Context(), c.example)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("error %v, want none", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// sandbox returns a sandbox over a small repository: a workspace of one
// module, a tracked file, and one that git ignores.
func sandbox(t *testing.T) *house.Sandbox {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.work":    "go 1.26.0\n\nuse ./lib\n",
		"lib/go.mod": "module example.com/lib\n\ngo 1.26.0\n",
		"lib/lib.go": "package lib\n\nfunc Three() int { return 3 }\n",
		"greeting":   "hello\n",
		"ignored":    "secret\n",
		".gitignore": "ignored\n",
		"deleted":    "soon gone\n",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}} {
		git := exec.CommandContext(t.Context(), "git", args...)
		git.Dir = root
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", git, err, out)
		}
	}
	if err := os.Remove(filepath.Join(root, "deleted")); err != nil {
		t.Fatal(err)
	}
	box, err := house.NewSandbox(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return box
}
