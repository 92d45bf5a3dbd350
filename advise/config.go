package advise

import (
	"errors"
	"fmt"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// Config is what a trace does not tell: the policy, the source, the answers of
// somebody who knows the service. The zero Config is ready to use, and asks for
// values that may not be kept at all.
type Config struct {
	// TTL is the greatest age at which a value may be given. Zero: it may not be
	// kept. [sim.Forever]: there is no limit of freshness.
	TTL time.Duration

	// MaxStale is how much older than TTL a value may be while a new one is
	// loaded. Zero: not at all.
	MaxStale time.Duration

	// SLO is what callers are promised. The zero SLO promises nothing.
	SLO SLO

	// Source is what the source bears.
	Source Source

	// Loader says how long loads take. Nil: as measured, which needs records
	// with a duration.
	Loader *sim.Loader

	// Processes is how many processes serve the requests, each with a cache of
	// its own, and Routing how a request finds one. Zero means 1.
	Processes int
	Routing   sim.Routing

	// Entries is how many values a process has room for; MemoryBytes says it in
	// bytes, over the mean size of the records. Zero means no limit.
	Entries     int64
	MemoryBytes int64

	// Start says what the caches hold before the first record: sim.Cold, or
	// sim.Warm, where the service had been running.
	Start sim.Start

	// Overhead is what coalescing adds to a load on this machine. Zero means
	// DefaultOverhead.
	Overhead time.Duration

	// Current is how the requests are served today, to be held against the
	// advice; nil where nobody asks. TTL and all else is as it says.
	Current *sim.Arm

	// Safety is what a trace cannot answer.
	Safety Safety

	// Thresholds are where the verdicts divide. A zero field means its default.
	Thresholds Thresholds

	// Seed is where all random numbers come from: the same records, settings and
	// seed give the same report, byte for byte.
	Seed uint64

	// Exact keeps every key, whatever memory that takes. Otherwise a trace of more
	// than MaxExact requests has its frequent keys followed exactly and the rest
	// sampled. Zero means DefaultMaxExact.
	Exact    bool
	MaxExact int

	// MaxKeys is how many keys a sampled trace follows: HeavyKeys of them are the
	// most frequent. Zero means DefaultMaxKeys and DefaultHeavyKeys.
	MaxKeys   int
	HeavyKeys int

	// CurveRequests is how much of a trace, from its begin, curves, stress arms
	// and replications are made from, which take many runs. Zero means
	// DefaultCurveRequests.
	CurveRequests int

	// Workers is how many arms are simulated at once. It changes no figure. Zero
	// means GOMAXPROCS.
	Workers int
}

// What a [Config] means that names nothing else.
const (
	DefaultOverhead  = time.Microsecond
	DefaultMaxExact  = 5_000_000
	DefaultMaxKeys   = 1 << 15
	DefaultHeavyKeys = 1 << 13

	DefaultCurveRequests = 200_000
)

// A SLO promises that a share of requests takes at most Limit, as in "p99 within
// 50 ms".
type SLO struct {
	Quantile float64       `json:"quantile"` // zero with a Limit means 0.99
	Limit    time.Duration `json:"limit_ns"`
}

func (s SLO) String() string {
	if s.Limit == 0 {
		return "none"
	}
	return fmt.Sprintf("p%v<%v", s.quantile()*100, s.Limit)
}

func (s SLO) quantile() float64 {
	if s.Quantile == 0 {
		return 0.99
	}
	return s.Quantile
}

// A Source bears so many loads at once and a second. Zero means that no limit is
// known.
type Source struct {
	MaxConcurrent int     `json:"max_concurrent"`
	MaxRPS        float64 `json:"max_rps"`
}

// Thresholds are where the verdicts divide. They are judgements, not
// measurements; a report prints them. A zero field means its default.
type Thresholds struct {
	// MinRequests is how many requests there must be for anything but to do
	// nothing. 100. MinBusy is how many loads must be under way on average, were
	// there no cache: all that any mechanism can save is that. 0.01, a source that
	// is busy with one load for a hundredth of the time.
	MinRequests int64   `json:"min_requests"`
	MinBusy     float64 `json:"min_busy"`

	// HitRatio: a cache that has less (lower bound) costs memory and staleness
	// for nothing. 0.05.
	HitRatio float64 `json:"hit_ratio"`

	// Amplification: loads without coalescing over loads with it that is as good
	// as none (upper bound). 1.05.
	Amplification float64 `json:"amplification"`

	// OnceKeys is how many keys are a handful. 8.
	OnceKeys int `json:"once_keys"`

	// CheapLoad: to wait and be woken costs as much as a load whose median is
	// less. 100 us. CheapTimes says the same in overheads of coalescing. 20.
	CheapLoad  time.Duration `json:"cheap_load_ns"`
	CheapTimes float64       `json:"cheap_times"`

	// SavedShare is the share of a cache's loads that coalescing has to save. A
	// gain below it is inside the variation from day to day. 0.05.
	SavedShare float64 `json:"saved_share"`

	// SavedOfRPS: loads saved a second that are less of the source's limit are
	// not worth it. 0.01.
	SavedOfRPS float64 `json:"saved_of_rps"`

	// Herd is the peak with a common expiry over the peak with jitter from which
	// jitter is advised, 1.5, and HerdLoads how many loads at once are a herd at
	// least: two for one are none. 8.
	Herd      float64 `json:"herd"`
	HerdLoads int64   `json:"herd_loads"`

	// WindowAmplification is the amplification in the worst window from which
	// coalescing is advised where the peak is over the source's limit. 2.
	WindowAmplification float64 `json:"window_amplification"`

	// CV2 is the loader's squared coefficient of variation above which callers
	// who join wait longer than those who load. 1. Joined is the share of requests
	// that must join for it to matter. 0.01.
	CV2    float64 `json:"cv2"`
	Joined float64 `json:"joined"`

	// OverlapOnly is the share of requests that must join (lower bound) where
	// nothing may be kept. 0.05.
	OverlapOnly float64 `json:"overlap_only"`

	// KeysOfRequests is the share of distinct keys from which keys may hold what
	// they should not, and KeyCollapse how many fewer there must be without it.
	// 0.5 and 10.
	KeysOfRequests float64 `json:"keys_of_requests"`
	KeyCollapse    float64 `json:"key_collapse"`

	// MinEpisodes is how many loads with coalescing it takes to decide what
	// intervals leave open. 100.
	MinEpisodes int64 `json:"min_episodes"`

	// EarlyCalls is how many requests must come in the time of a load for early
	// refresh of a key. 1.
	EarlyCalls float64 `json:"early_calls"`
}

func (t Thresholds) withDefaults() Thresholds {
	or(&t.MinRequests, 100)
	or(&t.MinBusy, 0.01)
	or(&t.HitRatio, 0.05)
	or(&t.Amplification, 1.05)
	or(&t.OnceKeys, 8)
	or(&t.CheapLoad, 100*time.Microsecond)
	or(&t.CheapTimes, 20)
	or(&t.SavedShare, 0.05)
	or(&t.SavedOfRPS, 0.01)
	or(&t.Herd, 1.5)
	or(&t.HerdLoads, 8)
	or(&t.WindowAmplification, 2)
	or(&t.CV2, 1)
	or(&t.Joined, 0.01)
	or(&t.OverlapOnly, 0.05)
	or(&t.KeysOfRequests, 0.5)
	or(&t.KeyCollapse, 10)
	or(&t.MinEpisodes, 100)
	or(&t.EarlyCalls, 1)
	return t
}

func or[N comparable](field *N, value N) {
	var zero N
	if *field == zero {
		*field = value
	}
}

func (c Config) withDefaults() Config {
	or(&c.Processes, 1)
	or(&c.Overhead, DefaultOverhead)
	or(&c.MaxExact, DefaultMaxExact)
	or(&c.MaxKeys, DefaultMaxKeys)
	or(&c.HeavyKeys, min(DefaultHeavyKeys, max(1, c.MaxKeys/4)))
	or(&c.CurveRequests, DefaultCurveRequests)
	c.Thresholds = c.Thresholds.withDefaults()
	if c.SLO.Limit > 0 {
		c.SLO.Quantile = c.SLO.quantile()
	}
	return c
}

// Validate reports every fault of c, each with the value that was given.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("advise: Config."+format, args...))
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"TTL", c.TTL}, {"MaxStale", c.MaxStale}, {"SLO.Limit", c.SLO.Limit}, {"Overhead", c.Overhead}, {"Thresholds.CheapLoad", c.Thresholds.CheapLoad}} {
		if d.d < 0 {
			fault("%s is %v, want 0 or more", d.name, d.d)
		}
	}
	for _, n := range []struct {
		name string
		n    int64
	}{
		{"Source.MaxConcurrent", int64(c.Source.MaxConcurrent)}, {"Entries", c.Entries}, {"MemoryBytes", c.MemoryBytes},
		{"MaxExact", int64(c.MaxExact)}, {"MaxKeys", int64(c.MaxKeys)}, {"HeavyKeys", int64(c.HeavyKeys)}, {"Workers", int64(c.Workers)},
		{"CurveRequests", int64(c.CurveRequests)},
		{"Thresholds.OnceKeys", int64(c.Thresholds.OnceKeys)}, {"Thresholds.MinEpisodes", c.Thresholds.MinEpisodes},
		{"Thresholds.HerdLoads", c.Thresholds.HerdLoads}, {"Thresholds.MinRequests", c.Thresholds.MinRequests},
	} {
		if n.n < 0 {
			fault("%s is %d, want 0 or more", n.name, n.n)
		}
	}
	t := c.Thresholds
	for _, f := range []struct {
		name string
		f    float64
	}{
		{"Source.MaxRPS", c.Source.MaxRPS}, {"SLO.Quantile", c.SLO.Quantile}, {"Thresholds.HitRatio", t.HitRatio}, {"Thresholds.MinBusy", t.MinBusy},
		{"Thresholds.Amplification", t.Amplification}, {"Thresholds.CheapTimes", t.CheapTimes}, {"Thresholds.SavedShare", t.SavedShare},
		{"Thresholds.SavedOfRPS", t.SavedOfRPS}, {"Thresholds.Herd", t.Herd}, {"Thresholds.WindowAmplification", t.WindowAmplification},
		{"Thresholds.CV2", t.CV2}, {"Thresholds.Joined", t.Joined}, {"Thresholds.OverlapOnly", t.OverlapOnly},
		{"Thresholds.KeysOfRequests", t.KeysOfRequests}, {"Thresholds.KeyCollapse", t.KeyCollapse}, {"Thresholds.EarlyCalls", t.EarlyCalls},
	} {
		if !(f.f >= 0 && f.f < 1e18) {
			fault("%s is %v, want 0 or more", f.name, f.f)
		}
	}
	if c.SLO.Quantile >= 1 {
		fault("SLO.Quantile is %v, want less than 1", c.SLO.Quantile)
	}
	if c.MaxStale > 0 && c.TTL == 0 {
		fault("MaxStale is %v with a TTL of 0, want 0: what may not be kept cannot be stale", c.MaxStale)
	}
	if c.Entries > 0 && c.MemoryBytes > 0 {
		fault("Entries is %d and MemoryBytes is %d, want one of them to be 0", c.Entries, c.MemoryBytes)
	}
	if c.HeavyKeys > 0 && c.MaxKeys > 0 && c.HeavyKeys >= c.MaxKeys {
		fault("HeavyKeys is %d, want less than MaxKeys, which is %d", c.HeavyKeys, c.MaxKeys)
	}
	if c.Start == sim.Herd || c.Start > sim.Herd {
		fault("Start is %d, want sim.Cold or sim.Warm", c.Start)
	}
	if err := (sim.Setting{Processes: c.Processes, Routing: c.Routing}).Validate(); err != nil {
		faults = append(faults, err)
	}
	if c.Current != nil {
		if err := c.Current.Validate(); err != nil {
			faults = append(faults, err)
		}
	}
	faults = append(faults, c.Safety.validate())
	return errors.Join(faults...)
}
