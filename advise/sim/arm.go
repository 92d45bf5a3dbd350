package sim

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Forever is a TTL without end.
const Forever = time.Duration(math.MaxInt64)

// An Arm is one way to serve the requests. The zero Arm has neither cache nor
// coalescing: each request is a load.
type Arm struct {
	Name string

	// TTL is how long a value is fresh after it was stored. Zero keeps nothing.
	TTL time.Duration

	// Coalesce has requests wait for a load of the key that is under way.
	Coalesce bool

	// Jitter spreads each TTL evenly over TTL*(1-Jitter) to TTL*(1+Jitter).
	// From 0 to 1.
	Jitter float64

	// Early is beta of early refresh; zero is none.
	Early float64

	// Stale is how long after its expiry a value is still given.
	Stale time.Duration

	// Wait is how long a caller waits for another's load before it loads for
	// itself. Zero is without bound. Only with Coalesce.
	Wait time.Duration

	// Start says what is in the cache before the first request.
	Start Start

	// HerdAt is when the values of a Herd expire, after the first request, if
	// not for Jitter of TTL. Zero means TTL.
	HerdAt time.Duration

	// Rate is how many times faster the requests come: 10 divides the time
	// between any two by 10. Zero means 1.
	Rate float64

	// Slow is how many times longer loads take. Zero means 1.
	Slow float64

	// FlushEvery empties the cache each time that so much time has gone by.
	// Loads under way are stored. Zero means never.
	FlushEvery time.Duration
}

// Start is what a cache holds before the first request.
type Start uint8

const (
	Cold Start = iota // nothing
	Warm              // every key, with what is left of its TTL drawn evenly
	Herd              // every key, all stored at once: they expire together
)

func (s Start) String() string { return [...]string{"cold", "warm", "herd"}[s] }

// Validate reports every fault of a, each with the value that was given.
func (a Arm) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("sim: Arm."+format, args...)) }
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"TTL", a.TTL}, {"Stale", a.Stale}, {"Wait", a.Wait}, {"HerdAt", a.HerdAt}, {"FlushEvery", a.FlushEvery}} {
		if d.d < 0 {
			fault("%s is %v, want 0 or more", d.name, d.d)
		}
	}
	if !(a.Jitter >= 0 && a.Jitter <= 1) {
		fault("Jitter is %v, want 0 to 1", a.Jitter)
	}
	for _, f := range []struct {
		name string
		f    float64
	}{{"Early", a.Early}, {"Rate", a.Rate}, {"Slow", a.Slow}} {
		if !(f.f >= 0 && f.f <= 1e9) {
			fault("%s is %v, want 0 to 1e9", f.name, f.f)
		}
	}
	if a.Wait > 0 && !a.Coalesce {
		fault("Wait is %v without Coalesce, want 0: nobody waits for another's load", a.Wait)
	}
	if a.Start > Herd {
		fault("Start is %d, want Cold, Warm or Herd", a.Start)
	}
	return errors.Join(faults...)
}

// A Setting is what all arms share.
type Setting struct {
	// Loader says how long a load takes where a request does not bring its own
	// latency. The zero Loader takes no time.
	Loader Loader

	// Seed is where random numbers come from. The same requests and the same
	// seed give the same outcome.
	Seed uint64

	// Processes is how many processes serve the requests, each with a cache and
	// loads of its own. Zero means 1.
	Processes int

	// Routing says which process a request goes to.
	Routing Routing

	// SLO is the latency that callers are promised; what takes longer is
	// counted. Zero means that none was promised.
	SLO time.Duration

	// Window is the length of time over which bursts of loads are counted.
	// Zero means the loader's 99th percentile, at least 1 ms.
	Window time.Duration

	// PerKey counts the loads of each key.
	PerKey bool

	// Workers is how many arms are simulated at once. It changes no outcome.
	// Zero means GOMAXPROCS.
	Workers int
}

// Routing is how requests find a process.
type Routing uint8

const (
	RouteRandom Routing = iota // any process, evenly
	RouteByKey                 // a key has one process
)

func (r Routing) String() string { return [...]string{"random", "by key"}[r] }

// Validate reports every fault of s, each with the value that was given.
func (s Setting) Validate() error {
	var faults []error
	if s.Processes < 0 || s.Processes > 1<<16 {
		faults = append(faults, fmt.Errorf("sim: Setting.Processes is %d, want 0 to 65536", s.Processes))
	}
	if s.SLO < 0 {
		faults = append(faults, fmt.Errorf("sim: Setting.SLO is %v, want 0 or more", s.SLO))
	}
	if s.Window < 0 {
		faults = append(faults, fmt.Errorf("sim: Setting.Window is %v, want 0 or more", s.Window))
	}
	if s.Workers < 0 {
		faults = append(faults, fmt.Errorf("sim: Setting.Workers is %d, want 0 or more", s.Workers))
	}
	if s.Routing > RouteByKey {
		faults = append(faults, fmt.Errorf("sim: Setting.Routing is %d, want RouteRandom or RouteByKey", s.Routing))
	}
	return errors.Join(faults...)
}

func (s Setting) window() time.Duration {
	if s.Window > 0 {
		return s.Window
	}
	return max(s.Loader.Quantile(0.99), time.Millisecond)
}
