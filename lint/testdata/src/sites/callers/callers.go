package callers

import (
	"context"

	"sites/wrap"
)

type svc struct{ cache *wrap.Cache }

func (s *svc) get(ctx context.Context, id string) {
	s.cache.Load(id, func() (any, error) { return id, nil })                                          // want `wrap.Cache.Load: group cache, load literal, plain`
	wrap.Typed(ctx, s.cache, id, func(ctx context.Context) (string, error) { return id, nil })        // want `wrap.Typed: group none, load literal, passing detached bounded`
	wrap.Undetached(ctx, s.cache, "t", id, func(ctx context.Context) (any, error) { return id, nil }) // want `wrap.Undetached: group none, load literal, passing`
}
