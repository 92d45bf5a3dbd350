package page_test

import (
	"encoding/json"
	"image"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/advise"
)

// TestPageInABrowser shows the page of every report on a phone and on a desk.
// Nothing may overflow, no label may touch another or be too small, all text must
// have contrast, every plot must have something drawn, and the browser must have
// nothing to complain about. That is also so in the dark and in grey, and with all
// tables open.
func TestPageInABrowser(t *testing.T) {
	b := openBrowser(t)
	all := maps.Clone(reports())
	all["hostile"] = hostile(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		views := []view{{width: 360}}
		if name == "whole" { // colours and room are the same for all
			views = append(views, view{width: 360, dark: true}, view{width: 1200}, view{width: 1200, dark: true}, view{width: 1200, grey: true})
		}
		text := []byte(write(t, all[name]))
		for _, v := range views {
			b.open(text, v)
			var faults []string
			b.eval(inspect, &faults)
			faults = append(faults, b.complaints()...)
			for _, f := range faults {
				t.Errorf("%s, %v: %s", name, v, f)
			}
			b.drawn(name, v)
		}
	}
}

// hostile is a report with names that are long, without a place to break, and
// mean to be run.
func hostile(t *testing.T) *advise.Report {
	t.Helper()
	r := reportCopy(t, reports()["whole"])
	each(reflect.ValueOf(r), "", func(path, text string) string {
		if strings.HasSuffix(path, "ID") || strings.HasSuffix(path, ".Over") || strings.HasSuffix(path, ".Arm") {
			return text
		}
		return text + `</svg><script>window.harmed=1</script><img src=x onerror="window.harmed=1">` + strings.Repeat("/user", 100)
	})
	return r
}

// drawn looks at each plot's picture: within the axes something else than the
// ground must be seen, and not everywhere. In grey it must be dark enough.
func (b *browser) drawn(name string, v view) {
	b.t.Helper()
	var plots []region
	b.eval(plotsOnly, nil)
	b.eval(places, &plots)
	if len(plots) == 0 {
		return
	}
	picture := b.screenshot()
	for _, p := range plots {
		least, most := 0.004, 0.9
		if p.ID == "heat" {
			most = 1
		}
		if share := inked(picture, p.box()); share < least || share > most {
			b.t.Errorf("%s, %v: %.2f %% of plot %s is drawn on", name, v, 100*share, p.ID)
		}
	}
}

// plotsOnly hides all else: a picture of the whole page takes long.
const plotsOnly = `document.querySelectorAll("header, section:not(:has(svg[role=img])), .lede, .key, details, .missing").forEach((e) => e.hidden = true); 0`

// places are where plots stand on the page.
const places = `[...document.querySelectorAll("svg[role=img]")].map((svg) => {
	const box = svg.getBoundingClientRect();
	return {id: svg.closest("figure").id, x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height};
})`

// inked is the share of a plot's inner part whose brightness is well off that of
// the page's corner.
func inked(picture image.Image, box image.Rectangle) float64 {
	bright := func(x, y int) int {
		r, g, b, _ := picture.At(x, y).RGBA()
		return int(0.2126*float64(r>>8) + 0.7152*float64(g>>8) + 0.0722*float64(b>>8))
	}
	ground := bright(1, 1)
	inked, all := 0, 0
	for y := box.Min.Y + box.Dy()/9; y < box.Min.Y+box.Dy()*5/6-2; y += 2 {
		for x := box.Min.X + box.Dx()/4; x < box.Min.X+box.Dx()*3/4; x += 2 {
			all++
			if d := bright(x, y) - ground; d > 40 || d < -40 {
				inked++
			}
		}
	}
	return float64(inked) / float64(max(all, 1))
}

// TestPageFindsItsOwnFaults breaks a page in each way that inspect and drawn look
// for.
func TestPageFindsItsOwnFaults(t *testing.T) {
	b := openBrowser(t)
	text := []byte(write(t, reports()["whole"]))
	for fault, breakIt := range map[string]string{
		"wider":    `document.body.append(Object.assign(document.createElement("pre"), {textContent: "x".repeat(2000)}))`,
		"contrast": `document.querySelector("h2").style.color = "#999"`,
		"touches":  `document.querySelector("svg[role=img] text").setAttribute("y", document.querySelectorAll("svg[role=img] text")[1].getAttribute("y"))`,
		"small":    `document.querySelector("svg[role=img] text").style.fontSize = "5px"`,
		"outside":  `document.querySelector("svg[role=img] text").setAttribute("x", "-900")`,
	} {
		b.open(text, view{width: 360})
		b.eval(breakIt+"; 0", nil)
		var faults []string
		b.eval(inspect, &faults)
		if !strings.Contains(strings.Join(faults, "\n"), fault) {
			t.Errorf("after %s the faults are %q, want one with %q", breakIt, faults, fault)
		}
	}
	b.eval(`document.querySelectorAll("svg[role=img] > :not(title, desc, .grid)").forEach((e) => e.remove()); 0`, nil)
	var plots []region
	b.eval(plotsOnly, nil)
	b.eval(places, &plots)
	if share := inked(b.screenshot(), plots[0].box()); share >= 0.004 {
		t.Errorf("%.2f %% of an empty plot is drawn on", 100*share)
	}
}

// inspect returns what is wrong with the page that is shown.
const inspect = `(() => {
	const faults = [];
	const root = document.documentElement;
	const wide = (when) => {
		if (root.scrollWidth > innerWidth) faults.push("it is wider than the screen " + when + ": " + root.scrollWidth + " > " + innerWidth);
	};
	wide("at first");
	document.querySelectorAll("details").forEach((e) => e.open = true);
	wide("with all tables open");

	const rgb = (c) => { const n = c.match(/[\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
	const over = (top, ground) => top.slice(0, 3).map((c, i) => c * top[3] + ground[i] * (1 - top[3]));
	const light = (c) => {
		const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const contrast = (front, behind) => {
		const [a, b] = [light(front), light(behind)].sort((x, y) => y - x);
		return (a + 0.05) / (b + 0.05);
	};
	const ground = (e) => e ? over(rgb(getComputedStyle(e).backgroundColor), ground(e.parentElement)) : [255, 255, 255];
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	const seen = new Set();
	for (let node; node = walker.nextNode();) {
		const e = node.parentElement;
		if (!node.data.trim() || ["title", "desc"].includes(e.tagName) || !e.getClientRects().length) continue;
		const shade = e.previousElementSibling;
		const kind = e.tagName + "." + e.getAttribute("class") + " in " + e.parentElement.tagName + "." + e.parentElement.className;
		if (seen.has(kind) && !shade?.matches("rect.heat")) continue; // looks like one that was looked at
		seen.add(kind);
		const style = getComputedStyle(e);
		let behind = ground(e);
		if (shade?.matches("rect.heat")) { // a cell's number stands on its shade
			const s = getComputedStyle(shade);
			behind = over([...rgb(s.fill).slice(0, 3), Number(s.fillOpacity)], behind);
		}
		const ratio = contrast(over(rgb(e instanceof SVGElement ? style.fill : style.color), behind), behind);
		if (ratio < 4.5) faults.push("too little contrast, " + ratio.toFixed(2) + ", in " + kind + ": " + node.data.trim().slice(0, 40));
	}
	for (const e of document.querySelectorAll(".line, .mark, .bar")) {
		const style = getComputedStyle(e);
		const ratio = contrast(rgb(e.matches(".bar") ? style.fill : style.stroke).slice(0, 3), ground(e));
		if (ratio < 3) faults.push("too little contrast, " + ratio.toFixed(2) + ", in " + e.getAttribute("class"));
	}

	for (const svg of document.querySelectorAll("svg[role=img]")) {
		const figure = svg.closest("figure");
		const scale = svg.getScreenCTM().a;
		const labels = [...svg.querySelectorAll("text")].map((e) => ({e, box: e.getBoundingClientRect()}));
		const room = figure.getBoundingClientRect();
		for (const {e, box} of labels) {
			const size = parseFloat(getComputedStyle(e).fontSize) * scale;
			if (size < 10) faults.push(figure.id + ": too small a label, " + size.toFixed(1) + "px: " + e.textContent);
			if (box.left < room.left - 3 || box.right > room.right + 3) faults.push(figure.id + ": a label is outside: " + e.textContent);
		}
		labels.forEach(({e, box}, i) => labels.slice(i + 1).forEach((other) => {
			const wide = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
			const high = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
			if (wide > 0 && high > 4) faults.push(figure.id + ": the label " + e.textContent + " touches " + other.e.textContent);
		}));
	}
	if (window.harmed) faults.push("a name given by somebody else was run");
	return faults;
})()`

// complaints returns what the browser had against the page, and every request
// but the one for the page.
func (b *browser) complaints() []string {
	var out []string
	for _, m := range b.events {
		var p struct {
			Request struct{ URL string }
			Entry   struct{ Level, Text string }
		}
		if err := json.Unmarshal(m.Params, &p); m.Method != "" && err != nil {
			b.t.Fatalf("%s: %v", m.Method, err)
		}
		switch m.Method {
		case "Network.requestWillBeSent":
			if u := p.Request.URL; !strings.HasPrefix(u, "data:") && !strings.HasSuffix(u, "/report.html") {
				out = append(out, "it asks for "+u)
			}
		case "Log.entryAdded":
			out = append(out, "the browser says: "+p.Entry.Text)
		case "Runtime.exceptionThrown", "Runtime.consoleAPICalled":
			out = append(out, string(m.Params))
		}
	}
	return out
}
