package live_test

import (
	"bytes"
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/advise/trace/tracegen"
	"github.com/onefold-go/onefold/cmd/onefold/internal/advising/live"
)

// made is the requests of a workload, through a file and its reader.
func made(t *testing.T, w tracegen.Workload) []live.Request {
	t.Helper()
	var file bytes.Buffer
	if err := tracegen.Write(&file, trace.CSV, tracegen.Recording, w); err != nil {
		t.Fatal(err)
	}
	source, err := trace.OpenReaders([]trace.Input{{Name: "made", Reader: &file}}, trace.Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = source.Close() }()
	all, err := live.Requests(source, 1e6)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// near says whether two figures agree within a share of the greater, or an
// absolute difference.
func near(a, b, share, least float64) bool {
	return math.Abs(a-b) <= max(share*max(math.Abs(a), math.Abs(b)), least)
}

// The library, in a bubble whose clock is exact, does what the simulator says.
func TestTheLibraryDoesWhatIsPredicted(t *testing.T) {
	for _, w := range []struct {
		name string
		load tracegen.Workload
		arm  sim.Arm
	}{
		{"hot keys", tracegen.Workload{Seed: 1, Requests: 20_000, Rate: 500, Keys: 200, Skew: 1}, sim.Arm{TTL: time.Second, Coalesce: true}},
		{"jitter", tracegen.Workload{Seed: 2, Requests: 20_000, Rate: 500, Keys: 200, Skew: 1}, sim.Arm{TTL: time.Second, Coalesce: true, Jitter: 0.1}},
		{"bursts", tracegen.Workload{Seed: 3, Requests: 20_000, Rate: 100, Keys: 2000, Skew: 0.8, BurstEvery: time.Second, BurstSize: 50, BurstWithin: 10 * time.Millisecond}, sim.Arm{TTL: 10 * time.Second, Coalesce: true}},
		{"no cache", tracegen.Workload{Seed: 4, Requests: 20_000, Rate: 500, Keys: 100, Skew: 1}, sim.Arm{Coalesce: true}},
		{"stale window", tracegen.Workload{Seed: 5, Requests: 20_000, Rate: 500, Keys: 200, Skew: 1}, sim.Arm{TTL: time.Second, Coalesce: true, Stale: time.Second}},
		{"writes", tracegen.Workload{Seed: 6, Requests: 20_000, Rate: 500, Keys: 200, Skew: 1, Deletes: 0.05}, sim.Arm{TTL: 5 * time.Second, Coalesce: true}},
	} {
		t.Run(w.name, func(t *testing.T) {
			w.load.Load = tracegen.LogNormal(20*time.Millisecond, 200*time.Millisecond)
			all := made(t, w.load)
			plan := live.Plan{PerRecord: true, Arm: w.arm, Setting: sim.Setting{Seed: 1, SLO: 50 * time.Millisecond}}
			want := live.Predict(all, plan)
			var got live.Figures
			synctest.Test(t, func(t *testing.T) {
				var err error
				if got, err = live.Replay(context.Background(), all, plan); err != nil {
					t.Error(err)
				}
			})
			if got.Requests != want.Requests || got.Failed != 0 {
				t.Errorf("%d requests and %d failed, want %d and none", got.Requests, got.Failed, want.Requests)
			}
			for name, pair := range map[string][2]float64{
				"loads":  {float64(got.Loads), float64(want.Loads)},
				"hits":   {float64(got.Hits + got.Stale), float64(want.Hits + want.Stale)},
				"joined": {float64(got.Joined), float64(want.Joined)},
				"mean":   {float64(got.Mean), float64(want.Mean)},
			} {
				// Ages count from a load's begin in the library and from its end in
				// the simulator. Jitter is drawn apart, and by the library anew in
				// each run: who joins varies far more by that than who loads.
				by := 0.07
				if plan.Arm.Jitter > 0 && (name == "joined" || name == "mean") {
					by = 0.5
				}
				if !near(pair[0], pair[1], by, 20) {
					t.Errorf("%s: %.0f, predicted %.0f", name, pair[0], pair[1])
				}
			}
			t.Logf("%+v, predicted %+v", got, want)
		})
	}
}

func TestBusiest(t *testing.T) {
	at := func(ms ...int) (all []live.Request) {
		for _, n := range ms {
			all = append(all, live.Request{At: time.Duration(n) * time.Millisecond})
		}
		return all
	}
	got := live.Busiest(at(0, 100, 110, 115, 119, 200, 201), 20*time.Millisecond)
	if len(got) != 4 || got[0].At != 0 || got[3].At != 19*time.Millisecond {
		t.Errorf("Busiest = %v", got)
	}
	if got := live.Busiest(nil, time.Second); len(got) != 0 {
		t.Errorf("Busiest of nothing = %v", got)
	}
}
