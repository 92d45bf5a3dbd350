package redis_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/tier"
)

// Two processes with callers each load once, and nothing but the push of the
// fill wakes the ones that wait: there is no poll, and the lease is long.
//
// SPEC: R01, R02, R14, X03
func TestTwoProcessesLoadOnce(t *testing.T) {
	s := startRedis(t)
	o := redis.Options{Poll: time.Hour}
	var (
		loads   atomic.Int64
		loading = make(chan struct{})
		goOn    = make(chan struct{})
	)
	load := func(context.Context, string) (string, error) {
		loads.Add(1)
		close(loading)
		<-goOn
		return "v", nil
	}
	cfg := tier.Config{TTL: time.Hour, LeaseTTL: time.Hour}
	p, q := newProcess(t, open(t, "redis://"+s.Addr, o), cfg, load), newProcess(t, open(t, "redis://"+s.Addr, o), cfg, load)
	live(t, p.store, q.store)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { p.want(t, "k", "v") })
		wg.Go(func() { q.want(t, "k", "v") })
	}
	<-loading
	waits(t, p.store, q.store)
	close(goOn)
	wg.Wait()
	if n := p.store.Armed() + q.store.Armed(); n != 0 {
		t.Errorf("%d keys are waited for after that, want none", n)
	}
	if n := loads.Load(); n != 1 {
		t.Errorf("%d loads in both processes, want 1", n)
	}
}

// waits waits until one of stores waits for another's lease.
func waits(t *testing.T, stores ...*redis.Store) {
	t.Helper()
	eventually(t, "one waits for the lease of another", func() bool {
		return slices.ContainsFunc(stores, func(s *redis.Store) bool { return s.Waiting() > 0 })
	})
}

// There is neither a poll nor an end of a lease to help those whose wake-up is
// lost: one that is would be waited for until the test's time is over.
//
// SPEC: X03
func TestConcurrentWakeUps(t *testing.T) {
	s := startRedis(t)
	load := func(context.Context, string) (string, error) { return "v", nil }
	var wg sync.WaitGroup
	for range 4 {
		store := open(t, "redis://"+s.Addr, redis.Options{Poll: time.Hour})
		live(t, store)
		p := newProcess(t, store, tier.Config{TTL: time.Millisecond, LeaseTTL: time.Hour, FarBudget: time.Hour}, load)
		for range 4 {
			wg.Go(func() {
				for i := range 500 {
					p.want(t, strconv.Itoa(i%3), "v")
				}
			})
		}
	}
	wg.Wait()
}

// A hit near is no command, and a process's own fill does not come back to it.
//
// SPEC: X11
func TestHitsDoNotTouchTheServer(t *testing.T) {
	s := startRedis(t)
	src := newSource("v")
	p := newProcess(t, open(t, "redis://"+s.Addr, redis.Options{}), tier.Config{TTL: time.Hour}, src.load)
	live(t, p.store)
	conn := admin(t, s.Addr)
	p.want(t, "k", "v")
	// Whatever the beginning of the stream dropped has been loaded again by now.
	eventually(t, "the value stays", func() bool {
		before := calls(t, conn)
		p.want(t, "k", "v")
		return calls(t, conn) == before
	})
	loads, before := src.loads.Load(), calls(t, conn)
	for range 10_000 {
		p.want(t, "k", "v")
	}
	if after := calls(t, conn); after != before {
		t.Errorf("10,000 hits made the server run %d scripts, want 0", after-before)
	}
	src.wantLoads(t, loads)
}

// SPEC: R10, L03
func TestDeleteIsSeenByTheOthers(t *testing.T) {
	s := startRedis(t)
	src := newSource("v1")
	p := newProcess(t, open(t, "redis://"+s.Addr, redis.Options{}), tier.Config{}, src.load)
	q := newProcess(t, open(t, "redis://"+s.Addr, redis.Options{}), tier.Config{}, src.load)
	live(t, p.store, q.store)
	p.want(t, "k", "v1")
	q.want(t, "k", "v1")
	src.wantLoads(t, 1)
	for i, change := range []func(v string) error{
		func(string) error { return p.Delete(t.Context(), "k") },
		func(v string) error { return p.Set(t.Context(), "k", tier.Loaded[string]{Value: v}) },
		func(string) error { return p.InvalidateAll(t.Context()) },
	} {
		v := string(rune('2' + i))
		src.value.Store(v)
		if err := change(v); err != nil {
			t.Fatal(err)
		}
		p.want(t, "k", v)
		eventually(t, "the other process has heard of change "+v, func() bool {
			got, err := q.Get(t.Context(), "k")
			return err == nil && got == v
		})
	}
}

// SPEC: X10
func TestFailedHolderLetsAllLoad(t *testing.T) {
	s := startRedis(t)
	o := redis.Options{Poll: time.Hour}
	const processes = 4
	var (
		failure = errors.New("no")
		loads   atomic.Int64
		others  sync.WaitGroup
		wg      sync.WaitGroup
	)
	others.Add(processes - 1)
	loading, goOn := make(chan struct{}), make(chan struct{})
	load := func(context.Context, string) (string, error) {
		if loads.Add(1) == 1 {
			close(loading)
			<-goOn
			return "", failure
		}
		others.Done()
		others.Wait() // all at once, or never
		return "", failure
	}
	for i := range processes {
		p := newProcess(t, open(t, "redis://"+s.Addr, o), tier.Config{LeaseTTL: time.Hour}, load)
		live(t, p.store)
		wg.Go(func() {
			if _, err := p.Get(t.Context(), "k"); !errors.Is(err, failure) {
				t.Errorf("Get = %v, want the load's error", err)
			}
		})
		<-loading
		if i > 0 {
			waits(t, p.store)
		}
	}
	close(goOn)
	wg.Wait()
	if n := loads.Load(); n != processes {
		t.Errorf("%d loads in %d processes, want one in each", n, processes)
	}
}

// SPEC: R20
func TestWaiterLeavesAtOnce(t *testing.T) {
	s := startRedis(t)
	holder := open(t, "redis://"+s.Addr, redis.Options{})
	if g, err := holder.Acquire(t.Context(), "k", tier.AcquireOptions{LeaseTTL: time.Hour}); err != nil || g.Lease.Token == "" {
		t.Fatalf("Acquire = %+v, %v; want a lease", g, err)
	}
	store := open(t, "redis://"+s.Addr, redis.Options{})
	live(t, store)
	src := newSource("v")
	p := newProcess(t, store, tier.Config{OnAbandon: onefold.CancelLoad}, src.load)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := p.Get(ctx, "k"); left <- err }()
	waits(t, store)
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("Get = %v, want context.Canceled", err)
	}
	src.wantLoads(t, 0)
}

// A stale value comes with the one right to load a newer one.
//
// SPEC: F04
func TestOneRefreshForTheFleet(t *testing.T) {
	s := startRedis(t)
	var loads atomic.Int64
	refreshing, goOn := make(chan struct{}), make(chan struct{})
	load := func(context.Context, string) (string, error) {
		if loads.Add(1) == 1 {
			return "v1", nil
		}
		close(refreshing)
		<-goOn
		return "v2", nil
	}
	cfg := tier.Config{TTL: time.Millisecond, StaleFor: time.Hour}
	processes := make([]process, 4)
	for i := range processes {
		processes[i] = newProcess(t, open(t, "redis://"+s.Addr, redis.Options{}), cfg, load)
		live(t, processes[i].store)
	}
	processes[0].want(t, "k", "v1")
	late := time.NewTimer(5 * time.Millisecond)
	<-late.C
	for range 5 {
		for _, p := range processes {
			p.want(t, "k", "v1")
		}
	}
	<-refreshing
	for _, p := range processes {
		p.want(t, "k", "v1")
	}
	if n := loads.Load(); n != 2 {
		t.Errorf("%d loads, want the first and one refresh", n)
	}
	close(goOn)
}
