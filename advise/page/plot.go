package page

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A plot is drawn in units of a box that the page scales to the room it has: at
// 360 pixels a unit is about three quarters of one. Letters are larger there
// (page.css), so that room for text is reckoned with charWidth and lineHeight,
// which are those of the large ones.
const (
	plotWidth  = 440.0
	plotHeight = 280.0
	plotTop    = 30.0
	plotBottom = plotHeight - 46
	charWidth  = 8.4
	lineHeight = 17.0
)

// A warp is how values lie along an axis.
type warp uint8

const (
	linear warp = iota
	root        // square roots: zero has a place, and small values are seen beside large ones
	logarithmic
)

func (w warp) of(v float64) float64 {
	switch w {
	case root:
		return math.Sqrt(max(v, 0))
	case logarithmic:
		return math.Log10(max(v, math.SmallestNonzeroFloat64))
	default:
		return v
	}
}

// An axis says how values are laid out and written.
type axis struct {
	name      string
	warp      warp
	low, high float64 // of the values; ends are rounded to nice ones
	write     func(float64) string
	whole     bool      // only whole numbers have ticks
	times     bool      // values are ns: ticks are those of a clock
	ticks     []float64 // where nice ones will not do; ends are not rounded then
}

// A scale is an axis in its place.
type scale struct {
	axis
	from, to float64 // where low and high are
}

func (s scale) at(v float64) float64 {
	a, b := s.warp.of(s.low), s.warp.of(s.high)
	part := (s.warp.of(v) - a) / (b - a)
	if math.IsNaN(part) {
		part = 0
	}
	return s.from + min(max(part, 0), 1)*(s.to-s.from)
}

// rounded gives the axis nice ends and about n ticks.
func (a axis) rounded(n int) axis {
	if !finite(a.low) || !finite(a.high) {
		a.low, a.high = 0, 1
	}
	if a.ticks != nil {
		return a
	}
	switch a.warp {
	case logarithmic:
		a.high = max(a.high, math.SmallestNonzeroFloat64*1e20)
		a.low = min(max(a.low, a.high/1e12), a.high)
		if a.low == a.high {
			a.low, a.high = a.low/2, a.high*2
		}
		a.ticks = logTicks(a.low, a.high, n, a.times)
	case root:
		a.low, a.high = 0, max(a.high, 1)
		a.high = niceAbove(a.high)
		a.ticks = rootTicks(a.high, n, a.whole)
	case linear:
		if a.high <= a.low {
			a.high = a.low + 1
		}
		step := niceAbove((a.high - a.low) / float64(n))
		if a.times {
			step = clockAbove((a.high - a.low) / float64(n))
		}
		if a.whole {
			step = max(step, 1)
		}
		if !a.times { // a time ends when it ends
			a.low, a.high = math.Floor(a.low/step)*step, math.Ceil(a.high/step-1e-9)*step
		}
		for i := math.Ceil(a.low/step - 1e-9); i*step <= a.high*(1+1e-9); i++ {
			a.ticks = append(a.ticks, i*step)
		}
	}
	return a
}

// niceAbove is the least of 1, 2, 5, 10, 20, ... and their tenths that is not
// below v.
func niceAbove(v float64) float64 {
	if !(v > 0) {
		return 1
	}
	size := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5} {
		if f*size >= v*(1-1e-9) {
			return f * size
		}
	}
	return 10 * size
}

// clockAbove is the same for times in ns, which count by 60 and 24 as well.
func clockAbove(v float64) float64 {
	if v <= float64(5*time.Second) {
		return niceAbove(v)
	}
	for _, d := range []time.Duration{
		10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if float64(d) >= v*(1-1e-9) {
			return float64(d)
		}
	}
	return niceAbove(v/float64(24*time.Hour)) * float64(24*time.Hour)
}

// decades are powers of ten, with some factors of each, within the range. Times
// in ns go on by minutes, hours and days.
func decades(low, high float64, times bool, factors ...float64) []float64 {
	var list []float64
	add := func(v float64) {
		if v >= low*(1-1e-9) && v <= high*(1+1e-9) {
			list = append(list, v)
		}
	}
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		for _, f := range factors {
			if v := f * math.Pow(10, e); !times || v < 59e9 {
				add(v)
			}
		}
	}
	if !times {
		return list
	}
	for _, units := range []struct {
		unit time.Duration
		most float64
	}{{time.Minute, 59}, {time.Hour, 23}, {24 * time.Hour, 1e6}} {
		for e := 1.0; e < units.most; e *= 10 {
			for _, f := range factors {
				if f*e < units.most {
					add(f * e * float64(units.unit))
				}
			}
		}
	}
	return list
}

// logTicks are at most n decades within the range, or parts of them where those
// are few.
func logTicks(low, high float64, n int, times bool) []float64 {
	list := decades(low, high, times, 1)
	switch {
	case len(list) < 2:
		list = decades(low, high, times, 1, 2, 5)
	case len(list) < 3:
		list = decades(low, high, times, 1, 3)
	}
	if len(list) == 0 {
		list = []float64{low, high}
	}
	every := (len(list) + n - 1) / n
	var some []float64
	for i := 0; i < len(list); i += every {
		some = append(some, list[i])
	}
	return some
}

// rootTicks go down from the top by about a quarter each, which is by half of the
// height.
func rootTicks(high float64, n int, whole bool) []float64 {
	list := []float64{high}
	for v := high / 4; v > high/300 && len(list) < n-1; v /= 4 {
		if nice := niceAbove(v); !whole || nice >= 1 && nice < list[len(list)-1] {
			list = append(list, nice)
		}
	}
	list = append(list, 0)
	slices.Reverse(list)
	return list
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// A plot is an SVG being drawn.
type plot struct {
	id, title string
	x, y      scale
	svg       strings.Builder
	ink       []point  // on lines, which texts had better not cover
	notes     []remark // to be written when all lines are there
	ends      []ending // of lines, to be labelled at the right
}

// A remark is a text and the places where it may stand, the best first.
type remark struct {
	text   string
	places []box
}

type box struct{ left, top, right, bottom float64 }

func (b box) meets(o box) bool {
	return b.left < o.right && o.left < b.right && b.top < o.bottom && o.top < b.bottom
}

func (b box) holds(p point) bool {
	return b.left < p.x && p.x < b.right && b.top < p.y && p.y < b.bottom
}

// An ending is where a line ends, and its name.
type ending struct {
	style int
	name  string
	y     float64
}

type point struct{ x, y float64 }

// newPlot lays out a plot. names are those of lines, which stand at its right.
func newPlot(id, title string, x, y axis, names ...string) *plot {
	p := &plot{id: id, title: title}
	n, cells := 5, y.ticks != nil
	if y.warp == logarithmic {
		n = 8
	}
	y = y.rounded(n)
	left, right := 12.0, 14.0
	for _, t := range y.ticks {
		left = max(left, textWidth(y.write(t))+12)
	}
	left = min(left, plotWidth/3)
	for _, n := range names {
		right = max(right, textWidth(n)+22)
	}
	p.y = scale{y, plotBottom, plotTop}
	p.x = scale{x.rounded(7), left, plotWidth - right}

	p.text(0, 13, "start", "axis", y.name)
	for _, t := range p.y.ticks {
		at := p.y.at(t)
		if !cells {
			p.printf(`<line class="grid" x1="%s" x2="%s" y1="%s" y2="%s"/>`, n1(p.x.from), n1(p.x.to), n1(at), n1(at))
		}
		p.text(p.x.from-7, at+4.5, "end", "tick", y.write(t))
	}
	p.printf(`<line class="ground" x1="%s" x2="%s" y1="%s" y2="%s"/>`, n1(p.x.from), n1(p.x.to), n1(plotBottom), n1(plotBottom))
	p.xTicks()
	p.text((p.x.from+p.x.to)/2, plotHeight-5, "middle", "axis", x.name)
	return p
}

// xTicks writes as many ticks as there is room for.
func (p *plot) xTicks() {
	ticks := p.x.ticks
	for every := 1; every <= max(len(ticks), 1); every++ {
		var boxes []box
		free := true
		for i := 0; i < len(ticks); i += every {
			at, half := p.x.at(ticks[i]), textWidth(p.x.write(ticks[i]))/2
			b := box{at - half - 5, 0, at + half + 5, 1}
			free = free && (len(boxes) == 0 || !boxes[len(boxes)-1].meets(b))
			boxes = append(boxes, b)
		}
		if !free && every < len(ticks) {
			continue
		}
		for i := 0; i < len(ticks); i += every {
			at, text := p.x.at(ticks[i]), p.x.write(ticks[i])
			p.printf(`<line class="ground" x1="%s" x2="%s" y1="%s" y2="%s"/>`, n1(at), n1(at), n1(plotBottom), n1(plotBottom+4))
			half := textWidth(text) / 2
			at = min(max(at, half), plotWidth-half)
			p.text(at, plotBottom+19, "middle", "tick", text)
		}
		return
	}
}

func (p *plot) printf(format string, args ...any) { fmt.Fprintf(&p.svg, format+"\n", args...) }

func (p *plot) text(x, y float64, anchor, class, text string) {
	if text != "" {
		p.printf(`<text class="%s" x="%s" y="%s" text-anchor="%s">%s</text>`, class, n1(x), n1(y), anchor, html.EscapeString(text))
	}
}

// textWidth is about how wide a text is in large letters.
func textWidth(text string) float64 { return charWidth * float64(len([]rune(text))) }

// n1 writes a coordinate.
func n1(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

// styles is how many styles of lines page.css has.
const styles = 8

// line draws a line through points, as steps or not, with a few markers on it.
func (p *plot) line(style int, name string, steps bool, points []point) {
	if len(points) == 0 {
		return
	}
	var d strings.Builder
	var at []point
	lastY := ""
	for i, v := range points {
		x, y := p.x.at(v.x), p.y.at(v.y)
		if i > 0 {
			before := at[i-1]
			if steps {
				p.draw(before, point{x, before.y})
				before.x = x
			}
			p.draw(before, point{x, y})
		}
		at = append(at, point{x, y})
		switch {
		case i == 0:
			d.WriteString("M" + n1(x) + " " + n1(y))
		case steps:
			if n1(y) != lastY || i == len(points)-1 {
				d.WriteString("H" + n1(x) + "V" + n1(y))
			}
		default:
			d.WriteString("L" + n1(x) + " " + n1(y))
		}
		lastY = n1(y)
	}
	p.printf(`<path class="line s%d" d="%s"/>`, style, d.String())
	// Markers stand at other places for each style, so that lines that lie on each
	// other are told apart.
	const apart = 84.0
	next := at[0].x + apart*(float64(style%styles)+0.5)/styles
	for i, v := range at {
		if v.x >= next && i < len(at)-1 {
			p.marker(style, v.x, v.y)
			next += apart
		}
	}
	p.ends = append(p.ends, ending{style, name, at[len(at)-1].y})
}

func (p *plot) marker(style int, x, y float64) { p.svg.WriteString(marker(style, x, y) + "\n") }

// marker draws the mark of a style.
func marker(style int, x, y float64) string {
	var d string
	at := func(dx, dy float64) string { return n1(x+dx) + " " + n1(y+dy) }
	switch style % styles {
	case 0: // a cross
		d = "M" + at(-3.5, -3.5) + "L" + at(3.5, 3.5) + "M" + at(-3.5, 3.5) + "L" + at(3.5, -3.5)
	case 1: // a disc
		return fmt.Sprintf(`<circle class="mark full s%d" cx="%s" cy="%s" r="3.8"/>`, style, n1(x), n1(y))
	case 2: // a triangle
		d = "M" + at(0, -4.6) + "L" + at(4.4, 3.4) + "L" + at(-4.4, 3.4) + "Z"
	case 3: // a square
		d = "M" + at(-3.6, -3.6) + "L" + at(3.6, -3.6) + "L" + at(3.6, 3.6) + "L" + at(-3.6, 3.6) + "Z"
	case 4: // a rhomb
		d = "M" + at(0, -5) + "L" + at(5, 0) + "L" + at(0, 5) + "L" + at(-5, 0) + "Z"
	case 5: // a full triangle on its head
		return fmt.Sprintf(`<path class="mark full s%d" d="M%sL%sL%sZ"/>`, style, at(0, 4.8), at(4.6, -3.4), at(-4.6, -3.4))
	case 6: // a circle
		return fmt.Sprintf(`<circle class="mark s%d" cx="%s" cy="%s" r="3.8"/>`, style, n1(x), n1(y))
	default: // a plus
		d = "M" + at(-4.5, 0) + "L" + at(4.5, 0) + "M" + at(0, -4.5) + "L" + at(0, 4.5)
	}
	return fmt.Sprintf(`<path class="mark s%d" d="%s"/>`, style, d)
}

// level draws a horizontal line at a value that lines are held against.
func (p *plot) level(v float64, text string) {
	if v < p.y.low || v > p.y.high {
		return
	}
	y := p.y.at(v)
	p.printf(`<line class="ref" x1="%s" x2="%s" y1="%s" y2="%s"/>`, n1(p.x.from), n1(p.x.to), n1(y), n1(y))
	w := textWidth(text)
	var places []box
	for _, top := range []float64{y - lineHeight - 1, y + 2} {
		for right := p.x.to - 2; right-w > p.x.from; right -= 24 {
			places = append(places, box{right - w, top, right, top + lineHeight})
		}
	}
	p.place(text, places...)
}

// upright draws a vertical line.
func (p *plot) upright(v float64, text string) {
	if v < p.x.low || v > p.x.high {
		return
	}
	x := p.x.at(v)
	p.printf(`<line class="ref" x1="%s" x2="%s" y1="%s" y2="%s"/>`, n1(x), n1(x), n1(plotTop), n1(plotBottom))
	w := textWidth(text)
	var places []box
	for top := plotTop; top+lineHeight < plotBottom; top += lineHeight {
		places = append(places, box{x + 4, top, x + 4 + w, top + lineHeight}, box{x - 4 - w, top, x - 4, top + lineHeight})
	}
	p.place(text, places...)
}

// note rings a point and writes beside it.
func (p *plot) note(style int, x, y float64, text string) {
	cx, cy := p.x.at(x), p.y.at(y)
	p.printf(`<circle class="ring s%d" cx="%s" cy="%s" r="6"/>`, style, n1(cx), n1(cy))
	w := textWidth(text)
	var places []box
	for _, top := range []float64{cy - lineHeight/2, cy - 6 - lineHeight, cy + 6, cy - 20 - lineHeight} {
		for _, left := range []float64{cx + 10, cx - 10 - w, cx - w/2} {
			if left != cx-w/2 || top != cy-lineHeight/2 { // not on the ring itself
				places = append(places, box{left, top, left + w, top + lineHeight})
			}
		}
	}
	p.place(text, places...)
}

// place has a text written in one of some places.
func (p *plot) place(text string, places ...box) {
	if text != "" {
		p.notes = append(p.notes, remark{text, places})
	}
}

// write writes the remarks, each in the first of its places where no other is and
// no line, or else where no other is. One that has none is left out: what it says
// is in the table below as well.
func (p *plot) write() {
	var taken []box
	for _, r := range p.notes {
		var free []box
		for _, b := range r.places {
			if b.left >= p.x.from && b.right <= p.x.to+12 && b.top >= plotTop-14 && b.bottom <= plotBottom && !slices.ContainsFunc(taken, b.meets) {
				free = append(free, b)
			}
		}
		if len(free) == 0 {
			continue
		}
		at := slices.IndexFunc(free, func(b box) bool { return !slices.ContainsFunc(p.ink, b.holds) })
		b := free[max(at, 0)]
		taken = append(taken, b)
		p.text((b.left+b.right)/2, b.bottom-4.5, "middle", "note", r.text)
	}
}

// draw notes where a line runs.
func (p *plot) draw(from, to point) {
	n := math.Ceil(max(math.Abs(to.x-from.x), math.Abs(to.y-from.y)) / 6)
	for i := range int(n) + 1 {
		part := float64(i) / max(n, 1)
		p.ink = append(p.ink, point{from.x + part*(to.x-from.x), from.y + part*(to.y-from.y)})
	}
}

// bar draws a bar from the ground, with a text on it.
func (p *plot) bar(style int, left, right, v float64, text string) {
	x, y := p.x.at(left), p.y.at(v)
	p.printf(`<rect class="bar s%d" x="%s" y="%s" width="%s" height="%s"/>`, style, n1(x), n1(y), n1(p.x.at(right)-x), n1(plotBottom-y))
	mid, w := (x+p.x.at(right))/2, textWidth(text)
	p.place(text, box{mid - w/2 - 2, y - 2 - lineHeight, mid + w/2 + 2, y - 2})
}

// done names the lines at the right and gives the SVG.
func (p *plot) done(desc string) template.HTML {
	p.write()
	slices.SortStableFunc(p.ends, func(a, b ending) int { return cmp.Compare(a.y, b.y) })
	ys := make([]float64, len(p.ends))
	for i, e := range p.ends {
		ys[i] = e.y
	}
	for i, y := range spread(ys, lineHeight, plotTop, plotBottom-4) {
		e := p.ends[i]
		p.marker(e.style, p.x.to+10, y)
		p.text(p.x.to+18, y+4.5, "start", "name", e.name)
	}
	return template.HTML(fmt.Sprintf( //nolint:gosec // all that is not written here is escaped
		`<svg viewBox="0 0 %s %s" role="img" aria-labelledby="%[3]s-t %[3]s-d"><title id="%[3]s-t">%[4]s</title><desc id="%[3]s-d">%[5]s</desc>`+"\n",
		n1(plotWidth), n1(plotHeight), p.id, html.EscapeString(p.title), html.EscapeString(desc)) + p.svg.String() + "</svg>")
}

// spread moves sorted places apart, to at least the distance given, and keeps
// them within the bounds as far as they have room.
func spread(ys []float64, apart, top, bottom float64) []float64 {
	out := slices.Clone(ys)
	for i := range out {
		out[i] = max(out[i], top)
		if i > 0 {
			out[i] = max(out[i], out[i-1]+apart)
		}
	}
	limit := bottom
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = min(out[i], limit)
		limit = out[i] - apart
	}
	return out
}

// sample is a piece of a line, for a key in text.
func sample(style int) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="sample" width="34" height="12" viewBox="0 0 34 12" aria-hidden="true" focusable="false"><path class="line s%d" d="M0 6H34"/>%s</svg>`, //nolint:gosec // numbers
		style, marker(style, 17, 6)))
}
