package future_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/onefold-go/onefold/future"
)

//go:noinline
func behindACall(p *atomic.Pointer[int]) (int, error) { return *p.Load(), nil }

// A hit beside what it is made of, an atomic load behind a call, and beside
// what it replaces.
func BenchmarkHit(b *testing.B) {
	one := func(context.Context) (int, error) { return 1, nil }
	b.Run("of=future", func(b *testing.B) {
		f := future.New(one, future.Config{})
		ctx := b.Context()
		b.ReportAllocs()
		for b.Loop() {
			_, _ = f.Get(ctx)
		}
	})
	b.Run("of=future,peek", func(b *testing.B) {
		f := future.New(one, future.Config{})
		_, _ = f.Get(b.Context())
		for b.Loop() {
			_, _ = f.Peek()
		}
	})
	b.Run("of=atomic", func(b *testing.B) {
		var p atomic.Pointer[int]
		p.Store(new(int))
		for b.Loop() {
			_ = *p.Load()
		}
	})
	b.Run("of=atomic,called", func(b *testing.B) {
		var p atomic.Pointer[int]
		p.Store(new(int))
		for b.Loop() {
			_, _ = behindACall(&p)
		}
	})
	b.Run("of=sync.OnceValues", func(b *testing.B) {
		f := sync.OnceValues(func() (int, error) { return one(b.Context()) })
		for b.Loop() {
			_, _ = f()
		}
	})
}
