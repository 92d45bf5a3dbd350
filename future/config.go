package future

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// DefaultMaxCallers is how many callers may wait for one load when its Config
// names no bound.
const DefaultMaxCallers = 100_000

// Config configures a [Future]. The zero Config is ready to use: a load has no
// time limit, and the first Get after a failure loads again.
type Config struct {
	// Name says what is loaded, for errors. It may be empty.
	Name string

	// MaxCallers is how many callers may wait for one load. Further ones get a
	// *[LimitError]. Zero means DefaultMaxCallers.
	MaxCallers int

	// LoadTimeout bounds one load, counted from its start. When it is over,
	// the load's context ends and all who wait get [ErrLoadTimeout], even if
	// the load itself does not return. Zero means no bound.
	LoadTimeout time.Duration

	// RetryMin and RetryMax bound the wait between the end of a load that
	// failed and the start of the next. Each wait is random, evenly between
	// RetryMin and a ceiling, so that processes that failed together do not
	// come back together. The ceiling is twice RetryMin after the first
	// failure and doubles with each one that follows, up to RetryMax: the
	// "full jitter" of exponential backoff, with a floor.
	//
	// Zero for RetryMin means no wait; then RetryMax must be zero as well.
	// Zero for RetryMax means RetryMin: each wait is that long.
	RetryMin, RetryMax time.Duration
}

// Validate reports every fault of c, each with the value that was given.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("future: Config."+format, args...))
	}
	if c.MaxCallers < 0 {
		fault("MaxCallers is %d, want 0 (%d) or more", c.MaxCallers, DefaultMaxCallers)
	}
	if c.LoadTimeout < 0 {
		fault("LoadTimeout is %v, want 0 (none) or more", c.LoadTimeout)
	}
	if c.RetryMin < 0 {
		fault("RetryMin is %v, want 0 (no wait) or more", c.RetryMin)
	}
	if c.RetryMax != 0 && c.RetryMax < c.RetryMin {
		fault("RetryMax is %v, want 0 (RetryMin) or at least RetryMin, which is %v", c.RetryMax, c.RetryMin)
	}
	if c.RetryMax > 0 && c.RetryMin == 0 {
		fault("RetryMax is %v, and RetryMin is 0: set RetryMin to have a wait, or neither", c.RetryMax)
	}
	return errors.Join(faults...)
}

// wait gives how long to wait after the last of failed failures in a row.
func (c Config) wait(failed int) time.Duration {
	if c.RetryMin == 0 {
		return 0
	}
	longest := max(c.RetryMin, c.RetryMax)
	ceiling := c.RetryMin
	for range failed {
		if ceiling > longest/2 {
			ceiling = longest
			break
		}
		ceiling *= 2
	}
	return c.RetryMin + time.Duration(rand.Int64N(int64(ceiling-c.RetryMin)+1)) //nolint:gosec // no secret
}
