package advise_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/sim"
)

// TestLRU holds the curve to a list that is searched: the same hits for each TTL
// and capacity, as long as no key has to be left out.
func TestLRU(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ttls := []time.Duration{1, 30, 200, sim.Forever}
		c := advise.NewLRU(ttls)
		sizes := c.Sizes()[:2] // 16 and 64
		type entry struct {
			key    uint64
			expiry int64
		}
		lists := make([][]entry, len(ttls)*len(sizes)) // latest first
		hits := make([]int, len(lists))
		now, n := int64(0), rapid.IntRange(1, 400).Draw(t, "requests")
		keys := rapid.Uint64Range(1, 100).Draw(t, "keys")
		seed := rapid.Uint64().Draw(t, "seed")
		random := rand.New(rand.NewPCG(seed, 1))
		for range n {
			now += random.Int64N(5)
			key := random.Uint64N(keys)
			if random.IntN(20) == 0 {
				c.Drop(key)
				for i := range lists {
					for j := range lists[i] {
						if lists[i][j].key == key {
							lists[i][j].expiry = 0
						}
					}
				}
				continue
			}
			c.Add(now, key)
			for i := range lists {
				ttl, size := ttls[i/len(sizes)], int(sizes[i%len(sizes)])
				e := entry{key, math.MaxInt64}
				if ttl != sim.Forever {
					e.expiry = now + int64(ttl)
				}
				for j, old := range lists[i] {
					if old.key == key {
						if now < old.expiry {
							hits[i]++
							e = old
						}
						lists[i] = append(lists[i][:j], lists[i][j+1:]...)
						break
					}
				}
				lists[i] = append([]entry{e}, lists[i]...)
				lists[i] = lists[i][:min(len(lists[i]), size)]
			}
		}
		for i := range lists {
			got, total, want := c.Ratio(i/len(sizes), i%len(sizes)), c.Total(), float64(hits[i])
			if math.Abs(got*total-want) > 1e-6 {
				t.Fatalf("TTL %v, %d entries: %v hits of %v, want %v", ttls[i/len(sizes)], sizes[i%len(sizes)], got*total, total, want)
			}
		}
	})
}

// TestLRUSample: with more keys than it follows, ratios are within 0.01.
func TestLRUSample(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	z := rand.NewZipf(random, 1.1, 10, 1<<20)
	tr := new(sim.Trace)
	sizes := advise.NewLRU(nil).Sizes()
	last := map[uint64]int{}
	hits := make([]int, len(sizes))
	const n = 200_000
	// A Fenwick tree over requests that are the latest of their key.
	tree := make([]int, n+2)
	add := func(i, by int) {
		for i++; i < len(tree); i += i & -i {
			tree[i] += by
		}
	}
	sum := func(i int) (s int) {
		for i++; i > 0; i -= i & -i {
			s += tree[i]
		}
		return s
	}
	for i := range n {
		key := z.Uint64()
		tr.Request(int64(i), key, sim.Draw)
		if at, seen := last[key]; seen {
			distance := len(last) - sum(at)
			for j, size := range sizes {
				if distance < int(size) {
					hits[j]++
				}
			}
			add(at, -1)
		}
		last[key] = i
		add(i, 1)
	}
	c := advise.LRUOf(tr, []time.Duration{time.Hour})
	for j, size := range sizes {
		got, want := c.Ratio(0, j), float64(hits[j])/n
		t.Logf("%d entries: %.4f, want %.4f", size, got, want)
		if math.Abs(got-want) > 0.01 {
			t.Errorf("%d entries: hit ratio %.4f, want %.4f", size, got, want)
		}
	}
}

func TestFrequent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := rapid.IntRange(1, 8).Draw(t, "room")
		keys := rapid.SliceOf(rapid.Uint64Range(0, 12)).Draw(t, "keys")
		truth := map[uint64]int64{}
		for _, k := range keys {
			truth[k]++
		}
		left := advise.Count(room, keys)
		for k, n := range truth {
			certain, counted := left[k]
			if certain > n {
				t.Fatalf("key %d is said to have had %d for certain, and had %d", k, certain, n)
			}
			if !counted && n*int64(room) > int64(len(keys)) {
				t.Fatalf("key %d had %d of %d and is not among %d", k, n, len(keys), room)
			}
		}
	})
}

func TestArrivals(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	fill := func(stamp func(t float64, i int) int64) *advise.Arrivals {
		a := new(advise.Arrivals)
		now := 0.0
		for i := range 50_000 {
			now += random.ExpFloat64() * 1e6 // 1000 a second
			a.Add(stamp(now, i))
		}
		return a
	}
	exact := fill(func(t float64, _ int) int64 { return int64(t) })
	if cv := exact.CV(); math.Abs(cv-1) > 0.03 {
		t.Errorf("a Poisson process has gaps with a CV of %v", cv)
	}
	for i := range 3 {
		if f := exact.Fano(i); math.Abs(f-1) > 0.5 {
			t.Errorf("a Poisson process has a Fano factor of %v in window %d", f, i)
		}
	}
	if tick := exact.Tick(); tick != 1 {
		t.Errorf("ns are known to %v", tick)
	}
	if tick := fill(func(t float64, _ int) int64 { return int64(t) / 1e6 * 1e6 }).Tick(); tick != time.Millisecond {
		t.Errorf("ms are known to %v", tick)
	}
	if tick := fill(func(t float64, _ int) int64 { return int64(t) / 1e9 * 1e9 }).Tick(); tick != time.Second {
		t.Errorf("seconds are known to %v", tick)
	}
	// Written in ms, in batches about every two seconds.
	batch := int64(0)
	tick := fill(func(t float64, i int) int64 {
		if i%2000 == 0 {
			batch = int64(t) / 1e6 * 1e6
		}
		return batch
	}).Tick()
	if tick < time.Second || tick > 4*time.Second {
		t.Errorf("batches of two seconds are known to %v", tick)
	}
}

// TestBootstrapCovers: about 95 of 100 intervals hold the truth.
func TestBootstrapCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 3))
	covered := 0
	const trials = 200
	for trial := range uint64(trials) {
		rows := make([][]float64, 60)
		for i := range rows {
			rows[i] = []float64{10 + random.NormFloat64()}
		}
		if i := advise.Bootstrap(rows, trial); i.Low <= 600 && 600 <= i.High {
			covered++
		}
	}
	t.Logf("%d of %d", covered, trials)
	if covered < trials*88/100 || covered == trials {
		t.Errorf("%d of %d intervals of 95 %% hold the truth", covered, trials)
	}
}

func TestConfigRefuses(t *testing.T) {
	bad := advise.Config{
		TTL: -1, SLO: advise.SLO{Quantile: 2}, Source: advise.Source{MaxRPS: math.NaN()}, Entries: 1, MemoryBytes: 1, MaxKeys: 10, HeavyKeys: 10,
		Start: sim.Herd, Current: &sim.Arm{Jitter: 3}, Safety: advise.Safety{ReadOnly: advise.Reply{Answer: 7}}, Processes: -1,
	}
	_, err := advise.New(bad)
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range []string{"TTL is -1ns", "SLO.Quantile is 2", "MaxRPS is NaN", "MemoryBytes is 1", "HeavyKeys is 10", "Start is 2", "Jitter is 3", "read_only", "Processes is -1"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in %v", word, err)
		}
	}
	if _, err := advise.New(advise.Config{MaxStale: 1}); err == nil {
		t.Error("stale values that may not be kept: no error")
	}
	if _, err := advise.Run(maker(1).poisson(10, time.Second, func() uint64 { return 1 }), advise.Config{}); err != advise.ErrNoLoader {
		t.Errorf("no loader: %v", err)
	}
}
