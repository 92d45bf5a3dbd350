package page

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/onefold-go/onefold/advise"
)

// advice is what to set, what to watch, and how that compares with today.
func (p *page) advice(r *advise.Report) {
	none := "The verdict has nothing to set."
	watched := "The verdict changes nothing that could be watched."
	if r.Verdict.Class.Refused() {
		none, watched = "None: settings come with a verdict, and this is a refusal.", "None: what is predicted comes with a verdict, and this is a refusal."
	}
	p.Settings = table{Caption: "Settings, and the arm whose figures support each", Columns: []column{{"setting", code}, {"value", code}, {"arm", text}, {"why", text}}, Missing: none, Kind: stack}
	for _, s := range r.Settings {
		p.Settings.Rows = append(p.Settings.Rows, []string{s.Name, s.Value, s.Arm, s.Why})
	}
	p.Watch = table{Caption: "What to watch, and the values that it should have", Columns: []column{{"metric", text}, {"predicted", num}, {"from to", num}, {"arm", text}, {"where it is told", text}}, Missing: watched, Kind: stack}
	for _, m := range r.Watch {
		write := of(m.Unit, m.Predicted)
		p.Watch.Rows = append(p.Watch.Rows, []string{m.Name, value(m.Predicted, write), bounds(m.Predicted, write), m.Arm, m.How})
	}
	p.OverLimit = table{Caption: "Limits of the source that this does not keep to", Columns: []column{{"limit", text}, {"what comes", text}, {"what would keep to it", text}}, Kind: stack}
	for _, e := range r.Verdict.OverLimit {
		p.OverLimit.Rows = append(p.OverLimit.Rows, []string{number(e.Limit) + " " + e.What, e.Text, strings.Join(e.Remedies, "; ")})
	}
	p.Current = table{Caption: "Today beside the advice", Columns: []column{{"compared", text}}}
	if c := r.Current; c != nil {
		p.Current.Rows = append(p.Current.Rows, []string{"Today: " + c.Arm.Says + ". Advised: " + c.Advised + "."})
		for _, s := range c.Reasons {
			p.Current.Rows = append(p.Current.Rows, []string{s})
		}
		p.Current.Rows = append(p.Current.Rows, []string{"Today is as good as the advice, or better, within intervals: " + yesNo(c.AsGood) + "."})
	}
}

// answers are those to questions, and the conditions of the verdict.
func (p *page) answers(r *advise.Report) {
	p.Safety = table{
		Caption: "What a trace cannot answer. Yes is safe; unknown counts as no.",
		Columns: []column{{"question", text}, {"answer", text}, {"because", text}, {"the trace hints", text}, {"if no", text}}, Missing: "The report asks nothing.", Kind: stack,
	}
	for _, s := range r.Safety {
		because := s.Because
		if because == "" {
			because = "no reason was given"
		}
		hints := strings.Join(s.Hints, "; ")
		if hints == "" {
			hints = "nothing"
		}
		p.Safety.Rows = append(p.Safety.Rows, []string{s.Text, s.Answer.String(), because, hints, s.IfNo})
	}
	p.Questions = table{Caption: "The questions that come before coalescing", Columns: []column{{"question", text}, {"answer", text}, {"evidence", text}}, Missing: "Not answered: " + nothing(r) + ".", Kind: stack}
	for _, q := range r.Questions {
		p.Questions.Rows = append(p.Questions.Rows, []string{q.Text, q.Answer.String(), q.Evidence})
	}
	p.Reasons = table{Caption: "Conditions in the order in which they were tested, up to the first that held", Columns: []column{{"verdict", code}, {"held", text}, {"condition", text}}, Missing: "None was tested.", Kind: stack}
	for _, c := range r.Verdict.Reasons {
		p.Reasons.Rows = append(p.Reasons.Rows, []string{string(c.Class), yesNo(c.Held), c.Condition})
	}
}

// A figureName is a figure of advise.Figures, in words.
type figureName struct {
	name, unit string
	of         func(advise.Figures) advise.Interval
}

var figureNames = []figureName{
	{"hit ratio", "%", func(f advise.Figures) advise.Interval { return f.HitRatio }},
	{"amplification: loads without coalescing over loads with it", "", func(f advise.Figures) advise.Interval { return f.Amplification }},
	{"loads that coalescing saves", "%", func(f advise.Figures) advise.Interval { return f.Saved }},
	{"the same with jitter in both", "%", func(f advise.Figures) advise.Interval { return f.SavedJittered }},
	{"loads that coalescing saves, a second", "1/s", func(f advise.Figures) advise.Interval { return f.SavedRate }},
	{"loads that jitter alone saves", "%", func(f advise.Figures) advise.Interval { return f.SavedByJitter }},
	{"requests that wait for another's load", "%", func(f advise.Figures) advise.Interval { return f.Joined }},
	{"misses that wait for another's load", "%", func(f advise.Figures) advise.Interval { return f.JoinedOfMiss }},
	{"loads a second with coalescing", "1/s", func(f advise.Figures) advise.Interval { return f.LoadRate }},
	{"most loads at once, cache", "", func(f advise.Figures) advise.Interval { return f.Peak }},
	{"most loads at once, cache with jitter", "", func(f advise.Figures) advise.Interval { return f.PeakJittered }},
	{"most loads at once, cache with coalescing", "", func(f advise.Figures) advise.Interval { return f.PeakShared }},
	{"herd index: peak with a common expiry over peak with jitter", "", func(f advise.Figures) advise.Interval { return f.HerdIndex }},
	{"mean wait, cache", "ns", func(f advise.Figures) advise.Interval { return f.WaitPlain }},
	{"mean wait, cache with coalescing", "ns", func(f advise.Figures) advise.Interval { return f.WaitShared }},
	{"requests over the SLO, cache", "%", func(f advise.Figures) advise.Interval { return f.OverPlain }},
	{"requests over the SLO, cache with coalescing", "%", func(f advise.Figures) advise.Interval { return f.OverShared }},
	{"the difference of the two", "%", func(f advise.Figures) advise.Interval { return f.OverDiffers }},
}

// measured are the figures themselves.
func (p *page) measured(r *advise.Report) {
	missing := nothing(r)
	if missing != "" {
		missing = "Not computed: " + missing + "."
	}
	slo := r.Policy.SLO.Limit > 0
	p.Figures = table{Caption: "Figures with 95 % intervals: the widest of several ways to find them", Columns: []column{{"figure", text}, {"value", num}, {"from to", num}, {"found by", text}}, Missing: missing}
	if missing == "" {
		for i, f := range figureNames {
			if !slo && i >= len(figureNames)-3 {
				continue // without an SLO nothing is over it
			}
			v := f.of(r.Figures)
			write := of(f.unit, v)
			p.Figures.Rows = append(p.Figures.Rows, []string{f.name, value(v, write), bounds(v, write), v.By})
		}
		w := r.Figures.WorstWindow
		amp := "no window had ten loads"
		if w.Amplification > 0 {
			amp = number(w.Amplification)
		}
		add := func(name, value string) { p.Figures.Rows = append(p.Figures.Rows, []string{name, value, "", ""}) }
		add("loads with coalescing, on which this rests", whole(r.Figures.Episodes))
		add("share of the saved loads that are of the ten keys with most", percent(r.Figures.TopSaved))
		add("worst window of "+duration(w.Length)+": amplification", amp)
		if w.Amplification > 0 {
			add("worst window: loads, and with coalescing", whole(w.Loads)+", "+whole(w.Coalesced))
			add("worst window: at", duration(w.At))
		}
		add("most loads in any window, and at", whole(w.Busiest)+", "+duration(w.BusiestAt))
		if r.Figures.HerdPeak > 0 {
			add("most loads at once if all keys expire at once, and with jitter", whole(r.Figures.HerdPeak)+", "+whole(r.Figures.HerdJittered))
		}
	}

	p.Bounds = table{Caption: "Two truths that coarse stamps leave room for", Columns: []column{{"figure", text}, {"all at once", num}, {"evenly spread", num}}}
	if b := r.Bounds; b != nil {
		p.Bounds.Rows = append(p.Bounds.Rows, []string{"verdict", string(b.AtTick.Class), string(b.Spread.Class)})
		for i, f := range figureNames {
			if slo || i < len(figureNames)-3 {
				p.Bounds.Rows = append(p.Bounds.Rows, []string{f.name, span(f.of(b.AtTick.Figures), in(f.unit)), span(f.of(b.Spread.Figures), in(f.unit))})
			}
		}
	}

	p.Arms = armTable("All ways to serve the requests that were tried", r.Arms, slo, missing)
	p.Stress = armTable("What happens when things go wrong", r.Stress, slo, missing)
	for i := range r.Arms {
		if s := styleOf(&r.Arms[i]); s.name != "other" {
			p.Arms.Rows[i][0] = s.name + ": " + p.Arms.Rows[i][0]
		}
	}

	p.TopKeys = table{Caption: "The keys that coalescing saves most loads of", Columns: []column{{"key", code}, {"requests", num}, {"rate", num}, {"loads", num}, {"with coalescing", num}, {"saved", num}, {"clients, about", num}}, Missing: missing}
	if missing == "" {
		p.TopKeys.Missing = "No key was followed by itself."
	}
	for _, k := range r.TopKeys {
		clients := "not known"
		if k.Clients > 0 {
			clients = whole(k.Clients)
		}
		p.TopKeys.Rows = append(p.TopKeys.Rows, []string{k.Key, whole(k.Requests), rated(r, k.Rate, perSecond), whole(k.Loads), whole(k.Shared), whole(k.Saved), clients})
	}
}

func armTable(caption string, arms []advise.Arm, slo bool, missing string) table {
	t := table{Caption: caption, Columns: []column{
		{"arm", text}, {"loads", num}, {"loads/s", num}, {"from to", num}, {"in background", num}, {"hits", num}, {"stale", num}, {"joined", num}, {"gave up", num},
		{"mean wait", num}, {"p50", num}, {"p99", num}, {"p99.9", num}, {"peak", num}, {"at", num},
	}, Missing: missing, Kind: pin}
	if slo {
		t.Columns = append(t.Columns, column{"over SLO", num}, column{"SLO kept", text})
	}
	t.Columns = append(t.Columns, column{"what it is", text})
	for i := range arms {
		a := &arms[i]
		row := []string{
			a.ID, whole(a.Loads), value(a.LoadRate, number), bounds(a.LoadRate, number), whole(a.Background), whole(a.Hits), whole(a.StaleHits), whole(a.Joined), whole(a.GaveUp),
			span(a.MeanWait, nanos), duration(a.P50), duration(a.P99), duration(a.P999), whole(a.Peak), duration(a.PeakAt),
		}
		if slo {
			row = append(row, span(a.OverSLO, percent), yesNo(a.MeetsSLO))
		}
		t.Rows = append(t.Rows, append(row, a.Says))
	}
	return t
}

// given is what the report was made from.
func (p *page) given(r *advise.Report) {
	p.Files = table{Caption: "Files", Columns: []column{{"file", code}, {"format", text}, {"records", num}, {"bad lines", num}, {"SHA-256", code}}, Missing: "The report does not say which."}
	for _, f := range r.Input.Files {
		p.Files.Rows = append(p.Files.Rows, []string{f.Name, f.Format, whole(f.Records), whole(f.Bad), f.SHA256})
	}
	p.Findings = table{Caption: "What was found out about the data, on which the verdict depends", Columns: []column{{"severity", text}, {"finding", text}, {"remedy", text}}, Missing: "Nothing of note was found.", Kind: stack}
	for _, f := range r.Input.Findings {
		p.Findings.Rows = append(p.Findings.Rows, []string{f.Severity, f.Text, f.Remedy})
	}

	p.Trace = pairs("The trace", traceFacts(r))
	p.Stated = pairs("What was stated, and the loader", statedFacts(r))
	p.Thresholds = pairs("Thresholds: judgements, not measurements; each can be set", thresholdFacts(r.Thresholds))
	p.Method = pairs("How the figures came about", methodFacts(r))
}

func pairs(caption string, rows [][]string) table {
	return table{Caption: caption, Columns: []column{{"what", text}, {"value", text}}, Rows: rows}
}

func traceFacts(r *advise.Report) [][]string {
	t, in := r.Trace, r.Input
	rows := [][]string{{"requests", whole(t.Requests)}}
	add := func(name, value string) { rows = append(rows, []string{name, value}) }
	if !in.Start.IsZero() {
		add("first record", in.Start.UTC().Format(time.RFC3339Nano))
	}
	add("writes and deletes", whole(t.Invalidations))
	add("records that neither read nor write", whole(t.Ignored))
	if nothing(r) != "" {
		return rows
	}
	keys := whole(t.Keys)
	if t.KeysEstimated {
		keys = "about " + keys
	}
	add("keys", keys)
	add("span", duration(t.Span))
	add("requests a second", rated(r, t.Rate, number))
	for _, s := range t.Top {
		add(fmt.Sprintf("share of the %s most frequent keys", whole(int64(s.Keys))), percent(s.Share))
	}
	add("keys asked for once", percent(t.OneHit))
	add("coefficient of variation of gaps (1 for a Poisson process)", number(t.GapCV))
	for _, f := range t.Fano {
		v := "not computed: the trace is shorter than ten windows"
		if f.Value > 0 {
			v = number(f.Value)
		}
		add("Fano factor at "+duration(f.Window)+" (1 for a Poisson process)", v)
	}
	add("requests at the time of the one before", percent(t.Ties))
	add("smallest gap", duration(t.SmallestGap))
	add("times are known to", duration(t.Tick))
	add("records that seem to be there twice", percent(in.NearDuplicates))
	if t.MeanSize > 0 {
		add("mean size", number(t.MeanSize)+" bytes")
	}
	if t.MedianTTL > 0 {
		add("median TTL that records name", duration(t.MedianTTL))
	}
	for _, k := range in.Parts {
		add("keys without "+k.Name, fmt.Sprintf("%s of %s, in %s requests", whole(k.Keys), whole(in.KeysLookedAt), whole(in.RequestsLookedAt)))
	}
	return rows
}

func statedFacts(r *advise.Report) [][]string {
	p, l := r.Policy, r.Loader
	var rows [][]string
	add := func(name, value string) { rows = append(rows, []string{name, value}) }
	known := func(v float64) string {
		if v == 0 {
			return "no limit is known"
		}
		return number(v)
	}
	switch {
	case p.Forever:
		add("TTL", "none: there is no limit of freshness")
	case p.TTL == 0:
		add("TTL", "0: values may not be kept")
	default:
		add("TTL", duration(p.TTL))
	}
	add("staler still while a load runs", duration(p.MaxStale))
	slo := "none"
	if p.SLO.Limit > 0 {
		slo = fmt.Sprintf("%s of requests within %s", percent(p.SLO.Quantile), duration(p.SLO.Limit))
	}
	add("SLO", slo)
	add("the source's loads at once", known(float64(p.Source.MaxConcurrent)))
	add("the source's loads a second", known(p.Source.MaxRPS))
	add("processes, and how requests find one", fmt.Sprintf("%d, %s", p.Processes, p.Routing))
	add("room for values in each", known(float64(p.Entries)))
	if p.MemoryBytes > 0 {
		add("memory of each", whole(p.MemoryBytes)+" bytes")
	}
	add("caches at the start", p.Start)
	add("what coalescing adds to a load", duration(p.Overhead))
	if l.Source == "" {
		add("loader", "not computed: "+nothing(r))
		return rows
	}
	add("loader, "+l.Source, l.Text)
	add("a load: mean, p50, p99, p99.9", strings.Join([]string{duration(l.Mean), duration(l.P50), duration(l.P99), duration(l.P999)}, ", "))
	add("CV² of loads (over 1, who joins waits longer than who loads)", number(l.CV2))
	add("mean wait of who joins a load", duration(l.JoinedWait))
	return rows
}

func thresholdFacts(t advise.Thresholds) [][]string {
	return [][]string{
		{"requests below which nothing matters", number(float64(t.MinRequests))},
		{"loads under way on average, without a cache, below which nothing matters", number(t.MinBusy)},
		{"hit ratio below which a cache is for nothing", percent(t.HitRatio)},
		{"amplification that is as good as none", number(t.Amplification)},
		{"keys that are a handful", number(float64(t.OnceKeys))},
		{"a load that is cheap", duration(t.CheapLoad)},
		{"the same in overheads of coalescing", number(t.CheapTimes)},
		{"share of loads that coalescing must save", percent(t.SavedShare)},
		{"saved loads of the source's limit", percent(t.SavedOfRPS)},
		{"herd index from which jitter is advised", number(t.Herd)},
		{"amplification in the worst window", number(t.WindowAmplification)},
		{"CV² of loads", number(t.CV2)},
		{"requests that must join for it to matter", percent(t.Joined)},
		{"requests that must join where nothing is kept", percent(t.OverlapOnly)},
		{"share of distinct keys that is suspicious", percent(t.KeysOfRequests)},
		{"times fewer keys without a part", number(t.KeyCollapse)},
		{"loads that it takes to decide", number(float64(t.MinEpisodes))},
		{"requests in the time of a load for early refresh", number(t.EarlyCalls)},
	}
}

func methodFacts(r *advise.Report) [][]string {
	m := r.Method
	rows := [][]string{{"schema, definitions", r.Schema + ", " + r.Definitions}, {"seed", strconv.FormatUint(r.Policy.Seed, 10)}}
	add := func(name, value string) { rows = append(rows, []string{name, value}) }
	if m.Exact {
		add("keys followed", "all")
	} else {
		add("keys followed one by one", whole(int64(m.HeavyKeys)))
		add("requests of those", percent(m.HeavyShare))
		add("the others: share that was sampled", percent(m.TailRate))
		add("requests of keys that were followed only from somewhere on", percent(m.LatePromoted))
		add("peaks of the others are estimated from a sample", yesNo(m.PeakIsScaled))
	}
	if nothing(r) != "" {
		return rows
	}
	add("requests that curves, stress and replications are made of", whole(int64(m.CurveRequests)))
	add("loader replications", whole(int64(m.Replications)))
	add("blocks of time, groups of keys", fmt.Sprintf("%d, %d", m.Blocks, m.KeyGroups))
	add("requests that came after a later one", whole(m.Late))
	add("heat map: requests it is made of", whole(r.HeatMap.Requests))
	add("heat map: share followed of keys that are not frequent", percent(r.HeatMap.FollowedShare))
	return rows
}
