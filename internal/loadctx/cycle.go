package loadctx

import (
	"errors"
	"fmt"
	"strings"
)

// ErrCycle is what every [CycleError] is.
var ErrCycle = errors.New("onefold: load would wait for itself")

// A CycleError is an ErrCycle with the loads that wait for one another. Package
// onefold documents it.
type CycleError struct {
	Ring []Step
}

// A Step is one load of a ring.
type Step struct {
	Name    string // the Name of what it is a load of, or the type of that
	KeyHash uint64 // 0: it has no key
	Key     string // printed; only where the owner allows it
}

// mostSteps is how many steps of a ring an error's text has.
const mostSteps = 16

// Error names the loads of the ring, the first one again at the end.
func (e *CycleError) Error() string {
	var b strings.Builder
	b.WriteString(ErrCycle.Error())
	before := ": "
	for i, s := range e.Ring {
		if i == mostSteps-1 && len(e.Ring) > mostSteps {
			fmt.Fprintf(&b, " -> %d more", len(e.Ring)-i)
			break
		}
		b.WriteString(before + s.String())
		before = " -> "
	}
	if len(e.Ring) > 0 {
		b.WriteString(" -> " + e.Ring[0].String())
	}
	return b.String()
}

// Is reports whether target is [ErrCycle].
func (e *CycleError) Is(target error) bool { return target == ErrCycle }

// String names the load.
func (s Step) String() string {
	switch {
	case s.Key != "":
		return s.Name + " key " + s.Key
	case s.KeyHash != 0:
		return fmt.Sprintf("%s key %016x", s.Name, s.KeyHash)
	default:
		return s.Name
	}
}

// An Owner has loads and can say of each what it loads.
type Owner interface {
	// Step names a load that the Owner gave to [Ctx.Wait]. It is called without
	// a lock and may call functions of the user's keys.
	Step(load any) Step
}

// A Ring is loads that wait for one another: the first is the one that was asked
// for, the last is the one that asked.
type Ring []edge

// Err puts the ring into words.
func (r Ring) Err() error {
	steps := make([]Step, len(r))
	for i, e := range r {
		steps[i] = e.owner.Step(e.load)
	}
	return &CycleError{Ring: steps}
}
