package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/internal/server"
	"github.com/onefold-go/onefold/tier"
)

func startCluster(t *testing.T, masters, replicas int) (c *server.Cluster, url string) {
	t.Helper()
	c, err := server.RedisCluster(masters, replicas)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	addrs := c.Addrs()
	return c, "redis://" + addrs[0] + "?addr=" + strings.Join(addrs, "&addr=")
}

// What a store promises it promises on a Cluster. Then a replica takes over:
// leases of the master's are void, and changes are heard of again.
//
// SPEC: R14, R16, R17, R19, X02, X03, X09, X10, X11, N13
func TestCluster(t *testing.T) {
	t.Parallel() // most of it is waiting for servers
	c, url := startCluster(t, 3, 1)
	foldtest.TestStore(t, func(t *testing.T) tier.Store {
		return open(t, url, redis.Options{})
	}, foldtest.StoreOptions{Require: everything, Rounds: 30})

	o := redis.Options{Ping: 50 * time.Millisecond}
	p, q := open(t, url, o), open(t, url, o)
	live(t, p, q)
	// A key of the first master, which has the replica.
	conn := admin(t, c.Masters[0].Addr)
	key := ""
	for i := 0; key == "" || atoi(t, ask(t, conn, "CLUSTER", "KEYSLOT", "onefold:1:l{k"+key+"}")) >= 5461; i++ {
		key = fmt.Sprint("k", i)
	}
	l := lease(t, p, key)
	g, err := q.Acquire(t.Context(), key, tier.AcquireOptions{LeaseTTL: time.Hour})
	if err != nil || g.Changed == nil {
		t.Fatalf("Acquire = %+v, %v; want a channel", g, err)
	}
	replica := admin(t, c.Replicas[0].Addr)
	eventually(t, "the replica has the lease", func() bool { return ask(t, replica, "DBSIZE") != "0" })
	if err := errors.Join(c.Masters[0].Kill(), c.Failover(0)); err != nil {
		t.Fatal(err)
	}
	<-g.Changed
	eventually(t, "the new master is reached", func() bool {
		g, err = p.Acquire(t.Context(), key, tier.AcquireOptions{LeaseTTL: time.Hour})
		return err == nil
	})
	if g.Changed == nil {
		t.Fatalf("after the failover Acquire = %+v, want that the old lease is there", g)
	}
	stored, err := p.Fill(t.Context(), key, l, tier.Item{Data: []byte("old")})
	if stored || err != nil {
		t.Errorf("Fill after a failover = %t, %v; want it refused", stored, err)
	}
	eventually(t, "the streams have begun again", func() bool {
		return p.Stats().Streams > 1 && p.Stats().Live && q.Stats().Streams > 1 && q.Stats().Live
	})
	wantTold(t, p, func() error { return q.Delete(t.Context(), key) }, key)
}

// A slot moves to a server that was not there when the streams began.
func TestClusterGrows(t *testing.T) {
	t.Parallel()
	c, url := startCluster(t, 1, 0)
	o := redis.Options{Ping: 50 * time.Millisecond}
	src := newSource("v1")
	p := newProcess(t, open(t, url, o), tier.Config{}, src.load)
	q := newProcess(t, open(t, url, o), tier.Config{}, src.load)
	live(t, p.store, q.store)
	p.want(t, "k", "v1")
	q.want(t, "k", "v1")
	if err := p.Delete(t.Context(), "k"); err != nil { // the slot must be empty to move
		t.Fatal(err)
	}
	q.want(t, "k", "v1")
	if err := q.store.Delete(t.Context(), "k"); err != nil { // near it stays, as it is q's own change
		t.Fatal(err)
	}
	slot := atoi(t, ask(t, admin(t, c.Masters[0].Addr), "CLUSTER", "KEYSLOT", "onefold:1:v{kk}"))
	s, err := c.Join()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Move(slot, c.Masters[0], s); err != nil {
		t.Fatal(err)
	}
	src.value.Store("v2")
	eventually(t, "the other server is asked", func() bool { return p.Delete(t.Context(), "k") == nil })
	p.want(t, "k", "v2")
	if n := atoi(t, ask(t, admin(t, s.Addr), "DBSIZE")); n == 0 {
		t.Errorf("the key is not at the server that its slot moved to")
	}
	eventually(t, "the other process has heard of it", func() bool {
		v, err := q.Get(t.Context(), "k")
		return err == nil && v == "v2"
	})
}

// wantTold checks that p is told of a change of key.
func wantTold(t *testing.T, p *redis.Store, change func() error, key string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told := make(chan tier.Change, 100)
	go func() { _ = p.Notify(ctx, func(c tier.Change) { told <- c }) }()
	<-told
	eventually(t, "the change is made", func() bool { return change() == nil })
	for c := range told {
		if c.Key == key {
			return
		}
	}
}

func startSentinel(t *testing.T) (s *server.Sentinel, url string) {
	t.Helper()
	s, err := server.RedisSentinel()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s, "redis://" + s.Sentinel.Addr + "?master_set=" + server.MasterSet
}

// A sentinel lets the replica take over.
//
// SPEC: R17, X09
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	s, url := startSentinel(t)
	o := redis.Options{Ping: 50 * time.Millisecond}
	p, q := open(t, url, o), open(t, url, o)
	live(t, p, q)
	src := newSource("v1")
	c := newProcess(t, p, tier.Config{}, src.load)
	c.want(t, "k", "v1")
	l := lease(t, p, "held")
	replica := admin(t, s.Replica.Addr)
	eventually(t, "the replica has the lease", func() bool { return ask(t, replica, "GET", "onefold:1:l{kheld}") == l.Token })
	if err := s.Master.Kill(); err != nil {
		t.Fatal(err)
	}
	var stored bool
	eventually(t, "the new master is reached", func() bool {
		var err error
		stored, err = p.Fill(t.Context(), "held", l, tier.Item{Data: []byte("old")})
		return err == nil
	})
	if stored {
		t.Errorf("Fill after a failover: stored, want it refused")
	}
	eventually(t, "the streams have begun again", func() bool {
		return p.Stats().Streams > 1 && p.Stats().Live && q.Stats().Streams > 1 && q.Stats().Live
	})
	src.value.Store("v2")
	wantTold(t, p, func() error { return q.Delete(t.Context(), "k") }, "k")
	eventually(t, "the cache has heard of it", func() bool {
		v, err := c.Get(t.Context(), "k")
		return err == nil && v == "v2"
	})
}
