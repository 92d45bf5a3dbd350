package lab

import (
	"context"
	"time"
)

// dispatch calls do for 0 to n-1, each at its moment, which never falls. It
// waits on a timer until the next is due and then does all that are: when it
// is late it catches up at once, and what was late keeps its intended moment.
// do must not block. It returns when all are done or ctx is over.
func dispatch(ctx context.Context, start time.Time, n int, at func(int) time.Duration, do func(int)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for next := 0; next < n; {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		for now := time.Since(start); next < n && at(next) <= now; next++ {
			do(next)
		}
		if next < n {
			timer.Reset(at(next) - time.Since(start))
		}
	}
}
