package redis_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/tier"
)

// Processes read and write keys whose values are versions, while the network
// and the server have every fault in turn. In its own process, no value is older
// than a write that returned before it was asked for. When all is calm again,
// none is anywhere: not in another process, and not in the server.
//
// SPEC: L03, R03, R11, R17, X05, X09
func TestHistoriesUnderFaults(t *testing.T) {
	const (
		processes = 4
		callers   = 3
		keys      = 4
	)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := startRedis(t)
	var (
		source [keys]atomic.Int64
		acked  [processes][keys]atomic.Int64
		ops    atomic.Int64
		over   atomic.Bool
		wg     sync.WaitGroup
	)
	load := func(_ context.Context, key string) (string, error) {
		v := source[atoi(t, key)].Load()
		return strconv.FormatInt(v, 10), nil
	}
	check := func(step string, key int, least int64, v string, err error) {
		if got, cerr := strconv.ParseInt(v, 10, 64); err != nil || cerr != nil || got < least {
			t.Errorf("seed %d: %s of key %d = %q, %v; want version %d at least", seed, step, key, v, err, least)
		}
	}
	var (
		proxies [processes]*proxy
		all     [processes]process
	)
	cfg := tier.Config{FarBudget: 100 * time.Millisecond, LeaseTTL: 500 * time.Millisecond}
	for i := range all {
		proxies[i] = startProxy(t, s.Addr)
		o := quick
		o.Poll = 50 * time.Millisecond
		all[i] = newProcess(t, open(t, url(proxies[i].addr), o), cfg, load)
	}
	for i, p := range all {
		for j := range callers {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(seed, uint64(i*callers+j)))
				for !over.Load() && !t.Failed() {
					k := rng.IntN(keys)
					key := strconv.Itoa(k)
					least := acked[i][k].Load()
					switch n := rng.IntN(20); {
					case n < 12:
						v, err := p.Get(t.Context(), key)
						check("Get", k, least, v, err)
					case n < 14:
						var least [keys]int64
						var names [keys]string
						for k := range keys {
							least[k], names[k] = acked[i][k].Load(), strconv.Itoa(k)
						}
						for k, r := range p.GetMany(t.Context(), names[:]) {
							check("GetMany", k, least[k], r.Value, r.Err)
						}
					default:
						var v int64
						_ = p.Write(t.Context(), key, func(context.Context) error { v = source[k].Add(1); return nil }) // an error is that of the far tier
						for old := acked[i][k].Load(); old < v && !acked[i][k].CompareAndSwap(old, v); {
							old = acked[i][k].Load()
						}
					}
					ops.Add(1)
				}
			})
		}
	}

	conn := func(words ...string) func(int) error {
		return func(int) error {
			c := admin(t, s.Addr)
			return c.Do(t.Context(), c.B().Arbitrary(words...).Build()).Error()
		}
	}
	goOn := func(n int64) {
		until := ops.Load() + n
		eventually(t, "callers go on", func() bool { return ops.Load() > until || t.Failed() })
	}
	for round := range 2 {
		for name, fault := range map[string]func(i int) error{
			"reset":    func(i int) error { proxies[i].reset(); return nil },
			"truncate": func(i int) error { proxies[i].truncate(7); return nil },
			"stall":    func(i int) error { proxies[i].stall(); goOn(50); proxies[i].flow(); return nil },
			"cut off": func(i int) error {
				proxies[i].closed(true)
				proxies[i].reset()
				goOn(100)
				proxies[i].closed(false)
				return nil
			},
			"flush":         conn("FLUSHALL"),
			"forget":        conn("SCRIPT", "FLUSH"),
			"kill all":      conn("CLIENT", "KILL", "TYPE", "normal"),
			"pause":         func(int) error { defer goOn(10); return errors.Join(s.Pause(), after(20, goOn), s.Resume()) },
			"restart":       func(int) error { return errors.Join(s.Kill(), after(20, goOn), s.Start()) },
			"nothing, once": func(int) error { goOn(500); return nil },
		} {
			if err := fault(round % processes); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			goOn(200)
		}
	}
	over.Store(true)
	wg.Wait()

	for _, p := range all {
		eventually(t, "all is calm", func() bool { return p.store.Stats().Live && p.store.Stats().Undelivered == 0 })
	}
	fresh := newProcess(t, open(t, url(s.Addr), redis.Options{}), tier.Config{}, load)
	for k := range keys {
		key, newest := strconv.Itoa(k), source[k].Load()
		v, err := fresh.Get(t.Context(), key)
		check("in the server, Get", k, newest, v, err)
		for i, p := range all {
			eventually(t, fmt.Sprintf("seed %d: process %d has version %d of key %d", seed, i, newest, k), func() bool {
				v, err := p.Get(t.Context(), key)
				got, cerr := strconv.ParseInt(v, 10, 64)
				return err == nil && cerr == nil && got >= newest
			})
		}
	}
	t.Logf("%d operations, versions %d, %d, %d, %d", ops.Load(), source[0].Load(), source[1].Load(), source[2].Load(), source[3].Load())
}

func after(n int64, goOn func(int64)) error { goOn(n); return nil }
