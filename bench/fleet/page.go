package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// A record is all that one command measured.
type record struct {
	Date    string            `json:"date"`
	Machine string            `json:"machine"`
	Uses    map[string]string `json:"versions"` // of what is compared
	Plan    plan              `json:"plan"`
	Passes  int               `json:"passes"`
	Note    string            `json:"note,omitempty"` // what else is to be known of the measurement
	Runs    []figures         `json:"runs"`
}

func newRecord(p plan, passes int) *record {
	return &record{
		Date:    time.Now().UTC().Format(time.DateOnly),
		Machine: fmt.Sprintf("%s%s/%s, %d processors, %s", processor(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()),
		Uses:    versions(),
		Plan:    p, Passes: passes,
	}
}

// readRecords reads what earlier commands have written.
func readRecords(names []string) (*record, error) {
	var all *record
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		r := new(record)
		if err := json.Unmarshal(text, r); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if all == nil {
			all = r
			continue
		}
		all.Runs = slices.DeleteFunc(all.Runs, func(old figures) bool {
			return slices.ContainsFunc(r.Runs, func(f figures) bool { return f.Engine == old.Engine && f.Task == old.Task })
		})
		all.Runs = append(all.Runs, r.Runs...)
	}
	return all, nil
}

// processor is what Linux calls the processor, or nothing.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, "\t :")) + ", "
		}
	}
	return ""
}

// versions are those of the libraries in this program, and the servers'.
func versions() map[string]string {
	found := make(map[string]string)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			switch m.Path {
			case "golang.org/x/sync", "github.com/redis/rueidis", "github.com/redis/rueidis/rueidisaside", "github.com/viccon/sturdyc",
				"github.com/go-redis/cache/v9", "github.com/redis/go-redis/v9", "github.com/go-redsync/redsync/v4", "github.com/bradfitz/gomemcache":
				found[m.Path] = m.Version
			}
		}
	}
	if out, err := exec.Command("redis-server", "--version").Output(); err == nil { //nolint:noctx // it ends by itself
		_, version, _ := strings.Cut(string(out), "v=")
		found["redis-server"], _, _ = strings.Cut(version, " ")
	}
	if out, err := exec.Command("memcached", "--version").Output(); err == nil { //nolint:noctx // likewise
		found["memcached"] = strings.TrimPrefix(strings.TrimSpace(string(out)), "memcached ")
	}
	return found
}

// of gives the runs of a contender at a task, in the order of the passes.
func (r *record) of(engine, contender, task string) (runs []figures) {
	for _, f := range r.Runs {
		if f.Engine == engine && f.Contender == contender && f.Task == task {
			runs = append(runs, f)
		}
	}
	return runs
}

func median(runs []figures, of func(figures) float64) float64 {
	values := make([]float64, 0, len(runs))
	for _, f := range runs {
		values = append(values, of(f))
	}
	return middle(values)
}

func middle(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// A column is one of a table of medians.
type column struct {
	head string
	cell func(runs []figures) string
}

func number(format string, of func(figures) float64) func([]figures) string {
	return func(runs []figures) string { return fmt.Sprintf(format, median(runs, of)) }
}

func lasted(of func(figures) time.Duration) func([]figures) string {
	return func(runs []figures) string {
		return short(time.Duration(median(runs, func(f figures) float64 { return float64(of(f)) })))
	}
}

func micros(of func(figures) float64) func([]figures) string {
	return number("%.2f µs", func(f figures) float64 { return of(f) / 1e3 })
}

var columns = map[kind][]column{
	steady: {
		{"loads an expiry", number("%.2f", figures.loadsAnExpiry)},
		{"ops/s", func(runs []figures) string { return thousands(median(runs, figures.opsPerSecond)) }},
		{"commands an op", number("%.4f", figures.sentAnOp)},
		{"with scripts'", number("%.4f", figures.commandsAnOp)},
		{"CPU an op", micros(figures.cpuAnOp)},
		{"the server's", micros(figures.serverCPUAnOp)},
		{"p50", lasted(func(f figures) time.Duration { return f.P50 })},
		{"p99", lasted(func(f figures) time.Duration { return f.P99 })},
		{"p99.9", lasted(func(f figures) time.Duration { return f.P999 })},
		{"max", lasted(func(f figures) time.Duration { return f.Max })},
		{"too old", number("%.2f %%", func(f figures) float64 { return 100 * f.staleShare() })},
		{"oldest", lasted(func(f figures) time.Duration { return f.Oldest })},
		{"errors", number("%.0f", func(f figures) float64 { return float64(f.Errors) })},
		{"load average", number("%.0f", func(f figures) float64 { return f.LoadAverage })},
	},
	wake: {
		{"loads a key", number("%.2f", figures.loadsAnExpiry)},
		{"woken, p50", lasted(func(f figures) time.Duration { return f.Wake.P50 })},
		{"p99", lasted(func(f figures) time.Duration { return f.Wake.P99 })},
		{"max", lasted(func(f figures) time.Duration { return f.Wake.Max })},
		{"round trip, p50", lasted(func(f figures) time.Duration { return f.RoundTrip.P50 })},
		{"p99", lasted(func(f figures) time.Duration { return f.RoundTrip.P99 })},
		{"errors", number("%.0f", func(f figures) float64 { return float64(f.Errors) })},
		{"load average", number("%.0f", func(f figures) float64 { return f.LoadAverage })},
	},
	kill: {
		{"kills", func(runs []figures) string { return strconv.Itoa(len(takeovers(runs))) }},
		{"the next load began after, least", func(runs []figures) string { return short(slices.Min(successions(runs))) }},
		{"most", func(runs []figures) string { return short(slices.Max(successions(runs))) }},
		{"loads after the kill, most", func(runs []figures) string { return strconv.Itoa(mostSuccessors(runs)) }},
		{"errors", func(runs []figures) string {
			n := int64(0)
			for _, f := range runs {
				n += f.Errors
			}
			return strconv.FormatInt(n, 10)
		}},
	},
}

func takeovers(runs []figures) (all []takeover) {
	for _, f := range runs {
		all = append(all, f.Takeovers...)
	}
	return all
}

func successions(runs []figures) (all []time.Duration) {
	for _, k := range takeovers(runs) {
		all = append(all, k.Successor)
	}
	return all
}

func mostSuccessors(runs []figures) (most int) {
	for _, k := range takeovers(runs) {
		most = max(most, k.Successors)
	}
	return most
}

// Table has a row for each contender that did the task on the engine.
func (r *record) Table(engine, name string) string {
	t, _ := taskNamed(name)
	var b strings.Builder
	b.WriteString("| ")
	for _, col := range columns[t.kind] {
		b.WriteString("| " + col.head + " ")
	}
	b.WriteString("|\n|---" + strings.Repeat("|---:", len(columns[t.kind])) + "|\n")
	for _, c := range contenders {
		runs := r.of(engine, c.name, name)
		if c.engine.name != engine || len(runs) == 0 {
			continue
		}
		b.WriteString("| " + c.name)
		for _, col := range columns[t.kind] {
			b.WriteString(" | " + col.cell(runs))
		}
		b.WriteString(" |\n")
	}
	return b.String()
}

// tables are all that there are, as Markdown.
func (r *record) tables() string {
	var b strings.Builder
	for _, e := range []*engine{redisEngine, memcachedEngine} {
		for _, t := range tasks {
			if table := r.Table(e.name, t.Name); strings.Count(table, "\n") > 2 {
				fmt.Fprintf(&b, "### %s, %s\n\n%s\n", e.name, t.Name, table)
			}
		}
	}
	if table := r.Targets(); table != "" {
		fmt.Fprintf(&b, "### targets\n\n%s", table)
	}
	return b.String()
}

// short writes d with three digits that matter at the most.
func short(d time.Duration) string {
	switch {
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d)
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	default:
		return fmt.Sprintf("%.3f s", d.Seconds())
	}
}

func thousands(n float64) string {
	if n < 1e6 {
		return fmt.Sprintf("%.1f k", n/1e3)
	}
	return fmt.Sprintf("%.2f M", n/1e6)
}

//go:embed page.md.tmpl
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// writePage writes docs/bench/fleet.md.
func writePage(w io.Writer, r *record, cs []contender) error {
	type way struct{ Engine, Name, How string }
	ways := make([]way, 0, len(cs))
	for _, c := range cs {
		ways = append(ways, way{c.engine.name, c.name, c.how})
	}
	return pageTemplate.Execute(w, struct {
		*record
		Ways []way
	}{r, ways})
}
