package tracegen_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/advise/trace/tracegen"
)

func write(t testing.TB, f trace.Format, d tracegen.Dialect, w tracegen.Workload) string {
	t.Helper()
	var b bytes.Buffer
	if err := tracegen.Write(&b, f, d, w); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheSameWorkloadGivesTheSameBytes(t *testing.T) {
	for f := trace.CSV; f <= trace.OpenStack; f++ {
		if f == trace.Template || f == trace.Text {
			continue
		}
		w := tracegen.UserProfile(3, 2000)
		w.Twice, w.Shuffle = 0.1, 20
		if write(t, f, "", w) != write(t, f, "", w) {
			t.Errorf("%v: two writings differ", f)
		}
	}
}

func TestArrivalsAreAPoissonProcess(t *testing.T) {
	w := tracegen.Workload{Seed: 1, Requests: 200_000, Rate: 500}
	var sum, squares float64
	last := time.Duration(0)
	for a := range w.All() {
		gap := (a.At - last).Seconds()
		last = a.At
		sum += gap
		squares += gap * gap
	}
	n := float64(w.Requests)
	mean := sum / n
	cv := math.Sqrt(squares/n-mean*mean) / mean
	if math.Abs(mean*500-1) > 0.01 || math.Abs(cv-1) > 0.02 {
		t.Errorf("the mean gap is %v s, want 0.002; its coefficient of variation %v, want 1", mean, cv)
	}
}

func TestKeysFollowZipf(t *testing.T) {
	for _, skew := range []float64{0, 0.7, 1, 1.3} {
		w := tracegen.Workload{Seed: 1, Requests: 300_000, Keys: 100, Skew: skew}
		counts := make([]float64, 100)
		for a := range w.All() {
			counts[a.Key]++
		}
		total := 0.0
		for i := range 100 {
			total += math.Pow(float64(i+1), -skew)
		}
		for i, n := range counts {
			want := 300_000 * math.Pow(float64(i+1), -skew) / total
			if math.Abs(n-want) > 5*math.Sqrt(want)+1 {
				t.Errorf("skew %v: key %d comes %v times, want about %.0f", skew, i, n, want)
			}
		}
	}
}

func TestBurstsAndWarmStart(t *testing.T) {
	w := tracegen.Workload{
		Seed: 1, Requests: 10_000, Rate: 100, Keys: 1000, BurstEvery: 10 * time.Second, BurstSize: 50, BurstWithin: 10 * time.Millisecond,
		Warm: 200, WarmWithin: time.Second,
	}
	var at []time.Duration
	warm := make(map[int]bool)
	inBurst := make(map[time.Duration]map[int]int)
	for a := range w.All() {
		at = append(at, a.At)
		if a.At < time.Second {
			warm[a.Key] = true
		}
		if a.At%(10*time.Second) < 10*time.Millisecond && a.At > time.Second {
			b := a.At / (10 * time.Second)
			if inBurst[b] == nil {
				inBurst[b] = make(map[int]int)
			}
			inBurst[b][a.Key]++
		}
	}
	if !slices.IsSorted(at) {
		t.Error("accesses are out of order")
	}
	if len(warm) < 200 {
		t.Errorf("%d keys are asked for in the first second, want the 200 of the warm start", len(warm))
	}
	for b := range at[len(at)-1] / (10 * time.Second) {
		most := 0
		for _, n := range inBurst[b+1] {
			most = max(most, n)
		}
		if most < 50 {
			t.Errorf("burst %d has %d requests of one key, want 50", b+1, most)
		}
	}
}

func TestLoadTimes(t *testing.T) {
	w := tracegen.Workload{Seed: 1, Requests: 50_000, Load: tracegen.Sometimes(0.1, tracegen.Constant(time.Hour), tracegen.LogNormal(10*time.Millisecond, 100*time.Millisecond))}
	var loads []time.Duration
	slow := 0
	for a := range w.All() {
		if a.Load == time.Hour {
			slow++
			continue
		}
		loads = append(loads, a.Load)
	}
	slices.Sort(loads)
	p50, p99 := loads[len(loads)/2], loads[len(loads)*99/100]
	if slow < 4700 || slow > 5300 || p50 < 9500*time.Microsecond || p50 > 10500*time.Microsecond || p99 < 90*time.Millisecond || p99 > 110*time.Millisecond {
		t.Errorf("%d slow loads, p50 %v, p99 %v", slow, p50, p99)
	}
}

func TestPlainLinesHave38Bytes(t *testing.T) {
	lines := strings.Split(write(t, trace.CSV, tracegen.Plain, tracegen.Workload{Requests: 3}), "\n")
	if len(lines[1])+1 != 38 {
		t.Errorf("%q has %d bytes with its end, want 38", lines[1], len(lines[1])+1)
	}
}

func TestWorkloadsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, w := range []tracegen.Workload{
		{Requests: -1}, {Rate: math.NaN()}, {Skew: -1}, {Writes: 2}, {TTL: -1}, {Keys: 1 << 40},
	} {
		if err := tracegen.Write(&bytes.Buffer{}, trace.CSV, "", w); err == nil || !strings.Contains(err.Error(), "tracegen: Workload.") {
			t.Errorf("%+v gives %v", w, err)
		}
	}
	if err := tracegen.Write(&bytes.Buffer{}, trace.Text, "", tracegen.Workload{}); err == nil {
		t.Error("text by a pattern can be written")
	}
}

func ExampleWrite() {
	w := tracegen.Workload{Seed: 1, Requests: 3, Keys: 10, Skew: 0.9}
	var b bytes.Buffer
	if err := tracegen.Write(&b, trace.Twitter, tracegen.Usual, w); err != nil {
		fmt.Println(err)
	}
	fmt.Print(b.String())
	// Output:
	// 0,items:7,7,5533,867,get,0
	// 0,items:6,7,7614,806,get,0
	// 0,items:7,7,5533,182,get,0
}

func ExampleWorkload_All() {
	for a := range tracegen.UserProfile(1, 3).All() {
		fmt.Println(a.At.Round(time.Microsecond), a.Key, a.Load.Round(time.Microsecond))
	}
	// Output:
	// 441µs 533 16.976ms
	// 512µs 61643 11.774ms
	// 1.075ms 623 7.558ms
}

func ExampleLogNormal() {
	load := tracegen.LogNormal(20*time.Millisecond, 200*time.Millisecond)
	fmt.Println(load(rand.New(rand.NewPCG(1, 1))).Round(time.Microsecond))
	// Output: 49.05ms
}

func ExampleSometimes() {
	load := tracegen.Sometimes(0.5, tracegen.Constant(time.Second), tracegen.Constant(time.Millisecond))
	r := rand.New(rand.NewPCG(1, 1))
	fmt.Println(load(r), load(r), load(r))
	// Output: 1s 1ms 1ms
}
