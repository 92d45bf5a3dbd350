package tier

import (
	"fmt"
	"time"

	"github.com/onefold-go/onefold"
)

// A Result is what one call came to.
type Result[V any] struct {
	Value V
	Err   error

	// Outcome says how the call got its answer: Hit, Stale, Led, Joined,
	// Negative or Failed.
	Outcome onefold.Outcome

	// Again says that the call had joined another load before, whose end was
	// not for it or was invalidated while the call waited: a failed collapse.
	Again bool

	// Level says where the answer is from.
	Level Level

	// Why says why the answer is a stale one; NotStale where it is not.
	Why Why

	// Age is how long ago the load of the answer began, in whichever process
	// that was.
	Age time.Duration

	// Callers is how many callers got the answer of the same load, this one
	// included, and 0 where there was none.
	Callers int
}

// A Read is what one call of [Cache.GetResult] wants beyond the rest. The zero
// Read is what [Cache.Get] does.
type Read struct {
	// NotBefore refuses a value whose load began earlier, in every tier: a
	// caller who has just written gives the time of the write, and sees it.
	// The time must come from time.Now in this process. For values from other
	// processes the clocks' allowance of 5 s counts against them. Zero means
	// any value.
	NotBefore time.Time

	// Budget is the call's [Config.HardBudget]. Zero means that of Config.
	Budget time.Duration

	// MaxStale is how long after its TTL a value is taken at most. Zero means
	// as Config has it, and less than zero not at all.
	MaxStale time.Duration
}

// A Level is one of the places where an answer can come from: the near tier, a
// far one, or the source.
type Level uint8

// The levels that every cache has. Far tiers are 1 and up, nearest first.
const (
	NearLevel   Level = 0
	SourceLevel Level = 255
)

// String gives near, far 1, far 2 and so on, or source.
func (l Level) String() string {
	switch l {
	case NearLevel:
		return "near"
	case SourceLevel:
		return "source"
	default:
		return fmt.Sprintf("far %d", uint8(l))
	}
}

// Why says why an answer is a stale one.
type Why uint8

// Why an answer can be stale.
const (
	NotStale     Why = iota
	Revalidating     // a load behind the call brings a new one: Config.StaleFor
	SourceFailed     // the source failed: Config.StaleIfError
	Overloaded       // a limit kept the load from the source
	OverBudget       // the load takes longer than Config.SoftBudget
)

// String gives the reason in lower case.
func (w Why) String() string {
	switch w {
	case NotStale:
		return "not stale"
	case Revalidating:
		return "revalidating"
	case SourceFailed:
		return "source failed"
	case Overloaded:
		return "overloaded"
	case OverBudget:
		return "over budget"
	default:
		return "unknown"
	}
}

// judgement is what an entry is to a call.
type judgement uint8

const (
	nothing judgement = iota
	freshValue
	staleValue
	remembered // that there is nothing, or that the load failed
	loadDirect
)

// A want is a Read on the cache's clock.
type want struct {
	notBefore time.Duration // 0: any
	maxStale  time.Duration // forever: as Config has it; 0: none
}

func (c *Cache[K, V]) want(r Read) want {
	w := want{maxStale: forever}
	if !r.NotBefore.IsZero() {
		w.notBefore = max(1, r.NotBefore.Sub(c.clock.start))
	}
	if r.MaxStale != 0 {
		w.maxStale = max(0, r.MaxStale)
	}
	return w
}

// refuses reports whether a value may be from before what w allows.
func (w want) refuses(born time.Duration, from Level) bool {
	if w.notBefore == 0 {
		return false
	}
	if from != SourceLevel && from != NearLevel {
		return born < later(w.notBefore, skew) // another machine's clock
	}
	return born < w.notBefore
}

// judge says what e is to a call at now.
func (c *Cache[K, V]) judge(e *Entry[V], now time.Duration, w want) judgement {
	if e == nil || c.overtaken(e) {
		return nothing
	}
	if e.kind == direct {
		if now < e.fresh {
			return loadDirect
		}
		return nothing
	}
	if w.refuses(e.born, e.from) {
		return nothing
	}
	switch {
	case e.kind != value:
		if now < e.fresh {
			return remembered
		}
		return nothing
	case now < e.fresh:
		return freshValue
	case now < c.staleUntil(e, w), c.failing(e, now) && now < c.fallbackUntil(e, w):
		return staleValue
	default:
		return nothing
	}
}

// overtaken reports whether e has been invalidated.
func (c *Cache[K, V]) overtaken(e *Entry[V]) bool {
	return e.stamp != c.fences.now() && c.fences.overtaken(e.stamp, e.slot, e.tags())
}

// staleUntil is until when e is given while a load behind it runs.
func (c *Cache[K, V]) staleUntil(e *Entry[V], w want) time.Duration {
	d := c.cfg.StaleFor
	if e.more != nil && e.more.staleFor > 0 {
		d = e.more.staleFor
	}
	return later(e.fresh, min(d, w.maxStale))
}

// fallbackUntil is until when e is given where the source has no answer.
func (c *Cache[K, V]) fallbackUntil(e *Entry[V], w want) time.Duration {
	return max(c.staleUntil(e, w), later(e.fresh, min(c.cfg.StaleIfError, w.maxStale)))
}

// outdated is a *VersionError where e is a value to give that is newer than
// version, which is 0 for one that has none.
func (c *Cache[K, V]) outdated(e *Entry[V], version uint64, w want) error {
	if version == 0 || !c.fallback(e, c.clock.now(), w) {
		return nil
	}
	return e.newerThan(version)
}

// resting reports whether the source is not to be asked for e's key yet, by calls
// that e is an answer for.
func (c *Cache[K, V]) resting(e *Entry[V], now time.Duration) bool {
	return e.more != nil && now < e.more.retry
}

// failing reports whether that is because the source had no answer.
func (c *Cache[K, V]) failing(e *Entry[V], now time.Duration) bool {
	return c.resting(e, now) && e.more.err != nil
}

// fallback reports whether e is a value to give where the source has no answer.
func (c *Cache[K, V]) fallback(e *Entry[V], now time.Duration, w want) bool {
	return e != nil && e.kind == value && !c.overtaken(e) && !w.refuses(e.born, e.from) && now < c.fallbackUntil(e, w)
}
