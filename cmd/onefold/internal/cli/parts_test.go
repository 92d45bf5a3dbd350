package cli_test

import (
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/cli"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
)

func TestSecretsAreBlanked(t *testing.T) {
	for _, test := range []struct{ arg, want string }{
		{"lab", "lab"},
		{"--seed=3", "--seed=3"},
		{"postgres://ada@host/db", "postgres://ada@host/db"},
		{"postgres://ada:hunter2@host/db", "postgres://ada:xxxxx@host/db"},
		{"--source=postgres://ada:hunter2@host/db", "--source=postgres://ada:xxxxx@host/db"},
		{"postgres://host/db?user=ada&password=hunter2", "postgres://host/db?password=xxxxx&user=ada"},
		{"https://ghp_hunter2@host/", "https://xxxxx@host/"},
		{"https://host/items?token=hunter2", "https://host/items?token=xxxxx"},
		{"http://host/items/{key}", "http://host/items/{key}"},
		{"http://host/find?key={key}", "http://host/find?key={key}"},
		{"postgres://ada:hunter2%@host/db", "postgres://xxxxx@host/db"},
	} {
		got := cli.WithoutSecrets([]string{test.arg})
		if len(got) != 1 || got[0] != test.want {
			t.Errorf("WithoutSecrets(%q) = %q, want %q", test.arg, got, test.want)
		}
		if strings.Contains(got[0], "hunter2") {
			t.Errorf("WithoutSecrets(%q) = %q shows the secret", test.arg, got)
		}
	}
}

func TestVersionNamesTheCommit(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"},
		{Key: "vcs.modified", Value: "true"},
	}}
	if got, want := cli.Version(info, true), "devel, commit 0123456789ab and changes, go1.26.0"; got != want {
		t.Errorf("Version = %q, want %q", got, want)
	}
	info = &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "v0.3.1"}}
	if got, want := cli.Version(info, true), "v0.3.1, go1.26.0"; got != want {
		t.Errorf("Version = %q, want %q", got, want)
	}
	if got := cli.Version(nil, false); !strings.HasPrefix(got, "unknown") {
		t.Errorf("Version = %q, want unknown", got)
	}
}

func TestHottestKeys(t *testing.T) {
	s := &arrival.Stream{Keys: []string{"a", "b", "c"}}
	for _, key := range []int32{1, 2, 1, 2, 1, 0} {
		s.Calls = append(s.Calls, arrival.Call{Key: key})
	}
	for n, want := range [][]int32{{}, {1}, {1, 2}, {1, 2, 0}, {1, 2, 0}} {
		if got := cli.Hottest(s, n); !slices.Equal(got, want) {
			t.Errorf("Hottest(%d) = %v, want %v", n, got, want)
		}
	}
}

func TestLongRunsAreAnnounced(t *testing.T) {
	s := &arrival.Stream{Duration: time.Hour}
	got := cli.LongRun(s, "log", 10)
	for _, word := range []string{"10h0m0s", "1h0m0s for each of 10", "--speed 600", "1m0s in all"} {
		if !strings.Contains(got, word) {
			t.Errorf("%q is not in %q", word, got)
		}
	}
	s.Duration = 4 * time.Second
	if got := cli.LongRun(s, "log", 10); got != "" {
		t.Errorf("a run of 40s is announced: %q", got)
	}
}

func TestQuotedArguments(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"lab", "--trace", "a/b.csv"}, "lab --trace a/b.csv"},
		{[]string{"--trace=my log"}, "'--trace=my log'"},
		{[]string{"it's", ""}, `'it'\''s' ''`},
		{[]string{"http://host/{key}"}, "'http://host/{key}'"},
	} {
		if got := cli.Quoted(test.args); got != test.want {
			t.Errorf("Quoted(%q) = %s, want %s", test.args, got, test.want)
		}
	}
}

func TestNextIsWhatTheRunLeftOut(t *testing.T) {
	easy := []figures.Result{{Calls: 100, Answers: 100}, {Calls: 100, Errors: figures.Errors{Deadline: 90}}}
	hard := []figures.Result{{Calls: 100, Errors: figures.Errors{LoadTimeout: 20}}}
	for _, test := range []struct {
		args   string
		report figures.Report
		want   string
	}{
		{
			"", figures.Report{Results: easy},
			"more trouble: onefold lab --invalidate 50 --cancel 0.2; your own traffic: onefold lab --trace access.log --report lab.html",
		},
		{
			"--invalidate 50", figures.Report{Results: easy, Setup: figures.Setup{Invalidate: 50}},
			"your own traffic: onefold lab --trace access.log --report lab.html; the same with charts: onefold lab --invalidate 50 --report lab.html",
		},
		{
			"--trace log --key url --invalidate 50 --report x.html", figures.Report{Results: easy, Setup: figures.Setup{Invalidate: 50, Repeat: 1}},
			"how much of it is noise: onefold lab --trace log --key url --invalidate 50 --report x.html --repeat 5; " +
				"rare slow loads: onefold lab --trace log --key url --invalidate 50 --report x.html --slow 0.01:500ms",
		},
		{
			"--trace log --speed 60", figures.Report{Results: hard, Setup: figures.Setup{Invalidate: 50, Repeat: 1}},
			"a speed that the source can bear: onefold lab --trace log --speed 60 --speed 12; the same with charts: onefold lab --trace log --speed 60 --report lab.html",
		},
		{
			"--fail 1", figures.Report{Results: easy, Setup: figures.Setup{Fail: 1}},
			"a source that fails less often: onefold lab --fail 1 --fail 0.2; your own traffic: onefold lab --trace access.log --report lab.html",
		},
		{
			"--source postgres://ada:hunter2@host/db", figures.Report{Partial: true},
			"a shorter run: onefold lab --source postgres://ada:xxxxx@host/db --duration 1s; more trouble: onefold lab --source postgres://ada:xxxxx@host/db --invalidate 50 --cancel 0.2",
		},
	} {
		if got := cli.Next(cli.LabFlags(strings.Fields(test.args)...), &test.report); got != test.want {
			t.Errorf("after %q:\n%s\nwant:\n%s", test.args, got, test.want)
		}
	}
}

func TestBarLine(t *testing.T) {
	replay := lab.Step{Title: "memoized future", Replay: true, Done: 4, Of: 10, Takes: 4 * time.Second}
	for _, test := range []struct {
		step  lab.Step
		took  time.Duration
		width int
		want  string
	}{
		{lab.Step{Title: "measure the source", Of: 10}, time.Second, 100, "[                              ]   0 %  measure the source"},
		{replay, 0, 100, "[============                  ]  40 %  memoized future (5 of 10)"},
		{replay, 2 * time.Second, 100, "[=============                 ]  45 %  memoized future (5 of 10)"},
		{replay, time.Minute, 100, "[===============               ]  50 %  memoized future (5 of 10)"},
		{replay, 0, 21, "[============       "},
		{replay, 0, 0, "[============                  ]  40 %  memoized future (5 of 10)"},
	} {
		if got := cli.BarLine(test.step, test.took, test.width); got != test.want {
			t.Errorf("BarLine(%+v, %v, %d) =\n%q, want\n%q", test.step, test.took, test.width, got, test.want)
		}
	}
}

func TestBarLeavesACleanLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w strings.Builder
		b := cli.StartBar(&w, 80)
		b.Step(lab.Step{Title: "no cache", Replay: true, Of: 2, Takes: time.Second})
		time.Sleep(time.Second)
		b.Say("a remark")
		b.Step(lab.Step{Title: "check then load", Replay: true, Done: 1, Of: 2, Takes: time.Second})
		time.Sleep(time.Second)
		b.End()
		text := w.String()
		for _, word := range []string{"no cache (1 of 2)", "\r\x1b[Ka remark\n", "check then load (2 of 2)"} {
			if !strings.Contains(text, word) {
				t.Errorf("%q is not in %q", word, text)
			}
		}
		if !strings.HasSuffix(text, "\r\x1b[K") {
			t.Errorf("the line is not left clean: %q", text[max(0, len(text)-40):])
		}
	})
}
