// Package copied has the peers that are one file of a large module: it takes the
// file out of the module cache when it is needed. As requirements the modules
// would add hundreds of others to the workspace, and nothing of theirs is kept
// in this repository. What is built on the copies has the build tag copied.
package copied

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// files are what is taken, and the directories of bench/internal that get it.
var files = []struct{ module, file, dir string }{
	{"tailscale.com@v1.96.0", "util/singleflight/singleflight.go", "tailscale"},
	{"github.com/zeromicro/go-zero@v1.10.3", "core/syncx/singleflight.go", "gozero"},
}

var clause = regexp.MustCompile(`(?m)^package \w+.*$`)

// Fetch makes the packages in the bench module that is in the directory module,
// or makes them anew.
func Fetch(module string) error {
	for _, f := range files {
		cmd := exec.Command("go", "mod", "download", "-json", f.module) //nolint:gosec // of the table above
		cmd.Dir = os.TempDir()                                          // in no module and no workspace
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("copied: download %s: %w\n%s", f.module, err, out)
		}
		var got struct{ Dir string }
		if err := json.Unmarshal(out, &got); err != nil {
			return fmt.Errorf("copied: download %s: %w", f.module, err)
		}
		text, err := os.ReadFile(filepath.Join(got.Dir, filepath.FromSlash(f.file)))
		if err != nil {
			return fmt.Errorf("copied: %w", err)
		}
		dir := filepath.Join(module, "internal", f.dir)
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // source code
			return fmt.Errorf("copied: %w", err)
		}
		text = clause.ReplaceAll(text, []byte("package "+f.dir))
		if err := os.WriteFile(filepath.Join(dir, "copied.go"), text, 0o644); err != nil { //nolint:gosec // source code
			return fmt.Errorf("copied: %w", err)
		}
	}
	return nil
}
