package onefold

import (
	"errors"
	"fmt"
	"time"
)

// Config configures a [Group]. The zero Config is ready to use.
type Config struct {
	// Name says what is loaded, for errors and figures. It may be empty.
	Name string

	// LoadTimeout bounds one load, counted from its start. When it is over,
	// the load's context ends and all its callers get [ErrLoadTimeout], even
	// if the load itself does not return. Zero means no bound: the load then
	// ends when it returns or, with CancelLoad, when its last caller leaves.
	LoadTimeout time.Duration

	// OnAbandon says what becomes of a load whose callers have all left. Zero
	// is CancelLoad for a Group.
	OnAbandon OnAbandon
}

// OnAbandon says what becomes of a load that nobody waits for any more.
type OnAbandon uint8

const (
	// DefaultOnAbandon is CancelLoad for a [Group], whose result would be
	// lost, and FinishLoad for a cache, which has a use for it.
	DefaultOnAbandon OnAbandon = iota

	// CancelLoad ends the load's context and frees the key: the next caller
	// starts a new load.
	CancelLoad

	// FinishLoad lets the load go on. Callers that come later join it.
	FinishLoad
)

// Validate reports every fault of c, each with the value that was given.
func (c Config) Validate() error {
	var faults []error
	if c.LoadTimeout < 0 {
		faults = append(faults, fmt.Errorf("onefold: Config.LoadTimeout is %v, want 0 or more", c.LoadTimeout))
	}
	if c.OnAbandon > FinishLoad {
		faults = append(faults, fmt.Errorf("onefold: Config.OnAbandon is %d, want DefaultOnAbandon, CancelLoad or FinishLoad", c.OnAbandon))
	}
	return errors.Join(faults...)
}
