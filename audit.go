package onefold

import (
	"context"

	"github.com/onefold-go/onefold/internal/audit"
	"github.com/onefold-go/onefold/internal/detached"
)

// An Audit makes a group or a cache look for keys that do not say all that the
// answer depends on: see [Config.Audit].
//
// It remembers a fingerprint of each key's answer, and reports when a load of
// the key gives another one within Window, with no invalidation in between.
type Audit = audit.Audit

// A Difference is two answers to one key, as an [Audit] reports them.
type Difference = audit.Difference

// What an [Audit] means that names nothing else.
const (
	DefaultAuditWindow  = audit.DefaultWindow
	DefaultAuditMaxKeys = audit.DefaultMaxKeys
)

// audited is DoResult in a group with an Audit.
func (g *Group[K, V]) audited(ctx context.Context, key K, load func(context.Context, K) (V, error), wish detached.Wish) Result[V] {
	began := g.audit.Begin(key)
	r := g.result(key, func() detached.Outcome[V] { return g.table.DoWish(ctx, key, g.watched(load), wish) })
	if r.Outcome == Joined && r.Err == nil && g.audit.Chance() {
		audit.Shadow(ctx, g.Config.LoadContext == Bounded, g.Config.Carry, func(ctx context.Context) {
			if own, err := load(ctx, key); err == nil {
				g.audit.Checked(key, began, r.Value, own, load)
			}
		})
	}
	return r
}

// watched is load, with the audit told of its answers.
func (g *Group[K, V]) watched(load func(context.Context, K) (V, error)) func(context.Context, K) (V, error) {
	if g.audit == nil {
		return load
	}
	return func(ctx context.Context, key K) (V, error) {
		began := g.audit.Begin(key)
		v, err := load(ctx, key)
		if err == nil {
			g.audit.Loaded(key, began, v, load)
		}
		return v, err
	}
}
