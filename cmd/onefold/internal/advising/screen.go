package advising

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/onefold-go/onefold/advise"
)

// Screen prints a report for a terminal: the verdict, the figures that carry it,
// the settings, what would flip it. It is about one screen long: what says
// nothing new is left out, and named. width is the terminal's, colour says
// whether it takes any.
func Screen(w io.Writer, r *advise.Report, width int, colour bool) error {
	s := screen{width: min(max(width, 80), 110), colour: colour}
	s.verdict(r)
	s.carriedBy(r)
	s.overLimit(r)
	s.arms(r)
	s.settings(r)
	s.flips(r)
	s.open(r)
	s.current(r)
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
	s.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " "))
	s.WriteByte('\n')
}

func (s *screen) bold(text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[1m" + text + "\x1b[0m"
}

func (s *screen) heading(text string) { s.line("\n%s", s.bold(text)) }

// item prints a text with lead before its first line.
func (s *screen) item(lead, text string) {
	s.line("%s", wrap(text, s.width-utf8.RuneCountInString(lead), lead))
}

// list prints the first of some texts, and how many more there are.
func (s *screen) list(texts []string, most int) {
	for _, t := range texts[:min(len(texts), most)] {
		s.item("  - ", t)
	}
	if n := len(texts) - most; n > 0 {
		s.line("  - and %d more, see --json", n)
	}
}

func (s *screen) verdict(r *advise.Report) {
	title := strings.ToUpper(strings.ReplaceAll(string(r.Verdict.Class), "-", " "))
	for _, also := range r.Verdict.Also {
		title += " + " + strings.ToUpper(strings.ReplaceAll(string(also), "-", " "))
	}
	s.line("%s", s.bold(title))
	s.item("", r.Verdict.Sentence)
}

// figures prints one to a line, with the interval where there is one.
func (s *screen) figures(facts []advise.Fact) {
	name := 0
	for _, f := range facts {
		name = max(name, len(f.Name))
	}
	for _, f := range facts {
		s.line("  %-*s  %s", name, f.Name, interval(f.Interval, f.Unit))
	}
}

// interval prints a figure and what it may be, if the digits tell.
func interval(i advise.Interval, unit string) string {
	value, low, high := number(i.Value, unit), number(i.Low, unit), number(i.High, unit)
	if unit == "%" && max(i.Value, i.High) >= 0.001 { // more digits of one end say nothing
		value, low, high = tenth(i.Value), tenth(i.Low), tenth(i.High)
	}
	switch {
	case !i.Known():
		return "not known"
	case low == value && high == value:
		return value
	}
	return fmt.Sprintf("%-10s %s to %s", value, low, high)
}

func tenth(share float64) string {
	text := strconv.FormatFloat(100*share, 'f', 1, 64)
	if text == "-0.0" {
		text = "0.0"
	}
	return text + " %"
}

// overLimit says which limits of the source are broken, and what would keep to
// them.
func (s *screen) overLimit(r *advise.Report) {
	if len(r.Verdict.OverLimit) == 0 {
		return
	}
	s.heading("Over the source's limit")
	for _, e := range r.Verdict.OverLimit {
		s.item("  ", e.Text)
		s.item("  - ", "it takes "+strings.Join(e.Remedies, "; or "))
	}
}

func (s *screen) carriedBy(r *advise.Report) {
	facts := r.Verdict.CarriedBy
	if len(facts) == 0 {
		return
	}
	title := "It rests on"
	if slices.ContainsFunc(facts, func(f advise.Fact) bool { return f.Interval.High > f.Interval.Low }) {
		title += " (with 95 % intervals)"
	}
	s.heading(title)
	s.figures(facts)
}

// arms compares the ways to serve the requests. One that does about as well as
// one above it says nothing new, unless it is what is advised or in service.
func (s *screen) arms(r *advise.Report) {
	if len(r.Arms) == 0 {
		return
	}
	herds := r.Verdict.IfSafe == advise.CacheJitter || r.Verdict.IfSafe == advise.CacheBoth
	advised := ""
	if r.Advised != nil {
		advised = r.Advised.Arm
	}
	slo := r.Policy.SLO.Limit > 0
	s.heading("Each way to serve these requests")
	head := fmt.Sprintf("  %-31s %9s %8s %8s %7s", "", "loads/s", "hits", "p99", "peak")
	if slo {
		head += fmt.Sprintf(" %9s", "over SLO")
	}
	s.line("%s", head)
	var shown []*advise.Arm
	like := make(map[string][]string)
	for i := range r.Arms {
		a := &r.Arms[i]
		if strings.HasPrefix(a.ID, "herd") && !herds {
			continue
		}
		if a.ID != advised && a.ID != "current" {
			if k := slices.IndexFunc(shown, func(b *advise.Arm) bool { return alike(a, b) }); k >= 0 {
				like[shown[k].ID] = append(like[shown[k].ID], a.ID)
				continue
			}
		}
		shown = append(shown, a)
		mark := "  "
		if a.ID == advised {
			mark = "> "
		}
		row := fmt.Sprintf("%s%-31s %9s %8s %8s %7s", mark, cut(a.ID, 31), rate(a), number(hits(a), "%"), duration(twoDigits(float64(a.P99))), count(a.Peak))
		if slo {
			row += fmt.Sprintf(" %9s", number(a.OverSLO.Value, "%"))
		}
		s.line("%s", row)
	}
	for _, a := range shown {
		if n := like[a.ID]; len(n) > 0 {
			s.item("  ", "as "+a.ID+": "+strings.Join(n, ", "))
		}
	}
	if b := r.Bounds; b != nil && b.Spread.Figures.Peak.Value != b.AtTick.Figures.Peak.Value {
		s.item("  ", fmt.Sprintf("peaks are those if all requests of a tick of %s come at once; spread over it the cache's is %s, in place of %s",
			duration(float64(b.Tick)), number(b.Spread.Figures.Peak.Value, ""), number(b.AtTick.Figures.Peak.Value, "")))
	}
}

// twoDigits is what a histogram of latencies tells.
func twoDigits(v float64) float64 {
	if v <= 0 {
		return v
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-1)
	return math.Round(v/unit) * unit
}

func rate(a *advise.Arm) string {
	if !a.LoadRate.Known() {
		return "not known"
	}
	return number(a.LoadRate.Value, "")
}

// hits is the figure that the verdict and what to watch have as well.
func hits(a *advise.Arm) float64 { return a.HitRatio.Value }

// alike reports whether two arms differ by less than is worth a line.
func alike(a, b *advise.Arm) bool {
	near := func(x, y, by float64) bool { return math.Abs(x-y) <= by*max(math.Abs(x), math.Abs(y)) }
	return near(a.LoadRate.Value, b.LoadRate.Value, 0.02) && near(float64(a.P99), float64(b.P99), 0.05) && near(float64(a.Peak), float64(b.Peak), 0.1) &&
		math.Abs(hits(a)-hits(b)) <= 0.005 && math.Abs(a.OverSLO.Value-b.OverSLO.Value) <= 0.002
}

func (s *screen) settings(r *advise.Report) {
	if len(r.Settings) > 0 {
		s.heading("Settings, and what supports them (the row marked > where no other is named)")
		for _, set := range r.Settings {
			why := set.Why
			if r.Advised == nil || set.Arm != r.Advised.Arm {
				why += " [" + set.Arm + "]"
			}
			s.item(fmt.Sprintf("  %-12s %-8s ", set.Name, set.Value), why)
		}
	}
	if len(r.Watch) > 0 {
		title := "Watch after the change"
		if _, with, ok := strings.Cut(r.Watch[0].Arm, ", "); ok {
			title += ", " + with
		}
		s.heading(title)
		var facts []advise.Fact
		for _, m := range r.Watch {
			facts = append(facts, advise.Fact{Name: m.Name, Unit: m.Unit, Interval: m.Predicted})
		}
		s.figures(facts)
	}
}

func (s *screen) flips(r *advise.Report) {
	flips := r.Verdict.Flips
	if r.Verdict.Class == advise.RefuseUnsafe { // the questions stand below
		flips = slices.DeleteFunc(slices.Clone(flips), func(f string) bool { return strings.HasPrefix(f, "an answer to") })
	}
	if len(flips) == 0 && r.Verdict.NoFlip == "" {
		return
	}
	s.heading("What would flip it")
	s.list(flips, 4)
	if r.Verdict.NoFlip != "" {
		s.item("  ", r.Verdict.NoFlip)
	}
}

// open lists what is not answered yes, with what the trace hints at.
func (s *screen) open(r *advise.Report) {
	if c := r.Verdict.Class; c != advise.RefuseUnsafe && !c.Coalesces() {
		return
	}
	asked := false
	for _, c := range r.Safety {
		if c.Answer == advise.Yes {
			continue
		}
		if !asked {
			asked = true
			s.heading("Unanswered, or no: say it in [safety] of --settings, or with --answer ID=yes")
		}
		lead := fmt.Sprintf("  %-18s", c.ID)
		text := c.Text
		if c.Answer == advise.No {
			text = "No: " + c.IfNo
		}
		s.item(lead, text)
		for i, h := range c.Hints {
			if i == 2 {
				s.item(strings.Repeat(" ", len(lead)), fmt.Sprintf("and %d more signs of it, see --json", len(c.Hints)-i))
				break
			}
			s.item(strings.Repeat(" ", len(lead)), h)
		}
	}
}

// current holds what is in service against the advice.
func (s *screen) current(r *advise.Report) {
	if r.Current == nil || r.Verdict.Class.Refused() {
		return
	}
	title := "What is in service is as good as the advice"
	if !r.Current.AsGood {
		title = "What is in service is behind the advice"
	}
	s.heading(title)
	s.list(r.Current.Reasons, 6)
}

func (s *screen) input(r *advise.Report) {
	s.heading("The trace")
	t, l := r.Trace, r.Loader
	keys := count(t.Keys)
	if t.KeysEstimated {
		keys = "about " + keys
	}
	text := fmt.Sprintf("%s requests for %s keys in %s", count(t.Requests), keys, duration(float64(t.Span)))
	if t.RateUnknown {
		text = fmt.Sprintf("%s requests for %s keys, all at one instant: no rate is known", count(t.Requests), keys)
	}
	drawn, sampled := strings.CutSuffix(l.Text, " measured")
	switch {
	case l.Source == "":
	case l.Source == "stated" && sampled:
		text += fmt.Sprintf("; loads drawn from a file of %s: %s at the median, %s on average, %s at p99", drawn, duration(float64(l.P50)), duration(float64(l.Mean)), duration(float64(l.P99)))
	case l.Source == "stated":
		text += fmt.Sprintf("; loads as stated, %s, with a mean of %s", l.Text, duration(float64(l.Mean)))
	default:
		text += fmt.Sprintf("; loads of %s at the median, %s on average, %s at p99, as measured", duration(float64(l.P50)), duration(float64(l.Mean)), duration(float64(l.P99)))
	}
	if !r.Method.Exact && t.Requests > 0 {
		text += fmt.Sprintf("; %s keys followed exactly (%s of the requests), of the others %s", count(int64(r.Method.HeavyKeys)), number(r.Method.HeavyShare, "%"), number(r.Method.TailRate, "%"))
	}
	s.item("  ", text)
	notes := 0
	for _, f := range r.Input.Findings {
		switch f.Severity {
		case "serious":
			s.item("  - ", f.Severity+": "+sentences(f.Text, f.Remedy))
		case "note":
			notes++
		default:
			s.item("  - ", cut(f.Severity+": "+sentences(f.Text, f.Remedy), 2*(s.width-6)))
		}
	}
	if notes > 0 {
		s.line("  - %d %s, see --json", notes, map[bool]string{true: "note", false: "notes"}[notes == 1])
	}
}

// sentences puts texts one behind the other.
func sentences(texts ...string) string {
	var b strings.Builder
	for i, t := range texts {
		if t == "" {
			continue
		}
		if i > 0 {
			b.WriteString(". ")
			first, size := utf8.DecodeRuneInString(t)
			b.WriteRune(unicode.ToUpper(first))
			t = t[size:]
		}
		b.WriteString(t)
	}
	return b.String()
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
	case a == math.Trunc(a) && a < 1e15:
		text = count(int64(v))
	case a >= 100:
		text = count(int64(math.Round(v)))
	default:
		text = strconv.FormatFloat(v, 'g', 3, 64)
	}
	return text + strings.TrimPrefix(unit, "1") // "4.03/s"
}

// duration prints nanoseconds with three digits.
func duration(ns float64) string {
	switch {
	case ns <= 0:
		return "0"
	case ns < 1e3:
		return strconv.FormatFloat(ns, 'f', 0, 64) + "ns"
	case ns < 1e6:
		return strconv.FormatFloat(ns/1e3, 'g', 3, 64) + "µs"
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
