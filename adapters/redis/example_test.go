package redis_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/onefold-go/onefold/adapters/redis"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

type User struct{ Name string }

func userOf(context.Context, int64) (*User, error) { return &User{"ada"}, nil } // a row of a database

// These examples need a server, so they are compiled and not run.

func ExampleOpen() {
	store, err := redis.Open("redis://localhost:6379", redis.Options{Prefix: "shop"})
	if err != nil {
		panic(err)
	}
	defer store.Close()

	users, err := tier.New(userOf, tier.Config{Name: "users", TTL: 5 * time.Minute, LoadTimeout: 2 * time.Second},
		mem.New[int64, *User](mem.Config{MaxEntries: 100_000}),
		tier.Encoded(store, codec.Int64Key[int64], codec.JSON[*User]()))
	if err != nil {
		panic(err)
	}
	defer users.Close(context.Background())

	u, err := users.Get(context.Background(), 1) // loads once for all processes
	fmt.Println(u, err)
}

func ExampleOpen_cluster() {
	store, err := redis.Open("rediss://cache-1:6379?addr=cache-2:6379&addr=cache-3:6379", redis.Options{
		Username: "onefold",
		Password: "from a file or the environment",
	})
	if err != nil {
		panic(err)
	}
	store.Close()
}

func ExampleOpen_sentinel() {
	store, err := redis.Open("redis://sentinel-1:26379?addr=sentinel-2:26379&master_set=mymaster", redis.Options{})
	if err != nil {
		panic(err)
	}
	store.Close()
}

func ExampleFailFast() {
	store, err := redis.Open("redis://localhost:6379", redis.Options{})
	if err != nil {
		panic(err)
	}
	defer store.Close()

	// Without its shared tier, this fleet would be too much for the database.
	users, err := tier.New(redis.FailFast(store, codec.Int64Key[int64], userOf), tier.Config{TTL: time.Minute, StaleIfError: time.Hour},
		mem.New[int64, *User](mem.Config{MaxEntries: 100_000}),
		tier.Encoded(store, codec.Int64Key[int64], codec.JSON[*User]()))
	if err != nil {
		panic(err)
	}
	defer users.Close(context.Background())

	if _, err := users.Get(context.Background(), 1); errors.Is(err, redis.ErrUnavailable) {
		fmt.Println("come back later")
	}
}

func ExampleStore_Stats() {
	store, err := redis.Open("redis://localhost:6379", redis.Options{})
	if err != nil {
		panic(err)
	}
	defer store.Close()

	s := store.Stats()
	fmt.Println("hears of changes:", s.Live, "breaker:", s.State, "undelivered:", s.Undelivered)
}
