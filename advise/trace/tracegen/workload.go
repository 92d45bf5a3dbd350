// Package tracegen makes traces: accesses as a workload has them, written in
// each of the formats that package trace reads. The same workload gives the
// same bytes, but that processors of another kind may round the time of a load
// otherwise.
//
// Such traces stand in for real ones in tests, and where no real one may be
// shown. They are made, not recorded: say so where figures from them are.
package tracegen

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"github.com/onefold-go/onefold/advise/trace"
)

// A Workload says who asks for what, and when. Requests must be set; the zero
// value of each other field is something plain.
type Workload struct {
	// Seed of all that is drawn at random. Streams for arrivals, keys, loads
	// and the rest are apart, so that a change of one leaves the others.
	Seed uint64

	// Requests is how many accesses there are.
	Requests int

	// Rate is the mean of arrivals a second, which come as a Poisson process.
	// Zero means 1000.
	Rate float64

	// Keys is how many keys there are, and Skew the exponent of their Zipf
	// law: 0 asks for all alike. Zero keys mean 10,000.
	Keys int
	Skew float64

	// Start is the time of the start. Zero means 2026-01-01 00:00 UTC.
	Start time.Time

	// Load draws how long a load takes. Nil means 20 ms always.
	Load func(*rand.Rand) time.Duration

	// Clients is how many there are. Zero means 1000.
	Clients int

	// Tenants is how many there are; zero means that keys belong to none.
	Tenants int

	// TTL goes with what is written, in formats that have it.
	TTL time.Duration

	// Writes and Deletes are the shares of accesses that are such.
	Writes, Deletes float64

	// A burst is BurstSize requests of one key within BurstWithin, beside the
	// other arrivals, each BurstEvery. Zero BurstEvery means none.
	BurstEvery  time.Duration
	BurstSize   int
	BurstWithin time.Duration

	// Warm has the first that many keys asked for once at the start, evenly
	// over WarmWithin: what fills a cache whose values then expire together.
	Warm       int
	WarmWithin time.Duration

	// Resolution is what times are cut to. Zero means that of the format.
	Resolution time.Duration

	// Flush is how often stamps are taken, as by a logger that stamps what it
	// writes together: all of a period have the time of its end. Zero means
	// that each has its own.
	Flush time.Duration

	// Twice is the share of accesses that are recorded a second time, a
	// microsecond later, as by a capture at two places.
	Twice float64

	// Shuffle is how late lines may come, as many lines. Zero means in order.
	Shuffle int

	// Name writes a key's text. Nil means "/items/7" for the seventh.
	Name func(b []byte, key int) []byte

	// Unique puts a request's id into the name of each key, as a parameter.
	Unique bool

	// HitShare is the share of accesses of which a cache in front said that it
	// had the answer, in formats that have it.
	HitShare float64
}

// An Access is one, as it was made.
type Access struct {
	N      int           // from 0
	At     time.Duration // after the start
	Key    int
	Client int
	Tenant int
	Load   time.Duration
	Size   int
	Op     trace.Op
	Hit    bool
}

func (w Workload) withDefaults() Workload {
	if w.Rate == 0 {
		w.Rate = 1000
	}
	if w.Keys == 0 {
		w.Keys = 10_000
	}
	if w.Clients == 0 {
		w.Clients = 1000
	}
	if w.Start.IsZero() {
		w.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if w.Load == nil {
		w.Load = Constant(20 * time.Millisecond)
	}
	if w.Name == nil {
		w.Name = itemName
	}
	return w
}

func (w Workload) validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf("tracegen: "+format, args...)) }
	for _, n := range []struct {
		name string
		n    int
	}{
		{"Requests", w.Requests}, {"Keys", w.Keys}, {"Clients", w.Clients}, {"Tenants", w.Tenants},
		{"BurstSize", w.BurstSize}, {"Warm", w.Warm}, {"Shuffle", w.Shuffle},
	} {
		if n.n < 0 || n.n > 1<<40 {
			fault("Workload.%s is %d, want 0 or more", n.name, n.n)
		}
	}
	if w.Keys > 1<<27 {
		fault("Workload.Keys is %d, want up to %d", w.Keys, 1<<27)
	}
	if !(w.Rate >= 0) || math.IsInf(w.Rate, 0) {
		fault("Workload.Rate is %v, want a number of arrivals a second", w.Rate)
	}
	if !(w.Skew >= 0 && w.Skew <= 10) {
		fault("Workload.Skew is %v, want 0 to 10", w.Skew)
	}
	for _, s := range []struct {
		name string
		s    float64
	}{{"Writes", w.Writes}, {"Deletes", w.Deletes}, {"Twice", w.Twice}, {"HitShare", w.HitShare}} {
		if !(s.s >= 0 && s.s <= 1) {
			fault("Workload.%s is %v, want a share from 0 to 1", s.name, s.s)
		}
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"TTL", w.TTL}, {"BurstEvery", w.BurstEvery}, {"BurstWithin", w.BurstWithin}, {"WarmWithin", w.WarmWithin}, {"Resolution", w.Resolution}, {"Flush", w.Flush}} {
		if d.d < 0 {
			fault("Workload.%s is %v, want 0 or more", d.name, d.d)
		}
	}
	return errors.Join(errs...)
}

// All gives the accesses in order of time. It panics where the workload makes
// no sense, with what is wrong.
func (w Workload) All() iter.Seq[Access] {
	if err := w.validate(); err != nil {
		panic(err)
	}
	w = w.withDefaults()
	return func(yield func(Access) bool) {
		var (
			stream   = func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(w.Seed, n)) }
			arrivals = stream(1)
			keys     = stream(2)
			loads    = stream(3)
			others   = stream(4)
			bursts   = stream(5)
			law      = newZipf(w.Keys, w.Skew)
			gap      = float64(time.Second) / w.Rate
			next     = time.Duration(arrivals.ExpFloat64() * gap)

			warmed     int
			burstLeft  int
			burstKey   int
			burstAt    = w.BurstEvery
			burstStart time.Duration
			burstNext  time.Duration
		)
		startBurst := func() {
			burstLeft, burstKey, burstStart, burstNext = w.BurstSize, law.draw(bursts), burstAt, burstAt
			burstAt += w.BurstEvery
		}
		if w.BurstEvery > 0 && w.BurstSize > 0 {
			startBurst()
		}
		warmAt := func() time.Duration {
			return time.Duration(float64(w.WarmWithin) * float64(warmed) / float64(w.Warm))
		}
		for n := range w.Requests {
			a := Access{N: n, At: next}
			switch {
			case warmed < w.Warm && warmAt() <= next && (burstLeft == 0 || warmAt() <= burstNext):
				a.At, a.Key = warmAt(), warmed%w.Keys
				warmed++
			case burstLeft > 0 && burstNext <= next:
				a.At, a.Key = burstNext, burstKey
				burstLeft--
				done := w.BurstSize - burstLeft
				burstNext = burstStart + time.Duration(float64(w.BurstWithin)*float64(done)/float64(w.BurstSize))
				if burstLeft == 0 {
					startBurst()
				}
			default:
				a.Key = law.draw(keys)
				next += time.Duration(arrivals.ExpFloat64() * gap)
			}
			r := others.Uint64()
			a.Client = int(r >> 32 % uint64(w.Clients))
			if w.Tenants > 0 {
				a.Tenant = 1 + a.Client%w.Tenants
			}
			u := float64(r&(1<<32-1)) / (1 << 32)
			switch {
			case u < w.Writes:
				a.Op = trace.Write
			case u < w.Writes+w.Deletes:
				a.Op = trace.Delete
			default:
				a.Hit = w.HitShare > 0 && 1-u < w.HitShare
			}
			a.Load = w.Load(loads)
			a.Size = 100 + a.Key*7919%10_000
			if w.Flush > 0 {
				a.At = a.At/w.Flush*w.Flush + w.Flush
			}
			if w.Resolution > 0 {
				a.At = a.At / w.Resolution * w.Resolution
			}
			if !yield(a) {
				return
			}
		}
	}
}

// Constant is a load that always takes d.
func Constant(d time.Duration) func(*rand.Rand) time.Duration {
	return func(*rand.Rand) time.Duration { return d }
}

// LogNormal is a load whose time has the median p50 and the 99th percentile
// p99.
func LogNormal(p50, p99 time.Duration) func(*rand.Rand) time.Duration {
	const z99 = 2.3263478740408408
	sigma := math.Log(float64(p99)/float64(p50)) / z99
	return func(r *rand.Rand) time.Duration {
		return time.Duration(float64(p50) * math.Exp(sigma*r.NormFloat64()))
	}
}

// Sometimes is a load that takes as long as slow says in that share of cases,
// and else as usual says.
func Sometimes(share float64, slow, usual func(*rand.Rand) time.Duration) func(*rand.Rand) time.Duration {
	return func(r *rand.Rand) time.Duration {
		if r.Float64() < share {
			return slow(r)
		}
		return usual(r)
	}
}
