package tier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/onefold-go/onefold"
)

// Delete drops keys from every tier. A load under way goes on for those who
// wait for it, but its value is stored nowhere, and a caller that comes after
// Delete returned gets a value loaded after Delete began. Deleting what is not
// there succeeds, and stops loads under way all the same.
//
// All far tiers are tried, the deepest first. Those that failed are named by a
// *[DeleteError]; the near tier has dropped the keys even then.
func (c *Cache[K, V]) Delete(ctx context.Context, keys ...K) error {
	if ctx == nil {
		panic("tier: nil context")
	}
	var failed DeleteError
	for i := len(c.far) - 1; i >= 0; i-- {
		far := c.far[i]
		for _, key := range keys {
			if err := far.store.Delete(ctx, string(far.key(nil, key))); err != nil {
				failed.add(i, err)
			}
		}
	}
	for _, key := range keys {
		c.dropNear(key)
	}
	if len(failed.Tiers) > 0 {
		return &failed
	}
	return nil
}

// dropNear drops key here: its entry, and its flight as the one to join and to
// store.
func (c *Cache[K, V]) dropNear(key K) {
	c.flights.Detach(key, func() { c.near.Delete(key) })
}

// A Loaded is a value with what its source said of it. The zero values of all
// fields but Value mean what the cache's [Config] says.
type Loaded[V any] struct {
	Value V
	TTL   time.Duration // how long the value may be served, from now; jitter applies
}

// Set stores e for key in every tier, the deepest first. A load under way goes
// on for those who wait for it, but does not overwrite e. Callers that come
// while Set is writing to far tiers wait for it and get e, or load if it fails.
// Set returns when the last far tier has answered, which ctx may hasten.
//
// Of two writers that race, the cache may keep the value of the one that
// reached the source first. Where that matters use [Cache.Write], which keeps
// none.
//
// On an error, that of a far tier or ctx.Err(), a far tier may hold e or what
// it held before; the near tier holds nothing of the key.
func (c *Cache[K, V]) Set(ctx context.Context, key K, e Loaded[V]) error {
	if ctx == nil {
		panic("tier: nil context")
	}
	if key != key { //nolint:staticcheck // a NaN, or something with one in it
		return onefold.ErrKey
	}
	if e.TTL < 0 {
		return fmt.Errorf("tier: Set: Loaded.TTL is %v, want 0 (that of Config) or more", e.TTL)
	}
	if c.closed.Load() {
		return onefold.ErrClosed
	}
	ttl := e.TTL
	if ttl == 0 {
		ttl = c.cfg.TTL
	}
	if len(c.far) == 0 {
		entry := c.entry(e.Value, c.now(), ttl)
		c.flights.Detach(key, func() { c.near.Set(key, entry) })
		return nil
	}
	// The write stands in the table like a load: later callers join it, and
	// Delete and Set take it out. It goes on for no longer than Set waits, so
	// that nothing is written after a Delete that comes after Set returned.
	call := c.flights.Replace(ctx, key, func(load context.Context, key K) (*Entry[V], error) {
		// The far tiers hear of the caller's end, of LoadTimeout and of Close.
		writing, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(load, cancel)()
		entry := c.entry(e.Value, c.now(), ttl)
		err := c.setFar(writing, key, entry)
		if err != nil && load.Err() == context.DeadlineExceeded { //nolint:errorlint // a context's own
			err = onefold.ErrLoadTimeout
		}
		return entry, err
	}, func() { c.near.Delete(key) })
	_, err := result(call.Wait(context.WithoutCancel(ctx)))
	return err
}

func (c *Cache[K, V]) setFar(ctx context.Context, key K, e *Entry[V]) error {
	ttl := forever
	if e.expires != forever {
		ttl = e.expires - e.born
	}
	for i := len(c.far) - 1; i >= 0; i-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		far := c.far[i]
		stored, err := far.set(ctx, string(far.key(nil, key)), e.value, c.now()-e.born, ttl, c.cfg.leaseTTL())
		if err != nil {
			return fmt.Errorf("tier: Set: far tier %d: %w", i, err)
		}
		if !stored {
			e.unkept = true
		}
	}
	return nil
}

// Write runs write, which changes the source, and then deletes key, whatever
// write returned: a commit whose answer was lost is a commit. The deletion is
// not stopped by the end of ctx, nor by a panic of write.
//
// The error is write's, or the deletion's, or both joined.
func (c *Cache[K, V]) Write(ctx context.Context, key K, write func(context.Context) error) (err error) {
	if ctx == nil {
		panic("tier: nil context")
	}
	if write == nil {
		panic("tier: nil write")
	}
	defer func() {
		deleted := c.Delete(context.WithoutCancel(ctx), key)
		if deleted != nil {
			err = errors.Join(err, deleted)
		}
	}()
	return write(ctx)
}

// A DeleteError names the far tiers that could not delete, which may go on
// serving what they hold until its TTL is over.
type DeleteError struct {
	Tiers []int   // positions among the far tiers, 0 is the nearest; one entry a failed key
	Errs  []error // aligned with Tiers
}

func (e *DeleteError) add(tier int, err error) {
	e.Tiers = append(e.Tiers, tier)
	e.Errs = append(e.Errs, err)
}

// Error names each failed tier and why it failed.
func (e *DeleteError) Error() string {
	return fmt.Sprintf("tier: Delete failed in far tiers %v: %v", e.Tiers, errors.Join(e.Errs...))
}

// Unwrap gives the tiers' errors.
func (e *DeleteError) Unwrap() []error { return e.Errs }
