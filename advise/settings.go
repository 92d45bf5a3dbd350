package advise

import (
	"fmt"
	"go/format"
	"math"
	"strings"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// settings are the values that the advised arm was simulated with, and what
// follows from figures of other arms.
func (m *matter) settings(class Class, also []Class, curves []Curve, heat HeatMap) []Setting {
	arm := m.arm(advised(class, also))
	if arm == nil || class == Nothing || class == ChangeKey || class == RefuseUnclear {
		return nil
	}
	var list []Setting
	add := func(name, value, from, why string, args ...any) {
		list = append(list, Setting{name, value, from, fmt.Sprintf(why, args...)})
	}
	if class == Once {
		add("TTL", "none", arm.ID, "there is no limit of freshness, and %d keys", m.facts.Keys)
		return list
	}
	if arm.TTL == sim.Forever {
		add("TTL", "none", arm.ID, "there is no limit of freshness")
	} else if arm.TTL > 0 {
		ttl, from := m.knee(arm.TTL, curves)
		if m.facts.RateUnknown {
			add("TTL", short(arm.TTL), arm.ID, "the greatest allowed; the trace has no length to tell of others")
		} else if ttl == arm.TTL {
			add("TTL", short(ttl), arm.ID, "the greatest allowed; a shorter one costs over a tenth more loads")
		} else {
			add("TTL", short(ttl), from, "the shortest with at most a tenth more loads than %s, which is allowed", short(arm.TTL))
		}
	}
	if arm.Jitter > 0 {
		why, from := "the default", arm.ID
		if arm.Jitter > DefaultJitter {
			why = fmt.Sprintf("by the rule for %d keys that expire together and %d loads at once", m.facts.Keys, m.c.Source.MaxConcurrent)
		}
		if m.arm(armHerdJitter) != nil && m.f.HerdPeak >= m.c.Thresholds.HerdLoads {
			from = armIDs[armHerdJitter]
			if m.f.HerdJittered < m.f.HerdPeak {
				why += fmt.Sprintf("; a herd of %d loads at once becomes one of %d", m.f.HerdPeak, m.f.HerdJittered)
			} else {
				why += fmt.Sprintf("; in the run it made no difference to a herd of %d loads at once", m.f.HerdPeak)
			}
		}
		add("Jitter", number(shortens(arm.Jitter)), from, "TTLs are shortened by up to so much (the arm: %s either way): %s", percent(arm.Jitter), why)
	}
	if arm.Early > 0 {
		add("EarlyRefresh", number(arm.Early), arm.ID, "beta for %d hot keys: %s loads a second, %s without; %s of requests wait for a load, %s without",
			m.hotKeys, number(arm.LoadRate.Value), number(m.arm(armAll).LoadRate.Value), percent(arm.blockedShare()), percent(m.arm(armAll).blockedShare()))
	}
	if arm.Stale > 0 {
		add("StaleFor", short(arm.Stale), arm.ID, "the staleness allowed and the loader's p99.9, %s: %s of requests wait for a load, %s without",
			short(m.loader.P999), percent(arm.blockedShare()), percent(m.arm(armAll).blockedShare()))
	}
	if arm.Wait > 0 {
		add("JoinWithin", short(arm.Wait), arm.ID, "the loader's p99 or the SLO, whichever is less: %s of requests are over the SLO, %s without",
			percent(arm.OverSLO.Value), percent(m.arm(armAll).OverSLO.Value))
	}
	if m.c.Source.MaxConcurrent > 0 && arm.TTL >= 0 {
		add("MaxLoads", fmt.Sprint(m.c.Source.MaxConcurrent), arm.ID, "the source's limit over %s; %d at once without it", plural(m.c.Processes, "process", "processes"), arm.Peak)
	}
	if arm.TTL > 0 && len(heat.Entries) > 0 {
		entries, ratio, best, of := capacityKnee(heat, arm.TTL)
		if m.c.Entries > 0 && entries > m.c.Entries {
			entries = m.c.Entries
		}
		add("MaxEntries", fmt.Sprint(entries), "heat map", "the fewest within 0.01 of the best hit ratio (TTL %s, instant loads): %s, against %s", ttlText(of), percent(ratio), percent(best))
	}
	return list
}

func (a *Arm) blockedShare() float64 {
	return ratio(float64(a.Blocked+a.Joined), float64(a.Requests))
}

// knee is the shortest TTL of the curve that costs at most a tenth more loads
// than ttl, and that the source bears.
func (m *matter) knee(ttl time.Duration, curves []Curve) (time.Duration, string) {
	for _, c := range curves {
		if c.Over != overTTL {
			continue
		}
		var full *Spot
		for i := range c.Points {
			if c.Points[i].Times == 1 {
				full = &c.Points[i]
			}
		}
		if full == nil {
			return ttl, ""
		}
		for i := range c.Points {
			p := &c.Points[i]
			if p.Times < 1 && p.Both <= 1.1*full.Both && (m.c.Source.MaxRPS == 0 || p.Both <= m.c.Source.MaxRPS) {
				return p.At, fmt.Sprintf("curve over ttl, point %s", number(p.Times))
			}
		}
	}
	return ttl, ""
}

// capacityKnee is the fewest entries within 0.01 of the best hit ratio, at the
// longest TTL of the map that is not over ttl.
func capacityKnee(heat HeatMap, ttl time.Duration) (entries int64, ratio, best float64, of time.Duration) {
	row := 0
	for i, t := range heat.TTLs {
		if t <= ttl {
			row = i
		}
	}
	of = heat.TTLs[row]
	for _, r := range heat.HitRatio[row] {
		best = max(best, r)
	}
	for j, r := range heat.HitRatio[row] {
		if r >= best-0.01 {
			return heat.Entries[j], r, best, of
		}
	}
	return heat.Entries[len(heat.Entries)-1], best, best, of
}

// code writes the settings as a Go file that configures this library.
func (m *matter) code(class Class, also []Class, settings []Setting) string {
	arm := m.arm(advised(class, also))
	if arm == nil || len(settings) == 0 && class != CoalesceOnly { // which has nothing to set but that loads are shared
		return ""
	}
	switch class {
	case Once:
		return onceCode
	case CoalesceOnly:
		return formatted(fmt.Sprintf(shareCode, limitField(m.c)))
	}
	var fields []string
	field := func(name, value, comment string) { fields = append(fields, "\t\t"+name+": "+value+", // "+comment) }
	var entries string
	for _, s := range settings {
		switch s.Name {
		case "TTL":
			if s.Value != "none" {
				d := arm.TTL
				if s.Arm != arm.ID {
					d = m.kneeOf(s)
				}
				field("TTL", goDuration(d), s.Why)
			}
		case "Jitter":
			field("Jitter", s.Value, "TTLs are shortened by up to so much, as wide as "+percent(arm.Jitter)+" either way")
		case "EarlyRefresh":
			field("EarlyRefresh", number(arm.Early), "beta")
		case "StaleFor":
			field("StaleFor", goDuration(arm.Stale), "with one load behind it")
		case "JoinWithin":
			field("JoinWithin", goDuration(arm.Wait), "a caller that finds an older load starts another")
		case "MaxLoads":
			field("MaxLoads", fmt.Sprint(m.maxLoads()), "this process's part of the source's limit")
			field("QueueWait", goDuration(max(m.loader.P99, time.Millisecond)), "the loader's p99")
		case "MaxEntries":
			entries = "MaxEntries: " + s.Value
		}
	}
	note := ""
	if !class.Coalesces() {
		note = "// Any cache with these settings does. This one shares loads as well.\n"
	}
	return formatted(fmt.Sprintf(cacheCode, note, strings.Join(fields, "\n"), entries))
}

// formatted is code as gofmt writes it.
func formatted(code string) string {
	if b, err := format.Source([]byte(code)); err == nil {
		return string(b)
	}
	return code
}

func (m *matter) kneeOf(s Setting) time.Duration {
	d, err := time.ParseDuration(s.Value)
	if err != nil {
		return m.c.TTL
	}
	return d
}

func limitField(c *Config) string {
	if c.Source.MaxConcurrent == 0 {
		return ""
	}
	return fmt.Sprintf("MaxLoads: %d, QueueWait: time.Second", max(1, c.Source.MaxConcurrent/c.Processes))
}

// goDuration writes d as Go source.
func goDuration(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Hour, "Hour"}, {time.Minute, "Minute"}, {time.Second, "Second"}, {time.Millisecond, "Millisecond"}, {time.Microsecond, "Microsecond"}} {
		if d >= u.unit && d%u.unit == 0 {
			return fmt.Sprintf("%d * time.%s", d/u.unit, u.name)
		}
	}
	if d >= time.Second { // an odd number of ns says nothing
		return fmt.Sprintf("%d * time.Millisecond", (d+time.Millisecond/2)/time.Millisecond)
	}
	if d >= time.Millisecond {
		return fmt.Sprintf("%d * time.Microsecond", (d+time.Microsecond/2)/time.Microsecond)
	}
	return fmt.Sprintf("%d * time.Nanosecond", d)
}

const cacheCode = `package cache

import (
	"context"
	"time"

	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// New makes a cache over load, as onefold advise says.
%sfunc New[K comparable, V any](load func(context.Context, K) (V, error)) (*tier.Cache[K, V], error) {
	return tier.New(load, tier.Config{
%s
		LoadTimeout: 30 * time.Second, // no figure of the trace: the longest that a load may take
	}, mem.New[K, V](mem.Config{%s}))
}
`

const shareCode = `package cache

import (
	"context"
	"time"

	"github.com/onefold-go/onefold"
)

// New makes a loader whose callers share loads, as onefold advise says. Nothing
// is kept after a load.
func New[K comparable, V any](load func(context.Context, K) (V, error)) (*onefold.Loader[K, V], error) {
	return onefold.NewLoader(load, onefold.Config{
		LoadTimeout: 30 * time.Second, // no figure of the trace: the longest that a load may take
		%s
	})
}
`

const onceCode = `package cache

import (
	"context"
	"time"

	"github.com/onefold-go/onefold/future"
)

// New makes a value that is loaded once, and again only after a failure, as
// onefold advise says. Make one for each key.
func New[V any](load func(context.Context) (V, error)) *future.Future[V] {
	return future.New(load, future.Config{RetryMin: time.Second, RetryMax: time.Minute})
}
`

// watch is what to hold the advice against after the change: figures of the
// advised arm, with the settings as they are advised.
func (m *matter) watch(class Class, also []Class, a *Advised, by shift, bounds *Bounds) []Metric {
	arm := m.arm(advised(class, also))
	if arm == nil || class.Refused() || class == ChangeKey || class == Nothing {
		return nil
	}
	from := arm.ID
	if a.TTL > 0 && a.TTL != arm.TTL {
		from += ", with a TTL of " + short(a.TTL)
	}
	peak := exactly(math.Round(float64(arm.Peak) * by.peak))
	if bounds != nil { // the peak of coarse stamps is somewhere between
		low, high := peakOf(arm, bounds.Spread.Figures), peakOf(arm, bounds.AtTick.Figures)
		peak = peak.including(Interval{peak.Value, min(low, high), max(low, high), byBounds}, byBounds)
	}
	gauge, took := "the source's gauge; the most in all processes", "Hooks.Call, Event.Took"
	if a.MaxLoads > 0 {
		if most := float64(a.MaxLoads * m.c.Processes); peak.High > most {
			peak = Interval{min(peak.Value, most), min(peak.Low, most), most, peak.By}
			gauge += "; MaxLoads holds it there"
			took += "; the wait for a turn within MaxLoads comes to it"
		}
	}
	seconds := m.facts.Span.Seconds()
	load := arm.LoadRate.times(by.loads)
	list := []Metric{{"loads a second", "1/s", load, from, "Stats().Led and Refreshes, over time"}}
	if arm.Shares {
		// Shares have about the uncertainty that the load rate has.
		like := func(v float64) Interval {
			low, high := 1.0, 1.0
			if arm.LoadRate.Value > 0 {
				low, high = arm.LoadRate.Low/arm.LoadRate.Value, arm.LoadRate.High/arm.LoadRate.Value
			}
			return Interval{v, v * max(low, 0), v * high, arm.LoadRate.By}
		}
		joins, leads := float64(arm.Joined)*by.joined, float64(arm.Blocked)*by.loads
		c := like(ratio(joins, joins+leads))
		c.High = min(c.High, 1)
		second := like(ratio(joins, seconds))
		if !load.Known() {
			second, c.By = unknownRate(), ""
		}
		list = append(list,
			Metric{"coalescing ratio: joined/(led + joined)", "", c, from, "Stats().CoalescingRatio()"},
			Metric{"callers that join a load, a second", "1/s", second, from, "Stats().Joined, over time"})
	}
	if arm.TTL > 0 {
		list = append(list, Metric{"hit ratio", "%", arm.HitRatio.missed(by.missed), from, "Stats().Hits, and Stale, over all calls"})
	}
	list = append(list,
		Metric{"loads at once", "", peak, from, gauge},
		Metric{"mean wait of callers", "ns", arm.MeanWait.times(by.wait), from, took})
	if m.c.SLO.Limit > 0 {
		list = append(list, Metric{"calls over the SLO", "%", arm.OverSLO.times(by.over), from, took})
	}
	return list
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
