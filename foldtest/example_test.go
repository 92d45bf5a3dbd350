package foldtest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// users makes a cache as a service would, over whatever source and store.
func users(load func(context.Context, string) (int, error), store tier.Store) *tier.Cache[string, int] {
	c, err := tier.New(load, tier.Config{TTL: time.Minute}, tier.Near[string, int](nil),
		tier.Encoded(store, codec.StringKey[string], codec.JSON[int]()))
	if err != nil {
		panic(err)
	}
	return c
}

// Two processes share an engine and load once between them. When the store
// cannot be reached they load for themselves.
func Example() {
	var (
		ctx    = context.Background()
		engine foldtest.Engine
		source = foldtest.Source[string, int]{Make: func(key string) int { return len(key) }}
		p, q   = users(source.Load, engine.Connect()), users(source.Load, engine.Connect())
	)
	fmt.Println(p.Get(ctx, "ada"))
	fmt.Println(q.Get(ctx, "ada"))
	fmt.Println("loads:", source.Loads())

	engine.Inject(foldtest.AnyOp, foldtest.Fault{Err: foldtest.ErrInjected, Times: -1})
	fmt.Println(q.Get(ctx, "ada"))
	fmt.Println("loads:", source.Loads())
	// Output:
	// 3 <nil>
	// 3 <nil>
	// loads: 1
	// 3 <nil>
	// loads: 2
}

// In a test function: a tier of one's own is held to the contract.
func ExampleTestStore() {
	_ = func(t *testing.T) { // func TestMyStore(t *testing.T)
		var engine foldtest.Engine
		foldtest.TestStore(t, func(*testing.T) tier.Store {
			return engine.Connect() // a new client of the engine under test
		}, foldtest.StoreOptions{Bubble: true, Require: foldtest.Abilities{Leaser: true}})
	}
	// Output:
}

// In a test function: a near tier of one's own is held to the contract.
func ExampleTestNear() {
	_ = func(t *testing.T) { // func TestMyNear(t *testing.T)
		foldtest.TestNear(t, func() tier.Near[string, int] { return mem.New[string, int](mem.Config{}) })
	}
	// Output:
}

// In a test function: the keys that are most alike.
func ExampleCheckKey() {
	type doc struct{ Tenant, ID string }
	key := func(dst []byte, d doc) []byte { return codec.Parts(dst, d.Tenant, d.ID) }
	_ = func(t *testing.T) { // func TestKey(t *testing.T)
		foldtest.CheckKey(t, key, doc{"a", "bc"}, doc{"ab", "c"}, doc{"", "abc"})
	}
	// Output:
}

// A store that can do less has fewer methods.
func ExampleEngine_Connect() {
	var engine foldtest.Engine
	plain := struct{ tier.Store }{engine.Connect()}
	_, leases := any(plain).(tier.Leaser)
	fmt.Println(leases)
	// Output: false
}

// The answer to a Delete is lost; the deletion is not.
func ExampleStore_Inject() {
	var engine foldtest.Engine
	engine.Plant("ada", []byte("1"), 0)
	store := engine.Connect()
	store.Inject(foldtest.Delete, foldtest.Fault{After: true, Err: foldtest.ErrInjected})
	fmt.Println(store.Delete(context.Background(), "ada"))
	fmt.Println(engine.Data("ada") == nil)
	// Output:
	// foldtest: injected fault
	// true
}

func ExampleEngine_Inject() {
	var engine foldtest.Engine
	engine.Plant("ada", []byte("value"), 0)
	engine.Inject(foldtest.Get, foldtest.Fault{Spoil: foldtest.Truncate})
	it, err := engine.Connect().Get(context.Background(), "ada")
	fmt.Println(string(it.Data), err)
	// Output: va <nil>
}

// A replica that has not heard of a deletion is promoted.
func ExampleEngine_Failover() {
	var engine foldtest.Engine
	engine.Plant("ada", []byte("1"), 0)
	lagging := engine.Replica()
	_ = engine.Connect().Delete(context.Background(), "ada")
	engine.Failover(lagging)
	fmt.Println(string(engine.Data("ada")))
	// Output: 1
}

func ExampleSource_Answer() {
	var source foldtest.Source[string, int]
	source.Set("ada", 1)
	source.Answer(foldtest.Answer{Err: foldtest.ErrInjected})
	fmt.Println(source.Load(context.Background(), "ada"))
	fmt.Println(source.Load(context.Background(), "ada"))
	// Output:
	// 0 foldtest: injected fault
	// 1 <nil>
}

// A value is deleted while it loads: it is not kept.
func ExampleGate() {
	var (
		ctx    = context.Background()
		gate   foldtest.Gate
		source foldtest.Source[string, int]
		engine foldtest.Engine
		c      = users(source.Load, engine.Connect())
		done   = make(chan struct{})
	)
	source.Set("ada", 1)
	source.Answer(foldtest.Answer{Gate: &gate})
	go func() {
		defer close(done)
		fmt.Println(c.Get(ctx, "ada"))
	}()
	<-gate.Reached()
	source.Set("ada", 2)
	_ = c.Delete(ctx, "ada")
	gate.Open()
	<-done
	fmt.Println(c.Get(ctx, "ada"))
	// Output:
	// 1 <nil>
	// 2 <nil>
}
