// Package strategy is a catalogue: ten ways in which Go services put a cache
// in front of something slow, one file each, written as its users write it.
// The lab replays the same calls through each of them and compares.
//
// Each file begins with what its way prevents and what it does not.
package strategy

import (
	"context"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/tier"
)

// A Strategy answers calls for keys out of a cache, or by loading. Its
// methods may be called at the same time from many goroutines, but for Close.
type Strategy interface {
	// Get answers one call. ctx is the caller's own.
	Get(ctx context.Context, key string) (source.Record, error)

	// Put stores a record as if it had just been loaded: the warm start.
	Put(key string, r source.Record)

	// Invalidate drops what is stored for key. The row has changed at the
	// source before it is called.
	Invalidate(ctx context.Context, key string) error

	// Hits is the number of calls that the cache answered at the first look.
	Hits() int64

	// Close ends what the strategy runs in the background. It is called once,
	// after the last Get has returned.
	Close() error
}

// A Load reads one key from the source. Each call costs milliseconds.
type Load = func(ctx context.Context, key string) (source.Record, error)

// Config is what the strategies have in common. A strategy leaves out what
// its way of caching does not have.
type Config struct {
	TTL         time.Duration // of a stored record, more than 0
	Jitter      float64       // the share of TTL by which it may be shortened at random, 0 to 1
	LoadTimeout time.Duration // of one load, for those that bound it themselves; more than 0
	Capacity    int           // the most entries, for caches that have a bound; 0: no bound
	Seed        uint64        // of what is drawn at random

	// Far is the URL of a far tier that processes share, for those that can use
	// one, or Embedded; empty: none. All keys there begin with Space.
	Far   string
	Space string
	Store tier.Store // stands in for Far where that has no URL; it stays open
}

// Embedded is a far tier in the memory of the lab's own process.
const Embedded = "embedded"

// A Kind is one entry of the catalogue.
type Kind struct {
	Name     string // short, as in --only
	Title    string // as in the table
	Prevents string // a few words
	Misses   string // a few words: what it does not prevent
	New      func(Load, Config) (Strategy, error)
}

// All returns the catalogue, from the least to the most that is prevented.
func All() []Kind {
	return []Kind{
		noCacheKind,
		checkKind,
		loadOrStoreKind,
		mutexKind,
		futureKind,
		jitterKind,
		singleflightKind,
		doChanKind,
		otterKind,
		onefoldKind,
	}
}
