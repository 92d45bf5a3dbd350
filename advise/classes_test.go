package advise_test

import (
	"bytes"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/advise/trace"
)

// A workload is a trace and a policy that lead to a verdict.
type workload struct {
	name string
	made func() *made
	c    advise.Config
	in   advise.Input
	want advise.Class
	also advise.Class

	alone bool // the verdict adds nothing
}

func workloads(t testing.TB) []workload {
	skewed := loader(t, "p50=20ms,p99=200ms")
	steady := loader(t, "20ms")
	distinct := func() *made {
		m, n := maker(1), uint64(0)
		return m.poisson(100, 20*time.Second, func() uint64 { n++; return n })
	}
	one := func() uint64 { return 1 }
	hot := func() *made {
		m := maker(2)
		return m.poisson(1500, 10*time.Second, func() uint64 { return m.random.Uint64N(4) })
	}
	even := func(keys uint64, rate float64) func() *made {
		return func() *made {
			m := maker(3)
			return m.poisson(rate, 30*time.Second, func() uint64 { return m.random.Uint64N(keys) })
		}
	}
	return []workload{
		{name: "request id in the key", made: distinct, c: advise.Config{TTL: time.Minute, Loader: steady},
			in:   advise.Input{RequestsLookedAt: 2000, KeysLookedAt: 2000, Parts: []advise.KeyPart{{Name: "query parameter id", Keys: 40}}},
			want: advise.ChangeKey},
		{name: "few requests", made: func() *made { return maker(7).poisson(1000, 50*time.Millisecond, one) }, c: advise.Config{TTL: time.Hour, Loader: steady}, want: advise.Nothing},
		{name: "hardly busy", made: func() *made { return maker(8).poisson(0.1, time.Hour, one) }, c: advise.Config{TTL: time.Hour, Loader: steady}, want: advise.Nothing},
		{name: "hardly busy, but an SLO that a cache keeps", made: func() *made { return maker(8).poisson(0.1, 4*time.Hour, one) },
			c: advise.Config{TTL: time.Hour, Loader: steady, SLO: advise.SLO{Limit: 10 * time.Millisecond}}, want: advise.PlainCache},
		{name: "hardly busy, but over the limit", made: func() *made {
			m := maker(8)
			for i := range 400 { // four at once
				m.add(time.Duration(i/4)*time.Minute+time.Duration(i%4), uint64(i%4))
			}
			return m
		}, c: advise.Config{TTL: time.Hour, Loader: steady, Source: advise.Source{MaxConcurrent: 3}}, want: advise.PlainCache},
		{name: "very cheap, nothing may be kept", made: hot, c: advise.Config{Loader: loader(t, "1us")}, want: advise.Nothing},
		{name: "very cheap", made: hot, c: advise.Config{TTL: time.Second, Loader: loader(t, "1us")}, want: advise.Nothing},
		{name: "all keys distinct", made: distinct, c: advise.Config{TTL: time.Minute, Loader: steady}, want: advise.Nothing},
		{name: "few keys for ever", made: hot, c: advise.Config{TTL: sim.Forever, Loader: steady}, want: advise.Once},
		{name: "cheap load", made: hot, c: advise.Config{TTL: time.Second, Loader: loader(t, "10us")}, want: advise.LoadOrStore},
		{name: "cheap load over the source's limit", made: hot, want: advise.PlainCache,
			c: advise.Config{TTL: 100 * time.Millisecond, Loader: loader(t, "30us"), Overhead: time.Millisecond, Source: advise.Source{MaxRPS: 1}}},
		{name: "few keys, slow", made: even(4, 20), c: advise.Config{TTL: 10 * time.Second, Loader: steady}, want: advise.RefuseUnclear},
		{name: "spread out", made: even(1000, 400), c: advise.Config{TTL: 10 * time.Second, Loader: loader(t, "1ms")}, want: advise.PlainCache},
		{name: "herd", made: even(2000, 1500), c: advise.Config{TTL: 20 * time.Second, Loader: steady, Start: sim.Warm}, want: advise.CacheJitter},
		{name: "hot keys", made: hot, c: advise.Config{TTL: time.Second, Loader: steady}, want: advise.CacheCoalesce},
		{name: "hot keys, loads vary", made: hot, c: advise.Config{TTL: time.Second, Loader: skewed}, want: advise.CacheCoalesce, also: advise.WithEarly},
		{name: "hot keys, may be stale", made: hot, c: advise.Config{TTL: time.Second, MaxStale: time.Second, Loader: skewed}, want: advise.CacheCoalesce, also: advise.WithStale},
		{name: "warm keys, SLO", made: even(20, 400), want: advise.CacheCoalesce, also: advise.WithBound,
			c: advise.Config{TTL: 2 * time.Second, Loader: loader(t, "p50=5ms,p99=500ms"), SLO: advise.SLO{Quantile: 0.99, Limit: 200 * time.Millisecond}}},
		{name: "warm keys, SLO, a bounded wait that helps by a hair", made: even(150, 400), want: advise.CacheCoalesce, alone: true,
			c: advise.Config{TTL: 2 * time.Second, Loader: loader(t, "p50=40ms,p99=400ms"), SLO: advise.SLO{Quantile: 0.99, Limit: 200 * time.Millisecond}}},
		{name: "nothing may be kept, hot", made: hot, c: advise.Config{Loader: steady}, want: advise.CoalesceOnly},
		{name: "nothing may be kept, spread out", made: even(1000, 400), c: advise.Config{Loader: steady}, want: advise.Nothing},
		{name: "one key, now and then", made: func() *made { return maker(5).poisson(1, 10*time.Minute, one) }, c: advise.Config{TTL: time.Hour, Loader: steady}, want: advise.PlainCache},
		{name: "no times", made: hot, c: advise.Config{TTL: time.Second, Loader: steady}, in: advise.Input{NoTimes: true}, want: advise.RefuseUnclear},
		{name: "nothing at all", made: func() *made { return maker(6) }, c: advise.Config{TTL: time.Second, Loader: steady}, want: advise.RefuseUnclear},
		{name: "a clock of seconds", made: func() *made { return coarse(even(300, 30)(), time.Second) },
			c: advise.Config{TTL: 5 * time.Second, Loader: loader(t, "200ms")}, want: advise.RefuseUnclear},
		{name: "a clock of seconds that matters not", made: func() *made { return coarse(even(200, 4)(), time.Second) },
			c: advise.Config{TTL: time.Hour, Loader: loader(t, "4ms")}, want: advise.PlainCache},
	}
}

func coarse(m *made, tick time.Duration) *made {
	for i := range m.records {
		m.records[i].Time = m.records[i].Time / int64(tick) * int64(tick)
	}
	return m
}

func study(t testing.TB, w *workload) *advise.Report {
	t.Helper()
	c := w.c
	if c.Safety == (advise.Safety{}) {
		c.Safety = safe
	}
	c.CurveRequests = 4000 // so that tests are quick
	s, err := advise.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.Add(w.made().records)
	r, err := s.Report(w.in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var (
	studies   = map[string]*advise.Report{} // by the workload's name
	studiesMu sync.Mutex
)

// studied is the report of a workload, which is made once for all tests. Nobody may
// change it.
func studied(t testing.TB, w *workload) *advise.Report {
	t.Helper()
	studiesMu.Lock()
	defer studiesMu.Unlock()
	r := studies[w.name]
	if r == nil {
		r = study(t, w)
		studies[w.name] = r
	}
	return r
}

func TestVerdicts(t *testing.T) {
	codes := map[string]string{}
	var again sync.Once // one is enough to hold that the same records give the same report
	for _, w := range workloads(t) {
		t.Run(w.name, func(t *testing.T) {
			r := studied(t, &w)
			want(t, r, w.want)
			if w.alone && len(r.Verdict.Also) > 0 {
				t.Errorf("also %v, which helps by less than a twentieth", r.Verdict.Also)
			}
			if w.also != "" && (len(r.Verdict.Also) != 1 || r.Verdict.Also[0] != w.also) {
				t.Errorf("also %v, want %s", r.Verdict.Also, w.also)
				for _, reason := range r.Verdict.Reasons {
					t.Logf("%v %s: %s", reason.Held, reason.Class, reason.Condition)
				}
			}
			var b bytes.Buffer
			if err := r.WriteJSON(&b); err != nil {
				t.Fatal(err)
			}
			for _, s := range r.Settings {
				if s.Arm == "" || s.Why == "" {
					t.Errorf("setting %+v without what supports it", s)
				}
			}
			if r.Code != "" {
				codes[w.name] = r.Code
			}
			if !w.want.Coalesces() {
				return
			}
			again.Do(func() {
				var twice bytes.Buffer
				if err := study(t, &w).WriteJSON(&twice); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(b.Bytes(), twice.Bytes()) {
					t.Error("the same records gave another report")
				}
			})
		})
	}
	// The settings compile.
	built := map[string]bool{}
	check := checker(t)
	for name, code := range codes {
		shape := regexp.MustCompile(`[0-9]+|// .*|Hour|Minute|Second|M[a-z]+second`).ReplaceAllString(code, "")
		if built[shape] {
			continue
		}
		built[shape] = true
		if err := check(code); err != nil {
			t.Errorf("%s: %v\n%s", name, err, code)
		}
	}
	if len(built) < 5 {
		t.Errorf("%d settings of another form, want 5 or more", len(built))
	}
	if check("package cache\n\nimport \"github.com/onefold-go/onefold/tier\"\n\nvar _ = tier.Config{Jitters: 1}\n") == nil {
		t.Error("a field that is none compiles")
	}
}

// checker gives a function that checks the types of a file which imports what
// settings do. The compiler's export data of those is looked up once.
func checker(t *testing.T) func(code string) error {
	t.Helper()
	const module = "github.com/onefold-go/onefold"
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "context", "time", module, module+"/mem", module+"/tier", module+"/future").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = file
	}
	files := token.NewFileSet()
	conf := types.Config{Importer: importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })}
	return func(code string) error {
		file, err := parser.ParseFile(files, "cache.go", code, 0)
		if err != nil {
			return err
		}
		_, err = conf.Check("cache", files, []*ast.File{file}, nil)
		return err
	}
}

// TestOddTraces: what no service would send.
func TestOddTraces(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for name, records := range map[string][]trace.Record{
		"one request":     {{Key: 1}},
		"all at one time": repeat(2000, func(int) trace.Record { return trace.Record{Time: 5, Key: rnd.Uint64N(3), Duration: trace.Unknown} }),
		"years": repeat(500, func(i int) trace.Record {
			return trace.Record{Time: int64(i) * 365 * 24 * int64(time.Hour) / 10, Key: 1}
		}),
		"the ends of time":  {{Time: math.MinInt64, Key: 1}, {Time: math.MaxInt64, Key: 1}, {Time: 0, Key: 1}},
		"backwards":         repeat(500, func(i int) trace.Record { return trace.Record{Time: -int64(i) * 1e6, Key: uint64(i % 7)} }),
		"writes only":       repeat(50, func(i int) trace.Record { return trace.Record{Time: int64(i), Key: 1, Op: trace.Write} }),
		"unknown operation": {{Op: 200, Cache: 200, Key: 1}},
		"endless loads":     repeat(100, func(i int) trace.Record { return trace.Record{Time: int64(i), Key: 1, Duration: math.MaxInt64} }),
		"ten lines":         repeat(10, func(i int) trace.Record { return trace.Record{Time: int64(i) * 1e9, Key: uint64(i % 2), Duration: 1e6} }),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := advise.New(advise.Config{TTL: time.Minute, Loader: loader(t, "1ms"), Safety: safe, MaxStale: time.Second, SLO: advise.SLO{Limit: time.Second}})
			if err != nil {
				t.Fatal(err)
			}
			s.Add(records)
			r, err := s.Report(advise.Input{})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.WriteJSON(new(bytes.Buffer)); err != nil {
				t.Fatal(err)
			}
			t.Log(r.Verdict.Sentence)
		})
	}
}

func repeat(n int, make func(i int) trace.Record) []trace.Record {
	var list []trace.Record
	for i := range n {
		list = append(list, make(i))
	}
	return list
}
