// Package group measures the ways to share loads side by side. The names of the
// benchmarks are made for benchstat's -col /lib.
package group

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/samber/go-singleflightx"
	xsync "golang.org/x/sync/singleflight"
	resenje "resenje.org/singleflight"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/bench/internal/meter"
	"github.com/onefold-go/onefold/bench/internal/peers"
	"github.com/onefold-go/onefold/singleflight"
)

// The keys that calls go round. There are 1024, since with a single one the
// table's memory and the branches are warmer than they ever are in a program.
var (
	ints  [1024]int
	names [1024]string
)

// A program that shares loads holds something. With an empty heap the collector
// would run every few thousand calls, and what a library allocates would cost
// ten times as much as it does there.
var held = make([]byte, 16<<20)

// What the heap grows to is touched before anybody is measured: whoever came
// first would pay for its pages, the longer the less it allocates.
var touched *[64]byte

func init() {
	clear(held)
	for range 1 << 20 {
		touched = new([64]byte)
	}
	for i := range names {
		ints[i] = i * 7919
		names[i] = fmt.Sprint("user:", 10_000+i)
	}
}

// uncontended measures calls that come one after the other. Every library gets
// its call written out, so that none pays for a call through a func value that
// its users would not have.
func uncontended[K comparable](b *testing.B, name string, keys *[1024]K, call func(K)) {
	b.Run(name, func(b *testing.B) {
		// What is made once is made, and the heap is as large as it will be:
		// its pages cost the first to touch them more than all the rest.
		for i := range 200_000 {
			call(keys[i&1023])
		}
		b.ReportAllocs()
		i := 0
		spent := meter.CPU()
		for b.Loop() {
			call(keys[i&1023])
			i++
		}
		b.ReportMetric(float64(meter.CPU()-spent)/float64(b.N), "cpu-ns/op")
	})
}

func one() (int, error)    { return 1, nil }
func oneAny() (any, error) { return 1, nil }

func oneOf[K comparable](context.Context, K) (int, error) { return 1, nil }
func oneIn(context.Context) (int, error)                  { return 1, nil }

// generic measures what libraries with typed keys do with a context that cannot
// end, if they know of contexts.
func generic[K comparable](b *testing.B, kind string, keys *[1024]K) {
	ctx := context.Background()
	name := func(lib string) string { return fmt.Sprintf("lib=%s/key=%s", lib, kind) }

	var ours onefold.Group[K, int]
	load := oneOf[K] // made here: a value of a generic function is an allocation inside another
	uncontended(b, name("onefold"), keys, func(k K) { ours.Do(ctx, k, load) })
	var samber singleflightx.Group[K, int]
	uncontended(b, name("samber"), keys, func(k K) { samber.Do(k, one) })
	sharded := peers.Sharded[K, int]()
	uncontended(b, name("samber-sharded"), keys, func(k K) { sharded.Do(k, one) })
	copiedGeneric(b, name, keys)
	var res resenje.Group[K, int]
	uncontended(b, name("resenje"), keys, func(k K) { res.Do(ctx, k, oneIn) })

	// The least that any of them does: note the key, and take it out again.
	var mu sync.Mutex
	m := make(map[K]*int)
	flight := new(int)
	uncontended(b, name("floor"), keys, func(k K) {
		mu.Lock()
		m[k] = flight
		mu.Unlock()
		mu.Lock()
		delete(m, k)
		mu.Unlock()
	})
}

func BenchmarkUncontendedBackground(b *testing.B) {
	generic(b, "int", &ints)
	generic(b, "string", &names)
	var x xsync.Group
	uncontended(b, "lib=xsync/key=string", &names, func(k string) { x.Do(k, oneAny) })
	copiedString(b)
}

func BenchmarkUncontendedCancellable(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	var ours onefold.Group[string, int]
	uncontended(b, "lib=onefold/key=string", &names, func(k string) { ours.Do(ctx, k, oneOf) })
	var oursInt onefold.Group[int, int]
	uncontended(b, "lib=onefold/key=int", &ints, func(k int) { oursInt.Do(ctx, k, oneOf) })
	var res resenje.Group[string, int]
	uncontended(b, "lib=resenje/key=string", &names, func(k string) { res.Do(ctx, k, oneIn) })
	var resInt resenje.Group[int, int]
	uncontended(b, "lib=resenje/key=int", &ints, func(k int) { resInt.Do(ctx, k, oneIn) })
	copiedCancellable(b, ctx)
	var x xsync.Group
	uncontended(b, "lib=xsync-chan/key=string", &names, func(k string) {
		select {
		case <-x.DoChan(k, oneAny):
		case <-ctx.Done():
		}
	})
	// The least for a caller who can leave: somebody else runs the load.
	for _, kind := range []string{"string", "int"} {
		uncontended(b, "lib=floor/key="+kind, &ints, func(int) {
			done := make(chan struct{})
			go close(done)
			<-done
		})
	}
}

// The drop-in beside what it drops in for.
func BenchmarkDropIn(b *testing.B) {
	var ours singleflight.Group
	uncontended(b, "lib=onefold-dropin/key=string", &names, func(k string) { ours.Do(k, oneAny) })
	var x xsync.Group
	uncontended(b, "lib=xsync/key=string", &names, func(k string) { x.Do(k, oneAny) })
}
