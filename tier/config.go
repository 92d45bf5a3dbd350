package tier

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/onefold-go/onefold"
)

// Config configures a [Cache]. The zero Config is ready to use: values never
// expire and loads have no time limit.
type Config struct {
	// Name says what is cached, for errors and figures. It may be empty.
	Name string

	// TTL is how long a value may be served, counted from when its load
	// began: what the source said then may have changed since. Zero means for
	// ever.
	TTL time.Duration

	// Jitter shortens each value's TTL by a random share of up to Jitter, so
	// that values stored together do not expire together: 0.1 spreads a TTL of
	// 10 s evenly over 9 s to 10 s. From 0 to 1; zero is no jitter.
	Jitter float64

	// LoadTimeout bounds one load, all tiers included, counted from its start.
	// When it is over, all its callers get [onefold.ErrLoadTimeout]. Zero means
	// no bound.
	LoadTimeout time.Duration

	// OnAbandon says what becomes of a load whose callers have all left. Zero
	// is FinishLoad for a cache: the value is stored for the next caller.
	OnAbandon onefold.OnAbandon

	// LeaseTTL is how long a process may hold the right to load a key for a
	// shared tier. It must exceed LoadTimeout. Zero means LoadTimeout and one
	// second more, or 10 s without a LoadTimeout.
	LeaseTTL time.Duration
}

// Validate reports every fault of c, each with the value that was given.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("tier: Config."+format, args...))
	}
	if c.TTL < 0 {
		fault("TTL is %v, want 0 (for ever) or more", c.TTL)
	}
	if !(c.Jitter >= 0 && c.Jitter <= 1) { //nolint:staticcheck // so that a NaN is a fault too
		fault("Jitter is %v, want 0 to 1", c.Jitter)
	}
	if c.LoadTimeout < 0 {
		fault("LoadTimeout is %v, want 0 (none) or more", c.LoadTimeout)
	}
	if c.OnAbandon > onefold.FinishLoad {
		fault("OnAbandon is %d, want DefaultOnAbandon, CancelLoad or FinishLoad", c.OnAbandon)
	}
	if c.LeaseTTL < 0 {
		fault("LeaseTTL is %v, want 0 (derived) or more", c.LeaseTTL)
	}
	if c.LeaseTTL > 0 && c.LeaseTTL <= c.LoadTimeout {
		fault("LeaseTTL is %v, want more than LoadTimeout, which is %v: a lease that ends first lets a second process load", c.LeaseTTL, c.LoadTimeout)
	}
	return errors.Join(faults...)
}

// ttl gives the TTL of one value of which the config's TTL is the most.
func (c Config) ttl(most time.Duration) time.Duration {
	switch {
	case most == 0:
		return forever
	case c.Jitter == 0:
		return most
	default:
		return max(1, most-time.Duration(rand.Float64()*c.Jitter*float64(most))) //nolint:gosec // no secret
	}
}

func (c Config) leaseTTL() time.Duration {
	switch {
	case c.LeaseTTL > 0:
		return c.LeaseTTL
	case c.LoadTimeout > 0:
		return later(c.LoadTimeout, time.Second)
	default:
		return 10 * time.Second
	}
}
