package advise

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/advise/trace"
)

// Run studies all records of r. An error of r, other than io.EOF, is returned
// as it is.
func Run(r Reader, c Config) (*Report, error) {
	s, err := New(c)
	if err != nil {
		return nil, err
	}
	if err := s.AddFrom(context.Background(), r, nil); err != nil {
		return nil, err
	}
	return s.Report(Input{})
}

// ErrNoLoader reports that nothing says how long loads take: records have no
// durations, and [Config].Loader is nil.
var ErrNoLoader = errors.New("advise: nothing says how long a load takes: no record has a duration; state it, as in p50=20ms,p99=200ms")

// A Study takes in records and gives a [Report]. Make it with [New]. Its methods
// must not be called at the same time.
type Study struct {
	c        Config
	facts    facts
	trace    *sim.Trace // all of it, or its first part when sampled is set
	sampled  *sampled
	requests int64
	drops    int64
	reported bool
}

// New begins a study. It reports every fault of c.
func New(c Config) (*Study, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Study{c: c.withDefaults(), trace: new(sim.Trace)}, nil
}

// Requests is how many records that read were added so far.
func (s *Study) Requests() int64 { return s.requests }

// Add takes in records. They are not kept. It panics after Report.
func (s *Study) Add(records []trace.Record) {
	if s.reported {
		panic("advise: Study.Add after Report")
	}
	for i := range records {
		r := &records[i]
		s.facts.add(r)
		switch r.Op {
		case trace.Read:
			s.requests++
			latency := int64(sim.Draw)
			if s.c.Loader == nil && loads(r) {
				latency = r.Duration
			}
			s.request(r.Time, r.Key, latency)
		case trace.Write, trace.Delete:
			s.drops++
			if s.sampled != nil {
				s.sampled.invalidate(s.sampled.since(r.Time), r.Key)
			} else {
				s.trace.Invalidate(r.Time, r.Key)
			}
		case trace.Other:
		}
	}
}

func (s *Study) request(t int64, key uint64, latency int64) {
	if s.sampled != nil {
		s.sampled.request(s.sampled.since(t), key, latency)
		return
	}
	s.trace.Request(t, key, latency)
	if !s.c.Exact && s.trace.Len() > s.c.MaxExact {
		s.sampled, s.trace = s.sample()
	}
}

// replications is how many runs tell what the loader's randomness does.
const replications = 5

// Report ends the study. in is what the reader has to say of the records; the
// zero Input says nothing.
//
// Where there is not enough to go by (no times, no keys, no requests), the
// report refuses, and has few figures. It is an error that nobody says how
// long loads take.
func (s *Study) Report(in Input) (*Report, error) {
	s.reported = true
	c := &s.c
	r := &Report{
		Schema: Schema, Definitions: Definitions, Input: in, Policy: policyOf(c), Thresholds: c.Thresholds,
	}
	r.Safety = s.checked(in)
	if in.NoTimes || s.requests == 0 {
		s.refuse(r, in)
		return r, nil
	}
	loader, err := s.loader()
	if err != nil {
		return nil, err
	}
	r.Loader = loaderFact(c, loader)

	var ran *runs
	part := s.trace
	arr, heat := new(arrivals), (func() *curve)(nil)
	if s.sampled != nil {
		ran = s.sampled.close()
		arr, heat = &s.sampled.arrivals, s.sampled.curve
		r.Method = s.sampled.method()
	} else {
		s.trace.Each(func(t int64, _ uint64, _ int64, dropped bool) {
			if !dropped {
				arr.add(t)
			}
		})
		heat = pastOf(s.trace).begin(ttlsOf(c))
		r.Method.Exact = true
	}
	if part.Len() > c.CurveRequests {
		part = s.trace.First(c.CurveRequests)
	}
	r.Method.CurveRequests = part.Len()
	r.Trace = s.traceFacts(arr, in)
	if c.MemoryBytes > 0 && c.Entries == 0 {
		c.Entries = int64(float64(c.MemoryBytes) / max(r.Trace.MeanSize, 1))
	}
	set := s.setting(loader)
	if ran == nil {
		ran = s.exact(s.trace, part, set, loader)
	} else {
		ran.window = set.Window
		ran.again, ran.partOf = s.replicate(part, set, ran.plan), float64(part.Len())/float64(s.requests)
	}
	r.HeatMap = heat().surface(r.Trace.Keys)
	fit := heat().fit(c)
	ran.cacheFit = fit

	m := s.matter(r, &in, ran)
	class, also, reasons := decide(m)
	if r.Trace.Tick > r.Loader.P50 {
		ticked := m
		if s.sampled != nil { // the bounds are those of the part that was kept
			first := s.exact(s.trace, part, set, loader)
			first.cacheFit = fit
			ticked = s.matter(r, &in, first)
		}
		class, also, reasons = s.bounded(r, m, ticked, part, set, loader, class, also, reasons)
	}
	r.Figures, r.Arms = m.f, m.arms
	r.Curves = curves(part, set, c, loader)
	for _, o := range stress(part, set, c, ran.jitter()) {
		seconds := max(part.Span().Seconds(), 1e-9) / max(o.Arm.Rate, 1)
		a := ran.arm(c, o, exactly(float64(o.Loads)/seconds), exactly(float64(o.MeanWait())), exactly(o.OverSLOShare()), exactly(fit*o.HitRatio()))
		a.Beyond, a.Course, a.Concurrency = nil, Course{}, nil
		r.Stress = append(r.Stress, a)
	}
	r.TopKeys = s.topKeys(ran, in)
	r.Method.Replications, r.Method.Blocks, r.Method.KeyGroups = replications, blocks, headKeys+keyGroups

	r.Verdict = s.verdict(m, class, also, reasons, r)
	r.Questions = m.questions(&c.Safety)
	if !r.Verdict.Class.Refused() {
		r.Settings = m.settings(class, also, r.Curves, r.HeatMap)
		r.Code = m.code(class, also, r.Settings)
		r.Advised = m.inService(class, also, r.Settings)
		r.Watch = m.watch(class, also, r.Advised, s.asSet(ran, r.Advised, part, set, advised(class, also)), r.Bounds)
	}
	if c.Current != nil {
		r.Current = m.current(class, also)
	}
	r.Trace.Course = course(ran.requests)
	r.Trace.Hours = hours(in.Start, r.Trace.Course)
	r.Assumptions = s.assumptions(r)
	return r, nil
}

func (s *Study) setting(loader sim.Loader) sim.Setting {
	return sim.Setting{
		Loader: loader, Seed: s.c.Seed, Processes: s.c.Processes, Routing: s.c.Routing, SLO: s.c.SLO.Limit,
		Window: max(loader.Quantile(0.99), time.Millisecond), PerKey: true, Workers: s.c.Workers,
	}
}

func (s *Study) loader() (sim.Loader, error) {
	if s.c.Loader != nil {
		return *s.c.Loader, nil
	}
	l, err := sim.Samples(s.facts.latencies.kept)
	if err != nil {
		return sim.Loader{}, ErrNoLoader
	}
	return l, nil
}

// exact runs the plan over a trace.
func (s *Study) exact(tr, part *sim.Trace, set sim.Setting, loader sim.Loader) *runs {
	c := &s.c
	keys, counts := tr.Keys()
	p := planFor(c, loader, jitterFor(c, loader, int64(len(keys))), min(c.TTL, tr.Span()/2))
	r := &runs{plan: p, total: int64(tr.Len()), span: tr.Span(), window: set.Window, keys: keys, counts: counts, requests: new(sim.Timeline)}
	tr.Each(func(t int64, _ uint64, _ int64, dropped bool) {
		if !dropped {
			r.requests.Count(t, 1)
		}
	})
	r.outs, r.contrasts = tr.Compare(set, p.pairs, p.arms...)
	r.again = s.replicate(part, set, p)
	r.partOf = float64(part.Len()) / float64(tr.Len())
	return r
}

// replicate runs the plan with other seeds, over a part of the trace.
func (s *Study) replicate(part *sim.Trace, set sim.Setting, p *plan) [][]*sim.Outcome {
	set.PerKey = false
	var again [][]*sim.Outcome
	for i := range uint64(replications) {
		set.Seed = s.c.Seed + i
		again = append(again, part.Run(set, p.arms...))
	}
	return again
}

func (s *Study) matter(r *Report, in *Input, ran *runs) *matter {
	m := &matter{c: &s.c, input: in, fit: ran.cacheFit, loader: r.Loader, facts: &r.Trace, f: ran.figures(&s.c), arms: ran.armResults(&s.c)}
	seconds := ran.span.Seconds()
	for _, n := range ran.counts {
		if seconds == 0 {
			break
		}
		calls := float64(n) / seconds * r.Loader.Mean.Seconds()
		m.hottest = max(m.hottest, calls)
		if calls >= s.c.Thresholds.EarlyCalls {
			m.hotKeys++
		}
	}
	return m
}

// bounded decides again with requests spread over the ticks of the clock, and
// refuses if that says something else than ticked, which has them all at once.
func (s *Study) bounded(r *Report, m, ticked *matter, part *sim.Trace, set sim.Setting, loader sim.Loader, class Class, also []Class, reasons []Reason) (Class, []Class, []Reason) {
	tick := r.Trace.Tick
	tr := s.trace.Spread(tick)
	if part == s.trace {
		part = tr
	} else {
		part = part.Spread(tick)
	}
	ran := s.exact(tr, part, set, loader)
	ran.cacheFit = m.fit
	spread := s.matter(r, m.input, ran)
	one, _, _ := decide(ticked)
	other, _, _ := decide(spread)
	r.Bounds = &Bounds{Tick: tick, AtTick: Bound{one, ticked.f}, Spread: Bound{other, spread.f}, SameSaid: one == other}
	// The figures span both: what is between them is not known.
	m.f.Saved = m.f.Saved.including(spread.f.Saved, byBounds)
	m.f.Amplification = m.f.Amplification.including(spread.f.Amplification, byBounds)
	m.f.Joined = m.f.Joined.including(spread.f.Joined, byBounds)
	if one == other {
		return class, also, reasons
	}
	return RefuseUnclear, nil, append(reasons, Reason{
		RefuseUnclear,
		fmt.Sprintf("times are known to %s, loads take %s at the median: if all requests of a tick come at once the verdict is %s (%s of loads saved), if they are evenly spread it is %s (%s)",
			short(tick), short(r.Loader.P50), one, percent(ticked.f.Saved.Value), other, percent(spread.f.Saved.Value)),
		true,
	})
}

func (r *runs) jitter() float64 {
	if i := r.plan.at[armJitter]; i >= 0 {
		return r.plan.arms[i].Jitter
	}
	return 0
}

func ttlsOf(c *Config) []time.Duration {
	base := c.TTL
	if base == 0 || base == sim.Forever {
		base = time.Hour
	}
	var list []time.Duration
	for _, times := range []float64{0.01, 0.1, 0.3, 1, 3, 10} {
		list = append(list, time.Duration(float64(base)*times))
	}
	return append(list, sim.Forever)
}

// fit is the hit ratio with the capacity allowed over that without bound.
func (c *curve) fit(cfg *Config) float64 {
	if cfg.Entries == 0 || cfg.TTL == 0 {
		return 1
	}
	row := slices.Index(c.ttls, int64(cfg.TTL))
	if row < 0 {
		row = len(c.ttls) - 1
	}
	size := 0
	for j, n := range c.sizes {
		if n <= cfg.Entries {
			size = j
		}
	}
	best := c.ratio(row, len(c.sizes)-1)
	if best == 0 {
		return 1
	}
	return min(1, c.ratio(row, size)/best)
}

func policyOf(c *Config) Policy {
	p := Policy{
		TTL: c.TTL, MaxStale: c.MaxStale, SLO: c.SLO, Source: c.Source, Processes: c.Processes, Routing: c.Routing.String(),
		Entries: c.Entries, MemoryBytes: c.MemoryBytes, Start: c.Start.String(), Overhead: c.Overhead, Seed: c.Seed,
	}
	if c.TTL == sim.Forever {
		p.TTL, p.Forever = 0, true
	}
	return p
}

func loaderFact(c *Config, l sim.Loader) LoaderFact {
	f := LoaderFact{
		Source: "stated", Text: l.String(), Mean: l.Mean(), P50: l.Quantile(0.5), P99: l.Quantile(0.99), P999: l.Quantile(0.999),
		CV2: l.CV2(), JoinedWait: l.JoinedWait(),
	}
	if c.Loader == nil {
		f.Source = "measured"
	}
	return f
}

// Answer replaces the Config's answers to what a trace cannot tell, for whoever
// asks after having read it. It reports an answer that is none.
func (s *Study) Answer(answers Safety) error {
	if err := answers.validate(); err != nil {
		return err
	}
	s.c.Safety = answers
	return nil
}
