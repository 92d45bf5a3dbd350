package tier

import (
	"context"
	"time"

	"github.com/onefold-go/onefold"
)

// A limiter lets so many loads ask the source at once. The zero limiter lets
// all of them.
type limiter struct {
	name  string
	turns chan struct{} // holds one for each load that has its turn; nil: no limit
	wait  time.Duration
}

func newLimiter(cfg *Config) limiter {
	l := limiter{name: cfg.Name, wait: cfg.QueueWait}
	if cfg.MaxLoads > 0 {
		l.turns = make(chan struct{}, cfg.MaxLoads)
	}
	return l
}

// enter waits for a turn, which the caller gives back with leave. The error is
// that the wait was in vain, or ctx.Err().
func (l *limiter) enter(ctx context.Context) (leave func(), err error) {
	if l.turns == nil {
		return func() {}, nil
	}
	select {
	case l.turns <- struct{}{}:
		return l.leave, nil
	default:
	}
	full := &onefold.LimitError{Name: l.name, Limit: "MaxLoads", Value: cap(l.turns)}
	if l.wait == 0 {
		return nil, full
	}
	patience := time.NewTimer(l.wait)
	defer patience.Stop()
	select {
	case l.turns <- struct{}{}:
		return l.leave, nil
	case <-patience.C:
		return nil, full
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *limiter) leave() { <-l.turns }
