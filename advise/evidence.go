package advise

import (
	"math"
	"slices"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// runs is what a simulation of a plan gave.
type runs struct {
	plan      *plan
	outs      []*sim.Outcome
	contrasts []sim.Contrast
	requests  *sim.Timeline
	total     int64
	span      time.Duration
	window    time.Duration

	keys    []uint64
	counts  []uint32 // requests of each key
	weights []uint8  // each stands for 1<<weight; nil: for itself

	// The same arms with other seeds, over a part of the trace.
	again    [][]*sim.Outcome
	partOf   float64 // what share of the requests that was
	cacheFit float64 // hit ratio within capacity over hit ratio without bound
}

func (r *runs) out(arm int) *sim.Outcome {
	if i := r.plan.at[arm]; i >= 0 {
		return r.outs[i]
	}
	return nil
}

// Columns of a row, the same for blocks of time and groups of keys: the
// requests, then for each arm what it did in them.
const (
	colLoads = iota
	colJoined
	colOver
	colWait
	armColumns
)

func (r *runs) column(arm, what int) int { return 1 + r.plan.at[arm]*armColumns + what }

// blocks is how many stretches of time are drawn from. Fewer would tell little,
// more would depend on each other: what is cached in one is a hit in the next.
const blocks = 32

// byTime gives a row for each stretch of time.
func (r *runs) byTime() [][]float64 {
	lines := []*sim.Timeline{r.requests}
	for _, o := range r.outs {
		if o.Arm.Rate != 0 && o.Arm.Rate != 1 {
			panic("advise: an arm of another rate in the plan")
		}
		lines = append(lines, &o.Timeline)
	}
	widest := lines[0]
	for _, l := range lines {
		if l.Width() > widest.Width() {
			widest = l
		}
	}
	slicesOf := 0
	for _, l := range lines {
		l.WidenTo(widest)
		slicesOf = max(slicesOf, len(l.Slices))
	}
	n := min(blocks, slicesOf)
	rows := make([][]float64, n)
	for b := range rows {
		row := make([]float64, 1+armColumns*len(r.outs))
		for i := b * slicesOf / n; i < (b+1)*slicesOf/n; i++ {
			if i < len(r.requests.Slices) {
				row[0] += float64(r.requests.Slices[i].Requests)
			}
			for a, o := range r.outs {
				if i >= len(o.Timeline.Slices) {
					continue
				}
				s := &o.Timeline.Slices[i]
				at := row[1+a*armColumns:]
				at[colLoads] += float64(s.Loads)
				at[colJoined] += float64(s.Joined)
				at[colOver] += float64(s.OverSLO)
				at[colWait] += s.Wait
			}
		}
		rows[b] = row
	}
	return rows
}

// Keys that are drawn one by one, and the groups into which chance puts the
// others.
const (
	headKeys  = 256
	keyGroups = 256
)

// byKey gives a row for each of the most frequent keys and for each group of
// the others. Rows have no waits.
func (r *runs) byKey() [][]float64 {
	order := make([]int32, len(r.keys))
	for i := range order {
		order[i] = int32(i) //nolint:gosec // keys are numbered in 32 bits
	}
	head := min(headKeys, len(order))
	threshold := uint32(0)
	if len(order) > head {
		counts := slices.Clone(r.counts)
		slices.Sort(counts)
		threshold = counts[len(counts)-head]
	}
	var rows [][]float64
	columns := 1 + armColumns*len(r.outs)
	groups := make([][]float64, keyGroups)
	for i, key := range r.keys {
		if r.counts[i] == 0 {
			continue
		}
		var row []float64
		if r.counts[i] > threshold || len(order) <= head {
			row = make([]float64, columns)
			rows = append(rows, row)
		} else {
			g := scramble(key) % keyGroups
			if groups[g] == nil {
				groups[g] = make([]float64, columns)
			}
			row = groups[g]
		}
		weight := 1.0
		if r.weights != nil {
			weight = float64(uint64(1) << r.weights[i])
		}
		row[0] += weight * float64(r.counts[i])
		for a, o := range r.outs {
			at := row[1+a*armColumns:]
			if i < len(o.KeyLoads) {
				at[colLoads] += weight * float64(o.KeyLoads[i])
			}
			if i < len(o.KeyJoined) {
				at[colJoined] += weight * float64(o.KeyJoined[i])
			}
		}
	}
	for _, g := range groups {
		if g != nil {
			rows = append(rows, g)
		}
	}
	return rows
}

// totals is the row of whole outcomes.
func (r *runs) totals(outs []*sim.Outcome) []float64 {
	row := make([]float64, 1+armColumns*len(outs))
	for a, o := range outs {
		row[0] = float64(o.Requests)
		at := row[1+a*armColumns:]
		at[colLoads], at[colJoined] = float64(o.Loads), float64(o.Joined)
		at[colOver], at[colWait] = float64(o.OverSLO), o.Wait
	}
	return row
}

// A figure is one number of a row of sums.
type figure struct {
	of     func(sums []float64) float64
	scales bool // it grows with the length of the trace
	waits  bool // it needs waits, which rows of keys do not have
}

// intervals gives the widest interval of each figure.
func (r *runs) intervals(seed uint64, figures []figure) []Interval {
	var all, ofKeys []func([]float64) float64
	for _, f := range figures {
		all = append(all, f.of)
		if !f.waits {
			ofKeys = append(ofKeys, f.of)
		}
	}
	out := bootstrap(r.byTime(), seed, byBlocks, all)
	keys := bootstrap(r.byKey(), seed, byKeys, ofKeys)
	whole := r.totals(r.outs)
	var again [][]float64
	for _, outs := range r.again {
		again = append(again, r.totals(outs))
	}
	for i, f := range figures {
		out[i].Value = f.of(whole)
		if !f.waits {
			out[i] = out[i].wider(keys[0])
			keys = keys[1:]
			out[i].Value = f.of(whole)
		}
		if len(again) > 1 {
			var values []float64
			for _, row := range again {
				values = append(values, f.of(row))
			}
			spread := replicated(values[0], values)
			half := (spread.High - spread.Low) / 2 * math.Sqrt(r.partOf)
			if f.scales {
				half /= r.partOf
			}
			out[i] = out[i].wider(Interval{out[i].Value, out[i].Value - half, out[i].Value + half, byLoads})
		}
		out[i].Low, out[i].High = min(out[i].Low, out[i].Value), max(out[i].High, out[i].Value)
	}
	return out
}

// figures works out what a verdict needs.
func (r *runs) figures(c *Config) Figures {
	base, with := armCache, armBoth
	if c.TTL == 0 {
		base, with = armDirect, armShare
	}
	seconds := max(r.span.Seconds(), 1e-9)
	get := func(arm, what int) func([]float64) float64 {
		i := r.column(arm, what)
		return func(sums []float64) float64 { return sums[i] }
	}
	requests := func(sums []float64) float64 { return sums[0] }
	baseLoads, withLoads, joined := get(base, colLoads), get(with, colLoads), get(with, colJoined)

	list := []figure{
		{of: func(s []float64) float64 {
			if withLoads(s) == 0 { // a draw of blocks in which nothing is loaded
				return 1
			}
			return baseLoads(s) / withLoads(s)
		}},
		{of: func(s []float64) float64 { return ratio(baseLoads(s)-withLoads(s), baseLoads(s)) }},
		{of: func(s []float64) float64 { return (baseLoads(s) - withLoads(s)) / seconds }, scales: true},
		{of: func(s []float64) float64 { return ratio(joined(s), requests(s)) }},
		{of: func(s []float64) float64 { return ratio(joined(s), joined(s)+withLoads(s)) }},
		{of: func(s []float64) float64 { return withLoads(s) / seconds }, scales: true},
		{of: func(s []float64) float64 { return ratio(get(base, colWait)(s), requests(s)) }, waits: true},
		{of: func(s []float64) float64 { return ratio(get(with, colWait)(s), requests(s)) }, waits: true},
		{of: func(s []float64) float64 { return ratio(get(base, colOver)(s), requests(s)) }, waits: true},
		{of: func(s []float64) float64 { return ratio(get(with, colOver)(s), requests(s)) }, waits: true},
		{of: func(s []float64) float64 {
			return ratio(get(with, colOver)(s)-get(base, colOver)(s), requests(s))
		}, waits: true},
	}
	if c.TTL > 0 {
		jittered, all := get(armJitter, colLoads), get(armAll, colLoads)
		list = append(list,
			figure{of: r.hits(r.out(base), 1+r.plan.at[base]*armColumns)},
			figure{of: func(s []float64) float64 { return ratio(jittered(s)-all(s), jittered(s)) }},
			figure{of: func(s []float64) float64 { return ratio(baseLoads(s)-jittered(s), baseLoads(s)) }},
		)
	}
	direct, share := get(armDirect, colLoads), get(armShare, colLoads)
	list = append(list, figure{of: func(s []float64) float64 { return ratio(direct(s)-share(s), direct(s)) }})
	v := r.intervals(c.Seed, list)
	overlap := v[len(v)-1]
	f := Figures{
		Amplification: v[0], Saved: v[1], SavedRate: v[2], Joined: v[3], JoinedOfMiss: v[4], LoadRate: v[5],
		WaitPlain: v[6], WaitShared: v[7], OverPlain: v[8], OverShared: v[9], OverDiffers: v[10],
		Episodes:   r.out(with).Loads,
		Peak:       r.peak(base),
		PeakShared: r.peak(with),
		HerdIndex:  exactly(1),
	}
	if c.TTL > 0 {
		f.HitRatio, f.SavedJittered, f.SavedByJitter = shareOf(v[11]), v[12], v[13]
		f.PeakJittered = r.peak(armJitter)
	}
	f.unseen(r.out(base), overlap)
	if r.span == 0 {
		f.LoadRate, f.SavedRate = unknownRate(), unknownRate()
	}
	f.TopSaved = r.topSaved(base, with)
	for _, k := range r.contrasts {
		if k.Base == r.plan.at[base] {
			f.WorstWindow = WorstWindow{
				Length: r.window, At: k.At, Amplification: k.Amplification, Loads: k.BaseLoads, Coalesced: k.WithLoads,
				Busiest: r.out(base).Busiest.Loads, BusiestAt: r.out(base).Busiest.At,
			}
		}
	}
	if herd, jittered := r.out(armHerd), r.out(armHerdJitter); herd != nil {
		f.HerdPeak, f.HerdJittered = herd.Peak, jittered.Peak
		f.HerdIndex = Interval{Value: ratio(float64(herd.Peak), float64(jittered.Peak)), By: byLoads}
		f.HerdIndex.Low, f.HerdIndex.High = f.HerdIndex.Value, f.HerdIndex.Value
		for _, outs := range r.again {
			h := ratio(float64(outs[r.plan.at[armHerd]].Peak), float64(outs[r.plan.at[armHerdJitter]].Peak))
			if r.partOf == 1 {
				f.HerdIndex.Low, f.HerdIndex.High = min(f.HerdIndex.Low, h), max(f.HerdIndex.High, h)
			}
		}
	}
	return f
}

// unseen widens intervals of what was never seen to happen: to draw again from
// nothing gives nothing. Of n loads none of which could be saved, up to 3/n may
// be (J. Hanley and A. Lippman-Hand, If Nothing Goes Wrong, Is Everything All
// Right?, 1983); and not more than of all requests, were each a load, which there
// are more of to tell from.
func (f *Figures) unseen(base *sim.Outcome, overlap Interval) {
	if f.Saved.Value != 0 || base.Loads == 0 || base.Requests == 0 {
		return
	}
	most := min(1, 3/float64(base.Loads), max(overlap.High, 3/float64(base.Requests)))
	if f.Saved.High >= most {
		return
	}
	f.Saved.High, f.Saved.By = most, byThree
	if f.SavedJittered.Value == 0 {
		f.SavedJittered.High, f.SavedJittered.By = max(f.SavedJittered.High, most), byThree
	}
	f.Amplification.High, f.Amplification.By = max(f.Amplification.High, 1/max(1-most, 1e-9)), byThree
	f.SavedRate.High, f.SavedRate.By = max(f.SavedRate.High, most*f.LoadRate.High), byThree
	if f.Joined.Value == 0 {
		f.Joined.High, f.Joined.By = max(f.Joined.High, 3/float64(base.Requests)), byThree
	}
}

// peak is the most loads at once, and the least and the greatest that other
// seeds gave.
func (r *runs) peak(arm int) Interval {
	v := float64(r.out(arm).Peak)
	i := Interval{v, v, v, byLoads}
	if r.partOf < 1 {
		return i
	}
	for _, outs := range r.again {
		p := float64(outs[r.plan.at[arm]].Peak)
		i.Low, i.High = min(i.Low, p), max(i.High, p)
	}
	return i
}

// topSaved is the share of the saved loads that are of the ten keys with most.
func (r *runs) topSaved(base, with int) float64 {
	var saved []float64
	var sum float64
	for i := range r.keys {
		s := r.savedOf(i, base, with)
		saved = append(saved, s)
		sum += s
	}
	slices.Sort(saved)
	var top float64
	for i := len(saved) - 1; i >= max(0, len(saved)-10); i-- {
		top += saved[i]
	}
	if sum <= 0 {
		return 0
	}
	return min(top/sum, 1)
}

func (r *runs) savedOf(key, base, with int) float64 {
	s := float64(at(r.out(base).KeyLoads, key)) - float64(at(r.out(with).KeyLoads, key))
	if r.weights != nil {
		s *= float64(uint64(1) << r.weights[key])
	}
	return s
}

func at(list []uint32, i int) uint32 {
	if i < len(list) {
		return list[i]
	}
	return 0
}

// arm puts an outcome into the report.
func (r *runs) arm(c *Config, o *sim.Outcome, load, wait, over, hits Interval) Arm {
	if r.span == 0 {
		load = unknownRate()
	}
	a := Arm{
		ID: o.Arm.Name, Says: says(o.Arm), TTL: o.Arm.TTL, Shares: o.Arm.Coalesce, Jitter: o.Arm.Jitter, Early: o.Arm.Early,
		Stale: o.Arm.Stale, Wait: o.Arm.Wait, Start: o.Arm.Start.String(), Rate: o.Arm.Rate, Slow: o.Arm.Slow, Flush: o.Arm.FlushEvery,
		Requests: o.Requests, Hits: o.Hits, StaleHits: o.Stale, Joined: o.Joined, Blocked: o.Blocked, GaveUp: o.GaveUp, Loads: o.Loads,
		Background: o.Background, HitRatio: shareOf(hits), LoadRate: load, MeanWait: notNegative(wait), OverSLO: shareOf(over),
		P50: o.Latency.Quantile(0.5), P99: o.Latency.Quantile(0.99), P999: o.Latency.Quantile(0.999),
		Peak: o.Peak, PeakAt: o.PeakAt, HeadPeak: o.HeadPeak, Beyond: o.Latency.Beyond(),
	}
	a.MeetsSLO = c.SLO.Limit == 0 || o.OverSLOShare() <= 1-c.SLO.Quantile
	a.Course.Width = o.Timeline.Width()
	for _, s := range o.Timeline.Slices {
		a.Course.Loads = append(a.Course.Loads, s.Loads)
		a.Course.InFlight = append(a.Course.InFlight, s.Peak)
	}
	for b, n := range o.Concurrency {
		if n > 0 {
			least, most := sim.ConcurrencyBucket(b)
			a.Concurrency = append(a.Concurrency, Bar{least, most, n})
		}
	}
	return a
}

// hits is the hit ratio of an arm whose columns begin at at: of those who do not
// wait for a load. Rows do not tell loads that nobody waits for from others; they
// are the same share of all in each.
func (r *runs) hits(o *sim.Outcome, at int) func(sums []float64) float64 {
	if o.Arm.TTL == 0 {
		return func([]float64) float64 { return 0 }
	}
	waited := ratio(float64(o.Blocked), float64(o.Loads))
	return func(s []float64) float64 {
		return r.cacheFit * max(0, 1-ratio(s[at+colJoined]+waited*s[at+colLoads], s[0]))
	}
}

// armResults puts all outcomes of the plan into the report.
func (r *runs) armResults(c *Config) []Arm {
	seconds := max(r.span.Seconds(), 1e-9)
	var list []figure
	for i := range r.outs {
		at := 1 + i*armColumns
		list = append(list,
			figure{of: func(s []float64) float64 { return s[at+colLoads] / seconds }, scales: true},
			figure{of: func(s []float64) float64 { return ratio(s[at+colWait], s[0]) }, waits: true},
			figure{of: func(s []float64) float64 { return ratio(s[at+colOver], s[0]) }, waits: true},
			figure{of: r.hits(r.outs[i], at)})
	}
	v := r.intervals(c.Seed, list)
	var arms []Arm
	for i, o := range r.outs {
		arms = append(arms, r.arm(c, o, v[4*i], v[4*i+1], v[4*i+2], v[4*i+3]))
	}
	return arms
}

// shareOf cuts the part of an interval off that no share can be in.
func shareOf(i Interval) Interval {
	i = notNegative(i)
	i.Low, i.High = min(i.Low, 1), min(i.High, 1)
	return i
}

// notNegative cuts the part of an interval off that the figure cannot be in.
func notNegative(i Interval) Interval {
	i.Low, i.High = max(0, i.Low), max(0, i.High)
	return i
}
