package outcome

import (
	"context"

	"github.com/onefold-go/onefold"
	tailscale "tailscale.com/util/singleflight"

	"golang.org/x/sync/singleflight"
)

var (
	g   singleflight.Group
	gen tailscale.Group[int, string]
	one onefold.Group[string, string]
)

func load() (any, error)                                { return nil, nil }
func text() (string, error)                             { return "", nil }
func use(...any)                                        {}
func give() <-chan struct{}                             { return nil }
func byKey(_ context.Context, k string) (string, error) { return k, nil }

func waits(ctx context.Context) {
	v, err, shared := g.Do("k", load) // want `1 values, 1 errors, 1 shared`
	use(v, err, shared)
	_, err, _ = g.Do("k", load) // want `0 values, 1 errors, 0 shared`
	use(err)
	g.Do("k", load)                   // want `0 values, 0 errors, 0 shared`
	s, err := one.Do(ctx, "k", byKey) // want `1 values, 1 errors, 0 shared`
	use(s, err)
	r := one.DoResult(ctx, "k", byKey, onefold.Call{}) // want `1 values, 2 errors, 0 shared`
	if r.Err == nil {
		use(r.Value, r.Err)
	}
}

func receives(ctx context.Context) (any, error) {
	r := <-g.DoChan("k", load) // want `1 values, 1 errors, 1 shared`
	use(r.Val, r.Err, r.Shared)
	ch := gen.DoChan(1, text) // want `2 values, 1 errors, 0 shared`
	select {
	case r := <-ch:
		use(r.Val, r.Err)
	case <-give():
	case r, ok := <-ch:
		use(ok, r.Val)
	}
	return (<-g.DoChan("k", load)).Val, nil // want `1 values, 0 errors, 0 shared`
}
