package tier

import (
	"context"
	"time"
)

// NewBudget makes the context of one operation of a far tier.
func NewBudget(parent context.Context, d time.Duration) (context.Context, func()) {
	b := newBudget(parent, d)
	return b, b.end
}
