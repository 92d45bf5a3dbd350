package page

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/sim"
)

// A figure is a plot, what it shows, and the same in a table; or why there is
// none.
type figure struct {
	ID, Title, Lede string
	SVG             template.HTML
	Key             []keyEntry
	Table           table
	Missing         string // why there is no plot
}

type keyEntry struct {
	Sample     template.HTML
	Name, Says string
}

// An armStyle is how an arm's line is named and drawn, the same in all figures.
type armStyle struct {
	name  string
	style int
}

var armStyles = map[string]armStyle{
	"direct":                        {"no cache", 0},
	"coalescing":                    {"shared", 3},
	"cache":                         {"cache", 1},
	"cache+jitter":                  {"jitter", 2},
	"cache+coalescing":              {"shared", 3},
	"cache+coalescing+jitter":       {"both", 4},
	"cache+coalescing+jitter+early": {"early", 5},
	"cache+coalescing+jitter+bound": {"bounded", 5},
	"cache+coalescing+jitter+stale": {"stale", 5},
	"herd":                          {"herd", 1},
	"herd+jitter":                   {"jittered", 2},
	"current":                       {"today", 6},
}

func styleOf(a *advise.Arm) armStyle {
	if s, ok := armStyles[a.ID]; ok {
		return s
	}
	return armStyle{"other", 7}
}

// A chosen is the arms that figures show: too many lines hide each other.
type chosen struct {
	direct, base, shares *advise.Arm // without a cache base is direct
	herd, jittered       *advise.Arm
	advised, today       *advise.Arm // nil where they are none, or one of the others
}

func choose(r *advise.Report) chosen {
	find := func(id string) *advise.Arm {
		if i := slices.IndexFunc(r.Arms, func(a advise.Arm) bool { return a.ID == id }); i >= 0 {
			return &r.Arms[i]
		}
		return nil
	}
	c := chosen{
		direct: find("direct"), base: find("cache"), shares: find("cache+coalescing"),
		herd: find("herd"), jittered: find("herd+jitter"), today: find("current"),
	}
	if c.base == nil {
		c.base, c.shares = c.direct, find("coalescing")
	}
	if len(r.Watch) > 0 {
		if a := find(r.Watch[0].Arm); a != nil && a != c.base && a != c.shares && a != c.direct {
			c.advised = a
		}
	}
	return c
}

func arms(list ...*advise.Arm) []*advise.Arm {
	var out []*advise.Arm
	for _, a := range list {
		if a != nil && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

func names(list []*advise.Arm) []string {
	var out []string
	for _, a := range list {
		out = append(out, styleOf(a).name)
	}
	return out
}

func key(list []*advise.Arm) []keyEntry {
	var out []keyEntry
	for _, a := range list {
		s := styleOf(a)
		e := keyEntry{sample(s.style), s.name, a.Says}
		if e.Says == e.Name {
			e.Says = ""
		}
		out = append(out, e)
	}
	return out
}

// nothing says why a report has no figures at all; empty where it has some.
func nothing(r *advise.Report) string {
	switch {
	case r.Input.NoTimes:
		return "the records have no times, so that what overlaps is not known"
	case r.Trace.Requests == 0:
		return "there is no request in the records"
	case choose(r).base == nil:
		return "the report has no arm that is known here"
	}
	return ""
}

// steps is about how many steps a line over time has.
const steps = 72

// over puts a course into about that many steps, of up to the span. rate has the
// sum of a step a second, otherwise it is the most in it. The last point ends the
// last step.
func over(c advise.Course, values []int64, span time.Duration, rate bool) []point {
	if c.Width <= 0 || len(values) == 0 {
		return nil
	}
	span = max(span, c.Width)
	n := min(len(values), int((span+c.Width-1)/c.Width))
	each := (n + steps - 1) / steps
	var out []point
	for i := 0; i < n; i += each {
		end := min(i+each, n)
		if n-end < (each+1)/2 { // what is left is too little for a step of its own
			end = n
		}
		from, to := time.Duration(i)*c.Width, min(time.Duration(end)*c.Width, span)
		v := 0.0
		for _, x := range values[i:end] {
			if rate {
				v += float64(x) / max(to-from, 1).Seconds()
			} else {
				v = max(v, float64(x))
			}
		}
		out = append(out, point{float64(from), v})
		if end == n {
			return append(out, point{float64(to), v})
		}
	}
	return out
}

// overTime draws lines of arms over the time of the trace.
func overTime(f figure, yName string, list []*advise.Arm, lines [][]point, limit float64, mark func(*plot) string, what string, whole bool) figure {
	var high, most, end float64
	low := math.Inf(1)
	for _, l := range lines {
		top := 0.0
		for _, p := range l {
			top, end = max(top, p.y), max(end, p.x)
		}
		most = max(most, top)
		low = min(low, max(top, 0.1))
	}
	high = max(most, 1e-3)
	if whole {
		high = max(most*1.08, 1) // room above the peak
	}
	said := ""
	if limit > 0 {
		said = fmt.Sprintf("The source's limit is %s %s.", number(limit), what)
		if limit <= 4*high {
			high = max(high, limit)
		} else {
			f.Lede += " " + said + " That is above the plot."
		}
	}
	y := axis{name: yName, high: high, write: brief, whole: whole}
	if high > 8*low {
		y.warp, y.name = root, yName+" (root scale)"
	}
	p := newPlot(f.ID, f.Title, axis{name: "time since the first request", high: max(end, 1), write: nanos, times: true}, y, names(list)...)
	for i, a := range list {
		s := styleOf(a)
		p.line(s.style, s.name, true, lines[i])
	}
	if limit > 0 {
		p.level(limit, "limit "+brief(limit))
	}
	desc := []string{said}
	if mark != nil {
		desc = append(desc, mark(p))
	}
	f.Table = table{Caption: f.Title, Columns: []column{{"from", num}}}
	for i, a := range list {
		top := point{}
		for _, q := range lines[i] {
			if q.y > top.y {
				top = q
			}
		}
		desc = append(desc, fmt.Sprintf("%s: at most %s %s, from %s on.", styleOf(a).name, number(top.y), what, nanos(top.x)))
		f.Table.Columns = append(f.Table.Columns, column{styleOf(a).name, num})
	}
	for i := 0; i+1 < len(lines[0]); i++ {
		row := []string{nanos(lines[0][i].x)}
		for _, l := range lines {
			if i < len(l) {
				row = append(row, number(l[i].y))
			} else {
				row = append(row, "0")
			}
		}
		f.Table.Rows = append(f.Table.Rows, row)
	}
	f.SVG, f.Key = p.done(sentences(desc)), key(list)
	return f
}

// sentences puts those that say something behind each other.
func sentences(list []string) string {
	return strings.TrimSpace(strings.Join(list, " "))
}

func loadsOverTime(r *advise.Report, c chosen) figure {
	f := figure{
		ID: "loads", Title: "Loads a second over time",
		Lede: "What the source is asked, for each way to serve the same requests. Without a cache every request is a load.",
	}
	if f.Missing = nothing(r); f.Missing != "" {
		return f
	}
	list := arms(c.direct, c.base, c.shares, c.advised, c.today)
	var lines [][]point
	for _, a := range list {
		lines = append(lines, over(a.Course, a.Course.Loads, r.Trace.Span, true))
	}
	if len(lines[0]) == 0 {
		f.Missing = "the report has no course over time"
		return f
	}
	return overTime(f, "loads/s", list, lines, r.Policy.Source.MaxRPS, nil, "loads a second", false)
}

func inFlight(r *advise.Report, c chosen) figure {
	f := figure{
		ID: "inflight", Title: "Loads in flight",
		Lede: "The most loads at once in each step of time. A ring marks the peak of each line: bursts, not averages, break sources.",
	}
	if f.Missing = nothing(r); f.Missing != "" {
		return f
	}
	if r.Method.PeakIsScaled {
		f.Lede += " Not every key was followed, so the part of keys that are not frequent is estimated from a sample."
	}
	return atOnce(r, f, arms(c.base, c.shares, c.advised, c.today))
}

func herds(r *advise.Report, c chosen) figure {
	f := figure{
		ID: "herd", Title: "If all keys expired at once",
		Lede: "Loads in flight when the values of all keys were stored at one instant, as after a deploy or a flush: with one TTL for all, and with TTLs spread. Only jitter helps against this; sharing loads does not.",
	}
	switch f.Missing = nothing(r); {
	case f.Missing != "":
		return f
	case r.Policy.Forever:
		f.Missing = "there is no limit of freshness, so that nothing expires"
		return f
	case r.Policy.TTL == 0:
		f.Missing = "values may not be kept, so that nothing expires"
		return f
	case c.herd == nil || c.jittered == nil:
		f.Missing = "the trace is too short for values to expire in it"
		return f
	}
	return atOnce(r, f, arms(c.herd, c.jittered))
}

// atOnce draws loads in flight, and a ring at each peak.
func atOnce(r *advise.Report, f figure, list []*advise.Arm) figure {
	var lines [][]point
	for _, a := range list {
		lines = append(lines, over(a.Course, a.Course.InFlight, max(r.Trace.Span, a.PeakAt+1), false))
	}
	if len(lines[0]) == 0 {
		f.Missing = "the report has no course over time"
		return f
	}
	return overTime(f, "loads at once", list, lines, float64(r.Policy.Source.MaxConcurrent), func(p *plot) string {
		var desc []string
		for _, a := range list {
			s := styleOf(a)
			desc = append(desc, fmt.Sprintf("The peak of %s is %s, at %s.", s.name, whole(a.Peak), duration(a.PeakAt)))
			same := slices.DeleteFunc(slices.Clone(list), func(b *advise.Arm) bool { return b.Peak != a.Peak || b.PeakAt != a.PeakAt })
			text := "" // where another's stands at the ring
			if same[0] == a {
				text = strings.Join(names(same), ", ") + " " + brief(float64(a.Peak))
			}
			p.note(s.style, float64(a.PeakAt), float64(a.Peak), text)
		}
		return sentences(desc)
	}, "loads at once", true)
}

func concurrency(r *advise.Report, c chosen) figure {
	f := figure{
		ID: "concurrency", Title: "Concurrency of misses",
		Lede: "Loads that callers wait for, by how many of the same key are then in flight: all but the first bar could have been shared.",
	}
	if f.Missing = nothing(r); f.Missing != "" {
		return f
	}
	if c.base.TTL == 0 {
		f.Lede += " This is without a cache."
	} else {
		f.Lede += " This is the cache without coalescing."
	}
	bars := c.base.Concurrency
	if len(bars) == 0 {
		f.Missing = "no caller waits for a load"
		return f
	}
	if len(bars) > 16 { // from 5 on by powers of two
		var few []advise.Bar
		for _, b := range bars {
			if n := len(few); n > 0 && b.Least > 5 && b.Least&(b.Least-1) != 1 && b.Most <= 16 && b.Least != 9 {
				few[n-1].Most = b.Most
				few[n-1].Loads += b.Loads
				continue
			}
			few = append(few, b)
		}
		bars = few
	}
	var sum, most int64
	for _, b := range bars {
		sum += b.Loads
		most = max(most, b.Loads)
	}
	label := func(b advise.Bar) string {
		if b.Least == b.Most {
			return whole(int64(b.Least))
		}
		return brief(float64(b.Least)) + "-" + brief(float64(b.Most))
	}
	x := axis{name: "loads of the key in flight, this one included", high: float64(len(bars)), write: func(v float64) string { return label(bars[min(int(v), len(bars)-1)]) }}
	f.Table = table{Caption: f.Title, Columns: []column{{"in flight", num}, {"loads", num}, {"share", num}}}
	for i, b := range bars {
		x.ticks = append(x.ticks, float64(i)+0.5)
		f.Table.Rows = append(f.Table.Rows, []string{label(b), whole(b.Loads), percent(float64(b.Loads) / float64(max(sum, 1)))})
	}
	y := axis{name: "loads", high: float64(max(most, 1)) * 1.1, write: brief, whole: true}
	if last := bars[len(bars)-1].Loads; float64(most) > 20*float64(max(last, 1)) {
		y.warp, y.name = root, "loads (root scale)"
	}
	p := newPlot(f.ID, f.Title, x, y)
	for i, b := range bars {
		p.bar(styleOf(c.base).style, float64(i)+0.12, float64(i)+0.88, float64(b.Loads), brief(float64(b.Loads)))
	}
	alone := int64(0)
	if bars[0].Most == 1 {
		alone = bars[0].Loads
	}
	f.SVG = p.done(fmt.Sprintf("Of %s loads, %s were alone for their key; the most at once were %d of one key.", whole(sum), whole(alone), bars[len(bars)-1].Most))
	return f
}

// beyond is the share of requests that take longer than d.
func beyond(points []sim.Point, d time.Duration) float64 {
	i, _ := slices.BinarySearchFunc(points, d, func(p sim.Point, d time.Duration) int { return int(min(max(p.At-d, -1), 1)) })
	if i == len(points) {
		return 0
	}
	return points[i].Share
}

func latency(r *advise.Report, c chosen) figure {
	f := figure{
		ID: "latency", Title: "How long callers wait",
		Lede: "The share of requests that take longer than a time; lower and further left is better. Both axes are logarithmic. Hits take no time and are not on the plot.",
	}
	if f.Missing = nothing(r); f.Missing != "" {
		return f
	}
	slo := r.Policy.SLO
	if slo.Limit > 0 {
		f.Lede += fmt.Sprintf(" The SLO is kept where a line passes left of the cross of the two SLO lines, which stand at %s and at %s of requests.", duration(slo.Limit), percent(1-slo.Quantile))
	} else {
		f.Lede += " No SLO was stated, so that there is no line for it."
	}
	list := slices.DeleteFunc(arms(c.direct, c.base, c.shares, c.advised, c.today), func(a *advise.Arm) bool { return len(a.Beyond) == 0 })
	low, high, least := waits(list)
	if high == 0 {
		f.Missing = "no request waits in any arm"
		return f
	}
	if slo.Limit > 0 {
		low, high, least = min(low, float64(slo.Limit)), max(high, float64(slo.Limit)), min(least, 1-slo.Quantile)
	}
	low, least = max(low, high/1e6), max(least/2, 1e-8)
	p := newPlot(f.ID, f.Title, axis{name: "longer than", warp: logarithmic, low: low, high: high * 1.05, write: nanos, times: true},
		axis{name: "share of requests", warp: logarithmic, low: least, high: 1, write: percent}, names(list)...)
	if slo.Limit > 0 {
		p.upright(float64(slo.Limit), "SLO "+duration(slo.Limit))
		p.level(1-slo.Quantile, "")
	}
	var desc []string
	f.Table = table{Caption: f.Title, Columns: []column{{"longer than", num}}}
	for _, a := range list {
		s := styleOf(a)
		p.line(s.style, s.name, false, p.tail(a.Beyond, low, least))
		says := fmt.Sprintf("%s: median %s, p99 %s, p99.9 %s", s.name, duration(a.P50), duration(a.P99), duration(a.P999))
		if slo.Limit > 0 {
			says += ", over the SLO " + percent(a.OverSLO.Value)
		}
		desc = append(desc, says+".")
		f.Table.Columns = append(f.Table.Columns, column{s.name, num})
	}
	for _, d := range decades(low/2, high, true, 1, 2, 5) {
		row := []string{nanos(d)}
		for _, a := range list {
			row = append(row, percent(beyond(a.Beyond, time.Duration(d))))
		}
		f.Table.Rows = append(f.Table.Rows, row)
	}
	f.SVG, f.Key = p.done(sentences(desc)), key(list)
	return f
}

// waits gives the times between which lines of arms go down, and the least share
// above none; high is zero where nobody waits.
func waits(list []*advise.Arm) (low, high, least float64) {
	low, least = math.Inf(1), 1
	for _, a := range list {
		before := math.Inf(1)
		for _, p := range a.Beyond {
			if p.At > 0 && p.Share > 0 {
				high, least = max(high, float64(p.At)), min(least, p.Share)
				if p.Share > 0.995*a.Beyond[0].Share {
					before = float64(p.At) // the line is flat up to here
				}
			}
		}
		low = min(low, max(before/2, 1))
	}
	return low, high, least
}

// tail is the line of an arm: on the left all that wait are beyond, on the right
// nobody. Points nearer to each other than can be seen are left out.
func (p *plot) tail(points []sim.Point, low, least float64) []point {
	var line []point
	for i, q := range points {
		x := float64(q.At)
		if x < low || !(q.Share > 0) {
			continue
		}
		if n := len(line); n > 1 && i < len(points)-1 && p.x.at(x)-p.x.at(line[n-1].x) < 1.5 {
			continue
		}
		line = append(line, point{x, q.Share})
	}
	if len(line) == 0 {
		return nil
	}
	first, last := point{low, line[0].y}, point{line[len(line)-1].x, least}
	return append(slices.Insert(line, 0, first), last)
}

// breakEven draws what coalescing saves as one thing changes.
func breakEven(r *advise.Report, kind string) figure {
	words := map[string]struct {
		title, axis string
		write       func(float64) string
		of          func(advise.Spot) float64
	}{
		"loader": {"If loads took longer or shorter", "mean time of a load", nanos, func(s advise.Spot) float64 { return float64(s.At) }},
		"rate":   {"If there were more or fewer requests", "requests a second", brief, func(s advise.Spot) float64 { return s.Rate }},
		"ttl":    {"If the TTL were longer or shorter", "TTL", nanos, func(s advise.Spot) float64 { return float64(s.At) }},
	}[kind]
	f := figure{ID: "even-" + kind, Title: words.title}
	if f.Missing = nothing(r); f.Missing != "" {
		return f
	}
	at := slices.IndexFunc(r.Curves, func(c advise.Curve) bool { return c.Over == kind })
	switch {
	case kind == "rate" && r.Trace.RateUnknown:
		f.Missing = "the trace has no length, so that there is no rate"
		return f
	case at >= 0 && len(r.Curves[at].Points) > 0:
	case kind == "ttl" && r.Policy.Forever:
		f.Missing = "there is no limit of freshness, so that there is no TTL to change"
		return f
	case kind == "ttl" && r.Policy.TTL == 0:
		f.Missing = "values may not be kept, so that there is no TTL"
		return f
	default:
		f.Missing = "the report has no such curve"
		return f
	}
	curve, threshold := r.Curves[at], r.Thresholds.SavedShare
	now := -1.0
	x := axis{name: words.axis, warp: logarithmic, low: math.Inf(1), write: words.write, times: kind != "rate"}
	y := axis{name: "share of loads saved", high: 1.5 * threshold, write: percent}
	f.Table = table{Caption: f.Title, Columns: []column{{words.axis, num}, {"times", num}, {"saved", num}, {"loads/s", num}, {"with coalescing", num}, {"peak", num}, {"hit ratio", num}}}
	var line []point
	for _, s := range curve.Points {
		v := words.of(s)
		f.Table.Rows = append(f.Table.Rows, []string{words.write(v), number(s.Times), percent(s.Saved), rated(r, s.Plain, number), rated(r, s.Both, number), whole(s.Peak), percent(s.Hits)})
		if !(v > 0) || !finite(v) || !finite(s.Saved) {
			continue
		}
		line = append(line, point{v, s.Saved})
		x.low, x.high, y.low, y.high = min(x.low, v), max(x.high, v), min(y.low, s.Saved), max(y.high, s.Saved)
		if s.Times == 1 {
			now = v
		}
	}
	if len(line) == 0 {
		f.Missing = map[string]string{"loader": "loads take no time", "rate": "the trace has no length, so that there is no rate to change", "ttl": "the TTL is zero"}[kind]
		return f
	}
	y.high = min(y.high*1.15, max(1, y.high))
	p := newPlot(f.ID, f.Title, x, y)
	p.level(threshold, "threshold "+percent(threshold))
	if now > 0 {
		p.upright(now, "now")
	}
	p.line(4, "", false, line)
	p.ends = nil
	for _, q := range line {
		p.marker(4, p.x.at(q.x), p.y.at(q.y))
	}
	desc := fmt.Sprintf("Coalescing saves from %s of the loads at %s to %s at %s. ",
		percent(line[0].y), words.write(line[0].x), percent(line[len(line)-1].y), words.write(line[len(line)-1].x))
	if curve.Even > 0 && now > 0 {
		f.Lede = fmt.Sprintf("Coalescing saves %s of the loads at %s, which is %s times what the trace has.", percent(threshold), words.write(now*curve.Even), number(curve.Even))
		p.note(3, now*curve.Even, threshold, words.write(now*curve.Even))
	} else {
		above := "less than"
		if line[0].y >= threshold {
			above = "at least"
		}
		f.Lede = fmt.Sprintf("Coalescing saves %s %s of the loads at every point.", above, percent(threshold))
	}
	f.SVG = p.done(desc + f.Lede)
	return f
}

func heat(r *advise.Report) figure {
	f := figure{
		ID: "heat", Title: "Hit ratio by TTL and capacity",
		Lede: "In percent, of a cache that drops the least recently used value. The stronger the shade, the more.",
	}
	if f.Missing = nothing(r); f.Missing != "" {
		return f
	}
	m := r.HeatMap
	if len(m.HitRatio) == 0 || len(m.Entries) == 0 || len(m.HitRatio) != len(m.TTLs) {
		f.Missing = "the report has no heat map"
		return f
	}
	if r.Policy.TTL == 0 && !r.Policy.Forever {
		f.Lede += " Values may not be kept: this is what keeping them would give."
	}
	var columns []int // as many as there is room for, with the last
	every := (len(m.Entries) + 9) / 10
	for j := (len(m.Entries) - 1) % every; j < len(m.Entries); j += every {
		columns = append(columns, j)
	}
	rows := len(m.TTLs)
	ttl := func(i int) string {
		if m.TTLs[i] == r.Policy.TTL || m.TTLs[i] == sim.Forever && r.Policy.Forever {
			return "▸ " + duration(m.TTLs[i])
		}
		return duration(m.TTLs[i])
	}
	x := axis{name: "values that a cache has room for", high: float64(len(columns)), write: func(v float64) string { return brief(float64(m.Entries[columns[min(int(v), len(columns)-1)]])) }}
	y := axis{name: "TTL", high: float64(rows), write: func(v float64) string { return ttl(min(int(v), rows-1)) }}
	for j := range columns {
		x.ticks = append(x.ticks, float64(j)+0.5)
	}
	f.Table = table{Caption: f.Title, Columns: []column{{"TTL", num}}}
	for _, n := range m.Entries {
		f.Table.Columns = append(f.Table.Columns, column{whole(n), num})
	}
	for i := range m.TTLs {
		y.ticks = append(y.ticks, float64(i)+0.5)
		row := []string{duration(m.TTLs[i])}
		for _, v := range m.HitRatio[i] {
			row = append(row, percent(v))
		}
		f.Table.Rows = append(f.Table.Rows, row)
	}
	p := newPlot(f.ID, f.Title, x, y)
	for i, row := range m.HitRatio {
		for at, j := range columns {
			if j < len(row) {
				p.cell(at, i, row[j])
			}
		}
	}
	last := m.HitRatio[rows-1]
	f.SVG = p.done(fmt.Sprintf("From %s with a TTL of %s and %s values to %s with %s and %s values.",
		percent(m.HitRatio[0][0]), duration(m.TTLs[0]), whole(m.Entries[0]), percent(last[len(last)-1]), ttlWords(m.TTLs[rows-1]), whole(m.Entries[len(m.Entries)-1])))
	return f
}

func ttlWords(d time.Duration) string {
	if d == sim.Forever {
		return "no limit"
	}
	return "a TTL of " + duration(d)
}

// cell fills a unit square with a share, and writes it.
func (p *plot) cell(x, y int, share float64) {
	if !finite(share) {
		return
	}
	left, right := p.x.at(float64(x)), p.x.at(float64(x+1))
	bottom, top := p.y.at(float64(y)), p.y.at(float64(y+1))
	p.printf(`<rect class="heat" x="%s" y="%s" width="%s" height="%s" fill-opacity="%.3f"/>`,
		n1(left+1), n1(top+1), n1(right-left-2), n1(bottom-top-2), 0.04+0.52*min(max(share, 0), 1))
	text := number(math.Round(100 * share))
	if share > 0 && share < 0.005 {
		text = "<1"
	}
	p.text((left+right)/2, (top+bottom)/2+5, "middle", "note", text)
}

func hours(r *advise.Report) figure {
	f := figure{ID: "hours", Title: "Requests by hour of the day", Lede: "Shares, in UTC."}
	if f.Missing = nothing(r); f.Missing != "" {
		return f
	}
	if len(r.Trace.Hours) == 0 {
		f.Missing = "the trace is shorter than two hours, or when it began is not known"
		return f
	}
	x := axis{name: "hour", high: float64(len(r.Trace.Hours)), write: func(v float64) string { return fmt.Sprintf("%02d", int(v)) }}
	most := 0.0
	f.Table = table{Caption: f.Title, Columns: []column{{"hour", num}, {"share", num}}}
	for i, v := range r.Trace.Hours {
		most = max(most, v)
		x.ticks = append(x.ticks, float64(i)+0.5)
		f.Table.Rows = append(f.Table.Rows, []string{fmt.Sprintf("%02d", i), percent(v)})
	}
	p := newPlot(f.ID, f.Title, x, axis{name: "share of requests", high: max(most, 0.01), write: percent})
	for i, v := range r.Trace.Hours {
		p.bar(7, float64(i)+0.1, float64(i)+0.9, v, "")
	}
	busiest := slices.Index(r.Trace.Hours, most)
	f.SVG = p.done(fmt.Sprintf("Most in the hour from %02d:00: %s.", max(busiest, 0), percent(most)))
	return f
}
