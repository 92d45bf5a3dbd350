package redis_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/internal/server"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// startRedis starts a server for one test.
func startRedis(t testing.TB, args ...string) *server.Server {
	t.Helper()
	s, err := server.Redis(args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// open makes a process's store, closed with the test.
func open(t testing.TB, url string, o redis.Options) *redis.Store {
	t.Helper()
	s, err := redis.Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// eventually waits for what other goroutines and servers bring about.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-late.C:
			t.Fatalf("still not so: %s", what)
		}
	}
}

// live waits until the store hears of changes.
func live(t testing.TB, stores ...*redis.Store) {
	t.Helper()
	for _, s := range stores {
		eventually(t, "the stream of changes is live", func() bool { return s.Stats().Live })
	}
}

// A process is a cache over a store, as a process would have one.
type process struct {
	*tier.Cache[string, string]
	store *redis.Store
}

// far puts a store where a process has one.
func far(s tier.Store) tier.Far[string, string] {
	return tier.Encoded(s, codec.StringKey[string], codec.JSON[string]())
}

func newProcess(t testing.TB, s *redis.Store, cfg tier.Config, load func(context.Context, string) (string, error)) process {
	t.Helper()
	c, err := tier.New(load, cfg, mem.New[string, string](mem.Config{MaxEntries: 10_000}), far(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return process{c, s}
}

func (p process) want(t testing.TB, key, want string) {
	t.Helper()
	if v, err := p.Get(t.Context(), key); v != want || err != nil {
		t.Errorf("Get(%q) = %q, %v; want %q", key, v, err, want)
	}
}

// A source is a value that changes, and counts how often it is loaded.
type source struct {
	loads atomic.Int64
	value atomic.Value
}

func newSource(v string) *source {
	s := &source{}
	s.value.Store(v)
	return s
}

func (s *source) load(context.Context, string) (string, error) {
	s.loads.Add(1)
	return s.value.Load().(string), nil
}

func (s *source) wantLoads(t testing.TB, want int64) {
	t.Helper()
	if n := s.loads.Load(); n != want {
		t.Errorf("%d loads, want %d", n, want)
	}
}

// admin gives a client to look at a server with.
func admin(t testing.TB, addr string) rueidis.Client {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// ask runs a command on a server, and gives its answer as text.
func ask(t testing.TB, c rueidis.Client, words ...string) string {
	t.Helper()
	r := c.Do(t.Context(), c.B().Arbitrary(words...).Build())
	if err := r.Error(); err != nil && !rueidis.IsRedisNil(err) {
		t.Fatalf("%q: %v", words, err)
	}
	m, _ := r.ToMessage()
	if n, err := m.AsInt64(); err == nil {
		return strconv.FormatInt(n, 10)
	}
	s, _ := m.ToString()
	return s
}

// calls gives how many scripts a server has run.
func calls(t testing.TB, c rueidis.Client) (n int) {
	t.Helper()
	for line := range strings.Lines(ask(t, c, "INFO", "commandstats")) {
		var name string
		var of int
		if _, err := fmt.Sscanf(strings.ReplaceAll(line, ":calls=", " "), "cmdstat_%s %d", &name, &of); err == nil && strings.HasPrefix(name, "eval") {
			n += of
		}
	}
	return n
}

func atoi(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func itoa(n int) string { return strconv.Itoa(n) }

// noTracking makes a client to whose servers CLIENT TRACKING is unknown: it
// speaks the protocol from before there was any.
func noTracking(o *rueidis.ClientOption) { o.AlwaysRESP2 = true }
