package main

import (
	"context"

	"golang.org/x/sync/singleflight"
)

var xsyncDo = contender{
	name: "x/sync Do",
	how:  "`singleflight.Group.Do` behind a map with expiry; the load has the first caller's context, as the function literal finds it",
	open: func(s setting) (opened, error) {
		var group singleflight.Group
		kept := newShelf()
		return opened{get: s.patient(func(ctx context.Context, key string) (answer, error) {
			if a, ok := kept.get(key); ok {
				return a, nil
			}
			v, err, _ := group.Do(key, func() (any, error) {
				//onefold:ok ctxcapture this is what is measured: the usual way to use it
				a, err := s.load(ctx, key)
				if err == nil {
					kept.put(key, a)
				}
				return a, err
			})
			return v.(answer), err
		})}, nil
	},
}

var xsyncDoChan = contender{
	name: "x/sync DoChan",
	how:  "`singleflight.Group.DoChan` in a select with the caller's context, behind a map with expiry; the load has a context and a time limit of its own",
	open: func(s setting) (opened, error) {
		var group singleflight.Group
		kept := newShelf()
		return opened{get: s.patient(func(ctx context.Context, key string) (answer, error) {
			if a, ok := kept.get(key); ok {
				return a, nil
			}
			ch := group.DoChan(key, func() (any, error) {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.plan.LoadTimeout)
				defer cancel()
				a, err := s.load(ctx, key)
				if err == nil {
					kept.put(key, a)
				}
				return a, err
			})
			select {
			case r := <-ch:
				return r.Val.(answer), r.Err
			case <-ctx.Done():
				return answer{}, ctx.Err()
			}
		})}, nil
	},
}
