package sim_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// TestPeakOfASample: where one key of 64 is followed, the peak is about that of
// all of them, whether many keys miss now and then, or all of them at once. The
// greatest of the scaled levels would be several times as high in the first case.
func TestPeakOfASample(t *testing.T) {
	const weight, keys, requests = 6, 60_000, 400_000
	load, err := sim.ParseLoader("p50=20ms,p99=100ms")
	if err != nil {
		t.Fatal(err)
	}
	set := sim.Setting{Loader: load, Seed: 5}
	random := rand.New(rand.NewPCG(7, 8))
	arms := []sim.Arm{
		{Name: "direct"},
		{Name: "cache", TTL: time.Minute, Coalesce: true},
		{Name: "herd", TTL: time.Minute, Coalesce: true, Start: sim.Herd, HerdAt: 30 * time.Second},
		{Name: "flushed", TTL: time.Hour, Coalesce: true, FlushEvery: 45 * time.Second},
	}
	var all sim.Trace
	sample := sim.NewStream(set, nil, arms...)
	at := int64(0)
	for range requests {
		at += int64(random.ExpFloat64() * float64(time.Millisecond) / 4)
		key := uint64(random.IntN(keys)) + 1
		all.Request(at, key, sim.Draw)
		if key%(1<<weight) == 0 {
			sample.Request(at, key, sim.Draw, weight)
		}
	}
	exact := all.Run(set, arms...)
	guessed, _ := sample.Close()
	for i, a := range exact {
		b := guessed[i]
		t.Logf("%-8s peak %4d at %v, of a sample %4d at %v", a.Arm.Name, a.Peak, a.PeakAt, b.Peak, b.PeakAt)
		if off := float64(b.Peak)/float64(a.Peak) - 1; math.Abs(off) > 0.35 {
			t.Errorf("%s: the peak is %d, of a sample %d", a.Arm.Name, a.Peak, b.Peak)
		}
	}
}
