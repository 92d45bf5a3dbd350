package foldtest_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

// SPEC: X02, X10, X11, N11, R19
func TestEngineIsAStore(t *testing.T) {
	var engine foldtest.Engine
	foldtest.TestStore(t, func(*testing.T) tier.Store { return engine.Connect() }, foldtest.StoreOptions{
		Bubble:  true,
		Require: foldtest.Abilities{Leaser: true, Renewer: true, Setter: true, Batcher: true, Notifier: true, Tagger: true},
	})
}

// Each ability is optional.
func TestEngineWithLess(t *testing.T) {
	var engine foldtest.Engine
	t.Run("Store", func(t *testing.T) {
		foldtest.TestStore(t, func(*testing.T) tier.Store { return struct{ tier.Store }{engine.Connect()} }, foldtest.StoreOptions{Bubble: true})
	})
	t.Run("Leaser", func(t *testing.T) {
		foldtest.TestStore(t, func(*testing.T) tier.Store { return struct{ tier.Leaser }{engine.Connect()} }, foldtest.StoreOptions{Bubble: true})
	})
	t.Run("Tagger", func(t *testing.T) {
		foldtest.TestStore(t, func(*testing.T) tier.Store {
			s := engine.Connect()
			return struct {
				tier.Store
				tier.Tagger
			}{s, s}
		}, foldtest.StoreOptions{Bubble: true})
	})
}

// The suite works in real time too.
func TestEngineInRealTime(t *testing.T) {
	var engine foldtest.Engine
	foldtest.TestStore(t, func(*testing.T) tier.Store { return engine.Connect() }, foldtest.StoreOptions{Rounds: 20, ShortTTL: 20 * time.Millisecond})
}

// A broken store is a Store but for what the test overrides.
type broken struct {
	*foldtest.Store
	engine *foldtest.Engine

	acquire func(context.Context, string, tier.AcquireOptions) (tier.Grant, error)
	fill    func(context.Context, string, tier.Lease, tier.Item) (bool, error)
	release func(context.Context, string, tier.Lease, time.Duration) error
	get     func(context.Context, string) (tier.Item, error)
	delete  func(context.Context, string) error
	notify  func(context.Context, func(tier.Change)) error
	many    func(context.Context, []string, tier.AcquireOptions) ([]tier.Grant, []error)
	fills   func(context.Context, []string, []tier.Lease, []tier.Item) ([]bool, []error)
	renew   func(context.Context, string, tier.Lease, time.Duration) (bool, error)
	set     func(context.Context, string, tier.Item) error
	bump    func(context.Context, ...string) (tier.TagTable, error)
}

func (b *broken) Acquire(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
	if b.acquire != nil {
		return b.acquire(ctx, key, o)
	}
	return b.Store.Acquire(ctx, key, o)
}

func (b *broken) Fill(ctx context.Context, key string, l tier.Lease, it tier.Item) (bool, error) {
	if b.fill != nil {
		return b.fill(ctx, key, l, it)
	}
	return b.Store.Fill(ctx, key, l, it)
}

func (b *broken) Release(ctx context.Context, key string, l tier.Lease, loadSelf time.Duration) error {
	if b.release != nil {
		return b.release(ctx, key, l, loadSelf)
	}
	return b.Store.Release(ctx, key, l, loadSelf)
}

func (b *broken) Get(ctx context.Context, key string) (tier.Item, error) {
	if b.get != nil {
		return b.get(ctx, key)
	}
	return b.Store.Get(ctx, key)
}

func (b *broken) Delete(ctx context.Context, key string) error {
	if b.delete != nil {
		return b.delete(ctx, key)
	}
	return b.Store.Delete(ctx, key)
}

func (b *broken) Notify(ctx context.Context, deliver func(tier.Change)) error {
	if b.notify != nil {
		return b.notify(ctx, deliver)
	}
	return b.Store.Notify(ctx, deliver)
}

func (b *broken) AcquireMany(ctx context.Context, keys []string, o tier.AcquireOptions) ([]tier.Grant, []error) {
	if b.many != nil {
		return b.many(ctx, keys, o)
	}
	return b.Store.AcquireMany(ctx, keys, o)
}

func (b *broken) FillMany(ctx context.Context, keys []string, l []tier.Lease, items []tier.Item) ([]bool, []error) {
	if b.fills != nil {
		return b.fills(ctx, keys, l, items)
	}
	return b.Store.FillMany(ctx, keys, l, items)
}

func (b *broken) Renew(ctx context.Context, key string, l tier.Lease, ttl time.Duration) (bool, error) {
	if b.renew != nil {
		return b.renew(ctx, key, l, ttl)
	}
	return b.Store.Renew(ctx, key, l, ttl)
}

func (b *broken) Set(ctx context.Context, key string, it tier.Item) error {
	if b.set != nil {
		return b.set(ctx, key, it)
	}
	return b.Store.Set(ctx, key, it)
}

func (b *broken) Bump(ctx context.Context, tags ...string) (tier.TagTable, error) {
	if b.bump != nil {
		return b.bump(ctx, tags...)
	}
	return b.Store.Bump(ctx, tags...)
}

// Each store here breaks one rule, and the named check, maybe with others,
// finds it.
func TestStoreFindsBrokenStores(t *testing.T) {
	wrong := []struct {
		name, check string
		with        func(b *broken)
	}{
		{"a fill that is a plain SET", "DeleteEndsTheLease", func(b *broken) {
			b.fill = func(ctx context.Context, key string, _ tier.Lease, it tier.Item) (bool, error) {
				return true, b.Store.Set(ctx, key, it)
			}
		}},
		{"a fill that compares and then stores", "ConcurrentInvalidation", func(b *broken) {
			b.fill = func(ctx context.Context, key string, l tier.Lease, it tier.Item) (bool, error) {
				if held, err := b.Store.Renew(ctx, key, l, time.Hour); !held || err != nil {
					return false, err
				}
				time.Sleep(time.Millisecond)
				return true, b.Store.Set(ctx, key, it)
			}
		}},
		{"a Delete that keeps the lease", "DeleteEndsTheLease", func(b *broken) {
			b.delete = func(ctx context.Context, key string) error { b.engine.Evict(key); return ctx.Err() }
		}},
		{"a Delete that keeps the lease of an absent key", "DeleteEndsTheLease", func(b *broken) {
			b.delete = func(ctx context.Context, key string) error {
				if b.engine.Data(key) == nil {
					return ctx.Err()
				}
				return b.Store.Delete(ctx, key)
			}
		}},
		{"a wake-up armed after the answer", "ConcurrentWakeUps", func(b *broken) {
			b.acquire = func(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
				g, err := b.Store.Acquire(ctx, key, o)
				if g.Changed != nil {
					time.Sleep(100 * time.Microsecond)
					again, err := b.Store.Acquire(ctx, key, o)
					if g.Changed = again.Changed; g.Changed == nil {
						g.Changed = make(chan struct{})
					}
					return g, err
				}
				return g, err
			}
		}},
		{"a channel that is closed already", "ChangedTellsOfChanges", func(b *broken) {
			b.acquire = func(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
				g, err := b.Store.Acquire(ctx, key, o)
				if g.Changed != nil {
					closed := make(chan struct{})
					close(closed)
					g.Changed = closed
				}
				return g, err
			}
		}},
		{"own changes are told", "Notify", func(b *broken) {
			b.notify = b.engine.Connect().Notify
		}},
		{"changes told at the same time", "NotifyOfSetsAndBatches", func(b *broken) {
			b.notify = func(ctx context.Context, deliver func(tier.Change)) error {
				var wg sync.WaitGroup
				defer wg.Wait()
				return b.Store.Notify(ctx, func(c tier.Change) {
					wg.Go(func() {
						time.Sleep(time.Millisecond)
						deliver(c)
					})
				})
			}
		}},
		{"a stream that ends by itself", "Notify", func(b *broken) {
			b.notify = func(context.Context, func(tier.Change)) error { return nil }
		}},
		{"data that is shared", "DataIsTheCallers", func(b *broken) {
			var mu sync.Mutex
			shared := make(map[string][]byte)
			b.get = func(ctx context.Context, key string) (tier.Item, error) {
				it, err := b.Store.Get(ctx, key)
				mu.Lock()
				defer mu.Unlock()
				if it.Data != nil && shared[key] != nil {
					it.Data = shared[key]
				}
				shared[key] = it.Data
				return it, err
			}
		}},
		{"data of no bytes is nothing", "FillRefusesNothing", func(b *broken) {
			b.get = func(ctx context.Context, key string) (tier.Item, error) {
				it, err := b.Store.Get(ctx, key)
				if len(it.Data) == 0 {
					it.Data = nil
				}
				return it, err
			}
		}},
		{"tokens that repeat", "TokensDoNotRepeat", func(b *broken) {
			// Under the token there is a lease that the store remembers.
			var mu sync.Mutex
			leases := make(map[string]tier.Lease)
			b.acquire = func(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
				g, err := b.Store.Acquire(ctx, key, o)
				if g.Lease != (tier.Lease{}) {
					mu.Lock()
					defer mu.Unlock()
					leases[key] = g.Lease
					g.Lease = tier.Lease{Token: "1"}
				}
				return g, err
			}
			b.fill = func(ctx context.Context, key string, l tier.Lease, it tier.Item) (bool, error) {
				mu.Lock()
				defer mu.Unlock()
				return b.Store.Fill(ctx, key, leases[key], it)
			}
		}},
		{"a lease for everybody", "OneLease", func(b *broken) {
			b.acquire = func(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
				g, err := b.Store.Acquire(ctx, key, o)
				if g.Changed != nil {
					g = tier.Grant{Lease: tier.Lease{Token: time.Now().String(), Conn: 1}}
				}
				return g, err
			}
		}},
		{"no lease to refresh with", "RefreshBelow", func(b *broken) {
			b.acquire = func(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
				o.RefreshBelow = 0
				return b.Store.Acquire(ctx, key, o)
			}
		}},
		{"Replace is ignored", "Replace", func(b *broken) {
			b.acquire = func(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
				o.Replace = tier.Lease{}
				return b.Store.Acquire(ctx, key, o)
			}
		}},
		{"leases that do not end", "LeasesEnd", func(b *broken) {
			b.acquire = func(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
				o.LeaseTTL = time.Hour
				return b.Store.Acquire(ctx, key, o)
			}
		}},
		{"a failed holder's waiters go one by one", "Release", func(b *broken) {
			b.release = func(ctx context.Context, key string, l tier.Lease, _ time.Duration) error {
				return b.Store.Release(ctx, key, l, 0)
			}
		}},
		{"a Release of any lease", "Release", func(b *broken) {
			b.release = func(ctx context.Context, key string, _ tier.Lease, _ time.Duration) error {
				return b.Store.Delete(ctx, key)
			}
		}},
		{"a Release that wakes nobody", "ChangedTellsOfChanges", func(b *broken) {
			b.release = func(context.Context, string, tier.Lease, time.Duration) error { return nil }
		}},
		{"TTLs are ignored", "ItemsEnd", func(b *broken) {
			b.fill = func(ctx context.Context, key string, l tier.Lease, it tier.Item) (bool, error) {
				it.TTL = 0
				return b.Store.Fill(ctx, key, l, it)
			}
		}},
		{"an ended context is ignored", "ContextEnds", func(b *broken) {
			b.get = func(ctx context.Context, key string) (tier.Item, error) {
				return b.Store.Get(context.WithoutCancel(ctx), key)
			}
		}},
		{"long keys are cut", "AnyKeysAndData", func(b *broken) {
			b.get = func(ctx context.Context, key string) (tier.Item, error) {
				return b.Store.Get(ctx, key[:min(len(key), 250)])
			}
		}},
		{"a batch out of order", "Batches", func(b *broken) {
			b.many = func(ctx context.Context, keys []string, o tier.AcquireOptions) ([]tier.Grant, []error) {
				grants, errs := b.Store.AcquireMany(ctx, keys, o)
				slices.Reverse(grants)
				return grants, errs
			}
		}},
		{"a batch that fails as one", "Batches", func(b *broken) {
			b.fills = func(ctx context.Context, keys []string, l []tier.Lease, items []tier.Item) ([]bool, []error) {
				stored, errs := b.Store.FillMany(ctx, keys, l, items)
				if slices.Contains(stored, false) {
					clear(stored)
				}
				return stored, errs
			}
		}},
		{"a Renew that always works", "Renew", func(b *broken) {
			b.renew = func(ctx context.Context, key string, l tier.Lease, ttl time.Duration) (bool, error) {
				_, err := b.Store.Renew(ctx, key, l, ttl)
				return true, err
			}
		}},
		{"a Set that keeps the lease", "Set", func(b *broken) {
			b.set = func(ctx context.Context, key string, it tier.Item) error {
				if it.Data == nil {
					return b.Store.Set(ctx, key, it)
				}
				b.engine.Plant(key, it.Data, it.TTL)
				return ctx.Err()
			}
		}},
		{"a Bump that counts for one process", "Tags", func(b *broken) {
			var seq atomic.Uint64
			b.bump = func(ctx context.Context, tags ...string) (tier.TagTable, error) {
				table, err := b.Store.Tags(ctx)
				table.Seq += seq.Add(1)
				return table, err
			}
		}},
		{"tables of tags told of by nobody", "NotifyOfTags", func(b *broken) {
			b.notify = func(ctx context.Context, deliver func(tier.Change)) error {
				return b.Store.Notify(ctx, func(c tier.Change) {
					if !c.Tags {
						deliver(c)
					}
				})
			}
		}},
	}
	for _, tt := range wrong {
		t.Run(tt.name, func(t *testing.T) {
			failed := foldtest.StoreFaults(t, func() func() tier.Store {
				engine := new(foldtest.Engine)
				return func() tier.Store {
					b := &broken{Store: engine.Connect(), engine: engine}
					tt.with(b)
					return b
				}
			})
			if !slices.Contains(failed, tt.check) {
				t.Errorf("%v failed, want %s", failed, tt.check)
			}
			if len(failed) > 12 {
				t.Errorf("%v failed: that is no one fault", failed)
			}
		})
	}
}
