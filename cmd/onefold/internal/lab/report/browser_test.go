package report_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// views are the screens that the page must look right on.
var views = []view{
	{width: 1280}, {width: 1280, dark: true},
	{width: 390, touch: true}, {width: 390, dark: true, touch: true},
	{width: 320, touch: true}, {width: 800},
}

// TestPageInABrowser shows the page of every run on every screen. Nothing may
// overflow, no label may touch another or be too small, all text must have
// contrast, and the browser must have nothing to complain about.
func TestPageInABrowser(t *testing.T) {
	b := openBrowser(t)
	all := runs()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text := page(t, all[name])
		for _, v := range views {
			if name != "example" && v.dark {
				continue // the colours are the same for all
			}
			b.open([]byte(text), v)
			var faults []string
			b.eval(inspect, &faults)
			faults = append(faults, b.complaints()...)
			for _, f := range faults {
				t.Errorf("the page of the %s run at %v: %s", name, v, f)
			}
		}
	}
}

// TestPageFindsItsOwnFaults breaks a page in each way that inspect looks for.
func TestPageFindsItsOwnFaults(t *testing.T) {
	b := openBrowser(t)
	text := page(t, example())
	for fault, breakIt := range map[string]string{
		"wider":    `document.body.append(Object.assign(document.createElement("pre"), {textContent: "x".repeat(2000)}))`,
		"contrast": `document.querySelector("h2").setAttribute("class", "area"), document.querySelector("h2").style.color = "#999"`,
		"touches":  `document.querySelector("svg[role=img] text").setAttribute("y", document.querySelectorAll("svg[role=img] text")[1].getAttribute("y"))`,
		"small":    `document.querySelector("svg[role=img] text").style.fontSize = "5px"`,
		"broken":   `document.querySelector(".bars th:first-child").style.width = document.querySelector(".bars th:first-child").style.padding = 0`,
		"outside":  `document.querySelector("svg[role=img] text").setAttribute("x", "-900")`,
	} {
		b.open([]byte(text), views[0])
		b.eval(breakIt+"; 0", nil)
		var faults []string
		b.eval(inspect, &faults)
		if !strings.Contains(strings.Join(faults, "\n"), fault) {
			t.Errorf("after %s the faults are %q, want one with %q", breakIt, faults, fault)
		}
	}
}

// inspect returns what is wrong with the page that is shown.
const inspect = `(() => {
	const faults = [];
	const root = document.documentElement;
	if (root.scrollWidth > innerWidth) faults.push("it is wider than the screen: " + root.scrollWidth + " > " + innerWidth);

	const rgb = (c) => { const n = c.match(/[\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
	const over = (top, ground) => top.slice(0, 3).map((c, i) => c * top[3] + ground[i] * (1 - top[3]));
	const light = (c) => {
		const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const ground = (e) => e ? over(rgb(getComputedStyle(e).backgroundColor), ground(e.parentElement)) : [255, 255, 255];
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	const seen = new Set();
	for (let node; node = walker.nextNode();) {
		const e = node.parentElement;
		if (!node.data.trim() || ["SCRIPT", "title", "desc"].includes(e.tagName) || !e.getClientRects().length) continue;
		const style = getComputedStyle(e);
		const behind = ground(e);
		const front = over(rgb(e instanceof SVGElement ? style.fill : style.color), behind);
		const [a, b] = [light(front), light(behind)].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05);
		const what = e.tagName + "." + e.getAttribute("class") + " " + style.color;
		if (ratio < 4.5 && !seen.has(what)) {
			seen.add(what);
			faults.push("too little contrast, " + ratio.toFixed(2) + ", in " + what + ": " + node.data.trim().slice(0, 40));
		}
	}

	for (const svg of document.querySelectorAll("svg[role=img]")) {
		const name = svg.querySelector("title").textContent.slice(0, 40);
		const scale = svg.getScreenCTM().a;
		const labels = [...svg.querySelectorAll("text")].map((e) => ({e, box: e.getBoundingClientRect()}));
		const room = svg.closest("figure").getBoundingClientRect();
		for (const {e, box} of labels) {
			const size = parseFloat(getComputedStyle(e).fontSize) * scale;
			if (size < 8.5 && innerWidth > 320) faults.push(name + ": too small a label, " + size.toFixed(1) + "px: " + e.textContent);
			if (box.left < room.left - 6 || box.right > room.right + 6) faults.push(name + ": a label is outside: " + e.textContent);
		}
		labels.forEach(({e, box}, i) => labels.slice(i + 1).forEach((other) => {
			const wide = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
			const high = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
			if (wide > 0 && high > 3) faults.push(name + ": the label " + e.textContent + " touches " + other.e.textContent);
		}));
	}
	for (const e of document.querySelectorAll("th, .name")) {
		const lines = e.clientHeight / parseFloat(getComputedStyle(e).fontSize) / 1.5;
		if (e.textContent.length < 25 && lines > 4) faults.push("broken into " + lines.toFixed() + " lines: " + e.textContent);
	}
	if (window.harmed) faults.push("a name given by the user was run");
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
			if u := p.Request.URL; u != "data:," && !strings.HasSuffix(u, "/report.html") {
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

func TestPressingANameComparesItsCurve(t *testing.T) {
	b := openBrowser(t)
	b.open([]byte(page(t, example())), views[0])
	const press = `document.querySelectorAll("button[data-curve]")[3].click(), document.querySelectorAll("use.compared").length`
	for i, want := range []int{len(shapes), 0, len(shapes)} {
		var got int
		b.eval(press, &got)
		if got != want {
			t.Errorf("after %d presses the curve is in %d panels, want %d", i+1, got, want)
		}
	}
}

func TestPointingReadsAllPanels(t *testing.T) {
	b := openBrowser(t)
	b.open([]byte(page(t, example())), views[0])
	var got []string
	b.eval(`(() => {
		const chart = document.querySelector(".series");
		const box = chart.querySelector("svg").getBoundingClientRect();
		chart.querySelector("svg").dispatchEvent(new PointerEvent("pointermove", {bubbles: true, clientX: box.left + box.width * 0.6, clientY: box.top + 20}));
		const read = [...chart.querySelectorAll("[data-value]")].map((e) => e.textContent);
		chart.dispatchEvent(new PointerEvent("pointerleave"));
		return read.concat(chart.querySelector("[data-value]").textContent);
	})()`, &got)
	if len(got) != len(shapes)+1 {
		t.Fatalf("%d texts for %d panels: %q", len(got), len(shapes), got)
	}
	for _, text := range got[:len(shapes)] {
		if !strings.HasPrefix(text, "2.00s: ") || strings.HasSuffix(text, "-") {
			t.Errorf("a panel reads %q, want what was at 2.00s", text)
		}
	}
	if last := got[len(shapes)]; last != "50,000 loads" {
		t.Errorf("after the pointer has left the panel reads %q, want its total", last)
	}
}
