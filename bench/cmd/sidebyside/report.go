package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/onefold-go/onefold/bench/internal/peers"
)

// Figures are what the benchmarks came to: name without processors, unit, and
// then a value for each pass.
type figures map[string]map[string][]float64

func parse(raw string) figures {
	all := make(figures)
	for line := range strings.Lines(raw) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(f[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i >= 0 {
			if _, err := strconv.Atoi(name[i+1:]); err == nil {
				name = name[:i]
			}
		}
		if all[name] == nil {
			all[name] = make(map[string][]float64)
		}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil {
				all[name][f[i+1]] = append(all[name][f[i+1]], v)
			}
		}
	}
	return all
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// of gives the figures of one library.
func (f figures) of(bench, lib, rest, unit string) []float64 {
	name := bench + "/lib=" + lib
	if rest != "" {
		name += "/" + rest
	}
	return f[name][unit]
}

// A target is what the figures are held against.
type target struct {
	what              string
	bench, rest, unit string
	ours              string
	against           []string // the best of those that are ranked; nil: bound is the figure itself
	bound             float64
}

var (
	generic = []string{"samber", "samber-sharded", "tailscale", "resenje"}
	leaving = []string{"xsync-chan", "tailscale-chan", "resenje"}
)

func targets() []target {
	t := []target{
		{"uncontended, context without end, int", "UncontendedBackground", "key=int", "cpu-ns/op", "onefold", generic, 0.7},
		{"uncontended, context without end, string", "UncontendedBackground", "key=string", "cpu-ns/op", "onefold", append([]string{"xsync", "gozero"}, generic...), 0.7},
		{"the same, int: allocations", "UncontendedBackground", "key=int", "allocs/op", "onefold", nil, 1},
		{"the same, string: allocations", "UncontendedBackground", "key=string", "allocs/op", "onefold", nil, 1},
		{"uncontended, cancellable, string", "UncontendedCancellable", "key=string", "cpu-ns/op", "onefold", leaving, 0.5},
		{"the same, int", "UncontendedCancellable", "key=int", "cpu-ns/op", "onefold", leaving[1:], 0.5},
		{"the same, string: allocations", "UncontendedCancellable", "key=string", "allocs/op", "onefold", nil, 3},
	}
	for _, n := range []string{"64", "1024", "16384"} {
		t = append(t,
			target{"wave of " + n + ": last wake", "Wave", "callers=" + n, "wake-ns", "onefold", []string{"xsync"}, 1.05},
			target{"wave of " + n + ": a waiter's bytes", "Wave", "callers=" + n, "B/waiter", "onefold", nil, 16},
			target{"wave of " + n + ": goroutines", "Wave", "callers=" + n, "goroutines", "onefold", nil, 1})
	}
	for _, n := range []string{"1", "2", "8"} {
		t = append(t,
			target{"hot keys, GOMAXPROCS " + n + ": processor time", "Zipf", "procs=" + n, "cpu-ns/op", "onefold", []string{"xsync"}, 1},
			target{"hot keys, GOMAXPROCS " + n + ": p99", "Zipf", "procs=" + n, "p99-ns", "onefold", []string{"xsync"}, 1})
	}
	t = append(t,
		target{"drop-in, uncontended", "DropIn", "key=string", "cpu-ns/op", "onefold-dropin", []string{"xsync"}, 1},
		target{"future: hit, an atomic load in line", "FutureHit", "", "cpu-ns/op", "onefold", []string{"floor-inlined"}, 2},
		target{"future: hit, an atomic load behind a call", "FutureHit", "", "cpu-ns/op", "onefold", []string{"floor"}, 2})
	for _, n := range []string{"2", "4", "8"} {
		t = append(t, target{"memo: hit, one ctx.Value " + n + " contexts down", "MemoHit", "depth=" + n, "cpu-ns/op", "onefold", []string{"floor"}, 3})
	}
	return append(t,
		target{"keyed mutex, free key, a map that leaks nothing", "KeymutexFree", "", "cpu-ns/op", "onefold", []string{"counted-map"}, 1},
		target{"keyed mutex, free key, a map that leaks", "KeymutexFree", "", "cpu-ns/op", "onefold", []string{"leaky-map"}, 1})
}

// best gives the fastest of t's peers; one that answers wrongly only where all
// do.
func (f figures) best(t target) (lib string, ranked bool) {
	wrong := make(map[string]bool)
	for _, p := range peers.Marked() {
		wrong[p.Name] = p.Wrong() != ""
	}
	least := math.Inf(1)
	for _, l := range t.against {
		m := median(f.of(t.bench, l, t.rest, t.unit))
		better := m < least && wrong[l] == wrong[lib]
		if !math.IsNaN(m) && (lib == "" || better || wrong[lib] && !wrong[l]) {
			lib, least = l, m
		}
	}
	return lib, !wrong[lib]
}

// verdict gives t's line of the table.
func (f figures) verdict(t target) string {
	ours := f.of(t.bench, t.ours, t.rest, t.unit)
	lib, theirs, figure := "", "", median(ours)
	if t.against != nil {
		best, ranked := f.best(t)
		lib = best
		if !ranked {
			lib += " (answers wrongly, and so do all)"
		}
		// Within each pass, since the machine is not the same in all.
		other := f.of(t.bench, best, t.rest, t.unit)
		var ratios []float64
		for i := range min(len(ours), len(other)) {
			ratios = append(ratios, ours[i]/other[i])
		}
		figure, theirs = median(ratios), number(median(other))
	}
	met := "**no**"
	if figure <= t.bound {
		met = "yes"
	}
	ratio := ""
	if t.against != nil {
		ratio = fmt.Sprintf("%.2f", figure)
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | ≤ %v | %s |\n", t.what, t.unit, number(median(ours)), lib, theirs, ratio, t.bound, met)
}

// report gives the tables.
func report(f figures) string {
	var b strings.Builder
	f.verdicts(&b, targets())
	f.allMedians(&b, []group{
		{"UncontendedBackground", "cpu-ns/op ns/op B/op allocs/op"},
		{"UncontendedCancellable", "cpu-ns/op ns/op B/op allocs/op"},
		{"Wave", "wake-ns wake-cpu-ns B/waiter goroutines"},
		{"Zipf", "cpu-ns/op p50-ns p99-ns B/op"},
		{"DropIn", "cpu-ns/op ns/op B/op allocs/op"},
		{"FutureHit", "cpu-ns/op ns/op"}, {"MemoHit", "cpu-ns/op ns/op"}, {"KeymutexFree", "cpu-ns/op ns/op"}, {"KeymutexOneKey", "cpu-ns/op ns/op"},
	})
	return b.String()
}

// verdicts writes the table of targets.
func (f figures) verdicts(b *strings.Builder, all []target) {
	b.WriteString("### Targets\n\n| work | unit | ours | held against | theirs | ratio | target | met |\n|---|---|---:|---|---:|---:|---|---|\n")
	for _, t := range all {
		b.WriteString(f.verdict(t))
	}
}

// A group is a table of medians.
type group struct{ bench, units string }

func (f figures) allMedians(b *strings.Builder, groups []group) {
	b.WriteString("\n### Medians\n")
	for _, g := range groups {
		f.medians(b, g.bench, strings.Fields(g.units))
	}
}

// medians writes a table of one benchmark: a line for each case and library.
func (f figures) medians(b *strings.Builder, bench string, units []string) {
	fmt.Fprintf(b, "\n| %s | | %s |\n|---|---|%s\n", bench, strings.Join(units, " | "), strings.Repeat("---:|", len(units)))
	type line struct{ rest, lib string }
	var lines []line
	for name := range maps.Keys(f) {
		if after, ok := strings.CutPrefix(name, bench+"/lib="); ok {
			lib, rest, _ := strings.Cut(after, "/")
			lines = append(lines, line{rest, lib})
		}
	}
	slices.SortFunc(lines, func(x, y line) int {
		if c := order(x.rest) - order(y.rest); c != 0 {
			return c
		}
		if c := strings.Compare(x.rest, y.rest); c != 0 {
			return c
		}
		mx, my := median(f.of(bench, x.lib, x.rest, units[0])), median(f.of(bench, y.lib, y.rest, units[0]))
		if mx != my {
			return int(math.Copysign(1, mx-my))
		}
		return strings.Compare(x.lib, y.lib)
	})
	for _, l := range lines {
		fmt.Fprintf(b, "| %s | %s |", l.rest, l.lib)
		for _, u := range units {
			fmt.Fprintf(b, " %s |", number(median(f.of(bench, l.lib, l.rest, u))))
		}
		b.WriteString("\n")
	}
}

// order gives the number at the end of a case, so that 64 is before 1024.
func order(rest string) int {
	_, n, _ := strings.Cut(rest, "=")
	i, _ := strconv.Atoi(n)
	return i
}

func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v >= 100 || v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}
