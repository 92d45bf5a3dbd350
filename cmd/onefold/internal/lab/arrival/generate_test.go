package arrival_test

import (
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
)

func generate(t *testing.T, o arrival.Options) *arrival.Stream {
	t.Helper()
	t.Logf("seed %d", o.Seed)
	s, err := arrival.Generate(o)
	if err != nil {
		t.Fatal(err)
	}
	checkStream(t, s)
	return s
}

// checkStream holds what is true of every Stream.
func checkStream(t *testing.T, s *arrival.Stream) {
	t.Helper()
	if len(s.Calls) == 0 {
		t.Fatal("the stream has no calls")
	}
	if !slices.IsSortedFunc(s.Calls, func(a, b arrival.Call) int { return int(min(max(a.At-b.At, -1), 1)) }) {
		t.Error("the calls are not in order of time")
	}
	if s.Calls[0].At < 0 {
		t.Errorf("the first call is at %v, want 0 or later", s.Calls[0].At)
	}
	if last := s.Calls[len(s.Calls)-1].At; s.Duration != last {
		t.Errorf("Duration = %v, want the time of the last call, %v", s.Duration, last)
	}
	for i, c := range s.Calls {
		if c.Key < 0 || int(c.Key) >= len(s.Keys) {
			t.Fatalf("call %d has key %d of %d", i, c.Key, len(s.Keys))
		}
	}
	for _, k := range s.Warm {
		if k < 0 || int(k) >= len(s.Keys) {
			t.Fatalf("Warm has key %d of %d", k, len(s.Keys))
		}
	}
	names := slices.Clone(s.Keys)
	slices.Sort(names)
	if n := len(slices.Compact(names)); n != len(s.Keys) {
		t.Errorf("%d of %d keys are distinct", n, len(s.Keys))
	}
	if s.Title == "" {
		t.Error("the stream has no title")
	}
}

// near fails unless got is within five standard errors of want: for a correct
// generator, one seed in two million is outside.
func near(t *testing.T, what string, got, want, sigma float64) {
	t.Helper()
	if math.Abs(got-want) > 5*sigma {
		t.Errorf("%s is %.4g, want %.4g +- %.2g", what, got, want, 5*sigma)
	}
}

func TestGenerateFollowsZipf(t *testing.T) {
	for _, skew := range []float64{0.2, 0.6, 1, 1.3, 3} {
		const keys = 1000
		s := generate(t, arrival.Options{Keys: keys, Skew: skew, Rate: 20_000, Duration: 10 * time.Second, Seed: 1})
		seen := make([]float64, keys)
		for _, c := range s.Calls {
			seen[c.Key]++
		}
		total := 0.0
		for r := 1; r <= keys; r++ {
			total += math.Pow(float64(r), -skew)
		}
		n := float64(len(s.Calls))
		for _, r := range []int{1, 2, 3, 10, 100, 1000} {
			p := math.Pow(float64(r), -skew) / total
			near(t, "calls for one rank", seen[r-1], n*p, math.Sqrt(n*p*(1-p))+1)
		}
		// The ranks of the middle together, so that a flaw in the body shows.
		p, got := 0.0, 0.0
		for r := 20; r <= 400; r++ {
			p += math.Pow(float64(r), -skew) / total
			got += seen[r-1]
		}
		near(t, "calls for the ranks 20 to 400", got, n*p, math.Sqrt(n*p*(1-p))+1)
	}
}

func TestGenerateArrivesByPoisson(t *testing.T) {
	const (
		rate    = 2000.0
		seconds = 100
		bucket  = 100 * time.Millisecond
	)
	s := generate(t, arrival.Options{Keys: 10, Skew: 1, Rate: rate, Duration: seconds * time.Second, Seed: 2})
	near(t, "the number of calls", float64(len(s.Calls)), rate*seconds, math.Sqrt(rate*seconds))

	buckets := make([]float64, seconds*10)
	for _, c := range s.Calls {
		buckets[c.At/bucket]++
	}
	mean, variance := moments(buckets)
	// The variance of a Poisson count is its mean; its estimate over n
	// buckets has a relative error of sqrt(2/n).
	near(t, "variance/mean of calls in 100 ms", variance/mean, 1, math.Sqrt(2/float64(len(buckets))))

	gaps := make([]float64, len(s.Calls)-1)
	for i := range gaps {
		gaps[i] = (s.Calls[i+1].At - s.Calls[i].At).Seconds()
	}
	mean, variance = moments(gaps)
	near(t, "mean gap", mean, 1/rate, 1/rate/math.Sqrt(float64(len(gaps))))
	near(t, "variation of the gaps", math.Sqrt(variance)/mean, 1, 1/math.Sqrt(float64(len(gaps))))
}

func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x)-1)
	}
	return mean, variance
}

func TestGenerateBurst(t *testing.T) {
	o := arrival.Options{
		Keys: 5000, Skew: 0.9, Rate: 3000, Duration: 20 * time.Second, Seed: 3,
		BurstAt: 5 * time.Second, BurstFor: 4 * time.Second, BurstFactor: 6,
	}
	s := generate(t, o)
	calm := o
	calm.BurstFor = 0
	base := generate(t, calm)

	var in, out, hot float64
	for _, c := range s.Calls {
		if c.At >= o.BurstAt && c.At < o.BurstAt+o.BurstFor {
			in++
			if c.Key < 5 {
				hot++
			}
		} else {
			out++
		}
	}
	near(t, "calls in the burst", in, 6*3000*4, math.Sqrt(6*3000*4))
	near(t, "calls outside", out, 3000*16, math.Sqrt(3000*16))
	if hot < 5*3000*4*0.95 {
		t.Errorf("%v calls of the burst were for the 5 hottest keys, want the added 60000 there", hot)
	}

	// The burst is added: all other calls are those of the stream without it.
	counts := make(map[arrival.Call]int)
	for _, c := range s.Calls {
		counts[c]++
	}
	for _, c := range base.Calls {
		if counts[c]--; counts[c] < 0 {
			t.Fatalf("the call %v of the calm stream is not in the one with a burst", c)
		}
	}

	// They are drawn apart: the same draws would double calls to the nanosecond.
	double := o
	double.BurstAt, double.BurstFactor, double.BurstKeys = 0, 2, o.Keys
	s = generate(t, double)
	for i, c := range s.Calls[1:] {
		if c == s.Calls[i] {
			t.Fatalf("the burst repeats the call %v", c)
		}
	}

	o.BurstKeys = 1
	s = generate(t, o)
	added := make(map[int32]int)
	for _, c := range s.Calls {
		added[c.Key]++
	}
	for _, c := range base.Calls {
		added[c.Key]--
	}
	for key, n := range added {
		if key != 0 && n != 0 {
			t.Errorf("a burst on one key added %d calls for key %d", n, key)
		}
	}
	near(t, "calls added to the hottest key", float64(added[0]), 5*3000*4, math.Sqrt(5*3000*4))
}

func TestGenerateNamesAndWarm(t *testing.T) {
	s := generate(t, arrival.Options{Keys: 2000, Skew: 1, Rate: 100, Duration: time.Second, Warm: 3, Seed: 4})
	if !reflect.DeepEqual(s.Warm, []int32{0, 1, 2}) {
		t.Errorf("Warm = %v, want the three hottest", s.Warm)
	}
	if slices.IsSorted(s.Keys) {
		t.Error("the numbers of the keys follow their rank")
	}
	name := regexp.MustCompile(`^sku-\d{6}$`)
	for _, k := range s.Keys {
		if !name.MatchString(k) {
			t.Fatalf("key %q is not named like sku-000123", k)
		}
	}
	if low, high := slices.Min(s.Keys), slices.Max(s.Keys); low != "sku-000001" || high != "sku-002000" {
		t.Errorf("the keys run from %s to %s, want sku-000001 to sku-002000", low, high)
	}
}

func TestGenerateIsFixedBySeed(t *testing.T) {
	o := arrival.Options{
		Keys: 300, Skew: 0.8, Rate: 500, Duration: 5 * time.Second, Warm: 10, Seed: 5,
		BurstAt: time.Second, BurstFor: time.Second, BurstFactor: 3,
	}
	first, again := generate(t, o), generate(t, o)
	if !reflect.DeepEqual(first, again) {
		t.Error("the same options made two streams that differ")
	}
	o.Seed++
	other := generate(t, o)
	if reflect.DeepEqual(first.Calls, other.Calls) || reflect.DeepEqual(first.Keys, other.Keys) {
		t.Error("another seed made the same calls or the same names")
	}
}

func TestGenerateReportsAllFaults(t *testing.T) {
	_, err := arrival.Generate(arrival.Options{
		Keys: -7, Skew: math.NaN(), Rate: -2, Duration: -time.Second, Warm: -3,
		BurstAt: -4 * time.Second, BurstFor: 5 * time.Second, BurstFactor: 0.5, BurstKeys: -6,
	})
	if err == nil {
		t.Fatal("Generate took options that are all wrong")
	}
	for _, want := range []string{
		"Keys is -7", "Skew is NaN", "Rate is -2", "Duration is -1s", "Warm is -3", "BurstAt is -4s", "BurstFactor is 0.5", "BurstKeys is -6",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

func TestGenerateRefuses(t *testing.T) {
	good := arrival.Options{Keys: 100, Skew: 1, Rate: 100, Duration: 10 * time.Second}
	for name, c := range map[string]struct {
		change func(*arrival.Options)
		want   string
	}{
		"no keys":        {func(o *arrival.Options) { o.Keys = 0 }, "Keys is 0"},
		"too many keys":  {func(o *arrival.Options) { o.Keys = 1 << 40 }, "Keys is 1099511627776"},
		"infinite skew":  {func(o *arrival.Options) { o.Skew = math.Inf(1) }, "Skew is +Inf"},
		"infinite rate":  {func(o *arrival.Options) { o.Rate = math.Inf(1) }, "Rate is +Inf"},
		"too many calls": {func(o *arrival.Options) { o.Rate = 1e9 }, "lower one of them"},
		"no call":        {func(o *arrival.Options) { o.Rate = 1e-9 }, "made no call"},
		"warm":           {func(o *arrival.Options) { o.Warm = 101 }, "Warm is 101"},
		"late burst":     {func(o *arrival.Options) { o.BurstAt, o.BurstFor, o.BurstFactor = 9*time.Second, 2*time.Second, 2 }, "does not end within"},
		"burst overflow": {func(o *arrival.Options) { o.BurstAt, o.BurstFor, o.BurstFactor = 1, math.MaxInt64, 2 }, "does not end within"},
		"burst keys":     {func(o *arrival.Options) { o.BurstFor, o.BurstFactor, o.BurstKeys = 1, 2, 101 }, "BurstKeys is 101"},
		"infinite burst": {func(o *arrival.Options) { o.BurstFor, o.BurstFactor = 1, math.Inf(1) }, "BurstFactor is +Inf"},
	} {
		o := good
		c.change(&o)
		if _, err := arrival.Generate(o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want one with %q", name, err, c.want)
		}
	}
}

func TestGenerateEdges(t *testing.T) {
	s := generate(t, arrival.Options{Keys: 1, Skew: 0.5, Rate: 50, Duration: time.Second, Warm: 1, Seed: 6,
		BurstFor: time.Second, BurstFactor: 1})
	if len(s.Keys) != 1 || len(s.Warm) != 1 {
		t.Errorf("%d keys and %d warm, want 1 and 1", len(s.Keys), len(s.Warm))
	}
	generate(t, arrival.Options{Keys: 100, Skew: 400, Rate: 50, Duration: time.Second, Seed: 7}) // shares that underflow
}
