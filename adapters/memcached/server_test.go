package memcached_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/internal/server"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// say sends a line to a server, past the store, and gives the first line of its
// answer.
func say(t testing.TB, addr, line string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // nothing was written that matters
	if _, err := io.WriteString(conn, line+"\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(answer)
}

func restart(t testing.TB, s *server.Server) {
	t.Helper()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
}

// eventually does what may fail for as long as a connection is not known to be
// lost.
func eventually[T any](t testing.TB, do func() (T, error)) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		v, err := do()
		if err == nil {
			return v
		}
		if ctx.Err() != nil {
			t.Fatalf("still %v", err)
		}
		time.Sleep(time.Millisecond) // as a caller would come again
	}
}

// SPEC: R17, X09
func TestServerThatLosesAllInMidLease(t *testing.T) {
	for name, lose := range map[string]func(*testing.T, *server.Server){
		"kill -9":   func(t *testing.T, s *server.Server) { restart(t, s) },
		"flush_all": func(t *testing.T, s *server.Server) { say(t, s.Addr, "flush_all") },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			cfg := memcached.Config{Servers: []string{s.Addr}, Prefix: "p:"}
			p, q := open(t, cfg), open(t, cfg)
			const keys = 20 // the lease of one is likely to have the CAS of another's from before
			var old, next [keys]tier.Grant
			for i := range keys {
				old[i] = acquire(t, p, fmt.Sprint(i), tier.AcquireOptions{})
			}
			lose(t, s)
			for i := range keys {
				next[i] = eventually(t, func() (tier.Grant, error) {
					return q.Acquire(t.Context(), fmt.Sprint(i), tier.AcquireOptions{LeaseTTL: 10 * time.Second})
				})
			}
			for i := range keys {
				stored, _ := p.Fill(t.Context(), fmt.Sprint(i), old[i].Lease, tier.Item{Data: []byte("old")})
				if stored {
					t.Errorf("key %d: a fill with a lease from before was stored", i)
				}
				if !fill(t, q, fmt.Sprint(i), next[i].Lease, "new", 0) {
					t.Errorf("key %d: the fill of who came after was refused", i)
				}
			}
		})
	}
}

// SPEC: R04
func TestServerThatStops(t *testing.T) {
	s := start(t)
	cfg := memcached.Config{Servers: []string{s.Addr}, Prefix: "p:", Timeout: 500 * time.Millisecond, Conns: 1}
	p := open(t, cfg)
	lease := acquire(t, p, "k", tier.AcquireOptions{LeaseTTL: time.Minute}).Lease
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	get := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := p.Get(ctx, "k")
		return err
	}
	err := get()
	for err == nil { // it stops a little after it was told to
		err = get()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Get of a server that has stopped = %v, want its context's end", err)
	}
	// Without a deadline of its own a call ends with the connection.
	_, err = p.Acquire(t.Context(), "k2", tier.AcquireOptions{LeaseTTL: time.Minute})
	var failed *memcached.Error
	if !errors.Is(err, memcached.ErrSilent) || !errors.As(err, &failed) {
		t.Errorf("Acquire of a server that has stopped = %v, want an *Error of ErrSilent", err)
	}
	if strings.Contains(fmt.Sprint(err), s.Addr) {
		t.Errorf("the error %q names the server's address", err)
	}
	if err := p.Delete(t.Context(), "k3"); err == nil {
		t.Error("Delete on a server that has stopped = nil, want an error")
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() (tier.Item, error) { return p.Get(t.Context(), "k") })
	if fill(t, p, "k", lease, "old", 0) {
		t.Error("a fill with a lease of a connection that was closed was stored")
	}
	// What the server was asked for while it had stopped it has done by now;
	// nobody waits long for a lease that nobody got.
	if g := await(t, t.Context(), p, "k2", tier.AcquireOptions{LeaseTTL: time.Minute}); g.Lease == (tier.Lease{}) {
		t.Errorf("Acquire = %+v, want a lease", g)
	}
}

func TestServerThatIsNotThere(t *testing.T) {
	s := start(t)
	p := open(t, memcached.Config{Servers: []string{s.Addr}})
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := p.Get(t.Context(), "k")
		if op := (*net.OpError)(nil); !errors.As(err, &op) {
			t.Errorf("Get = %v, want a *net.OpError", err)
		}
		if strings.Contains(fmt.Sprint(err), s.Addr) || !strings.HasPrefix(fmt.Sprint(err), "memcached: server 0: ") {
			t.Errorf("the error is %q, want the server's place and not its address", err)
		}
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() (tier.Item, error) { return p.Get(t.Context(), "k") })
}

func TestSeveralServers(t *testing.T) {
	servers := []*server.Server{start(t), start(t), start(t)}
	cfg := memcached.Config{Prefix: "p:"}
	for _, s := range servers {
		cfg.Servers = append(cfg.Servers, s.Addr)
	}
	p, q := open(t, cfg), open(t, cfg)
	const n = 300
	keys, leases, items := make([]string, n), make([]tier.Lease, n), make([]tier.Item, n)
	at, place := make([]int, n), memcached.Ring(cfg.Servers)
	for i := range keys {
		keys[i], items[i] = fmt.Sprint("key ", i), tier.Item{Data: fmt.Append(nil, "value ", i), TTL: time.Hour}
		at[i] = place(memcached.Wire("p:", keys[i]))
	}
	grants, errs := p.AcquireMany(t.Context(), keys, tier.AcquireOptions{LeaseTTL: time.Minute})
	for i, g := range grants {
		if errs[i] != nil || g.Lease == (tier.Lease{}) {
			t.Fatalf("AcquireMany, key %d: %+v, %v; want a lease", i, g, errs[i])
		}
		leases[i] = g.Lease
	}
	stored, errs := p.FillMany(t.Context(), keys, leases, items)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	found := make([]int, len(servers))
	for i := range keys {
		if !stored[i] {
			t.Errorf("key %d was not stored", i)
		}
		if a := say(t, servers[at[i]].Addr, "mg "+memcached.Wire("p:", keys[i])+" s"); !strings.HasPrefix(a, "HD") {
			t.Errorf("key %d is not where the ring says", i)
		}
		found[at[i]]++
	}
	for i, n := range found {
		if n < 40 {
			t.Errorf("server %d has %d of 300 keys, want about 100", i, n)
		}
	}

	// One that is gone takes its own keys along and no others, and they go to
	// nobody else.
	if err := servers[1].Kill(); err != nil {
		t.Fatal(err)
	}
	grants, errs = q.AcquireMany(t.Context(), keys, tier.AcquireOptions{LeaseTTL: time.Minute})
	for i, g := range grants {
		var failed *memcached.Error
		if at[i] == 1 {
			if !errors.As(errs[i], &failed) || failed.Server != 1 {
				t.Errorf("key %d of the server that is gone: %v, want an *Error of server 1", i, errs[i])
			}
		} else if errs[i] != nil || string(g.Item.Data) != string(items[i].Data) {
			t.Errorf("key %d: %q, %v; want %q", i, g.Item.Data, errs[i], items[i].Data)
		}
	}
}

// With a memory of 8 MB, half of what is stored has to go, and then the leases and
// the table of tags.
func TestEviction(t *testing.T) {
	s := start(t, "-m", "8", "-t", "1")
	cfg := memcached.Config{Servers: []string{s.Addr}, Prefix: "p:"}
	p, q := open(t, cfg), open(t, cfg)
	before, err := p.Bump(t.Context(), "tag")
	if err != nil {
		t.Fatal(err)
	}
	var leases [100]tier.Lease
	for i := range leases {
		leases[i] = acquire(t, p, fmt.Sprint("held ", i), tier.AcquireOptions{LeaseTTL: time.Minute}).Lease
	}
	value := func(i int) string { return fmt.Sprint(i, " ", strings.Repeat("x", 10_000)) }
	const n = 1600
	refused, kept := 0, 0
	for from := 0; from < n; from += 100 {
		var keys []string
		var of []tier.Lease
		var items []tier.Item
		for i := from; i < from+100; i++ {
			keys, items = append(keys, fmt.Sprint(i)), append(items, tier.Item{Data: []byte(value(i))})
		}
		grants, errs := p.AcquireMany(t.Context(), keys, tier.AcquireOptions{LeaseTTL: time.Minute})
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		for _, g := range grants {
			of = append(of, g.Lease)
		}
		stored, errs := p.FillMany(t.Context(), keys, of, items)
		for i := range stored {
			if full := (*memcached.ServerError)(nil); errs[i] != nil && !errors.As(errs[i], &full) {
				t.Fatal(errs[i])
			}
			if !stored[i] {
				refused++
			}
		}
	}
	for i := range n {
		it, err := q.Get(t.Context(), fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		if it.Data == nil {
			continue
		}
		kept++
		if string(it.Data) != value(i) {
			t.Errorf("key %d has %.20q", i, it.Data)
		}
	}
	crowd(t, s.Addr) // of items the size of a lease and of the table
	lost := 0
	for i, l := range leases {
		key := fmt.Sprint("held ", i)
		g := acquire(t, q, key, tier.AcquireOptions{LeaseTTL: time.Minute})
		stored := fill(t, p, key, l, "old", 0)
		if g.Lease != (tier.Lease{}) {
			lost++
			if stored {
				t.Errorf("lease %d was evicted and its fill was stored", i)
			}
		} else if !stored {
			t.Errorf("lease %d was there and its fill was refused", i)
		}
	}
	after, err := q.Tags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after.Epoch == before.Epoch && after.Seq != before.Seq {
		t.Errorf("the table has Seq %d, want %d or another epoch", after.Seq, before.Seq)
	}
	if lost == 0 || after.Epoch == before.Epoch {
		t.Errorf("%d leases were evicted, and the table: %t; want both to happen here", lost, after.Epoch != before.Epoch)
	}
	if kept == 0 || kept == n {
		t.Errorf("%d of %d values are there, want some", kept, n)
	}
	t.Logf("%d of %d values kept, %d fills refused, %d of %d leases evicted, table lost: %t", kept, n, refused, lost, len(leases), after.Epoch != before.Epoch)
}

// crowd stores what makes small items go.
func crowd(t *testing.T, addr string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the answer has come
	w := bufio.NewWriter(conn)
	for i := range 60_000 {
		_, _ = fmt.Fprintf(w, "set x%d 0 0 %d noreply\r\n%s\r\n", i, 20+i%60, strings.Repeat("x", 20+i%60))
	}
	_, _ = w.WriteString("mn\r\n")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if a, err := bufio.NewReader(conn).ReadString('\n'); a != "MN\r\n" {
		t.Fatalf("memcached says %q, %v", a, err)
	}
}

// patience is a budget that a busy machine does not exceed.
const patience = 20 * time.Second

// cache makes a process's cache over s; without near, each Get asks s.
func cache(t testing.TB, s tier.Store, near bool, cfg tier.Config, load func(context.Context, string) (int64, error)) *tier.Cache[string, int64] {
	t.Helper()
	far := tier.Encoded(s, codec.StringKey[string], codec.JSON[int64]())
	var n tier.Near[string, int64]
	if near {
		n = mem.New[string, int64](mem.Config{})
	}
	c, err := tier.New(load, cfg, n, far)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// SPEC: R01, R02, R14
func TestCachesOfAFleetLoadOnce(t *testing.T) {
	s := start(t)
	var (
		loads atomic.Int64
		wg    sync.WaitGroup
	)
	load := func(context.Context, string) (int64, error) {
		time.Sleep(20 * time.Millisecond) // a source that takes this
		return loads.Add(1), nil
	}
	var caches []*tier.Cache[string, int64]
	for range 4 {
		store := open(t, memcached.Config{Servers: []string{s.Addr}, Prefix: "fleet:", Timeout: patience})
		caches = append(caches, cache(t, store, true, tier.Config{TTL: time.Minute, FarBudget: patience, LeaseTTL: patience}, load))
	}
	const keys = 10
	for i := range 64 * len(caches) {
		c := caches[i%len(caches)]
		wg.Go(func() {
			for k := range keys {
				if _, err := c.Get(t.Context(), fmt.Sprint(k)); err != nil {
					t.Errorf("Get = %v", err)
				}
			}
		})
	}
	wg.Wait()
	if n := loads.Load(); n != keys {
		t.Errorf("%d loads of %d keys by %d processes, want one each", n, keys, len(caches))
	}
	if err := caches[0].Delete(t.Context(), "0"); err != nil {
		t.Fatal(err)
	}
	if v, err := caches[0].Get(t.Context(), "0"); v != keys+1 || err != nil {
		t.Errorf("after Delete, Get = %d, %v; want a load", v, err)
	}
}

// Values are never older than a Delete that has returned, in whatever state the
// server is: processes without near tiers and with one caller each, so that
// there is no bound to wait for and no load to join.
//
// SPEC: R03, R17, R18, L03
func TestNothingOlderThanADelete(t *testing.T) {
	s := start(t)
	const keys = 4
	var (
		source, deleted [keys]atomic.Int64
		ops             atomic.Int64
		wg              sync.WaitGroup
		done            = make(chan struct{})
	)
	load := func(ctx context.Context, key string) (int64, error) {
		v := source[key[0]-'0'].Load()
		pause := time.NewTimer(time.Millisecond)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		return v, nil
	}
	for range 4 {
		store := open(t, memcached.Config{Servers: []string{s.Addr}, Timeout: 100 * time.Millisecond, ProbeEvery: 20 * time.Millisecond})
		for i := range 6 {
			c := cache(t, store, false, tier.Config{TTL: time.Minute, LeaseTTL: 300 * time.Millisecond, FarBudget: 50 * time.Millisecond}, load)
			wg.Go(func() {
				for n := i; ; n++ {
					select {
					case <-done:
						return
					default:
					}
					ops.Add(1)
					k := n % keys
					key := string(rune('0' + k))
					if n%20 == 0 {
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
						t.Errorf("Get = %d, %v; want %d or more", v, err, least)
						return
					}
				}
			})
		}
	}
	// after waits until so much more has been done.
	after := func(n int64) {
		for until := ops.Load() + n; ops.Load() < until && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	after(1500)
	say(t, s.Addr, "flush_all")
	after(1500)
	restart(t, s)
	after(1500)
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	after(100)
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	after(1500)
	close(done)
	wg.Wait()
}

const holderEnv = "ONEFOLD_TEST_HOLDER"

// TestHolder is the process that TestHolderIsKilled kills.
func TestHolder(t *testing.T) {
	addr, ok := os.LookupEnv(holderEnv)
	if !ok {
		return
	}
	say := func(what string) {
		fmt.Println(what)
		_, _ = fmt.Scanln() // until it is killed, or to go on
	}
	load := func(context.Context, string) (int64, error) { say("loading"); return 1, nil }
	store := open(t, memcached.Config{Servers: []string{addr}})
	c := cache(t, told{store, say}, false, tier.Config{TTL: time.Minute, LeaseTTL: 500 * time.Millisecond}, load)
	_, _ = c.Get(t.Context(), "k")
}

// A told store says when it is about to fill and when it has.
type told struct {
	*memcached.Store
	say func(string)
}

func (s told) Fill(ctx context.Context, key string, l tier.Lease, it tier.Item) (bool, error) {
	s.say("loaded")
	ok, err := s.Store.Fill(context.WithoutCancel(ctx), key, l, it)
	s.say("stored")
	return ok, err
}

// SPEC: R15, R19, X08
func TestHolderIsKilled(t *testing.T) {
	for at, want := range map[string]int64{"loading": 1, "loaded": 1, "stored": 0} {
		t.Run(at, func(t *testing.T) {
			s := start(t)
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHolder$")
			cmd.Env = append(os.Environ(), holderEnv+"="+s.Addr)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != at; {
				_, _ = io.WriteString(in, "\n")
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // it was killed

			var (
				loads atomic.Int64
				wg    sync.WaitGroup
			)
			load := func(context.Context, string) (int64, error) { return 1 + loads.Add(1), nil }
			for range 4 {
				store := open(t, memcached.Config{Servers: []string{s.Addr}, Timeout: patience})
				c := cache(t, store, false, tier.Config{TTL: time.Minute, LeaseTTL: patience, FarBudget: patience}, load)
				wg.Go(func() {
					if v, err := c.Get(t.Context(), "k"); v != 1+want || err != nil {
						t.Errorf("Get = %d, %v; want %d", v, err, 1+want)
					}
				})
			}
			wg.Wait()
			if n := loads.Load(); n != want {
				t.Errorf("%d loads after the holder's death, want %d", n, want)
			}
		})
	}
}
