package memcached_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// Four processes share a memcached. In each cycle of a hot key one of them
// loads, whatever it is that makes them look, and also where memcached's clock
// steps between theirs.
//
// SPEC: F04, R14
func TestFleetLoadsOnceACycle(t *testing.T) {
	const ttl, took, fleet = 10 * time.Second, 100 * time.Millisecond, 4
	for name, tt := range map[string]struct {
		cfg   tier.Config
		least time.Duration // between two loads
		waits bool          // a caller may
	}{
		"early": {tier.Config{TTL: ttl, EarlyRefresh: 1}, ttl - 40*took, false},
		"stale": {tier.Config{TTL: ttl, StaleFor: ttl}, ttl, false},
		"both":  {tier.Config{TTL: ttl, StaleFor: ttl, EarlyRefresh: 1}, ttl - 40*took, false},
		"none":  {tier.Config{TTL: ttl}, ttl, true},
	} {
		for _, ahead := range []time.Duration{0, 700 * time.Millisecond} {
			t.Run(fmt.Sprint(name, ", ahead ", ahead), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var (
						f     = &fake{ahead: ahead}
						mu    sync.Mutex
						began []time.Time
						wg    sync.WaitGroup
					)
					load := func(context.Context, string) (int64, error) {
						mu.Lock()
						began = append(began, time.Now())
						mu.Unlock()
						time.Sleep(took)
						return 1, nil
					}
					start := time.Now()
					for range fleet {
						c := cache(t, f.at(t), true, tt.cfg, load)
						wg.Go(func() {
							for first := true; time.Since(start) < 6*ttl; first = false {
								asked := time.Now()
								if v, err := c.Get(t.Context(), "k"); v != 1 || err != nil {
									t.Errorf("Get = %d, %v", v, err)
								}
								if waited := time.Since(asked); waited > 0 && !first && !tt.waits {
									t.Errorf("a caller waited %v", waited)
								}
								time.Sleep(29 * time.Millisecond)
							}
						})
					}
					wg.Wait()
					for i := 1; i < len(began); i++ {
						if d := began[i].Sub(began[i-1]); d < tt.least {
							t.Errorf("load %d came %v after the one before, want %v at least", i, d, tt.least)
							break
						}
					}
					if len(began) < 4 {
						t.Errorf("%d loads in 6 cycles", len(began))
					}
				})
			})
		}
	}
}

// Many keys are loaded once by two processes that ask for them at once.
//
// SPEC: R14
func TestFleetLoadsManyKeysOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		var loads atomic.Int64
		load := func(context.Context, string) (int64, error) {
			loads.Add(1)
			time.Sleep(20 * time.Millisecond)
			return 1, nil
		}
		keys := make([]string, 100)
		for i := range keys {
			keys[i] = fmt.Sprint(i)
		}
		var wg sync.WaitGroup
		for range 3 {
			c := cache(t, f.at(t), true, tier.Config{TTL: time.Minute}, load)
			wg.Go(func() {
				for i, r := range c.GetMany(t.Context(), keys) {
					if r.Value != 1 || r.Err != nil {
						t.Errorf("key %d: %d, %v; want 1", i, r.Value, r.Err)
					}
				}
			})
		}
		wg.Wait()
		if n := loads.Load(); n != 100 {
			t.Errorf("%d loads of 100 keys, want one each", n)
		}
	})
}

// A tag that one process invalidates is invalid in another within TagPoll.
func TestTagsOfAFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		var version atomic.Int64
		load := func(context.Context, string, tier.Prior[int64]) (tier.Loaded[int64], error) {
			return tier.Loaded[int64]{Value: version.Load(), Tags: []string{"tag"}}, nil
		}
		process := func() *tier.Cache[string, int64] {
			far := tier.Encoded(f.at(t), codec.StringKey[string], codec.JSON[int64]())
			c, err := tier.NewSource(tier.Source[string, int64]{LoadEntry: load}, tier.Config{TTL: time.Hour}, mem.New[string, int64](mem.Config{}), far)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close(context.Background()) })
			return c
		}
		p, q := process(), process()
		want := func(c *tier.Cache[string, int64], want int64) {
			t.Helper()
			if v, err := c.Get(t.Context(), "k"); v != want || err != nil {
				t.Errorf("Get = %d, %v; want %d", v, err, want)
			}
		}
		for v := range int64(5) {
			version.Store(v)
			if err := p.InvalidateTag(t.Context(), "tag"); err != nil {
				t.Fatal(err)
			}
			want(p, v)
			time.Sleep(tier.DefaultTagPoll)
			synctest.Wait()
			want(q, v)
		}
		f.restart() // the table is lost: whatever has tags is
		version.Store(9)
		time.Sleep(2 * tier.DefaultTagPoll)
		synctest.Wait()
		want(q, 9)
	})
}

// However a holder's load fails, those who wait in other processes load at once.
//
// SPEC: X10
func TestFleetWhoseHolderFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		errSource := errors.New("source is down")
		failing := cache(t, f.at(t), true, tier.Config{}, func(context.Context, string) (int64, error) {
			time.Sleep(time.Second)
			return 0, errSource
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := failing.Get(t.Context(), "k"); !errors.Is(err, errSource) {
				t.Errorf("Get = %v, want the source's error", err)
			}
		})
		time.Sleep(100 * time.Millisecond)
		began := time.Now()
		for range 5 {
			c := cache(t, f.at(t), true, tier.Config{}, func(context.Context, string) (int64, error) {
				time.Sleep(time.Second)
				return 1, nil
			})
			wg.Go(func() {
				v, err := c.Get(t.Context(), "k")
				if took := time.Since(began); v != 1 || err != nil || took > 2100*time.Millisecond {
					t.Errorf("after %v, Get = %d, %v; want 1 after one more load", took, v, err)
				}
			})
		}
		wg.Wait()
	})
}

// A cache over a value that is too large for memcached serves it, and keeps
// nobody in other processes waiting.
func TestFleetWithALargeValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		load := func(context.Context, string) ([]byte, error) {
			time.Sleep(time.Second)
			return make([]byte, 2<<20), nil
		}
		var wg sync.WaitGroup
		for range 5 {
			c, err := tier.New(load, tier.Config{TTL: time.Hour}, mem.New[string, []byte](mem.Config{}), tier.Encoded(f.at(t), codec.StringKey[string], codec.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close(context.Background()) })
			wg.Go(func() {
				began := time.Now()
				v, err := c.Get(t.Context(), "k")
				if took := time.Since(began); len(v) != 2<<20 || err != nil || took > 2200*time.Millisecond {
					t.Errorf("after %v, Get = %d bytes, %v; want 2 MB after two loads at most", took, len(v), err)
				}
			})
		}
		wg.Wait()
	})
}

// A faulty connection gives what it reads in pieces, and breaks in the middle of
// some of them.
type faulty struct {
	net.Conn
	mu  sync.Mutex
	rng *rand.Rand
	on  *atomic.Bool
}

func (c *faulty) Read(b []byte) (int, error) {
	if c.on.Load() {
		c.mu.Lock()
		piece, breaks := 1+c.rng.IntN(40), c.rng.IntN(2000) == 0
		c.mu.Unlock()
		if breaks {
			_ = c.Close()
			return 0, net.ErrClosed
		}
		b = b[:min(len(b), piece)]
	}
	return c.Conn.Read(b)
}

// Connections that break at any time, with answers and leases on them, make
// nobody see what was deleted, nor wait for ever.
//
// SPEC: R17, L03, S02
func TestConnectionsThatBreak(t *testing.T) {
	s := start(t)
	seed := rand.Uint64() //nolint:gosec // a seed
	t.Logf("seed %d", seed)
	var on atomic.Bool
	var conns atomic.Uint64
	cfg := memcached.Config{Servers: []string{s.Addr}, Dial: func(ctx context.Context, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		return &faulty{Conn: conn, rng: rand.New(rand.NewPCG(seed, conns.Add(1))), on: &on}, nil //nolint:gosec // no secret
	}}
	const keys = 3
	var (
		source, deleted [keys]atomic.Int64
		wg              sync.WaitGroup
	)
	load := func(_ context.Context, key string) (int64, error) { return source[key[0]-'0'].Load(), nil }
	var caches []*tier.Cache[string, int64]
	for range 8 {
		caches = append(caches, cache(t, open(t, cfg), false, tier.Config{TTL: time.Minute, LeaseTTL: 50 * time.Millisecond, StaleFor: time.Minute}, load))
	}
	on.Store(true)
	for i, c := range caches {
		rng := rand.New(rand.NewPCG(seed, uint64(1000+i))) //nolint:gosec // no secret
		wg.Go(func() {
			for n := 0; n < 250 || conns.Load() < 20 && n < 10_000; n++ {
				k := rng.IntN(keys)
				key := string(rune('0' + k))
				if rng.IntN(8) == 0 {
					v := source[k].Add(1)
					for c.Delete(t.Context(), key) != nil {
						time.Sleep(time.Millisecond) // as a caller would come again
					}
					for old := deleted[k].Load(); old < v && !deleted[k].CompareAndSwap(old, v); {
						old = deleted[k].Load()
					}
					continue
				}
				least := deleted[k].Load()
				if v, err := c.Get(t.Context(), key); err != nil || v < least {
					t.Errorf("seed %d: Get = %d, %v; want %d or more", seed, v, err, least)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := conns.Load(); n < 20 {
		t.Errorf("%d connections in all: none has broken", n)
	}
}
