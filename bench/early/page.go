package main

import (
	_ "embed"
	"fmt"
	"math"
	"runtime"
	"strings"
	"text/template"
	"time"
)

// A record is all that one command found.
type record struct {
	Date      string      `json:"date"`
	Machine   string      `json:"machine"`
	Plan      plan        `json:"plan"`
	Simulated []simulated `json:"simulated"`
	Live      []measured  `json:"live"`
}

func newRecord(p plan) *record {
	return &record{
		Date:    time.Now().UTC().Format(time.DateOnly),
		Machine: fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()),
		Plan:    p,
	}
}

//go:embed page.md.tmpl
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// Cycles is how many each simulation has.
func (r *record) Cycles() int { return r.Simulated[0].Cycles }

// Fixed is the table of the simulations whose loads all take the same.
func (r *record) Fixed() string { return r.simulatedTable(false) }

// Varying is that of those whose loads take a random time.
func (r *record) Varying() string { return r.simulatedTable(true) }

func (r *record) simulatedTable(varying bool) string {
	var b strings.Builder
	b.WriteString("| beta | calls a load | | loads a cycle | e^(1/beta) | late cycles | waited a cycle | ahead, in loads | of the TTL | loads a TTL |\n")
	b.WriteString("|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, s := range r.Simulated {
		if s.Varies != varying {
			continue
		}
		limit := "-"
		if s.Way == ways[0].name && !varying {
			limit = fmt.Sprintf("%.2f", math.Exp(1/s.Beta))
		}
		fmt.Fprintf(&b, "| %g | %g | %s | %.2f ± %.2f | %s | %.1f %% | %.2f | %.1f | %.1f %% | %.2f |\n",
			s.Beta, s.Rate, s.Way, s.PerCycle, s.PlusLess, limit,
			100*float64(s.Late)/float64(s.Cycles), s.waitedACycle(), s.Ahead, 100*s.givenAway(), s.PerTTL)
	}
	return b.String()
}

// target is the most loads a cycle that a cache of ours may have.
const target = 1.05

// Target is that of the live run.
func (*record) Target() float64 { return target }

// LiveTable is the table of the live run.
func (r *record) LiveTable() string {
	var b strings.Builder
	b.WriteString("| calls a second, a key | calls a load | | calls | cycles | loads | loads a cycle | loads a TTL | missed | waited | waited a cycle | target |\n")
	b.WriteString("|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---|\n")
	for _, m := range r.Live {
		verdict := "-"
		if strings.HasPrefix(m.Contender, "Onefold") {
			verdict = "met"
			if m.loadsACycle() > target {
				verdict = "missed"
			}
		}
		fmt.Fprintf(&b, "| %g | %g | %s | %d | %d | %d | %.2f | %.2f | %d | %d | %.2f | %s |\n",
			m.Rate, m.Rate*r.Plan.Load.Seconds(), m.Contender, m.Calls, m.Cycles, m.Loads,
			m.loadsACycle(), m.PerTTL, m.Missed, m.Waited, m.waitedACycle(), verdict)
	}
	return b.String()
}
