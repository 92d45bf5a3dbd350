package arrival

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	maxGeneratedKeys  = 10_000_000
	maxGeneratedCalls = 20_000_000
)

// Options says what Generate makes. Keys, Skew, Rate and Duration must be set;
// the zero of every other field leaves its part out.
type Options struct {
	// Keys is the number of keys, from 1 to 10,000,000.
	Keys int

	// Skew is the exponent of the Zipf law: the key of rank r is wanted in
	// proportion to 1/r^Skew. Any number above 0, also 1 and less.
	Skew float64

	// Rate is the mean number of calls a second. The gaps between calls are
	// exponential (a Poisson process): callers do not wait for each other.
	Rate float64

	// Duration is the time in which calls arrive.
	Duration time.Duration

	// A burst is a flash crowd: from BurstAt, for BurstFor, calls arrive at
	// BurstFactor times Rate. The calls added go to the BurstKeys hottest
	// keys, again by Zipf's law, so that the hottest gets most of them.
	// BurstFor zero means no burst, and BurstKeys zero means 5.
	BurstAt     time.Duration
	BurstFor    time.Duration
	BurstFactor float64
	BurstKeys   int

	// Warm is how many of the hottest keys Stream.Warm lists.
	Warm int

	// Seed fixes the stream: the same Options give the same Stream, on one
	// processor architecture to the byte. Keys, calls, and the calls that a
	// burst adds are drawn independently: to change one leaves the others.
	Seed uint64
}

// Each concern draws from a stream of its own.
const (
	drawNames uint64 = iota + 1
	drawCalls
	drawBurst
)

// Generate makes a stream of calls. Its keys are in order of rank, the hottest
// first. Their names look like a shop's article numbers, "sku-000001" to
// "sku-" and the number of keys, dealt out to the ranks at random.
func Generate(o Options) (*Stream, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.BurstKeys == 0 {
		o.BurstKeys = min(5, o.Keys)
	}
	s := &Stream{Keys: names(o.Keys, o.rand(drawNames)), Title: o.title()}
	for rank := range o.Warm {
		s.Warm = append(s.Warm, int32(rank))
	}
	s.Calls = arrivals(nil, o.rand(drawCalls), o.Rate, 0, o.Duration, newZipf(o.Keys, o.Skew))
	if o.BurstFor > 0 {
		s.Calls = arrivals(s.Calls, o.rand(drawBurst), o.Rate*(o.BurstFactor-1),
			o.BurstAt, o.BurstAt+o.BurstFor, newZipf(o.BurstKeys, o.Skew))
		slices.SortStableFunc(s.Calls, byTime)
	}
	if len(s.Calls) == 0 {
		return nil, fmt.Errorf("arrival: Options.Rate %v over Options.Duration %v made no call; raise one of them", o.Rate, o.Duration)
	}
	s.Duration = s.Calls[len(s.Calls)-1].At
	return s, nil
}

func (o Options) validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf("arrival: "+format, args...)) }

	if o.Keys < 1 || o.Keys > maxGeneratedKeys {
		fault("Options.Keys is %d, want 1 to %d", o.Keys, maxGeneratedKeys)
	}
	if !positive(o.Skew) {
		fault("Options.Skew is %v, want a number above 0", o.Skew)
	}
	if !positive(o.Rate) {
		fault("Options.Rate is %v calls a second, want a number above 0", o.Rate)
	}
	if o.Duration <= 0 {
		fault("Options.Duration is %v, want more than 0", o.Duration)
	}
	if o.Warm < 0 || o.Warm > max(o.Keys, 0) {
		fault("Options.Warm is %d, want 0 to the number of keys, %d", o.Warm, o.Keys)
	}
	if o.BurstAt < 0 {
		fault("Options.BurstAt is %v, want 0 or more", o.BurstAt)
	}
	if o.BurstFor < 0 {
		fault("Options.BurstFor is %v, want 0 or more", o.BurstFor)
	}
	if o.BurstFor > 0 {
		if !(o.BurstFactor >= 1) || math.IsInf(o.BurstFactor, 0) {
			fault("Options.BurstFactor is %v, want 1 or more with a burst of %v", o.BurstFactor, o.BurstFor)
		}
		if o.BurstKeys < 0 || o.BurstKeys > max(o.Keys, 0) {
			fault("Options.BurstKeys is %d, want 0 to the number of keys, %d", o.BurstKeys, o.Keys)
		}
		if o.BurstAt >= 0 && (o.BurstAt > o.Duration || o.BurstFor > o.Duration-o.BurstAt) {
			fault("the burst at %v for %v does not end within Options.Duration, %v", o.BurstAt, o.BurstFor, o.Duration)
		}
	}
	if n := o.mean(); len(errs) == 0 && n > maxGeneratedCalls {
		fault("Options.Rate %v over Options.Duration %v makes about %.0f calls, more than %d; lower one of them", o.Rate, o.Duration, n, maxGeneratedCalls)
	}
	return errors.Join(errs...)
}

func positive(x float64) bool { return x > 0 && !math.IsInf(x, 1) }

// mean is the expected number of calls.
func (o Options) mean() float64 {
	n := o.Rate * o.Duration.Seconds()
	if o.BurstFor > 0 {
		n += o.Rate * (o.BurstFactor - 1) * o.BurstFor.Seconds()
	}
	return n
}

func (o Options) rand(concern uint64) *rand.Rand { return rand.New(rand.NewPCG(o.Seed, concern)) }

func (o Options) title() string {
	t := fmt.Sprintf("generated: %v calls a second for %v, %d keys, Zipf %v", o.Rate, o.Duration, o.Keys, o.Skew)
	if o.BurstFor > 0 {
		t += fmt.Sprintf(", %vx burst at %v for %v on the %d hottest", o.BurstFactor, o.BurstAt, o.BurstFor, o.BurstKeys)
	}
	if o.Warm > 0 {
		t += fmt.Sprintf(", %d warm", o.Warm)
	}
	return t + fmt.Sprintf(", seed %d", o.Seed)
}

func names(n int, draw *rand.Rand) []string {
	keys := make([]string, n)
	for rank, number := range draw.Perm(n) {
		keys[rank] = fmt.Sprintf("sku-%06d", number+1)
	}
	return keys
}

// arrivals appends the calls of one Poisson process, rate a second from one
// moment to another, each for a key that zipf picks.
func arrivals(calls []Call, draw *rand.Rand, rate float64, from, to time.Duration, keys zipf) []Call {
	if rate == 0 { // a burst of factor 1
		return calls
	}
	length := (to - from).Seconds()
	for t := draw.ExpFloat64() / rate; t < length; t += draw.ExpFloat64() / rate {
		calls = append(calls, Call{At: from + time.Duration(t*float64(time.Second)), Key: keys.pick(draw)})
	}
	return calls
}

func byTime(a, b Call) int {
	switch {
	case a.At < b.At:
		return -1
	case a.At > b.At:
		return 1
	}
	return 0
}
