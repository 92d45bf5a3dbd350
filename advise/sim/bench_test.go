package sim_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/onefold-go/onefold/advise/sim"
)

// zipf gives n requests over keys, skewed as web traffic is, 100 a millisecond.
func zipf(n int, give func(t int64, key uint64)) {
	random := rand.New(rand.NewPCG(1, 2))
	z := rand.NewZipf(random, 1.1, 8, 1<<20)
	for i := range n {
		give(int64(i)*10_000+random.Int64N(10_000), z.Uint64()*0x9e3779b97f4a7c15)
	}
}

var arms = []sim.Arm{
	{},
	{Coalesce: true},
	{TTL: time.Minute},
	{TTL: time.Minute, Jitter: 0.1},
	{TTL: time.Minute, Coalesce: true},
	{TTL: time.Minute, Coalesce: true, Jitter: 0.1},
}

func setting(b *testing.B) sim.Setting {
	l, err := sim.ParseLoader("p50=20ms,p99=200ms")
	if err != nil {
		b.Fatal(err)
	}
	return sim.Setting{Loader: l, SLO: 50 * time.Millisecond, Seed: 1, PerKey: true}
}

// BenchmarkTrace is one request over six arms.
func BenchmarkTrace(b *testing.B) {
	set := setting(b)
	var tr sim.Trace
	zipf(b.N, func(t int64, key uint64) { tr.Request(t, key, sim.Draw) })
	b.ReportAllocs()
	b.ResetTimer()
	tr.Compare(set, [][2]int{{2, 4}}, arms...)
}

// BenchmarkStream is one request over six arms.
func BenchmarkStream(b *testing.B) {
	type r struct {
		t   int64
		key uint64
	}
	var list []r
	zipf(b.N, func(t int64, key uint64) { list = append(list, r{t, key}) })
	s := sim.NewStream(setting(b), [][2]int{{2, 4}}, arms...)
	b.ReportAllocs()
	b.ResetTimer()
	for _, r := range list {
		s.Request(r.t, r.key, sim.Draw, 0)
	}
	s.Close()
}
