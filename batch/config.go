package batch

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/onefold-go/onefold"
)

// DefaultMaxKeys is the MaxKeys of a [Config] that names none.
const DefaultMaxKeys = 1000

// MaxWindow is the greatest Window.
const MaxWindow = time.Second

// Config configures a [Loader]. The zero Config is ready to use.
type Config struct {
	// Config is what a [onefold.Group] has. Its limits on callers and its
	// RetryFailed are for each key; MaxLoads counts a load of many keys once,
	// and its Hooks are told of each key.
	onefold.Config

	// MaxKeys is the greatest number of keys of one load. A LoadMany that needs
	// more makes several loads, which run at the same time. Zero means
	// DefaultMaxKeys.
	MaxKeys int

	// Window is how long a load that a call for a single key starts waits for
	// other such calls, whose keys it then loads as well; with MaxKeys it
	// starts at once. It delays each of these calls by up to that, and the load
	// sees the context of the first of them, so the field is zero by default,
	// which means not at all, and MaxWindow at most. Not with FirstCaller.
	Window time.Duration
}

// Validate reports every fault of c, each with the value that was given.
func (c Config) Validate() error {
	faults := []error{c.Config.Validate()}
	if c.MaxKeys < 0 {
		faults = append(faults, fmt.Errorf("batch: Config.MaxKeys is %d, want 0 (%d) or more", c.MaxKeys, DefaultMaxKeys))
	}
	if c.Window < 0 || c.Window > MaxWindow {
		faults = append(faults, fmt.Errorf("batch: Config.Window is %v, want 0 (none) to %v", c.Window, MaxWindow))
	}
	if c.Window > 0 && c.LoadContext == onefold.FirstCaller {
		faults = append(faults, fmt.Errorf("batch: Config.Window is %v with FirstCaller, want Detached or Bounded: one caller's end would be that of many", c.Window))
	}
	return errors.Join(faults...)
}

func (c Config) maxKeys() int { return cmp.Or(c.MaxKeys, DefaultMaxKeys) }
