package tier_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// A user table, to stand for a slow source.
var (
	namesMu sync.Mutex
	names   map[int64]string
)

func nameOf(_ context.Context, id int64) (string, error) {
	namesMu.Lock()
	defer namesMu.Unlock()
	fmt.Println("loading", id)
	if name, ok := names[id]; ok {
		return name, nil
	}
	return "", onefold.ErrNotFound
}

func rename(id int64, name string) {
	namesMu.Lock()
	defer namesMu.Unlock()
	names[id] = name
}

func newUsers() *tier.Cache[int64, string] {
	names = map[int64]string{1: "ada", 2: "alan"}
	users, err := tier.New(nameOf, tier.Config{Name: "users", TTL: 5 * time.Minute, Jitter: 0.1}, mem.New[int64, string](mem.Config{}))
	if err != nil {
		panic(err)
	}
	return users
}

func ExampleNew() {
	users, err := tier.New(nameOf, tier.Config{
		Name:        "users",
		TTL:         5 * time.Minute,
		Jitter:      0.1,
		LoadTimeout: 2 * time.Second,
	}, mem.New[int64, string](mem.Config{MaxEntries: 100_000}))
	fmt.Println(users != nil, err)

	_, err = tier.New(nameOf, tier.Config{TTL: -time.Second}, mem.New[int64, string](mem.Config{}))
	fmt.Println(err)
	// Output:
	// true <nil>
	// tier: Config.TTL is -1s, want 0 (for ever) or more
}

func ExampleConfig_Validate() {
	fmt.Println(tier.Config{Jitter: 2, LoadTimeout: time.Second, LeaseTTL: time.Second}.Validate())
	// Output:
	// tier: Config.Jitter is 2, want 0 to 1
	// tier: Config.LeaseTTL is 1s, want more than LoadTimeout, which is 1s: a lease that ends first lets a second process load
}

func ExampleCache_Get() {
	users, ctx := newUsers(), context.Background()

	name, err := users.Get(ctx, 1)
	fmt.Println(name, err)
	name, err = users.Get(ctx, 1)
	fmt.Println(name, err)
	_, err = users.Get(ctx, 3)
	fmt.Println(errors.Is(err, onefold.ErrNotFound))
	// Output:
	// loading 1
	// ada <nil>
	// ada <nil>
	// loading 3
	// true
}

func ExampleCache_Set() {
	users, ctx := newUsers(), context.Background()

	err := users.Set(ctx, 7, tier.Loaded[string]{Value: "grace", TTL: time.Minute})
	fmt.Println(err)
	fmt.Println(users.Get(ctx, 7))
	// Output:
	// <nil>
	// grace <nil>
}

func ExampleCache_Delete() {
	users, ctx := newUsers(), context.Background()

	fmt.Println(users.Get(ctx, 1))
	rename(1, "ada lovelace")
	fmt.Println(users.Delete(ctx, 1, 2))
	fmt.Println(users.Get(ctx, 1))
	// Output:
	// loading 1
	// ada <nil>
	// <nil>
	// loading 1
	// ada lovelace <nil>
}

func ExampleCache_Write() {
	users, ctx := newUsers(), context.Background()

	fmt.Println(users.Get(ctx, 2))
	err := users.Write(ctx, 2, func(context.Context) error {
		rename(2, "alan turing")
		return nil
	})
	fmt.Println(err)
	fmt.Println(users.Get(ctx, 2))
	// Output:
	// loading 2
	// alan <nil>
	// <nil>
	// loading 2
	// alan turing <nil>
}

func ExampleCache_Peek() {
	users := newUsers()

	_, ok := users.Peek(1)
	fmt.Println(ok)
	_, _ = users.Get(context.Background(), 1)
	fmt.Println(users.Peek(1))
	// Output:
	// false
	// loading 1
	// ada true
}

func ExampleCache_Stats() {
	users, ctx := newUsers(), context.Background()

	for range 4 {
		_, _ = users.Get(ctx, 1)
	}
	s := users.Stats()
	fmt.Println(s.Hits, s.Led, s.Joined)
	// Output:
	// loading 1
	// 3 1 0
}

func ExampleStats_CoalescingRatio() {
	// Of 100 calls without a value at hand, 80 joined a load under way.
	s := tier.Stats{Hits: 900, Led: 20, Joined: 80}
	fmt.Println(s.CoalescingRatio())
	// Output: 0.8
}

func ExampleCache_Close() {
	users := newUsers()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	fmt.Println(users.Close(ctx))
	_, err := users.Get(ctx, 1)
	fmt.Println(errors.Is(err, onefold.ErrClosed))
	// Output:
	// <nil>
	// true
}

// ExampleDeleteError tells which far tiers go on serving what they hold.
func ExampleDeleteError() {
	far := tier.Encoded(readOnly{}, codec.Int64Key[int64], codec.JSON[string]())
	users, err := tier.New(nameOf, tier.Config{}, nil, far)
	if err != nil {
		panic(err)
	}

	err = users.Delete(context.Background(), 1)
	var failed *tier.DeleteError
	if errors.As(err, &failed) {
		fmt.Println(failed.Tiers, failed.Errs)
	}
	fmt.Println(err)
	// Output:
	// [0] [read-only]
	// tier: Delete failed in far tiers [0]: read-only
}

type readOnly struct{}

func (readOnly) Get(context.Context, string) (tier.Item, error) { return tier.Item{}, nil }
func (readOnly) Delete(context.Context, string) error           { return errors.New("read-only") }

// ExampleEncoded puts two caches, as of two processes, over one store.
func ExampleEncoded() {
	store := &board{items: make(map[string]tier.Item), leases: make(map[string]tier.Lease)}
	names = map[int64]string{1: "ada"}
	process := func() *tier.Cache[int64, string] {
		far := tier.Encoded(store, codec.Int64Key[int64], codec.JSON[string]())
		users, err := tier.New(nameOf, tier.Config{TTL: time.Minute}, mem.New[int64, string](mem.Config{}), far)
		if err != nil {
			panic(err)
		}
		return users
	}
	p, q, ctx := process(), process(), context.Background()

	fmt.Println(p.Get(ctx, 1))
	fmt.Println(q.Get(ctx, 1))
	// Output:
	// loading 1
	// ada <nil>
	// ada <nil>
}

// A board is about the least that a Leaser can be. Its leases never end, and
// whoever asks for one that is taken loads without.
type board struct {
	mu     sync.Mutex
	items  map[string]tier.Item
	leases map[string]tier.Lease
}

func (b *board) Get(_ context.Context, key string) (tier.Item, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.items[key], nil
}

func (b *board) Delete(_ context.Context, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.items, key)
	delete(b.leases, key)
	return nil
}

func (b *board) Acquire(_ context.Context, key string, _ tier.AcquireOptions) (tier.Grant, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if it, ok := b.items[key]; ok {
		return tier.Grant{Item: it}, nil
	}
	if _, taken := b.leases[key]; taken {
		return tier.Grant{LoadSelf: true}, nil
	}
	b.leases[key] = tier.Lease{Token: rand.Text()}
	return tier.Grant{Lease: b.leases[key]}, nil
}

func (b *board) Fill(_ context.Context, key string, lease tier.Lease, it tier.Item) (stored bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.leases[key] != lease {
		return false, nil
	}
	delete(b.leases, key)
	b.items[key] = it
	return true, nil
}

func (b *board) Release(_ context.Context, key string, lease tier.Lease, _ time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.leases[key] == lease {
		delete(b.leases, key)
	}
	return nil
}
