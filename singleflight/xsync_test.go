package singleflight_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// xsync is the version of golang.org/x/sync whose tests the drop-in passes.
const xsync = "golang.org/x/sync@v0.24.0"

// TestPassesTestsOfXSync is the proof of the drop-in: x/sync's own test file,
// taken out of the module cache and compiled in-package against this package,
// passes under the race detector.
func TestPassesTestsOfXSync(t *testing.T) {
	dir := t.TempDir()
	goCommand := func(dir string, args ...string) []byte {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.Bytes())
		}
		return out
	}
	copyFile := func(from, to string) {
		t.Helper()
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	// The module is laid out as it is here, since internal packages can be
	// imported from nowhere else.
	const module = "module github.com/onefold-go/onefold\n\ngo 1.26.0\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(module), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, pkg := range []string{"singleflight", "internal/flight"} {
		files, err := filepath.Glob(filepath.Join("..", pkg, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no Go files in %s: %v", pkg, err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				copyFile(file, filepath.Join(dir, pkg, filepath.Base(file)))
			}
		}
	}
	cached := strings.TrimSpace(string(goCommand(dir, "mod", "download", "-json", xsync)))
	_, after, ok := strings.Cut(cached, `"Dir": "`)
	if !ok {
		t.Fatalf("go mod download names no directory: %s", cached)
	}
	xdir, _, _ := strings.Cut(after, `"`)
	copyFile(filepath.Join(xdir, "singleflight", "singleflight_test.go"), filepath.Join(dir, "singleflight", "xsync_test.go"))

	out := string(goCommand(dir, "test", "-race", "-v", "./singleflight"))
	for _, name := range []string{"TestDo", "TestForget", "TestGoexitDo", "TestPanicDo", "TestPanicDoChan", "TestPanicDoSharedByDoChan"} {
		if !strings.Contains(out, "--- PASS: "+name+" ") {
			t.Errorf("x/sync's %s did not run:\n%s", name, out)
		}
	}
}
