package oracle_test

import (
	"cmp"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/fleet"
	"github.com/onefold-go/onefold/cmd/onefold/internal/oracle"
)

func TestMain(m *testing.M) {
	fleet.Serve()
	zerolog.SetGlobalLevel(zerolog.Disabled) // of the proxies
	os.Exit(m.Run())
}

// Four processes with 64 callers each share a Redis, while everything fails in
// turn. With ONEFOLD_ORACLE, how long each fault and each calm after it last,
// it is a long run; docs/oracle.md has what came of one.
//
// SPEC: R14, R15, X01, X04, X05
func TestRedis(t *testing.T) { run(t, oracle.Redis) }

// SPEC: R14, X01
func TestMemcached(t *testing.T) { run(t, oracle.Memcached) }

// tick is how exactly times are measured.
const tick = 5 * time.Millisecond

func run(t *testing.T, engine oracle.Engine) {
	each, callers, ttl := 300*time.Millisecond, 16, time.Second
	if text := os.Getenv("ONEFOLD_ORACLE"); text != "" {
		var err error
		if each, err = time.ParseDuration(text); err != nil {
			t.Fatalf("ONEFOLD_ORACLE is %q, want a duration: %v", text, err)
		}
		callers, ttl = 64, 5*each
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	start := time.Now()
	r, err := oracle.Run(t.Context(), oracle.Options{
		Engine: engine, Processes: 4, Callers: callers, Keys: 200, Writes: 100, LoadTime: 20 * time.Millisecond,
		TTL: ttl, Calm: each, Fault: each, Faults: oracle.Faults(), Seed: seed,
		Tell: func(format string, args ...any) {
			t.Logf("%5.1f s: "+format, append([]any{time.Since(start).Seconds()}, args...)...)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d calls, %d loads, %d writes and %d whose invalidation failed, %d values of the far tier looked at, %d failed calls (first: %v)",
		r.Calls, r.Loads, r.Writes, r.FailedWrites, r.Read, r.Errors, r.FirstError)
	if r.Wrong() > 0 {
		t.Errorf("answers older than the same process had acknowledged: %d; others' ends: %d; broken values: %d; stale values in the far tier: %d; want none",
			r.Own, r.Foreign, r.Broken, r.Stored)
	}
	if r.Calls == 0 || r.Loads == 0 || r.Writes == 0 || r.Read == 0 {
		t.Error("nothing happened")
	}
	phases := make([]string, 0, len(r.Late))
	for p := range r.Late {
		phases = append(phases, p)
	}
	slices.SortFunc(phases, func(a, b string) int { return cmp.Compare(r.Late[b].Most, r.Late[a].Most) })
	for _, p := range phases {
		// A value that another process has invalidated was loaded before, and is
		// not served when it is older than its TTL: the two processes' clocks are
		// one here.
		if l := r.Late[p]; l.Most > ttl+tick {
			t.Errorf("an answer was %v late (%s), want no more than the TTL, %v", l.Most, p, ttl)
		}
		t.Logf("%7d answers up to %8v late in another process: %s", r.Late[p].Answers, r.Late[p].Most.Round(100*time.Microsecond), p)
	}
}
