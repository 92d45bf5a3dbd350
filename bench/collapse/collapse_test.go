package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
)

// A pipeNetwork is a listener in memory, which a bubble's clock waits for.
type pipeNetwork struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func inMemory() network {
	n := &pipeNetwork{conns: make(chan net.Conn), closed: make(chan struct{})}
	return network{listen: func() (net.Listener, error) { return n, nil }, dial: n.dial}
}

func (n *pipeNetwork) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case n.conns <- theirs:
		return ours, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *pipeNetwork) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *pipeNetwork) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

func (n *pipeNetwork) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "source" }

// playInBubble runs a contender of this process by the default plan, on a
// bubble's clock.
func playInBubble(t *testing.T, c contender, sc scenario) (run, figures) {
	t.Helper()
	return defaultPlan.playInBubble(t, c, sc)
}

func (p plan) playInBubble(t *testing.T, c contender, sc scenario) (run, figures) {
	t.Helper()
	var r run
	synctest.Test(t, func(t *testing.T) {
		var err error
		if r, err = p.play(t.Context(), c, sc, inMemory()); err != nil {
			t.Fatal(err)
		}
	})
	return r, newFigures(r, p)
}

func inProcess() []contender { return choose("", "nginx") }

// Whoever coalesces makes one call of the source for a burst, and whoever does
// not makes one for each caller: so each goes through what it is named for.
func TestSourceCallsOfABurst(t *testing.T) {
	p := defaultPlan
	p.Steady = 0
	for _, c := range inProcess() {
		for _, sc := range scenarios {
			t.Run(c.name+"/"+sc.String(), func(t *testing.T) {
				_, f := p.playInBubble(t, c, sc)
				want := 1
				switch {
				case c.name == onefoldAgain.name && sc == slowLeader:
					want = 2
				case c.name == plainContender.name:
					want = defaultPlan.Callers
				case c.name == otterContender.name && sc == slowLeader:
					// When the leader's context ends, one whose own is about
					// to end as well may begin another load.
					if n := f.Burst.SourceCalls; n >= 1 && n < defaultPlan.Callers/2 {
						want = n
					}
				}
				if f.Burst.SourceCalls != want {
					t.Errorf("%d source calls for the first %d calls, want %d", f.Burst.SourceCalls, f.Burst.Calls, want)
				}
			})
		}
	}
}

// Every call is in the figures once, and every answer is one that the source
// gave.
func TestCountsAddUp(t *testing.T) {
	for _, c := range inProcess() {
		for _, sc := range scenarios {
			t.Run(c.name+"/"+sc.String(), func(t *testing.T) {
				r, f := playInBubble(t, c, sc)
				if f.Burst.Calls != defaultPlan.Callers || f.Steady.Calls < defaultPlan.Callers {
					t.Errorf("%d first calls and %d later ones of %d callers", f.Burst.Calls, f.Steady.Calls, defaultPlan.Callers)
				}
				values, numbers := 0, make(map[int64]bool)
				for _, c := range r.all() {
					if (c.err == nil) != (c.answer.number > 0) || c.answer.number > int64(r.totalSource) {
						t.Fatalf("a call came to answer %d with error %v, of %d source calls", c.answer.number, c.err, r.totalSource)
					}
					if c.err == nil {
						values++
						numbers[c.answer.number] = true
					}
					if c.answer.noStore != (sc == uncacheable && c.err == nil) {
						t.Fatalf("an answer that says no-store %t in scenario %v", c.answer.noStore, sc)
					}
				}
				if values+f.Burst.Errors+f.Steady.Errors != f.Burst.Calls+f.Steady.Calls {
					t.Errorf("%d values, %d + %d errors, of %d + %d calls", values, f.Burst.Errors, f.Steady.Errors, f.Burst.Calls, f.Steady.Calls)
				}
				switch sc {
				case uncacheable:
					if f.Shared != values-len(numbers) || f.Burst.Errors+f.Steady.Errors > 0 {
						t.Errorf("%d of %d values given to several, %d different ones; errors %s %s", f.Shared, values, len(numbers), f.Burst.FirstError, f.Steady.FirstError)
					}
					if c.name == plainContender.name && (f.Shared > 0 || r.totalSource != values) {
						t.Errorf("without coalescing, %d values given to several and %d source calls for %d values", f.Shared, r.totalSource, values)
					}
				case failing:
					if values > 0 || !strings.Contains(f.Burst.FirstError, "503") {
						t.Errorf("%d values of a source that fails; first error %q", values, f.Burst.FirstError)
					}
				case slowLeader:
					if values == 0 {
						t.Error("no value at all, want some when the slow load is over")
					}
				}
			})
		}
	}
}

// What the Group adds to x/sync's DoChan: it does not wait for a slow load to
// end before it tries again.
func TestGroupOutlivesASlowLeader(t *testing.T) {
	_, dochan := playInBubble(t, xsyncDoChan, slowLeader)
	_, group := playInBubble(t, onefoldGroup, slowLeader)
	if dochan.FirstValue < defaultPlan.Slow || group.FirstValue >= defaultPlan.Slow/2 {
		t.Errorf("first value after %v with DoChan and %v with a Group, want the slow load's %v and less than half of it", dochan.FirstValue, group.FirstValue, defaultPlan.Slow)
	}
	if n := group.Burst.SourceCalls + group.Steady.SourceCalls; n != 2 {
		t.Errorf("%d source calls, want 2", n)
	}
	if !strings.Contains(group.Burst.FirstError, onefold.ErrBudget.Error()) {
		t.Errorf("the Group's first error is %q, want a budget's end", group.Burst.FirstError)
	}
}

// What the cache does that a bare coalescer cannot: it loads directly when there
// is nothing to share, remembers a failure, and has a value for all who can wait
// for a second load.
func TestCacheAgainstItsTargets(t *testing.T) {
	for _, sc := range scenarios {
		if _, f := playInBubble(t, onefoldAgain, sc); len(f.Missed) > 0 {
			t.Errorf("%v: missed %q", sc, f.Missed)
		}
	}
	_, f := playInBubble(t, onefoldCache, uncacheable)
	if f.Burst.SourceCalls != 1 || f.Shared > 2*defaultPlan.Callers || f.AtOnce < defaultPlan.Callers/2 {
		t.Errorf("uncacheable: %d source calls at first, %d answers given to several, %d at once; want one call that tells all to load for themselves", f.Burst.SourceCalls, f.Shared, f.AtOnce)
	}
	if _, f = playInBubble(t, onefoldCache, failing); f.Steady.SourceCalls*20 > f.Steady.Calls {
		t.Errorf("failing: %d source calls for %d later calls, want them answered from memory", f.Steady.SourceCalls, f.Steady.Calls)
	}
	if _, f = playInBubble(t, onefoldAgain, slowLeader); f.Burst.Errors+f.Steady.Errors > 0 {
		t.Errorf("slow leader: %d and %d errors of callers who ask twice, want none", f.Burst.Errors, f.Steady.Errors)
	}
}

// quick is a plan for servers in real time.
func quick() plan {
	p := defaultPlan
	p.Callers = 8
	p.Load = 30 * time.Millisecond
	p.Slow = 400 * time.Millisecond
	p.Budget = 200 * time.Millisecond
	p.Pause = 10 * time.Millisecond
	p.Steady = 100 * time.Millisecond
	return p
}

func TestNginxLetsOneCallThroughAtATime(t *testing.T) {
	p := quick()
	r, err := p.play(t.Context(), nginxDefault, slowLeader, loopback())
	if err != nil {
		t.Fatal(err)
	}
	if r.atOnce != 1 {
		t.Errorf("the source served %d calls at once, want 1: is proxy_cache_lock on?", r.atOnce)
	}
	// A tuned one lets go of those who waited for as long as it is told. (It
	// gives the source no more than the budget, which a busy machine exceeds.)
	p.Budget = time.Minute
	tuned, err := p.play(t.Context(), nginxTuned, uncacheable, loopback())
	if err != nil {
		t.Fatal(err)
	}
	f := newFigures(tuned, p)
	if f.Burst.SourceCalls != p.Callers || f.Burst.Errors > 0 || f.Shared > 0 {
		t.Errorf("%d source calls and %d errors for %d callers, %d answers given to several; want one call each: %s",
			f.Burst.SourceCalls, f.Burst.Errors, p.Callers, f.Shared, f.Burst.FirstError)
	}
}

func TestNginxStops(t *testing.T) {
	n, err := startNginx("127.0.0.1:1", "")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", n.address)
	if err != nil {
		t.Error(err)
	} else {
		conn.Close()
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-n.exited:
	default:
		t.Error("the process is not gone")
	}
	if conn, err := net.Dial("tcp", n.address); err == nil {
		conn.Close()
		t.Errorf("somebody still listens on %s", n.address)
	}
	if _, err := os.Stat(n.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its files: %v, want none", err)
	}
}

func TestNginxThatCannotStartSaysWhy(t *testing.T) {
	_, err := startNginx("127.0.0.1:1", "no_such_directive on;")
	if err == nil || !strings.Contains(err.Error(), "no_such_directive") {
		t.Errorf("error %v, want one that quotes nginx", err)
	}
}

// Only the machine's delay decides whether a run is made again.
func TestDisturbedRunsAreRepeated(t *testing.T) {
	p := quick()
	p.Steady = 0
	p.Slack = -time.Hour // no machine is as quick as that
	if _, tried, err := p.playUndisturbed(t.Context(), plainContender, failing, loopback(), 2); tried != 2 || err != nil {
		t.Errorf("%d runs, %v; want 2", tried, err)
	}
	p.Slack = time.Hour
	if r, tried, err := p.playUndisturbed(t.Context(), plainContender, failing, loopback(), 2); tried != 1 || err != nil || r.totalSource != p.Callers {
		t.Errorf("%d runs with %d source calls, %v; want 1 with %d", tried, r.totalSource, err, p.Callers)
	}
}

func TestRank(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for _, c := range []struct {
		sorted []time.Duration
		q      float64
		want   time.Duration
	}{
		{nil, 0.5, 0},
		{[]time.Duration{7}, 0.99, 7},
		{hundred, 0.5, 50},
		{hundred, 0.99, 99},
		{hundred, 1, 100},
		{hundred[:50], 0.99, 50},
	} {
		if got := rank(c.sorted, c.q); got != c.want {
			t.Errorf("rank of %d values at %v = %d, want %d", len(c.sorted), c.q, got, c.want)
		}
	}
}

func TestTargets(t *testing.T) {
	p := defaultPlan
	took := func(n int, d time.Duration, err error) []call {
		calls := make([]call, n)
		for i := range calls {
			calls[i] = call{took: d, ended: d, err: err, answer: answer{number: 1}}
		}
		return calls
	}
	failed := errors.New("failed")
	for name, c := range map[string]struct {
		run  run
		want string
	}{
		"uncacheable":                       {run{scenario: uncacheable, burst: took(50, p.Patience, nil), burstSource: 50, totalSource: 50}, ""},
		"uncacheable, later slower":         {run{scenario: uncacheable, burst: took(50, p.Load, nil), steady: took(1, time.Second, nil), totalSource: 51}, "p50 1.000 s"},
		"uncacheable, too many calls":       {run{scenario: uncacheable, burst: took(50, p.Load, nil), totalSource: 51}, "51 source calls for 50 calls"},
		"uncacheable, an error":             {run{scenario: uncacheable, burst: took(1, p.Load, failed)}, "1 errors"},
		"failing":                           {run{scenario: failing, burst: took(50, p.Load+p.Slack, failed), totalSource: 50}, ""},
		"failing, one late":                 {run{scenario: failing, burst: took(50, p.Load, failed), steady: took(1, time.Second, failed)}, "max 1.000 s"},
		"slow leader":                       {run{scenario: slowLeader, burst: took(50, p.Budget+p.Slack, failed), totalSource: 2}, ""},
		"slow leader, slow and many calls":  {run{scenario: slowLeader, burst: took(50, 8*time.Second, nil), totalSource: 3}, "p99 8.000 s, 3 source calls"},
		"slow leader, one in a hundred off": {run{scenario: slowLeader, burst: took(1, 8*time.Second, nil), steady: took(99, time.Second, nil)}, ""},
	} {
		if got := strings.Join(newFigures(c.run, p).Missed, ", "); got != c.want {
			t.Errorf("%s: missed %q, want %q", name, got, c.want)
		}
	}
}

func TestCommandWritesTablesPageAndFigures(t *testing.T) {
	dir := t.TempDir()
	page, raw := filepath.Join(dir, "page.md"), filepath.Join(dir, "figures.json")
	var stdout bytes.Buffer
	err := command(t.Context(), []string{"-only", "No coalescing,x/sync Do", "-skip", "x/sync DoChan", "-callers", "2", "-steady", "1ms", "-tries", "1", "-page", page, "-json", raw}, &stdout, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"\n| no coalescing | ", "\n| x/sync Do | `singleflight.Group.Do`", "2 callers ask"} {
		if !bytes.Contains(text, []byte(line)) {
			t.Errorf("the page lacks %q:\n%s", line, text)
		}
	}
	if strings.Count(stdout.String(), "\n| x/sync Do |") != len(scenarios) {
		t.Errorf("the tables lack x/sync Do:\n%s", &stdout)
	}
	var record record
	content, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &record); err != nil || len(record.Figures) != 2*len(scenarios) || record.Plan.Callers != 2 {
		t.Errorf("figures of %d runs, plan %+v, error %v", len(record.Figures), record.Plan, err)
	}
	// A table's rows have as many cells as its head.
	for sc := range scenarios {
		lines := strings.Split(strings.TrimSpace(record.Table(fmt.Sprint(scenario(sc)))), "\n")
		for _, line := range lines {
			if strings.Count(line, "|") != strings.Count(lines[0], "|") {
				t.Errorf("uneven rows:\n%s\n%s", lines[0], line)
			}
		}
	}
}

func TestCommandRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"-callers is 0":       {"-callers", "0"},
		"leave no contender":  {"-only", "nobody"},
		`argument "now"`:      {"now"},
		"invalid value \"soo": {"-steady", "soon"},
	} {
		if err := command(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", args, err, want)
		}
	}
}
