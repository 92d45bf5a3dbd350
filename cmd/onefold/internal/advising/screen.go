package advising

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onefold-go/onefold/advise"
)

// Screen prints a report for a terminal: the verdict, the figures that carry it,
// the settings, what would flip it. width is the terminal's, colour says whether
// it takes any.
func Screen(w io.Writer, r *advise.Report, width int, colour bool) error {
	s := screen{width: min(max(width, 60), 110), colour: colour}
	s.verdict(r)
	s.carriedBy(r)
	s.arms(r)
	s.settings(r)
	s.flips(r)
	s.open(r)
	s.input(r)
	_, err := io.WriteString(w, s.String())
	return err
}

type screen struct {
	strings.Builder
	width  int
	colour bool
}

func (s *screen) line(format string, args ...any) {
	fmt.Fprintf(s, format, args...)
	s.WriteByte('\n')
}

func (s *screen) bold(text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[1m" + text + "\x1b[0m"
}

func (s *screen) heading(text string) { s.line("\n%s", s.bold(text)) }

func (s *screen) list(texts []string) {
	for _, t := range texts {
		s.line("%s", wrap(t, s.width-4, "  - "))
	}
}

func (s *screen) verdict(r *advise.Report) {
	title := strings.ToUpper(strings.ReplaceAll(string(r.Verdict.Class), "-", " "))
	for _, also := range r.Verdict.Also {
		title += " + " + strings.ToUpper(strings.ReplaceAll(string(also), "-", " "))
	}
	s.line("%s", s.bold(title))
	s.line("%s", wrap(r.Verdict.Sentence, s.width, ""))
	if r.Verdict.MoreTrace > 0 {
		s.line("%s", wrap("A trace about "+duration(float64(r.Verdict.MoreTrace))+" longer, if it goes on like this one, would decide.", s.width, ""))
	}
}

func (s *screen) carriedBy(r *advise.Report) {
	if len(r.Verdict.CarriedBy) == 0 {
		return
	}
	s.heading("It rests on" + map[bool]string{true: " (95 % intervals)"}[slices.ContainsFunc(r.Verdict.CarriedBy, func(f advise.Fact) bool { return f.Interval.High > f.Interval.Low })])
	for _, f := range r.Verdict.CarriedBy {
		text := number(f.Interval.Value, f.Unit)
		if f.Interval.High > f.Interval.Low {
			text += fmt.Sprintf("  (%s to %s)", number(f.Interval.Low, f.Unit), number(f.Interval.High, f.Unit))
		}
		s.line("  %-46s %s", f.Name, text)
	}
}

// arms compares the ways to serve the requests.
func (s *screen) arms(r *advise.Report) {
	if len(r.Arms) == 0 {
		return
	}
	s.heading("Each way to serve these requests")
	s.line("  %-38s %10s %8s %9s %9s %8s", "", "loads/s", "hits", "p99", "peak", "over SLO")
	for _, a := range r.Arms {
		hits, over := 0.0, "-"
		if a.Requests > 0 {
			hits = float64(a.Hits+a.StaleHits) / float64(a.Requests)
		}
		if r.Policy.SLO.Limit > 0 {
			over = number(a.OverSLO.Value, "%")
		}
		s.line("  %-38s %10s %8s %9s %9d %8s", cut(a.ID, 38), number(a.LoadRate.Value, ""), number(hits, "%"), duration(float64(a.P99)), a.Peak, over)
	}
}

func (s *screen) settings(r *advise.Report) {
	if len(r.Settings) == 0 {
		return
	}
	s.heading("Settings")
	for _, set := range r.Settings {
		s.line("%s", wrap(set.Why+" ["+set.Arm+"]", s.width-32, fmt.Sprintf("  %-14s %-14s ", set.Name, set.Value)))
	}
	if len(r.Watch) > 0 {
		s.heading("Watch after the change")
		for _, m := range r.Watch {
			p := m.Predicted
			s.line("  %-46s %s  (%s to %s)", m.Name, number(p.Value, m.Unit), number(p.Low, m.Unit), number(p.High, m.Unit))
		}
	}
}

func (s *screen) flips(r *advise.Report) {
	if len(r.Verdict.Flips) == 0 {
		return
	}
	s.heading("What would flip it")
	s.list(r.Verdict.Flips)
}

// open lists what is not answered yes, with what the trace hints at.
func (s *screen) open(r *advise.Report) {
	var open []advise.Checked
	for _, c := range r.Safety {
		if c.Answer != advise.Yes {
			open = append(open, c)
		}
	}
	if len(open) == 0 || !r.Verdict.Class.Refused() && !r.Verdict.Class.Coalesces() {
		return
	}
	s.heading("Answers that are missing, or no")
	for _, c := range open {
		s.line("%s", wrap(fmt.Sprintf("%s: %s [--answer %s=yes]", c.Answer, c.Text, c.ID), s.width-4, "  - "))
		for _, h := range c.Hints {
			s.line("%s", wrap(h, s.width-8, "      "))
		}
		if c.Answer == advise.No {
			s.line("%s", wrap(c.IfNo, s.width-8, "      "))
		}
	}
}

func (s *screen) input(r *advise.Report) {
	s.heading("The trace")
	t := r.Trace
	keys := ""
	if t.KeysEstimated {
		keys = "about "
	}
	s.line("  %s requests for %s%s keys in %s; loads of %s (%s, %s)", count(t.Requests), keys, count(t.Keys), duration(float64(t.Span)), duration(float64(r.Loader.P50)), r.Loader.Source, cut(r.Loader.Text, 40))
	for _, f := range r.Input.Findings {
		s.line("%s", wrap(f.Severity+": "+strings.TrimSuffix(f.Text+" "+f.Remedy, " "), s.width-4, "  - "))
	}
}

// number prints a figure in its unit: "%" is a share, "ns" a duration.
func number(v float64, unit string) string {
	switch unit {
	case "%":
		switch p := 100 * v; {
		case p != 0 && math.Abs(p) < 0.1:
			return strconv.FormatFloat(p, 'g', 2, 64) + " %"
		default:
			return strconv.FormatFloat(p, 'f', 1, 64) + " %"
		}
	case "ns":
		return duration(v)
	}
	text := ""
	switch a := math.Abs(v); {
	case a == math.Trunc(a) && a < 1e6:
		text = strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 100:
		text = count(int64(math.Round(v)))
	default:
		text = strconv.FormatFloat(v, 'g', 3, 64)
	}
	if unit != "" {
		text += " " + unit
	}
	return text
}

// duration prints nanoseconds with three digits.
func duration(ns float64) string {
	switch {
	case ns <= 0:
		return "0"
	case ns < 1e3:
		return strconv.FormatFloat(ns, 'f', 0, 64) + "ns"
	case ns < 1e6:
		return strconv.FormatFloat(ns/1e3, 'g', 3, 64) + "us"
	case ns < 1e9:
		return strconv.FormatFloat(ns/1e6, 'g', 3, 64) + "ms"
	case ns < 100e9:
		return strconv.FormatFloat(ns/1e9, 'g', 3, 64) + "s"
	case ns >= 9.2e18:
		return "for ever"
	}
	d := time.Duration(ns).Round(time.Second)
	if days := d / (24 * time.Hour); days > 1 {
		return fmt.Sprintf("%dd%s", days, strings.TrimSuffix(strings.TrimSuffix((d%(24*time.Hour)).Round(time.Hour).String(), "0s"), "0m"))
	}
	return d.String()
}

// count groups the digits of a number.
func count(n int64) string {
	text := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, c := range text {
		if i > 0 && (len(text)-i)%3 == 0 && text[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}

func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}
