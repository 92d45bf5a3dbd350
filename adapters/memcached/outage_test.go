package memcached_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/internal/server"
	"github.com/onefold-go/onefold/tier"
)

// quick is a Config with which an outage is noticed, and its end, soon.
func quick(servers ...*server.Server) memcached.Config {
	cfg := memcached.Config{Timeout: 200 * time.Millisecond, BreakAfter: 3, ProbeEvery: 20 * time.Millisecond}
	for _, s := range servers {
		cfg.Servers = append(cfg.Servers, s.Addr)
	}
	return cfg
}

// until waits for what other goroutines and servers bring about.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	eventually(t, func() (struct{}, error) {
		if !is() {
			return struct{}{}, errors.New("not so: " + what)
		}
		return struct{}{}, nil
	})
}

// A network is what is between one process and the servers, which know nothing
// of its faults and keep what they have.
type network struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func (n *network) dial(ctx context.Context, addr string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cut {
		return nil, errors.New("the network is cut")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err == nil {
		n.conns = append(n.conns, conn)
	}
	return conn, err
}

func (n *network) set(cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = cut
	for _, conn := range n.conns {
		_ = conn.Close()
	}
	n.conns = nil
}

// outage cuts the network while during runs, from when s has noticed until it has
// again.
func (n *network) outage(t testing.TB, s *memcached.Store, during func()) {
	t.Helper()
	other := func() error { _, err := s.Get(t.Context(), "other"); return err }
	n.set(true)
	until(t, "the outage is noticed", func() bool { return other() != nil })
	during()
	n.set(false)
	until(t, "the outage is over", func() bool { return other() == nil })
}

// brief asks for key and gives up soon.
func brief(t testing.TB, s *memcached.Store, key string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := s.Get(ctx, key)
	return err
}

// A server that hangs costs callers a budget each until the breaker opens. Then
// it costs one call a budget from time to time.
//
// SPEC: R04, X04
func TestBreakerOpensAndCloses(t *testing.T) {
	s := start(t)
	cfg := quick(s)
	cfg.ProbeEvery, cfg.Timeout = time.Hour, time.Hour
	p := open(t, cfg)
	if err := p.Delete(t.Context(), "k"); err != nil { // there is a connection
		t.Fatal(err)
	}
	g := acquire(t, p, "leased", tier.AcquireOptions{LeaseTTL: time.Hour})
	if held, err := p.Renew(t.Context(), "leased", g.Lease, time.Hour); !held || err != nil {
		t.Fatalf("Renew = %t, %v", held, err)
	}
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < 3; { // it stops a little after it was told to
		switch err := brief(t, p, "k"); {
		case errors.Is(err, context.DeadlineExceeded):
			n++
		case err != nil || n > 0:
			t.Fatalf("Get of a server that hangs = %v, want DeadlineExceeded", err)
		}
	}
	const key, hour = "leased", time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, call := range []struct {
		what string
		do   func() error
	}{
		{"Get", func() error { _, err := p.Get(ctx, key); return err }},
		{"Acquire", func() error { _, err := p.Acquire(ctx, key, tier.AcquireOptions{LeaseTTL: hour}); return err }},
		{"AcquireMany", func() error {
			_, errs := p.AcquireMany(ctx, []string{"a", "b"}, tier.AcquireOptions{LeaseTTL: hour})
			return errs[1]
		}},
		{"Fill", func() error { _, err := p.Fill(ctx, key, g.Lease, tier.Item{Data: []byte("v")}); return err }},
		{"Renew", func() error { _, err := p.Renew(ctx, key, g.Lease, hour); return err }},
		{"Set", func() error { return p.Set(ctx, key, tier.Item{Data: []byte("v")}) }},
		{"Delete", func() error { return p.Delete(ctx, "a") }},
		{"Tags", func() error { _, err := p.Tags(ctx); return err }},
		{"Bump", func() error { _, err := p.Bump(ctx, "tag"); return err }},
		{"Release", func() error { return p.Release(ctx, key, g.Lease, 0) }},
	} {
		before := p.Stats().Refused
		if err := call.do(); !errors.Is(err, memcached.ErrUnavailable) {
			t.Fatalf("%s while the breaker is open = %v, want ErrUnavailable", call.what, err)
		}
		if st := p.Stats(); st.State != "open" || st.Refused <= before {
			t.Errorf("after %s, Stats = %+v; want it open, and more calls refused than %d", call.what, st, before)
		}
	}
	if err := p.Available(); !errors.Is(err, memcached.ErrUnavailable) {
		t.Errorf("Available = %v, want ErrUnavailable", err)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}

	q := open(t, quick(s))
	eventually(t, func() (tier.Item, error) { return q.Get(t.Context(), "k") })
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	until(t, "the breaker has opened", func() bool { return errors.Is(brief(t, q, "k"), memcached.ErrUnavailable) })
	until(t, "a call is let through to find out", func() bool {
		err := brief(t, q, "k")
		return err != nil && !errors.Is(err, memcached.ErrUnavailable)
	})
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	until(t, "calls are made again", func() bool { return brief(t, q, "k") == nil })
	if err := q.Available(); err != nil {
		t.Errorf("Available = %v, want nil", err)
	}
}

// One server of a ring that hangs, and is then back with all it had, is no
// matter for the others.
//
// SPEC: X04, X05
func TestOutageOfOneServer(t *testing.T) {
	servers := []*server.Server{start(t), start(t), start(t)}
	cfg := quick(servers...)
	p := open(t, cfg)
	place := memcached.Ring(cfg.Servers)
	keys, at := make([]string, 60), make([]int, 60)
	for i := range keys {
		keys[i] = fmt.Sprint("key ", i)
		at[i] = place(memcached.Wire("", keys[i]))
		if err := p.Set(t.Context(), keys[i], tier.Item{Data: []byte("old")}); err != nil {
			t.Fatal(err)
		}
	}
	const down = 1
	if err := servers[down].Pause(); err != nil {
		t.Fatal(err)
	}
	until(t, "its breaker is open", func() bool {
		for i, key := range keys {
			if at[i] == down {
				_ = brief(t, p, key)
			}
		}
		return p.Stats().States[down] == "open"
	})
	var loads atomic.Int64
	load := memcached.FailFast(p, codec.StringKey[string], func(context.Context, string) (string, error) {
		loads.Add(1)
		return "v", nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	errs := p.DeleteMany(ctx, keys)
	want, missed := int64(0), 0
	for i, key := range keys {
		_, err := load(t.Context(), key)
		if at[i] != down {
			want++
			if errs[i] != nil || err != nil {
				t.Errorf("key %d of a server that is there: DeleteMany = %v, the load: %v", i, errs[i], err)
			}
			continue
		}
		missed++
		var failed *memcached.Error
		if errs[i] == nil || !errors.As(errs[i], &failed) || failed.Server != down {
			t.Errorf("key %d: DeleteMany = %v, want an *Error of server %d", i, errs[i], down)
		}
		if !errors.Is(err, memcached.ErrUnavailable) {
			t.Errorf("key %d: the load of what a server has that hangs: %v, want ErrUnavailable", i, err)
		}
	}
	if n := loads.Load(); n != want {
		t.Errorf("%d loads, want %d: those of the other servers", n, want)
	}
	if st := p.Stats(); st.Undelivered != missed || st.States[0] != "closed" || st.States[2] != "closed" || st.State == "closed" {
		t.Errorf("Stats = %+v; want %d undelivered, and the other two servers closed", st, missed)
	}
	if err := servers[down].Resume(); err != nil {
		t.Fatal(err)
	}
	until(t, "all is delivered", func() bool { return p.Stats().Undelivered == 0 })
	q := open(t, cfg)
	for i, key := range keys {
		if it, err := q.Get(t.Context(), key); it.Data != nil || err != nil {
			t.Errorf("key %d was deleted: %q, %v", i, it.Data, err)
		}
	}
}

// Callers who leave say nothing of the server, and neither do answers that are
// errors.
//
// SPEC: X04
func TestWhatIsNoOutage(t *testing.T) {
	s := start(t)
	cfg := quick(s)
	cfg.Timeout = patience
	p := open(t, cfg)
	if err := p.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if _, err := p.Get(ctx, "k"); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Get = %v, want context.Canceled", err)
		}
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	cfg.Dial = func(context.Context, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go full(ours)
		return theirs, nil
	}
	q := open(t, cfg)
	for range 10 {
		var refused *memcached.ServerError
		if _, err := q.Get(t.Context(), "k"); !errors.As(err, &refused) {
			t.Errorf("Get = %v, want a *ServerError", err)
		}
	}
	for _, store := range []*memcached.Store{p, q} {
		if st := store.Stats(); st.State != "closed" || st.Refused != 0 {
			t.Errorf("Stats = %+v, want it closed", st)
		}
	}
}

// full is a server that has no memory for anything.
func full(conn net.Conn) {
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		answer := map[string]string{"version": "VERSION 1.6.18", "mn": "MN", "stats settings": "END"}[lines.Text()]
		if answer == "" {
			answer = "SERVER_ERROR out of memory"
		}
		_, _ = io.WriteString(conn, answer+"\r\n")
	}
	_ = conn.Close()
}

// SPEC: R03, X04
func TestOutageAndTheSource(t *testing.T) {
	s := start(t)
	p := open(t, quick(s))
	load := func(context.Context, string) (int64, error) { return 1, nil }
	cfg := tier.Config{FarBudget: 50 * time.Millisecond}
	through := cache(t, p, false, cfg, load)
	fast := cache(t, p, false, cfg, memcached.FailFast(p, codec.StringKey[string], load))
	if v, err := fast.Get(t.Context(), "k"); v != 1 || err != nil {
		t.Fatalf("Get = %d, %v; want 1", v, err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	n := 0
	until(t, "the breaker has opened", func() bool {
		n++
		if v, err := through.Get(t.Context(), fmt.Sprint(n)); v != 1 || err != nil {
			t.Fatalf("Get during an outage = %d, %v; want 1 from the source", v, err)
		}
		return p.Available() != nil
	})
	for range 20 {
		if _, err := fast.Get(t.Context(), "k"); !errors.Is(err, memcached.ErrUnavailable) {
			t.Errorf("Get = %v, want ErrUnavailable", err)
		}
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "calls are made again", func() bool { _, err := fast.Get(t.Context(), "k"); return err == nil })
}

// While one call finds out whether the server is back, no other is made and the
// source is not asked by all the others.
//
// SPEC: X04
func TestOneCallFindsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		p := open(t, memcached.Config{Servers: []string{"fake:11211"}, Dial: f.dial, Timeout: time.Hour, BreakAfter: 3, ProbeEvery: time.Minute})
		load := memcached.FailFast(p, codec.StringKey[string], func(context.Context, string) (int64, error) { return 1, nil })
		if _, err := p.Get(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		resume := f.pause()
		for range 3 {
			_ = brief(t, p, "k")
		}
		time.Sleep(2 * time.Minute)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := p.Get(t.Context(), "k"); err != nil {
				t.Errorf("the call that finds out = %v, want an answer", err)
			}
		})
		synctest.Wait()
		for range 10 {
			if err := brief(t, p, "k"); !errors.Is(err, memcached.ErrUnavailable) {
				t.Errorf("Get while another finds out = %v, want ErrUnavailable", err)
			}
			if _, err := load(t.Context(), "k"); !errors.Is(err, memcached.ErrUnavailable) {
				t.Errorf("the load while a call finds out: %v, want ErrUnavailable", err)
			}
		}
		if st := p.Stats(); st.State != "half-open" {
			t.Errorf("Stats = %+v, want it half-open", st)
		}
		resume()
		wg.Wait()
		if _, err := load(t.Context(), "k"); err != nil || p.Stats().State != "closed" {
			t.Errorf("after the outage the load says %v, and it is %s", err, p.Stats().State)
		}
	})
}

// Nobody has to ask for what is to be delivered.
//
// SPEC: X05
func TestUndeliveredGoByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		cfg := memcached.Config{Servers: []string{"fake:11211"}, Dial: f.dial}
		p, q := open(t, cfg), open(t, cfg)
		for _, key := range []string{"a", "b"} {
			if err := p.Set(t.Context(), key, tier.Item{Data: []byte("old")}); err != nil {
				t.Fatal(err)
			}
		}
		resume := f.pause()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := p.Delete(ctx, "a"); err == nil {
			t.Error("Delete of a server that hangs: no error, want one")
		}
		if _, err := p.Bump(ctx, "tag"); err == nil {
			t.Error("Bump of a server that hangs: no error, want one")
		}
		if n := p.Stats().Undelivered; n != 2 {
			t.Errorf("%d undelivered, want 2", n)
		}
		f.answersLost("md") // not even what was sent is done
		time.Sleep(time.Minute)
		resume()
		time.Sleep(time.Minute)
		if n := p.Stats().Undelivered; n != 0 {
			t.Errorf("%d undelivered a minute after the outage, want none", n)
		}
		if it, err := q.Get(t.Context(), "a"); it.Data != nil || err != nil {
			t.Errorf("Get of what was deleted = %q, %v; want nothing", it.Data, err)
		}
		if it, err := q.Get(t.Context(), "b"); string(it.Data) != "old" || err != nil {
			t.Errorf("Get of what was not deleted = %q, %v; want it", it.Data, err)
		}
		if table, err := q.Tags(t.Context()); table.Gens["tag"] == 0 || err != nil {
			t.Errorf("Tags = %+v, %v; want the tag in it", table, err)
		}
	})
}

// A Delete that began before another failed may have been done before what the
// other was about.
//
// SPEC: X05
func TestDeleteSettlesWhatFailedBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		p := open(t, memcached.Config{Servers: []string{"fake:11211"}, Dial: f.dial, Timeout: time.Hour, ProbeEvery: time.Hour})
		if _, err := p.Get(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		resume := f.pause()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := p.Delete(t.Context(), "k"); err != nil {
				t.Errorf("the first Delete = %v", err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := p.Delete(ctx, "k"); err == nil {
			t.Error("the second Delete: no error, want one")
		}
		resume()
		wg.Wait()
		if n := p.Stats().Undelivered; n != 1 {
			t.Errorf("%d undelivered after the first Delete's answer, want the second", n)
		}
		if err := p.Delete(t.Context(), "k"); err != nil || p.Stats().Undelivered != 0 {
			t.Errorf("the third Delete = %v, and %d undelivered; want none", err, p.Stats().Undelivered)
		}
	})
}

// Between the end of an outage and the delivery, a read delivers first.
//
// SPEC: X05
func TestReadDeliversFirst(t *testing.T) {
	s, n := start(t), &network{}
	cfg := quick(s)
	cfg.ProbeEvery, cfg.BreakAfter, cfg.Dial = time.Hour, 1000, n.dial // nothing is delivered by itself
	p := open(t, cfg)
	old := tier.Item{Data: []byte("old")}
	keys := []string{"get", "acquire", "many", "set"}
	for _, key := range keys {
		if err := p.Set(t.Context(), key, old); err != nil {
			t.Fatal(err)
		}
	}
	before, err := p.Bump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n.outage(t, p, func() {
		for range 2 { // each key once
			for _, err := range p.DeleteMany(t.Context(), keys[:3]) {
				if err == nil {
					t.Error("DeleteMany during an outage: no error, want one")
				}
			}
		}
		if err := p.Set(t.Context(), "set", tier.Item{Data: []byte("new")}); err == nil {
			t.Error("Set during an outage: no error, want one")
		}
		if _, err := p.Bump(t.Context(), "tag"); err == nil {
			t.Error("Bump during an outage: no error, want one")
		}
		if _, err := p.Get(t.Context(), "get"); err == nil {
			t.Error("Get during an outage: no error, want one")
		}
	})
	if n := p.Stats().Undelivered; n != 5 {
		t.Errorf("%d undelivered, want 5", n)
	}
	o := tier.AcquireOptions{LeaseTTL: time.Hour}
	if it, err := p.Get(t.Context(), "get"); it.Data != nil || err != nil {
		t.Errorf("Get of what was deleted = %q, %v; want nothing", it.Data, err)
	}
	if g, err := p.Acquire(t.Context(), "acquire", o); g.Item.Data != nil || g.Lease.Token == "" || err != nil {
		t.Errorf("Acquire of what was deleted = %+v, %v; want a lease alone", g, err)
	}
	if g, errs := p.AcquireMany(t.Context(), []string{"many", "set"}, o); g[0].Item.Data != nil || g[0].Lease.Token == "" || errors.Join(errs...) != nil || g[1].Item.Data != nil {
		t.Errorf("AcquireMany of what was deleted = %+v, %v; want leases alone", g, errs)
	}
	if table, err := p.Tags(t.Context()); err != nil || table.Gens["tag"] <= before.Seq {
		t.Errorf("Tags after a Bump that failed = %+v, %v; want the tag above %d", table, err, before.Seq)
	}
	if n := p.Stats().Undelivered; n != 0 {
		t.Errorf("%d undelivered, want none", n)
	}

	// A Delete that succeeds is as good as the one that failed before.
	n.outage(t, p, func() { _ = p.Delete(t.Context(), "k") })
	if err := p.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if n := p.Stats().Undelivered; n != 0 {
		t.Errorf("%d undelivered after a Delete that succeeded, want none", n)
	}
}

// Too many to remember are everything, and so is an InvalidateAll that failed.
//
// SPEC: X05, S10
func TestTooManyUndelivered(t *testing.T) {
	servers, n := []*server.Server{start(t), start(t)}, &network{}
	for name, fail := range map[string]func(*memcached.Store){
		"too many keys": func(p *memcached.Store) {
			keys := make([]string, 50)
			for i := range keys {
				keys[i] = fmt.Sprint(i)
			}
			p.DeleteMany(t.Context(), keys)
		},
		"all": func(p *memcached.Store) { _, _ = p.Bump(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := quick(servers...)
			cfg.Prefix, cfg.MaxUndelivered, cfg.Dial = fmt.Sprintf("%x:", name), 10, n.dial
			cfg.ProbeEvery, cfg.BreakAfter = time.Hour, 1000
			p := open(t, cfg)
			before, err := p.Tags(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			n.outage(t, p, func() {
				fail(p)
				if n := p.Stats().Undelivered; n != 22 {
					t.Errorf("%d undelivered, want 22: more than 10 of each server", n)
				}
			})
			if _, errs := p.AcquireMany(t.Context(), []string{"a", "b", "c", "d"}, tier.AcquireOptions{LeaseTTL: time.Hour}); errors.Join(errs...) != nil {
				t.Errorf("AcquireMany = %v", errs)
			}
			if n := p.Stats().Undelivered; n != 0 {
				t.Errorf("%d undelivered after a read, want none", n)
			}
			// It is one for both servers.
			if table, err := p.Tags(t.Context()); err != nil || table.Epoch != before.Epoch || table.Floor != before.Seq+1 {
				t.Errorf("Tags = %+v, %v; want floor %d", table, err, before.Seq+1)
			}
		})
	}
}

// What a process has failed to delete it does not give again, whatever becomes
// of the server: cut off, stopped, started anew with nothing.
//
// SPEC: X05, R10
func TestNothingOlderThanADeleteThatFailed(t *testing.T) {
	seed := rand.Uint64() //nolint:gosec // a seed
	t.Logf("seed %d", seed)
	servers := []*server.Server{start(t), start(t)}
	var (
		wg           sync.WaitGroup
		failed, gets atomic.Int64
		done         = make(chan struct{})
		n            = &network{}
	)
	for i := range 4 { // processes
		cfg := quick(servers...)
		cfg.Dial, cfg.Timeout = n.dial, 50*time.Millisecond
		rng := rand.New(rand.NewPCG(seed, uint64(i))) //nolint:gosec // no secret
		var source [6]atomic.Int64
		c := cache(t, open(t, cfg), false, tier.Config{TTL: time.Minute, FarBudget: 20 * time.Millisecond},
			func(_ context.Context, key string) (int64, error) { return source[key[0]-'0'].Load(), nil })
		other := cache(t, open(t, cfg), false, tier.Config{TTL: time.Minute, FarBudget: 20 * time.Millisecond}, func(_ context.Context, key string) (int64, error) {
			return source[key[0]-'0'].Load(), nil // it stores what p is to delete
		})
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				k := rng.IntN(len(source))
				key := fmt.Sprint(k, " of ", i)
				if rng.IntN(3) == 0 {
					source[k].Add(1)
					if c.Delete(t.Context(), key) != nil {
						failed.Add(1)
					}
				}
				_, _ = other.Get(t.Context(), key)
				gets.Add(1)
				if v, err := c.Get(t.Context(), key); err != nil || v < source[k].Load() {
					t.Errorf("seed %d: Get = %d, %v; want %d or more", seed, v, err, source[k].Load())
					return
				}
			}
		})
	}
	after := func(more int64) {
		for least := gets.Load() + more; gets.Load() < least && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	for i := range 6 {
		s := servers[i%2]
		after(300)
		var err error
		switch i / 2 {
		case 0:
			n.set(true)
			after(100)
			n.set(false)
		case 1:
			err = s.Pause()
			after(100)
			err = errors.Join(err, s.Resume())
		case 2:
			err = s.Kill()
			after(100)
			err = errors.Join(err, s.Start())
		}
		if err != nil {
			t.Error(err)
		}
	}
	after(300)
	close(done)
	wg.Wait()
	if failed.Load() == 0 {
		t.Error("no Delete has failed")
	}
	t.Logf("%d of the Deletes failed, %d Gets", failed.Load(), gets.Load())
}

// A closed store leaves nothing running, and no failed call ends a caller's
// patience: what is undelivered then is lost with the process.
func TestCloseWithUndelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		p, err := memcached.New(memcached.Config{Servers: []string{"fake:11211"}, Dial: f.dial})
		if err != nil {
			t.Fatal(err)
		}
		resume := f.pause()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		errs := p.DeleteMany(ctx, []string{"a", "b"})
		if slices.Contains(errs, nil) {
			t.Errorf("DeleteMany = %v, want errors", errs)
		}
		time.Sleep(1500 * time.Millisecond) // a delivery is under way
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		resume()
		if err := p.Available(); !errors.Is(err, memcached.ErrClosed) {
			t.Errorf("Available = %v, want ErrClosed", err)
		}
	})
}
