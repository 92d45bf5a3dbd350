package main

import (
	"context"
	"errors"
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
	how:  "`tier.Cache.GetResult` over a `mem` tier, with `Loaded.NoStore`, `RememberFailed`, `JoinWithin` of half a budget and `Read.Budget`",
	open: func(s setting) (opened, error) {
		return openCache(s, func(ctx context.Context, c *tier.Cache[string, answer], key string) tier.Result[answer] {
			return c.GetResult(ctx, key, tier.Read{Budget: s.budget})
		})
	},
}

// A load becomes too old to join while callers wait for it, but it takes a new
// call to find that out. When all callers came at once, none comes before they
// have gone.
var onefoldAgain = contender{
	name: "Onefold, Cache, asked twice",
	how:  "the same, with a budget in two parts: a caller who got nothing in a little over half of it asks again, and so does not join the load that is too old by now",
	open: func(s setting) (opened, error) {
		first := s.budget * 11 / 20
		return openCache(s, func(ctx context.Context, c *tier.Cache[string, answer], key string) tier.Result[answer] {
			r := c.GetResult(ctx, key, tier.Read{Budget: first})
			if errors.Is(r.Err, onefold.ErrBudget) {
				r = c.GetResult(ctx, key, tier.Read{Budget: s.budget - first})
			}
			return r
		})
	},
}

func openCache(s setting, ask func(context.Context, *tier.Cache[string, answer], string) tier.Result[answer]) (opened, error) {
	source := tier.Source[string, answer]{
		LoadEntry: func(ctx context.Context, key string, _ tier.Prior[answer]) (tier.Loaded[answer], error) {
			a, err := s.load(ctx, key)
			return tier.Loaded[answer]{Value: a, NoStore: a.noStore}, err
		},
	}
	cache, err := tier.NewSource(source, tier.Config{
		Name:           "collapse",
		TTL:            keep,
		LoadTimeout:    s.plan.LoadTimeout,
		JoinWithin:     s.plan.Budget / 2,
		RememberFailed: func(error) bool { return true },
	}, mem.New[string, answer](mem.Config{MaxEntries: capacity}))
	if err != nil {
		return opened{}, err
	}
	return opened{
		get: func(ctx context.Context, key string) (answer, error) {
			r := ask(ctx, cache, key)
			return r.Value, r.Err
		},
		close: func() error { return closeNow(cache.Close) },
	}, nil
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
