package main

import (
	_ "embed"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"runtime/debug"
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
	Note    string            `json:"note,omitempty"` // what else is to be known of the measurement
	Tries   int               `json:"tries"`          // runs of each at the most
	Figures []figures         `json:"figures"`
}

func newRecord(p plan, tries int) *record {
	return &record{
		Date:    time.Now().UTC().Format(time.DateOnly),
		Machine: fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()),
		Uses:    versions(),
		Plan:    p,
		Tries:   tries,
	}
}

// versions are those of the libraries in this program, and nginx's.
func versions() map[string]string {
	found := make(map[string]string)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			switch m.Path {
			case "golang.org/x/sync", "github.com/maypok86/otter/v2", "github.com/viccon/sturdyc":
				found[m.Path] = m.Version
			}
		}
	}
	if bin, err := findNginx(); err == nil {
		if out, err := exec.Command(bin, "-v").CombinedOutput(); err == nil {
			_, version, _ := strings.Cut(strings.TrimSpace(string(out)), "/")
			found["nginx"] = version
		}
	}
	return found
}

// tables are one for each scenario, as Markdown.
func (r *record) tables() string {
	var b strings.Builder
	for i, sc := range scenarios {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "### %s\n\n%s", titles[sc], r.Table(sc.String()))
	}
	return b.String()
}

var titles = [...]string{
	uncacheable: "An answer that may not be stored",
	failing:     "A source that fails",
	slowLeader:  "A slow leader",
}

// Table is that of one scenario. The last columns are those that this scenario
// is about.
func (r *record) Table(scenario string) string {
	last := map[string]struct {
		head string
		cell func(figures) string
	}{
		uncacheable.String(): {"given to several", func(f figures) string { return fmt.Sprint(f.Shared) }},
		failing.String():     {"errors", func(f figures) string { return fmt.Sprint(f.Burst.Errors + f.Steady.Errors) }},
		slowLeader.String(): {"errors, first + later | first value after", func(f figures) string {
			return fmt.Sprintf("%d + %d | %s", f.Burst.Errors, f.Steady.Errors, short(f.FirstValue))
		}},
	}[scenario]

	var b strings.Builder
	heads := []string{
		"", "first calls: p50", "p99", "max", "source calls",
		"later calls", "p50", "p99", "max", "source calls", "most at once",
		last.head, "machine late", "target",
	}
	head := "| " + strings.Join(heads, " | ") + " |\n"
	b.WriteString(head)
	b.WriteString("|---" + strings.Repeat("|---:", strings.Count(head, "|")-3) + "|---|\n")
	for _, f := range r.Figures {
		if f.Scenario != scenario {
			continue
		}
		cells := []string{f.Contender}
		cells = append(cells, spread(f.Burst)...)
		cells = append(cells, fmt.Sprint(f.Steady.Calls))
		cells = append(cells, spread(f.Steady)...)
		cells = append(cells, fmt.Sprint(f.AtOnce), last.cell(f), short(f.Late), verdict(f))
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.String()
}

func spread(p phase) []string {
	return []string{short(p.Took.P50), short(p.Took.P99), short(p.Took.Max), fmt.Sprint(p.SourceCalls)}
}

// verdict says also how many callers went without an answer where there was
// one to be had, since the targets count only who was answered when.
func verdict(f figures) string {
	errors := f.Burst.Errors + f.Steady.Errors
	switch {
	case len(f.Missed) > 0:
		return "missed: " + strings.Join(f.Missed, ", ")
	case errors > 0 && f.Scenario != failing.String():
		return fmt.Sprintf("met, by %d errors", errors)
	default:
		return "met"
	}
}

// short writes d with three digits that matter at the most, so that a hit and
// a slow load stand in one column.
func short(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < time.Microsecond:
		return "< 1 µs"
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	default:
		return seconds(d)
	}
}

//go:embed page.md.tmpl
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// writePage writes docs/failed-collapse.md.
func writePage(w io.Writer, r *record, cs []contender) error {
	type way struct{ Name, How string }
	ways := make([]way, 0, len(cs))
	for _, c := range cs {
		ways = append(ways, way{c.name, c.how})
	}
	return pageTemplate.Execute(w, struct {
		*record
		Ways []way
	}{r, ways})
}
