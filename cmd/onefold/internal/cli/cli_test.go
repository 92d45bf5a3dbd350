package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/onefold-go/onefold/cmd/onefold/internal/cli"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/fleet"
	"github.com/onefold-go/onefold/lint/vettool"
)

// A ran is how a command line ended.
type ran struct {
	code     int
	out, err string
}

func onefold(t *testing.T, args ...string) ran {
	t.Helper()
	var out, errw bytes.Buffer
	code := cli.Main(t.Context(), args, &out, &errw)
	return ran{code, out.String(), errw.String()}
}

// want checks the exit code and that a text holds all words.
func (r ran) want(t *testing.T, code int, text string, words ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.out, r.err)
	}
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q is not in:\n%s", word, text)
		}
	}
}

// A server answers every key. It counts the GETs.
type server struct {
	*httptest.Server
	gets atomic.Int64
}

func serve(t *testing.T) *server {
	t.Helper()
	var s server
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			s.gets.Add(1)
		}
		if _, err := fmt.Fprintln(w, "the page of", r.URL.Path); err != nil {
			t.Errorf("answering: %v", err)
		}
	}))
	t.Cleanup(s.Close)
	return &s
}

// quick are flags of a run that takes a moment.
func quick(s *server, more ...string) []string {
	return append([]string{
		"lab", "--source", s.URL, "--duration", "100ms", "--rate", "500", "--keys", "5", "--only", "check,singleflight,onefold",
	}, more...)
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"help"}, {"--help"}} {
		r := onefold(t, args...)
		r.want(t, 0, r.out, "onefold lab", "Exit codes:", "completion")
	}
	for _, args := range [][]string{{"lab", "-h"}, {"help", "lab"}} {
		r := onefold(t, args...)
		r.want(t, 0, r.out, "Examples:", "--invalidate 50 --cancel 0.2 --seed 1", "Trouble:", "--slow", "nocache,check", "Exit codes:")
	}
}

func TestVersion(t *testing.T) {
	r := onefold(t, "--version")
	r.want(t, 0, r.out, "onefold ", "go1.")
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		r := onefold(t, "completion", shell)
		r.want(t, 0, r.out, "onefold")
		if len(r.out) < 1000 {
			t.Errorf("%s: the script is %d bytes", shell, len(r.out))
		}
	}
	r := onefold(t, "__complete", "lab", "--only", "")
	r.want(t, 0, r.out, "singleflight", "onefold")
	r = onefold(t, "__complete", "lab", "--progress", "")
	r.want(t, 0, r.out, "plain")
}

func TestUsageErrors(t *testing.T) {
	for _, test := range []struct {
		args  string
		words []string
	}{
		{"frob", []string{`"frob"`, "--help"}},
		{"lab trace.csv", []string{`"trace.csv"`, "onefold lab --help"}},
		{"lab --frob", []string{"--frob", "onefold lab --help"}},
		{"lab --seed", []string{"--seed", "onefold lab --help"}},
		{"lab --rate abc", []string{`--rate is "abc"`, "want a number"}},
		{"lab --rate -5", []string{`--rate is "-5"`, "more than 0"}},
		{"lab --rate NaN", []string{`--rate is "NaN"`, "want a number"}},
		{"lab --rate 1e9", []string{"--rate 1e9", "lower one of them"}},
		{"lab --keys 2.5", []string{`--keys is "2.5"`, "whole number"}},
		{"lab --keys 3 --warm 4", []string{`--warm is "4"`, "0 to the number of --keys, 3"}},
		{"lab --duration 3", []string{`--duration is "3"`, "unit"}},
		{"lab --ttl 0", []string{`--ttl is "0"`, "more than 0"}},
		{"lab --timeout -1s", []string{`--timeout is "-1s"`, "more than 0"}},
		{"lab --cancel 120%", []string{`--cancel is "120%"`, "from 0 to 1"}},
		{"lab --fail x", []string{`--fail is "x"`, "from 0 to 1"}},
		{"lab --invalidate -1", []string{`--invalidate is "-1"`, "or more writes a second"}},
		{"lab --slow 0.5", []string{`--slow is "0.5"`, "0.01:500ms"}},
		{"lab --slow 2:1s", []string{`--slow is "2:1s"`, "from 0 to 1"}},
		{"lab --slow 0.5:fast", []string{`--slow is "0.5:fast"`, `the time is "fast"`}},
		{"lab --seed -1", []string{`--seed is "-1"`, "0 or more"}},
		{"lab --repeat 0", []string{`--repeat is "0"`, "1 or more"}},
		{"lab --rows 0", []string{`--rows is "0"`, "1 or more"}},
		{"lab --limit -1", []string{`--limit is "-1"`, "0 (no limit) or more"}},
		{"lab --burst 0.5", []string{`--burst is "0.5"`, "1 (no burst)"}},
		{"lab --burst-at 3s --duration 2s", []string{"--burst-at 3s", "--duration 2s", "earlier"}},
		{"lab --only chek", []string{`"chek"`, "choose from nocache,check"}},
		{"lab --only check --skip check", []string{"--only check", "--skip check", "leave no strategy"}},
		{"lab --progress loud", []string{`--progress is "loud"`, "auto, bar, plain, none"}},
		{"lab --source ftp://user:secret@host/", []string{"--source is", "want sqlite"}},
		{"lab --format csv", []string{`--format is "csv"`, "--trace FILE"}},
		{"lab --speed 2", []string{`--speed is "2"`, "--trace FILE"}},
		{"lab --trace x --rate 5", []string{`--rate is "5"`, "leave out --trace"}},
		{"lab --trace x --speed 0", []string{`--speed is "0"`, "more than 0"}},
		{"lab --trace x --format xml", []string{`--format is "xml"`, "csv"}},
		{"lab --trace x --pattern (", []string{"--pattern", "missing closing"}},
		{"lab --json a --report a", []string{`--json is "a"`, "the same file"}},
		{"lab --quiet --explain", []string{"--quiet", "--explain"}},
	} {
		t.Run(test.args, func(t *testing.T) {
			r := onefold(t, strings.Fields(test.args)...)
			r.want(t, 2, r.err, test.words...)
			if r.out != "" {
				t.Errorf("a usage error printed to stdout: %s", r.out)
			}
			if strings.Contains(r.err, "secret") {
				t.Errorf("the password is shown: %s", r.err)
			}
		})
	}
}

func TestAllFaultsAreToldTogether(t *testing.T) {
	r := onefold(t, strings.Fields("lab --rate x --keys 0 --ttl 0 --slow 1 --only a,b --format csv --json f --report f --repeat 0")...)
	r.want(t, 2, r.err, "--rate", "--keys", "--ttl", "--slow", `"a"`, `"b"`, "--format", "--json", "--repeat")
	if n := strings.Count(r.err, "\n"); n != 9 {
		t.Errorf("%d lines for 9 faults:\n%s", n, r.err)
	}
}

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	table := file("calls.csv", "when,what\n1,a\n2,b\n")
	noise := file("noise.csv", "when,what\nnever,a\nat no time,b\n")

	// A port on which nobody listens.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"missing trace", []string{"--trace", filepath.Join(dir, "none.csv")}, []string{"--trace", "none.csv", "no such file", "correct the path"}},
		{"bad column", []string{"--trace", table, "--time", "moment", "--key", "what"}, []string{`"moment"`, "--time", `"when"`}},
		{"no valid line", []string{"--trace", noise, "--time", "when", "--key", "what"}, []string{"noise.csv", "line 2", "never", "line 3"}},
		{"unreachable PostgreSQL", []string{"--source", "postgres://user:secret@" + closed + "/shop"}, []string{"--source", closed, "refused"}},
		{"unreachable web server", []string{"--source", "http://user:secret@" + closed + "/"}, []string{"--source", closed, "refused"}},
		{"no such directory", []string{"--report", filepath.Join(dir, "none", "lab.html")}, []string{"--report", "none", "cannot be written", "give a path"}},
		{"a directory", []string{"--json", dir}, []string{"--json", dir, "a directory"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := onefold(t, append([]string{"lab", "--progress", "none"}, test.args...)...)
			r.want(t, 1, r.err, test.words...)
			if r.out != "" || strings.Contains(r.err, "secret") {
				t.Errorf("stdout: %s\nstderr: %s\nwant nothing and no password", r.out, r.err)
			}
		})
	}
}

func TestRunPrintsItsTable(t *testing.T) {
	s := serve(t)
	r := onefold(t, quick(s, "--explain", "--repeat", "2")...)
	r.want(t, 0, r.out, "check", "singleflight", "onefold", "p99", "2 runs", "Next:", "generated:")
	r.want(t, 0, r.err, "open --source "+s.URL, "[1/6] check then load", "[6/6] Onefold")
	if strings.ContainsAny(r.out+r.err, "\x1b\r") {
		t.Errorf("control characters where there is no terminal:\n%q\n%q", r.out, r.err)
	}
	if s.gets.Load() == 0 {
		t.Error("the source was never asked")
	}
}

func TestQuietPrintsOnlyTheTable(t *testing.T) {
	r := onefold(t, quick(serve(t), "--quiet")...)
	r.want(t, 0, r.out, "onefold", "p99")
	if r.err != "" {
		t.Errorf("stderr: %s", r.err)
	}
}

func TestJSONToStandardOutput(t *testing.T) {
	s := serve(t)
	r := onefold(t, quick(s, "--json", "-", "--seed", "42", "--cancel", "10%", "--slow", "0.1:1ms", "--progress", "none")...)
	var report figures.Report
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("stdout is not JSON: %v\n%s", err, r.out)
	}
	var strategies []string
	for _, result := range report.Results {
		strategies = append(strategies, result.Strategy)
		if result.Calls != int64(report.Setup.Calls) || result.P99 == 0 || len(result.CCDF) == 0 {
			t.Errorf("a figure is missing: %+v", result)
		}
	}
	if want := []string{"check", "singleflight", "onefold"}; !slices.Equal(strategies, want) {
		t.Errorf("strategies %q, want %q", strategies, want)
	}
	setup := report.Setup
	if setup.Seed != 42 || setup.Cancel != 0.1 || setup.Slow != 0.1 || setup.SlowBy.String() != "1ms" || setup.Keys != 5 || setup.Repeat != 1 {
		t.Errorf("Setup = %+v", setup)
	}
	if report.Version == "" || report.Sentence == "" || report.Next == "" || report.Command[0] != "onefold" || report.Command[1] != "lab" {
		t.Errorf("the head is not filled: %q %q %q %q", report.Version, report.Sentence, report.Next, report.Command)
	}
}

func TestFilesAreWrittenWhole(t *testing.T) {
	dir := t.TempDir()
	page, data := filepath.Join(dir, "lab.html"), filepath.Join(dir, "lab.json")
	link := filepath.Join(dir, "latest.html")
	if err := os.WriteFile(page, []byte("an older report"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(page, link); err != nil {
		t.Fatal(err)
	}
	r := onefold(t, quick(serve(t), "--report", link, "--json", data)...)
	r.want(t, 0, r.err, "wrote "+page, "wrote "+data)

	html, err := os.ReadFile(page)
	if err != nil || !bytes.Contains(html, []byte("</html>")) {
		t.Errorf("the page: %v, %d bytes", err, len(html))
	}
	text, err := os.ReadFile(data)
	if err != nil || !json.Valid(text) {
		t.Errorf("the JSON: %v, %d bytes", err, len(text))
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link was replaced: %v, %v", info, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("the directory holds %v, %v; want the three files and nothing else", entries, err)
	}
}

func TestSourceThatCannotBeWritten(t *testing.T) {
	s := serve(t)
	r := onefold(t, quick(s, "--invalidate", "5")...)
	r.want(t, 2, r.err, `--invalidate is "5"`, "cannot be written", "leave it out")
	r = onefold(t, quick(s)...)
	r.want(t, 0, r.out, "the source cannot be written")
}

func TestFailingSourceEnds(t *testing.T) {
	r := onefold(t, quick(serve(t), "--fail", "1", "--warm", "0", "--timeout", "100ms")...)
	r.want(t, 0, r.out, "No strategy got a single answer", "--fail 0.2")
}

func TestTraceIsReplayed(t *testing.T) {
	var text bytes.Buffer
	text.WriteString("ms,item\n")
	for i := range 200 {
		fmt.Fprintf(&text, "%d,item%d\n", i*10, i%3)
	}
	path := filepath.Join(t.TempDir(), "calls.csv")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t)
	r := onefold(t, "lab", "--source", s.URL, "--trace", path, "--time", "ms", "--time-unit", "ms", "--key", "item",
		"--speed", "20", "--warm", "2", "--only", "check,dochan", "--json", "-", "--progress", "none")
	var report figures.Report
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v\nstdout: %s\nstderr: %s", err, r.out, r.err)
	}
	if r.code != 0 || report.Setup.Calls != 200 || report.Setup.Keys != 3 {
		t.Errorf("code %d, setup %+v; want 200 calls of 3 keys", r.code, report.Setup)
	}
	for _, result := range report.Results {
		if result.Loads == 0 || result.Hits < 100 {
			t.Errorf("%s: %d loads and %d hits; want one load for the key that was cold, and hits", result.Strategy, result.Loads, result.Hits)
		}
	}
}

// An interrupter ends a context when a text is written to it.
type interrupter struct {
	at     string
	cancel context.CancelFunc

	mu   sync.Mutex
	text strings.Builder
}

func (w *interrupter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if strings.Contains(w.text.String(), w.at) {
		w.cancel()
	}
	return len(p), nil
}

func (w *interrupter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func TestInterruptPrintsWhatWasMeasured(t *testing.T) {
	dir := t.TempDir()
	old, fresh := filepath.Join(dir, "old.json"), filepath.Join(dir, "fresh.html")
	if err := os.WriteFile(old, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	errw := &interrupter{at: "[2/3]", cancel: cancel}
	var out bytes.Buffer
	code := cli.Main(ctx, quick(s, "--progress", "plain", "--json", old, "--report", fresh), &out, errw)
	r := ran{code, out.String(), errw.String()}
	r.want(t, 130, r.out, "check", "Interrupted")
	r.want(t, 130, r.err, old+" is left as it was", "wrote "+fresh)
	if text, err := os.ReadFile(old); err != nil || string(text) != "{}" {
		t.Errorf("the complete report was replaced: %q, %v", text, err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("the new report is not there: %v", err)
	}
}

func TestInterruptBeforeTheReplays(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	errw := &interrupter{at: "measure the source", cancel: cancel}
	code := cli.Main(ctx, quick(serve(t), "--progress", "plain"), io.Discard, errw)
	r := ran{code, "", errw.String()}
	r.want(t, 130, r.err, "interrupted before anything was measured")
}

// The embedded database, end to end.
func TestEmbeddedSource(t *testing.T) {
	r := onefold(t, "lab", "--duration", "200ms", "--ttl", "50ms", "--rate", "100", "--burst", "1", "--keys", "3",
		"--rows", "5000", "--timeout", "10s", "--invalidate", "20", "--cancel", "0.2", "--only", "check,onefold", "--progress", "none", "--json", "-")
	var report figures.Report
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v\nstdout: %s\nstderr: %s", err, r.out, r.err)
	}
	if r.code != 0 || !strings.Contains(report.Setup.Source, "SQLite") || report.Setup.LoadTime == 0 {
		t.Errorf("code %d, setup %+v", r.code, report.Setup)
	}
	for _, result := range report.Results {
		if result.Answers == 0 || result.Loads == 0 || result.Writes == 0 {
			t.Errorf("%s: %d answers, %d loads, %d writes; want some of each", result.Strategy, result.Answers, result.Loads, result.Writes)
		}
		if wrong := result.Wrong; result.Strategy != "check" && wrong.Total() != 0 {
			t.Errorf("%s: %+v, want nothing wrong", result.Strategy, wrong)
		}
	}
}

func TestMain(m *testing.M) {
	fleet.Serve()
	if vettool.Called(os.Args[1:]) {
		vettool.Main()
	}
	os.Exit(m.Run())
}

func TestProcesses(t *testing.T) {
	r := onefold(t, quick(serve(t), "--processes", "2", "--far", "embedded")...)
	r.want(t, 0, r.out, "2 processes share the calls", "far tier embedded", "onefold")
	r = onefold(t, quick(serve(t), "--far", "redis://user:hush@127.0.0.1:1")...)
	r.want(t, 1, r.err, "onefold")
	if strings.Contains(r.out+r.err, "hush") {
		t.Errorf("the password is shown:\n%s\n%s", r.out, r.err)
	}
	for _, args := range [][]string{{"--processes", "0"}, {"--processes", "65"}, {"--far", "localhost:6379"}, {"--far", "redis:user:hush@host"}} {
		r := onefold(t, quick(serve(t), args...)...)
		r.want(t, 2, r.err, args[0], "want")
		if strings.Contains(r.err, "hush") {
			t.Errorf("the password is shown: %s", r.err)
		}
	}
}
