package memcached_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/onefold-go/onefold/adapters/memcached"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/internal/server"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// run starts a memcached for an example.
func run() (addr string, stop func()) {
	s, err := server.Memcached()
	if err != nil {
		panic(err)
	}
	return s.Addr, func() { _, _ = s.Kill(), s.Stop() }
}

// Two processes share what one of them has loaded.
func Example() {
	addr, stop := run()
	defer stop()
	ctx := context.Background()
	load := func(_ context.Context, id int64) (string, error) {
		fmt.Println("loading", id)
		return fmt.Sprint("user ", id), nil
	}

	process := func() *tier.Cache[int64, string] {
		store, err := memcached.New(memcached.Config{Servers: []string{addr}, Prefix: "users:"})
		if err != nil {
			panic(err)
		}
		near := mem.New[int64, string](mem.Config{})
		far := tier.Encoded(store, codec.Int64Key[int64], codec.JSON[string]())
		users, err := tier.New(load, tier.Config{Name: "users", TTL: 5 * time.Minute}, near, far)
		if err != nil {
			panic(err)
		}
		return users
	}
	p, q := process(), process()
	fmt.Println(p.Get(ctx, 7))
	fmt.Println(q.Get(ctx, 7))
	// Output:
	// loading 7
	// user 7 <nil>
	// user 7 <nil>
}

func ExampleNew() {
	_, err := memcached.New(memcached.Config{Servers: []string{"cache-1"}, Prefix: "my users:"})
	fmt.Println(err)
	// Output:
	// memcached: Config.Servers[0] is "cache-1", want host:port, or the path of a socket
	// memcached: Config.Prefix is "my users:", want printable ASCII without spaces, and 150 bytes or less
}

func ExampleParseURL() {
	cfg, err := memcached.ParseURL("memcacheds://app:secret@cache-1,cache-2:11300?prefix=users:")
	fmt.Println(cfg.Servers, cfg, err)
	// Output:
	// [cache-1:11211 cache-2:11300] memcached.Config{2 servers, Prefix "users:", TLS true, Username set true} <nil>
}

func ExampleConfig_Validate() {
	fmt.Println(memcached.Config{Servers: []string{"a:1", "a:1"}}.Validate())
	// Output:
	// memcached: Config.Servers[1] is "a:1", which is there before, want each server once
}

// Without its shared tier, this fleet would be too much for the database.
func ExampleFailFast() {
	addr, stop := run()
	ctx := context.Background()
	store, err := memcached.New(memcached.Config{Servers: []string{addr}})
	if err != nil {
		panic(err)
	}
	defer store.Close() //nolint:errcheck // it never fails
	load := memcached.FailFast(store, codec.Int64Key[int64], func(context.Context, int64) (string, error) { return "Ada", nil })
	far := tier.Encoded(store, codec.Int64Key[int64], codec.JSON[string]())
	users, err := tier.New(load, tier.Config{TTL: time.Minute, StaleIfError: time.Hour}, nil, far)
	if err != nil {
		panic(err)
	}
	defer users.Close(ctx) //nolint:errcheck // nothing is left to go wrong

	fmt.Println(users.Get(ctx, 7))
	stop()
	for range memcached.DefaultBreakAfter + 1 { // the first ones fall through to the source
		_, err = users.Get(ctx, 8)
	}
	fmt.Println(errors.Is(err, memcached.ErrUnavailable), store.Available() != nil, store.Stats().State)
	// Output:
	// Ada <nil>
	// true true open
}

func ExampleStore_Stats() {
	store, err := memcached.New(memcached.Config{Servers: []string{"cache-1:11211", "cache-2:11211"}})
	if err != nil {
		panic(err)
	}
	defer store.Close() //nolint:errcheck // it never fails

	st := store.Stats()
	fmt.Println("breakers:", st.States, "refused:", st.Refused, "undelivered:", st.Undelivered)
	// Output: breakers: [closed closed] refused: 0 undelivered: 0
}

// What a cache does on a miss.
func ExampleStore_Acquire() {
	addr, stop := run()
	defer stop()
	ctx := context.Background()
	store, err := memcached.New(memcached.Config{Servers: []string{addr}})
	if err != nil {
		panic(err)
	}
	defer store.Close() //nolint:errcheck // it never fails

	first, err := store.Acquire(ctx, "k", tier.AcquireOptions{LeaseTTL: time.Minute})
	fmt.Println("lease:", first.Lease != tier.Lease{}, err)
	second, err := store.Acquire(ctx, "k", tier.AcquireOptions{LeaseTTL: time.Minute})
	fmt.Println("lease:", second.Lease != tier.Lease{}, "to wait for:", second.Changed != nil, err)

	stored, err := store.Fill(ctx, "k", first.Lease, tier.Item{Data: []byte("v"), TTL: time.Hour})
	fmt.Println("stored:", stored, err)
	<-second.Changed
	it, err := store.Get(ctx, "k")
	fmt.Printf("%s %v\n", it.Data, err)
	// Output:
	// lease: true <nil>
	// lease: false to wait for: true <nil>
	// stored: true <nil>
	// v <nil>
}

// A Delete ends the lease: what was loaded before it is not stored after it.
func ExampleStore_Delete() {
	addr, stop := run()
	defer stop()
	ctx := context.Background()
	store, err := memcached.New(memcached.Config{Servers: []string{addr}})
	if err != nil {
		panic(err)
	}
	defer store.Close() //nolint:errcheck // it never fails

	g, err := store.Acquire(ctx, "k", tier.AcquireOptions{LeaseTTL: time.Minute})
	fmt.Println(store.Delete(ctx, "k"), err)
	fmt.Println(store.Fill(ctx, "k", g.Lease, tier.Item{Data: []byte("old")}))
	// Output:
	// <nil> <nil>
	// false <nil>
}

func ExampleStore_Bump() {
	addr, stop := run()
	defer stop()
	ctx := context.Background()
	store, err := memcached.New(memcached.Config{Servers: []string{addr}, Prefix: "users:"})
	if err != nil {
		panic(err)
	}
	defer store.Close() //nolint:errcheck // it never fails

	_, err = store.Bump(ctx, "team:1", "team:2")
	fmt.Println(err)
	table, err := store.Bump(ctx, "team:1")
	fmt.Println(table.Seq, table.Gens, err)
	// Output:
	// <nil>
	// 2 map[team:1:2 team:2:1] <nil>
}
