// Package peers has the libraries that are measured side by side, each behind
// the same call, and what is wrong with them.
package peers

import (
	"context"
	"hash/maphash"
	"slices"

	"github.com/samber/go-singleflightx"
	xsync "golang.org/x/sync/singleflight"
	resenje "resenje.org/singleflight"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/singleflight"
)

// A Lib is one way to share loads.
type Lib struct {
	Name string // lib= in the name of a benchmark
	Deaf bool   // a caller cannot leave before the load ends

	// What package peers' test finds, and holds: the tables name it.
	Late   bool   // hands a finished result to callers that came later
	Goexit Goexit // what its callers get when the load calls runtime.Goexit

	// New gives a call of a group of its own, which loads with load. The load
	// takes nothing, so that the closures which peers want are made once and
	// not for each call.
	New func(load func() (int, error)) Call
}

// A Call asks for a key.
type Call func(ctx context.Context, key string) (int, error)

// A Goexit is what a load that calls runtime.Goexit does to its callers.
type Goexit string

// What peers do.
const (
	Error Goexit = "an error"
	Exits Goexit = "their goroutines exit"
	Zero  Goexit = "zero and a nil error"
	Hangs Goexit = "nothing, ever"
)

// Wrong says why the peer is not ranked, or nothing.
func (l Lib) Wrong() string {
	switch {
	case l.Late && l.Goexit == Zero:
		return "gives a finished result to later callers, and zero with a nil error after Goexit"
	case l.Late:
		return "gives a finished result to later callers"
	case l.Goexit == Hangs:
		return "its callers hang when the load calls Goexit"
	default:
		return ""
	}
}

// Shards is how many parts the sharded peer has.
const Shards = 32

// Sharded gives a sharded peer, with the standard library's hash.
func Sharded[K comparable, V any]() *singleflightx.ShardedGroup[K, V] {
	seed := maphash.MakeSeed()
	return singleflightx.NewShardedGroup[K, V](Shards, func(key K) uint64 { return maphash.Comparable(seed, key) })
}

// All has the libraries, ours first. With the build tag copied it has those of
// package copied as well.
var All = []Lib{
	{Name: "onefold", Goexit: Error, New: func(load func() (int, error)) Call {
		g := new(onefold.Group[string, int])
		f := func(context.Context, string) (int, error) { return load() }
		return func(ctx context.Context, key string) (int, error) { return g.Do(ctx, key, f) }
	}},
	{Name: "onefold-dropin", Deaf: true, Goexit: Exits, New: func(load func() (int, error)) Call {
		g := new(singleflight.Group)
		f := func() (any, error) { return load() }
		return func(_ context.Context, key string) (int, error) {
			v, err, _ := g.Do(key, f)
			return v.(int), err
		}
	}},
	{Name: "xsync", Deaf: true, Goexit: Exits, New: func(load func() (int, error)) Call {
		g := new(xsync.Group)
		f := func() (any, error) { return load() }
		return func(_ context.Context, key string) (int, error) {
			v, err, _ := g.Do(key, f)
			return v.(int), err
		}
	}},
	{Name: "xsync-chan", Goexit: Hangs, New: func(load func() (int, error)) Call {
		g := new(xsync.Group)
		f := func() (any, error) { return load() }
		return func(ctx context.Context, key string) (int, error) {
			select {
			case r := <-g.DoChan(key, f):
				return r.Val.(int), r.Err
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
	}},
	{Name: "resenje", Late: true, Goexit: Zero, New: func(load func() (int, error)) Call {
		g := new(resenje.Group[string, int])
		f := func(context.Context) (int, error) { return load() }
		return func(ctx context.Context, key string) (int, error) {
			v, _, err := g.Do(ctx, key, f)
			return v, err
		}
	}},
	{Name: "samber", Deaf: true, Goexit: Exits, New: func(load func() (int, error)) Call {
		g := new(singleflightx.Group[string, int])
		return func(_ context.Context, key string) (int, error) {
			v, err, _ := g.Do(key, load)
			return v, err
		}
	}},
	{Name: "samber-sharded", Deaf: true, Goexit: Exits, New: func(load func() (int, error)) Call {
		g := Sharded[string, int]()
		return func(_ context.Context, key string) (int, error) {
			v, err, _ := g.Do(key, load)
			return v, err
		}
	}},
}

// Marked gives all libraries, those of package copied too, for their marks: what
// is not built in has no New.
func Marked() []Lib {
	marked := slices.Clone(All)
	for _, lib := range []Lib{
		{Name: "tailscale", Deaf: true, Goexit: Exits},
		{Name: "tailscale-chan", Goexit: Hangs},
		{Name: "gozero", Deaf: true, Goexit: Zero},
	} {
		if !slices.ContainsFunc(All, func(l Lib) bool { return l.Name == lib.Name }) {
			marked = append(marked, lib)
		}
	}
	return marked
}
