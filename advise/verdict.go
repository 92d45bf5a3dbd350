package advise

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// A matter is what a verdict is made from.
type matter struct {
	c       *Config
	input   *Input
	loader  LoaderFact
	facts   *TraceFacts
	f       Figures
	arms    []Arm
	hottest float64 // requests in the time of a load, of the hottest key
	hotKeys int     // keys with EarlyCalls of them or more
	fit     float64 // see runs.cacheFit
}

func (m *matter) arm(i int) *Arm {
	for k := range m.arms {
		if m.arms[k].ID == armIDs[i] {
			return &m.arms[k]
		}
	}
	return nil
}

// A ruling collects the conditions as they are tested.
type ruling struct{ reasons []Reason }

func (r *ruling) test(class Class, held bool, format string, args ...any) bool {
	r.reasons = append(r.reasons, Reason{class, fmt.Sprintf(format, args...), held})
	return held
}

// decide tests the classes in their order; the first that holds is the verdict.
// Safety is not among them: it goes before all figures.
//
// CHANGE THE KEY is tested first, not last: with a request's id in the key nearly
// every request misses, so that NOTHING would hold always, and hide why.
func decide(m *matter) (Class, []Class, []Reason) {
	var (
		r     ruling
		t     = m.c.Thresholds
		f     = m.f
		limit = m.c.Source
	)
	if held, text := m.idle(); r.test(Nothing, held, "%s", text) {
		return Nothing, nil, r.reasons
	}
	if part := collapsing(m.input, t); r.test(ChangeKey, part != nil, "%s", keyCondition(m.input, part, t)) {
		return ChangeKey, nil, r.reasons
	}
	if m.c.TTL == 0 {
		return decideUncached(m, &r)
	}
	if r.test(Nothing, f.HitRatio.High < t.HitRatio && f.Amplification.High < t.Amplification,
		"hit ratio %s below %s, and amplification %s below %s", span(f.HitRatio, percent), percent(t.HitRatio), span(f.Amplification, number), number(t.Amplification)) {
		return Nothing, nil, r.reasons
	}
	if r.test(Once, m.facts.Keys <= int64(t.OnceKeys) && m.c.TTL == sim.Forever,
		"%d keys, at most %d, and no limit of freshness (TTL %s)", m.facts.Keys, t.OnceKeys, ttlText(m.c.TTL)) {
		return Once, nil, r.reasons
	}
	cheap := m.cheap()
	fits := m.fits(armCache)
	if r.test(LoadOrStore, m.loader.P50 < cheap && fits,
		"a load takes %s at the median, less than %s, and all loads fit the source's limits: %v", short(m.loader.P50), short(cheap), fits) {
		return LoadOrStore, nil, r.reasons
	}

	tooMany := limit.MaxConcurrent > 0 && f.Peak.Value > float64(limit.MaxConcurrent)
	herd := f.HerdIndex.Value >= t.Herd && f.HerdPeak >= t.HerdLoads ||
		tooMany && f.PeakJittered.Value <= float64(limit.MaxConcurrent) && f.PeakJittered.Value < f.Peak.Value
	little := f.Saved.High < t.SavedShare
	if limit.MaxRPS > 0 && !m.facts.RateUnknown {
		little = little || f.SavedRate.High < t.SavedOfRPS*limit.MaxRPS && !tooMany
	}
	burst := m.burst()
	little = little && !burst
	littleText := fmt.Sprintf("coalescing saves %s of the loads, below %s", span(f.Saved, m.share), percent(t.SavedShare))
	if limit.MaxRPS > 0 && !m.facts.RateUnknown {
		littleText += fmt.Sprintf(", or %s loads a second, below %s of the source's %s, with the peak of %s within its limit",
			span(f.SavedRate, number), percent(t.SavedOfRPS), number(limit.MaxRPS), number(f.Peak.Value))
	}
	herdText := fmt.Sprintf("herd index %s (%d loads at once with a common expiry, %d with jitter)", number(f.HerdIndex.Value), f.HerdPeak, f.HerdJittered)
	if r.test(PlainCache, little && !herd, "%s; %s, below %s or fewer than %d loads", littleText, herdText, number(t.Herd), t.HerdLoads) {
		return PlainCache, nil, r.reasons
	}
	if r.test(CacheJitter, little && herd, "%s; %s, %s or more", littleText, herdText, number(t.Herd)) {
		return CacheJitter, nil, r.reasons
	}
	shares := f.Saved.Low >= t.SavedShare && f.SavedJittered.Low >= t.SavedShare
	class := CacheCoalesce
	if herd {
		class = CacheBoth
	}
	text := fmt.Sprintf("coalescing saves %s of the loads (with jitter in both %s), %s or more; or the worst window has %s times the loads, %s or more, with a peak of %s over the source's limit, also with jitter (%s)",
		span(f.Saved, m.share), span(f.SavedJittered, m.share), percent(t.SavedShare), number(f.WorstWindow.Amplification), number(t.WindowAmplification),
		number(f.Peak.Value), number(f.PeakJittered.Value))
	if herd {
		text += "; and " + herdText
	}
	if r.test(class, shares || burst, "%s", text) {
		return class, m.also(&r), r.reasons
	}
	r.test(NotDemonstrated, true, "coalescing saves %s of the loads, which may be less or more than %s", span(f.Saved, m.share), percent(t.SavedShare))
	if f.Episodes < t.MinEpisodes {
		r.test(RefuseUnclear, true, "there were %d loads with coalescing, fewer than %d, and the interval leaves the question open", f.Episodes, t.MinEpisodes)
		return RefuseUnclear, nil, r.reasons
	}
	return NotDemonstrated, nil, r.reasons
}

// burst reports whether there is one that is over the source's limit, and that
// only coalescing makes less of, however little it saves in all.
func (m *matter) burst() bool {
	f, limit := m.f, float64(m.c.Source.MaxConcurrent)
	return limit > 0 && f.WorstWindow.Amplification >= m.c.Thresholds.WindowAmplification && f.Peak.Value > limit && f.PeakJittered.Value > limit && f.PeakShared.Value < f.Peak.Value
}

// idle reports whether there is too little to be gained for any mechanism,
// whatever the shares are: too few requests, or a source that is hardly ever
// busy. What a limit that is broken, or an SLO that a cache keeps and nothing
// else does, is worth more than that.
func (m *matter) idle() (held bool, text string) {
	t, f := m.c.Thresholds, m.facts
	if f.Requests < t.MinRequests {
		return true, fmt.Sprintf("%d requests in all, fewer than %d", f.Requests, t.MinRequests)
	}
	if f.RateUnknown {
		return false, "how much of the time the source is busy is not known: all requests are at one instant"
	}
	busy := f.Rate * m.loader.Mean.Seconds()
	why, spared := m.spared()
	return busy < t.MinBusy && !spared, fmt.Sprintf("without a cache %s loads are under way on average, fewer than %s%s", number(busy), number(t.MinBusy), why)
}

// spared says what is worth more than the average of what is under way.
func (m *matter) spared() (why string, spared bool) {
	direct := m.arm(armDirect)
	switch {
	case m.c.Source.MaxConcurrent > 0 && direct.Peak > int64(m.c.Source.MaxConcurrent), m.c.Source.MaxRPS > 0 && busiestSecond(direct) > m.c.Source.MaxRPS:
		return "; but the source is over its limit at times", true
	case m.c.SLO.Limit > 0 && !direct.MeetsSLO && m.c.TTL > 0 && m.arm(armCache).MeetsSLO:
		return "; but a cache keeps the SLO, which fails without", true
	}
	return "", false
}

// decideUncached is for values that may not be kept: only overlap may be shared.
func decideUncached(m *matter, r *ruling) (Class, []Class, []Reason) {
	t, f := m.c.Thresholds, m.f
	if r.test(Nothing, f.Amplification.High < t.Amplification, "nothing may be kept, and amplification %s is below %s", span(f.Amplification, number), number(t.Amplification)) {
		return Nothing, nil, r.reasons
	}
	cheap := m.cheap()
	fits := m.fits(armDirect)
	if r.test(Nothing, m.loader.P50 < cheap && fits,
		"a load takes %s at the median, less than %s, and all loads fit the source's limits: %v", short(m.loader.P50), short(cheap), fits) {
		return Nothing, nil, r.reasons
	}
	if r.test(CoalesceOnly, f.Joined.Low >= t.OverlapOnly, "nothing may be kept, and %s of requests come while their key is loading, %s or more", span(f.Joined, percent), percent(t.OverlapOnly)) {
		return CoalesceOnly, nil, r.reasons
	}
	if r.test(Nothing, f.Joined.High < t.OverlapOnly, "%s of requests come while their key is loading, below %s", span(f.Joined, percent), percent(t.OverlapOnly)) {
		return Nothing, nil, r.reasons
	}
	if f.Episodes < t.MinEpisodes {
		r.test(RefuseUnclear, true, "there were %d loads with coalescing, fewer than %d, and the interval leaves the question open", f.Episodes, t.MinEpisodes)
		return RefuseUnclear, nil, r.reasons
	}
	r.test(NotDemonstrated, true, "%s of requests come while their key is loading, which may be less or more than %s", span(f.Joined, percent), percent(t.OverlapOnly))
	return NotDemonstrated, nil, r.reasons
}

// also is what coalescing needs beside it, for callers who come at expiry.
func (m *matter) also(r *ruling) []Class {
	t, f := m.c.Thresholds, m.f
	both := m.arm(armBoth)
	fails := m.c.SLO.Limit > 0 && !both.MeetsSLO
	skewed := m.loader.CV2 > t.CV2 && f.Joined.Value > t.Joined
	class, text := WithEarly, ""
	switch {
	case m.c.MaxStale > 0:
		class = WithStale
		text = fmt.Sprintf("values may be stale for %s", short(m.c.MaxStale))
	case m.hotKeys > 0:
		text = fmt.Sprintf("%d keys are asked for %s times or more in the time of a load", m.hotKeys, number(t.EarlyCalls))
	default:
		class = WithBound
		text = fmt.Sprintf("nothing may be stale and no key is asked for %s times in the time of a load (at most %s)", number(t.EarlyCalls), number(m.hottest))
	}
	if !r.test(class, fails || skewed, "with coalescing %s of requests are over the SLO (%v), or the loader's CV^2 is %s, over %s, and %s of requests join, over %s; %s",
		percent(f.OverShared.Value), m.c.SLO, number(m.loader.CV2), number(t.CV2), percent(f.Joined.Value), percent(t.Joined), text) {
		return nil
	}
	if !m.helps(advised(CacheBoth, []Class{class})) {
		r.test(class, false, "it helps nobody here: as many requests are over the SLO, and waits are as long, to within a twentieth")
		return nil
	}
	return []Class{class}
}

// helps reports whether an arm has callers wait less than the same without what
// it adds.
func (m *matter) helps(arm int) bool {
	a, without := m.arm(arm), m.arm(armAll)
	return a != nil && (a.OverSLO.Value < 0.95*without.OverSLO.Value || a.MeanWait.Value < 0.95*without.MeanWait.Value)
}

// collapsing gives the part of the keys that should not be in them, if there is
// one.
func collapsing(in *Input, t Thresholds) *KeyPart {
	if in.RequestsLookedAt == 0 || float64(in.KeysLookedAt) < t.KeysOfRequests*float64(in.RequestsLookedAt) {
		return nil
	}
	var best *KeyPart
	for i := range in.Parts {
		p := &in.Parts[i]
		if float64(p.Keys)*t.KeyCollapse < float64(in.KeysLookedAt) && (best == nil || p.Keys < best.Keys) {
			best = p
		}
	}
	return best
}

func keyCondition(in *Input, part *KeyPart, t Thresholds) string {
	switch {
	case in.RequestsLookedAt == 0:
		return "the reader did not look at the parts of keys"
	case part == nil:
		return fmt.Sprintf("%d keys in %d requests, at least %s of them, and a part without which there would be %s times fewer", in.KeysLookedAt, in.RequestsLookedAt, percent(t.KeysOfRequests), number(t.KeyCollapse))
	}
	return fmt.Sprintf("%d keys in %d requests, at least %s of them, and without %s there would be %d", in.KeysLookedAt, in.RequestsLookedAt, percent(t.KeysOfRequests), part.Name, part.Keys)
}

// advised is the arm of a verdict.
func advised(class Class, also []Class) int {
	for _, a := range also {
		switch a {
		case WithStale:
			return armStale
		case WithEarly:
			return armEarly
		case WithBound:
			return armBound
		}
	}
	switch class {
	case CacheBoth:
		return armAll
	case CacheCoalesce:
		return armBoth
	case CacheJitter:
		return armJitter
	case PlainCache, LoadOrStore, Once, NotDemonstrated:
		return armCache
	case CoalesceOnly:
		return armShare
	}
	return armDirect
}

// more is how much longer a trace like this one would have to be for the
// interval to leave the threshold: its width shrinks as the square root.
func (m *matter) more() time.Duration {
	i, at := m.f.Saved, m.c.Thresholds.SavedShare
	if m.c.TTL == 0 {
		i, at = m.f.Joined, m.c.Thresholds.OverlapOnly
	}
	off := math.Abs(i.Value - at)
	half := i.Value - i.Low
	if i.Value < at {
		half = i.High - i.Value
	}
	if off == 0 || half <= off {
		return m.facts.Span
	}
	times := half/off*(half/off) - 1
	return time.Duration(min(times*float64(m.facts.Span), float64(100*365*24*time.Hour)))
}

func (m *matter) moreText() string {
	if d := m.more(); d > 0 {
		return "about " + about(float64(d)) + " more"
	}
	return "more"
}

// sentence says a verdict to somebody in a hurry.
func (m *matter) sentence(class Class, also []Class) string {
	f := m.f
	saves := m.share(f.Saved.Value) + " of its loads" + strings.TrimPrefix(span(f.Saved, m.share), m.share(f.Saved.Value))
	var s string
	switch class {
	case ChangeKey:
		part := collapsing(m.input, m.c.Thresholds)
		s = fmt.Sprintf("Change the key: without %s there would be %d keys in place of %d, and most requests would find what another has loaded.", part.Name, part.Keys, m.input.KeysLookedAt)
	case Nothing:
		if held, _ := m.idle(); held {
			s = m.idleSentence()
		} else if m.c.TTL == 0 {
			s = fmt.Sprintf("Do nothing: values may not be kept, and too few requests for a key overlap (%s) for sharing loads to matter.", percent(f.Joined.Value))
		} else {
			s = fmt.Sprintf("Do nothing: a cache would answer %s of requests, and coalescing would save next to nothing.", percent(f.HitRatio.Value))
		}
	case Once:
		s = fmt.Sprintf("Load once: %d keys that never expire need sync.Once or a future, not a cache.", m.facts.Keys)
	case LoadOrStore:
		s = fmt.Sprintf("Let callers load and store: a load takes %s, about what it costs to wait for another's.", short(m.loader.P50))
	case PlainCache:
		s = fmt.Sprintf("A plain cache is enough: coalescing would save %s.", saves)
	case CacheJitter:
		s = fmt.Sprintf("A cache with jittered TTLs is enough: jitter takes a herd of %d loads at once down to %d; coalescing would save %s.", f.HerdPeak, f.HerdJittered, saves)
	case CacheCoalesce:
		if f.Saved.Low < m.c.Thresholds.SavedShare {
			s = fmt.Sprintf("Coalesce behind the cache: that takes a peak of %s loads at once, over the source's %d, down to %s, which jitter alone does not; in all it saves %s.",
				number(f.Peak.Value), m.c.Source.MaxConcurrent, number(f.PeakShared.Value), saves)
			break
		}
		s = fmt.Sprintf("Coalesce behind the cache: it saves %s, which jitter alone does not.", saves)
	case CacheBoth:
		s = fmt.Sprintf("Coalesce behind the cache and jitter its TTLs: coalescing saves %s, and jitter takes a herd of %d loads at once down to %d.", saves, f.HerdPeak, f.HerdJittered)
	case CoalesceOnly:
		s = fmt.Sprintf("Coalesce without a cache: %s of requests come while their key is loading.", percent(f.Joined.Value))
	case NotDemonstrated:
		keep := "Keep a plain cache"
		if m.c.TTL == 0 {
			keep = "Leave it as it is"
		}
		s = fmt.Sprintf("No demonstrated benefit yet: coalescing saves %s, which may be less or more than %s. %s and record %s.", saves, percent(m.c.Thresholds.SavedShare), keep, m.moreText())
	case RefuseUnclear:
		s = fmt.Sprintf("Cannot tell: coalescing saves %s, and %d loads are too few to decide. Record %s.", saves, f.Episodes, m.moreText())
	}
	if class == NotDemonstrated || class == CacheCoalesce && len(also) == 0 {
		if l := m.loader; l.CV2 > m.c.Thresholds.CV2 && m.c.TTL > 0 {
			s += fmt.Sprintf(" Callers who join another's load wait %s on average, those who load themselves %s.", short(l.JoinedWait), short(l.Mean))
		}
	}
	for _, a := range also {
		switch a {
		case WithEarly:
			s += fmt.Sprintf(" Refresh hot keys early: callers at expiry wait %s on average when they join.", short(m.loader.JoinedWait))
		case WithStale:
			s += fmt.Sprintf(" Serve stale values while a load runs: callers who join wait %s on average.", short(m.loader.JoinedWait))
		case WithBound:
			s += fmt.Sprintf(" Bound the wait for another's load to %s.", short(m.arm(armBound).Wait))
		}
	}
	return s
}

// sloSentence says that the SLO fails all the same, where it does.
func (m *matter) sloSentence(class Class, also []Class) string {
	on := m.based(class, also)
	if m.c.SLO.Limit == 0 || class == RefuseUnclear || on == nil || on.MeetsSLO {
		return ""
	}
	best := on
	for i := range m.arms {
		if a := &m.arms[i]; a.ID != armIDs[armHerd] && a.ID != armIDs[armHerdJitter] && a.ID != armIDs[armCurrent] && a.OverSLO.Value < best.OverSLO.Value {
			best = a
		}
	}
	if best.MeetsSLO {
		return fmt.Sprintf(" The SLO, %v, fails with that, as %s of the requests are over it; %s would keep it.", m.c.SLO, percent(on.OverSLO.Value), best.ID)
	}
	return fmt.Sprintf(" The SLO, %v, fails in each way that was tried: %s of the requests are over it.", m.c.SLO, percent(on.OverSLO.Value))
}

func (m *matter) idleSentence() string {
	f := m.facts
	if f.Requests < m.c.Thresholds.MinRequests {
		return fmt.Sprintf("Do nothing: %s are too few for anything to matter, or to show that it does.", plural(int(f.Requests), "request", "requests"))
	}
	busy := f.Rate * m.loader.Mean.Seconds()
	return fmt.Sprintf("Do nothing: %s requests a second with loads of %s keep the source busy for %s of the time, and no mechanism can save more than that.",
		number(f.Rate), short(m.loader.Mean), percent(busy))
}

// carriedBy are the figures that a verdict rests on.
func (m *matter) carriedBy(class Class, also []Class) []Fact {
	f := m.f
	saved := Fact{"loads saved by coalescing", "%", f.Saved}
	hits := Fact{"hit ratio", "%", f.HitRatio}
	if a := m.arm(advised(class, also)); a != nil && a.TTL > 0 {
		hits.Interval = a.HitRatio // of what is advised, as it is to be watched
	}
	amp := Fact{"amplification", "", f.Amplification}
	herd := Fact{"herd index: peak at a common expiry / with jitter", "", f.HerdIndex}
	joined := Fact{"requests that join a load", "%", f.Joined}
	rate := Fact{"loads a second with coalescing", "1/s", f.LoadRate}
	peak := Fact{"loads at once, cache", "", f.Peak}
	switch class {
	case ChangeKey:
		return []Fact{
			{"keys", "", exactly(float64(m.facts.Keys))}, {"requests", "", exactly(float64(m.facts.Requests))}, hits,
		}
	case Nothing:
		if held, _ := m.idle(); held {
			busy := exactly(m.facts.Rate * m.loader.Mean.Seconds())
			if m.facts.RateUnknown {
				busy = unknownRate()
			}
			list := []Fact{{"requests", "", exactly(float64(m.facts.Requests))}, {"loads under way without a cache", "", busy}}
			if m.c.TTL == 0 {
				return append(list, joined)
			}
			return append(list, hits)
		}
		if m.c.TTL == 0 {
			return []Fact{joined, amp, saved}
		}
		return []Fact{hits, amp, saved}
	case Once:
		return []Fact{{"keys", "", exactly(float64(m.facts.Keys))}, hits, saved}
	case LoadOrStore:
		return []Fact{{"a load at the median", "ns", exactly(float64(m.loader.P50))}, peak, saved}
	case CacheCoalesce:
		if f.Saved.Low < m.c.Thresholds.SavedShare {
			return []Fact{peak, {"loads at once, cache with coalescing", "", f.PeakShared}, saved}
		}
	case PlainCache, CacheJitter:
		return []Fact{saved, herd, hits}
	case CacheBoth:
		return []Fact{saved, herd, rate}
	case CoalesceOnly:
		return []Fact{joined, amp, saved}
	}
	if m.c.TTL == 0 {
		return []Fact{joined, amp, saved}
	}
	return []Fact{saved, amp, rate}
}

func span(i Interval, write func(float64) string) string {
	value, low, high := write(i.Value), write(i.Low), write(i.High)
	switch {
	case !i.Known():
		return "not known"
	case low == value && high == value: // or so near that no digit tells
		return value
	}
	return fmt.Sprintf("%s (%s to %s)", value, low, high)
}

func ttlText(d time.Duration) string {
	switch d {
	case sim.Forever:
		return "none"
	case 0:
		return "0, nothing may be kept"
	}
	return short(d)
}

// unsafe lists the questions whose answer forbids that loads are shared.
func unsafe(s *Safety) (no, unknown []Question) {
	for _, q := range Questions() {
		switch s.Reply(q.ID).Answer {
		case No:
			no = append(no, q)
		case Unknown:
			unknown = append(unknown, q)
		}
	}
	return no, unknown
}

func ids(list []Question) string {
	var names []string
	for _, q := range list {
		names = append(names, q.ID)
	}
	return strings.Join(names, ", ")
}
