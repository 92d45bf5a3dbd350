package tier

import (
	"errors"
	"fmt"
	"time"

	"github.com/onefold-go/onefold"
)

// A BudgetError tells a caller that it has waited for as long as its budget
// let it. It is [onefold.ErrBudget] to [errors.Is].
type BudgetError struct {
	Budget    time.Duration
	Level     Level // what the load was waiting for when the caller left
	Continues bool  // whether the load goes on, to be stored
}

// Error names the level that was slow.
func (e *BudgetError) Error() string {
	goes := "has been cancelled"
	if e.Continues {
		goes = "goes on"
	}
	return fmt.Sprintf("tier: no answer within the budget of %v: the load waits for %v and %s", e.Budget, e.Level, goes)
}

// Is reports whether target is [onefold.ErrBudget].
func (e *BudgetError) Is(target error) bool { return target == onefold.ErrBudget }

// Timeout reports true: a budget is a time limit.
func (e *BudgetError) Timeout() bool { return true }

// A SourceError is a load's error that comes from another process, as a code:
// it is delivered to callers, and is no failure of the tier that brought it.
type SourceError struct {
	Code string
}

// Error gives the code.
func (e *SourceError) Error() string { return fmt.Sprintf("tier: load elsewhere failed: %s", e.Code) }

// A VersionError says that a value was refused because the cache has one of a
// higher version: of a load, which has failed then, or of [Cache.Set].
type VersionError struct {
	Version uint64 // of the value that was refused
	Known   uint64 // of the value that the cache has
}

// Error gives both versions.
func (e *VersionError) Error() string {
	return fmt.Sprintf("tier: version %d of a value whose version %d is known", e.Version, e.Known)
}

// A DeleteError names the far tiers that could not delete, or invalidate, which
// may go on serving what they hold until its TTL is over.
type DeleteError struct {
	Tiers []int   // positions among the far tiers, 0 is the nearest; one entry a failed key
	Errs  []error // aligned with Tiers
}

func (e *DeleteError) add(tier int, err error) {
	e.Tiers = append(e.Tiers, tier)
	e.Errs = append(e.Errs, err)
}

// orNil gives e, or nil where nothing failed.
func (e *DeleteError) orNil() error {
	if len(e.Tiers) == 0 {
		return nil
	}
	return e
}

// Error names each failed tier and why it failed.
func (e *DeleteError) Error() string {
	return fmt.Sprintf("tier: Delete failed in far tiers %v: %v", e.Tiers, errors.Join(e.Errs...))
}

// Unwrap gives the tiers' errors.
func (e *DeleteError) Unwrap() []error { return e.Errs }

var (
	errNoPrior = errors.New("tier: Loaded.NotModified without a prior value: there is nothing that it could say that of")
	errCodec   = errors.New("tier: the codec panicked")
	errSlots   = errors.New("tier: a Batcher's answers are not as many as the keys it was asked for")
	errNoTable = errors.New("tier: a far tier cannot invalidate by tag: its store is no Tagger, and neither is any other")
)
