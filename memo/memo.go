// Package memo remembers values for the time of one request, in a table that
// the request's context carries: whoever asks twice gets the same answer twice,
// even if somebody else invalidated it in between, and pays for it once.
//
// [With] gives a request its memo. A [View] reads and writes a cache through
// the memo; a [Table] memoizes any load. Where a context has no memo, both go
// straight to the cache or the load.
package memo

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"github.com/onefold-go/onefold/internal/loadctx"
)

// DefaultMaxEntries is how many values a memo holds when its Config names no
// bound.
const DefaultMaxEntries = 1_000

// Config bounds a memo. The zero Config is ready to use.
type Config struct {
	// MaxEntries is how many values one memo holds, those of all views and
	// tables together. When it is full, calls for further keys go straight to
	// the cache or the load and are not remembered. Zero means
	// DefaultMaxEntries.
	MaxEntries int
}

// Validate reports every fault of c, each with the value that was given.
func (c Config) Validate() error {
	if c.MaxEntries < 0 {
		return fmt.Errorf("memo: Config.MaxEntries is %d, want 0 (%d) or more", c.MaxEntries, DefaultMaxEntries)
	}
	return nil
}

// With gives a context that has the values and the end of ctx, and an empty
// memo. Calls with that context, or with contexts derived from it, share the
// memo; they may come at the same time from many goroutines. A memo in ctx
// itself is hidden by the new one.
//
// The memo dies with ctx: once ctx has ended, calls do as if there were none,
// also with contexts that context.WithoutCancel has detached. It is freed with
// the last of those contexts.
//
// A load that other requests may share has no memo, although its context has
// the values of whoever started it: what it brings must be as new as the load.
//
// With panics when ctx is nil or cfg has a fault; check settings that come from
// a file with [Config.Validate].
func With(ctx context.Context, cfg Config) context.Context {
	if ctx == nil {
		panic("memo: nil context")
	}
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	return attach(ctx, &memo{ctx: ctx, room: cmp.Or(cfg.MaxEntries, DefaultMaxEntries)})
}

// A memo is what one request remembers.
type memo struct {
	ctx context.Context //nolint:containedctx // the memo is of no use once it has ended

	mu      sync.RWMutex
	shelves []any // guarded by mu; a *shelf for each space that has something here
	room    int   // guarded by mu; how many more slots there may be
}

// attach gives a context derived from ctx that has m. The key keeps m from the
// loads below it.
func attach(ctx context.Context, m *memo) context.Context {
	return context.WithValue(ctx, &loadctx.Request, m)
}

// of gives the memo of ctx, or nil when there is none to use.
func of(ctx context.Context) *memo {
	m, _ := ctx.Value(&loadctx.Request).(*memo)
	if m == nil || m.ctx.Err() != nil {
		return nil
	}
	return m
}
