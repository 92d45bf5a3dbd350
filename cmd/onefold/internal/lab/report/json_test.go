package report_test

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/report"
)

func toJSON(t *testing.T, r *figures.Report) string {
	t.Helper()
	var b strings.Builder
	if err := report.JSON(&b, r); err != nil {
		t.Fatalf("JSON: %v", err)
	}
	return b.String()
}

func TestJSONIsReadBackAsItWas(t *testing.T) {
	for _, want := range []*figures.Report{example(), hostile(), huge(), zeros()} {
		text := toJSON(t, want)
		got, err := report.ReadJSON(strings.NewReader(text))
		if err != nil {
			t.Fatalf("ReadJSON: %v", err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("read back differs:\n got %+v\nwant %+v", got, want)
		}
		if again := toJSON(t, got); again != text {
			t.Errorf("written again, the JSON differs")
		}
	}
}

func TestJSONHasNoNaN(t *testing.T) {
	r := &figures.Report{Schema: figures.Schema, Results: []figures.Result{{
		Saved: math.NaN(), Coalescing: math.Inf(1), HitRatio: math.Inf(-1), Allocs: math.NaN(),
		CCDF:    []figures.Point{{X: 1, Y: 0.5}, {X: math.Inf(1), Y: 0}},
		Loading: []float64{1, math.NaN(), 3},
	}}}
	r.Setup.Cancel, r.Setup.Invalidate = math.NaN(), math.Inf(1)
	text := toJSON(t, r)
	for _, key := range []string{`"saved"`, `"coalescing_ratio"`, `"hit_ratio"`, `"allocs_call"`, `"cancel"`, `"invalidate"`} {
		if strings.Contains(text, key) {
			t.Errorf("%s is written, want it absent", key)
		}
	}
	if want := `"loading": [1, null, 3]`; !strings.Contains(text, want) {
		t.Errorf("no %s in:\n%s", want, text)
	}

	got, err := report.ReadJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	res := got.Results[0]
	for name, x := range map[string]float64{
		"Saved": res.Saved, "Coalescing": res.Coalescing, "HitRatio": res.HitRatio, "Allocs": res.Allocs,
		"Loading[1]": res.Loading[1], "CCDF[1].X": res.CCDF[1].X, "Cancel": got.Setup.Cancel,
	} {
		if !math.IsNaN(x) {
			t.Errorf("%s is read as %v, want NaN", name, x)
		}
	}
	if res.Loading[2] != 3 || res.CCDF[0] != (figures.Point{X: 1, Y: 0.5}) {
		t.Errorf("the finite figures moved: %v, %v", res.Loading, res.CCDF)
	}
}

func TestJSONWritesZeroes(t *testing.T) {
	text := toJSON(t, zeros())
	for _, want := range []string{`"saved": 0`, `"hit_ratio": 0`, `"loads": 0`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the JSON of a run of zeroes", want)
		}
	}
}

func TestJSONIsForReaders(t *testing.T) {
	text := toJSON(t, example())
	if !json.Valid([]byte(text)) {
		t.Fatal("the JSON is not valid")
	}
	if lines := strings.Count(text, "\n"); lines > 700 {
		t.Errorf("the JSON has %d lines: the series bury the figures", lines)
	}
	if !strings.Contains(text, "\n      \"loads\": ") {
		t.Error("the JSON is not indented")
	}
	if strings.Contains(toJSON(t, &figures.Report{}), "null") {
		t.Error("an empty list is null, want []")
	}

	r := example()
	r.Setup.Source = "http://localhost/?a=1&b=<2>"
	if text := toJSON(t, r); !strings.Contains(text, r.Setup.Source) {
		t.Errorf("the source's URL is escaped: %s", text[:1500])
	}
	r.Setup.Stream = "[\n 1,\n 2\n] {\n \"x\": 1,\n \"y\": 2\n}"
	got, err := report.ReadJSON(strings.NewReader(toJSON(t, r)))
	if err != nil || got.Setup.Stream != r.Setup.Stream {
		t.Errorf("a name that looks like a series is read as %q, %v", got.Setup.Stream, err)
	}
}

func TestReadJSONRefusesWhatIsNotAReport(t *testing.T) {
	good := toJSON(t, zeros())
	for _, c := range []struct{ text, want string }{
		{"", "not a JSON report"},
		{"no JSON", "not a JSON report"},
		{"[]", "not a JSON report"},
		{good[:len(good)/2], "not a JSON report"},
		{`{"schema": 99, "version": "v9"}`, `schema is 99, this onefold reads 1: read it with the version that wrote it ("v9")`},
		{`{}`, "schema is 0"},
		{good + "{}", "goes on after the report"},
		{strings.Replace(good, `"loads": 0`, `"loads": "many"`, 1), "loads"},
	} {
		r, err := report.ReadJSON(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ReadJSON(%.40q) = %v, %v; want an error with %q", c.text, r, err, c.want)
		}
	}
}

// FuzzReadJSON: whatever is read can be shown in every form.
func FuzzReadJSON(f *testing.F) {
	f.Add([]byte(`{"schema": 1}`))
	f.Add([]byte(`{"schema": 1, "results": [{"calls": -1, "ccdf": [{"x": null, "y": 1}], "loading": [1e300, -1], "inflight": [null], "bucket_ns": 9223372036854775807}]}`))
	f.Add([]byte(`{"schema": 1, "results": [{"ccdf": [{"x": 5e-324, "y": 1}, {"x": 1e308, "y": 5e-324}], "loading": [1.7976931348623157e308], "inflight": [5e-324, 1e18], "bucket_ns": 1}]}`))
	f.Add([]byte(`{"schema": 1, "setup": {"cancel": 1e308, "repeat": 2}, "results": [{"loads": 1, "bucket_ns": 1, "loading": [0, 0]}, {"calls": 3, "p99_ns": -5}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := report.ReadJSON(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, width := range []int{1, 80, 120} {
			if err := report.Table(&bytes.Buffer{}, r, report.TableOptions{Width: width, Explain: true}); err != nil {
				t.Errorf("Table: %v", err)
			}
		}
		var page bytes.Buffer
		if err := report.HTML(&page, r); err != nil {
			t.Errorf("HTML: %v", err)
		}
		if err := report.JSON(&bytes.Buffer{}, r); err != nil {
			t.Errorf("JSON: %v", err)
		}
	})
}
