package redis_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/tier"
)

// quick are options with which an outage is noticed, and its end, soon.
var quick = redis.Options{Ping: 50 * time.Millisecond, BreakAfter: 3, ProbeEvery: 20 * time.Millisecond}

// A server that hangs costs callers a budget each until the breaker opens. Then
// it costs one call a budget from time to time.
//
// SPEC: R04, X04
func TestBreakerOpensAndCloses(t *testing.T) {
	s := startRedis(t)
	o := quick
	o.ProbeEvery = time.Hour
	p := open(t, url(s.Addr), o)
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	get := func(s *redis.Store) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := s.Get(ctx, "k")
		return err
	}
	for range 3 {
		if err := get(p); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Get of a server that hangs = %v, want DeadlineExceeded", err)
		}
	}
	for range 100 {
		if err := get(p); !errors.Is(err, redis.ErrUnavailable) {
			t.Fatalf("Get while the breaker is open = %v, want ErrUnavailable", err)
		}
	}
	if st := p.Stats(); st.State != "open" || st.Refused != 100 || !errors.Is(p.Available(), redis.ErrUnavailable) {
		t.Errorf("Stats = %+v, Available = %v; want it open, with 100 calls refused", st, p.Available())
	}
	if errs := p.DeleteMany(t.Context(), []string{"a", "b"}); !errors.Is(errs[0], redis.ErrUnavailable) || !errors.Is(errs[1], redis.ErrUnavailable) {
		t.Errorf("DeleteMany while the breaker is open = %v, want ErrUnavailable", errs)
	}

	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	q := open(t, url(s.Addr), quick)
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the breaker has opened", func() bool { return errors.Is(get(q), redis.ErrUnavailable) })
	eventually(t, "a call is let through to find out", func() bool { return errors.Is(get(q), context.DeadlineExceeded) })
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "calls are made again", func() bool { return get(q) == nil })
	if err := q.Available(); err != nil {
		t.Errorf("Available = %v, want nil", err)
	}
}

// Callers who leave say nothing of the server.
func TestBreakerIgnoresCallersWhoLeave(t *testing.T) {
	s := startRedis(t)
	pr := startProxy(t, s.Addr)
	o := quick
	o.Ping = time.Hour
	o.Client = func(c *rueidis.ClientOption) { c.PipelineMultiplex = -1 } // one connection, which is there already
	p := open(t, url(pr.addr), o)
	pr.stall()
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		before := pr.holds()
		go func() { _, err := p.Get(ctx, "k"); left <- err }()
		eventually(t, "the call is on its way", func() bool { return pr.holds() > before })
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("Get = %v, want context.Canceled", err)
		}
	}
	pr.flow()
	if st := p.Stats().State; st != "closed" {
		t.Errorf("the breaker is %s, want it closed", st)
	}
}

// SPEC: R03
func TestOutageAndTheSource(t *testing.T) {
	s := startRedis(t)
	p := open(t, url(s.Addr), quick)
	src := newSource("v")
	through := newProcess(t, p, tier.Config{FarBudget: 50 * time.Millisecond}, src.load)
	fast := newProcess(t, p, tier.Config{FarBudget: 50 * time.Millisecond}, redis.FailFast(p, codec.StringKey[string], src.load))
	fast.want(t, "before", "v")
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	n := 0
	eventually(t, "the breaker has opened", func() bool {
		n++
		through.want(t, fmt.Sprint(n), "v") // falls through to the source
		return p.Available() != nil
	})
	// The probe that is made from time to time fails as well, and opens it again.
	eventually(t, "a call fails fast", func() bool {
		_, err := fast.Get(t.Context(), "k")
		if err == nil {
			_ = fast.Delete(t.Context(), "k")
		}
		return errors.Is(err, redis.ErrUnavailable)
	})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "calls are made again", func() bool { _, err := fast.Get(t.Context(), "k"); return err == nil })
}

// While one call finds out whether the server is back, the source is not asked by
// all the others.
//
// SPEC: X04
func TestFailFastDuringAProbe(t *testing.T) {
	s := startRedis(t)
	p := open(t, url(s.Addr), quick)
	src := newSource("v")
	load := redis.FailFast(p, codec.StringKey[string], src.load)
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the breaker has opened", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := p.Get(ctx, "k")
		return errors.Is(err, redis.ErrUnavailable)
	})
	ctx, cancel := context.WithCancel(t.Context())
	probe := make(chan error)
	go func() {
		for {
			if _, err := p.Get(ctx, "k"); !errors.Is(err, redis.ErrUnavailable) {
				probe <- err
				return
			}
		}
	}()
	eventually(t, "a call finds out", func() bool { return p.Stats().State == "half-open" })
	for range 10 {
		if _, err := load(t.Context(), "k"); !errors.Is(err, redis.ErrUnavailable) {
			t.Errorf("the load while a call finds out: %v, want ErrUnavailable", err)
		}
	}
	cancel()
	if err := <-probe; !errors.Is(err, context.Canceled) {
		t.Errorf("Get of a server that hangs = %v, want its context's end", err)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "calls are made again", func() bool {
		_, err := p.Get(t.Context(), "k")
		return err == nil
	})
	if v, err := load(t.Context(), "k"); v != "v" || err != nil {
		t.Errorf("the load after the outage = %q, %v; want v", v, err)
	}
	src.wantLoads(t, 1)
}

// What could not be deleted is not read here before it has been, and is deleted
// when the server is back, for all others.
//
// SPEC: X05, R10
func TestUndeliveredDeletes(t *testing.T) {
	s := startRedis(t)
	pr := startProxy(t, s.Addr)
	store, other := open(t, url(pr.addr), quick), open(t, url(s.Addr), redis.Options{})
	src := newSource("v1")
	p := newProcess(t, store, tier.Config{FarBudget: 100 * time.Millisecond}, src.load)
	q := newProcess(t, other, tier.Config{}, src.load)
	live(t, store, other)
	for _, key := range []string{"deleted", "set", "kept"} {
		p.want(t, key, "v1")
		q.want(t, key, "v1")
	}

	pr.closed(true)
	pr.reset()
	src.value.Store("v2")
	var failed *tier.DeleteError
	for range 2 {
		if err := p.Delete(t.Context(), "deleted"); !errors.As(err, &failed) {
			t.Errorf("Delete during an outage = %v, want a *DeleteError", err)
		}
	}
	if err := p.Set(t.Context(), "set", tier.Loaded[string]{Value: "v2"}); err == nil {
		t.Errorf("Set during an outage: no error, want one")
	}
	if n := store.Stats().Undelivered; n != 2 {
		t.Errorf("%d undelivered, want 2: each key once", n)
	}
	p.want(t, "deleted", "v2")
	if it, err := other.Get(t.Context(), "deleted"); err != nil || it.Data == nil {
		t.Fatalf("the server has %q, %v; want the old value, which another process may read yet", it.Data, err)
	}

	pr.closed(false)
	eventually(t, "all is delivered", func() bool { return store.Stats().Undelivered == 0 })
	for _, key := range []string{"deleted", "set"} {
		eventually(t, "the other process has heard of it", func() bool {
			v, err := q.Get(t.Context(), key)
			return err == nil && v == "v2"
		})
		p.want(t, key, "v2")
	}
	q.want(t, "kept", "v1")
}

// A Delete that began before another failed may have been done before what the
// other was about.
//
// SPEC: X05
func TestDeleteSettlesWhatFailedBeforeIt(t *testing.T) {
	s := startRedis(t)
	pr := startProxy(t, s.Addr)
	o := quick
	o.ProbeEvery, o.BreakAfter, o.Ping = time.Hour, 1000, time.Hour
	o.Client = func(c *rueidis.ClientOption) { c.PipelineMultiplex = -1 }
	p := open(t, url(pr.addr), o)
	if err := p.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	pr.stall()
	first, before := make(chan error), pr.holds()
	go func() { first <- p.Delete(t.Context(), "k") }()
	eventually(t, "the first Delete is on its way", func() bool { return pr.holds() > before })
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := p.Delete(ctx, "k"); err == nil {
		t.Error("the second Delete: no error, want one")
	}
	pr.flow()
	if err := <-first; err != nil {
		t.Errorf("the first Delete = %v", err)
	}
	if n := p.Stats().Undelivered; n != 1 {
		t.Errorf("%d undelivered after the first Delete's answer, want the second", n)
	}
	if err := p.Delete(t.Context(), "k"); err != nil || p.Stats().Undelivered != 0 {
		t.Errorf("the third Delete = %v, and %d undelivered; want none", err, p.Stats().Undelivered)
	}
}

// Between the end of an outage and the delivery, a read delivers first.
//
// SPEC: X05
func TestReadDeliversFirst(t *testing.T) {
	s := startRedis(t)
	pr := startProxy(t, s.Addr)
	o := quick
	o.ProbeEvery, o.BreakAfter = time.Hour, 1000 // nothing is delivered by itself
	store := open(t, url(pr.addr), o)
	old := tier.Item{Data: []byte("old")}
	keys := []string{"get", "acquire", "many"}
	for _, key := range keys {
		if err := store.Set(t.Context(), key, old); err != nil {
			t.Fatal(err)
		}
	}
	before, err := store.Bump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	outage := func(during func()) {
		pr.closed(true)
		pr.reset()
		eventually(t, "the outage is noticed", func() bool { _, err := store.Get(t.Context(), "other"); return err != nil })
		during()
		pr.closed(false)
		eventually(t, "the outage is over", func() bool { _, err := store.Get(t.Context(), "other"); return err == nil })
	}
	outage(func() {
		for _, err := range store.DeleteMany(t.Context(), keys) {
			if err == nil {
				t.Errorf("DeleteMany during an outage: no error, want one")
			}
		}
		if _, err := store.Bump(t.Context(), "tag"); err == nil {
			t.Errorf("Bump during an outage: no error, want one")
		}
	})
	if n := store.Stats().Undelivered; n != 4 {
		t.Errorf("%d undelivered, want 4", n)
	}
	acquire := tier.AcquireOptions{LeaseTTL: time.Hour}
	if it, err := store.Get(t.Context(), "get"); it.Data != nil || err != nil {
		t.Errorf("Get of what was deleted = %q, %v; want nothing", it.Data, err)
	}
	if g, err := store.Acquire(t.Context(), "acquire", acquire); g.Item.Data != nil || g.Lease.Token == "" || err != nil {
		t.Errorf("Acquire of what was deleted = %+v, %v; want a lease alone", g, err)
	}
	if g, errs := store.AcquireMany(t.Context(), []string{"many"}, acquire); g[0].Item.Data != nil || g[0].Lease.Token == "" || errs[0] != nil {
		t.Errorf("AcquireMany of what was deleted = %+v, %v; want a lease alone", g, errs)
	}
	if table, err := store.Tags(t.Context()); err != nil || table.Gens["tag"] <= before.Seq {
		t.Errorf("Tags after a Bump that failed = %+v, %v; want the tag above %d", table, err, before.Seq)
	}
	if n := store.Stats().Undelivered; n != 0 {
		t.Errorf("%d undelivered, want none", n)
	}

	// A Delete that succeeds is as good as the one that failed before.
	outage(func() { _ = store.Delete(t.Context(), "k") })
	if err := store.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if n := store.Stats().Undelivered; n != 0 {
		t.Errorf("%d undelivered after a Delete that succeeded, want none", n)
	}
}

// Too many to remember are everything.
//
// SPEC: X05, S10
func TestTooManyUndelivered(t *testing.T) {
	s := startRedis(t)
	pr := startProxy(t, s.Addr)
	o := quick
	o.MaxUndelivered = 10
	store, other := open(t, url(pr.addr), o), open(t, url(s.Addr), redis.Options{})
	src := newSource("v1")
	p := newProcess(t, store, tier.Config{FarBudget: 100 * time.Millisecond}, src.load)
	q := newProcess(t, other, tier.Config{}, src.load)
	live(t, store, other)
	keys := make([]string, 50)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
		p.want(t, keys[i], "v1")
		q.want(t, keys[i], "v1")
	}
	pr.closed(true)
	pr.reset()
	src.value.Store("v2")
	if err := p.Delete(t.Context(), keys...); err == nil {
		t.Errorf("Delete during an outage: no error, want one")
	}
	if n := store.Stats().Undelivered; n != 11 {
		t.Errorf("%d undelivered, want 11: more than 10", n)
	}
	pr.closed(false)
	eventually(t, "all is delivered", func() bool { return store.Stats().Undelivered == 0 })
	for _, key := range keys {
		eventually(t, "the other process has heard of it", func() bool {
			v, err := q.Get(t.Context(), key)
			return err == nil && v == "v2"
		})
		p.want(t, key, "v2")
	}
}

// A server that hangs holds up nobody who asks for something else, and nobody
// for longer than the budget.
//
// SPEC: R04, R13
func TestHangingServerCostsABudget(t *testing.T) {
	s := startRedis(t)
	p := open(t, url(s.Addr), redis.Options{})
	var loads atomic.Int64
	c := newProcess(t, p, tier.Config{FarBudget: 20 * time.Millisecond}, func(context.Context, string) (string, error) {
		loads.Add(1)
		return "v", nil
	})
	c.want(t, "near", "v")
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		c.want(t, fmt.Sprint(i), "v")
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if n := loads.Load(); n < 21 {
		t.Errorf("%d loads, want 21 at least", n)
	}
}
