package tier

import (
	"errors"
	"sync/atomic"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/codec/envelope"
	"github.com/onefold-go/onefold/internal/detached"
)

// Stats are sums since the cache was made.
type Stats struct {
	Hits     uint64 // calls that the near tier answered with a fresh value
	Stale    uint64 // calls that were answered with a stale one
	Negative uint64 // calls that the near tier answered with nothing, as it remembers that there is nothing
	Failed   uint64 // calls that the near tier answered with the failure of a load that it remembers
	Led      uint64 // calls that started a load
	Joined   uint64 // calls that joined a load under way
	Again    uint64 // calls that joined a load whose end was not for them, counted for each

	Refreshes  uint64 // loads that were started behind callers, counted for each key
	Failures   uint64 // loads that failed at the source, ErrNotFound among them
	Shed       uint64 // loads that Config.MaxLoads kept from the source and that had a stale value to give
	TurnedAway uint64 // calls that met a limit
	Loading    int    // keys that can be joined now
	Running    int    // loads that have not returned now
}

// FarStats are sums for one far tier since the cache was made.
type FarStats struct {
	Hits     uint64 // loads that it had an answer for
	Misses   uint64 // loads that it had none for
	Errors   uint64 // operations that failed or took too long
	Refused  uint64 // values that it did not store: their lease was gone, or they could not be encoded
	TooLarge uint64 // values that it was not given, being over Config.MaxValueSize or with too many tags

	Unserved map[string]uint64 // what it held and was not served, by reason: decode, checksum, key_mismatch, too_large, version, future, expired, invalidated
}

// CoalescingRatio is Joined / (Led + Joined): the share of the calls without a
// near value that needed no load of their own. It is 0 when there were none.
func (s Stats) CoalescingRatio() float64 {
	if s.Led+s.Joined == 0 {
		return 0
	}
	return float64(s.Joined) / float64(s.Led+s.Joined)
}

// tally is what a cache counts beside hits.
type tally struct {
	closed    atomic.Bool
	stale     atomic.Uint64
	negative  atomic.Uint64
	failed    atomic.Uint64
	refreshes atomic.Uint64
	failures  atomic.Uint64
	shed      atomic.Uint64
}

// Stats gives the sums so far. They are not taken at one instant.
func (c *Cache[K, V]) Stats() Stats {
	sum := c.flights.Sum()
	return Stats{
		Hits: c.hits.Load(), Stale: c.stale.Load(), Negative: c.negative.Load(), Failed: c.failed.Load(),
		Led: sum.Led, Joined: sum.Joined, Again: sum.Again,
		Refreshes: c.refreshes.Load(), Failures: c.failures.Load(), Shed: c.shed.Load(),
		TurnedAway: sum.TurnedAway, Loading: sum.Flights, Running: sum.Running,
	}
}

// FarStats gives the sums of each far tier, nearest first. They are not taken
// at one instant.
func (c *Cache[K, V]) FarStats() []FarStats {
	all := make([]FarStats, len(c.farStats))
	for i := range c.farStats {
		all[i] = c.farStats[i].sum()
	}
	return all
}

// reasons are those of FarStats.Unserved.
var reasons = [...]string{
	envelope.Decode, envelope.Checksum, envelope.KeyMismatch, envelope.TooLarge, envelope.Version,
	string(reasonFuture), string(reasonExpired), string(reasonTags),
}

type farCounters struct {
	hits, misses, errors, refused, tooLarge atomic.Uint64
	unservedBy                              [len(reasons)]atomic.Uint64
}

// notGiven counts a value that could not be put into an envelope.
func (f *farCounters) notGiven(err error) {
	var fault *envelope.Error
	if errors.As(err, &fault) && fault.Reason == envelope.TooLarge {
		f.tooLarge.Add(1)
	} else {
		f.refused.Add(1)
	}
}

// unserved counts what was not served because of err.
func (f *farCounters) unserved(err error) {
	why := envelope.Decode
	var fault *envelope.Error
	var r reason
	switch {
	case errors.As(err, &fault):
		why = fault.Reason
	case errors.As(err, &r):
		why = string(r)
	}
	for i := range reasons {
		if reasons[i] == why {
			f.unservedBy[i].Add(1)
		}
	}
}

func (f *farCounters) sum() FarStats {
	s := FarStats{
		Hits: f.hits.Load(), Misses: f.misses.Load(), Errors: f.errors.Load(), Refused: f.refused.Load(), TooLarge: f.tooLarge.Load(),
		Unserved: make(map[string]uint64),
	}
	for i := range reasons {
		if n := f.unservedBy[i].Load(); n > 0 {
			s.Unserved[reasons[i]] = n
		}
	}
	return s
}

// hookLoads makes the flights tell Config.Hooks.Load of loads.
func (c *Cache[K, V]) hookLoads(p *detached.Policy[K, *Entry[V]]) {
	hook := c.cfg.Hooks.Load
	if hook == nil {
		return
	}
	p.Loaded = func(l detached.Load[*Entry[V]]) {
		e := onefold.Event{Name: c.cfg.Name, KeyHash: l.Hash, Outcome: onefold.Led, Callers: l.Served, Took: l.Took, Err: l.Err}
		if l.Panic != nil {
			e.Err = &onefold.PanicError{Value: l.Panic.Value, Stack: l.Panic.Stack}
		}
		switch {
		case e.Err != nil:
			e.Outcome = onefold.Failed
		case l.Value.kind == notFound:
			e.Outcome, e.Err = onefold.Negative, l.Value.more.err
		case l.Value.kind == failed || l.Value.why() == SourceFailed:
			e.Outcome, e.Err = onefold.Failed, l.Value.more.err
		case l.Value.why() != NotStale:
			e.Outcome = onefold.Stale
		case l.Value.from != SourceLevel:
			e.Outcome = onefold.Hit
		}
		hook(e)
	}
}
