package shop

import (
	"context"

	"golang.org/x/sync/singleflight"
)

var group singleflight.Group

func get(ctx context.Context, id string) (any, error) {
	v, err, _ := group.Do(id, func() (any, error) {
		return load(ctx, id) // want `\(ctxcapture\)$`
	})
	return v, err
}

func excused(ctx context.Context, id string) (any, error) {
	v, err, _ := group.Do(id, func() (any, error) {
		//onefold:ok ctxcapture all callers have the program's own context
		return load(ctx, id)
	})
	//onefold:ok ctxcapture there is nothing here // want `ctxcapture finds nothing here: take the comment away \(unusedok\)$`
	return v, err
}

func load(ctx context.Context, id string) (any, error) {
	<-ctx.Done()
	return id, ctx.Err()
}
