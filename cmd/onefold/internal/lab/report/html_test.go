package report_test

import (
	"encoding/xml"
	"errors"
	"html"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/report"
)

func page(t *testing.T, r *figures.Report) string {
	t.Helper()
	var b strings.Builder
	if err := report.HTML(&b, r); err != nil {
		t.Fatalf("HTML: %v", err)
	}
	return b.String()
}

// An element is a start tag of a page.
type element struct {
	name string
	attr map[string]string
}

// elements reads a page, every tag of which must be closed and every attribute
// quoted, and returns its elements, and its text by the element it stands in.
func elements(t *testing.T, page string) ([]element, map[string][]string) {
	t.Helper()
	for _, tag := range []string{"style", "script"} { // no markup inside
		page = regexp.MustCompile(`(?s)<`+tag+`>.*?</`+tag+`>`).ReplaceAllString(page, "<"+tag+"></"+tag+">")
	}
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict = false
	d.AutoClose = []string{"meta", "link"}
	d.Entity = xml.HTMLEntity
	var (
		all  []element
		open []string
		text = map[string][]string{}
	)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all, text
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
		case xml.CharData:
			if s := strings.TrimSpace(string(token)); s != "" && len(open) > 0 {
				in := open[len(open)-1]
				text[in] = append(text[in], s)
			}
		}
	}
}

func TestPageParses(t *testing.T) {
	for name, r := range runs() {
		all, _ := elements(t, page(t, r))
		count := map[string]int{}
		ids := map[string]bool{}
		for _, e := range all {
			count[e.name]++
			if id := e.attr["id"]; id != "" {
				if ids[id] {
					t.Errorf("%s: two elements have the id %q", name, id)
				}
				ids[id] = true
			}
		}
		for _, one := range []string{"html", "head", "body", "main", "h1"} {
			if count[one] != 1 {
				t.Errorf("%s: %d elements <%s>, want 1", name, count[one], one)
			}
		}
		for _, e := range all { // what is referred to is there
			for _, key := range []string{"aria-labelledby", "href", "fill"} {
				for _, ref := range regexp.MustCompile(`[-\w]+`).FindAllString(reference(key, e.attr[key]), -1) {
					if !ids[ref] {
						t.Errorf("%s: <%s %s=%q>, and nothing has the id %q", name, e.name, key, e.attr[key], ref)
					}
				}
			}
		}
	}
}

// reference returns the ids that an attribute names.
func reference(key, value string) string {
	switch {
	case key == "aria-labelledby":
		return value
	case strings.HasPrefix(value, "#"):
		return value[1:]
	case strings.HasPrefix(value, "url(#"):
		return strings.TrimSuffix(value[5:], ")")
	}
	return ""
}

func TestPageRefersToNothingOutside(t *testing.T) {
	for name, r := range runs() {
		text := page(t, r)
		all, _ := elements(t, text)
		for _, e := range all {
			for key, value := range e.attr {
				switch key {
				case "src", "srcset", "href", "action", "formaction", "poster", "data", "background", "style":
					if value != "data:," && !strings.HasPrefix(value, "#") {
						t.Errorf("%s: <%s %s=%q> refers to something outside", name, e.name, key, value)
					}
				}
				if strings.HasPrefix(key, "on") {
					t.Errorf("%s: <%s> has the handler %s", name, e.name, key)
				}
			}
			switch e.name {
			case "img", "iframe", "object", "embed", "form", "base", "audio", "video":
				t.Errorf("%s: the page has <%s>", name, e.name)
			}
		}
		style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(text)[1]
		if bad := regexp.MustCompile(`@import|@font-face|url\([^#]`).FindString(style); bad != "" {
			t.Errorf("%s: the style has %s", name, bad)
		}
	}
}

func TestPageEscapesWhatUsersName(t *testing.T) {
	text := page(t, hostile())
	all, inside := elements(t, text)
	scripts := 0
	for _, e := range all {
		if e.name == "script" {
			scripts++
		}
	}
	if scripts != 1 {
		t.Errorf("the page has %d scripts, want its own", scripts)
	}
	for _, bad := range []string{"<script>window", "<img", "ZgotmplZ"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	// It is shown, not dropped.
	for _, in := range []string{"h1", "th", "dd", "code", "title"} {
		if !strings.Contains(strings.Join(inside[in], "\n"), `<script>window.harmed=1</script>`) {
			t.Errorf("no <%s> shows the name that was given", in)
		}
	}
	if !strings.Contains(html.UnescapeString(text), "javascript:") {
		t.Error("the stream's name is not shown")
	}
}

func TestPageHasWhatItShouldShow(t *testing.T) {
	r := example()
	text := page(t, r)
	all, inside := elements(t, text)
	shown := html.UnescapeString(text)
	for _, want := range []string{
		r.Sentence, r.Next, r.Version, "14 March 2026, 15:09 UTC",
		"onefold lab --invalidate 50 --cancel 0.2 --seed 1", "20% of callers give up",
		"Latency", "Loads over time", "Loads in flight", "Wrong answers", "57 stale, 1,204 foreign",
		"4.42\u00b5s", `name="viewport"`, "prefers-color-scheme: dark",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	for _, res := range r.Results {
		for _, want := range []string{res.Title, res.Prevents, res.Misses} {
			if !strings.Contains(shown, want) {
				t.Errorf("the page does not show %q", want)
			}
		}
	}

	drawings, descs := 0, 0
	for _, e := range all {
		switch {
		case e.name == "svg" && e.attr["role"] == "img":
			drawings++
		case e.name == "svg" && e.attr["aria-hidden"] != "true":
			t.Errorf("a drawing is neither an image nor hidden: %v", e.attr)
		case e.name == "th" && e.attr["scope"] == "":
			t.Errorf("a head of a table has no scope: %v", e.attr)
		case e.name == "desc":
			descs++
		}
	}
	if want := 3 * len(r.Results); drawings != want || descs != want {
		t.Errorf("%d drawings with %d descriptions, want %d", drawings, descs, want)
	}
	for _, d := range inside["desc"] {
		if len(d) < 20 {
			t.Errorf("a drawing is described as %q", d)
		}
	}
	if size := len(text); size > 200_000 {
		t.Errorf("the page has %d bytes, want 200 kB at most", size)
	}
}

func TestPageThinsLongSeries(t *testing.T) {
	r := example()
	for i := range r.Results {
		res := &r.Results[i]
		for range 6 { // 64 times as long
			res.Loading = append(res.Loading, res.Loading...)
			res.InFlight = append(res.InFlight, res.InFlight...)
			more := make([]figures.Point, 0, 2*len(res.CCDF))
			for _, p := range res.CCDF {
				more = append(more, p, figures.Point{X: p.X * 1.00001, Y: p.Y})
			}
			res.CCDF = more
		}
	}
	if size := len(page(t, r)); size > 250_000 {
		t.Errorf("the page has %d bytes, want 250 kB at most", size)
	}
}

func TestPageOfEveryRunHasNoBadNumber(t *testing.T) {
	for name, r := range runs() {
		text := page(t, r)
		for _, d := range regexp.MustCompile(`\b(?:d|x1|x2|y1|y2|x|y|width|points)="([^"]*)"`).FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`^[-MLHVZ0-9. %]*$`).MatchString(d[1]) {
				t.Errorf("%s: a drawing has %s", name, d[0])
			}
		}
	}
}

func TestPageOfLessThanAWholeRun(t *testing.T) {
	all := runs()
	for name, want := range map[string][]string{
		"empty":                 {"No strategy was measured.", "0 strategies over one stream of calls"},
		"empty and interrupted": {"Interrupted.", "No strategy was measured."},
		"interrupted":           {"Interrupted.", ">interrupted</small>", "12,345"},
		"zeros":                 {"No strategy loaded anything.", "No call was measured.", "No loads started at any time."},
		"calm":                  {"None: nothing stale"},
	} {
		text := html.UnescapeString(page(t, all[name]))
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("the page of the %s run does not show %q", name, w)
			}
		}
	}
}

func TestPageIsTheSameForTheSameReport(t *testing.T) {
	if page(t, example()) != page(t, example()) {
		t.Error("two pages of one report differ")
	}
}
