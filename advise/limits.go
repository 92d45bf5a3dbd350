package advise

import (
	"fmt"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// An Excess is a limit of the source that the advised arm does not keep to. Where
// no arm does, the verdict cannot help with it, and says so.
type Excess struct {
	What     string   `json:"what"` // "loads at once" or "loads a second"
	Limit    float64  `json:"limit"`
	Arm      string   `json:"arm"`  // the advised one
	Most     float64  `json:"most"` // what it comes to
	Least    float64  `json:"least"`
	LeastArm string   `json:"least_arm"` // the arm that comes to the least
	Helped   bool     `json:"helped"`    // Least is within Limit
	Unsure   bool     `json:"unsure"`    // stamps are too coarse to tell whether Most is over it
	Text     string   `json:"text"`
	Remedies []string `json:"remedies"` // what would keep to it
}

// The limits that there are.
const (
	loadsAtOnce  = "loads at once"
	loadsASecond = "loads a second"
)

// fits reports whether an arm keeps to what the source bears, as far as it is
// known.
func (m *matter) fits(arm int) bool {
	a, limit := m.arm(arm), m.c.Source
	return (limit.MaxConcurrent == 0 || a.Peak <= int64(limit.MaxConcurrent)) &&
		(limit.MaxRPS == 0 || m.facts.RateUnknown || a.LoadRate.Value <= limit.MaxRPS)
}

// based is the arm that a verdict stands on: the advised one, and for a refusal
// the plainest.
func (m *matter) based(class Class, also []Class) *Arm {
	if class.Refused() && m.c.TTL > 0 {
		return m.arm(armCache)
	}
	return m.arm(advised(class, also))
}

// excesses are the limits that the verdict leaves broken.
func (m *matter) excesses(class Class, also []Class, r *Report) []Excess {
	var list []Excess
	on := m.based(class, also)
	if on == nil {
		return nil
	}
	if limit := float64(m.c.Source.MaxConcurrent); limit > 0 && float64(on.Peak) > limit {
		e := m.excess(loadsAtOnce, limit, on, func(a *Arm) float64 { return float64(a.Peak) })
		m.coarsePeak(&e, on, r.Bounds)
		if class != Nothing && class != ChangeKey && class != Once && !class.Refused() {
			e.Remedies = append(e.Remedies, fmt.Sprintf("MaxLoads, among the settings: more loads than %s then wait for their turn, or fail with ErrOverload", number(limit)))
		}
		if m.c.Start == sim.Cold && m.c.TTL > 0 && on.PeakAt <= m.facts.Span/20 {
			e.Remedies = append(e.Remedies, fmt.Sprintf("caches filled beforehand (--start warm): the peak is at %s, when they are empty", short(on.PeakAt)))
		}
		e.Remedies = append(e.Remedies, m.within(r.Curves, func(p *Spot) float64 { return float64(p.Peak) }, limit, loadsAtOnce)...)
		list = append(list, e)
	}
	if limit := m.c.Source.MaxRPS; limit > 0 && !m.facts.RateUnknown && busiestSecond(on) > limit {
		e := m.excess(loadsASecond, limit, on, busiestSecond)
		e.Text += fmt.Sprintf(" That is in its busiest %s; on average it makes %s a second.", short(stretch(on)), number(on.LoadRate.Value))
		if on.LoadRate.Value > limit {
			e.Remedies = append(e.Remedies, m.within(r.Curves, func(p *Spot) float64 {
				if on.Shares {
					return p.Both
				}
				return p.Plain
			}, limit, loadsASecond)...)
		}
		list = append(list, e)
	}
	return list
}

func (m *matter) excess(what string, limit float64, on *Arm, of func(*Arm) float64) Excess {
	e := Excess{What: what, Limit: limit, Arm: on.ID, Most: of(on), Least: of(on), LeastArm: on.ID}
	for i := range m.arms {
		a := &m.arms[i]
		switch a.ID {
		case armIDs[armHerd], armIDs[armHerdJitter], armIDs[armCurrent]:
			continue
		}
		if v := of(a); v < e.Least {
			e.Least, e.LeastArm = v, a.ID
		}
	}
	e.Helped = e.Least <= limit
	switch {
	case e.Helped:
		e.Text = fmt.Sprintf("%s comes to %s %s, %s to %s, and the source bears %s.", e.Arm, number(e.Most), what, e.LeastArm, number(e.Least), number(limit))
	case e.Least == e.Most:
		e.Text = fmt.Sprintf("Nothing tried helps with the peak: %s comes to %s %s, as few as any, and the source bears %s.", e.Arm, number(e.Most), what, number(limit))
	default:
		e.Text = fmt.Sprintf("Nothing tried helps with the peak: %s comes to %s %s, %s, which has the fewest, to %s, and the source bears %s.", e.Arm, number(e.Most), what, e.LeastArm, number(e.Least), number(limit))
	}
	e.Remedies = append(e.Remedies, fmt.Sprintf("a source that bears %s %s", number(e.Least), what))
	return e
}

// coarsePeak says what coarse stamps leave of a peak.
func (m *matter) coarsePeak(e *Excess, on *Arm, b *Bounds) {
	if b == nil {
		return
	}
	low, high := peakOf(on, b.Spread.Figures), peakOf(on, b.AtTick.Figures)
	if low == high {
		return
	}
	if e.Unsure = low <= e.Limit; e.Unsure {
		e.Text = fmt.Sprintf("It is not known whether %s keeps to the %s %s that the source bears: stamps of %s leave a peak of %s, if requests are spread over a tick, to %s, if all of a tick come at once.",
			e.Arm, number(e.Limit), e.What, short(b.Tick), number(low), number(high))
		e.Remedies = []string{"times finer than " + short(b.Tick) + ", to know"}
		return
	}
	e.Text += fmt.Sprintf(" Stamps of %s do not tell the peak: it is %s if all requests of a tick come at once, and %s if they are spread over it.", short(b.Tick), number(high), number(low))
}

// peakOf is the figure that comes nearest to the peak of an arm.
func peakOf(a *Arm, f Figures) float64 {
	switch {
	case a.Shares:
		return f.PeakShared.Value
	case a.Jitter > 0:
		return f.PeakJittered.Value
	}
	return f.Peak.Value
}

// within are points of the curves that keep to a limit which the trace's own
// point does not keep to: the nearest of each curve.
func (m *matter) within(curves []Curve, of func(*Spot) float64, limit float64, what string) []string {
	var list []string
	for _, c := range curves {
		own, best := (*Spot)(nil), (*Spot)(nil)
		for i := range c.Points {
			p := &c.Points[i]
			if p.Times == 1 {
				own = p
			}
		}
		if own == nil || of(own) <= limit {
			continue
		}
		for i := range c.Points {
			p := &c.Points[i]
			longer := c.Over == overTTL && p.Times > 1
			shorter := c.Over == overLoader && p.Times < 1
			if of(p) > limit || !longer && !shorter {
				continue
			}
			if best == nil || shorter || p.Times < best.Times {
				best = p
			}
		}
		switch {
		case best == nil:
		case c.Over == overTTL:
			list = append(list, fmt.Sprintf("a TTL of %s, were it allowed: %s %s", short(best.At), number(of(best)), what))
		case c.Over == overLoader:
			list = append(list, fmt.Sprintf("loads of about %s on average, in place of %s: %s %s", about(float64(best.At)), short(own.At), number(of(best)), what))
		}
	}
	return list
}

// stretch is the shortest time of an arm's course over which loads a second are
// told: one second, or a slice, where the trace is so long that they are longer.
func stretch(a *Arm) time.Duration {
	if a.Course.Width <= 0 {
		return time.Second
	}
	return max(time.Second, a.Course.Width)
}

// busiestSecond is the most loads a second in any stretch of an arm's course.
// Slices are no whole seconds: as many of them as make one are taken together.
func busiestSecond(a *Arm) float64 {
	width := a.Course.Width
	if width <= 0 {
		return 0
	}
	n := int((time.Second + width - 1) / width)
	var sum, most int64
	for i, loads := range a.Course.Loads {
		sum += loads
		if i >= n {
			sum -= a.Course.Loads[i-n]
		}
		most = max(most, sum)
	}
	return float64(most) / max(1, (time.Duration(n)*width).Seconds())
}

// sentence is the short of it, for that of the verdict.
func (e *Excess) sentence() string {
	if e.Unsure {
		return fmt.Sprintf(" Whether its peak is within the source's %s %s is not known: the stamps are too coarse.", number(e.Limit), e.What)
	}
	if e.Helped {
		return fmt.Sprintf(" Its peak of %s %s is over the source's %s, to which %s would keep.", number(e.Most), e.What, number(e.Limit), e.LeastArm)
	}
	return fmt.Sprintf(" Nothing tried helps with the peak: %s %s at the least, and the source bears %s.", number(e.Least), e.What, number(e.Limit))
}
