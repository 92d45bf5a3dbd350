package main

import (
	"fmt"
	"time"
)

// Figures are what a run came to.
type figures struct { //nolint:recvcheck // what fills it has a pointer
	Pass        int     `json:"pass"`
	Engine      string  `json:"engine"`
	Contender   string  `json:"contender"`
	Task        string  `json:"task"`
	LoadAverage float64 `json:"load_average"` // of the machine, in the minute before

	Seconds float64 `json:"seconds,omitempty"` // that counted
	Ops     int64   `json:"ops"`
	Loads   int64   `json:"loads"`

	// Expiries is how often a value had to be loaded anew, and Nominal the
	// loads for keys × time / TTL. Keys that nobody asks for as soon as they
	// expire need fewer loads than that.
	Expiries int64   `json:"expiries,omitempty"`
	Nominal  float64 `json:"loads_nominal,omitempty"`

	Commands int64            `json:"commands"` // that the server did
	Sent     int64            `json:"sent"`     // of these, those that were not a script's
	Calls    map[string]int64 `json:"calls,omitempty"`

	CPU       time.Duration `json:"cpu_ns"` // of all processes, user and system
	ServerCPU time.Duration `json:"server_cpu_ns"`

	P50  time.Duration `json:"p50_ns"`
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p999_ns"`
	Max  time.Duration `json:"max_ns"`

	Wake      *spread    `json:"wake,omitempty"`       // of processes that did not load
	RoundTrip *spread    `json:"round_trip,omitempty"` // to the server, meanwhile
	Takeovers []takeover `json:"takeovers,omitempty"`

	Stale      int64         `json:"stale"` // answers that were older than TTL and slack when they were asked for
	Oldest     time.Duration `json:"oldest_ns"`
	Errors     int64         `json:"errors"`
	FirstError string        `json:"first_error,omitempty"`
}

// A spread is how long something took, n times.
type spread struct {
	N   int64         `json:"n"`
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
	Max time.Duration `json:"max_ns"`
}

// fill puts together what processes saw.
func (f *figures) fill(ds []*done) {
	var took histogram
	for _, d := range ds {
		d.Took.addTo(&took)
		f.CPU += d.CPU
		f.Stale += d.Stale
		f.Oldest = max(f.Oldest, d.Oldest)
		f.Errors += d.Errors
		if f.FirstError == "" {
			f.FirstError = d.FirstError
		}
	}
	f.Ops = took.n
	f.P50, f.P99, f.P999, f.Max = took.quantile(0.5), took.quantile(0.99), took.quantile(0.999), took.max
}

func (f figures) loadsAnExpiry() float64 { return ratio(f.Loads, f.Expiries) }
func (f figures) opsPerSecond() float64  { return float64(f.Ops) / f.Seconds }
func (f figures) commandsAnOp() float64  { return ratio(f.Commands, f.Ops) }
func (f figures) sentAnOp() float64      { return ratio(f.Sent, f.Ops) }
func (f figures) cpuAnOp() float64       { return ratio(int64(f.CPU), f.Ops) } // ns
func (f figures) serverCPUAnOp() float64 { return ratio(int64(f.ServerCPU), f.Ops) }
func (f figures) staleShare() float64    { return ratio(f.Stale, f.Ops) }
func ratio(a, b int64) float64           { return float64(a) / float64(b) }

// String is a line for who watches a run.
func (f figures) String() string {
	errors := fmt.Sprintf("%d errors %s; load average %.1f", f.Errors, f.FirstError, f.LoadAverage)
	switch {
	case f.Wake != nil:
		return fmt.Sprintf("%.2f loads a key, woken p50 %v p99 %v max %v, round trip p50 %v p99 %v, %s",
			f.loadsAnExpiry(), f.Wake.P50, f.Wake.P99, f.Wake.Max, f.RoundTrip.P50, f.RoundTrip.P99, errors)
	case f.Takeovers != nil:
		return fmt.Sprintf("takeovers %+v, %s", f.Takeovers, errors)
	}
	return fmt.Sprintf("%.2f loads an expiry (%.2f nominal), %.0f ops/s, %.4f commands an op (%.4f with scripts'), CPU %.2f µs an op (server %.2f), p50 %v p99 %v p99.9 %v max %v, stale %.2f %% oldest %v, %s",
		f.loadsAnExpiry(), f.Nominal, f.opsPerSecond(), f.sentAnOp(), f.commandsAnOp(), f.cpuAnOp()/1e3, f.serverCPUAnOp()/1e3,
		f.P50, f.P99, f.P999, f.Max, 100*f.staleShare(), f.Oldest, errors)
}
