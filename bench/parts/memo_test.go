package parts

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/onefold-go/onefold/memo"
)

// fixed is a memo.Cache that costs nothing.
type fixed struct{}

func (fixed) Get(context.Context, string) (int, error)                         { return 7, nil }
func (fixed) Delete(context.Context, ...string) error                          { return nil }
func (fixed) Write(context.Context, string, func(context.Context) error) error { return nil }

type benchKey struct{}

// below gives a context some contexts below ctx, as middleware makes them.
func below(ctx context.Context, depth int) context.Context {
	for i := range depth {
		if i%3 == 1 {
			c, cancel := context.WithTimeout(ctx, time.Hour)
			context.AfterFunc(ctx, cancel)
			ctx = c
		} else {
			ctx = context.WithValue(ctx, benchKey{}, i)
		}
	}
	return ctx
}

// A hit beside the look at a context that it begins with, and beside a map
// under a mutex in the context, which is what is written by hand.
func BenchmarkMemoHit(b *testing.B) {
	var names [20]string
	for i := range names {
		names[i] = fmt.Sprint("user:", 10_000+i)
	}
	for _, depth := range []int{2, 4, 8} {
		b.Run(fmt.Sprintf("lib=onefold/depth=%d", depth), func(b *testing.B) {
			defer spent(b)()
			view := memo.Over[string, int](fixed{})
			ctx := below(memo.With(b.Context(), memo.Config{}), depth)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i = (i + 1) % len(names)
				_, _ = view.Get(ctx, names[i])
			}
		})
		b.Run(fmt.Sprintf("lib=floor/depth=%d", depth), func(b *testing.B) {
			defer spent(b)()
			key := new(byte)
			ctx := below(context.WithValue(b.Context(), key, 1), depth)
			for b.Loop() {
				_ = ctx.Value(key)
			}
		})
		b.Run(fmt.Sprintf("lib=by-hand/depth=%d", depth), func(b *testing.B) {
			defer spent(b)()
			type table struct {
				mu     sync.Mutex
				values map[string]int
			}
			t := &table{values: make(map[string]int)}
			for i, name := range names {
				t.values[name] = i
			}
			key := new(byte)
			ctx := below(context.WithValue(b.Context(), key, t), depth)
			i := 0
			for b.Loop() {
				i = (i + 1) % len(names)
				t := ctx.Value(key).(*table)
				t.mu.Lock()
				_ = t.values[names[i]]
				t.mu.Unlock()
			}
		})
	}
	b.Run("lib=onefold-none/depth=4", func(b *testing.B) {
		defer spent(b)()
		view := memo.Over[string, int](fixed{})
		ctx := below(b.Context(), 4)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = view.Get(ctx, "k")
		}
	})
}

// The first Get of each key in a request, over a cache that costs nothing.
func BenchmarkMemoMiss(b *testing.B) {
	view := memo.Over[string, int](fixed{})
	var names [20]string
	for i := range names {
		names[i] = fmt.Sprint("user:", 10_000+i)
	}
	b.ReportAllocs()
	ctx, i := b.Context(), 0
	for b.Loop() {
		if i == 0 {
			ctx = memo.With(b.Context(), memo.Config{})
		}
		_, _ = view.Get(ctx, names[i])
		i = (i + 1) % len(names)
	}
}
