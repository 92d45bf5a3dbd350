package advise

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// Advised is the advice for a program to read: what to set, in the units of this
// library's configuration. Its fields follow [Schema]. A zero duration or number
// means that there is none of it.
type Advised struct {
	Class   Class   `json:"class"`
	Also    []Class `json:"also,omitempty"`
	Arm     string  `json:"arm"`     // whose figures support it
	Current string  `json:"current"` // the same as --current takes it, so that the next run can be held against it

	Cache        bool          `json:"cache"`
	Coalesce     bool          `json:"coalesce"`
	TTL          time.Duration `json:"ttl_ns"`
	NoExpiry     bool          `json:"no_expiry,omitempty"` // there is a cache, and no TTL
	Jitter       float64       `json:"jitter,omitempty"`    // TTLs are shortened by up to so much
	EarlyRefresh float64       `json:"early_refresh,omitempty"`
	StaleFor     time.Duration `json:"stale_for_ns,omitempty"`
	JoinWithin   time.Duration `json:"join_within_ns,omitempty"`
	MaxLoads     int           `json:"max_loads,omitempty"` // of one process
	MaxEntries   int64         `json:"max_entries,omitempty"`
}

// inService puts the settings into figures.
func (m *matter) inService(class Class, also []Class, settings []Setting) *Advised {
	arm := m.arm(advised(class, also))
	if arm == nil {
		return nil
	}
	a := &Advised{Class: class, Also: also, Arm: arm.ID}
	if class == Nothing || class == ChangeKey {
		a.Current = "ttl=none"
		return a
	}
	a.Cache, a.Coalesce = arm.TTL > 0, arm.Shares
	a.Jitter = shortens(arm.Jitter)
	a.EarlyRefresh, a.StaleFor, a.JoinWithin = arm.Early, arm.Stale, arm.Wait
	if arm.TTL == sim.Forever {
		a.NoExpiry = true
	} else {
		a.TTL = arm.TTL
	}
	for _, s := range settings {
		switch s.Name {
		case "TTL":
			if s.Arm != arm.ID && s.Value != "none" {
				a.TTL = m.kneeOf(s)
			}
		case "MaxEntries":
			a.MaxEntries, _ = strconv.ParseInt(s.Value, 10, 64)
		}
	}
	if m.c.Source.MaxConcurrent > 0 {
		a.MaxLoads = m.maxLoads()
	}
	a.Current = current(a, arm)
	return a
}

// maxLoads is a process's part of what the source bears.
func (m *matter) maxLoads() int { return max(1, m.c.Source.MaxConcurrent/m.c.Processes) }

// shortens is the jitter of this library, which shortens TTLs, that spreads them
// as widely as a half-width does.
func shortens(half float64) float64 { return min(1, 2*half) }

func current(a *Advised, arm *Arm) string {
	parts := []string{"ttl=" + a.TTL.String()}
	switch {
	case a.NoExpiry:
		parts[0] = "ttl=forever"
	case a.TTL == 0:
		parts[0] = "ttl=none"
	}
	if a.Coalesce {
		parts = append(parts, "coalesce")
	}
	if arm.Jitter > 0 {
		parts = append(parts, fmt.Sprintf("jitter=%v", arm.Jitter))
	}
	if a.EarlyRefresh > 0 {
		parts = append(parts, fmt.Sprintf("early=%v", a.EarlyRefresh))
	}
	if a.StaleFor > 0 {
		parts = append(parts, "stale="+a.StaleFor.String())
	}
	if a.JoinWithin > 0 {
		parts = append(parts, "wait="+a.JoinWithin.String())
	}
	return strings.Join(parts, ",")
}

// A shift is how figures of the advised arm change when its settings are what
// is advised: a shorter TTL than allowed, and jitter that only shortens.
type shift struct {
	loads, wait, over, peak float64 // factors
	missed                  float64 // of the requests that are no hits
	joined                  float64
}

var noShift = shift{1, 1, 1, 1, 1, 1}

// asSet runs the advised arm with the very settings that are advised, over the
// part of the trace that replications are made from, and holds it against the
// same run of the arm.
func (s *Study) asSet(ran *runs, a *Advised, part *sim.Trace, set sim.Setting, arm int) shift {
	if a == nil || !a.Cache || a.NoExpiry || len(ran.again) == 0 || ran.plan.at[arm] < 0 {
		return noShift
	}
	base := ran.again[0][ran.plan.at[arm]]
	changed := base.Arm
	// Between TTL less jitter and TTL, written as half-widths about the middle.
	changed.TTL = time.Duration(float64(a.TTL) * (1 - a.Jitter/2))
	if changed.Jitter > 0 {
		changed.Jitter = a.Jitter / (2 - a.Jitter)
	}
	if changed.TTL == base.Arm.TTL && changed.Jitter == base.Arm.Jitter {
		return noShift
	}
	set.PerKey = false
	o := part.Run(set, changed)[0]
	by := func(a, b float64) float64 {
		if b == 0 {
			return 1
		}
		return a / b
	}
	return shift{
		loads: by(float64(o.Loads), float64(base.Loads)), wait: by(o.Wait, base.Wait), over: by(float64(o.OverSLO), float64(base.OverSLO)),
		peak: by(float64(o.Peak), float64(base.Peak)), missed: by(1-o.HitRatio(), 1-base.HitRatio()), joined: by(float64(o.Joined), float64(base.Joined)),
	}
}

func (i Interval) times(by float64) Interval {
	return Interval{i.Value * by, i.Low * by, i.High * by, i.By}
}

// missed is a hit ratio with so many times the misses.
func (i Interval) missed(by float64) Interval {
	at := func(v float64) float64 { return max(0, 1-(1-v)*by) }
	return Interval{at(i.Value), at(i.Low), at(i.High), i.By}
}
