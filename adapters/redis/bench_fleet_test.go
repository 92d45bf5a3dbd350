package redis_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/tier"
)

// BenchmarkFleet is four processes (in one) of 64 callers each over one server:
// a load takes 20 ms, a value of 100 bytes lasts a second. It tells how many
// commands the server ran for an operation, and how often a key was loaded in
// each of its lives. DoCache is the client's own near cache with a group.
func BenchmarkFleet(b *testing.B) {
	const (
		processes = 4
		callers   = 64
		ttl       = time.Second
	)
	for _, work := range []struct {
		name  string
		keys  int
		think time.Duration
	}{{"closed", 1000, 0}, {"paced", 1000, 10 * time.Millisecond}, {"herd", 10, 10 * time.Millisecond}} {
		for _, kind := range []string{"onefold", "onefold-early", "docache"} {
			b.Run(work.name+"/"+kind, func(b *testing.B) {
				s := startRedis(b)
				conn := admin(b, s.Addr)
				value := strings.Repeat("v", 100)
				var loads atomic.Int64
				load := func(context.Context, string) (string, error) {
					loads.Add(1)
					time.Sleep(20 * time.Millisecond)
					return value, nil
				}
				cfg := tier.Config{TTL: ttl} // no LoadTimeout: callers who never wait leave a load little of the processor
				if kind == "onefold-early" {
					cfg.EarlyRefresh = 1
				}
				var get [processes]func(context.Context, string) (string, error)
				for i := range get {
					if kind == "docache" {
						get[i] = doCache(b, s.Addr, ttl, load)
						continue
					}
					store := open(b, url(s.Addr), redis.Options{})
					live(b, store)
					get[i] = newProcess(b, store, cfg, load).Get
				}
				keys := make([]string, work.keys)
				for i := range keys {
					keys[i] = "key" + strconv.Itoa(i)
				}
				run := func(n int64) {
					var left atomic.Int64
					left.Store(n)
					var wg sync.WaitGroup
					for p := range processes {
						for range callers {
							wg.Go(func() {
								rng := rand.New(rand.NewPCG(rand.Uint64(), 0))
								for left.Add(-1) >= 0 {
									if _, err := get[p](context.Background(), keys[rng.IntN(len(keys))]); err != nil {
										b.Error(err)
									}
									if work.think > 0 {
										time.Sleep(work.think)
									}
								}
							})
						}
					}
					wg.Wait()
				}
				run(int64(20 * work.keys))
				before, ran := loads.Load(), commands(b, conn)
				b.ResetTimer()
				run(int64(b.N))
				b.StopTimer()
				lives := float64(work.keys) * float64(b.Elapsed()) / float64(ttl)
				b.ReportMetric(float64(loads.Load()-before)/lives, "loads/life")
				b.ReportMetric(float64(commands(b, conn)-ran)/float64(b.N), "commands/op")
				b.ReportMetric(0, "allocs/op")
			})
		}
	}
}

// doCache is cache-aside with the client's near cache, and a group.
func doCache(b *testing.B, addr string, ttl time.Duration, load func(context.Context, string) (string, error)) func(context.Context, string) (string, error) {
	b.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	var g onefold.Group[string, string]
	return func(ctx context.Context, key string) (string, error) {
		v, err := c.DoCache(ctx, c.B().Get().Key(key).Cache(), ttl).ToString()
		if err == nil {
			return v, nil
		}
		return g.Do(ctx, key, func(ctx context.Context, key string) (string, error) {
			v, err := load(ctx, key)
			if err == nil {
				err = c.Do(ctx, c.B().Set().Key(key).Value(v).Px(ttl).Build()).Error()
			}
			return v, err
		})
	}
}

// commands gives how many commands a server has run for its clients, scripts
// counted as one.
func commands(t testing.TB, c rueidis.Client) (n int) {
	t.Helper()
	for line := range strings.Lines(ask(t, c, "INFO", "commandstats")) {
		name, rest, _ := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		count, _, _ := strings.Cut(rest, ",")
		switch name {
		case "evalsha", "eval", "role", "multi", "exec", "client|caching", "ping":
			n += atoi(t, count)
		}
	}
	return n
}
