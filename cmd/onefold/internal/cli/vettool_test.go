package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/cmd/onefold/internal/cli"
)

const lintModule = "github.com/onefold-go/onefold/lint"

// commit are the settings of a build of a commit of this repository.
func commit(revision, modified string) []debug.BuildSetting {
	return []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified}}
}

func vetBuild(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
	return &debug.BuildInfo{Main: debug.Module{Path: lintModule, Version: version}, Settings: settings}
}

func onefoldBuild(lint debug.Module, settings ...debug.BuildSetting) *debug.BuildInfo {
	lint.Path = lintModule
	return &debug.BuildInfo{
		Main:     debug.Module{Path: "github.com/onefold-go/onefold/cmd/onefold", Version: "v1.9.0"},
		Deps:     []*debug.Module{{Path: "golang.org/x/tools", Version: "v0.52.0"}, &lint},
		Settings: settings,
	}
}

// The tool beside the program runs in its stead only if both have the same
// rules for sure.
func TestSameRules(t *testing.T) {
	for _, test := range []struct {
		name    string
		onefold *debug.BuildInfo
		vet     *debug.BuildInfo
		want    bool
	}{
		{"one release", onefoldBuild(debug.Module{Version: "v1.2.0"}), vetBuild("v1.2.0"), true},
		{"two releases", onefoldBuild(debug.Module{Version: "v1.2.0"}), vetBuild("v1.2.1"), false},
		{"a release that is replaced", onefoldBuild(debug.Module{Version: "v1.2.0", Replace: &debug.Module{Path: "../lint"}}), vetBuild("v1.2.0"), false},
		{"one commit", onefoldBuild(debug.Module{Version: "(devel)"}, commit("abc", "false")...), vetBuild("v0.0.0-2026-abc", commit("abc", "false")...), true},
		{"two commits", onefoldBuild(debug.Module{Version: "(devel)"}, commit("abc", "false")...), vetBuild("v0.0.0-2026-abd", commit("abd", "false")...), false},
		{"a commit with changes", onefoldBuild(debug.Module{Version: "(devel)"}, commit("abc", "true")...), vetBuild("v0.0.0-2026-abc+dirty", commit("abc", "true")...), false},
		{"a commit that uses a release", onefoldBuild(debug.Module{Version: "v1.2.0"}, commit("abc", "false")...), vetBuild("v1.2.1-0.2026-abc", commit("abc", "false")...), false},
		{"nothing is known", onefoldBuild(debug.Module{Version: "(devel)"}), vetBuild("(devel)"), false},
		{"another program", onefoldBuild(debug.Module{Version: "v1.2.0"}), &debug.BuildInfo{Main: debug.Module{Path: "example.com/vet", Version: "v1.2.0"}}, false},
	} {
		if got := cli.SameRules(test.onefold, test.vet); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
}

func TestToolBeside(t *testing.T) {
	dir := t.TempDir()
	program, tool := filepath.Join(dir, "onefold"), filepath.Join(dir, "onefold-vet")
	revision := buildVet(t, tool)
	beside := func(program, revision string) string {
		return cli.ToolBeside(program, onefoldBuild(debug.Module{Version: "(devel)"}, commit(revision, "false")...))
	}
	if got := beside(program, revision); got != "" {
		t.Errorf("%s beside a program that is not there", got)
	}
	write(t, program, "")
	if got := beside(program, revision); got != tool {
		t.Errorf("%q, want %s, which is of the same commit", got, tool)
	}
	if got := beside(program, "another"); got != "" {
		t.Errorf("%s, which is of another commit", got)
	}
	write(t, tool, "no program")
	if got := beside(program, revision); got != "" {
		t.Errorf("%s, which is no program", got)
	}
	if err := os.Remove(tool); err != nil {
		t.Fatal(err)
	}
	if got := beside(program, revision); got != "" {
		t.Errorf("%s, which is not there", got)
	}
}

// buildVet builds a program that is said to have our rules, out of a repository
// of one commit, which it returns.
func buildVet(t *testing.T, file string) (revision string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module "+lintModule+"\n\ngo 1.26.0\n")
	write(t, filepath.Join(dir, "main.go"), "package main\n\nfunc main() {}\n")
	run := func(name string, args ...string) string {
		t.Helper()
		c := exec.Command(name, args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "GOWORK=off", "GIT_CONFIG_GLOBAL="+os.DevNull,
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", c, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("git", "init", "-q")
	run("git", "add", ".")
	run("git", "commit", "-q", "-m", "a")
	run("go", "build", "-buildvcs=true", "-o", file, ".")
	return run("git", "rev-parse", "HEAD")
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}
