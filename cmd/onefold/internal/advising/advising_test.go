package advising_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/cmd/onefold/internal/advising"
)

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The same settings in each way to write them, with all parts.
var written = map[string]string{
	"service.toml": `
[policy]
ttl = "5m"
max_stale = "30s"
slo = "p99.9<50ms"
loader = "p50=20ms,p99=200ms"
source_max_concurrent = 40
source_max_rps = 500.5
processes = 6
routing = "key"
memory = "512MiB"
start = "warm"
current = "ttl=5m,coalesce,jitter=0.1,early=1,stale=10s,wait=50ms"
seed = 7

[safety]
idempotent = "yes: reads only"
authorized_before = "unknown"
read_only = "no"

[safety.same_for_all]
answer = "yes"
because = "no user in it"

[thresholds]
saved_share = 0.1
once_keys = 4
cheap_load_ns = 50000
`,
	"service.yaml": `
policy:
  ttl: 5m
  max_stale: 30s
  slo: p99.9<50ms
  loader: p50=20ms,p99=200ms
  source_max_concurrent: 40
  source_max_rps: 500.5
  processes: 6
  routing: key
  memory: 512MiB
  start: warm
  current: ttl=5m,coalesce,jitter=0.1,early=1,stale=10s,wait=50ms
  seed: 7
safety:
  idempotent: "yes: reads only"
  authorized_before:
  read_only: no
  same_for_all:
    answer: "yes"
    because: no user in it
thresholds:
  saved_share: 0.1
  once_keys: 4
  cheap_load_ns: 50000
`,
	"service.json": `{
  "policy": {"ttl": "5m", "max_stale": "30s", "slo": "p99.9 < 50ms", "loader": "p50=20ms,p99=200ms", "source_max_concurrent": 40,
    "source_max_rps": 500.5, "processes": 6, "routing": "key", "memory": "512MiB", "start": "warm",
    "current": "ttl=5m,coalesce,jitter=0.1,early=1,stale=10s,wait=50ms", "seed": 7},
  "safety": {"idempotent": "yes: reads only", "read_only": false, "same_for_all": {"answer": "yes", "because": "no user in it"}},
  "thresholds": {"saved_share": 0.1, "once_keys": 4, "cheap_load_ns": 50000}
}`,
}

func TestSettingsInEachWayToWriteThem(t *testing.T) {
	for name, text := range written {
		t.Run(name, func(t *testing.T) {
			s, err := advising.ReadSettings(file(t, name, text))
			if err != nil {
				t.Fatal(err)
			}
			c, err := s.Config()
			if err != nil {
				t.Fatal(err)
			}
			loader := c.Loader
			current := c.Current
			if loader == nil || loader.String() != "p50=20ms,p99=200ms" {
				t.Errorf("the loader is %v", loader)
			}
			if want := (sim.Arm{
				Name: "current", TTL: 5 * time.Minute, Coalesce: true, Jitter: 0.1, Early: 1, Stale: 10 * time.Second, Wait: 50 * time.Millisecond,
			}); current == nil || *current != want {
				t.Errorf("in service is %+v, want %+v", current, want)
			}
			c.Loader, c.Current = nil, nil
			want := advise.Config{
				TTL: 5 * time.Minute, MaxStale: 30 * time.Second, SLO: advise.SLO{Quantile: 0.999, Limit: 50 * time.Millisecond},
				Source: advise.Source{MaxConcurrent: 40, MaxRPS: 500.5}, Processes: 6, Routing: sim.RouteByKey, MemoryBytes: 512 << 20, Start: sim.Warm, Seed: 7,
				Safety: advise.Safety{
					Idempotent: advise.Reply{Answer: advise.Yes, Because: "reads only"}, SameForAll: advise.Reply{Answer: advise.Yes, Because: "no user in it"},
					ReadOnly: advise.Reply{Answer: advise.No},
				},
				Thresholds: advise.Thresholds{SavedShare: 0.1, OnceKeys: 4, CheapLoad: 50 * time.Microsecond},
			}
			if c.SLO.Quantile > 0.9989 && c.SLO.Quantile < 0.9991 { // a tenth is no binary number
				c.SLO.Quantile = 0.999
			}
			if c != want {
				t.Errorf("the settings are\n%+v, want\n%+v", c, want)
			}
		})
	}
}

// A name that means nothing may be a misspelt answer: it is refused, and named.
func TestMisspeltSettingsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, text string
		words      []string
	}{
		{"a.toml", "[policy]\nttls = \"5m\"\n", []string{"a.toml", `"ttls"`}},
		{"a.toml", "[safty]\nread_only = \"yes\"\n", []string{`"safty"`, "[policy], [safety] and [thresholds]"}},
		{"a.yaml", "safety:\n  readonly: yes\n", []string{`"readonly"`}},
		{"a.yaml", "safety:\n  read_only: perhaps\n", []string{"perhaps", "yes, no or unknown"}},
		{"a.yaml", "safety:\n  read_only: {answer: 'yes', becuase: x}\n", []string{`"becuase"`}},
		{"a.json", `{"thresholds": {"saved": 1}}`, []string{`"saved"`}},
		{"a.json", `{"policy": {"ttl": 5}}`, []string{"ttl"}},
		{"a.json", `{"policy": `, []string{"a.json"}},
		{"a.toml", "policy = [", []string{"a.toml"}},
		{"a.yaml", "policy: [", []string{"a.yaml"}},
		{"a.yaml", "- 1\n", []string{"a.yaml"}},
		{"a.ini", "ttl=5m", []string{".toml, .yaml or .json", ".ini"}},
	} {
		_, err := advising.ReadSettings(file(t, c.name, c.text))
		if err == nil {
			t.Errorf("%q is taken", c.text)
			continue
		}
		for _, w := range c.words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: the error %q does not say %q", c.text, err, w)
			}
		}
	}
	for _, name := range []string{"a.toml", "a.yaml"} {
		if s, err := advising.ReadSettings(file(t, name, "")); err != nil || s != (advising.Settings{}) {
			t.Errorf("an empty %s is %+v, %v", name, s, err)
		}
	}
	if _, err := advising.ReadSettings("/no/such.toml"); err == nil {
		t.Error("a file that is not there is read")
	}
}

// talk asks with these lines typed.
func talk(t *testing.T, safety advise.Safety, typed string) (advise.Safety, string) {
	t.Helper()
	var out strings.Builder
	err := advising.Ask(t.Context(), strings.NewReader(typed), &out, &safety, func(id string) []string {
		if id == "same_for_all" {
			return []string{"a key is requested by about 1224 clients: the same answer for all?"}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return safety, out.String()
}

func TestAskingWhatNoTraceTells(t *testing.T) {
	// Seven questions: an answer with a reason, one that is none, and so on.
	got, out := talk(t, advise.Safety{}, "yes: reads only\nNO\nmaybe\ny\n\n?\n n : they sort it \nYes:\n")
	want := advise.Safety{
		Idempotent: advise.Reply{Answer: advise.Yes, Because: "reads only"}, SameForAll: advise.Reply{Answer: advise.No},
		AuthorizedBefore: advise.Reply{Answer: advise.Yes},
		ErrorsShared:     advise.Reply{Answer: advise.No, Because: "they sort it"}, ReadOnly: advise.Reply{Answer: advise.Yes},
	}
	if got != want {
		t.Errorf("the answers are %+v, want %+v", got, want)
	}
	for _, w := range []string{"1224 clients", "nothing is advised", "yes: reads only"} {
		if !strings.Contains(out, w) {
			t.Errorf("%q is not in:\n%s", w, out)
		}
	}
	if n := strings.Count(out, "> "); n != 8 {
		t.Errorf("asked %d times, want 8", n)
	}
	same := strings.Index(out, "the same for every caller")
	if hint := strings.Index(out, "1224 clients"); hint < same || strings.Contains(out[same:hint], "> ") {
		t.Errorf("the evidence is not beside its question:\n%s", out)
	}
	for _, line := range strings.Split(out, "\n") {
		if len(line) > 80 {
			t.Errorf("a line of %d columns: %q", len(line), line)
		}
	}
}

func TestAskingEndsWithTheInput(t *testing.T) {
	got, _ := talk(t, advise.Safety{}, "yes\n")
	if want := (advise.Safety{Idempotent: advise.Reply{Answer: advise.Yes}}); got != want {
		t.Errorf("the answers are %+v, want the first only", got)
	}
}

// What is answered is not asked again.
func TestAskingOnlyWhatIsOpen(t *testing.T) {
	safe := advise.AllSafe("so it says")
	if got, out := talk(t, safe, "no\n"); got != safe || out != "" {
		t.Errorf("asked %q, and the answers are %+v", out, got)
	}
	safe.ReadOnly = advise.Reply{}
	got, out := talk(t, safe, "no: they sort it\n")
	if want := (advise.Reply{Answer: advise.No, Because: "they sort it"}); got.ReadOnly != want || strings.Count(out, "> ") != 1 {
		t.Errorf("asked %q, and the answers are %+v", out, got)
	}
}

// A file of latencies says how long loads take. Lines that are none are told of,
// and a file of mostly such lines is refused.
func TestLoaderOfAFile(t *testing.T) {
	config := func(text string) (advise.Config, advise.Input, error) {
		s := advising.Settings{Policy: advising.Policy{TTL: "1m", Loader: file(t, "took.txt", text)}}
		c, err := s.Config()
		var in advise.Input
		s.Read(&in)
		return c, in, err
	}
	c, in, err := config("# of a Tuesday\n10ms\n\n20 ms\r\n0.03s\n12.5\n-1ms\nsoon\n40000us\n")
	if err != nil {
		t.Fatal(err)
	}
	if l := c.Loader; l == nil || l.Quantile(0.5) != 30*time.Millisecond || l.Mean() != 25*time.Millisecond {
		t.Errorf("the loader is %v, want 10, 20, 30 and 40 ms", l)
	}
	if len(in.Files) != 1 || in.Files[0].Name != "took.txt" || in.Files[0].Records != 4 || in.Files[0].Bad != 3 || len(in.Files[0].SHA256) != 64 {
		t.Errorf("the report has the file as %+v", in.Files)
	}
	if len(in.Findings) != 1 {
		t.Fatalf("findings %+v, want one on three lines", in.Findings)
	}
	for _, w := range []string{"3 of 7 lines of took.txt", `line 6: "12.5" has no unit`, `line 7: "-1ms" is less than 0`, `line 8: "soon" is no duration`} {
		if !strings.Contains(in.Findings[0].Text, w) {
			t.Errorf("%q is not in %q", w, in.Findings[0].Text)
		}
	}

	for text, w := range map[string]string{
		"":                                   "has no latencies",
		"# nothing\n":                        "has no latencies",
		"1\n2\n3ms\n":                        `2 of 3 lines are no latency: line 1: "1" has no unit`,
		"1ms\nx\n":                           "1 of 2 lines",
		"25h\n":                              "more than 24h",
		"1ms\n" + strings.Repeat("1", 1<<17): "line 2",
	} {
		if _, _, err := config(text); err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%.20q: the error %v does not say %q", text, err, w)
		}
	}
	s := advising.Settings{Policy: advising.Policy{Loader: "20msec"}}
	if _, err := s.Config(); err == nil || !strings.Contains(err.Error(), "no file of latencies") || !strings.Contains(err.Error(), "p50=20ms") {
		t.Errorf("a loader that is nothing: %v", err)
	}
	s = advising.Settings{Policy: advising.Policy{Loader: t.TempDir()}}
	if _, err := s.Config(); err == nil {
		t.Error("a directory is a loader")
	}
}
