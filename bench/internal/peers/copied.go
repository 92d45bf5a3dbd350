//go:build copied

package peers

import (
	"context"

	"github.com/onefold-go/onefold/bench/internal/gozero"
	"github.com/onefold-go/onefold/bench/internal/tailscale"
)

func init() { //nolint:gochecknoinits // All is a table
	All = append(All, []Lib{
		{Name: "tailscale", Deaf: true, Goexit: Exits, New: func(load func() (int, error)) Call {
			g := new(tailscale.Group[string, int])
			return func(_ context.Context, key string) (int, error) {
				v, err, _ := g.Do(key, load)
				return v, err
			}
		}},
		{Name: "tailscale-chan", Goexit: Hangs, New: func(load func() (int, error)) Call {
			g := new(tailscale.Group[string, int])
			f := func(context.Context) (int, error) { return load() }
			return func(ctx context.Context, key string) (int, error) {
				// Its channel gets the context's end as well.
				r := <-g.DoChanContext(ctx, key, f)
				return r.Val, r.Err
			}
		}},
		{Name: "gozero", Deaf: true, Goexit: Zero, New: func(load func() (int, error)) Call {
			g := gozero.NewSingleFlight()
			f := func() (any, error) { return load() }
			return func(_ context.Context, key string) (int, error) {
				v, err := g.Do(key, f)
				i, _ := v.(int) // nil after a Goexit
				return i, err
			}
		}},
	}...)
}
