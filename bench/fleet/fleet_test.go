package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A process of a fleet is this program again, and in a test it is the test.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		childMain()
	}
	os.Exit(m.Run())
}

// quick is a plan whose counts hold on a machine that is busy. Its times say
// nothing.
func quick() plan {
	p := defaultPlan
	p.Processes, p.Goroutines = 3, 8
	p.Warm, p.For = 500*time.Millisecond, 1500*time.Millisecond
	p.Rounds, p.Kills = 3, 1
	return p
}

func (p plan) mustRun(t *testing.T, c contender, work task) figures {
	t.Helper()
	f, err := p.run(t.Context(), c, work)
	if err != nil {
		t.Fatalf("%s, %s, %s: %v", work.Name, c.engine.name, c.name, err)
	}
	t.Logf("%s, %s, %s: %v", work.Name, c.engine.name, c.name, f)
	return f
}

func TestOnefoldLoadsOnceForTheFleet(t *testing.T) {
	t.Parallel()
	for _, c := range []contender{onefoldRedis, onefoldMemcached} {
		t.Run(c.engine.name, func(t *testing.T) {
			t.Parallel()
			for _, work := range []task{closedLoop, paced, herd} {
				f := quick().mustRun(t, c, work)
				if f.Errors > 0 || f.Ops == 0 || f.Expiries == 0 {
					t.Errorf("%s: %d operations, %d expiries and %d errors (%s), want no errors", work.Name, f.Ops, f.Expiries, f.Errors, f.FirstError)
				}
				// A process that the machine keeps from its time may pass over
				// the tier for a load or two.
				if 20*(f.Loads-f.Expiries) > f.Expiries {
					t.Errorf("%s: %d loads for %d expiries, want no more than these", work.Name, f.Loads, f.Expiries)
				}
				// The first hits after it may go by a clock that is late.
				if 1000*f.Stale > f.Ops {
					t.Errorf("%s: %d of %d answers older than the TTL, the oldest by far %v; want none", work.Name, f.Stale, f.Ops, f.Oldest)
				}
				if f.Sent == 0 || f.Sent > f.Commands || f.CPU == 0 {
					t.Errorf("%s: %d commands, %d of them sent, and %v of CPU time, want some", work.Name, f.Commands, f.Sent, f.CPU)
				}
			}
		})
	}
}

func TestLosersAreWoken(t *testing.T) {
	t.Parallel()
	for _, c := range []contender{onefoldRedis, onefoldMemcached} {
		p := quick()
		f := p.mustRun(t, c, wakeUp)
		if rounds := int64(p.Rounds); f.Loads != rounds || f.Wake.N != rounds*int64(p.Processes-1) || f.Errors > 0 {
			t.Errorf("%s: %d loads of %d keys, %d times that a process was woken, %d errors (%s); want a load of each key, and all other processes to be woken",
				c.engine.name, f.Loads, rounds, f.Wake.N, f.Errors, f.FirstError)
		}
	}
}

func TestKilledHolderHasOneSuccessor(t *testing.T) {
	t.Parallel()
	for _, c := range []contender{onefoldRedis, onefoldMemcached} {
		f := quick().mustRun(t, c, killed)
		if len(f.Takeovers) != 1 || f.Takeovers[0].Successors != 1 || f.Errors > 0 {
			t.Errorf("%s: takeovers %+v, %d errors (%s); want one, and no errors", c.engine.name, f.Takeovers, f.Errors, f.FirstError)
		}
	}
}

// Every contender goes through what it is named for.
func TestContendersAtAHerd(t *testing.T) {
	t.Parallel()
	p := quick()
	p.Warm, p.For = 0, 600*time.Millisecond
	for _, c := range contenders {
		t.Run(c.engine.name+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			f := p.mustRun(t, c, herd)
			if f.Ops == 0 || f.Ops == f.Errors || f.Loads < 10 || f.Commands == 0 {
				t.Errorf("%d calls with %d errors (%s), %d loads, %d commands; want answers, a load of each key, and commands", f.Ops, f.Errors, f.FirstError, f.Loads, f.Commands)
			}
		})
	}
}

func TestExpiries(t *testing.T) {
	at := time.Unix(1000, 0)
	ms := func(n int64) int64 { return at.UnixNano() + n*1e6 }
	for name, c := range map[string]struct {
		loads     []load
		n, needed int64
	}{
		"none":                            {nil, 0, 0},
		"one":                             {[]load{{Key: "a", Began: ms(0)}}, 1, 1},
		"two for one expiry":              {[]load{{Key: "a", Began: ms(30)}, {Key: "a", Began: ms(0)}}, 2, 1},
		"two keys":                        {[]load{{Key: "a", Began: ms(0)}, {Key: "b", Began: ms(0)}}, 2, 2},
		"one after another":               {[]load{{Key: "a", Began: ms(0)}, {Key: "a", Began: ms(600)}}, 2, 2},
		"before and after":                {[]load{{Key: "a", Began: ms(-1)}, {Key: "b", Began: ms(1000)}}, 0, 0},
		"with one that began just before": {[]load{{Key: "a", Began: ms(-1)}, {Key: "a", Began: ms(1)}}, 0, 0},
	} {
		if n, needed := expiries(c.loads, at, at.Add(time.Second), 500*time.Millisecond); n != c.n || needed != c.needed {
			t.Errorf("%s: %d loads for %d expiries, want %d for %d", name, n, needed, c.n, c.needed)
		}
	}
}

func TestHistogram(t *testing.T) {
	for b := range bucket(math.MaxInt64) {
		if got := bucket(least(b)); got != b {
			t.Fatalf("the least of bucket %d is in bucket %d", b, got)
		}
		if got := bucket(least(b+1) - 1); got != b {
			t.Fatalf("what is less than bucket %d is in bucket %d, want %d", b+1, got, b)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var h, parts histogram
	var all []time.Duration
	for range 1000 {
		d := time.Duration(random.ExpFloat64() * 1e6)
		all = append(all, d)
		h.add(d)
		var one histogram
		one.add(d)
		one.sparse().addTo(&parts)
	}
	slices.Sort(all)
	for _, q := range []float64{0.5, 0.99, 0.999, 1} {
		want := all[int(q*1000)-1]
		if got := h.quantile(q); got < want-want/25 || got > want+want/25 || parts.quantile(q) != got {
			t.Errorf("quantile %v = %v, of the parts %v; want %v, give or take 4 %%", q, got, parts.quantile(q), want)
		}
	}
	if h.max != all[999] || parts.n != 1000 {
		t.Errorf("max %v of %d, want %v of 1000", h.max, parts.n, all[999])
	}
}

func TestValueSaysWhenItWasMade(t *testing.T) {
	now := time.Now().UnixNano()
	if got, err := made(value(now)); got != now || err != nil {
		t.Errorf("made = %d, %v; want %d", got, err, now)
	}
	for _, v := range []string{"", value(now)[1:], "x" + value(now)[1:]} {
		if _, err := made([]byte(v)); err == nil {
			t.Errorf("made(%q): no error", v)
		}
	}
}

func TestTargets(t *testing.T) {
	run := func(contender string, pass int, cpu time.Duration, stale int64) figures {
		return figures{Engine: "redis", Contender: contender, Task: paced.Name, Pass: pass, Ops: 1000, Loads: 10, Expiries: 10, Seconds: 1, Sent: 200, CPU: cpu, Stale: stale}
	}
	r := newRecord(defaultPlan, 2)
	r.Runs = []figures{
		run("Onefold", 1, 300, 0), run("quick and old", 1, 200, 500), run("slow", 1, 400, 0),
		run("Onefold", 2, 600, 0), run("quick and old", 2, 200, 500), run("slow", 2, 500, 0),
	}
	text := r.Targets()
	for _, want := range []string{
		"| redis | paced | commands an op | ≤ 0.30 | 0.20 | 0.20, 0.20 | met |",
		"| redis | paced | CPU, of the cheapest's | ≤ 1.00 | 2.25 | 1.50, 3.00 | missed |",
		"| redis | paced | CPU, of the cheapest's that keeps to the TTL | ≤ 1.00 | 0.97 | 0.75, 1.20 | met |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the targets lack %q:\n%s", want, text)
		}
	}
}

func TestCommandWritesTablesPageAndFigures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	page, raw := filepath.Join(dir, "page.md"), filepath.Join(dir, "figures.json")
	var stdout bytes.Buffer
	err := command(t.Context(), []string{
		"-only", "Onefold,plain", "-skip", "Onefold", "-engine", "redis", "-work", "herd", "-passes", "1", "-processes", "2", "-goroutines", "2",
		"-warm", "0", "-for", "200ms", "-page", page, "-json", raw, "-note", "In a hurry.",
	}, &stdout, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"In a hurry.", "\n| plain cache-aside | ", "- **plain cache-aside** (redis): GET"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	var r record
	content, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &r); err != nil || len(r.Runs) != 1 || r.Plan.Processes != 2 || r.Runs[0].Ops == 0 {
		t.Errorf("figures %+v, error %v", r, err)
	}
	// The page can be made again of the figures.
	again := filepath.Join(dir, "again.md")
	if err := command(t.Context(), []string{"-from", raw + "," + raw, "-page", again, "-only", "plain", "-engine", "redis"}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	if text2, err := os.ReadFile(again); err != nil || !bytes.Equal(text, text2) {
		t.Errorf("the page made of the figures is another one, %v:\n%s", err, text2)
	}
	// A table's rows have as many cells as its head.
	lines := strings.Split(strings.TrimSpace(r.Table("redis", herd.Name)), "\n")
	if len(lines) != 3 {
		t.Errorf("%d lines, want 3:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	for _, line := range lines {
		if strings.Count(line, "|") != strings.Count(lines[0], "|") {
			t.Errorf("uneven rows:\n%s\n%s", lines[0], line)
		}
	}
}

func TestCommandRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"-processes is 0":        {"-processes", "0"},
		"-ttl is 100ms":          {"-ttl", "100ms"},
		"-lease is 1ms":          {"-lease", "1ms"},
		"-passes is 0":           {"-passes", "0"},
		"leave nothing to run":   {"-only", "nobody"},
		`argument "now"`:         {"now"},
		"invalid value \"soon\"": {"-for", "soon"},
	} {
		if err := command(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", args, err, want)
		}
	}
}

func TestProcessThatCannotSaysWhy(t *testing.T) {
	t.Parallel()
	c := onefoldRedis
	c.name = "nobody"
	_, err := quick().run(t.Context(), c, herd)
	if err == nil || !strings.Contains(err.Error(), `no contender "nobody"`) {
		t.Errorf("error %v, want one that says why the process ended", err)
	}
}
