package onefold

import "time"

// Hooks are told what happens in a group. Each may be nil, which costs nothing.
// They are called without a lock and at the same time from many goroutines, and
// the caller or load they are about waits for them: they must be quick. A panic
// of a hook is not recovered.
type Hooks struct {
	// Call is told of each call that has been answered, on the caller's
	// goroutine.
	Call func(Event)

	// Load is told of each load that has returned, on the load's goroutine.
	// Its Outcome is Led, or Failed.
	Load func(Event)
}

// An Event is what a hook is told. It does not hold the key, which may be
// secret.
type Event struct {
	Name    string // Config.Name
	KeyHash uint64 // equal for equal keys of one group, and different in every process
	Outcome Outcome
	Again   bool          // a call had joined another load before, whose end was not for it
	Callers int           // that got the load's answer
	Took    time.Duration // of the load, or of the call's wait
	Err     error
}
