package group

import (
	"context"
	"testing"

	"github.com/samber/go-singleflightx"
	"golang.org/x/sync/singleflight"
	resenje "resenje.org/singleflight"

	"github.com/onefold-go/onefold"
)

func BenchmarkUncontendedBackground(b *testing.B) {
	ctx := context.Background()
	b.Run("lib=onefold/key=int", func(b *testing.B) {
		var g onefold.Group[int, int]
		load := func(context.Context, int) (int, error) { return 1, nil }
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			g.Do(ctx, i&1023, load)
		}
	})
	b.Run("lib=onefold/key=string", func(b *testing.B) {
		var g onefold.Group[string, int]
		load := func(context.Context, string) (int, error) { return 1, nil }
		b.ReportAllocs()
		for b.Loop() {
			g.Do(ctx, "user:12345", load)
		}
	})
	b.Run("lib=samber/key=int", func(b *testing.B) {
		var g singleflightx.Group[int, int]
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			g.Do(i&1023, func() (int, error) { return 1, nil })
		}
	})
	b.Run("lib=samber/key=string", func(b *testing.B) {
		var g singleflightx.Group[string, int]
		b.ReportAllocs()
		for b.Loop() {
			g.Do("user:12345", func() (int, error) { return 1, nil })
		}
	})
	b.Run("lib=xsync/key=string", func(b *testing.B) {
		var g singleflight.Group
		b.ReportAllocs()
		for b.Loop() {
			g.Do("user:12345", func() (any, error) { return 1, nil })
		}
	})
}

func BenchmarkUncontendedCancellable(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.Run("lib=onefold", func(b *testing.B) {
		var g onefold.Group[string, int]
		load := func(context.Context, string) (int, error) { return 1, nil }
		b.ReportAllocs()
		for b.Loop() {
			g.Do(ctx, "user:12345", load)
		}
	})
	b.Run("lib=resenje", func(b *testing.B) {
		var g resenje.Group[string, int]
		b.ReportAllocs()
		for b.Loop() {
			g.Do(ctx, "user:12345", func(context.Context) (int, error) { return 1, nil })
		}
	})
	b.Run("lib=xsync-chan", func(b *testing.B) {
		var g singleflight.Group
		b.ReportAllocs()
		for b.Loop() {
			ch := g.DoChan("user:12345", func() (any, error) { return 1, nil })
			select {
			case <-ch:
			case <-ctx.Done():
			}
		}
	})
}
