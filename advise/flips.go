package advise

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// flips say what would change a verdict. Where no figure would, within what was
// tried, none says so.
func (m *matter) flips(class Class, no, unknown []Question, r *Report) (list []string, none string) {
	for _, q := range no {
		list = append(list, q.ID+": "+q.IfNo)
	}
	if len(unknown) > 0 {
		list = append(list, "an answer to each of "+ids(unknown))
	}
	f := &flipping{matter: m, class: class, r: r}
	f.floor()
	switch class {
	case Once:
		f.say("a limit of freshness, or more than %d keys", m.c.Thresholds.OnceKeys)
	case LoadOrStore:
		f.say("loads that take %s or more at the median, in place of %s", short(m.cheap()), short(m.loader.P50))
	case Nothing, ChangeKey:
		if m.c.TTL > 0 {
			f.hits()
		} else if class == Nothing {
			f.saved(m.c.Thresholds.OverlapOnly)
		}
	default:
		threshold := m.c.Thresholds.SavedShare
		if m.c.TTL == 0 {
			threshold = m.c.Thresholds.OverlapOnly
		}
		if f.class == NotDemonstrated {
			f.sure(threshold)
		} else {
			f.saved(threshold)
		}
		f.fewHits()
	}
	f.limits()
	f.kept()
	if r.Bounds != nil && !r.Bounds.SameSaid {
		f.say("times finer than %s", short(r.Bounds.Tick))
	}
	if len(f.list) == 0 {
		none = f.tried()
	}
	return append(list, f.list...), none
}

type flipping struct {
	*matter
	class Class
	r     *Report
	list  []string
}

func (f *flipping) say(format string, args ...any) {
	f.list = append(f.list, fmt.Sprintf(format, args...))
}

// sayOfArms is for figures of arms and curves, which have all requests of a tick
// at once.
func (f *flipping) sayOfArms(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if b := f.r.Bounds; b != nil {
		text += fmt.Sprintf(" (if all requests of a tick of %s come at once, which the stamps do not tell)", short(b.Tick))
	}
	f.list = append(f.list, text)
}

// with is the verdict if the policy were another. Figures stay.
func (m *matter) with(change func(*Config)) Class {
	c, n := *m.c, *m
	change(&c)
	n.c = &c
	class, _, _ := decide(&n)
	return class
}

func (m *matter) cheap() time.Duration {
	return max(m.c.Thresholds.CheapLoad, time.Duration(m.c.Thresholds.CheapTimes*float64(m.c.Overhead)))
}

// floor tells of how little there may be before nothing is worth while.
func (f *flipping) floor() {
	t, facts := f.c.Thresholds, f.facts
	if held, _ := f.idle(); held {
		other := f.with(func(c *Config) { c.Thresholds.MinBusy, c.Thresholds.MinRequests = 0, 0 })
		then := ""
		if other != Nothing {
			then = ": then " + string(other)
		}
		if facts.Requests < t.MinRequests {
			f.say("%d requests or more, in place of %d%s", t.MinRequests, facts.Requests, then)
			return
		}
		busy := facts.Rate * f.loader.Mean.Seconds()
		f.say("about %s requests a second, in place of %s, or loads of about %s on average, in place of %s%s",
			number(digits(facts.Rate*t.MinBusy/busy)), number(facts.Rate), about(float64(f.loader.Mean)*t.MinBusy/busy), short(f.loader.Mean), then)
		return
	}
	busy := facts.Rate * f.loader.Mean.Seconds()
	if _, spared := f.spared(); spared || facts.RateUnknown || busy < t.MinBusy || busy > 10*t.MinBusy || f.class == Nothing || f.class == RefuseUnclear {
		return
	}
	f.say("fewer than about %s requests a second, in place of %s, or loads of less than about %s on average, in place of %s: then the source is busy for less than %s of the time, and nothing is worth while",
		number(digits(facts.Rate*t.MinBusy/busy)), number(facts.Rate), about(float64(f.loader.Mean)*t.MinBusy/busy), short(f.loader.Mean), percent(t.MinBusy))
}

// saved tells where the curves cross the share that coalescing must save.
func (f *flipping) saved(threshold float64) {
	for _, c := range f.r.Curves {
		at, spot := even(c.Points, threshold), own(c.Points)
		if at == 0 || c.Over == overRate && f.facts.RateUnknown {
			continue
		}
		then := "coalescing then saves more than " + percent(threshold) + " of the loads"
		if spot.Saved >= threshold {
			then = "coalescing then saves less than " + percent(threshold) + " of the loads"
		}
		f.sayOfArms("%s: %s", c.change(spot, at), then)
	}
}

// sure tells where the whole interval would be on one side of the threshold, if it
// were as wide for its figure as it is now.
func (f *flipping) sure(threshold float64) {
	i := f.f.Saved
	if f.c.TTL == 0 {
		i = f.f.Joined
	}
	for _, c := range f.r.Curves {
		if c.Over == overRate && f.facts.RateUnknown {
			continue
		}
		for _, end := range []struct {
			at   float64
			word string
		}{{i.Low, "more"}, {i.High, "less"}} {
			if end.at <= 0 {
				continue
			}
			share := threshold * i.Value / end.at
			if at := even(c.Points, share); at > 0 {
				f.sayOfArms("%s: then about %s is saved, surely %s than %s", c.change(own(c.Points), at), f.share(share), end.word, percent(threshold))
			}
		}
	}
}

// change words a change of what a curve is over.
func (c *Curve) change(spot Spot, times float64) string {
	switch c.Over {
	case overLoader:
		return fmt.Sprintf("loads of about %s on average, in place of %s", about(float64(spot.At)*times), short(spot.At))
	case overRate:
		return fmt.Sprintf("about %s requests a second, in place of %s", number(digits(spot.Rate*times)), number(spot.Rate))
	}
	return fmt.Sprintf("a TTL of about %s, in place of %s", about(float64(spot.At)*times), short(spot.At))
}

// own is the point of a curve that the trace itself has.
func own(points []Spot) Spot {
	for _, p := range points {
		if p.Times == 1 {
			return p
		}
	}
	return Spot{}
}

// hits tells which TTL makes a cache worth while.
func (f *flipping) hits() {
	least := f.c.Thresholds.HitRatio
	if f.class != Nothing || f.f.HitRatio.High >= least {
		return
	}
	for _, c := range f.r.Curves {
		if c.Over != overTTL {
			continue
		}
		for _, p := range c.Points {
			if p.Times > 1 && p.Hits >= least {
				f.sayOfArms("a TTL of %s, in place of %s: a cache then answers %s of the requests", short(p.At), short(own(c.Points).At), percent(p.Hits))
				return
			}
		}
	}
	heat := f.r.HeatMap
	if last := len(heat.HitRatio) - 1; last >= 0 && heat.TTLs[last] == sim.Forever && f.c.TTL != sim.Forever {
		best := 0.0
		for _, v := range heat.HitRatio[last] {
			best = max(best, v)
		}
		if best >= least {
			f.say("no limit of freshness (--ttl forever), in place of %s: a cache then answers up to %s of the requests", short(f.c.TTL), percent(best))
		}
	}
}

// fewHits tells which TTL makes a cache useless.
func (f *flipping) fewHits() {
	t := f.c.Thresholds
	for _, c := range f.r.Curves {
		if c.Over != overTTL {
			continue
		}
		for i := len(c.Points) - 1; i >= 0; i-- {
			if p := c.Points[i]; p.Times < 1 && p.Hits < t.HitRatio && 1/max(1-p.Saved, 1e-9) < t.Amplification {
				f.sayOfArms("a TTL of %s or less, in place of %s: a cache then answers less than %s of the requests, and nothing is worth while", short(p.At), short(own(c.Points).At), percent(t.HitRatio))
				return
			}
		}
	}
}

// limits tells which source would make a difference. Each is tried.
func (f *flipping) limits() {
	if f.c.TTL == 0 || f.class.Refused() {
		return
	}
	have := f.c.Source
	if n, ok := f.fewerAtOnce(); ok {
		in := ""
		if have.MaxConcurrent > 0 {
			in = fmt.Sprintf(", in place of %d", have.MaxConcurrent)
		}
		f.sayOfArms("a source that bears fewer than %d loads at once%s: in its worst window coalescing makes one load of %s", n, in, number(f.f.WorstWindow.Amplification))
	}
	if have.MaxRPS == 0 || f.facts.RateUnknown {
		return
	}
	if n := f.f.SavedRate.High / f.c.Thresholds.SavedOfRPS; n > 0 && n < have.MaxRPS {
		if other := f.with(func(c *Config) { c.Source.MaxRPS = n * 0.99 }); other != f.class {
			f.say("a source that bears fewer than about %s loads a second, in place of %s: then %s", number(digits(n)), number(have.MaxRPS), other)
		}
	}
}

// fewerAtOnce is the peak below which a source's limit would have loads shared.
// Peaks and windows of coarse stamps are what the stamps make of them: both
// readings must say so.
func (f *flipping) fewerAtOnce() (int, bool) {
	least := f.f
	if b := f.r.Bounds; b != nil {
		if b.AtTick.Figures.WorstWindow.Amplification < f.c.Thresholds.WindowAmplification || b.Spread.Figures.WorstWindow.Amplification < f.c.Thresholds.WindowAmplification {
			return 0, false
		}
		if b.Spread.Figures.PeakJittered.Value < least.PeakJittered.Value {
			least = b.Spread.Figures
		}
	}
	n := int(min(least.PeakJittered.Value, least.Peak.Value))
	if n <= 1 || f.c.Source.MaxConcurrent > 0 && n >= f.c.Source.MaxConcurrent || f.class.Coalesces() {
		return 0, false
	}
	return n, f.with(func(c *Config) { c.Source.MaxConcurrent = n - 1 }).Coalesces()
}

// kept tells what it would change whether values may be kept.
func (f *flipping) kept() {
	if f.c.TTL == 0 {
		if again := 1 - ratio(float64(f.facts.Keys), float64(f.facts.Requests)); again > 0 {
			f.say("values that may be kept: %s of requests are for a key that was asked for before", percent(again))
		}
		return
	}
	if f.class.Coalesces() || f.class == ChangeKey {
		return
	}
	if held, _ := f.idle(); held {
		return
	}
	share := f.arm(armShare)
	if joined := ratio(float64(share.Joined), float64(share.Requests)); joined >= f.c.Thresholds.OverlapOnly {
		f.sayOfArms("values that may not be kept at all (--ttl none): then %s of the requests come while their key is loading, and coalescing without a cache may be worth while", percent(joined))
	}
}

// tried says within what no flip was found.
func (f *flipping) tried() string {
	var ranges []string
	var lowest, highest, mostHits float64 = 1, 0, 0
	for _, c := range f.r.Curves {
		if len(c.Points) == 0 || c.Over == overRate && f.facts.RateUnknown {
			continue
		}
		first, last := c.Points[0], c.Points[len(c.Points)-1]
		switch c.Over {
		case overLoader:
			ranges = append(ranges, fmt.Sprintf("loads of %s to %s on average", about(float64(first.At)), about(float64(last.At))))
		case overRate:
			ranges = append(ranges, fmt.Sprintf("%s to %s requests a second", number(digits(first.Rate)), number(digits(last.Rate))))
		case overTTL:
			ranges = append(ranges, fmt.Sprintf("TTLs of %s to %s", short(first.At), short(last.At)))
		}
		for _, p := range c.Points {
			lowest, highest, mostHits = min(lowest, p.Saved), max(highest, p.Saved), max(mostHits, p.Hits)
		}
	}
	if len(ranges) == 0 {
		return "None was found: there was nothing to try."
	}
	text := strings.Join(ranges, ", ")
	if i := strings.LastIndex(text, ", "); i >= 0 {
		text = text[:i] + " and " + text[i+2:]
	}
	text = "None within " + text + ", one at a time: "
	if f.class == Nothing && f.c.TTL > 0 {
		return text + fmt.Sprintf("a cache answers at most %s of the requests, and coalescing saves at most %s of the loads.", percent(mostHits), percent(highest))
	}
	return text + fmt.Sprintf("coalescing saves %s to %s of the loads, and the verdict divides at %s.", percent(max(lowest, 0)), percent(highest), percent(f.c.Thresholds.SavedShare))
}

// digits rounds to two digits: what curves of a few points tell.
func digits(v float64) float64 {
	if v <= 0 || math.IsInf(v, 0) {
		return v
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-1)
	return math.Round(v/unit) * unit
}

// about writes a duration in no more digits than an estimate has.
func about(ns float64) string {
	d := time.Duration(ns)
	switch {
	case d >= 48*time.Hour:
		return number(digits(d.Hours()/24)) + " days"
	case d >= 10*time.Hour:
		return short(d.Round(time.Hour))
	case d >= time.Hour:
		return short(d.Round(10 * time.Minute))
	case d >= 10*time.Minute:
		return short(d.Round(time.Minute))
	case d >= time.Minute:
		return short(d.Round(10 * time.Second))
	}
	return short(time.Duration(digits(ns)))
}

// share writes a share that is held against the threshold: to a tenth of a
// percent, or in as many digits as it takes to tell it from that.
func (m *matter) share(v float64) string {
	at := m.c.Thresholds.SavedShare
	text := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%.1f", 100*v), "-0.0"), ".0") + " %"
	if text == " %" {
		text = "0 %"
	}
	for digits := 3; text == percent(at) && v != at && digits < 7; digits++ {
		text = fmt.Sprintf("%.*g %%", digits, 100*v)
	}
	return text
}
