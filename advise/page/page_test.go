package page_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/page"
)

// An element is a start tag of a page.
type element struct {
	name string
	attr map[string]string
}

// elements reads a page, every tag of which must be closed.
func elements(t *testing.T, text string) []element {
	t.Helper()
	text = regexp.MustCompile(`(?s)<style>.*?</style>`).ReplaceAllString(text, "<style></style>")
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = false
	d.AutoClose = []string{"meta", "link"}
	d.Entity = xml.HTMLEntity
	var all []element
	var open []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("the page does not parse: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{token.Name.Local, map[string]string{}}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			all = append(all, e)
			open = append(open, e.name)
		case xml.EndElement:
			if last := open[len(open)-1]; last != token.Name.Local {
				t.Fatalf("<%s> is closed by </%s>", last, token.Name.Local)
			}
			open = open[:len(open)-1]
		}
	}
}

var svgs = regexp.MustCompile(`(?s)<svg viewBox.*?</svg>`)

// TestPageParses holds the page of each report to what a browser, a screen reader
// and a strict parser of SVG want.
func TestPageParses(t *testing.T) {
	for name, r := range reports() {
		text := write(t, r)
		ids := map[string]bool{}
		level, first := 0, true
		for _, e := range elements(t, text) {
			if id := e.attr["id"]; id != "" {
				if ids[id] {
					t.Errorf("%s: two elements have the id %s", name, id)
				}
				ids[id] = true
			}
			if len(e.name) == 2 && e.name[0] == 'h' && e.name[1] >= '1' && e.name[1] <= '6' {
				now := int(e.name[1] - '0')
				if now > level+1 || first != (now == 1) {
					t.Errorf("%s: a heading of level %d stands behind one of level %d", name, now, level)
				}
				level, first = now, false
			}
			switch e.name {
			case "script", "iframe", "object", "img", "form":
				t.Errorf("%s: there is a <%s>", name, e.name)
			case "html":
				if e.attr["lang"] == "" {
					t.Errorf("%s: the page names no language", name)
				}
			case "th":
				if e.attr["scope"] == "" {
					t.Errorf("%s: a <th> has no scope", name)
				}
			}
			for a, v := range e.attr {
				if strings.HasPrefix(a, "on") || a == "style" || a == "src" || a == "href" && v != "data:," {
					t.Errorf("%s: <%s> has %s=%q", name, e.name, a, v)
				}
			}
		}
		for _, want := range []string{`<meta name="viewport" content="width=device-width, initial-scale=1">`, "prefers-color-scheme: dark", "default-src 'none'", "</html>"} {
			if !strings.Contains(html.UnescapeString(text), want) {
				t.Errorf("%s: the page lacks %s", name, want)
			}
		}
		if n, m := strings.Count(text, "<table"), strings.Count(text, "<caption>"); n != m {
			t.Errorf("%s: %d tables have %d captions", name, n, m)
		}
		for _, svg := range svgs.FindAllString(text, -1) {
			wellFormed(t, name, svg)
		}
	}
}

// wellFormed holds an SVG to XML, and to having a title and a description.
func wellFormed(t *testing.T, name, svg string) {
	t.Helper()
	var s struct {
		Role  string `xml:"role,attr"`
		By    string `xml:"labelledby,attr"`
		Label string `xml:"aria-labelledby,attr"`
		Title struct {
			ID   string `xml:"id,attr"`
			Text string `xml:",chardata"`
		} `xml:"title"`
		Desc struct {
			ID   string `xml:"id,attr"`
			Text string `xml:",chardata"`
		} `xml:"desc"`
	}
	if err := xml.Unmarshal([]byte(svg), &s); err != nil {
		t.Errorf("%s: an SVG is no XML: %v\n%s", name, err, svg)
		return
	}
	if s.Role != "img" || s.Title.Text == "" || s.Desc.Text == "" || s.Label != s.Title.ID+" "+s.Desc.ID {
		t.Errorf("%s: an SVG is not described: %+v", name, s)
	}
	if bad := regexp.MustCompile(`%!|="[^"]*(NaN|Inf|[\d.]e[+-]?\d)`).FindString(svg); bad != "" {
		t.Errorf("%s: %s in an SVG\n%s", name, bad, svg)
	}
}

// TestLinesGoOn: no line of a plot turns back.
func TestLinesGoOn(t *testing.T) {
	for name, r := range reports() {
		for id, figure := range figures(write(t, r)) {
			for _, path := range regexp.MustCompile(`class="line s\d" d="(M[^"]*)"/>\n`).FindAllStringSubmatch(figure, -1) {
				last := math.Inf(-1)
				for _, m := range regexp.MustCompile(`[MLH]([\d.]+)`).FindAllStringSubmatch(path[1], -1) {
					x, err := strconv.ParseFloat(m[1], 64)
					if err != nil || x < last {
						t.Errorf("%s: a line of %s goes from %g back to %s: %s", name, id, last, m[1], path[1])
						break
					}
					last = x
				}
			}
		}
	}
}

// figures gives what stands in each figure of a page, by its id.
func figures(text string) map[string]string {
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`(?s)<figure id="([^"]*)">(.*?)</figure>`).FindAllStringSubmatch(text, -1) {
		out[m[1]] = m[2]
	}
	return out
}

var allFigures = []string{"loads", "inflight", "herd", "hours", "latency", "concurrency", "even-loader", "even-rate", "even-ttl", "heat"}

// TestPageHasAPlotOrAReason: each figure is a plot with its table, or says why
// it is not there.
func TestPageHasAPlotOrAReason(t *testing.T) {
	missing := map[string][]string{ // by report: those that are not there, and why
		"whole":           {"hours", "shorter than two hours"},
		"sampled":         {"hours", "when it began is not known"},
		"one key, no SLO": {"hours", "is not known"},
		"unsafe":          nil,
		"nothing kept":    {"herd", "values may not be kept", "even-ttl", "values may not be kept", "hours", "is not known"},
		"kept for ever":   {"herd", "no limit of freshness", "even-ttl", "no limit of freshness", "hours", "is not known"},
		"one instant":     {"herd", "too short", "even-rate", "no length", "hours", "is not known"},
	}
	for name, r := range reports() {
		got := figures(write(t, r))
		if len(got) != len(allFigures) {
			t.Errorf("%s: there are %d figures, want %d", name, len(got), len(allFigures))
		}
		for _, id := range allFigures {
			want := "" // a plot
			if list, known := missing[name]; !known {
				want = map[string]string{"no requests": "no request in the records", "no times": "the records have no times", "zero": "no request in the records"}[name]
			} else if i := slices.Index(list, id); i >= 0 {
				want = list[i+1]
			}
			switch has := strings.Contains(got[id], "<svg viewBox"); {
			case want == "" && (!has || strings.Contains(got[id], "Not computed")):
				t.Errorf("%s: figure %s is not there:\n%s", name, id, got[id])
			case want == "" && !strings.Contains(got[id], "<details><summary>"):
				t.Errorf("%s: figure %s has no table", name, id)
			case want != "" && (has || !regexp.MustCompile("Not computed: .*"+want).MatchString(got[id])):
				t.Errorf("%s: figure %s does not say %q:\n%.500s", name, id, want, got[id])
			}
		}
	}
}

// TestPageSaysAll: every text that is in a report is on its page.
func TestPageSaysAll(t *testing.T) {
	for name, r := range reports() {
		text := html.UnescapeString(write(t, r))
		each(reflect.ValueOf(reportCopy(t, r)), "", func(path, s string) string {
			switch path {
			case ".Safety.Question.ID", ".Arms.Start", ".Stress.Start", ".Current.Arm.Start", // said in words
				".Curves.Over", ".Figures.WorstWindow.By":
				return s
			}
			if !strings.Contains(text, s) && !strings.HasSuffix(path, ".By") && !strings.HasSuffix(path, ".Unit") {
				t.Errorf("%s: %s is not on the page: %q", name, path, s)
			}
			return s
		})
	}
	whole := reports()["whole"]
	text := html.UnescapeString(write(t, whole))
	for _, want := range []string{
		">0</td>", "seed", "5 %", "100ms", "2026-01-02T03:04:05Z", "limit 30", "limit 500", "SLO 100ms",
		"package cache", "onefold advise access.log.gz", "herd index from which jitter is advised", "\n\t",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, f := range whole.Verdict.CarriedBy {
		if !strings.Contains(text, "<dt>"+f.Name+"</dt>") {
			t.Errorf("the page does not say that the verdict is carried by %q", f.Name)
		}
	}
}

func TestPageIsTheSameEachTime(t *testing.T) {
	for name, r := range reports() {
		one := write(t, r)
		if two := write(t, reportCopy(t, r)); one != two {
			t.Errorf("%s: the same report gives two pages", name)
		}
	}
}

// TestPageEscapes puts markup, quotes and characters that turn the order of text
// into every text of a report.
func TestPageEscapes(t *testing.T) {
	for _, arms := range []bool{false, true} { // with arms of other names there are no plots
		r := reportCopy(t, reports()["whole"])
		each(reflect.ValueOf(r), "", func(path, text string) string {
			if strings.HasSuffix(path, ".Over") || !arms && (path == ".Arms.ID" || strings.HasSuffix(path, ".Arm")) {
				return text
			}
			return text + "</title></svg></code></style><script>window.harmed=1</script><img src=x onerror=harmed()>\"'&lt;\x00\u202e\xff{{.}}"
		})
		text := write(t, r)
		elements(t, text)
		for _, bad := range []string{"<script", "<img", "\x00", "\u202e", "\xff"} {
			if strings.Contains(text, bad) {
				t.Errorf("the page has %q", bad)
			}
		}
		if !strings.Contains(text, `\u202e`) || !strings.Contains(text, "&lt;script&gt;") {
			t.Error("what was in the texts is not shown")
		}
		for _, svg := range svgs.FindAllString(text, -1) {
			wellFormed(t, "hostile", svg)
		}
		if n := len(svgs.FindAllString(text, -1)); (n == 0) != arms {
			t.Errorf("there are %d plots", n)
		}
	}
	key := `"<&>'` + "\u2028/user/\x1b[31m"
	r := reportCopy(t, reports()["whole"])
	r.TopKeys[0].Key, r.Input.Files[0].Name = key, "--><!--.log"
	text := write(t, r)
	for _, want := range []string{"&#34;&lt;&amp;&gt;&#39;\\u2028/user/\\u001b[31m", "--&gt;&lt;!--.log"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

// TestPageOfBrokenFigures: figures that cannot be make no broken page.
func TestPageOfBrokenFigures(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e300, 5e-324} {
		r := reportCopy(t, reports()["whole"])
		var set func(reflect.Value)
		set = func(x reflect.Value) {
			switch x.Kind() {
			case reflect.Float64:
				x.SetFloat(v)
			case reflect.Int64, reflect.Int:
				if v < 0 {
					x.SetInt(math.MinInt32)
				} else {
					x.SetInt(math.MaxInt32)
				}
			case reflect.Pointer:
				if !x.IsNil() {
					set(x.Elem())
				}
			case reflect.Slice:
				for i := range x.Len() {
					set(x.Index(i))
				}
			case reflect.Struct:
				for _, field := range x.Fields() {
					if field.CanSet() {
						set(field)
					}
				}
			default:
			}
		}
		set(reflect.ValueOf(r))
		text := write(t, r)
		elements(t, text)
		for _, svg := range svgs.FindAllString(text, -1) {
			wellFormed(t, fmt.Sprint(v), svg)
		}
	}
}

func TestWriteFails(t *testing.T) {
	if err := page.Write(io.Discard, nil, page.Config{}); err == nil || !strings.Contains(err.Error(), "nil") {
		t.Errorf("Write of no report: %v", err)
	}
	full := errors.New("full")
	if err := page.Write(failing{full}, new(advise.Report), page.Config{}); !errors.Is(err, full) {
		t.Errorf("Write to a writer that fails: %v, want its error", err)
	}
	var b strings.Builder
	if err := page.Write(&b, new(advise.Report), page.Config{Title: "<mine>"}); err != nil || !strings.Contains(b.String(), "<title>&lt;mine&gt;</title>") {
		t.Errorf("Write with a title: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
