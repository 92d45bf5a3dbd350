// Package figures holds what one run of the lab measured. It is the one shape
// that the table, the JSON file and the HTML report are made of.
package figures

import "time"

// Schema is the number of the shape of a [Report]. It rises when a field
// changes its meaning or goes, not when one is added.
const Schema = 1

// A Report is one whole run of the lab: every strategy over the same stream.
type Report struct {
	Schema   int       `json:"schema"` // [Schema] of the version that wrote it
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	Command  []string  `json:"command"` // without secrets
	Machine  Machine   `json:"machine"`
	Setup    Setup     `json:"setup"`
	Results  []Result  `json:"results"` // in the order of the strategies
	Partial  bool      `json:"partial,omitempty"`
	Notes    []string  `json:"notes,omitempty"`
	Sentence string    `json:"sentence"` // what the run showed, in one sentence
	Next     string    `json:"next"`     // what to try next
}

// Machine says where the run was made.
type Machine struct {
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	CPUs  int    `json:"cpus"` // GOMAXPROCS
	Go    string `json:"go"`
	Model string `json:"model,omitempty"` // of the processor, where known
}

// Setup says what was run.
type Setup struct {
	Source     string        `json:"source"`
	LoadTime   time.Duration `json:"load_time_ns"` // median of one undisturbed load, measured before the run
	Stream     string        `json:"stream"`
	Calls      int           `json:"calls"`
	Keys       int           `json:"keys"`
	Duration   time.Duration `json:"duration_ns"`
	TTL        time.Duration `json:"ttl_ns"`
	Timeout    time.Duration `json:"timeout_ns"` // of one caller
	Limit      int           `json:"limit"`      // loads the source runs at once; 0: no limit
	Cancel     float64       `json:"cancel"`     // share of callers that give up
	Invalidate float64       `json:"invalidate"` // writes a second
	Fail       float64       `json:"fail"`       // share of loads that fail
	Slow       float64       `json:"slow"`       // share of loads made slow
	SlowBy     time.Duration `json:"slow_by_ns"`
	Seed       uint64        `json:"seed"`
	Processes  int           `json:"processes,omitempty"` // that shared the calls; 0 or 1: the lab's own
	Far        string        `json:"far,omitempty"`       // the far tier that they shared, without secrets
	Repeat     int           `json:"repeat"`              // runs a strategy; figures are medians, counts of wrong answers are sums
}

// A Result is what one strategy did with the stream.
type Result struct {
	Strategy string `json:"strategy"` // short name, as in --only
	Title    string `json:"title"`    // how it is called in the table
	Prevents string `json:"prevents"` // what it prevents, a few words
	Misses   string `json:"misses"`   // what it does not prevent, a few words

	Calls      int64   `json:"calls"`
	Answers    int64   `json:"answers"` // calls that got a value
	Hits       int64   `json:"hits"`    // answered by the cache at the first look
	Loads      int64   `json:"loads"`   // loads started at the source
	Saved      float64 `json:"saved"`   // share of check-then-load's loads that were not needed; negative: more than it; NaN is written as absent
	PeakLoads  int64   `json:"peak_loads"`
	Coalescing float64 `json:"coalescing_ratio"` // (misses - loads) / misses, with misses = calls - hits; 0 when there were none
	HitRatio   float64 `json:"hit_ratio"`

	P50  time.Duration `json:"p50_ns"` // from the intended moment of arrival, so free of coordinated omission
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p999_ns"`
	Max  time.Duration `json:"max_ns"`

	Errors Errors `json:"errors"`
	Wrong  Wrong  `json:"wrong"`

	// Stalest is how long after the invalidation that it should have followed
	// was acknowledged the latest of Wrong.Stale's calls began.
	Stalest time.Duration `json:"stalest_ns,omitempty"`

	Writes     int64         `json:"writes"`      // invalidations acknowledged
	CPU        time.Duration `json:"cpu_ns"`      // user and system time of the process during the run
	Allocs     float64       `json:"allocs_call"` // heap objects allocated a call, whole process
	Wall       time.Duration `json:"wall_ns"`
	CCDF       []Point       `json:"ccdf"`     // share of calls slower than X seconds, falling
	Loading    []float64     `json:"loading"`  // loads started in each Bucket
	InFlight   []float64     `json:"inflight"` // most loads at once in each Bucket
	Bucket     time.Duration `json:"bucket_ns"`
	Spread     Spread        `json:"spread"` // over the repeats
	Interrupts bool          `json:"interrupted,omitempty"`
}

// Errors counts a strategy's errors by kind. Only Source, Overload and
// LoadTimeout are the strategy's or the source's doing; GaveUp and Deadline
// are the callers' own.
type Errors struct {
	GaveUp      int64 `json:"gave_up"`      // the caller's own cancellation
	Deadline    int64 `json:"deadline"`     // the caller's own deadline
	Source      int64 `json:"source"`       // the source failed
	LoadTimeout int64 `json:"load_timeout"` // the load's own deadline
	Other       int64 `json:"other"`
}

// Total is the number of errors of all kinds.
func (e Errors) Total() int64 {
	return e.GaveUp + e.Deadline + e.Source + e.LoadTimeout + e.Other
}

// Wrong counts what must never happen.
type Wrong struct {
	Stale   int64 `json:"stale"`   // older than an invalidation acknowledged before the call began
	Zero    int64 `json:"zero"`    // a zero value with a nil error
	Key     int64 `json:"key"`     // another key's value
	Foreign int64 `json:"foreign"` // another caller's cancellation or deadline
}

// Total is the number of wrong answers of all kinds.
func (w Wrong) Total() int64 { return w.Stale + w.Zero + w.Key + w.Foreign }

// Spread is the least and the most that the repeats of one strategy measured.
type Spread struct {
	LoadsMin int64         `json:"loads_min"`
	LoadsMax int64         `json:"loads_max"`
	P99Min   time.Duration `json:"p99_min_ns"`
	P99Max   time.Duration `json:"p99_max_ns"`
}

// A Point is one point of a curve.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}
