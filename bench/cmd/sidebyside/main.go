// Command sidebyside runs the benchmarks of this module and writes what they
// came to. `make bench` runs it.
//
// It makes passes: each runs every benchmark once, so that whatever else the
// machine does falls on all libraries alike, and a ratio is taken within a pass.
// There are two pages, of shared loads (flight) and of caches (cache). For each
// it writes, from the root of the repository,
//
//	docs/bench/flight.txt            what the benchmarks printed, with the machine and the versions
//	docs/bench/flight.benchstat.txt  what benchstat makes of that
//	docs/bench/flight.md             of this the tables only, between two marks
//	docs/bench/cache-scale.svg       of the second page only: the cost of a hit, drawn
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/onefold-go/onefold/bench/internal/copied"
)

const benchstat = "golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da"

// A suite is benchmarks that run for equally long.
type suite struct{ pkg, bench, time string }

// A page is one document and the benchmarks it is about.
type page struct {
	name   string
	pkgs   []string
	suites []suite
	report func(figures) string
	figure func(figures) (name, svg string) // nil: none
}

// The waves, the hot keys and the caches that are filled first have a count: what
// they need to be ready would mislead a guess of it.
var pages = []page{
	{"flight", []string{"group", "parts"}, []suite{
		{"group", "Uncontended|DropIn", "60ms"},
		{"group", "Wave/.*/callers=64$", "200x"},
		{"group", "Wave/.*/callers=1024$", "30x"},
		{"group", "Wave/.*/callers=16384$", "6x"},
		{"group", "Zipf", "102400x"},
		{"parts", ".", "60ms"},
	}, report, nil},
	{"cache", []string{"cache"}, []suite{
		{"cache", "Hit/", "60ms"},
		{"cache", "Zipf", "1000000x"},
		{"cache", "Many", "60ms"},
		{"cache", "Memory", "1x"},
		{"cache", "FarHit", "60ms"},
		{"cache", "Scale|Procs", "300000x"},
	}, reportCaches, drawScale},
}

func main() {
	passes := flag.Int("passes", 10, "how often every benchmark runs")
	tables := flag.Bool("tables", false, "run nothing, make the tables of the raw text that is there")
	only := flag.String("page", "", "make this page alone: flight or cache")
	flag.Parse()
	if err := all(*only, *passes, *tables); err != nil {
		fmt.Fprintln(os.Stderr, "sidebyside:", err)
		os.Exit(1)
	}
}

func all(only string, passes int, tables bool) error {
	made := false
	for _, p := range pages {
		if only != "" && only != p.name {
			continue
		}
		made = true
		if err := run(p, passes, tables); err != nil {
			return err
		}
	}
	if !made {
		return fmt.Errorf("-page is %q, want flight, cache or nothing for both", only)
	}
	return nil
}

func run(p page, passes int, tables bool) error {
	if passes < 1 {
		return fmt.Errorf("-passes is %d, want 1 or more", passes)
	}
	root, err := command("", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	docs := filepath.Join(strings.TrimSpace(root), "docs", "bench")
	raw := filepath.Join(docs, p.name+".txt")
	if !tables {
		text, err := measure(p, filepath.Join(strings.TrimSpace(root), "bench"), passes)
		if err != nil {
			return err
		}
		if err := os.WriteFile(raw, text, 0o644); err != nil { //nolint:gosec // a document
			return err
		}
	}
	text, err := os.ReadFile(raw)
	if err != nil {
		return err
	}
	stat, err := command(docs, "go", "run", benchstat, "-table", ".name", "-row", ".fullname", "-col", "/lib", filepath.Base(raw))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(docs, p.name+".benchstat.txt"), []byte(stat), 0o644); err != nil { //nolint:gosec // a document
		return err
	}
	f := parse(string(text))
	if p.figure != nil {
		name, svg := p.figure(f)
		if err := os.WriteFile(filepath.Join(docs, name), []byte(svg), 0o644); err != nil { //nolint:gosec // a document
			return err
		}
	}
	return replace(filepath.Join(docs, p.name+".md"), p.report(f))
}

// measure runs all of a page, and gives what it printed.
func measure(p page, module string, passes int) ([]byte, error) {
	temp, err := os.MkdirTemp("", "sidebyside")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	if err := copied.Fetch(module); err != nil {
		return nil, err
	}
	if _, err := command(module, "go", "test", "-tags=copied", "./internal/peers"); err != nil { // the marks hold for all
		return nil, err
	}
	for _, pkg := range p.pkgs {
		if _, err := command(module, "go", "test", "-tags=copied", "-c", "-o", filepath.Join(temp, pkg), "./"+pkg); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	out.WriteString(heading(module, passes))
	for pass := range passes {
		fmt.Fprintf(os.Stderr, "%s: pass %d of %d\n", p.name, pass+1, passes)
		fmt.Fprintf(&out, "\npass: %d\nload: %s\n", pass+1, load())
		for _, s := range p.suites {
			text, err := command(module, filepath.Join(temp, s.pkg), "-test.run=^$", "-test.bench="+s.bench, "-test.benchtime="+s.time, "-test.timeout=20m")
			if err != nil {
				return nil, err
			}
			out.WriteString(text)
		}
	}
	return out.Bytes(), nil
}

// heading says where and with what the benchmarks ran, in benchstat's format.
func heading(module string, passes int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "date: %s\ngo: %s\nprocessors: %d\npasses: %d\n", time.Now().UTC().Format(time.RFC3339), runtime.Version(), runtime.NumCPU(), passes)
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		fmt.Fprintf(&b, "kernel: %s\n", bytes.TrimSpace(release))
	}
	if commit, err := command(module, "git", "describe", "--always", "--dirty"); err == nil {
		fmt.Fprintf(&b, "commit: %s\n", strings.TrimSpace(commit))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Version != "" && d.Version != "(devel)" {
				fmt.Fprintf(&b, "with: %s %s\n", d.Path, d.Version)
			}
		}
	}
	return b.String()
}

// load says how many others wanted the processors, as far as the system tells.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

// command gives what a command prints.
func command(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("%s: %w\n%s%s", filepath.Base(name), err, out, exit.Stderr)
	}
	return string(out), err
}

const (
	begin = "<!-- sidebyside writes from here -->\n"
	end   = "<!-- to here -->\n"
)

// replace puts text between the marks of a file.
func replace(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s: no %q and %q", file, begin, end)
	}
	return os.WriteFile(file, []byte(before+begin+"\n"+text+"\n"+end+after), 0o644) //nolint:gosec // a document
}
