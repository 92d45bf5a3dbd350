//go:build faults

package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/onefold-go/onefold/internal/house"
)

// A fault is one way to get the library wrong: text to put in the place of
// other text. It must compile, since the compiler is not what is asked.
type fault struct {
	name  string
	wrong string   // what it stands for: how it is got wrong
	file  string   // from the root of the working copy
	old   string   // stands there exactly once: short, so that changes around it leave it alone
	new   string   // takes its place
	tests []string // the packages whose tests must find it, in the order in which they are asked
	run   string   // of those, the tests that are asked, as for -run: where one before them would hang, or all take too long; empty: all
	race  bool     // only the race detector sees it
}

// limit is how long the tests of one package may take before they are taken to
// hang. They take a few seconds.
const limit = time.Minute

// unasked are tests that could find no fault: they look at the files on disk,
// which have none.
const unasked = `^TestPassesTestsOfXSync$`

// slow are test files, by package, that take as long to build as all the rest of
// it, or to run. They are asked where the others find nothing.
var slow = map[string][]string{
	".": {"ring_test.go"}, // the in-process cache is long to compile
	"./tier": { // so it is, and each pair of types; and what is found at random is to be found by name as well
		"bench_test.go", "crossed_test.go", "example_test.go", "histories_test.go", "linear_test.go", "metamorphic_test.go", "types_test.go",
	},
}

// An end is what became of a fault.
type end string

const (
	survived end = "SURVIVED"
	killed   end = "killed"
	hung     end = "hung" // a test ran into the limit, which fails too
)

// A verdict is what the tests said of a fault.
type verdict struct {
	end  end
	pass pass   // that found it
	test string // likewise; empty: it was none, but the package as a whole
	took time.Duration
}

// A pass is the tests of a package that are asked at once.
type pass struct {
	pkg     string
	without string // files of it that are left out, separated by spaces
}

// overlay writes a file for -overlay into dir: the pass's, with replace.
func (p pass) overlay(root, dir string, replace map[string]string) (string, error) {
	for _, name := range strings.Fields(p.without) {
		replace[filepath.Join(root, p.pkg, name)] = "" // as if it were not there
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, text, 0o644)
}

var all = slices.Concat(
	flightFaults, detachedFaults, loadctxFaults, groupFaults, singleflightFaults,
	futureFaults, keymutexFaults, memoFaults,
	tierFaults, manyFaults, batchFaults, memFaults, envelopeFaults, codecFaults,
	outageFaults, redisFaults, memcachedFaults,
)

// TestFaultsStand sees that each fault still fits the code. It builds nothing.
func TestFaultsStand(t *testing.T) {
	root, err := house.Root()
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, f := range all {
		if names[f.name] {
			t.Errorf("two faults are named %s", f.name)
		}
		names[f.name] = true
		if _, err := f.source(root); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d faults", len(all))
}

// TestFaults builds each fault into the library and wants a test to fail. A
// part of its name picks some: -run 'TestFaults/forget'.
func TestFaults(t *testing.T) {
	root, err := house.Root()
	if err != nil {
		t.Fatal(err)
	}
	var (
		verdicts sync.Map // of the names of those that were asked for
		sound    baseline
	)
	t.Cleanup(func() { report(t, &verdicts) })
	for _, f := range all {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			v, err := f.try(root, t.TempDir(), limit)
			if err != nil {
				t.Fatalf("%v\n%s: %s", err, f.file, f.wrong)
			}
			if v.end != survived {
				if err := sound.check(root, t.TempDir(), v.pass, f.run, f.race); err != nil {
					t.Fatal(err)
				}
			}
			verdicts.Store(f.name, v)
			t.Logf("%s: %s by %s %s in %.1f s", f.name, v.end, v.pass.pkg, v.test, v.took.Seconds())
			if v.end == survived {
				t.Errorf("no test of %s fails with the fault %s in %s:\n%s\n--- instead of\n%s\n--- stands\n%s",
					strings.Join(f.tests, " "), f.name, f.file, f.wrong, f.old, f.new)
			}
		})
	}
}

// report prints what became of each fault that was asked for.
func report(t *testing.T, verdicts *sync.Map) {
	var (
		out   strings.Builder
		w     = tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		n     = make(map[end]int)
		total time.Duration
	)
	fmt.Fprintln(w, "\nfault\tend\tby\tseconds")
	for _, f := range all {
		x, ok := verdicts.Load(f.name)
		if !ok {
			continue
		}
		v := x.(verdict) //nolint:forcetypeassert // nothing else is stored
		n[v.end]++
		total += v.took
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f\n", f.name, v.end, strings.TrimSpace(v.pass.pkg+" "+v.test), v.took.Seconds())
	}
	w.Flush()
	if asked := n[killed] + n[hung] + n[survived]; asked > 0 {
		fmt.Fprintf(&out, "%d faults: %d killed, %d hung, %d survived; %.1f s each",
			asked, n[killed], n[hung], n[survived], total.Seconds()/float64(asked))
	}
	t.Log(out.String())
}

// A baseline knows which packages pass their tests without a fault. A fault in
// one that does not would always be found.
type baseline struct {
	mu     sync.Mutex
	checks map[string]func() error // by pass, tests and whether with the race detector
}

func (b *baseline) check(root, dir string, p pass, only string, race bool) error {
	b.mu.Lock()
	if b.checks == nil {
		b.checks = make(map[string]func() error)
	}
	key := fmt.Sprint(p, only, race)
	if b.checks[key] == nil {
		b.checks[key] = sync.OnceValue(func() error {
			overlay, err := p.overlay(root, dir, map[string]string{})
			if err != nil {
				return err
			}
			switch end, _, out, err := run(root, p.pkg, only, race, overlay, limit); {
			case err != nil:
				return err
			case end != survived:
				return fmt.Errorf("the tests of %s fail without any fault:\n%s", p.pkg, out)
			}
			return nil
		})
	}
	check := b.checks[key]
	b.mu.Unlock()
	return check()
}

// try asks the tests what they say of f. It writes into dir alone.
func (f fault) try(root, dir string, limit time.Duration) (verdict, error) {
	began := time.Now()
	source, err := f.source(root)
	if err != nil {
		return verdict{}, err
	}
	faulty := filepath.Join(dir, filepath.Base(f.file))
	if err := os.WriteFile(faulty, source, 0o644); err != nil {
		return verdict{}, err
	}
	var passes, later []pass
	for _, pkg := range f.tests {
		passes = append(passes, pass{pkg, strings.Join(slow[pkg], " ")})
		if slow[pkg] != nil {
			later = append(later, pass{pkg: pkg})
		}
	}
	for _, p := range append(passes, later...) {
		overlay, err := p.overlay(root, dir, map[string]string{filepath.Join(root, f.file): faulty})
		if err != nil {
			return verdict{}, err
		}
		end, test, out, err := run(root, p.pkg, f.run, f.race, overlay, limit)
		if errors.Is(err, errBuild) {
			return verdict{}, fmt.Errorf("fault %s does not compile: rewrite it\n%s", f.name, out)
		}
		if err != nil {
			return verdict{}, fmt.Errorf("fault %s: %w", f.name, err)
		}
		if end != survived {
			return verdict{end: end, pass: p, test: test, took: time.Since(began)}, nil
		}
	}
	return verdict{end: survived, took: time.Since(began)}, nil
}

// source gives the file with the fault in it.
func (f fault) source(root string) ([]byte, error) {
	source, err := os.ReadFile(filepath.Join(root, f.file))
	if err != nil {
		return nil, fmt.Errorf("fault %s: %w", f.name, err)
	}
	switch n := bytes.Count(source, []byte(f.old)); {
	case n == 0:
		return nil, fmt.Errorf("fault %s: its old text is not in %s: the code moved, rewrite the fault", f.name, f.file)
	case n > 1:
		return nil, fmt.Errorf("fault %s: its old text stands %d times in %s: make it longer", f.name, n, f.file)
	}
	return bytes.Replace(source, []byte(f.old), []byte(f.new), 1), nil
}

var errBuild = errors.New("the build failed")

// run runs the tests of one package and gives what they say of the fault that
// overlay has, and which test said it.
func run(root, pkg, only string, race bool, overlay string, limit time.Duration) (e end, test, out string, err error) {
	args := []string{"test", "-count=1", "-v", "-failfast", "-vet=off", "-skip=" + unasked, "-timeout=" + limit.String()}
	if only != "" {
		args = append(args, "-run="+only)
	}
	if race {
		args = append(args, "-race")
	}
	if overlay != "" {
		args = append(args, "-overlay="+overlay)
	}
	// The go command ends tests that hang. This is for when it cannot, and has
	// room for the build.
	ctx, cancel := context.WithTimeout(context.Background(), 2*limit+5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = root
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with all that it starts
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	var buf bytes.Buffer
	cmd.Stdout, cmd.Stderr = &buf, &buf
	err = cmd.Run()
	out = buf.String()
	var exit *exec.ExitError
	switch {
	case err == nil && (strings.Contains(out, "[no test files]") || strings.Contains(out, "[no tests to run]")):
		return "", "", out, fmt.Errorf("%s has no tests that could find a fault", pkg)
	case err == nil:
		return survived, "", out, nil
	case ctx.Err() != nil:
		return "", "", out, fmt.Errorf("%v did not end:\n%s", cmd, out)
	case !errors.As(err, &exit):
		return "", "", out, fmt.Errorf("%v: %w", cmd, err)
	case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]") || !strings.Contains(out, "=== RUN"):
		return "", "", out, fmt.Errorf("%v: %w:\n%s", cmd, errBuild, out)
	case strings.Contains(out, "panic: test timed out after "+limit.String()) || strings.Contains(out, "*** Test killed"):
		return hung, lastRun(out), out, nil
	}
	if m := failLine.FindStringSubmatch(out); m != nil {
		return killed, m[1], out, nil
	}
	return killed, lastRun(out), out, nil // a panic elsewhere than in a test ends the process
}

var (
	failLine = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	runLine  = regexp.MustCompile(`(?m)^=== (?:RUN|CONT) +(\S+)`)
)

// lastRun gives the test that ran when the process ended.
func lastRun(out string) string {
	all := runLine.FindAllStringSubmatch(out, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}
