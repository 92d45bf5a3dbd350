package arrival_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/arrival"
)

func TestCoarseStampsAreSpread(t *testing.T) {
	const data = "time,key\n1700000000,a\n1700000000,b\n1700000000,c\n1700000000,d\n1700000001,e\n1700000003,f\n1700000003,g\n"
	s := read(t, data, arrival.TraceOptions{})
	if got, want := script(s), "0s a, 250ms b, 500ms c, 750ms d, 1s e, 3s f, 3.5s g"; got != want {
		t.Errorf("the calls are %s, want %s", got, want)
	}
	mustSay(t, "a note", notes(s), "4 of 7 calls share one", "tick of 1s", "spread evenly")

	// Few gaps are no proof of a tick of 50 seconds.
	s = read(t, "time,key\n1700000000,a\n1700000000,b\n1700000050,c\n", arrival.TraceOptions{})
	if got, want := script(s), "0s a, 500ms b, 50s c"; got != want {
		t.Errorf("the calls are %s, want %s", got, want)
	}

	s = read(t, data, arrival.TraceOptions{KeepStamps: true})
	if got, want := script(s), "0s a, 0s b, 0s c, 0s d, 1s e, 3s f, 3s g"; got != want {
		t.Errorf("kept as they are the calls are %s, want %s", got, want)
	}
	mustSay(t, "a note", notes(s), "4 of 7 calls share one", "ticks of 1s", "kept")
}

// table writes calls as csv, in nanoseconds.
func table(times []time.Duration) string {
	var b strings.Builder
	b.WriteString("ts_ns,key\n")
	for i, at := range times {
		fmt.Fprintf(&b, "%d,%d\n", at, i%50)
	}
	return b.String()
}

func TestTicksAreFoundByTheStamps(t *testing.T) {
	const seed = 10
	t.Logf("seed %d", seed)
	for name, c := range map[string]struct {
		step func(i int, draw *rand.Rand) time.Duration // from one call to the next
		want string                                     // in a note; empty: no note on coarse stamps
	}{
		"Poisson":       {func(_ int, d *rand.Rand) time.Duration { return time.Duration(d.ExpFloat64() * 1e7) }, ""},
		"Poisson in ms": {func(_ int, d *rand.Rand) time.Duration { return time.Duration(d.ExpFloat64()*100) * time.Millisecond }, ""},
		"dense in ms":   {func(_ int, d *rand.Rand) time.Duration { return time.Duration(d.IntN(2)) * time.Millisecond }, "tick of 1ms"},
		"dense in us":   {func(_ int, d *rand.Rand) time.Duration { return time.Duration(d.IntN(2)) * time.Microsecond }, ""},
		"in seconds":    {func(_ int, d *rand.Rand) time.Duration { return time.Duration(d.IntN(3)) * time.Second }, "tick of 1s"},
		"in minutes":    {func(_ int, d *rand.Rand) time.Duration { return time.Duration(d.IntN(3)) * time.Minute }, "tick of 1m0s"},
		"rare seconds":  {func(i int, _ *rand.Rand) time.Duration { return time.Duration(i%11/10) * 40 * time.Second }, "tick of 40s"},
		"batches of ms": {func(i int, d *rand.Rand) time.Duration {
			if i%10 != 9 {
				return 0
			}
			return 2*time.Second + time.Duration(d.IntN(9))*time.Millisecond
		}, "tick of 2.00"},
		"several keys at once": {func(i int, d *rand.Rand) time.Duration {
			if i%4 != 3 {
				return 0
			}
			return time.Duration(d.ExpFloat64()*1e6) * time.Microsecond
		}, ""},
		"one moment": {func(int, *rand.Rand) time.Duration { return 0 }, "replayed at one moment"},
	} {
		t.Run(name, func(t *testing.T) {
			draw := rand.New(rand.NewPCG(seed, 0))
			times := make([]time.Duration, 2000)
			for i := range times[1:] {
				times[i+1] = times[i] + c.step(i, draw)
			}
			s := read(t, table(times), arrival.TraceOptions{})
			mustSay(t, "a note", notes(s), c.want)
			if c.want == "" && strings.Contains(notes(s), "coarse") {
				t.Errorf("fine stamps are taken for coarse:\n%s", notes(s))
			}
			for i, call := range s.Calls { // spreading never passes the next stamp
				if call.At < times[i] {
					t.Fatalf("call %d moved from %v back to %v", i, times[i], call.At)
				}
			}
		})
	}
}

func TestTwinsAreNoted(t *testing.T) {
	var times []time.Duration
	for i := range 100 {
		times = append(times, time.Duration(i)*10*time.Millisecond)
	}
	s := read(t, table(times), arrival.TraceOptions{})
	if strings.Contains(notes(s), "twice") {
		t.Errorf("single records are taken for twins:\n%s", notes(s))
	}
	var twice strings.Builder
	twice.WriteString("ts_ns,key\n")
	for i, at := range times {
		fmt.Fprintf(&twice, "%d,%d\n%d,%d\n", at, i, at+2000, i)
	}
	s = read(t, twice.String(), arrival.TraceOptions{})
	if len(s.Calls) != 200 {
		t.Errorf("%d calls, want all 200", len(s.Calls))
	}
	mustSay(t, "a note", notes(s), "100 of 200 calls come within 100 us", "twice")

	s = read(t, "time,key\n1,a\n1,a\n2,b\n3,c\n", arrival.TraceOptions{TimeUnit: "s"})
	mustSay(t, "a note", notes(s), "lines the same as the line before them: 1", "twice")
}
