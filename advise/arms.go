package advise

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// The arms of every study. Those with a cache are there if values may be kept;
// the stale window if they may be stale; the last if there is a configuration of
// today.
const (
	armDirect = iota
	armShare
	armCache
	armJitter
	armBoth
	armAll
	armEarly
	armBound
	armHerd
	armHerdJitter
	armStale
	armCurrent
	allArms
)

var armIDs = [allArms]string{
	"direct", "coalescing", "cache", "cache+jitter", "cache+coalescing", "cache+coalescing+jitter",
	"cache+coalescing+jitter+early", "cache+coalescing+jitter+bound", "herd", "herd+jitter",
	"cache+coalescing+jitter+stale", "current",
}

// A plan is the arms of one study, and where they are.
type plan struct {
	arms  []sim.Arm
	at    [allArms]int // in arms; -1: not there
	pairs [][2]int
}

// planFor lays out the arms. herdAt is when the herds' values expire; zero
// leaves those out.
func planFor(c *Config, loader sim.Loader, jitter float64, herdAt time.Duration) *plan {
	p := new(plan)
	for i := range p.at {
		p.at[i] = -1
	}
	add := func(i int, a sim.Arm) {
		a.Name = armIDs[i]
		if a.Start == sim.Cold {
			a.Start = c.Start
		}
		p.at[i] = len(p.arms)
		p.arms = append(p.arms, a)
	}
	add(armDirect, sim.Arm{})
	add(armShare, sim.Arm{Coalesce: true})
	p.pairs = append(p.pairs, [2]int{p.at[armDirect], p.at[armShare]})
	if c.TTL > 0 {
		all := sim.Arm{TTL: c.TTL, Coalesce: true, Jitter: jitter}
		add(armCache, sim.Arm{TTL: c.TTL})
		add(armJitter, sim.Arm{TTL: c.TTL, Jitter: jitter})
		add(armBoth, sim.Arm{TTL: c.TTL, Coalesce: true})
		add(armAll, all)
		p.pairs = append(p.pairs, [2]int{p.at[armCache], p.at[armBoth]})
		early := all
		early.Early = 1
		add(armEarly, early)
		if wait := boundedWait(c, loader); wait > 0 {
			bound := all
			bound.Wait = wait
			add(armBound, bound)
		}
		if herdAt > 0 && c.TTL != sim.Forever {
			herd := sim.Arm{TTL: c.TTL, Coalesce: true, Start: sim.Herd, HerdAt: herdAt}
			add(armHerd, herd)
			herd.Jitter = jitter
			add(armHerdJitter, herd)
		}
		if c.MaxStale > 0 {
			stale := all
			stale.Stale = staleWindow(c, loader)
			add(armStale, stale)
		}
	}
	if c.Current != nil {
		add(armCurrent, *c.Current)
	}
	return p
}

// boundedWait is the longest that a caller should wait for another's load: the
// loader's p99, or the SLO, if that is less.
func boundedWait(c *Config, loader sim.Loader) time.Duration {
	wait := loader.Quantile(0.99)
	if c.SLO.Limit > 0 {
		wait = min(wait, c.SLO.Limit)
	}
	return wait
}

// staleWindow covers nearly every load beside the staleness that is allowed.
func staleWindow(c *Config, loader sim.Loader) time.Duration {
	return c.MaxStale + loader.Quantile(0.999)
}

// DefaultJitter is the half-width of TTLs, as a share of them.
const DefaultJitter = 0.1

// jitterFor is the half-width at which keys that expire together make the
// source's limit of loads at once: within half-width h, K keys that take m each
// are K m/(2h) at once. It is DefaultJitter where that will do, and at most half
// of the TTL.
func jitterFor(c *Config, loader sim.Loader, keys int64) float64 {
	if c.Source.MaxConcurrent == 0 || c.TTL <= 0 || c.TTL == sim.Forever {
		return DefaultJitter
	}
	h := float64(keys) * float64(loader.Mean()) / (2 * float64(c.Source.MaxConcurrent))
	return min(max(DefaultJitter, math.Ceil(100*h/float64(c.TTL))/100), 0.5)
}

// says puts an arm into words.
func says(a sim.Arm) string {
	var parts []string
	switch {
	case a.TTL == 0:
		parts = append(parts, "no cache")
	case a.TTL == sim.Forever:
		parts = append(parts, "cache without expiry")
	default:
		parts = append(parts, "cache, TTL "+short(a.TTL))
	}
	if a.Jitter > 0 {
		parts = append(parts, fmt.Sprintf("TTLs spread by %s%% either way", number(100*a.Jitter)))
	}
	if a.Coalesce {
		parts = append(parts, "callers share loads")
	}
	if a.Wait > 0 {
		parts = append(parts, "for at most "+short(a.Wait))
	}
	if a.Early > 0 {
		parts = append(parts, "early refresh with beta "+number(a.Early))
	}
	if a.Stale > 0 {
		parts = append(parts, "stale values for "+short(a.Stale))
	}
	switch a.Start {
	case sim.Warm:
		parts = append(parts, "full at the start")
	case sim.Herd:
		parts = append(parts, "all keys stored at once")
	}
	if a.Rate > 0 && a.Rate != 1 {
		parts = append(parts, number(a.Rate)+" times the rate")
	}
	if a.Slow > 0 && a.Slow != 1 {
		parts = append(parts, "loads take "+number(a.Slow)+" times as long")
	}
	if a.FlushEvery > 0 {
		parts = append(parts, "emptied every "+short(a.FlushEvery))
	}
	return strings.Join(parts, ", ")
}

// short writes a duration in three digits or so.
func short(d time.Duration) string {
	unit := time.Duration(1)
	for d >= 1000*unit && unit < time.Second {
		unit *= 10
	}
	if d >= 100*time.Second {
		unit = time.Second
	}
	s := d.Round(unit).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// number writes a number in three digits or so.
func number(f float64) string {
	switch a := math.Abs(f); {
	case f == math.Trunc(f) && a < 1e6, a >= 1000:
		return fmt.Sprintf("%.0f", f)
	case a >= 100:
		return fmt.Sprintf("%.0f", f)
	default:
		return fmt.Sprintf("%.3g", f)
	}
}

func percent(f float64) string {
	if math.Abs(f) < 0.0995 && f != 0 {
		return fmt.Sprintf("%.2g %%", 100*f)
	}
	return fmt.Sprintf("%.3g %%", 100*f)
}
