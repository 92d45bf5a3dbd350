package keymutex

import (
	"fmt"

	"github.com/onefold-go/onefold/internal/detached"
)

// DefaultMaxWaiters is how many callers may wait for one key when its Config
// names no bound.
const DefaultMaxWaiters = 10_000

// Config configures a [Mutex]. The zero Config is ready to use.
type Config struct {
	// MaxWaiters is how many callers may wait for one key; the one that holds
	// it is not counted. Zero means DefaultMaxWaiters.
	MaxWaiters int
}

// Validate reports every fault of c, each with the value that was given.
func (c Config) Validate() error {
	if c.MaxWaiters < 0 {
		return fmt.Errorf("keymutex: Config.MaxWaiters is %d, want 0 (%d) or more", c.MaxWaiters, DefaultMaxWaiters)
	}
	return nil
}

// ErrKey reports a key that is not equal to itself, such as a NaN. It is the
// very error that package onefold has by this name.
var ErrKey = detached.ErrKey

// A LimitError turns a caller away where too many wait already.
type LimitError struct {
	Limit int // as [Config.MaxWaiters] has it
}

// Error names the limit.
func (e *LimitError) Error() string {
	return fmt.Sprintf("keymutex: %d callers wait for this key already, which is Config.MaxWaiters", e.Limit)
}
