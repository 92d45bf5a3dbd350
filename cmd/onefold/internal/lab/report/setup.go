package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

// A fact is one line of what was run, and where.
type fact struct{ name, value string }

// facts lists the setup of a run, without what was left off.
func facts(r *figures.Report) []fact {
	s, m := r.Setup, r.Machine
	var out []fact
	add := func(name string, parts ...string) {
		var given []string
		for _, p := range parts {
			if p != "" {
				given = append(given, p)
			}
		}
		if len(given) > 0 {
			out = append(out, fact{name, strings.Join(given, ", ")})
		}
	}
	atMost := ""
	if s.Limit > 0 {
		atMost = "at most " + plural(int64(s.Limit), "load", "loads") + " at once"
	}
	alone := ""
	if s.LoadTime > 0 {
		alone = "one load alone takes " + duration(s.LoadTime)
	}
	add("source", s.Source, alone, atMost)
	calls := ""
	if s.Calls > 0 {
		calls = plural(int64(s.Calls), "call", "calls") + " of " + plural(int64(s.Keys), "key", "keys")
	}
	add("stream", s.Stream, calls, given("over ", s.Duration))
	processes, far := "", ""
	if s.Processes > 1 {
		processes = plural(int64(s.Processes), "process", "processes") + " share the calls, each with a cache of its own"
	}
	if s.Far != "" {
		far = "far tier " + s.Far + " where a strategy can use one"
	}
	add("cache", given("TTL ", s.TTL), processes, far)
	add("trouble", trouble(s)...)
	repeats := ""
	if s.Repeat > 1 {
		repeats = fmt.Sprintf("%d runs a strategy: medians, and sums of errors and wrong answers", s.Repeat)
	}
	add("run", "seed "+strconv.FormatUint(s.Seed, 10), repeats)
	cpus := ""
	if m.CPUs > 0 {
		cpus = plural(int64(m.CPUs), "CPU", "CPUs")
	}
	add("machine", m.Model, cpus, strings.Trim(m.OS+"/"+m.Arch, "/"), m.Go)
	return out
}

// trouble says what was done to the callers and to the source.
func trouble(s figures.Setup) []string {
	var out []string
	share := func(p float64, text string) {
		if p != 0 {
			out = append(out, setting(100*p)+"% "+text)
		}
	}
	if s.Timeout > 0 {
		out = append(out, "callers wait at most "+s.Timeout.String())
	}
	share(s.Cancel, "of callers give up")
	if s.Invalidate != 0 {
		out = append(out, setting(s.Invalidate)+" writes a second, each invalidates")
	}
	share(s.Fail, "of loads fail")
	share(s.Slow, "of loads are slower by "+s.SlowBy.String())
	return out
}

// given writes a duration behind its words, or nothing when it is 0. A stream
// lasts a little less than what was asked for: four figures are enough.
func given(words string, d time.Duration) string {
	if d == 0 {
		return ""
	}
	unit := time.Duration(1)
	for unit < d/10_000 {
		unit *= 10
	}
	return words + d.Round(unit).String()
}

// setting writes a number as it was given, not as it was measured.
func setting(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }

// Setup writes what is run, and where: a line each, before the table.
func Setup(w io.Writer, r *figures.Report, opts TableOptions) error {
	p := newPrinter(opts)
	p.definitions(facts(cleaned(r)), quiet)
	_, err := io.WriteString(w, p.String())
	return err
}
