package tier

import (
	"context"
	"time"
)

// A Store is a far tier: bytes by string key, shared by processes. With these
// two methods alone the cache reads and deletes but never fills it, since it
// could not tell whether what it fills has been deleted meanwhile: that takes a
// [Leaser].
//
// All methods may be called at the same time from many goroutines. Keys are
// any bytes; data that a Store returns belongs to the caller.
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
	// or the means to wait for whoever has.
	Acquire(ctx context.Context, key string, o AcquireOptions) (Grant, error)

	// Fill stores it if lease is still the key's lease, and gives that back.
	// It compares and stores in one step. stored is false, without an error,
	// when the lease is gone.
	Fill(ctx context.Context, key string, lease Lease, it Item) (stored bool, err error)

	// Release gives the lease back without a value. Until loadSelf is over,
	// Acquire answers LoadSelf: the holder failed, so waiting for the next one
	// would make callers queue behind failures.
	Release(ctx context.Context, key string, lease Lease, loadSelf time.Duration) error
}

// A Setter is a Leaser that can store without a lease, for the write path
// only: it drops the key's lease and stores, in one step.
type Setter interface {
	Set(ctx context.Context, key string, it Item) error
}

// AcquireOptions are the wishes of one Acquire.
type AcquireOptions struct {
	LeaseTTL time.Duration // how long a lease lasts; more than 0
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
