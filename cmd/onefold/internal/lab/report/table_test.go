package report_test

import (
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/figures"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/report"
)

func table(t *testing.T, r *figures.Report, opts report.TableOptions) string {
	t.Helper()
	var b strings.Builder
	if err := report.Table(&b, r, opts); err != nil {
		t.Fatalf("Table: %v", err)
	}
	return b.String()
}

// three is a run of three strategies with figures that are easy to follow.
func three() *figures.Report {
	return &figures.Report{
		Sentence: "Onefold made 1,217 loads where check-then-load made 4,399.",
		Next:     "onefold lab --fail 0.3",
		Setup:    figures.Setup{Repeat: 1},
		Results: []figures.Result{
			{
				Strategy: "check", Title: "check, then load", Prevents: "loads of what is cached", Misses: "concurrent misses all load",
				Calls: 50_000, Loads: 4_399, PeakLoads: 211, HitRatio: 0.912,
				P50: 4420, P99: 42_100 * time.Microsecond, P999: 87_600 * time.Microsecond,
				Errors: figures.Errors{GaveUp: 412}, Wrong: figures.Wrong{Stale: 131}, CPU: 4940 * time.Millisecond, Allocs: 30.4,
			},
			{
				Strategy: "singleflight", Title: "x/sync singleflight", Prevents: "concurrent loads of one key", Misses: "the first caller's cancellation fails all",
				Calls: 50_000, Loads: 1_274, Saved: 0.71, PeakLoads: 35, Coalescing: 0.7, HitRatio: 0.915,
				P50: 4380, P99: 14_600 * time.Microsecond, P999: 28_700 * time.Microsecond,
				Errors: figures.Errors{GaveUp: 402, Source: 3}, Wrong: figures.Wrong{Stale: 57, Foreign: 1204}, CPU: 1500 * time.Millisecond, Allocs: 11.6,
			},
			{
				Strategy: "onefold", Title: "Onefold", Prevents: "concurrent loads of one key; stale stores", Misses: "the first miss waits for its load",
				Calls: 50_000, Loads: 1_217, Saved: math.NaN(), PeakLoads: 34, Coalescing: 0.71, HitRatio: 0.916,
				P50: 4380, P99: 13_900 * time.Microsecond, P999: 26_900 * time.Microsecond,
				Errors: figures.Errors{GaveUp: 399}, CPU: 1440 * time.Millisecond, Allocs: 11.3,
			},
		},
	}
}

func TestTableIsWhatItWas(t *testing.T) {
	for width, want := range map[int]string{
		120: golden120,
		80:  golden80,
	} {
		if got := table(t, three(), report.TableOptions{Width: width}); got != want[1:] {
			t.Errorf("at width %d:\n%s\nwant:\n%s", width, got, want[1:])
		}
	}
}

const golden120 = `
                          source          cache              latency           errors          wrong         process
strategy             loads saved peak  joined   hit     p50    p99  p99.9  gave up source  stale foreign    cpu allocs
check, then load     4,399    0%  211      0% 91.2%  4.42us 42.1ms 87.6ms      412      -   131!       -  4.94s   30.4
x/sync singleflight  1,274 71.0%   35   70.0% 91.5%  4.38us 14.6ms 28.7ms      402      3    57!  1,204!  1.50s   11.6
Onefold              1,217     -   34   71.0% 91.6%  4.38us 13.9ms 26.9ms      399      -      -       -  1.44s   11.3

calls    50,000 through each strategy
source   loads started; saved: share of the loads of check-then-load that were not needed; peak: most loads at once
cache    joined: coalescing ratio, (misses - loads) / misses; hit: share of calls answered at the first look
latency  from the intended moment of arrival, so free of coordinated omission
errors   gave up: the caller's own cancellation; source: the source failed
wrong    stale: older than an invalidation acknowledged before the call began; foreign: an error that is another
         caller's cancellation or deadline
process  cpu time; heap objects a call (allocs); both with the work of an embedded source

Onefold made 1,217 loads where check-then-load made 4,399.
Next: onefold lab --fail 0.3
`

const golden80 = `
                    source           cache               latency
strategy       loads saved peak   joined   hit      p50    p99  p99.9    wrong
check          4,399    0%  211       0% 91.2%   4.42us 42.1ms 87.6ms     131!
    errors: gave up 412; wrong: stale 131!; process: cpu 4.94s, allocs 30.4
singleflight   1,274 71.0%   35    70.0% 91.5%   4.38us 14.6ms 28.7ms   1,261!
    errors: gave up 402, source 3; wrong: stale 57!, foreign 1,204!;
    process: cpu 1.50s, allocs 11.6
onefold        1,217     -   34    71.0% 91.6%   4.38us 13.9ms 26.9ms        -
    errors: gave up 399; process: cpu 1.44s, allocs 11.3

calls    50,000 through each strategy
source   loads started; saved: share of the loads of check-then-load that were
         not needed; peak: most loads at once
cache    joined: coalescing ratio, (misses - loads) / misses; hit: share of
         calls answered at the first look
latency  from the intended moment of arrival, so free of coordinated omission
errors   gave up: the caller's own cancellation; source: the source failed
wrong    stale: older than an invalidation acknowledged before the call began;
         foreign: an error that is another caller's cancellation or deadline
process  cpu time; heap objects a call (allocs); both with the work of an
         embedded source

Onefold made 1,217 loads where check-then-load made 4,399.
Next: onefold lab --fail 0.3
`

func TestTableFits(t *testing.T) {
	for name, r := range runs() {
		for _, width := range []int{80, 100, 120, 200} {
			opts := report.TableOptions{Width: width, Explain: true}
			for line := range strings.Lines(table(t, r, opts)) {
				line = strings.TrimSuffix(line, "\n")
				if n := utf8.RuneCountInString(line); n > width {
					t.Errorf("%s at width %d: a line of %d: %s", name, width, n, line)
				}
				if strings.TrimRight(line, " ") != line && !strings.HasPrefix(line, "strategy") {
					t.Errorf("%s at width %d: blanks at the end of %q", name, width, line)
				}
			}
			var b strings.Builder
			if err := report.Setup(&b, r, opts); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				if n := utf8.RuneCountInString(line) - 1; n > width {
					t.Errorf("%s at width %d: the setup has a line of %d: %s", name, width, n, line)
				}
			}
		}
	}
}

func TestTableColumnsAreAligned(t *testing.T) {
	for name, r := range map[string]*figures.Report{"example": example(), "repeated": repeated(), "interrupted": interrupted(), "calm": calm()} {
		for _, width := range []int{80, 120, 200} {
			lines := strings.Split(table(t, r, report.TableOptions{Width: width}), "\n")
			head := lines[1]
			if !strings.HasPrefix(head, "strategy") {
				t.Fatalf("%s: the second line is %q, want the heads", name, head)
			}
			rows := 0
			for _, line := range lines[2:] {
				if line == "" {
					break
				}
				if strings.HasPrefix(line, "    ") {
					continue // the second line of a row
				}
				rows++
				if len(line) != len(head) {
					t.Errorf("%s at width %d: a row of %d columns under heads of %d:\n%s\n%s", name, width, len(line), len(head), head, line)
				}
				for _, end := range wordEnds(head)[1:] {
					if end > len(line) || line[end-1] == ' ' || (end < len(line) && line[end] != ' ') {
						t.Errorf("%s at width %d: no figure ends at column %d:\n%s\n%s", name, width, end, head, line)
					}
				}
			}
			if rows != len(r.Results) {
				t.Errorf("%s at width %d: %d rows for %d strategies", name, width, rows, len(r.Results))
			}
		}
	}
}

// wordEnds returns where the heads end, but for the names of two words, whose
// first word is no head.
func wordEnds(head string) []int {
	var ends []int
	for _, at := range regexp.MustCompile(`gave up|\w+ range|[\w.]+`).FindAllStringIndex(head, -1) {
		ends = append(ends, at[1])
	}
	return ends
}

func TestTableTellsEveryFigureAtEveryWidth(t *testing.T) {
	r := repeated()
	wide := table(t, r, report.TableOptions{Width: 400})
	figure := regexp.MustCompile(`[-<>]?\d[\d,.]*(?:ms|us|s|%|!)?`)
	for _, width := range []int{40, 60, 80, 120} {
		narrow := table(t, r, report.TableOptions{Width: width})
		for line := range strings.Lines(wide) {
			for _, f := range figure.FindAllString(line, -1) {
				if !strings.Contains(narrow, f) {
					t.Errorf("at width %d there is no %s, of %s", width, f, line)
				}
			}
		}
	}
}

func TestTableMarksWrongAnswersWithoutColour(t *testing.T) {
	r := three()
	for _, width := range []int{60, 80, 120} {
		text := table(t, r, report.TableOptions{Width: width})
		for _, want := range []string{"131!", "1,204!"} {
			if !strings.Contains(text, want) {
				t.Errorf("at width %d there is no %s:\n%s", width, want, text)
			}
		}
	}
	for i := range r.Results {
		r.Results[i].Wrong = figures.Wrong{}
	}
	text := table(t, r, report.TableOptions{})
	if strings.Contains(text, "!") {
		t.Errorf("a run without wrong answers is marked:\n%s", text)
	}
	if !strings.Contains(text, "wrong    none in this run") {
		t.Errorf("a run without wrong answers does not say so:\n%s", text)
	}
}

func TestColourOnlyAdds(t *testing.T) {
	escapes := regexp.MustCompile("\x1b\\[[0-9;]*m")
	for name, r := range runs() {
		for _, width := range []int{80, 120} {
			bare := table(t, r, report.TableOptions{Width: width, Explain: true})
			coloured := table(t, r, report.TableOptions{Width: width, Explain: true, Color: true})
			if got := escapes.ReplaceAllString(coloured, ""); got != bare {
				t.Errorf("%s at width %d: without its escapes the table is\n%s\nwant\n%s", name, width, got, bare)
			}
		}
	}
	if text := table(t, three(), report.TableOptions{Color: true}); !strings.Contains(text, "\x1b[1;31m131!\x1b[0m") {
		t.Errorf("a wrong answer has no colour:\n%q", text)
	}
}

func TestTableObeysNoEscapes(t *testing.T) {
	var b strings.Builder
	if err := report.Setup(&b, hostile(), report.TableOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{table(t, hostile(), report.TableOptions{Explain: true}), b.String()} {
		for _, c := range text {
			if c != '\n' && (c < ' ' || c == '\u202e' || c == 0x7f) {
				t.Fatalf("the output has the control character %U:\n%q", c, text)
			}
		}
	}
}

func TestTableOfAnInterruptedRun(t *testing.T) {
	text := table(t, interrupted(), report.TableOptions{})
	for _, want := range []string{"Interrupted: these are the figures up to then.", "loadorstore*", "12,345", "*        interrupted"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	text = table(t, &figures.Report{Partial: true}, report.TableOptions{})
	for _, want := range []string{"No strategy was measured.", "Interrupted"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

func TestTableOfARunOfZeroes(t *testing.T) {
	text := table(t, zeros(), report.TableOptions{})
	for _, bad := range []string{"NaN", "Inf", "%!"} {
		if strings.Contains(text, bad) {
			t.Errorf("%s in:\n%s", bad, text)
		}
	}
}

func TestTableExplains(t *testing.T) {
	r := three()
	text := table(t, r, report.TableOptions{Explain: true})
	for _, res := range r.Results {
		for _, want := range []string{res.Title + " (--only " + res.Strategy + ")", res.Prevents, res.Misses} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in:\n%s", want, text)
			}
		}
	}
	if bare := table(t, r, report.TableOptions{}); strings.Contains(bare, r.Results[0].Misses) {
		t.Errorf("explained without being asked:\n%s", bare)
	}
}

func TestTableReportsAWriteError(t *testing.T) {
	full := errors.New("the disk is full")
	if err := report.Table(failing{full}, three(), report.TableOptions{}); !errors.Is(err, full) {
		t.Errorf("Table to a full disk = %v, want %v", err, full)
	}
	if err := report.HTML(failing{full}, three()); !errors.Is(err, full) {
		t.Errorf("HTML to a full disk = %v, want %v", err, full)
	}
	if err := report.JSON(failing{full}, three()); !errors.Is(err, full) {
		t.Errorf("JSON to a full disk = %v, want %v", err, full)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestSetupSaysWhatWasGiven(t *testing.T) {
	var b strings.Builder
	if err := report.Setup(&b, example(), report.TableOptions{Width: 200}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"source   SQLite, 100,000 products, one load alone takes 3.21ms, at most 16 loads at once\n",
		"50,000 calls of 5,000 keys, over 4s\n",
		"trouble  callers wait at most 2s, 20% of callers give up, 50 writes a second, each invalidates\n",
		"run      seed 1\n",
		"machine  Example Processor 2.5 GHz, 2 CPUs, linux/amd64, go1.26.8\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
}
