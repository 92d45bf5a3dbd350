package memcached_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// One store with 64 callers, and a value of 100 bytes.
func BenchmarkStore(b *testing.B) {
	s := start(b)
	store := open(b, memcached.Config{Servers: []string{s.Addr}})
	value := []byte(strings.Repeat("x", 100))
	for i := range 1000 {
		fill(b, store, fmt.Sprint(i), acquire(b, store, fmt.Sprint(i), tier.AcquireOptions{}).Lease, string(value), time.Hour)
	}
	o := tier.AcquireOptions{LeaseTTL: 10 * time.Second, RefreshBelow: time.Second}
	keys := make([]string, 100)
	for i := range keys {
		keys[i] = fmt.Sprint(i)
	}
	for name, op := range map[string]func(key string) error{
		"get":         func(key string) error { _, err := store.Get(b.Context(), key); return err },
		"acquire hit": func(key string) error { _, err := store.Acquire(b.Context(), key, o); return err },
		"acquire 100": func(string) error { _, errs := store.AcquireMany(b.Context(), keys, o); return errs[0] },
		"miss and fill": func(key string) error {
			key += "miss"
			if err := store.Delete(b.Context(), key); err != nil {
				return err
			}
			g, err := store.Acquire(b.Context(), key, o)
			if err != nil {
				return err
			}
			_, err = store.Fill(b.Context(), key, g.Lease, tier.Item{Data: value, TTL: time.Hour})
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetParallelism(32) // times GOMAXPROCS
			b.ReportAllocs()
			var n atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := op(strconv.FormatInt(n.Add(1)%1000, 10)); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// commands gives how many the server has done.
func commands(b *testing.B, addr string) (n int) {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // nothing was written that matters
	if _, err := io.WriteString(conn, "stats\r\nquit\r\n"); err != nil {
		b.Fatal(err)
	}
	all, err := io.ReadAll(conn)
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(all)) {
		for _, stat := range []string{"cmd_meta ", "cmd_get ", "cmd_set ", "delete_hits "} {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "STAT "+stat); ok {
				c, _ := strconv.Atoi(v)
				n += c
			}
		}
	}
	return n
}

// Four processes of 64 callers each, a source that takes 20 ms, values of 100
// bytes that live for a second, for as many seconds as there are rounds
// (-benchtime 5x). Against the tier stands what is written without it: a Get, a
// load on a miss, and a Set.
func BenchmarkFleet(b *testing.B) {
	const processes, callers, ttl, took = 4, 64, time.Second, 20 * time.Millisecond
	for _, work := range []struct {
		name  string
		keys  int
		think time.Duration
	}{{"closed loop", 1000, 0}, {"paced", 1000, 10 * time.Millisecond}, {"herd", 10, 10 * time.Millisecond}} {
		for _, name := range []string{"cache-aside", "onefold", "onefold, no near tier"} {
			b.Run(work.name+"/"+name, func(b *testing.B) {
				s := start(b)
				value := strings.Repeat("x", 100)
				var (
					mu            sync.Mutex
					first         = make(map[string]time.Time) // of a key's loads since it expired
					loads, needed int
					ops           atomic.Int64
				)
				load := func(_ context.Context, key string) (string, error) {
					mu.Lock()
					loads++
					if now := time.Now(); now.Sub(first[key]) >= ttl {
						first[key] = now
						needed++
					}
					mu.Unlock()
					time.Sleep(took)
					return value, nil
				}
				var gets []func(key string) error
				for range processes {
					store := open(b, memcached.Config{Servers: []string{s.Addr}})
					if name == "cache-aside" {
						gets = append(gets, func(key string) error {
							it, err := store.Get(b.Context(), key)
							if err != nil || it.Data != nil {
								return err
							}
							v, err := load(b.Context(), key)
							if err != nil {
								return err
							}
							return store.Set(b.Context(), key, tier.Item{Data: []byte(v), TTL: ttl})
						})
						continue
					}
					var near tier.Near[string, string]
					if name == "onefold" {
						near = mem.New[string, string](mem.Config{})
					}
					c, err := tier.New(load, tier.Config{TTL: ttl}, near, tier.Encoded(store, codec.StringKey[string], codec.JSON[string]()))
					if err != nil {
						b.Fatal(err)
					}
					b.Cleanup(func() { _ = c.Close(context.Background()) })
					gets = append(gets, func(key string) error { _, err := c.Get(b.Context(), key); return err })
				}
				keys := make([]string, work.keys)
				for i := range keys {
					keys[i] = fmt.Sprint("key ", i)
				}
				before := commands(b, s.Addr)
				var wg sync.WaitGroup
				end := time.Now().Add(time.Duration(b.N) * time.Second)
				b.ResetTimer()
				for i := range processes * callers {
					wg.Go(func() {
						rng := rand.New(rand.NewPCG(1, uint64(i))) //nolint:gosec // no secret
						for time.Now().Before(end) {
							if err := gets[i%processes](keys[rng.IntN(len(keys))]); err != nil {
								b.Error(err)
								return
							}
							ops.Add(1)
							if work.think > 0 {
								time.Sleep(work.think)
							}
						}
					})
				}
				wg.Wait()
				b.StopTimer()
				b.ReportMetric(float64(loads)/float64(needed), "loads/expiry")
				b.ReportMetric(float64(commands(b, s.Addr)-before)/float64(ops.Load()), "commands/op")
				b.ReportMetric(float64(ops.Load())/float64(b.N), "ops/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
