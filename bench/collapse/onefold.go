package main

import (
	"context"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

var onefoldGroup = contender{
	name: "Onefold, Group",
	how:  "`Group.DoResult` behind a map with expiry, with `JoinWithin` of half a budget and `Call.Budget`",
	open: func(s setting) (opened, error) {
		group := &onefold.Group[string, answer]{Config: onefold.Config{
			Name:        "collapse",
			LoadTimeout: s.plan.LoadTimeout,
			JoinWithin:  s.plan.Budget / 2,
			OnAbandon:   onefold.FinishLoad, // the load stores what it brings
		}}
		kept := newShelf()
		load := func(ctx context.Context, key string) (answer, error) {
			a, err := s.load(ctx, key)
			if err == nil {
				kept.put(key, a)
			}
			return a, err
		}
		return opened{
			get: func(ctx context.Context, key string) (answer, error) {
				if a, ok := kept.get(key); ok {
					return a, nil
				}
				r := group.DoResult(ctx, key, load, onefold.Call{Budget: s.budget})
				return r.Value, r.Err
			},
			close: func() error { return closeNow(group.Close) },
		}, nil
	},
}

var onefoldCache = contender{
	name: "Onefold, Cache",
	how:  "`tier.Cache.Get` over a `mem` tier; an answer that may not be stored passes as an error",
	open: func(s setting) (opened, error) {
		cache, err := tier.New(
			func(ctx context.Context, key string) (answer, error) { return smuggle(s.load(ctx, key)) },
			tier.Config{Name: "collapse", TTL: keep, LoadTimeout: s.plan.LoadTimeout},
			mem.New[string, answer](mem.Config{MaxEntries: capacity}))
		if err != nil {
			return opened{}, err
		}
		return opened{
			get: s.patient(func(ctx context.Context, key string) (answer, error) {
				return unpack(cache.Get(ctx, key))
			}),
			close: func() error { return closeNow(cache.Close) },
		}, nil
	},
}

// closeNow closes what may have loads under way that nobody waits for.
func closeNow(closing func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := closing(ctx); err != ctx.Err() { //nolint:errorlint // the context's own error means that loads were cut
		return err
	}
	return nil
}
