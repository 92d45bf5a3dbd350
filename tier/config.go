package tier

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/batch"
)

// What a [Config] means that names nothing else.
const (
	DefaultFarBudget    = time.Second      // for one operation of a far tier
	DefaultDirectFor    = 10 * time.Second // that a key with a value not to be stored is loaded directly
	DefaultMaxTags      = 10_000           // tags whose invalidation is remembered one by one
	DefaultMaxValueSize = 16 << 20         // bytes of an encoded value in a far tier
	DefaultTagPoll      = time.Second      // between looks at a tag table that tells nobody of its changes
	DefaultLeaseTTL     = 10 * time.Second // without a LoadTimeout
)

// Config configures a [Cache]. The zero Config is ready to use: values never
// expire and loads have no time limit.
type Config struct {
	// Name says what is cached, for errors and figures. It may be empty.
	Name string

	// ShowKeys lets errors name keys; see [onefold.Config].
	ShowKeys bool

	// TTL is how long a value is fresh, counted from when its load began:
	// what the source said then may have changed since. Zero means for ever,
	// of which far tiers are told a year.
	TTL time.Duration

	// Jitter shortens each value's TTL by a random share of up to Jitter, so
	// that values stored together do not expire together: 0.1 spreads a TTL of
	// 10 s evenly over 9 s to 10 s. It applies to NegativeTTL as well. From 0
	// to 1; zero is no jitter.
	Jitter float64

	// StaleFor is how long after its TTL a value is still given, at once, while
	// one load behind it brings a new one. Zero means not at all.
	StaleFor time.Duration

	// StaleIfError is how long after its TTL a value is given where the source
	// fails, is too busy, or takes longer than SoftBudget. Zero means not at
	// all.
	StaleIfError time.Duration

	// NegativeTTL is how long it is remembered that the source has nothing
	// for a key, which is what [onefold.ErrNotFound] says, bare or wrapped.
	// Zero means not at all.
	NegativeTTL time.Duration

	// EarlyRefresh loads a value anew before its TTL is over, behind callers
	// that still get the old one: ahead by the time that loads of the key
	// take, and by EarlyRefresh times that, times a random number with the
	// mean 1, drawn from the exponential distribution once for each value.
	// (Vattani, Chierichetti and Lowenstein, 2015, draw it for each request,
	// which is earlier the more requests there are.) 1 is a good choice for
	// keys that are asked for more often than they take to load. At most half
	// of the TTL. Zero means no early refresh.
	EarlyRefresh float64

	// SoftBudget is how long a call waits for a load while there is a value
	// within StaleIfError; then it gets that one, and the load goes on. Zero
	// means as long as the load takes.
	SoftBudget time.Duration

	// HardBudget is how long a call waits at all; then it gets a
	// *[BudgetError]. A call may name another one in [Read]. Zero means as
	// long as its context lets it.
	HardBudget time.Duration

	// FarBudget bounds one operation of a far tier, also where the context of
	// a Set or Delete has no end. A load passes over a tier that takes longer;
	// to a writer it is an error. Zero means DefaultFarBudget.
	FarBudget time.Duration

	// LoadTimeout bounds one load, all tiers included, counted from its start.
	// When it is over, all its callers get [onefold.ErrLoadTimeout]. Zero means
	// no bound.
	LoadTimeout time.Duration

	// LoadContext says what a load's context has of its first caller's. Zero
	// is [onefold.Detached]. FirstCaller is refused: a load of a cache is for
	// whoever comes next.
	LoadContext onefold.LoadContext

	// Carry is as in [onefold.Config]: which values of its first caller's
	// context a load sees. Nil: all. Only with Detached.
	Carry func(load, caller context.Context) context.Context

	// JoinWithin is how old a load may be that a caller joins; see
	// [onefold.Config]. The second load takes the lease of the first. Zero
	// means any age.
	JoinWithin time.Duration

	// OnAbandon says what becomes of a load whose callers have all left. Zero
	// is FinishLoad for a cache: the value is stored for the next caller.
	OnAbandon onefold.OnAbandon

	// OnPanic says what a load's panic does to callers of Get and GetResult;
	// see [onefold.Config]. Zero is Repanic. GetMany always delivers it.
	OnPanic onefold.OnPanic

	// RetryFailed says of a load's error whether one of the callers that
	// joined may try again for all of them; see [onefold.Config]. Nil: none.
	RetryFailed func(error) bool

	// RememberFailed says of a load's error whether calls for the key get it
	// at once, without a load, until Backoff lets the next one through. Nil:
	// none, so the next call after a failed load loads. Errors that RetryFailed
	// is true of are not remembered, and none is in far tiers.
	RememberFailed func(error) bool

	// Backoff is how long the source is left alone for a key whose load
	// failed, where a stale value serves meanwhile or RememberFailed says so.
	Backoff Backoff

	// DirectFor is how long calls for a key load for themselves after a load
	// of it brought a value that is not to be stored ([Loaded].NoStore): to
	// wait for one another would make them slower and save nothing. Zero means
	// DefaultDirectFor.
	DirectFor time.Duration

	// MaxCallers is the greatest number of callers that wait for one load.
	// Further ones get a *[onefold.LimitError]. Zero means
	// onefold.DefaultMaxCallers.
	MaxCallers int

	// MaxLoads is the greatest number of loads that ask the source at once. A
	// load in excess waits for its turn for up to QueueWait; then its callers
	// get a value within StaleIfError or StaleFor if there is one, and
	// otherwise a *[onefold.LimitError]. Zero means no limit but
	// onefold.DefaultMaxFlights.
	MaxLoads int

	// QueueWait is how long a load may wait for its turn. Zero means not at
	// all. Only with MaxLoads.
	QueueWait time.Duration

	// MaxKeys is the greatest number of keys in one call of Source.LoadMany.
	// More are loaded in several calls at once. Zero means
	// batch.DefaultMaxKeys.
	MaxKeys int

	// MaxTags is how many tags have their invalidation remembered one by one.
	// Beyond that, the oldest are forgotten and whatever is older than they is
	// invalid. Zero means DefaultMaxTags.
	MaxTags int

	// MaxValueSize is the most bytes of an encoded value in a far tier. A
	// larger one is not stored there, not decoded, and left to those who have
	// stored it. Zero means DefaultMaxValueSize.
	MaxValueSize int

	// TagPoll is how often the tag table of a far tier is looked at that tells
	// nobody of its changes: for so long another process may serve what
	// InvalidateTag invalidated here. Zero means DefaultTagPoll.
	TagPoll time.Duration

	// LeaseTTL is how long a process may hold the right to load a key for a
	// shared tier. It must exceed LoadTimeout. Zero means LoadTimeout and one
	// second more, or DefaultLeaseTTL without a LoadTimeout.
	LeaseTTL time.Duration

	// Audit looks for keys that do not say all that the answer depends on; see
	// [onefold.Config]. What deletes or invalidates a value lets it forget what
	// it knew of the key, or of all keys where they are not named.
	Audit *onefold.Audit

	// Hooks are told what happens.
	Hooks onefold.Hooks
}

// A Backoff says how long to wait after a failure: Min after the first, twice
// that after the second in a row, and so on up to Max; of that a random part
// from half to all of it.
type Backoff struct {
	Min time.Duration // zero means 1 s
	Max time.Duration // zero means 60 s, or Min if that is more
}

// after gives the wait after the nth failure in a row, n from 1.
func (b Backoff) after(n int) time.Duration {
	least, most := b.bounds()
	d := most
	if shift := n - 1; shift < 62 && least <= most>>shift {
		d = least << shift
	}
	return d - time.Duration(rand.Int64N(int64(d)/2+1)) //nolint:gosec // no secret
}

func (b Backoff) bounds() (least, most time.Duration) {
	if b.Min == 0 {
		b.Min = time.Second
	}
	if b.Max == 0 {
		b.Max = max(b.Min, time.Minute)
	}
	return b.Min, b.Max
}

// Validate reports every fault of c, each with the value that was given.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("tier: Config."+format, args...))
	}
	for _, d := range []struct {
		name, zero string
		value      time.Duration
	}{
		{"TTL", "for ever", c.TTL},
		{"StaleFor", "not at all", c.StaleFor},
		{"StaleIfError", "not at all", c.StaleIfError},
		{"NegativeTTL", "not at all", c.NegativeTTL},
		{"SoftBudget", "none", c.SoftBudget},
		{"HardBudget", "none", c.HardBudget},
		{"FarBudget", DefaultFarBudget.String(), c.FarBudget},
		{"LoadTimeout", "none", c.LoadTimeout},
		{"JoinWithin", "any age", c.JoinWithin},
		{"Backoff.Min", "1s", c.Backoff.Min},
		{"Backoff.Max", "1m0s", c.Backoff.Max},
		{"DirectFor", DefaultDirectFor.String(), c.DirectFor},
		{"QueueWait", "not at all", c.QueueWait},
		{"TagPoll", DefaultTagPoll.String(), c.TagPoll},
		{"LeaseTTL", "derived", c.LeaseTTL},
	} {
		if d.value < 0 {
			fault("%s is %v, want 0 (%s) or more", d.name, d.value, d.zero)
		}
	}
	for _, n := range []struct {
		name  string
		zero  int
		value int
	}{
		{"MaxCallers", onefold.DefaultMaxCallers, c.MaxCallers},
		{"MaxLoads", 0, c.MaxLoads},
		{"MaxKeys", batch.DefaultMaxKeys, c.MaxKeys},
		{"MaxTags", DefaultMaxTags, c.MaxTags},
		{"MaxValueSize", DefaultMaxValueSize, c.MaxValueSize},
	} {
		if n.value < 0 {
			fault("%s is %d, want 0 (%d) or more", n.name, n.value, n.zero)
		}
	}
	if c.Audit != nil {
		for _, err := range c.Audit.Faults() {
			fault("%w", err)
		}
	}
	if !(c.Jitter >= 0 && c.Jitter <= 1) { //nolint:staticcheck // so that a NaN is a fault too
		fault("Jitter is %v, want 0 to 1", c.Jitter)
	}
	if !(c.EarlyRefresh >= 0 && c.EarlyRefresh <= math.MaxFloat32) { //nolint:staticcheck // likewise
		fault("EarlyRefresh is %v, want 0 (none) or more", c.EarlyRefresh)
	}
	if c.EarlyRefresh > 0 && c.TTL == 0 {
		fault("EarlyRefresh is %v and TTL is 0, want a TTL: what never expires is never refreshed", c.EarlyRefresh)
	}
	if c.SoftBudget > 0 && c.StaleIfError == 0 {
		fault("SoftBudget is %v and StaleIfError is 0, want a StaleIfError: it says which value a call gets instead", c.SoftBudget)
	}
	if c.SoftBudget > 0 && c.HardBudget > 0 && c.SoftBudget > c.HardBudget {
		fault("SoftBudget is %v, want at most HardBudget, which is %v", c.SoftBudget, c.HardBudget)
	}
	if c.Backoff.Min > 0 && c.Backoff.Max > 0 && c.Backoff.Min > c.Backoff.Max {
		fault("Backoff.Min is %v, want at most Backoff.Max, which is %v", c.Backoff.Min, c.Backoff.Max)
	}
	switch {
	case c.LoadContext > onefold.FirstCaller:
		fault("LoadContext is %d, want Detached or Bounded", c.LoadContext)
	case c.LoadContext == onefold.FirstCaller:
		fault("LoadContext is FirstCaller, want Detached or Bounded: a load of a cache is for whoever comes next")
	case c.LoadContext == onefold.Bounded && c.LoadTimeout == 0:
		fault("LoadContext is Bounded and LoadTimeout is 0, want a LoadTimeout: it is the only bound there is")
	}
	if c.LoadContext != onefold.Detached && c.Carry != nil {
		fault("Carry is set with LoadContext %d, want Detached", c.LoadContext)
	}
	if c.OnAbandon > onefold.FinishLoad {
		fault("OnAbandon is %d, want DefaultOnAbandon, CancelLoad or FinishLoad", c.OnAbandon)
	}
	if c.OnPanic > onefold.CrashOnPanic {
		fault("OnPanic is %d, want Repanic, ReturnPanic or CrashOnPanic", c.OnPanic)
	}
	if c.QueueWait > 0 && c.MaxLoads == 0 {
		fault("QueueWait is %v and MaxLoads is 0, want a MaxLoads: without it no load waits", c.QueueWait)
	}
	if c.LeaseTTL > 0 && c.LeaseTTL <= c.LoadTimeout {
		fault("LeaseTTL is %v, want more than LoadTimeout, which is %v: a lease that ends first lets a second process load", c.LeaseTTL, c.LoadTimeout)
	}
	return errors.Join(faults...)
}

// withDefaults puts in what the zero values stand for.
func (c Config) withDefaults() Config {
	def(&c.FarBudget, DefaultFarBudget)
	def(&c.DirectFor, DefaultDirectFor)
	def(&c.MaxCallers, onefold.DefaultMaxCallers)
	def(&c.MaxKeys, batch.DefaultMaxKeys)
	def(&c.MaxTags, DefaultMaxTags)
	def(&c.MaxValueSize, DefaultMaxValueSize)
	def(&c.TagPoll, DefaultTagPoll)
	if c.LoadTimeout > 0 {
		def(&c.LeaseTTL, later(c.LoadTimeout, time.Second))
	}
	def(&c.LeaseTTL, DefaultLeaseTTL)
	return c
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// jittered gives the TTL of one value of which most is the most; 0 is for ever.
func (c *Config) jittered(most time.Duration) time.Duration {
	switch {
	case most == 0:
		return forever
	case c.Jitter == 0:
		return most
	default:
		return max(1, most-time.Duration(rand.Float64()*c.Jitter*float64(most))) //nolint:gosec // no secret
	}
}

// lead gives how long before the end of its freshness a value is refreshed that
// is fresh for life, where loads of the key take took.
func (c *Config) lead(took, life time.Duration) time.Duration {
	if c.EarlyRefresh == 0 {
		return 0
	}
	return time.Duration(min(float64(took)*(1+c.EarlyRefresh*rand.ExpFloat64()), float64(life/2))) //nolint:gosec // no secret
}
