package advise

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/advise/trace"
)

// traceFacts works out what the trace is like.
func (s *Study) traceFacts(a *arrivals, in Input) TraceFacts {
	f := TraceFacts{
		Requests: s.requests, Invalidations: s.drops, Ignored: s.facts.ops[trace.Other],
		Span: time.Duration(a.last - a.first), GapCV: a.cv(), SmallestGap: time.Duration(a.smallest), Tick: in.Tick,
		MeanSize: ratio(s.facts.sizeSum, float64(s.facts.sizes)), MedianTTL: time.Duration(s.facts.ttls.median()),
		Ties: ratio(float64(a.ties), float64(max(a.n-1, 1))),
	}
	if s.sampled == nil {
		f.Span = s.trace.Span() // with writes, as the arms have it
	}
	if f.Tick == 0 {
		f.Tick = a.tick()
	}
	f.Rate = ratio(float64(s.requests), f.Span.Seconds())
	f.RateUnknown = f.Span == 0
	var counts []uint32
	if s.sampled != nil {
		counts, f.Keys = s.sampled.counts()
		f.KeysEstimated = true
	} else {
		_, all := s.trace.Keys()
		counts = slices.Clone(all)
		for _, n := range counts {
			if n > 0 {
				f.Keys++
			}
		}
	}
	f.Top, f.OneHit = skew(counts, s.requests)
	if s.sampled != nil {
		f.OneHit = s.sampled.oneHit()
	}
	for i, w := range fanoWindows {
		f.Fano = append(f.Fano, Fano{w, a.fano[i].fano(a.last-a.first, int64(w))})
	}
	return f
}

// course puts requests over time into the report.
func course(tl *sim.Timeline) Course {
	c := Course{Width: tl.Width()}
	for _, s := range tl.Slices {
		c.Requests = append(c.Requests, s.Requests)
	}
	return c
}

// hours is the share of the requests in each hour of the day.
func hours(start time.Time, c Course) []float64 {
	if start.IsZero() || c.Width > time.Hour || c.Width*time.Duration(len(c.Requests)) < 2*time.Hour {
		return nil
	}
	var sum float64
	day := make([]float64, 24)
	for i, n := range c.Requests {
		day[start.UTC().Add(time.Duration(i)*c.Width).Hour()] += float64(n)
		sum += float64(n)
	}
	for i := range day {
		day[i] = ratio(day[i], sum)
	}
	return day
}

// topKeys are the keys that coalescing saves most loads of, and then those with
// most requests.
func (s *Study) topKeys(r *runs, in Input) []TopKey {
	base, with := armCache, armBoth
	if s.c.TTL == 0 {
		base, with = armDirect, armShare
	}
	order := make([]int, 0, len(r.keys))
	for i := range r.keys {
		if r.weights == nil || r.weights[i] == 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if d := r.savedOf(b, base, with) - r.savedOf(a, base, with); d != 0 {
			return sign(d)
		}
		return int(int64(r.counts[b]) - int64(r.counts[a]))
	})
	var list []TopKey
	for _, i := range order[:min(20, len(order))] {
		k := TopKey{
			Key: in.name(r.keys[i]), Requests: int64(r.counts[i]), Rate: ratio(float64(r.counts[i]), r.span.Seconds()),
			Loads: int64(at(r.out(base).KeyLoads, i)), Shared: int64(at(r.out(with).KeyLoads, i)),
		}
		k.Saved = k.Loads - k.Shared
		if e := s.facts.evidence[r.keys[i]]; e != nil {
			k.Clients = e.estimate()
		}
		list = append(list, k)
	}
	return list
}

func (in *Input) name(key uint64) string {
	if n, ok := in.Names[key]; ok {
		return n
	}
	return fmt.Sprintf("%016x", key)
}

func sign(f float64) int {
	if f < 0 {
		return -1
	}
	return 1
}

// checked are the questions that a trace cannot answer, the replies, and the
// trace's own evidence beside them.
func (s *Study) checked(in Input) []Checked {
	var list []Checked
	for _, q := range Questions() {
		list = append(list, Checked{q, *s.c.Safety.Reply(q.ID), s.hints(q.ID, in)})
	}
	return list
}

// Evidence gives what the records so far hint at for a question, by its ID. It
// raises the question, and settles nothing.
func (s *Study) Evidence(id string, in Input) []string { return s.hints(id, in) }

func (s *Study) hints(id string, in Input) []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	hinted := func(h trace.Hints, format string) {
		for i := range s.facts.hints {
			if h == 1<<i && s.facts.hints[i] > 0 {
				say(format, s.facts.hints[i])
			}
		}
	}
	switch id {
	case "idempotent":
		hinted(trace.UnsafeMethod, "%d requests are POST, PUT, PATCH or DELETE")
	case "same_for_all":
		hinted(trace.PersonalPath, "%d requests have a path part such as me, self, session, cart or token")
		hinted(trace.SetCookie, "%d answers set a cookie")
		if key, e := s.facts.most(func(e *evidence) int64 { return e.estimate() }); e != nil && e.estimate() > 1 {
			say("key %s is requested by about %d clients: the same answer for all?", in.name(key), e.estimate())
		}
		if key, e := s.facts.most(func(e *evidence) int64 { return e.quickChanges }); e != nil && e.quickChanges > 0 {
			say("the size of key %s changed %d times from one request to the next within a second (%d to %d bytes): a strong sign that callers get different answers",
				in.name(key), e.quickChanges, e.least, e.most)
		}
	case "authorized_before":
		hinted(trace.Authorization, "%d requests had credentials")
		n := 0
		for _, e := range s.facts.evidence {
			if e.refused && e.allowed {
				n++
			}
		}
		if n > 0 {
			say("%d keys were answered with 401 or 403 at times and with success at others", n)
		}
	case "older_than_write":
		if s.drops > 0 {
			say("%d writes or deletes are in the trace", s.drops)
		}
	}
	return list
}

// most gives the key with most of something, the least of those that have as
// much.
func (f *facts) most(of func(*evidence) int64) (key uint64, best *evidence) {
	for k, e := range f.evidence {
		if best == nil || of(e) > of(best) || of(e) == of(best) && k < key {
			key, best = k, e
		}
	}
	return key, best
}

// questions are the six to ask before coalescing: what the trace answers, it
// answers here.
func (m *matter) questions(s *Safety) []Asked {
	f, c, t := m.f, m.c, m.c.Thresholds
	yes := func(b bool) Answer {
		if b {
			return Yes
		}
		return No
	}
	reply := func(r Reply) string {
		if r.Because == "" {
			return "as answered: " + r.Answer.String()
		}
		return "as answered: " + r.Because
	}
	both := m.arm(armBoth)
	if both == nil {
		both = m.arm(armShare)
	}
	cheap := m.cheap()
	slo := "no SLO was stated; "
	tolerates := Unknown
	if c.SLO.Limit > 0 {
		slo = fmt.Sprintf("%s of requests are over %s when callers share loads, %s when they do not; ", percent(f.OverShared.Value), short(c.SLO.Limit), percent(f.OverPlain.Value))
		tolerates = yes(both.MeetsSLO || f.OverDiffers.Low <= 0)
	}
	slo += fmt.Sprintf("a caller who joins waits %s on average, one who loads %s (CV^2 of the loader %s)", short(m.loader.JoinedWait), short(m.loader.Mean), number(m.loader.CV2))
	concurrent := fmt.Sprintf("%s of requests come while their key is loading; coalescing saves %s of the loads", span(f.Joined, percent), span(f.Saved, m.share))
	return []Asked{
		{"Is the loader idempotent?", s.Idempotent.Answer, reply(s.Idempotent)},
		{"Is the loader expensive enough?", yes(m.loader.P50 >= cheap), fmt.Sprintf("a load takes %s at the median; below %s to wait for another's costs as much", short(m.loader.P50), short(cheap))},
		{"Are concurrent misses realistic?", yes(f.Saved.Low >= t.SavedShare), concurrent},
		{"Can callers tolerate the slowest concurrent loader?", tolerates, slo},
		{"Are loader results stable across callers?", s.SameForAll.Answer, reply(s.SameForAll)},
		{"Is cancellation acceptable to ignore?", s.OutlivesCaller.Answer, reply(s.OutlivesCaller)},
	}
}

// verdict puts safety before the figures, and says what would flip it.
func (s *Study) verdict(m *matter, class Class, also []Class, reasons []Reason, r *Report) Verdict {
	v := Verdict{Class: class, IfSafe: class, Also: also, Reasons: reasons, Sentence: m.sentence(class, also), CarriedBy: m.carriedBy(class, also)}
	if class == NotDemonstrated || class == RefuseUnclear {
		v.MoreTrace = m.more()
	}
	if class == RefuseUnclear && r.Bounds != nil && !r.Bounds.SameSaid {
		v.MoreTrace = 0
		v.Sentence = fmt.Sprintf("Cannot tell: times are known to %s only, and loads take %s. The verdict is %s if all requests of a tick come at once and %s if they are spread over it. Log finer times.",
			short(r.Bounds.Tick), short(m.loader.P50), r.Bounds.AtTick.Class, r.Bounds.Spread.Class)
	}
	v.Sentence += m.sloSentence(class, also)
	v.OverLimit = m.excesses(class, also, r)
	for i := range v.OverLimit {
		v.Sentence += v.OverLimit[i].sentence()
	}
	no, unknown := unsafe(&s.c.Safety)
	held := len(no)+len(unknown) > 0
	text := "no safety question is answered with no, and none is open"
	if held {
		var parts []string
		if len(no) > 0 {
			parts = append(parts, "answered with no: "+ids(no))
		}
		if len(unknown) > 0 {
			parts = append(parts, "not answered: "+ids(unknown))
		}
		text = strings.Join(parts, "; ")
	}
	v.Reasons = append([]Reason{{RefuseUnsafe, text, held}}, v.Reasons...)
	if held {
		v.Class = RefuseUnsafe
		v.Sentence = "Do not share loads: it is not known to be safe (" + text + "). If it were: " + v.Sentence
	}
	v.Flips, v.NoFlip = m.flips(class, no, unknown, r)
	return v
}

// refuse is for a trace that nothing can be said about.
func (s *Study) refuse(r *Report, in Input) {
	text := "there is no request in the records"
	if in.NoTimes {
		text = "the records have no times: what overlaps is not known"
	}
	no, unknown := unsafe(&s.c.Safety)
	r.Verdict = Verdict{
		Class: RefuseUnclear, IfSafe: RefuseUnclear, Sentence: "Cannot tell: " + text + ".",
		Reasons: []Reason{{RefuseUnclear, text, true}}, Flips: []string{"a trace with a time and a key in each record"},
	}
	if len(no)+len(unknown) > 0 {
		r.Verdict.Class = RefuseUnsafe
		r.Verdict.Reasons = append([]Reason{{RefuseUnsafe, "answered with no or not answered: " + ids(slices.Concat(no, unknown)), true}}, r.Verdict.Reasons...)
	}
	r.Trace = TraceFacts{Requests: s.requests, Invalidations: s.drops, Ignored: s.facts.ops[trace.Other]}
	r.Method.Exact = true
	r.Assumptions = s.assumptions(r)
}

// current holds the configuration of today against the advice.
func (m *matter) current(class Class, also []Class) *Current {
	now, best := m.arm(armCurrent), m.arm(advised(class, also))
	c := &Current{Arm: *now, Advised: best.ID, AsGood: true}
	hold := func(what string, a, b Interval, slack float64, write func(float64) string) {
		good := a.Value <= b.High || a.Low <= b.Value || a.Value <= b.Value*(1+slack)
		word := "as good"
		if !good {
			c.AsGood = false
			word = "worse"
		}
		c.Reasons = append(c.Reasons, fmt.Sprintf("%s: %s, advised %s: %s", what, span(a, write), span(b, write), word))
	}
	hold("loads a second", now.LoadRate, best.LoadRate, 0.01, number)
	hold("mean wait", now.MeanWait, best.MeanWait, 0.01, func(ns float64) string { return short(time.Duration(ns)) })
	if m.c.SLO.Limit > 0 {
		hold("share over the SLO", now.OverSLO, best.OverSLO, 0.01, percent)
	}
	hold("loads at once", exactly(float64(now.Peak)), exactly(max(float64(best.Peak), float64(m.c.Source.MaxConcurrent))), 0.1, number)
	if now.TTL > m.c.TTL {
		c.AsGood = false
		c.Reasons = append(c.Reasons, fmt.Sprintf("TTL: %s, more than the %s allowed", short(now.TTL), short(m.c.TTL)))
	}
	return c
}

// assumptions says what the figures take for granted.
func (s *Study) assumptions(r *Report) []string {
	list := []string{
		"The thresholds are judgements, not measurements; all are printed and can be set.",
		"Loads never fail, and take what the loader says however many there are at once.",
		"A value's TTL runs from the end of its load. The library counts it from the begin, which is shorter by one load.",
		"Early refresh is drawn for each request (XFetch). The library draws once for each value.",
		"Capacity is unlimited in the arms; the heat map shows what less of it costs.",
		"Requests are those of the trace: it is not known what came to a cache in front of it.",
	}
	if r.Loader.Source == "stated" {
		list = append(list, "How long loads take was stated, not measured: "+r.Loader.Text+".")
	} else if r.Loader.Source == "measured" {
		list = append(list, "A load takes what the record of its request took; records without a duration draw from the others.")
	}
	if r.Trace.RateUnknown {
		list = append(list, "All requests are at one instant: no rate is known, and nothing that is held against one was decided by it.")
	}
	if s.drops > 0 {
		list = append(list, "A write or delete drops the key's value in all processes at once.")
	}
	if s.c.Start == sim.Cold {
		list = append(list, "The caches are empty at the start.")
	} else {
		list = append(list, "The caches are full at the start, with TTLs at random points of their course.")
	}
	if !r.Method.Exact {
		list = append(list, "Frequent keys were followed exactly and a part of the others, which stands for the rest; peaks of the others are estimated from it.")
	}
	if r.Method.CurveRequests > 0 && int64(r.Method.CurveRequests) < r.Trace.Requests {
		list = append(list, fmt.Sprintf("Curves, stress arms and loader replications are made from the first %d requests.", r.Method.CurveRequests))
	}
	if r.Bounds != nil {
		list = append(list, fmt.Sprintf("Times are known to %s, which is longer than a load: arms show all requests of a tick at once; the bounds show both ends.", short(r.Bounds.Tick)))
	}
	return list
}
