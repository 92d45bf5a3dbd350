package redis_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/tier"
)

// lease acquires a lease that is there to have.
func lease(t *testing.T, s *redis.Store, key string) tier.Lease {
	t.Helper()
	g, err := s.Acquire(t.Context(), key, tier.AcquireOptions{LeaseTTL: time.Hour})
	if err != nil || g.Lease.Token == "" {
		t.Fatalf("Acquire(%q) = %+v, %v; want a lease", key, g, err)
	}
	return g.Lease
}

func wantFill(t *testing.T, step string, s *redis.Store, key string, l tier.Lease, want bool) {
	t.Helper()
	stored, err := s.Fill(t.Context(), key, l, tier.Item{Data: []byte("old")})
	if stored != want || err != nil {
		t.Errorf("%s: Fill = %t, %v; want %t", step, stored, err, want)
	}
}

func url(addr string) string { return "redis://" + addr }

// A server that comes back with what it had written down may have lost the end
// of it, such as a Delete.
//
// SPEC: R17, X09
func TestLeaseIsVoidAfterRestart(t *testing.T) {
	s := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	p := open(t, url(s.Addr), redis.Options{})
	l := lease(t, p, "k")
	if held, err := p.Renew(t.Context(), "k", l, time.Hour); !held || err != nil {
		t.Fatalf("Renew = %t, %v; want the lease held", held, err)
	}
	if err := errors.Join(s.Kill(), s.Start()); err != nil {
		t.Fatal(err)
	}
	conn := admin(t, s.Addr)
	if got := ask(t, conn, "GET", "onefold:1:l{kk}"); got != l.Token {
		t.Fatalf("after the restart the lease is %q, want what it was", got)
	}
	q := open(t, url(s.Addr), redis.Options{})
	for _, store := range []*redis.Store{p, q} {
		eventually(t, "the server is reached", func() bool { _, err := store.Get(t.Context(), "k"); return err == nil })
		wantFill(t, "after a restart", store, "k", l, false)
		if held, err := store.Renew(t.Context(), "k", l, time.Hour); held || err != nil {
			t.Errorf("after a restart, Renew = %t, %v; want the lease not held", held, err)
		}
	}
	if err := q.Release(t.Context(), "k", l, 0); err != nil {
		t.Fatal(err)
	}
	wantFill(t, "with a lease from after the restart", q, "k", lease(t, q, "k"), true)
}

// A replica that takes over has the leases of before, and may have missed a
// Delete.
//
// SPEC: R17, X09
func TestLeaseIsVoidAfterFailover(t *testing.T) {
	master := startRedis(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := strings.Cut(master.Addr, ":")
	replica := startRedis(t, "--replicaof", host, port)
	conn := admin(t, replica.Addr)
	p := open(t, url(master.Addr), redis.Options{})
	before, err := p.Bump(t.Context(), "tag")
	if err != nil {
		t.Fatal(err)
	}
	l := lease(t, p, "k")
	eventually(t, "the replica has the lease", func() bool { return ask(t, conn, "GET", "onefold:1:l{kk}") == l.Token })
	ask(t, conn, "REPLICAOF", "NO", "ONE")
	if err := master.Kill(); err != nil {
		t.Fatal(err)
	}
	q := open(t, url(replica.Addr), redis.Options{})
	if got := ask(t, conn, "GET", "onefold:1:l{kk}"); got != l.Token {
		t.Fatalf("after the failover the lease is %q, want what it was", got)
	}
	wantFill(t, "after a failover", q, "k", l, false)
	after, err := q.Tags(t.Context())
	if err != nil || after.Epoch == before.Epoch {
		t.Errorf("after a failover the table of tags is %+v, %v; want another epoch than %d", after, err, before.Epoch)
	}
}

// SPEC: R17
func TestFlushInMidLease(t *testing.T) {
	s := startRedis(t)
	p, q := open(t, url(s.Addr), redis.Options{}), open(t, url(s.Addr), redis.Options{})
	l := lease(t, p, "k")
	before, err := p.Tags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var told sync.WaitGroup
	alls := make(chan struct{}, 10)
	told.Go(func() {
		_ = q.Notify(ctx, func(c tier.Change) {
			if c.All {
				alls <- struct{}{}
			}
		})
	})
	<-alls // that it listens
	g, err := q.Acquire(t.Context(), "k", tier.AcquireOptions{LeaseTTL: time.Hour})
	if err != nil || g.Changed == nil {
		t.Fatalf("Acquire = %+v, %v; want a channel", g, err)
	}
	ask(t, admin(t, s.Addr), "FLUSHALL")
	<-g.Changed
	eventually(t, "the listener has been told", func() bool { return len(alls) > 0 })
	cancel()
	told.Wait()
	wantFill(t, "after FLUSHALL", p, "k", l, false)
	if after, err := p.Tags(t.Context()); err != nil || after.Epoch == before.Epoch {
		t.Errorf("after FLUSHALL the table of tags is %+v, %v; want another epoch than %d", after, err, before.Epoch)
	}
	if q.Stats().Flushes == 0 {
		t.Errorf("Stats count no flush")
	}
}

// What holds values must be able to drop them when it is full.
//
// SPEC: R18
func TestFullServerStillDeletes(t *testing.T) {
	s := startRedis(t)
	p := open(t, url(s.Addr), redis.Options{})
	wantFill(t, "before it is full", p, "k", lease(t, p, "k"), true)
	held := lease(t, p, "held")
	ask(t, admin(t, s.Addr), "CONFIG", "SET", "maxmemory", "1")
	if stored, err := p.Fill(t.Context(), "held", held, tier.Item{Data: []byte("v")}); stored || err == nil {
		t.Errorf("Fill in a full server = %t, %v; want an error", stored, err)
	}
	if _, err := p.Acquire(t.Context(), "other", tier.AcquireOptions{LeaseTTL: time.Hour}); err == nil {
		t.Errorf("Acquire of a lease in a full server: no error, want one")
	}
	for _, key := range []string{"k", "absent"} {
		if err := p.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%q) in a full server = %v", key, err)
		}
	}
	if it, err := p.Get(t.Context(), "k"); it.Data != nil || err != nil {
		t.Errorf("Get after Delete = %q, %v; want nothing", it.Data, err)
	}
	src := newSource("v")
	c := newProcess(t, p, tier.Config{}, src.load)
	c.want(t, "new", "v")
	src.wantLoads(t, 1)
}

// A server that evicts may drop a lease, a value or the table of tags, each as a
// whole.
func TestEvictedLeaseIsGone(t *testing.T) {
	s := startRedis(t, "--maxmemory-policy", "allkeys-random")
	p := open(t, url(s.Addr), redis.Options{})
	l := lease(t, p, "k")
	before, err := p.Tags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn := admin(t, s.Addr)
	used := 0
	for line := range strings.Lines(ask(t, conn, "INFO", "memory")) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:"); ok {
			used = atoi(t, n)
		}
	}
	ask(t, conn, "CONFIG", "SET", "maxmemory", itoa(used-1))
	eventually(t, "the lease has been evicted", func() bool {
		_ = conn.Do(t.Context(), conn.B().Arbitrary("SET", "filler", "x").Build()) // refused when there is nothing left to evict
		return ask(t, conn, "EXISTS", "onefold:1:l{kk}", "onefold:1:t{t}") == "0"
	})
	ask(t, conn, "CONFIG", "SET", "maxmemory", "0")
	wantFill(t, "after it was evicted", p, "k", l, false)
	if after, err := p.Tags(t.Context()); err != nil || after.Epoch == before.Epoch {
		t.Errorf("after it was evicted the table of tags is %+v, %v; want another epoch than %d", after, err, before.Epoch)
	}
}

// SPEC: R03, R18
func TestReadOnlyServerIsPassedOver(t *testing.T) {
	master := startRedis(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := strings.Cut(master.Addr, ":")
	replica := startRedis(t, "--replicaof", host, port)
	p := open(t, url(replica.Addr), redis.Options{})
	if _, err := p.Acquire(t.Context(), "k", tier.AcquireOptions{LeaseTTL: time.Hour}); err == nil || !strings.Contains(err.Error(), "READONLY") {
		t.Errorf("Acquire at a replica = %v, want READONLY", err)
	}
	src := newSource("v")
	newProcess(t, p, tier.Config{}, src.load).want(t, "k", "v")
}

// Answers that no script of ours gave, since something else wrote there.
//
// SPEC: R05, S02
func TestForeignDataIsAMiss(t *testing.T) {
	s := startRedis(t)
	conn := admin(t, s.Addr)
	src := newSource("v")
	p := newProcess(t, open(t, url(s.Addr), redis.Options{}), tier.Config{}, src.load)
	for key, words := range map[string][]string{
		"list":    {"RPUSH", "onefold:1:v{klist}", "x"},
		"bytes":   {"SET", "onefold:1:v{kbytes}", "\x00\xff{"},
		"lease":   {"RPUSH", "onefold:1:l{klease}", "x"},
		"crossed": {"SET", "onefold:1:v{kcrossed}", "nothing"},
	} {
		ask(t, conn, words...)
		p.want(t, key, "v")
	}
	ask(t, conn, "SET", "onefold:1:v{kcrossed}", ask(t, conn, "GET", "onefold:1:v{kbytes}")) // another key's value
	q := newProcess(t, open(t, url(s.Addr), redis.Options{}), tier.Config{}, newSource("v2").load)
	q.want(t, "crossed", "v2")
}

// SPEC: S04, S10
func TestLongKeysAreRefused(t *testing.T) {
	s := startRedis(t)
	p := open(t, url(s.Addr), redis.Options{})
	long := strings.Repeat("k", 64<<10+1)
	var fault *redis.KeyError
	_, err := p.Get(t.Context(), long)
	if !errors.As(err, &fault) || fault.Len != len(long) || !strings.Contains(err.Error(), "65537") {
		t.Errorf("Get of a key of %d bytes = %v, want a *KeyError that says so", len(long), err)
	}
	errs := p.DeleteMany(t.Context(), []string{"k", long})
	if errs[0] != nil || !errors.As(errs[1], &fault) {
		t.Errorf("DeleteMany = %v, want a *KeyError for the second alone", errs)
	}
	if n := p.Stats().Undelivered; n != 0 {
		t.Errorf("%d undelivered, want none: what was refused was not there", n)
	}
}

// No value outlives its TTL, however short that is: an answer that there is none
// has a shorter one than others.
func TestShortTTLs(t *testing.T) {
	s := startRedis(t)
	p := open(t, url(s.Addr), redis.Options{})
	for _, ttl := range []time.Duration{time.Nanosecond, 500 * time.Microsecond, time.Millisecond, 50 * time.Millisecond} {
		key := ttl.String()
		stored, err := p.Fill(t.Context(), key, lease(t, p, key), tier.Item{Data: []byte("v"), TTL: ttl})
		if !stored || err != nil {
			t.Fatalf("Fill for %v = %t, %v", ttl, stored, err)
		}
		eventually(t, "what was stored for "+key+" is gone", func() bool {
			it, err := p.Get(t.Context(), key)
			return err == nil && it.Data == nil
		})
	}
}

// What is too large is neither stored nor sent.
//
// SPEC: R12, S06
func TestLargeValuesAreRefused(t *testing.T) {
	s := startRedis(t)
	p := open(t, url(s.Addr), redis.Options{MaxValueSize: 1000})
	most, large := make([]byte, 1000), make([]byte, 1001)
	l := lease(t, p, "k")
	var fault *redis.SizeError
	if stored, err := p.Fill(t.Context(), "k", l, tier.Item{Data: large}); stored || !errors.As(err, &fault) || fault.Size != 1001 || fault.Max != 1000 {
		t.Errorf("Fill of 1,001 bytes = %t, %v; want a *SizeError", stored, err)
	}
	if stored, err := p.Fill(t.Context(), "k", l, tier.Item{Data: most}); !stored || err != nil {
		t.Errorf("Fill of 1,000 bytes = %t, %v; want it stored", stored, err)
	}
	if it, err := p.Get(t.Context(), "k"); len(it.Data) != 1000 || err != nil {
		t.Errorf("Get = %d bytes, %v; want 1,000", len(it.Data), err)
	}
	ask(t, admin(t, s.Addr), "SETRANGE", "onefold:1:v{kforeign}", "1000", "x")
	if it, err := p.Get(t.Context(), "foreign"); it.Data != nil || err != nil {
		t.Errorf("Get of 1,001 bytes = %d bytes, %v; want nothing", len(it.Data), err)
	}
	wantFill(t, "in the place of what is too large", p, "foreign", lease(t, p, "foreign"), true)
}

// The stream ends with its connection and begins again: who waits is woken, and
// Notify returns and has a gap behind it.
func TestStreamBreaks(t *testing.T) {
	s := startRedis(t)
	pr := startProxy(t, s.Addr)
	p, q := open(t, url(pr.addr), redis.Options{}), open(t, url(s.Addr), redis.Options{})
	live(t, p, q)
	for _, fault := range []struct {
		name       string
		hurt, heal func()
	}{
		{"reset", pr.reset, func() {}},
		{"restart", func() { _ = s.Kill(); _ = s.Start() }, func() {}},
	} {
		name := fault.name
		lease(t, q, name)
		var g tier.Grant
		eventually(t, "the server is reached", func() (ok bool) {
			var err error
			g, err = p.Acquire(t.Context(), name, tier.AcquireOptions{LeaseTTL: time.Hour})
			return err == nil
		})
		if g.Changed == nil {
			t.Fatalf("Acquire = %+v; want a channel", g)
		}
		began := make(chan struct{})
		ended := make(chan error, 1)
		go func() {
			once := sync.OnceFunc(func() { close(began) })
			ended <- p.Notify(t.Context(), func(tier.Change) { once() })
		}()
		<-began
		streams := p.Stats().Streams
		fault.hurt()
		eventually(t, "who waits is woken", func() bool {
			select {
			case <-g.Changed:
				return true
			default:
				return false
			}
		})
		var err error
		eventually(t, "Notify has ended", func() bool {
			select {
			case err = <-ended:
				return true
			default:
				return false
			}
		})
		if !errors.Is(err, redis.ErrStream) {
			t.Errorf("%s: Notify = %v, want ErrStream", name, err)
		}
		fault.heal()
		eventually(t, "the stream has begun again", func() bool { return p.Stats().Streams > streams && p.Stats().Live })
		live(t, q)
		told := make(chan tier.Change, 10)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = p.Notify(ctx, func(c tier.Change) { told <- c }) }()
		<-told
		eventually(t, "the other reaches the server", func() bool { return q.Delete(t.Context(), "after "+name) == nil })
		for c := range told {
			if c.Key == "after "+name {
				break
			}
		}
		cancel()
	}
}

// Changes that nobody takes become one that says that all may have changed.
//
// SPEC: S10
func TestSlowListener(t *testing.T) {
	const most, changes = 10_000, 25_000
	s := startRedis(t)
	p, q := open(t, url(s.Addr), redis.Options{}), open(t, url(s.Addr), redis.Options{})
	live(t, p)
	began, goOn := make(chan struct{}), make(chan struct{})
	told := make(chan tier.Change, changes+10)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		first := sync.OnceFunc(func() { close(began); <-goOn })
		ended <- p.Notify(ctx, func(c tier.Change) { first(); told <- c })
	}()
	<-began
	keys := make([]string, changes)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	for some := range slices.Chunk(keys, 1000) {
		if err := errors.Join(q.DeleteMany(t.Context(), some)...); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all changes have come", func() bool { return p.Stats().Heard >= changes })
	close(goOn)
	n, alls := 0, 0
	for c := range told {
		n++
		if c.All {
			alls++
		}
		if c.Key == keys[changes-1] {
			break
		}
	}
	cancel()
	<-ended
	if n > most+3 || alls != 2 {
		t.Errorf("%d changes were kept, with %d that say that all may have changed; want %d at most and 2: at the beginning and for those that were not kept", n, alls, most+3)
	}
}

// A master that becomes a replica keeps its connections.
func TestDemotedServer(t *testing.T) {
	s, other := startRedis(t), startRedis(t)
	conn := admin(t, s.Addr)
	p := open(t, url(s.Addr), redis.Options{Ping: 50 * time.Millisecond})
	live(t, p)
	host, port, _ := strings.Cut(other.Addr, ":")
	ask(t, conn, "REPLICAOF", host, port)
	eventually(t, "the stream is known to be broken", func() bool { return !p.Stats().Live })
	ask(t, conn, "REPLICAOF", "NO", "ONE")
	live(t, p)
}

// A half-open stream, on which nothing comes any more, is noticed by its pings.
func TestHangingStreamIsNoticed(t *testing.T) {
	s := startRedis(t)
	pr := startProxy(t, s.Addr)
	p := open(t, url(pr.addr), redis.Options{Ping: 50 * time.Millisecond})
	live(t, p)
	if got, want := p.Staleness(), 100*time.Millisecond; got != want {
		t.Errorf("Staleness = %v, want %v", got, want)
	}
	pr.stall()
	eventually(t, "the stream is known to be broken", func() bool { return !p.Stats().Live })
	pr.flow()
	live(t, p)
}

// While there is no stream, who waits looks again from time to time.
//
// SPEC: X03
func TestWaitersPollWithoutAStream(t *testing.T) {
	s := startRedis(t)
	o := redis.Options{Poll: 20 * time.Millisecond, Client: noTracking}
	p, q := open(t, url(s.Addr), o), open(t, url(s.Addr), redis.Options{})
	l := lease(t, q, "k")
	src := newSource("mine")
	c := newProcess(t, p, tier.Config{LeaseTTL: time.Hour}, src.load)
	got := make(chan error)
	go func() { _, err := c.Get(t.Context(), "k"); got <- err }()
	eventually(t, "it waits", func() bool { return p.Waiting() > 0 })
	if p.Stats().Live {
		t.Fatalf("there is a stream, want none")
	}
	if err := q.Release(t.Context(), "k", l, 0); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
	src.wantLoads(t, 1)
}

// An answer that ends in its middle is an error, and the next call has another
// connection.
//
// SPEC: S02, R05
func TestTruncatedAnswers(t *testing.T) {
	s := startRedis(t)
	pr := startProxy(t, s.Addr)
	p := open(t, url(pr.addr), redis.Options{Ping: time.Hour, BreakAfter: 1000})
	want := strings.Repeat("0123456789", 100)
	if err := p.Set(t.Context(), "k", tier.Item{Data: []byte(want)}); err != nil {
		t.Fatal(err)
	}
	fails := 0
	for n := 1; n < 1100; n += 7 {
		pr.truncate(n)
		it, err := p.Get(t.Context(), "k")
		if err != nil {
			fails++
			continue
		}
		if string(it.Data) != want {
			t.Fatalf("an answer cut after %d bytes gives %d bytes, want all or an error", n, len(it.Data))
		}
	}
	if fails == 0 {
		t.Errorf("no call failed, want those whose answers were cut")
	}
}

// A closed store leaves nothing running, whatever state its server is in.
//
// SPEC: M02
func TestCloseEndsEverything(t *testing.T) {
	s := startRedis(t)
	before := runtime.NumGoroutine()
	for _, hurt := range []func() error{func() error { return nil }, s.Kill} {
		p, err := redis.Open(url(s.Addr), quick)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(p.Delete(t.Context(), "k"), hurt()); err != nil {
			t.Fatal(err)
		}
		p.Close()
		eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
	}
}

func TestAfterClose(t *testing.T) {
	s := startRedis(t)
	p, q := open(t, url(s.Addr), redis.Options{}), open(t, url(s.Addr), redis.Options{})
	lease(t, q, "k")
	g, err := p.Acquire(t.Context(), "k", tier.AcquireOptions{LeaseTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 1)
	began := make(chan struct{})
	once := sync.OnceFunc(func() { close(began) })
	go func() { told <- p.Notify(t.Context(), func(tier.Change) { once() }) }()
	<-began
	p.Close()
	p.Close()
	<-g.Changed
	if err := <-told; !errors.Is(err, redis.ErrClosed) {
		t.Errorf("Notify = %v at Close, want ErrClosed", err)
	}
	_, errs := p.AcquireMany(t.Context(), []string{"k"}, tier.AcquireOptions{LeaseTTL: time.Hour})
	_, get := p.Get(t.Context(), "k")
	_, tags := p.Tags(t.Context())
	for _, err := range append(slices.Clone(errs), get, tags, p.Delete(t.Context(), "k"), p.Available()) {
		if !errors.Is(err, redis.ErrClosed) {
			t.Errorf("a call after Close = %v, want ErrClosed", err)
		}
	}
}

// What a Set that got no answer has sent may reach the server long after. A
// Delete that was acknowledged meanwhile stands.
//
// SPEC: R15, C03
func TestLateSetDoesNotUndoADelete(t *testing.T) {
	s := startRedis(t)
	pr := startProxy(t, s.Addr)
	p := open(t, url(pr.addr), redis.Options{})
	q := open(t, url(s.Addr), redis.Options{})
	live(t, p, q)
	if err := p.Set(t.Context(), "other", tier.Item{Data: []byte("v")}); err != nil { // the connection is there
		t.Fatal(err)
	}
	pr.stall()
	held := pr.holds()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Set(ctx, "k", tier.Item{Data: []byte("late")}); err == nil {
		t.Fatal("Set got an answer over a network that lets nothing through")
	}
	eventually(t, "what Set sent is on its way", func() bool { return pr.holds() > held })
	if err := q.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	// p would delete the key in its turn, and hide what was there for a moment:
	// its Delete comes behind the Set.
	seen := make(chan string, 1)
	stop := make(chan struct{})
	go func() {
		defer close(seen)
		for {
			it, err := q.Get(t.Context(), "k")
			if err == nil && it.Data != nil {
				seen <- string(it.Data)
				return
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	pr.flow()
	eventually(t, "the network is back", func() bool { _, err := p.Get(t.Context(), "other"); return err == nil })
	close(stop)
	if v, ok := <-seen; ok {
		t.Errorf("after Delete returned, the key had %q", v)
	}
}
