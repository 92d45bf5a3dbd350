package cli

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"runtime/debug"
)

// lintModule is where the rules are.
const lintModule = "github.com/onefold-go/onefold/lint"

// vetTool is the program that go vet is to run; "" for this one.
func vetTool() string {
	program, err := os.Executable()
	own, ok := debug.ReadBuildInfo()
	if err != nil || !ok {
		return ""
	}
	return toolBeside(program, own)
}

// toolBeside is the onefold-vet that was installed beside program, if its rules
// are those of own. The go command starts its tool once for each package, and
// onefold-vet begins in half the time; "" leaves that to this program.
func toolBeside(program string, own *debug.BuildInfo) string {
	program, err := filepath.EvalSymlinks(program)
	if err != nil {
		return ""
	}
	tool := filepath.Join(filepath.Dir(program), "onefold-vet"+filepath.Ext(program))
	if info, err := os.Stat(tool); err != nil || info.IsDir() {
		return ""
	}
	its, err := buildinfo.ReadFile(tool)
	if err != nil || !sameRules(own, its) {
		return ""
	}
	return tool
}

// sameRules says whether two programs were built of one version of lintModule:
// a release, or a commit without changes.
func sameRules(a, b *debug.BuildInfo) bool {
	version, ok := rulesVersion(a)
	its, itsOK := rulesVersion(b)
	return ok && itsOK && version == its
}

// rulesVersion is the version of lintModule that a program has, or the commit of
// this repository where it was built of one.
func rulesVersion(info *debug.BuildInfo) (version string, ok bool) {
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	revision := settings["vcs.revision"]
	if settings["vcs.modified"] != "false" {
		revision = ""
	}
	if m := info.Main; m.Path == lintModule {
		if settings["vcs"] == "" {
			return release(m)
		}
		return revision, revision != ""
	}
	for _, m := range info.Deps {
		if m.Path != lintModule {
			continue
		}
		if version, ok = release(*m); !ok && m.Replace == nil {
			version, ok = revision, revision != ""
		}
	}
	return version, ok
}

func release(m debug.Module) (version string, ok bool) {
	return m.Version, m.Replace == nil && m.Version != "" && m.Version != "(devel)"
}
