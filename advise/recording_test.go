package advise_test

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/advise"
	"github.com/onefold-go/onefold/advise/sim"
	"github.com/onefold-go/onefold/advise/trace"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/record"
	"github.com/onefold-go/onefold/tier"
)

// serve has a cache asked for keys at random and recorded meanwhile.
func serve(t *testing.T, seed uint64, cfg tier.Config, calls int, took func(*rand.Rand) time.Duration) (file []byte, sums tier.Stats) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var written bytes.Buffer
		recorder, err := record.New(&written, record.Config{})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Name, cfg.Hooks = "profiles", recorder.Hooks(onefold.Hooks{})
		var mu sync.Mutex
		random := rand.New(rand.NewPCG(seed, 1))
		loads := func(_ context.Context, key string) (string, error) {
			mu.Lock()
			d := took(random)
			mu.Unlock()
			time.Sleep(d)
			return key, nil
		}
		cache, err := tier.New(loads, cfg, mem.New[string, string](mem.Config{}))
		if err != nil {
			t.Fatal(err)
		}
		arrivals := rand.New(rand.NewPCG(seed, 2))
		keys := rand.NewZipf(arrivals, 1.3, 4, 200)
		var wg sync.WaitGroup
		for range calls {
			time.Sleep(time.Duration(arrivals.ExpFloat64() * 1e6))
			key := strconv.FormatUint(keys.Uint64(), 10)
			wg.Go(func() {
				if v, err := cache.Get(t.Context(), key); v != key || err != nil {
					t.Errorf("Get(%q) = %q, %v", key, v, err)
				}
			})
		}
		wg.Wait()
		sums = cache.Stats()
		if err := cache.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := recorder.Close(); err != nil {
			t.Fatal(err)
		}
		file = written.Bytes()
	})
	return file, sums
}

func adviseOn(t *testing.T, file []byte, cfg advise.Config) (*advise.Report, trace.Summary) {
	t.Helper()
	source, err := trace.OpenReaders([]trace.Input{{Name: "recording", Reader: bytes.NewReader(file)}}, trace.Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = source.Close() }()
	r, err := advise.Run(source, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r, source.Summary()
}

// What a live cache counted is what the simulator finds from its recording, call
// by call: the same loads, joined by the same callers. In a cache a value's age
// counts from when its load began and in the simulator from when it was stored,
// which is the same where nothing expires, and where all loads take as long and
// the cache's TTL is that much more.
func TestARecordingGivesTheFiguresOfTheCache(t *testing.T) {
	const load = 15 * time.Millisecond
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, c := range []struct {
		what     string
		random   bool
		ttl      time.Duration // of the cache
		study    time.Duration
		fraction float64 // by which they may differ
	}{
		{what: "for ever", random: true, study: sim.Forever},
		{what: "a second", ttl: time.Second + load, study: time.Second},
		{what: "a second, with loads of all lengths", random: true, ttl: time.Second, study: time.Second, fraction: 0.06},
	} {
		t.Run(c.what, func(t *testing.T) {
			took := func(*rand.Rand) time.Duration { return load }
			if c.random {
				took = func(r *rand.Rand) time.Duration { return load/3 + time.Duration(r.ExpFloat64()*float64(load)*2/3) }
			}
			file, sums := serve(t, seed, tier.Config{TTL: c.ttl}, 20_000, took)
			r, sum := adviseOn(t, file, advise.Config{TTL: c.study, Safety: safe})
			if g := sum.Files[0].Guess; g.Format != trace.Recording {
				t.Fatalf("it is read as %v", g)
			}
			if rec := sum.Files[0].Recording; rec.Calls != 20_000 || rec.Loads != sums.Led || rec.Lone != 0 || sum.Files[0].Durations != sums.Led {
				t.Errorf("read %+v and %d durations, and the cache says %+v", rec, sum.Files[0].Durations, sums)
			}
			if r.Loader.Source != "measured" || r.Loader.Mean < load*4/5 || r.Loader.Mean > load*5/4 {
				t.Errorf("the loader is %+v, want one of %v, measured", r.Loader, load)
			}
			arm := armOf(t, r, "cache+coalescing")
			for _, f := range []struct {
				what string
				got  int64
				want uint64
			}{{"loads", arm.Loads, sums.Led}, {"hits", arm.Hits, sums.Hits}, {"calls that joined", arm.Joined, sums.Joined}} {
				// What differs in loads differs in the others too, by as many.
				if most := c.fraction * float64(sums.Led); math.Abs(float64(f.got)-float64(f.want)) > most {
					t.Errorf("%d %s, and the cache counted %d: they may differ by %.0f", f.got, f.what, f.want, most)
				}
			}
			if arm.Requests != 20_000 {
				t.Errorf("%d requests, want 20,000", arm.Requests)
			}
		})
	}
}

// Loads that ran behind callers give their durations too.
func TestARecordingOfARefreshingCacheHasItsLoads(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	file, sums := serve(t, seed, tier.Config{TTL: time.Second, StaleFor: time.Second}, 20_000, func(r *rand.Rand) time.Duration { return time.Duration(r.ExpFloat64() * 1e7) })
	_, sum := adviseOn(t, file, advise.Config{TTL: time.Second, Safety: safe})
	rec, durations := sum.Files[0].Recording, sum.Files[0].Durations
	if sums.Refreshes == 0 || rec.Loads != sums.Led+sums.Refreshes || durations+rec.Lone != rec.Loads {
		t.Errorf("read %+v and %d durations, and the cache says %+v", rec, durations, sums)
	}
	// The last of a key has no call behind it, nor have a few whose lines stand
	// before their call's, in another batch of the writer's.
	if rec.Lone > 201+rec.Loads/20 {
		t.Errorf("%d of %d loads have no call, want about one a key", rec.Lone, rec.Loads)
	}
}

func armOf(t *testing.T, r *advise.Report, id string) *advise.Arm {
	t.Helper()
	for i := range r.Arms {
		if r.Arms[i].ID == id {
			return &r.Arms[i]
		}
	}
	t.Fatalf("there is no arm %s", id)
	return nil
}
