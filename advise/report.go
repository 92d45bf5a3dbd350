package advise

import (
	"encoding/json"
	"io"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// Schema names the form of a [Report] in JSON, and Definitions the meaning of
// its figures. Schema changes when a field is taken away or means something
// else; Definitions when a figure is computed in another way.
const (
	Schema      = "onefold-advise/2"
	Definitions = "2"
)

// A Report is a verdict and all that it rests on. All times are in ns, after the
// first request where they are instants. The same records, settings and seed give
// the same report, byte for byte, if they also give the same keys: those are
// hashes with a secret of the reader.
type Report struct {
	Schema      string `json:"schema"`
	Definitions string `json:"definitions"`

	Verdict   Verdict   `json:"verdict"`
	Questions []Asked   `json:"questions"` // the six to ask before coalescing
	Safety    []Checked `json:"safety"`    // what the trace cannot answer

	Advised  *Advised  `json:"advised"`  // nil where nothing is: a refusal, or nothing to set up
	Settings []Setting `json:"settings"` // the same, for reading
	Code     string    `json:"code"`     // Go: the settings, for this library; empty where there is nothing to set
	Watch    []Metric  `json:"watch"`

	Input      Input      `json:"input"`
	Policy     Policy     `json:"policy"`
	Thresholds Thresholds `json:"thresholds"`
	Method     Method     `json:"method"`
	Loader     LoaderFact `json:"loader"`
	Trace      TraceFacts `json:"trace"`

	Figures Figures  `json:"figures"`
	Bounds  *Bounds  `json:"bounds,omitempty"` // where stamps are coarser than loads
	Arms    []Arm    `json:"arms"`
	Stress  []Arm    `json:"stress"` // without courses and distributions
	Curves  []Curve  `json:"curves"`
	HeatMap HeatMap  `json:"heat_map"`
	TopKeys []TopKey `json:"top_keys"`
	Current *Current `json:"current,omitempty"`

	Assumptions []string `json:"assumptions"`
}

// WriteJSON writes the report, indented.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// A Verdict is what to do.
type Verdict struct {
	Class    Class  `json:"class"`
	Sentence string `json:"sentence"`

	// IfSafe is what the figures say where Class is RefuseUnsafe, and Class
	// itself otherwise.
	IfSafe Class `json:"if_safe"`

	// Also are what the verdict adds: early refresh or a stale window.
	Also []Class `json:"also,omitempty"`

	// Carried by: the figures that decided, about three of them.
	CarriedBy []Fact `json:"carried_by"`

	// Reasons are the conditions in the order in which they were tested, up to
	// the first that held.
	Reasons []Reason `json:"reasons"`

	// OverLimit are limits of the source that the advised arm does not keep to.
	OverLimit []Excess `json:"over_limit,omitempty"`

	// Flips say what would change the verdict. Where none of them is a figure,
	// NoFlip says what was tried.
	Flips  []string `json:"flips"`
	NoFlip string   `json:"no_flip,omitempty"`

	// MoreTrace is about how much longer a trace would have to be to decide, if it
	// went on like this one; zero where it decides.
	MoreTrace time.Duration `json:"more_trace_ns,omitempty"`
}

// A Class is a verdict.
type Class string

// The verdicts.
const (
	RefuseUnsafe    Class = "refuse-unsafe"
	RefuseUnclear   Class = "refuse-cannot-tell"
	ChangeKey       Class = "change-key"
	Nothing         Class = "nothing"
	Once            Class = "once"
	LoadOrStore     Class = "load-or-store"
	PlainCache      Class = "plain-cache"
	CacheJitter     Class = "cache-jitter"
	CacheCoalesce   Class = "cache-coalescing"
	CacheBoth       Class = "cache-coalescing-jitter"
	CoalesceOnly    Class = "coalescing-no-cache"
	NotDemonstrated Class = "no-demonstrated-benefit-yet"

	// What a verdict can add.
	WithEarly Class = "early-refresh"
	WithStale Class = "stale-window"
	WithBound Class = "bounded-wait"
)

// Refused reports whether c is no advice.
func (c Class) Refused() bool { return c == RefuseUnsafe || c == RefuseUnclear }

// Coalesces reports whether c has callers share loads.
func (c Class) Coalesces() bool { return c == CacheCoalesce || c == CacheBoth || c == CoalesceOnly }

// A Fact is a figure with its name.
type Fact struct {
	Name     string   `json:"name"`
	Unit     string   `json:"unit,omitempty"` // "%" stands for a share from 0 to 1
	Interval Interval `json:"interval"`
}

// A Reason is a condition and whether it held.
type Reason struct {
	Class     Class  `json:"class"`
	Condition string `json:"condition"` // with the figures in it
	Held      bool   `json:"held"`
}

// Asked is one of the six questions that come before coalescing, with what
// answers it.
type Asked struct {
	Text     string `json:"text"`
	Answer   Answer `json:"answer"`
	Evidence string `json:"evidence"`
}

// Checked is a question that a trace cannot answer, the reply, and what the
// trace hints at, which settles nothing.
type Checked struct {
	Question
	Reply
	Hints []string `json:"hints,omitempty"`
}

// A Setting is one value to set, and the arm whose figures support it.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Arm   string `json:"arm"` // the ID of an arm, or the name of a curve's point
	Why   string `json:"why"`
}

// A Metric is what to watch after the change, and the value that it should have.
type Metric struct {
	Name      string   `json:"name"`
	Unit      string   `json:"unit,omitempty"`
	Predicted Interval `json:"predicted"`
	Arm       string   `json:"arm"`
	How       string   `json:"how"` // where the library tells it
}

// Input is what was read, as the reader has it.
type Input struct {
	Files    []File    `json:"files"`
	Start    time.Time `json:"start,omitzero"` // of the first record
	Findings []Finding `json:"findings,omitempty"`

	// Tick is how well times are known. Zero leaves it to be found out from them.
	Tick time.Duration `json:"tick_ns"`

	// NoTimes: the source had no column of times, so that they mean nothing.
	NoTimes bool `json:"no_times,omitempty"`

	// Parts are parts of the keys, and how many keys there would be without each.
	// They, and KeysLookedAt of RequestsLookedAt, are of the records that were
	// looked at.
	Parts            []KeyPart `json:"parts,omitempty"`
	KeysLookedAt     int64     `json:"keys_looked_at,omitempty"`
	RequestsLookedAt int64     `json:"requests_looked_at,omitempty"`

	// NearDuplicates is the share of records that seem to be there twice.
	NearDuplicates float64 `json:"near_duplicates"`

	// Names are those of keys, where the user asked to see them.
	Names map[uint64]string `json:"-"`
}

// A File is one that was read.
type File struct {
	Name    string `json:"name"`
	Format  string `json:"format"`
	SHA256  string `json:"sha256,omitempty"`
	Records int64  `json:"records"`
	Bad     int64  `json:"bad"`
}

// A Finding is something about the input that a verdict depends on.
type Finding struct {
	Severity string `json:"severity"`
	Text     string `json:"text"`
	Remedy   string `json:"remedy,omitempty"`
}

// A KeyPart is a part of the keys.
type KeyPart struct {
	Name string `json:"name"`
	Keys int64  `json:"keys"` // distinct ones without it
}

// Policy is [Config] as the report has it.
type Policy struct {
	TTL         time.Duration `json:"ttl_ns"`
	Forever     bool          `json:"no_freshness_limit"`
	MaxStale    time.Duration `json:"max_stale_ns"`
	SLO         SLO           `json:"slo"`
	Source      Source        `json:"source"`
	Processes   int           `json:"processes"`
	Routing     string        `json:"routing"`
	Entries     int64         `json:"entries"`
	MemoryBytes int64         `json:"memory_bytes"`
	Start       string        `json:"start"`
	Overhead    time.Duration `json:"overhead_ns"`
	Seed        uint64        `json:"seed"`
}

// Method says how the figures came about.
type Method struct {
	Exact bool `json:"exact"` // every key was followed

	// Where it was not: keys followed one by one, the share of the others that
	// was sampled in the end, and how much of the requests each stands for.
	HeavyKeys     int     `json:"heavy_keys,omitempty"`
	HeavyShare    float64 `json:"heavy_share,omitempty"`
	TailRate      float64 `json:"tail_rate,omitempty"`
	LatePromoted  float64 `json:"late_promoted,omitempty"`  // share of requests of keys that were followed only from somewhere on
	PeakIsScaled  bool    `json:"peak_is_scaled,omitempty"` // peaks are estimated: those of the tail are its sample's
	CurveRequests int     `json:"curve_requests"`           // of how many requests curves, stress and replications are

	Replications int   `json:"replications"`
	Blocks       int   `json:"blocks"`     // of time
	KeyGroups    int   `json:"key_groups"` // of keys; the most frequent ones alone
	Late         int64 `json:"late"`       // requests that came after a later one
}

// LoaderFact is how long loads take.
type LoaderFact struct {
	Source     string        `json:"source"` // "stated" or "measured"
	Text       string        `json:"text"`
	Mean       time.Duration `json:"mean_ns"`
	P50        time.Duration `json:"p50_ns"`
	P99        time.Duration `json:"p99_ns"`
	P999       time.Duration `json:"p999_ns"`
	CV2        float64       `json:"cv2"`
	JoinedWait time.Duration `json:"joined_wait_ns"` // the mean wait of a caller who joins: E[L^2]/(2E[L])
}

// TraceFacts are the trace's own figures.
type TraceFacts struct {
	Requests      int64         `json:"requests"`
	Invalidations int64         `json:"invalidations"`
	Ignored       int64         `json:"ignored"` // records that neither read nor write
	Keys          int64         `json:"keys"`
	KeysEstimated bool          `json:"keys_estimated,omitempty"`
	Span          time.Duration `json:"span_ns"`
	Rate          float64       `json:"rate"`                   // requests a second
	RateUnknown   bool          `json:"rate_unknown,omitempty"` // all requests are at one instant: no rate of the report is known
	Top           []TopShare    `json:"top"`
	OneHit        float64       `json:"one_hit"` // share of the keys that were asked for once
	GapCV         float64       `json:"gap_cv"`
	Fano          []Fano        `json:"fano"`
	Ties          float64       `json:"ties"` // share of requests at the time of the one before
	SmallestGap   time.Duration `json:"smallest_gap_ns"`
	Tick          time.Duration `json:"tick_ns"`
	Hours         []float64     `json:"hours,omitempty"` // requests by hour of the day (UTC), as shares; where the start is known and the span is 2 h or more
	Course        Course        `json:"course"`
	MeanSize      float64       `json:"mean_size"`
	MedianTTL     time.Duration `json:"median_ttl_ns,omitempty"` // of those that records name
}

// TopShare is the share of requests that go to the most frequent keys.
type TopShare struct {
	Keys  int     `json:"keys"`
	Share float64 `json:"share"`
}

// Fano is the variance of the number of requests in a window over its mean: 1
// for a Poisson process, more where they come in bursts. Zero where the trace
// is shorter than ten windows.
type Fano struct {
	Window time.Duration `json:"window_ns"`
	Value  float64       `json:"value"`
}

// A Course is a figure over time: slice i begins at i*Width.
type Course struct {
	Width    time.Duration `json:"width_ns"`
	Requests []int64       `json:"requests,omitempty"`
	Loads    []int64       `json:"loads,omitempty"`
	InFlight []int64       `json:"in_flight,omitempty"` // the most loads at once
}

// Figures are what the verdict rests on. The base of a cache's figures is the arm
// "cache", that of figures without a cache is "direct".
type Figures struct {
	HitRatio      Interval `json:"hit_ratio"`       // at the TTL and capacity allowed
	Amplification Interval `json:"amplification"`   // loads without coalescing over loads with it
	Saved         Interval `json:"saved_share"`     // share of the loads that coalescing saves
	SavedJittered Interval `json:"saved_jittered"`  // the same with jitter in both arms
	SavedRate     Interval `json:"saved_rate"`      // loads a second
	SavedByJitter Interval `json:"saved_by_jitter"` // share of the loads that jitter alone saves
	Joined        Interval `json:"joined_share"`    // requests that wait for another's load
	JoinedOfMiss  Interval `json:"joined_of_misses"`
	LoadRate      Interval `json:"load_rate"` // loads a second of the cache with coalescing
	Episodes      int64    `json:"episodes"`  // loads with coalescing
	TopSaved      float64  `json:"top_saved"` // share of the saved loads that are of the ten keys with most

	WorstWindow WorstWindow `json:"worst_window"`

	Peak         Interval `json:"peak"`          // loads at once, cache
	PeakJittered Interval `json:"peak_jittered"` // cache and jitter
	PeakShared   Interval `json:"peak_shared"`   // cache and coalescing
	HerdIndex    Interval `json:"herd_index"`    // peak with a common expiry over peak with jitter
	HerdPeak     int64    `json:"herd_peak"`
	HerdJittered int64    `json:"herd_jittered"`

	// Callers, of cache and of cache with coalescing.
	WaitPlain   Interval `json:"wait_plain_ns"`
	WaitShared  Interval `json:"wait_shared_ns"`
	OverPlain   Interval `json:"over_slo_plain"`
	OverShared  Interval `json:"over_slo_shared"`
	OverDiffers Interval `json:"over_slo_difference"` // shared less plain
}

// WorstWindow is the window, as long as the loader's 99th percentile, in which
// coalescing saves most.
type WorstWindow struct {
	Length        time.Duration `json:"length_ns"`
	At            time.Duration `json:"at_ns"`
	Amplification float64       `json:"amplification"` // zero where no window had ten loads
	Loads         int64         `json:"loads"`
	Coalesced     int64         `json:"coalesced"`
	Busiest       int64         `json:"busiest"` // most loads in any window, cache without coalescing
	BusiestAt     time.Duration `json:"busiest_at_ns"`
}

// Bounds are two truths that coarse stamps leave room for.
type Bounds struct {
	Tick     time.Duration `json:"tick_ns"`
	AtTick   Bound         `json:"at_tick"`       // all requests of a tick come at once
	Spread   Bound         `json:"evenly_spread"` // they are spread over it
	SameSaid bool          `json:"same_verdict"`
}

// A Bound is the verdict under one of them.
type Bound struct {
	Class   Class   `json:"class"`
	Figures Figures `json:"figures"`
}

// An Arm is one way to serve the requests and what it did. Requests are those of
// the trace, or of the part of it that [Method].CurveRequests names.
type Arm struct {
	ID     string        `json:"id"`
	Says   string        `json:"says"` // what the arm is, in words
	TTL    time.Duration `json:"ttl_ns"`
	Shares bool          `json:"coalesces"`
	Jitter float64       `json:"jitter,omitempty"`
	Early  float64       `json:"early_refresh,omitempty"`
	Stale  time.Duration `json:"stale_window_ns,omitempty"`
	Wait   time.Duration `json:"bounded_wait_ns,omitempty"`
	Start  string        `json:"start"`
	Rate   float64       `json:"rate_times,omitempty"`
	Slow   float64       `json:"loader_times,omitempty"`
	Flush  time.Duration `json:"flush_every_ns,omitempty"`

	Requests   int64    `json:"requests"`
	Hits       int64    `json:"hits"`
	StaleHits  int64    `json:"stale_hits"`
	Joined     int64    `json:"joined"`
	Blocked    int64    `json:"blocked"`
	GaveUp     int64    `json:"gave_up,omitempty"`
	Loads      int64    `json:"loads"`
	Background int64    `json:"background_loads"`
	HitRatio   Interval `json:"hit_ratio"` // within the capacity allowed
	LoadRate   Interval `json:"load_rate"`

	MeanWait Interval      `json:"mean_wait_ns"`
	P50      time.Duration `json:"p50_ns"`
	P99      time.Duration `json:"p99_ns"`
	P999     time.Duration `json:"p999_ns"`
	OverSLO  Interval      `json:"over_slo"` // share of requests
	MeetsSLO bool          `json:"meets_slo"`

	Peak     int64         `json:"peak"`
	PeakAt   time.Duration `json:"peak_at_ns"`
	HeadPeak int64         `json:"head_peak,omitempty"` // of the keys that were followed exactly

	Beyond      []sim.Point `json:"latency_ccdf,omitempty"`
	Course      Course      `json:"course"`
	Concurrency []Bar       `json:"miss_concurrency,omitempty"` // loads that a caller waits for, by loads of the key in flight at their begin
}

// A Bar counts loads that found so many of their key in flight.
type Bar struct {
	Least int   `json:"least"`
	Most  int   `json:"most"`
	Loads int64 `json:"loads"`
}

// A Curve shows what coalescing saves as one thing changes.
type Curve struct {
	Over   string  `json:"over"` // "loader", "rate" or "ttl"
	Points []Spot  `json:"points"`
	Even   float64 `json:"even,omitempty"` // where the saved share crosses the threshold, as a factor; zero: nowhere between the points
}

// A Spot is one point of a [Curve].
type Spot struct {
	Times float64       `json:"times"` // of what the trace, or the policy, has
	At    time.Duration `json:"at_ns"` // the loader's mean, or the TTL
	Rate  float64       `json:"rate"`  // requests a second
	Saved float64       `json:"saved_share"`
	Plain float64       `json:"load_rate"` // loads a second of the cache, and with coalescing
	Both  float64       `json:"load_rate_coalesced"`
	Peak  int64         `json:"peak"`
	Hits  float64       `json:"hit_ratio"`
}

// A HeatMap is the hit ratio by TTL and capacity, of a cache that drops the
// least recently used value, loads taking no time.
type HeatMap struct {
	TTLs          []time.Duration `json:"ttls_ns"`
	Entries       []int64         `json:"entries"`
	HitRatio      [][]float64     `json:"hit_ratio"`      // by TTL, then entries
	Requests      int64           `json:"requests"`       // of how many of the first it is made
	FollowedShare float64         `json:"followed_share"` // of the keys that are not among the 4096 most frequent
}

// A TopKey is one of the keys that coalescing saves most loads of.
type TopKey struct {
	Key      string  `json:"key"` // its name, or its hash
	Requests int64   `json:"requests"`
	Rate     float64 `json:"rate"`
	Loads    int64   `json:"loads"` // of the cache
	Shared   int64   `json:"loads_coalesced"`
	Saved    int64   `json:"saved"`
	Clients  int64   `json:"clients,omitempty"` // about
}

// Current is how the configuration of today compares with the advice.
type Current struct {
	Arm     Arm      `json:"arm"`
	Advised string   `json:"advised"` // the ID of the arm
	AsGood  bool     `json:"as_good"` // equals or beats the advice, within intervals
	Reasons []string `json:"reasons"`
}
