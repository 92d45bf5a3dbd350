package tier

import (
	"context"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
)

// NewBudget makes the context of one operation of a far tier.
func NewBudget(parent context.Context, d time.Duration) (context.Context, func()) {
	b := newBudget(parent, d)
	return b, b.end
}

// LooksAgain reports whether a call of GetResult that has found e in the near
// tier, as a value for somebody, and cannot use it, looks there again before it
// loads.
func (c *Cache[K, V]) LooksAgain(ctx context.Context, key K, e *Entry[V], r Read) bool {
	s := search[K, V]{cache: c, key: key, want: c.want(r)}
	_, ok := s.settle(ctx, detached.Outcome[*Entry[V]]{Role: detached.Hit, Ending: flight.Ending[*Entry[V]]{Value: e}})
	return !ok && !s.wish.NoLook
}

// StopTicks has every tick of the clock be late for good.
func (c *Cache[K, V]) StopTicks() {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	c.clock.timer.Stop()
}
