package tier

import (
	"context"
	"time"
)

// A Store is a far tier: bytes by string key, shared by processes. With these
// two methods alone the cache reads and deletes but never fills it, since it
// could not tell whether what it fills has been deleted meanwhile: that takes a
// [Leaser]. What else a store can do it says by having the methods of [Renewer],
// [Setter], [Batcher], [Notifier] or [Tagger]. Package foldtest has a suite that
// holds a store to all of this.
//
// All methods may be called at the same time from many goroutines. They return
// when ctx ends, with an error. Keys are any bytes; data that a Store returns
// belongs to the caller, and data that it is given must not be changed.
type Store interface {
	// Get gives what is stored; an Item with nil Data means nothing is.
	Get(ctx context.Context, key string) (Item, error)

	// Delete drops the key's value and lease in one step. Deleting what is
	// not there succeeds.
	Delete(ctx context.Context, key string) error
}

// An Item is what a store holds for a key.
type Item struct {
	Data []byte        // nil: nothing
	TTL  time.Duration // how long the store keeps it yet; 0: no limit
}

// A Leaser is a Store that hands out the right to load a key, to one process at
// a time, and takes a value only from who holds it.
type Leaser interface {
	Store

	// Acquire gives the item there is, or the key's lease if nobody has it,
	// or the means to wait for whoever has. An item that has less than
	// o.RefreshBelow left comes with one of the latter two as well.
	Acquire(ctx context.Context, key string, o AcquireOptions) (Grant, error)

	// Fill stores it if lease is still the key's lease, and gives that back.
	// It compares and stores in one step. stored is false, without an error,
	// when the lease is gone. An item without Data is an error.
	Fill(ctx context.Context, key string, lease Lease, it Item) (stored bool, err error)

	// Release gives the lease back without a value, if it is still the key's
	// lease. Until loadSelf is over, Acquire answers LoadSelf where it would
	// have granted a lease: the holder failed, so waiting for the next one
	// would make callers queue behind failures. Those who wait are woken.
	// With a loadSelf of 0 the next Acquire grants a lease.
	Release(ctx context.Context, key string, lease Lease, loadSelf time.Duration) error
}

// AcquireOptions are the wishes of one Acquire.
type AcquireOptions struct {
	LeaseTTL time.Duration // how long a lease lasts; more than 0

	// RefreshBelow makes an item that the store keeps for less than this yet
	// come with a lease: for a value in its stale window, or about to expire.
	// An item without a limit never does. Zero: no item does.
	RefreshBelow time.Duration

	// Replace is a lease of this caller's that is swapped for a new one, if it
	// is still the key's lease. Zero: none.
	Replace Lease
}

// A Grant answers Acquire. Its parts are independent; all zero is an error of
// the store.
type Grant struct {
	Item     Item
	Lease    Lease           // zero: not granted
	Changed  <-chan struct{} // another holds the lease: closed at the first change of the key after the store answered
	HeldFor  time.Duration   // likewise: how long the other's lease lasts at most
	LoadSelf bool            // load, and do not fill
}

// A Lease is the right to fill one key. It is void when the key is deleted,
// when it ends, and when the connection it came on is gone.
type Lease struct {
	Token string // random, never used again
	Conn  uint64 // of the connection it was granted on
}

// A Renewer is a Leaser whose leases can be made to last longer.
type Renewer interface {
	// Renew makes lease last ttl from now. held is false, without an error,
	// when it is no longer the key's lease.
	Renew(ctx context.Context, key string, lease Lease, ttl time.Duration) (held bool, err error)
}

// A Setter is a Leaser that can store without a lease, for the write path
// only: it drops the key's lease and stores, in one step. A Set that ends with an
// error may still be done, but not once a later Delete of the key has returned:
// over a network that takes more than to send it.
type Setter interface {
	Set(ctx context.Context, key string, it Item) error
}

// A Batcher is a Leaser that does for many keys in one exchange what it does
// for one. Results are aligned with keys, and each key fails alone: a batch is n
// grants and n fills, no transaction.
type Batcher interface {
	AcquireMany(ctx context.Context, keys []string, o AcquireOptions) ([]Grant, []error)
	FillMany(ctx context.Context, keys []string, leases []Lease, items []Item) (stored []bool, errs []error)
	DeleteMany(ctx context.Context, keys []string) []error
}

// A Notifier is a Store that tells of changes that others make.
type Notifier interface {
	// Notify calls deliver, one call after the other, for each change by
	// another Store value until ctx ends or the stream breaks, and then
	// returns: changes may have been missed since, so the cache drops all it
	// has in the process and calls Notify again. As soon as it is sure to hear
	// of all further changes it delivers one Change with All, for those that
	// were made before. It does not tell of what this Store value did itself.
	Notify(ctx context.Context, deliver func(Change)) error

	// Staleness is the longest that a broken stream can go unnoticed.
	Staleness() time.Duration
}

// A Change is what a [Notifier] tells of.
type Change struct {
	Key  string // this key was deleted or stored anew; not with All or Tags
	All  bool   // any key may have changed
	Tags bool   // the table of a [Tagger] has changed
}

// A Tagger is a Store that keeps the table of a cache's tags. The table is lost
// or evicted as a whole or not at all, and has a new random Epoch then. So it
// should where it goes back to an earlier state, as in a failover: under the old
// Epoch, values from after that state stay valid until Seq has passed theirs.
type Tagger interface {
	// Tags gives the table.
	Tags(ctx context.Context) (TagTable, error)

	// Bump raises Seq by one and makes it the generation of tags, or without
	// tags the Floor, in one step, and gives the table as it is then.
	Bump(ctx context.Context, tags ...string) (TagTable, error)
}

// A TagTable says what has been invalidated by tag. An entry carries the Epoch
// and Seq of the table from before its load; it is valid while Epoch is the
// same, its Seq is Floor or more, and the generation of none of its tags is
// above it.
type TagTable struct {
	Epoch uint64            // random; never 0
	Seq   uint64            // raised by every Bump
	Floor uint64            // whatever is older is invalid, tagged or not
	Gens  map[string]uint64 // the Seq at which each tag was last invalidated; a tag that is not in it may have been at Floor
}
