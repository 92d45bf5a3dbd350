package trace_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/advise/trace/tracegen"
)

func has(s trace.Summary, k trace.FindingKind) bool {
	return slices.ContainsFunc(s.Findings, func(f trace.Finding) bool { return f.Kind == k })
}

// summary reads a workload to its end.
func summary(t *testing.T, f trace.Format, d tracegen.Dialect, w tracegen.Workload, cfg trace.Config) trace.Summary {
	t.Helper()
	s := open(t, generate(t, f, d, w), cfg)
	all(t, s)
	return s.Summary()
}

func TestDuplicatesByIdentityAreLeftOut(t *testing.T) {
	w := tracegen.Workload{Seed: 3, Requests: 5000, Keys: 100, Rate: 200, Twice: 0.5}
	sum := summary(t, trace.Zeek, "", w, trace.Config{})
	if sum.Records != 5000 || sum.Files[0].Duplicates < 2300 || sum.Files[0].Duplicates > 2700 || !has(sum, trace.Duplicates) {
		t.Errorf("%d records, %d duplicates; %+v", sum.Records, sum.Files[0].Duplicates, sum.Findings)
	}
	kept := summary(t, trace.Zeek, "", w, trace.Config{KeepDuplicates: true})
	if kept.Records != 5000+sum.Files[0].Duplicates {
		t.Errorf("%d records where duplicates are kept, want %d", kept.Records, 5000+sum.Files[0].Duplicates)
	}
	w.Twice = 0
	if sum := summary(t, trace.Zeek, "", w, trace.Config{}); has(sum, trace.Duplicates) {
		t.Errorf("duplicates are found where there are none: %+v", sum.Findings)
	}
}

func TestDuplicatesWithoutIdentityAreSuspected(t *testing.T) {
	w := tracegen.Workload{Seed: 3, Requests: 5000, Keys: 100, Rate: 200, Twice: 0.3}
	sum := summary(t, trace.CSV, "", w, trace.Config{})
	if !has(sum, trace.Suspected) || sum.Files[0].Suspected < 1300 || sum.Files[0].Suspected > 1700 || sum.Records < 6000 {
		t.Errorf("%d of %d are suspected; %+v", sum.Files[0].Suspected, sum.Records, sum.Findings)
	}
	if sum := summary(t, trace.CSV, "", w, trace.Config{DropAlike: true}); sum.Records > 5000 || sum.Records < 4950 || !has(sum, trace.Suspected) {
		t.Errorf("%d records are left, want 5000; %+v", sum.Records, sum.Findings)
	}
	w.Twice = 0
	if sum := summary(t, trace.CSV, "", w, trace.Config{}); has(sum, trace.Suspected) {
		t.Errorf("duplicates are suspected where there are none: %+v", sum.Findings)
	}
	// With coarse times nothing can be told.
	w.Twice, w.Resolution = 0.3, time.Second
	if sum := summary(t, trace.CSV, "", w, trace.Config{}); has(sum, trace.Suspected) {
		t.Errorf("duplicates are suspected with times in seconds: %+v", sum.Findings)
	}
}

func TestResolutionIsFoundFromTheTimesNotFromTheirDigits(t *testing.T) {
	for _, c := range []struct {
		name    string
		w       tracegen.Workload
		step    time.Duration
		tick    time.Duration // at least, and at most four times that
		batched bool
	}{
		{"fine", tracegen.Workload{}, 1, 1, false},
		{"microseconds", tracegen.Workload{Resolution: time.Microsecond}, time.Microsecond, time.Microsecond, false},
		{"milliseconds", tracegen.Workload{Resolution: time.Millisecond}, time.Millisecond, time.Millisecond, false},
		{"seconds", tracegen.Workload{Resolution: time.Second}, time.Second, time.Second, false},
		{"seconds, few", tracegen.Workload{Resolution: time.Second, Rate: 2}, time.Second, time.Second, false},
		{"a burst every second", tracegen.Workload{Rate: 20, BurstEvery: time.Second, BurstSize: 50, BurstWithin: 5 * time.Millisecond}, 1, 1, false},
	} {
		w := c.w
		w.Seed, w.Requests = 1, 5000
		r := summary(t, trace.CSV, "", w, trace.Config{}).Resolution
		if r.Step != c.step || r.Tick < c.tick || r.Tick > 4*c.tick || r.Batched != c.batched {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

func TestBatchedStampsAreFound(t *testing.T) {
	// Written together every few seconds, at a time in milliseconds that is no
	// round one.
	var b strings.Builder
	b.WriteString("time_ms,key\n")
	at := int64(1_700_000_000_000)
	for i := range 5000 {
		if i%40 == 0 {
			at += 2000 + int64(i)%977
		}
		fmt.Fprintf(&b, "%d,k%d\n", at, i%100)
	}
	s := open(t, b.String(), trace.Config{})
	all(t, s)
	sum := s.Summary()
	if r := sum.Resolution; !r.Batched || r.Step > 10*time.Millisecond || r.Tick < time.Second || r.Tick > 4*time.Second || !has(sum, trace.BatchedStamps) {
		t.Errorf("%+v", r)
	}
}

func TestAllAtOneInstant(t *testing.T) {
	s := open(t, "time,key\n"+strings.Repeat("1700000000,a\n", 500), trace.Config{})
	got := all(t, s)
	if sum := s.Summary(); len(got) != 500 || got[499].Time != 0 || !has(sum, trace.OneInstant) || sum.Resolution.Ties != 1 {
		t.Errorf("%d records, %+v", len(got), sum)
	}
}

func TestTimesOfTheEndGiveTheBeginning(t *testing.T) {
	w := tracegen.Workload{Seed: 4, Requests: 3000, Rate: 500, Load: tracegen.LogNormal(20*time.Millisecond, 500*time.Millisecond)}
	var want []int64
	var first time.Duration
	for a := range w.All() {
		if a.N == 0 {
			first = a.At
		}
		want = append(want, int64(a.At-first))
	}
	s := open(t, generate(t, trace.Combined, tracegen.NginxTimed, w), trace.Config{})
	got := all(t, s)
	sum := s.Summary()
	if g := s.Guesses()[0]; g.Stamp != trace.End || !strings.Contains(g.String(), "$request_time") {
		t.Errorf("the guess is %v", g)
	}
	for i, r := range got {
		if d := r.Time - want[i]; max(d, -d) > 3e6 { // both were cut to a millisecond
			t.Fatalf("record %d begins at %v, want %v", i, time.Duration(r.Time), time.Duration(want[i]))
		}
	}
	if !has(sum, trace.EndShifted) || has(sum, trace.EndOnly) || sum.Resolution.Step != time.Millisecond {
		t.Errorf("%+v, %+v", sum.Resolution, sum.Findings)
	}
	if sum := summary(t, trace.Combined, "", w, trace.Config{}); !has(sum, trace.EndOnly) {
		t.Errorf("nothing is said of times that may be ends: %+v", sum.Findings)
	}
	if sum := summary(t, trace.Combined, "", w, trace.Config{Stamp: trace.Begin}); has(sum, trace.EndOnly) {
		t.Errorf("times are said to be ends where they are not: %+v", sum.Findings)
	}
}

func TestACacheInFrontIsFound(t *testing.T) {
	w := tracegen.Workload{Seed: 4, Requests: 3000, HitShare: 0.6}
	sum := summary(t, trace.Combined, tracegen.NginxTimed, w, trace.Config{})
	if !has(sum, trace.CacheInFront) || has(sum, trace.BehindCache) || sum.Cache["hit"] < 1700 || sum.Cache["hit"] > 1900 {
		t.Errorf("%v, %+v", sum.Cache, sum.Findings)
	}
	w.HitShare = 1e-9
	sum = summary(t, trace.Combined, tracegen.NginxTimed, w, trace.Config{})
	if !has(sum, trace.BehindCache) || sum.Cache["miss"] != 3000 {
		t.Errorf("%v, %+v", sum.Cache, sum.Findings)
	}
	w.HitShare = 0
	if sum = summary(t, trace.Combined, tracegen.NginxTimed, w, trace.Config{}); has(sum, trace.BehindCache) || has(sum, trace.CacheInFront) {
		t.Errorf("%v, %+v", sum.Cache, sum.Findings)
	}
}

func TestAnIDInTheKeyIsFound(t *testing.T) {
	w := tracegen.Workload{Seed: 4, Requests: 5000, Keys: 100, Unique: true}
	for _, f := range []trace.Format{trace.Combined, trace.CSV, trace.JSONL} {
		k := summary(t, f, "", w, trace.Config{}).Keys
		var names []string
		for _, p := range k.Collapsing() {
			names = append(names, p.Name)
			if p.Keys != 100 {
				t.Errorf("%v: without %s there are %d keys, want 100", f, p.Name, p.Keys)
			}
		}
		if k.Distinct != 5000 || !slices.Contains(names, "query parameter request_id") {
			t.Errorf("%v: %+v", f, k)
		}
	}
	for _, name := range []struct{ before, after, what string }{
		{"/v1/requests/", "/status", "part 3 of the path (a number)"},
		{"user:", ":profile", "part 2 of the path (a number)"},
	} {
		var b strings.Builder
		b.WriteString("time,key\n")
		for i := range 1000 {
			fmt.Fprintf(&b, "%d,%s%d%s\n", 1_700_000_000+i, name.before, i, name.after)
		}
		s := open(t, b.String(), trace.Config{})
		all(t, s)
		got := s.Summary().Keys.Collapsing()
		if len(got) != 1 || got[0].Name != name.what || got[0].Keys != 1 {
			t.Errorf("%s...%s: %+v", name.before, name.after, got)
		}
	}
	// Where keys come back they are what they should be.
	w.Unique = false
	if k := summary(t, trace.Combined, "", w, trace.Config{}).Keys; k.Collapsing() != nil {
		t.Errorf("%+v collapse", k.Collapsing())
	}
}

func TestAPartThatComesLateCountsTheKeysBefore(t *testing.T) {
	var b strings.Builder
	b.WriteString("time,key\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "%d,/plain/x%d\n", 1_700_000_000+i, i%200)
	}
	for i := range 1000 {
		fmt.Fprintf(&b, "%d,/search?q=x&page=%d\n", 1_700_001_000+i, i)
	}
	s := open(t, b.String(), trace.Config{})
	all(t, s)
	for _, p := range s.Summary().Keys.Parts {
		if want := uint64(201); (p.Name == "query parameter page" || p.Name == "the query string") && p.Keys != want {
			t.Errorf("without %s there are %d keys, want %d", p.Name, p.Keys, want)
		}
	}
}

func TestValuesAreNotTakenForNamesOfParameters(t *testing.T) {
	s := open(t, "time,key\n1700000000,/a?secret-of-ann\n1700000001,/a?12 3=x&b=1\n", trace.Config{})
	all(t, s)
	for _, p := range s.Summary().Keys.Parts {
		if p.Name != "the query string" && p.Name != "query parameter b" {
			t.Errorf("a part is called %q", p.Name)
		}
	}
}

func TestOneKeyAndNoneTwice(t *testing.T) {
	one := summary(t, trace.Combined, "", tracegen.Workload{Seed: 1, Requests: 2000, Keys: 1}, trace.Config{})
	if k := one.Keys; k.Distinct != 1 || k.Reads != 2000 || k.Collapsing() != nil {
		t.Errorf("one key: %+v", k)
	}
	name := func(b []byte, key int) []byte {
		return fmt.Appendf(b, "/page-%c%c%c", 'a'+key%26, 'a'+key/26%26, 'a'+key/676)
	}
	var b strings.Builder
	b.WriteString("time,key\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "%d,%s\n", 1_700_000_000+i, name(nil, i))
	}
	s := open(t, b.String(), trace.Config{})
	all(t, s)
	if k := s.Summary().Keys; k.Distinct != 5000 || k.Collapsing() != nil {
		t.Errorf("all keys differ: %+v", k)
	}
}

func TestHints(t *testing.T) {
	text := `10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET /me HTTP/1.1" 200 5
10.0.0.1 - ann [01/Jan/2026:00:00:01 +0000] "GET /users/7 HTTP/1.1" 200 5
10.0.0.1 - - [01/Jan/2026:00:00:02 +0000] "POST /Cart/add HTTP/1.1" 200 5
10.0.0.1 - - [01/Jan/2026:00:00:03 +0000] "GET /menu?session_id=5 HTTP/1.1" 200 5
10.0.0.1 - - [01/Jan/2026:00:00:04 +0000] "GET /menu HTTP/1.1" 200 5
`
	want := []trace.Hints{trace.PersonalPath, trace.Authorization, trace.PersonalPath | trace.UnsafeMethod, trace.PersonalPath, 0}
	for i, r := range all(t, open(t, text, trace.Config{})) {
		if r.Hints != want[i] {
			t.Errorf("line %d has the hints %b, want %b", i+1, r.Hints, want[i])
		}
	}
	text = `{"time":1700000000,"key":"a","authorization":"Bearer x","set_cookie":"-"}
{"time":1700000001,"key":"a","set_cookie":"id=5","authorization":null}
`
	want = []trace.Hints{trace.Authorization, trace.SetCookie}
	for i, r := range all(t, open(t, text, trace.Config{})) {
		if r.Hints != want[i] {
			t.Errorf("JSON line %d has the hints %b, want %b", i+1, r.Hints, want[i])
		}
	}
}

func TestClientsAreNowhereInWhatIsSaid(t *testing.T) {
	s := open(t, generate(t, trace.Combined, "", tracegen.Workload{Requests: 500})+"10.0.0.9 - - [junk] \"GET /x\"\n", trace.Config{Names: 5})
	all(t, s)
	if text := fmt.Sprintf("%+v %v", s.Summary(), s.Guesses()); strings.Contains(text, "10.0.") {
		t.Errorf("an address is shown: %s", text)
	}
}
