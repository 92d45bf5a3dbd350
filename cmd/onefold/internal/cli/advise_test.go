package cli_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/advise/trace/tracegen"
	"github.com/onefold-go/onefold/cmd/onefold/internal/advising"
)

// Traces that lead to each verdict. They are made here, not recorded.
var (
	fewHot   = tracegen.Workload{Seed: 1, Requests: 20_000, Rate: 1500, Keys: 4}
	spread   = tracegen.Workload{Seed: 2, Requests: 20_000, Rate: 1000, Keys: 2000}
	allNew   = tracegen.Workload{Seed: 3, Requests: 5000, Rate: 200, Keys: 1 << 26}
	fewCalls = tracegen.Workload{Seed: 4, Requests: 600, Rate: 20, Keys: 4}
	warm     = tracegen.Workload{Seed: 6, Requests: 45_000, Rate: 1500, Keys: 2000}
	withIDs  = tracegen.Workload{Seed: 5, Requests: 5000, Rate: 500, Keys: 40, Unique: true}
)

// traced writes a workload into a file.
func traced(t *testing.T, f trace.Format, d tracegen.Dialect, w tracegen.Workload) string {
	t.Helper()
	var b bytes.Buffer
	if err := tracegen.Write(&b, f, d, w); err != nil {
		t.Fatal(err)
	}
	return written(t, "trace.log", b.Bytes())
}

func written(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func plain(t *testing.T, w tracegen.Workload) string { return traced(t, trace.CSV, tracegen.Plain, w) }

// answered are flags that answer all questions with yes.
func answered(args ...string) []string {
	args = append([]string{"advise"}, args...)
	for _, q := range advise.Questions() {
		args = append(args, "--answer", q.ID+"=yes: a trace made for a test")
	}
	return append(args, "--seed", "1")
}

// Each verdict on a screen: its name, the sections it needs, 80 columns, and no
// more lines than a terminal has.
func TestAdviseScreens(t *testing.T) {
	for _, c := range []struct {
		name  string
		w     tracegen.Workload
		args  []string
		title string
		words []string
		not   []string
	}{
		{"nothing", allNew, []string{"--ttl", "1m", "--loader", "20ms"}, "NOTHING", []string{"hit ratio"}, []string{"Settings", "Watch"}},
		{"once", fewHot, []string{"--ttl", "forever", "--loader", "20ms"}, "ONCE", []string{"TTL          none"}, nil},
		{"load or store", fewHot, []string{"--ttl", "1s", "--loader", "10us"}, "LOAD OR STORE", []string{"about what it costs to wait"}, nil},
		{"plain cache", spread, []string{"--ttl", "10s", "--loader", "1ms"}, "PLAIN CACHE", []string{"> cache ", "as cache: ", "Watch after the change", "hit ratio"}, []string{"over SLO", "Unanswered"}},
		{"jitter", warm, []string{"--ttl", "20s", "--loader", "20ms", "--start", "warm"}, "CACHE JITTER", []string{"> cache+jitter", "herd+jitter", "Jitter       0.2"}, nil},
		{"coalescing", fewHot, []string{"--ttl", "1s", "--loader", "20ms"}, "CACHE COALESCING", []string{"> cache+coalescing ", "coalescing ratio"}, nil},
		{"early refresh", fewHot, []string{"--ttl", "1s", "--loader", "p50=20ms,p99=200ms", "--slo", "p99<50ms"}, "CACHE COALESCING + EARLY REFRESH", []string{"over SLO", "EarlyRefresh"}, nil},
		{"stale window", fewHot, []string{"--ttl", "1s", "--max-stale", "1s", "--loader", "p50=20ms,p99=200ms"}, "CACHE COALESCING + STALE WINDOW", []string{"StaleFor"}, nil},
		{"no cache", fewHot, []string{"--loader", "20ms"}, "COALESCING NO CACHE", []string{"> coalescing "}, []string{"hit ratio"}},
		{"not demonstrated", spread, []string{"--loader", "100ms", "--threshold", "overlap_only=0.045"}, "NO DEMONSTRATED BENEFIT YET", []string{"Leave it as it is"}, nil},
		{"change the key", withIDs, []string{"--ttl", "1m", "--loader", "20ms"}, "CHANGE KEY", []string{"request_id"}, []string{"Settings"}},
		{"cannot tell", fewCalls, []string{"--ttl", "10s", "--loader", "20ms"}, "REFUSE CANNOT TELL", []string{"Record about"}, []string{"Settings", "Watch"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := plain(t, c.w)
			if c.w.Unique { // parts of a key are those of a URL
				path = traced(t, trace.JSONL, "", c.w)
			}
			r := onefold(t, answered(append(c.args, path)...)...)
			r.want(t, 0, r.out, append([]string{"The trace\n", "It rests on"}, c.words...)...)
			if title, _, _ := strings.Cut(r.out, "\n"); title != c.title {
				t.Errorf("the verdict is %q, want %q", title, c.title)
			}
			for _, w := range c.not {
				if strings.Contains(r.out, w) {
					t.Errorf("%q is in:\n%s", w, r.out)
				}
			}
			fits(t, r.out)
		})
	}
}

func fits(t *testing.T, screen string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(screen, "\n"), "\n")
	for _, l := range lines {
		if n := utf8.RuneCountInString(l); n > 80 {
			t.Errorf("a line of %d columns: %q", n, l)
		}
		if strings.TrimRight(l, " ") != l {
			t.Errorf("a line ends with blanks: %q", l)
		}
	}
	if len(lines) > 48 {
		t.Errorf("%d lines, which is no screen:\n%s", len(lines), screen)
	}
}

// What nothing helps with, the latencies' file and the command are where somebody
// looks for them.
func TestAdviseSaysWhatNothingHelpsWith(t *testing.T) {
	path := plain(t, spread)
	took := written(t, "took.txt", []byte("1ms\n1ms\n1ms\nlong\n"))
	html, file := filepath.Join(t.TempDir(), "advice.html"), filepath.Join(t.TempDir(), "advice.json")
	r := onefold(t, answered(path, "--ttl", "10s", "--loader", took, "--source-concurrent", "1", "--html", html, "--json="+file, "--settings", written(t, "a.toml", nil))...)
	r.want(t, 0, r.out, "PLAIN CACHE\n", "Nothing tried helps with the", "Over the source's limit", "it takes a source that bears", "loads drawn from a file of 3", "1 of 4 lines of took.txt are no latency")
	fits(t, r.out)
	page, err := os.ReadFile(html)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"Nothing tried helps with the peak", "Limits of the source that this does not keep to", "a source that bears",
		"Made by <code>onefold advise trace.log --ttl 10s --loader took.txt --source-concurrent 1 --html advice.html --json=advice.json --settings a.toml --answer &#39;idempotent=yes: a trace made for a test&#39;"} {
		if !strings.Contains(string(page), w) {
			t.Errorf("%q is not in the page", w)
		}
	}
	if dir := filepath.Dir(path); strings.Contains(string(page), dir) {
		t.Errorf("the page names the directory %s", dir)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got advise.Report
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if e := got.Verdict.OverLimit; len(e) != 1 || e[0].Limit != 1 || e[0].Most < 2 || e[0].Helped || len(e[0].Remedies) == 0 {
		t.Errorf("the JSON has %+v", e)
	}
	if a := got.Advised; a == nil || a.Class != advise.PlainCache || a.MaxLoads != 1 || a.Coalesce {
		t.Errorf("the JSON advises %+v", a)
	}

	// The advice is taken as what is in service, and is as good as itself.
	r = onefold(t, answered(path, "--ttl", "10s", "--loader", "1ms", "--check", "--current", got.Advised.Current)...)
	r.want(t, 0, r.out, "What is in service is as good as the advice")
}

// A trace in which no time passes has no rates.
func TestAdviseAtOneInstant(t *testing.T) {
	var b strings.Builder
	b.WriteString("time,key\n")
	for i := range 400 {
		b.WriteString("2026-01-02T03:04:05.123456789Z,k" + string(rune('a'+i%3)) + "\n")
	}
	r := onefold(t, answered(written(t, "instant.csv", []byte(b.String())), "--ttl", "10s", "--loader", "20ms", "--source-rps", "100")...)
	r.want(t, 0, r.out, "all at one instant: no rate is known", "not known")
	if found := regexp.MustCompile(`Inf|NaN|[0-9]e\+`).FindString(r.out); found != "" {
		t.Errorf("%q is in:\n%s", found, r.out)
	}
	fits(t, r.out)
}

// Without answers there is no advice, and the figures are there all the same.
func TestAdviseRefusesWithoutAnswers(t *testing.T) {
	path := plain(t, fewHot)
	r := onefold(t, "advise", path, "--ttl", "1s", "--loader", "20ms", "--seed", "1")
	r.want(t, 0, r.out, "REFUSE UNSAFE", "If it were: Coalesce behind the cache", "Each way to serve", "--answer ID=yes", "same_for_all", "read_only")
	if strings.Contains(r.out, "Settings") {
		t.Errorf("there are settings:\n%s", r.out)
	}
	fits(t, r.out)

	r = onefold(t, append(answered(path, "--ttl", "1s", "--loader", "20ms"), "--answer", "same_for_all=no: each has an own")...)
	r.want(t, 0, r.out, "REFUSE UNSAFE", "put into the key")
	if strings.Contains(r.out, "  read_only ") {
		t.Errorf("a question that is answered with yes is open:\n%s", r.out)
	}

	r = onefold(t, "advise", path, "--ttl", "1s", "--loader", "20ms", "--code")
	r.want(t, 1, r.err, "nothing to set")
}

func TestAdviseCheck(t *testing.T) {
	path := plain(t, fewHot)
	policy := []string{path, "--ttl", "1s", "--loader", "20ms", "--check"}
	r := onefold(t, answered(append(policy, "--current", "ttl=1s,coalesce")...)...)
	r.want(t, 0, r.out, "as good as the advice")

	r = onefold(t, answered(append(policy, "--current", "ttl=1s")...)...)
	r.want(t, 3, r.err, "behind the advice", "loads a second")
	r.want(t, 3, r.out, "is behind the advice")

	r = onefold(t, append([]string{"advise", "--current", "ttl=1s,coalesce"}, policy...)...)
	r.want(t, 4, r.err, "no advice", "not known to be safe")

	r = onefold(t, answered(plain(t, fewCalls), "--ttl", "10s", "--loader", "20ms", "--check", "--current", "ttl=10s")...)
	r.want(t, 4, r.err, "no advice", "Cannot tell")

	r = onefold(t, answered(policy...)...)
	r.want(t, 2, r.err, "--current")
}

// What is wrong is said with what to do about it.
func TestAdviseSaysTheRemedy(t *testing.T) {
	path := plain(t, tracegen.Workload{Requests: 100})
	garbage := written(t, "garbage", bytes.Repeat([]byte("lorem ipsum; dolor (sit) amet\nconsectetur\n"), 50))
	broken := written(t, "broken.csv", append([]byte("time,key\n1700000000,a\n1700000001,b\n"), bytes.Repeat([]byte("no time,at all\n"), 90)...))
	empty := written(t, "empty.log", nil)
	counted := written(t, "counted.csv", []byte("ts,id\n17,a\n18,b\n"))
	keyless := written(t, "keyless.csv", []byte("time,color\n1700000000,red\n1700000001,red\n"))
	for _, c := range []struct {
		name  string
		args  []string
		code  int
		words []string
	}{
		{"no file", nil, 2, []string{"no file", "- for standard input"}},
		{"no such file", []string{"/no/such/file"}, 1, []string{"/no/such/file"}},
		{"no such flag", []string{path, "--tll", "1m"}, 2, []string{"--tll", "--help"}},
		{"nothing says how long loads take", []string{path, "--ttl", "1m"}, 1, []string{"--loader p50=20ms,p99=200ms"}},
		{"unknown format", []string{garbage}, 1, []string{"is not known", "--format", "--log-format", "--pattern"}},
		{"no such format", []string{path, "--format", "xml"}, 2, []string{`--format`, `"xml"`, "combined", "recording"}},
		{"mostly bad", []string{broken, "--loader", "1ms"}, 1, []string{"broken.csv", "90 of 93 lines", "line 4", "--time"}},
		{"empty", []string{empty, "--loader", "1ms"}, 1, []string{"no records", "empty.log, which is empty"}},
		{"no unit", []string{counted}, 1, []string{"17", "--time-unit"}},
		{"no key", []string{keyless}, 1, []string{"no key column", "color", "--key"}},
		{"a TTL", []string{path, "--ttl", "soon"}, 2, []string{`ttl is "soon"`, "5m"}},
		{"an SLO", []string{path, "--slo", "fast"}, 2, []string{`slo is "fast"`, "p99<50ms"}},
		{"a loader", []string{path, "--loader", "quick"}, 2, []string{"loader", "quick"}},
		{"memory", []string{path, "--memory", "much"}, 2, []string{"512MiB"}},
		{"routing", []string{path, "--routing", "home"}, 2, []string{"random or key"}},
		{"start", []string{path, "--start", "hot"}, 2, []string{"cold or warm"}},
		{"current", []string{path, "--current", "ttl=5m,fast"}, 2, []string{`"fast"`, "jitter=0.1"}},
		{"an answer", []string{path, "--answer", "idempotent=maybe"}, 2, []string{"yes, no or unknown"}},
		{"a question", []string{path, "--answer", "idempotnet=yes"}, 2, []string{"idempotent", "read_only"}},
		{"a threshold", []string{path, "--threshold", "saved=0.1"}, 2, []string{"saved=0.1", "saved_share"}},
		{"no threshold", []string{path, "--threshold", "saved_share=-1"}, 2, []string{"--threshold saved_share is -1"}},
		{"a limit", []string{path, "--ttl", "0", "--max-stale", "5s"}, 2, []string{"--max-stale is 5s"}},
		{"both limits", []string{path, "--entries", "5", "--memory", "1MiB"}, 2, []string{"--entries is 5", "--memory is"}},
		{"stamp", []string{path, "--stamp", "middle"}, 2, []string{"begin or end"}},
		{"delimiter", []string{path, "--delimiter", "||"}, 2, []string{"one character"}},
		{"progress", []string{path, "--progress", "much"}, 2, []string{"auto, plain or none"}},
		{"two outputs", []string{path, "--code", "--json", "-"}, 2, []string{"--code", "--json -"}},
		{"replay of standard input", []string{"-", "--live", "1s"}, 2, []string{"standard input"}},
		{"two that are wrong", []string{path, "--ttl", "soon", "--slo", "fast"}, 2, []string{"ttl is", "slo is"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := onefold(t, append([]string{"advise"}, c.args...)...)
			r.want(t, c.code, r.err, c.words...)
			if strings.Contains(r.err, "Config.") || strings.Contains(r.err, "trace: ") || strings.Contains(r.err, "advise: ") {
				t.Errorf("it speaks of the library: %s", r.err)
			}
			if c.code == 2 && r.out != "" {
				t.Errorf("something was printed: %s", r.out)
			}
		})
	}
}

// A message of the reader that names one of its fields names a flag here.
func TestEveryFieldOfTheReaderHasAFlag(t *testing.T) {
	help := onefold(t, "advise", "--help").out
	name := func(field string) {
		word := advising.Words("Config." + field)
		if !strings.HasPrefix(word, "--") || !regexp.MustCompile(regexp.QuoteMeta(word)+`\b`).MatchString(help) {
			t.Errorf("Config.%s is %s in messages, which is no flag", field, word)
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[trace.Config]()) {
		switch f.Name {
		case "Digest": // always
		case "Columns":
			for _, c := range reflect.VisibleFields(f.Type) {
				name("Columns." + c.Name)
			}
		default:
			name(f.Name)
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[advise.Config]()) {
		switch f.Name {
		case "SLO", "Source", "Safety", "Thresholds": // by their parts
		case "Overhead", "Current", "CurveRequests", "MaxExact", "MaxKeys", "HeavyKeys", "Workers": // no message of theirs can come of a flag
		default:
			name(f.Name)
		}
	}
}

func TestAdviseReadsItsInputs(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tracegen.Workload{Seed: 6, Requests: 4000, Rate: 500, Keys: 300, Skew: 1, Load: tracegen.LogNormal(20*time.Millisecond, 100*time.Millisecond)}
	if err := tracegen.Write(z, trace.CSV, tracegen.Recording, w); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	zipped := written(t, "a.csv.gz", packed.Bytes())
	r := onefold(t, answered(zipped, "--ttl", "5s")...)
	r.want(t, 0, r.err, "a.csv.gz (gzip) is read as csv")
	r.want(t, 0, r.out, "4,000 requests", "as measured")
	one := r.out

	stdin := os.Stdin
	defer func() { os.Stdin = stdin }()
	file, err := os.Open(zipped)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	os.Stdin = file
	if r = onefold(t, answered("-", "--ttl", "5s")...); r.out != one {
		t.Errorf("standard input gives\n%s\nand the file\n%s", r.out, one)
	}

	// Two halves in two files, the second first.
	whole := new(bytes.Buffer)
	if err := tracegen.Write(whole, trace.CSV, tracegen.Recording, w); err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole.Bytes(), []byte("\n"))
	head := lines[0]
	first := written(t, "first.csv", bytes.Join(lines[:2001], nil))
	second := written(t, "second.csv", append(bytes.Clone(head), bytes.Join(lines[2001:], nil)...))
	if r = onefold(t, answered(second, first, "--ttl", "5s")...); r.out != one {
		t.Errorf("two files give\n%s\nand one\n%s", r.out, one)
	}
	r.want(t, 0, r.err, "first.csv is read as", "second.csv is read as")

	// Columns by their names, and a delimiter.
	odd := written(t, "odd.csv", []byte(strings.NewReplacer(",", "|", "time_ns", "when", "key", "what", "duration_ns", "cost").Replace(whole.String())))
	r = onefold(t, answered(odd, "--ttl", "5s", "--delimiter", "|", "--time", "when", "--time-unit", "1ns", "--key", "what", "--duration", "cost", "--duration-unit", "1ns")...)
	if r.out != one {
		t.Errorf("other names give\n%s\n%s\nand the usual ones\n%s", r.err, r.out, one)
	}
}

// The same records, settings and seed give the same bytes.
func TestAdviseJSON(t *testing.T) {
	path := traced(t, trace.Combined, "", tracegen.Workload{Seed: 7, Requests: 3000, Rate: 300, Keys: 200, Skew: 1})
	args := answered(path, "--ttl", "10s", "--loader", "p50=2s,p99=4s", "--json", "-")
	first := onefold(t, args...)
	first.want(t, 0, first.out, `"schema": "onefold-advise/2"`, `"sha256"`)
	if again := onefold(t, args...); again.out != first.out {
		t.Error("the second run gives other bytes")
	}
	var parsed map[string]any
	if err := json.Unmarshal([]byte(first.out), &parsed); err != nil {
		t.Error(err)
	}
	// A log's clients are nowhere.
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	client, _, _ := strings.Cut(string(text), " ")
	if strings.Contains(first.out, client) {
		t.Errorf("the client %s is in the report", client)
	}

	file := filepath.Join(t.TempDir(), "advice.json")
	args[slices.Index(args, "-")] = file
	screen := onefold(t, args...)
	screen.want(t, 0, screen.out, "It rests on")
	if b, err := os.ReadFile(file); err != nil || string(b) != first.out {
		t.Errorf("the file is not what --json - prints: %v", err)
	}
	if left, _ := filepath.Glob(file + ".*"); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}

	r := onefold(t, answered(path, "--ttl", "10s", "--loader", "1s", "--json", filepath.Join(t.TempDir(), "no", "dir.json"))...)
	r.want(t, 1, r.err, "dir.json")
}

// The settings are Go that compiles against this library.
func TestAdviseCode(t *testing.T) {
	for name, args := range map[string][]string{
		"coalescing": {"--ttl", "1s", "--max-stale", "1s", "--loader", "p50=20ms,p99=200ms", "--source-concurrent", "10"},
		"once":       {"--ttl", "forever", "--loader", "20ms"},
		"no cache":   {"--loader", "20ms"},
	} {
		t.Run(name, func(t *testing.T) {
			r := onefold(t, answered(append(args, plain(t, fewHot), "--code")...)...)
			r.want(t, 0, r.out, "package cache", "onefold advise says")
			file, err := parser.ParseFile(token.NewFileSet(), "cache.go", r.out, 0)
			if err != nil {
				t.Fatal(err)
			}
			if !ast.FileExports(file) {
				t.Error("it exports nothing")
			}
			if out, err := exec.Command("go", "vet", written(t, "cache.go", []byte(r.out))).CombinedOutput(); err != nil { //nolint:gosec // a file of this test
				t.Errorf("go vet: %v\n%s\n%s", err, out, r.out)
			}
		})
	}
}

func TestAdviseSettingsFile(t *testing.T) {
	path := plain(t, fewHot)
	file := written(t, "service.yaml", []byte("policy:\n  ttl: 1s\n  loader: 20ms\n  seed: 1\nsafety:\n"+
		"  idempotent: yes\n  same_for_all: 'yes: no user in it'\n  authorized_before: yes\n  older_than_write: yes\n  outlives_caller: yes\n  errors_shared: yes\n  read_only: yes\n"))
	r := onefold(t, "advise", path, "--settings", file)
	r.want(t, 0, r.out, "CACHE COALESCING\n")

	// A flag goes before the file.
	r = onefold(t, "advise", path, "--settings", file, "--loader", "10us")
	r.want(t, 0, r.out, "LOAD OR STORE\n")
	r = onefold(t, "advise", path, "--settings", file, "--answer", "read_only=no: they sort it")
	r.want(t, 0, r.out, "REFUSE UNSAFE\n", "Clone")
	r = onefold(t, "advise", path, "--settings", file, "--threshold", "saved_share=0.95")
	r.want(t, 0, r.out, "PLAIN CACHE\n")

	r = onefold(t, "advise", path, "--settings", written(t, "service.toml", []byte("[policy]\nttl = \"1s\"\nfreshness = 3\n")))
	r.want(t, 2, r.err, "service.toml", `"freshness"`, "[policy], [safety] and [thresholds]")
}

func TestAdviseSelfCheck(t *testing.T) {
	r := onefold(t, "advise", "selfcheck")
	r.want(t, 0, r.out, "formula", "simulated", "95 % interval", "agree")
	onefold(t, "advise", "selfcheck", "now").want(t, 2, onefold(t, "advise", "selfcheck", "now").err, `"now"`)
}
