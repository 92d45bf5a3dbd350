package trace_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/record"
)

// recorded is a recording of these lines.
func recorded(lines ...string) string {
	return "# onefold recording 1: up to 4096 keys in full, 0.0625 of the others\n" + record.Header + "\n" + strings.Join(lines, "\n") + "\n"
}

// accesses writes records as times and durations, each after a letter for its key.
func accesses(records []trace.Record) string {
	var out []string
	names := make(map[uint64]string)
	for _, r := range records {
		if names[r.Key] == "" {
			names[r.Key] = string(rune('a' + len(names)))
		}
		out = append(out, fmt.Sprintf("%s%d:%d", names[r.Key], r.Time, r.Duration))
	}
	return strings.Join(out, " ")
}

func TestALoadGoesToTheCallThatLedIt(t *testing.T) {
	for _, c := range []struct {
		what  string
		lines []string
		want  string
	}{
		{"behind its call", []string{"10,n,a,call,led,50,1", "12,n,a,load,led,40,1"}, "a0:40"},
		{"before it", []string{"12,n,a,load,led,40,1", "10,n,a,call,led,50,1"}, "a0:40"},
		{"of another key", []string{"10,n,a,call,led,50,1", "12,n,b,load,led,40,1"}, "a0:50"},
		{"of another cache", []string{"10,n,a,call,led,50,1", "12,m,a,load,led,40,1"}, "a0:50"},
		{"callers that join have none", []string{"10,n,a,call,led,50,1", "12,n,a,load,led,40,1", "20,n,a,call,joined,32,1"}, "a0:40 a10:-1"},
		{"a hit has none", []string{"10,n,a,call,led,50,1", "12,n,a,load,led,40,1", "90,n,a,call,hit,1,1"}, "a0:40 a80:-1"},
		{"a load behind a hit goes to the next call", []string{
			"10,n,a,call,hit,1,1", "11,n,a,load,led,40,1", "20,n,a,call,hit,1,1", "60,n,a,call,stale,1,1", "70,n,a,call,hit,1,1",
		}, "a0:-1 a10:-1 a50:40 a60:-1"},
		{"a call that failed has its load's, or none", []string{"10,n,a,call,failed,50,1", "12,n,a,load,failed,40,1", "99,n,a,call,failed,7,1"}, "a0:40 a89:-1"},
		{"two loads of one key", []string{
			"10,n,a,call,led,50,1", "12,n,a,load,led,40,1", "110,n,a,call,led,60,1", "112,n,a,load,led,30,1",
		}, "a0:40 a100:30"},
	} {
		s := open(t, recorded(c.lines...), trace.Config{})
		if got := accesses(all(t, s)); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

// Calls wait for their loads in bounded room: more calls than that without a
// load come out with their own durations.
func TestCallsWithoutLoadsDoNotPileUp(t *testing.T) {
	var lines []string
	for i := range 5000 {
		lines = append(lines, fmt.Sprintf("%d,n,%x,call,led,50,1", 1000+i, i))
	}
	for i := range 70_000 {
		lines = append(lines, fmt.Sprintf("%d,n,%x,load,led,50,1", 1_000_000+i, 1_000_000+i))
	}
	s := open(t, recorded(lines...), trace.Config{})
	records := all(t, s)
	if len(records) != 5000 {
		t.Fatalf("%d records, want 5000", len(records))
	}
	for _, r := range records {
		if r.Duration != 50 {
			t.Fatalf("%+v, want the call's own duration", r)
		}
	}
	if r := s.Summary().Files[0].Recording; r.Calls != 5000 || r.Loads != 70_000 || r.Lone != 70_000 {
		t.Errorf("%+v, want 5000 calls, 70,000 loads, all of them alone", r)
	}
}

func TestWhatARecordingLacksIsFound(t *testing.T) {
	lines := []string{"1,n,a,call,led,5,1", "1,n,a,load,led,5,1", "8,n,a,call,hit,0,1", "9,n,a,call,hit,0,1", "10,n,b,call,hit,0,16", "# written 5, skipped 90, dropped 7"}
	s := open(t, recorded(lines...), trace.Config{})
	all(t, s)
	for kind, words := range map[trace.FindingKind][]string{
		trace.Recorded:      {"4 calls", "75 % hits", "25 % led", "1 loads"},
		trace.TailSampled:   {"1 calls that stand for about 16 (84.2 % of about 19"},
		trace.DroppedEvents: {"dropped 7 events"},
	} {
		i := slices.IndexFunc(s.Summary().Findings, func(f trace.Finding) bool { return f.Kind == kind })
		if i < 0 {
			t.Errorf("no finding %s", kind)
			continue
		}
		f := s.Summary().Findings[i]
		for _, w := range words {
			if !strings.Contains(f.Text, w) {
				t.Errorf("%s: %q does not say %q", kind, f.Text, w)
			}
		}
		if kind != trace.Recorded && (f.Severity != trace.Serious || f.Remedy == "") {
			t.Errorf("%s is %v with the remedy %q, want serious and a remedy", kind, f.Severity, f.Remedy)
		}
	}
	g := s.Guesses()[0]
	if g.Format != trace.Recording || !strings.Contains(g.String(), "0.0625 of the others") || !strings.Contains(g.String(), "weight") {
		t.Errorf("the guess is %v", g)
	}

	two := open(t, record.Header+"\n1,n,a,call,hit,0,1\n2,m,a,call,hit,0,1\n", trace.Config{})
	all(t, two)
	if f := two.Summary().Findings[0]; !strings.Contains(f.Text, "2 groups or caches") {
		t.Errorf("calls of two caches: %+v", f)
	}
}

func TestBadLinesOfARecordingAreSaid(t *testing.T) {
	good := strings.Repeat("1,n,a,call,hit,0,1\n", 20)
	s := open(t, recorded(good+"2,n,a,call,lost,0,1", "3,n,a,sleep,hit,0,1", "4,n,a,call,hit,-1,1", "5,n,a,call,hit,0,0.5", "6,n,a", "x,n,a,call,hit,0,1", "7,n,,load,led,0,1"), trace.Config{BadLines: 9})
	if n := len(all(t, s)); n != 20 {
		t.Errorf("%d records, want 20", n)
	}
	bad := s.Summary().Files[0].FirstBad
	want := []string{`outcome is "lost"`, `event is "sleep"`, `duration is "-1"`, `weight is "0.5"`, "too few columns", "time", `key is ""`}
	if len(bad) != len(want) {
		t.Fatalf("%d bad lines, want %d: %v", len(bad), len(want), bad)
	}
	for i, w := range want {
		if !strings.Contains(bad[i].Err, w) {
			t.Errorf("bad line %d: %q does not say %q", i, bad[i].Err, w)
		}
	}
}
