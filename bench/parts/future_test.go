// Package parts measures what is beside the group: a kept future, a memo's hit
// and a keyed mutex, each beside what is written by hand, and beside the least
// that it can cost. The names of the benchmarks are made for benchstat's -col
// /lib.
package parts

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/onefold-go/onefold/future"
)

//go:noinline
func behindACall(p *atomic.Pointer[int]) (int, error) { return *p.Load(), nil }

// floor-inlined is an atomic load in the loop itself, which a caller who waits
// on a context cannot be: it is one or two instructions among those that count
// the loop. floor is the same load behind a call.
func BenchmarkFutureHit(b *testing.B) {
	one := func(context.Context) (int, error) { return 1, nil }
	b.Run("lib=onefold", func(b *testing.B) {
		defer spent(b)()
		f := future.New(one, future.Config{})
		ctx := b.Context()
		b.ReportAllocs()
		for b.Loop() {
			f.Get(ctx)
		}
	})
	b.Run("lib=onefold-peek", func(b *testing.B) {
		defer spent(b)()
		f := future.New(one, future.Config{})
		f.Get(b.Context())
		for b.Loop() {
			f.Peek()
		}
	})
	b.Run("lib=floor", func(b *testing.B) {
		defer spent(b)()
		var p atomic.Pointer[int]
		p.Store(new(int))
		for b.Loop() {
			behindACall(&p)
		}
	})
	b.Run("lib=floor-inlined", func(b *testing.B) {
		defer spent(b)()
		var p atomic.Pointer[int]
		p.Store(new(int))
		for b.Loop() {
			_ = *p.Load()
		}
	})
	b.Run("lib=oncevalue", func(b *testing.B) {
		defer spent(b)()
		f := sync.OnceValue(func() int { return 1 })
		for b.Loop() {
			f()
		}
	})
	b.Run("lib=oncevalues", func(b *testing.B) {
		defer spent(b)()
		f := sync.OnceValues(func() (int, error) { return 1, nil })
		for b.Loop() {
			f()
		}
	})
}
