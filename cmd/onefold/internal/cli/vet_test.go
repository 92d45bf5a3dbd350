package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/cmd/onefold/internal/cli"
)

// flights is a module with a load that uses its first caller's context, a load
// that does so and is excused, and a copy of what coalesces them.
func flights(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":             "module example.com/shop\n\ngo 1.24\n\nrequire golang.org/x/sync v0.1.0\n",
		"vendor/modules.txt": "# golang.org/x/sync v0.1.0\n## explicit; go 1.24\ngolang.org/x/sync/singleflight\n",
		"vendor/golang.org/x/sync/singleflight/s.go": `package singleflight

type Group struct{}

func (g *Group) Do(key string, fn func() (any, error)) (v any, err error, shared bool) {
	v, err = fn()
	return v, err, false
}
`,
		"shop.go": `package shop

import (
	"context"

	"golang.org/x/sync/singleflight"
)

var group singleflight.Group

func get(ctx context.Context, id string) (any, error) {
	v, err, _ := group.Do(id, func() (any, error) {
		return load(ctx, id)
	})
	return v, err
}

func load(ctx context.Context, id string) (any, error) {
	<-ctx.Done()
	return id, ctx.Err()
}
`,
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return dir
}

func TestVet(t *testing.T) {
	flights(t)
	t.Setenv("NO_COLOR", "")

	r := onefold(t, "vet")
	r.want(t, 1, r.out, "shop.go:13:", "warning: ", "(ctxcapture)", "return load(ctx, id)", "1 package checked: 1 warning.")
	if strings.Contains(r.out, "\x1b[") {
		t.Errorf("colors, and it is no terminal:\n%q", r.out)
	}
	if r.err != "" {
		t.Errorf("progress, and it is no terminal:\n%s", r.err)
	}
	r = onefold(t, "vet", "--fail-on", "error", "./...")
	r.want(t, 0, r.out, "(ctxcapture)")
	r = onefold(t, "vet", "--disable", "ctxcapture", "--quiet", ".")
	r.want(t, 0, r.out)
	if r.out != "" {
		t.Errorf("quiet and clean, but it says\n%s", r.out)
	}

	r = onefold(t, "vet", "--json", "--sarif", "vet.sarif")
	r.want(t, 1, r.out, `"rule": "ctxcapture"`)
	var report struct{ Findings []struct{ File string } }
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || len(report.Findings) != 1 || report.Findings[0].File != "shop.go" {
		t.Errorf("JSON: %+v, %v", report, err)
	}
	if data, err := os.ReadFile("vet.sarif"); err != nil || !strings.Contains(string(data), `"ruleId": "ctxcapture"`) {
		t.Errorf("SARIF: %s, %v", data, err)
	}
	r = onefold(t, "vet", "--sarif", "-")
	r.want(t, 1, r.out, `"version": "2.1.0"`)
}

func TestVetBaseline(t *testing.T) {
	flights(t)
	r := onefold(t, "vet", "--baseline", "vet.json")
	r.want(t, 2, r.err, "vet.json", "--write-baseline")
	r = onefold(t, "vet", "--baseline", "vet.json", "--write-baseline")
	r.want(t, 0, r.err, "wrote vet.json: 1 finding")
	r = onefold(t, "vet", "--baseline", "vet.json")
	r.want(t, 0, r.out, "nothing found, 1 in the baseline")
	r = onefold(t, "vet", "--baseline", "vet.json", "--json")
	r.want(t, 0, r.out, `"known": true`)
	r = onefold(t, "vet", "--baseline", "vet.json", "--json", "--open")
	r.want(t, 0, r.out, `"findings": []`)
	r = onefold(t, "vet", "--baseline", "vet.json", "--disable", "ctxcapture")
	r.want(t, 0, r.out, "nothing found.")
	if r.err != "" {
		t.Errorf("a finding of a rule that is off is not gone, but it says\n%s", r.err)
	}
	if err := os.WriteFile("shop.go", []byte("package shop\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r = onefold(t, "vet", "--baseline", "vet.json")
	r.want(t, 0, r.err, "gone since vet.json was written: 1 finding")

	if err := os.WriteFile("bad.go", []byte("package shop\n\nvar x = y\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r = onefold(t, "vet", "--baseline", "vet.json", "--write-baseline")
	r.want(t, 3, r.err, "vet.json is left as it was")
	r = onefold(t, "vet", "--baseline", "shop.go")
	r.want(t, 2, r.err, "no baseline")
}

func TestVetFix(t *testing.T) {
	dir := flights(t)
	before, err := os.ReadFile("shop.go")
	if err != nil {
		t.Fatal(err)
	}
	r := onefold(t, "vet", "--diff")
	r.want(t, 1, r.out, "--- a/shop.go", "+++ b/shop.go", "+\t\tctx, cancel := context.WithTimeout(context.WithoutCancel(ctx)")
	if now, err := os.ReadFile("shop.go"); err != nil || string(now) != string(before) {
		t.Errorf("--diff changed the file: %s, %v", now, err)
	}
	r = onefold(t, "vet", "--fix")
	r.want(t, 0, r.err, "fixed 1 finding in 1 file")
	r.want(t, 0, r.out, "nothing found")
	r = onefold(t, "vet", "--fix")
	r.want(t, 0, r.err, "there was nothing to fix")
	r = onefold(t, "vet", "--diff", dir)
	r.want(t, 0, r.out)
}

func TestVetIsNotComplete(t *testing.T) {
	flights(t)
	if err := os.WriteFile("bad.go", []byte("package shop\n\nvar x = y\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r := onefold(t, "vet")
	r.want(t, 3, r.out, "example.com/shop: not checked: ", "undefined: y", "not complete")
	r = onefold(t, "vet", "./none")
	r.want(t, 3, r.out, "none", "not complete")
	t.Setenv("PATH", "")
	r = onefold(t, "vet")
	r.want(t, 3, r.err, "go command")
}

func TestVetUsage(t *testing.T) {
	flights(t)
	for _, test := range []struct {
		args  string
		words []string
	}{
		{"--enable no", []string{`"no"`, "ctxcapture"}},
		{"--enable ctxcapture --disable ctxcapture", []string{`"ctxcapture"`, "both"}},
		{"--fail-on no", []string{"--fail-on", `"no"`, "error, warning or note"}},
		{"--fix --diff", []string{"--fix and --diff"}},
		{"--json --sarif -", []string{"--json and --sarif"}},
		{"--diff --json", []string{"--diff"}},
		{"--write-baseline", []string{"--baseline"}},
		{"--write-baseline --baseline x --fix", []string{"--write-baseline with --fix"}},
		{"--sarif .", []string{"--sarif", "directory"}},
		{"--no", []string{"--no", "onefold vet --help"}},
	} {
		r := onefold(t, append([]string{"vet"}, strings.Fields(test.args)...)...)
		r.want(t, 2, r.err, test.words...)
	}
}

func TestVetHelp(t *testing.T) {
	r := onefold(t, "vet", "--help")
	r.want(t, 0, r.out, "Examples:", "--write-baseline", "Exit codes:", "//onefold:ok <rule> <reason>")
	r = onefold(t, "vet", "--list")
	r.want(t, 0, r.out, "ctxcapture", "unusedok")
	r = onefold(t, "__complete", "vet", "--enable", "")
	r.want(t, 0, r.out, "ctxcapture", "all")
}

func TestInterruptedVet(t *testing.T) {
	flights(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errw bytes.Buffer
	if code := cli.Main(ctx, []string{"vet"}, &out, &errw); code != 130 {
		t.Errorf("exit code %d, want 130\n%s%s", code, out.String(), errw.String())
	}
}
