package main

import (
	"fmt"
	"math"
	"strings"
)

func cacheTargets() []target {
	var t []target
	for _, n := range []string{"1", "2"} {
		for _, lib := range []string{"onefold", "onefold-result"} {
			t = append(t,
				target{"all hits, goroutines: " + n + ", " + lib, "Hit", "goroutines=" + n, "cpu-ns/op", lib, []string{"otter"}, 0.75},
				target{"the same: allocations", "Hit", "goroutines=" + n, "allocs/op", lib, nil, 0})
		}
	}
	return append(t,
		target{"Zipf 0.99, a tenth has room, free loader", "Zipf", "", "cpu-ns/op", "onefold", []string{"otter"}, 0.85},
		target{"the same: misses (lower is better)", "Zipf", "", "miss-%", "onefold", []string{"otter"}, 1},
		target{"GetMany of 100, 90 hits, a request's context", "Many", "ctx=request", "cpu-ns/op", "onefold", []string{"loop"}, 0.6},
		target{"the same, a context without end", "Many", "ctx=background", "cpu-ns/op", "onefold", []string{"loop"}, 0.6},
		target{"the same: calls of the source", "Many", "ctx=request", "loads/op", "onefold", nil, 1},
		target{"memory of an entry, int64 key, 100 bytes", "Memory", "", "B/entry", "onefold", []string{"otter"}, 1.15},
		target{"a far tier's hit fills the near one: time beyond the tier's 40 µs", "FarHit", "ctx=background/tier=40us", "added-ns", "onefold", nil, 3000},
		target{"the same, a request's context", "FarHit", "ctx=request/tier=40us", "added-ns", "onefold", nil, 3000})
}

// reportCaches gives the tables of the page of caches.
func reportCaches(f figures) string {
	var b strings.Builder
	f.verdicts(&b, cacheTargets())
	f.allMedians(&b, []group{
		{"Hit", "cpu-ns/op ns/op B/op allocs/op"}, {"Zipf", "cpu-ns/op hit-% ns/op B/op allocs/op"},
		{"Many", "cpu-ns/op loads/op B/op allocs/op"}, {"Memory", "B/entry"},
		{"FarHit", "added-ns cpu-ns/op near-% B/op allocs/op"},
		{"Scale", "cpu-ns/op ns/op"}, {"Procs", "cpu-ns/op ns/op"},
	})
	return b.String()
}

// drawScale draws what a hit costs by the number of entries, and by GOMAXPROCS.
func drawScale(f figures) (name, svg string) {
	var b strings.Builder
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" width="860" height="330" font-family="sans-serif" font-size="12">` +
		"\n<rect width=\"860\" height=\"330\" fill=\"white\"/>\n")
	sizes := []string{"1000", "10000", "100000", "1000000", "10000000"}
	f.draw(&b, 50, "a hit, by entries", "Scale", "entries=", sizes, []string{"10³", "10⁴", "10⁵", "10⁶", "10⁷"})
	procs := []string{"1", "2", "4", "8"}
	f.draw(&b, 480, "a hit, by GOMAXPROCS", "Procs", "procs=", procs, procs)
	b.WriteString("</svg>\n")
	return "cache-scale.svg", b.String()
}

// draw draws one chart, its left edge at x: the least of all passes for each
// case, in processor time.
func (f figures) draw(b *strings.Builder, x int, title, bench, prefix string, cases, labels []string) {
	const width, height, top = 340, 220, 50
	libs := []struct{ name, color string }{{"otter", "#c05020"}, {"onefold", "#2050a0"}}
	most := 1.0
	for _, lib := range libs {
		for _, c := range cases {
			most = max(most, least(f.of(bench, lib.name, prefix+c, "cpu-ns/op")))
		}
	}
	step := math.Pow(10, math.Floor(math.Log10(most)))
	if most/step < 3 {
		step /= 2
	}
	scale := math.Ceil(most/step) * step
	fmt.Fprintf(b, "<text x=\"%d\" y=\"24\" font-size=\"14\">%s: processor time, ns</text>\n", x, title)
	for v := 0.0; v <= scale; v += step {
		y := top + height - v/scale*height
		fmt.Fprintf(b, "<path d=\"M%d %.1fh%d\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.0f</text>\n", x, y, width, x-6, y+4, v)
	}
	at := func(i int) int { return x + 20 + i*(width-40)/(len(cases)-1) }
	for i, label := range labels {
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", at(i), top+height+18, label)
	}
	for l, lib := range libs {
		var line []string
		for i, c := range cases {
			if v := least(f.of(bench, lib.name, prefix+c, "cpu-ns/op")); v > 0 {
				line = append(line, fmt.Sprintf("%d,%.1f", at(i), top+height-v/scale*height))
			}
		}
		fmt.Fprintf(b, "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", strings.Join(line, " "), lib.color)
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" fill=\"%s\">%s</text>\n", x+20+l*80, top+height+42, lib.color, lib.name)
	}
}

// least gives the least of v, or 0 when there is none.
func least(v []float64) float64 {
	best := 0.0
	for i, x := range v {
		if i == 0 || x < best {
			best = x
		}
	}
	return best
}
