package onefold

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits of a [Config] that names none.
const (
	DefaultMaxCallers = 100_000 // callers of one key
	DefaultMaxFlights = 100_000 // loads of a group that have not returned, about
)

// Config configures a [Group] or a [Loader]. The zero Config is ready to use.
type Config struct {
	// Name says what is loaded, for errors and figures. It may be empty.
	Name string

	// ShowKeys lets errors name keys, as %v prints them. It is for keys that
	// are no secret, wherever the errors may go. Without it a digest stands for
	// a key, the same as in [Event].
	ShowKeys bool

	// LoadContext says what a load's context has of its first caller's: the
	// strategy of cancellation. Zero is Detached.
	LoadContext LoadContext

	// Carry makes the context that the load sees: it gets load, which has no
	// values, and takes into it what it wants of caller, the context of the
	// call that started the load. What it returns must be derived from load.
	// [CarryOnly] makes a Carry for a list of context keys. It is called on the
	// load's goroutine; a panic of it is one of the load. Nil: the load sees all
	// values. Only with Detached.
	Carry func(load, caller context.Context) context.Context

	// LoadTimeout bounds one load, counted from its start. When it is over,
	// the load's context ends and all its callers get [ErrLoadTimeout], even
	// if the load itself does not return. Zero means no bound: the load then
	// ends when it returns or, with CancelLoad, when its last caller leaves.
	LoadTimeout time.Duration

	// JoinWithin is how old a load may be that a caller joins. A caller that
	// finds an older one starts a second load of the key, at most one; if that
	// does well first, the callers of the older one get its value too, and the
	// older one's context ends. Zero means any age.
	JoinWithin time.Duration

	// OnAbandon says what becomes of a load whose callers have all left. Zero
	// is CancelLoad.
	OnAbandon OnAbandon

	// OnPanic says what a load's panic does to its callers. Zero is Repanic.
	OnPanic OnPanic

	// RetryFailed says of a failed load's error whether one of its joiners may
	// try again, for all of them; the leader gets the error. If the second try
	// fails too, its error is everybody's. It is called on the load's
	// goroutine. Nil: an error is for all callers.
	RetryFailed func(error) bool

	// MaxCallers is the greatest number of callers that wait for one load.
	// Further ones get a *[LimitError]. Zero means DefaultMaxCallers.
	MaxCallers int

	// MaxLoads is the greatest number of loads that run at once. A load in
	// excess waits for its turn for up to QueueWait, and then its callers get a
	// *[LimitError]. Loads that nobody waits for any more count until they
	// return. Zero means no limit but DefaultMaxFlights, which counts waiting
	// loads as well.
	MaxLoads int

	// QueueWait is how long a load may wait for its turn. Zero means not at
	// all. Only with MaxLoads.
	QueueWait time.Duration

	// Audit looks for keys that do not say all that the answer depends on. It is
	// for tests and staging. Nil: none, which costs nothing.
	Audit *Audit

	// Hooks are told what happens.
	Hooks Hooks
}

// LoadContext is a strategy of cancellation: what a load's context has of the
// context of the caller that started it.
type LoadContext uint8

const (
	// Detached: the values, and no end. The load goes on when that caller
	// leaves, and is traced as part of its request. Right for almost all loads.
	Detached LoadContext = iota

	// Bounded: nothing at all, with LoadTimeout as the one bound, which must be
	// set. Right where a load must not see any one caller's identity.
	Bounded

	// FirstCaller: the values and the end. When that caller leaves, its load is
	// cancelled, and one of the others, if there are any, starts a new one with
	// its own context; nobody gets another caller's cancellation. Right where a
	// load is worth nothing to anybody but its callers and cheap to begin again.
	FirstCaller
)

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

// OnPanic says what a load's panic does to its callers.
type OnPanic uint8

const (
	// Repanic raises a *[PanicError] in each caller of [Group.Do] and
	// [Group.DoResult]. [Group.DoChan] always delivers it as an error.
	Repanic OnPanic = iota

	// ReturnPanic gives each caller a *[PanicError] as its error.
	ReturnPanic

	// CrashOnPanic raises a *[PanicError] on the load's goroutine too, where
	// nobody can recover from it: the process ends.
	CrashOnPanic
)

// Validate reports every fault of c, each with the value that was given.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("onefold: Config."+format, args...))
	}
	if c.LoadContext > FirstCaller {
		fault("LoadContext is %d, want Detached, Bounded or FirstCaller", c.LoadContext)
	}
	if c.LoadContext == Bounded && c.LoadTimeout == 0 {
		fault("LoadContext is Bounded and LoadTimeout is 0, want a LoadTimeout: it is the only bound there is")
	}
	if c.LoadContext != Detached && c.Carry != nil {
		fault("Carry is set with LoadContext %d, want Detached", c.LoadContext)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"LoadTimeout", c.LoadTimeout}, {"JoinWithin", c.JoinWithin}, {"QueueWait", c.QueueWait}} {
		if d.value < 0 {
			fault("%s is %v, want 0 or more", d.name, d.value)
		}
	}
	if c.OnAbandon > FinishLoad {
		fault("OnAbandon is %d, want DefaultOnAbandon, CancelLoad or FinishLoad", c.OnAbandon)
	}
	if c.OnPanic > CrashOnPanic {
		fault("OnPanic is %d, want Repanic, ReturnPanic or CrashOnPanic", c.OnPanic)
	}
	if c.MaxCallers < 0 {
		fault("MaxCallers is %d, want 0 (%d) or more", c.MaxCallers, DefaultMaxCallers)
	}
	if c.MaxLoads < 0 {
		fault("MaxLoads is %d, want 0 or more", c.MaxLoads)
	}
	if c.QueueWait > 0 && c.MaxLoads == 0 {
		fault("QueueWait is %v and MaxLoads is 0, want a MaxLoads: without it no load waits", c.QueueWait)
	}
	if c.Audit != nil {
		for _, err := range c.Audit.Faults() {
			fault("%w", err)
		}
	}
	return errors.Join(faults...)
}

// CarryOnly makes a [Config.Carry] that lets a load see the values of these
// context keys and of no others. Without keys the load sees none: it can know
// of a caller only what is in its key.
func CarryOnly(keys ...any) func(load, caller context.Context) context.Context {
	return func(load, caller context.Context) context.Context {
		for _, key := range keys {
			if v := caller.Value(key); v != nil {
				load = context.WithValue(load, key, v)
			}
		}
		return load
	}
}
