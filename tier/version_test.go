package tier_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

func versioned(version uint64) tier.Loaded[int] {
	return tier.Loaded[int]{Value: int(version), Version: version, StaleFor: time.Second} //nolint:gosec // small
}

// setVersion sets version, which is also the value, and checks whether it is
// refused: by known, or not if that is 0.
func setVersion(t *testing.T, c *tier.Cache[string, int], version, known uint64) {
	t.Helper()
	err := c.Set(t.Context(), "k", versioned(version))
	var v *tier.VersionError
	switch {
	case known == 0 && err != nil:
		t.Errorf("Set of version %d = %v, want nil", version, err)
	case known != 0 && (!errors.As(err, &v) || *v != tier.VersionError{Version: version, Known: known}):
		t.Errorf("Set of version %d = %v, want a VersionError with %d", version, err, known)
	}
}

// A value with a version replaces no newer one that is still to be given.
func TestSetOfAnOlderVersion(t *testing.T) {
	for name, far := range map[string]func() []tier.Far[string, int]{
		"near only": func() []tier.Far[string, int] { return nil },
		"far": func() []tier.Far[string, int] {
			return []tier.Far[string, int]{encoded(new(foldtest.Engine).Connect())}
		},
		"two far tiers": func() []tier.Far[string, int] {
			return []tier.Far[string, int]{encoded(new(foldtest.Engine).Connect()), encoded(new(foldtest.Engine).Connect())}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			src := &source{value: 100}
			c := newCache(t, src.load, tier.Config{TTL: time.Hour}, far()...)
			defer c.Close(t.Context())
			synctest.Wait()
			setVersion(t, c, 5, 0)
			setVersion(t, c, 3, 5)
			wantPeek(t, c, "k", 5)
			setVersion(t, c, 5, 0)
			setVersion(t, c, 6, 0)
			wantPeek(t, c, "k", 6)
			if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 1}); err != nil { // as without versions
				t.Errorf("%s: Set without a version = %v", name, err)
			}
			wantPeek(t, c, "k", 1)
			setVersion(t, c, 4, 0)
			if err := c.Delete(t.Context(), "k"); err != nil {
				t.Error(err)
			}
			setVersion(t, c, 2, 0) // nothing newer is known
			wantPeek(t, c, "k", 2)
			time.Sleep(2 * time.Hour)
			setVersion(t, c, 1, 0)
			wantPeek(t, c, "k", 1)
			if n := src.count(); n != 0 {
				t.Errorf("%s: %d loads, want none", name, n)
			}
		})
	}
}

// A value that a load is to replace is compared as well; what has come by Set
// does not hold up a load with no version.
func TestLoadOfAnOlderVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		version := uint64(5)
		c, err := tier.NewSource(tier.Source[string, int]{
			LoadEntry: func(context.Context, string, tier.Prior[int]) (tier.Loaded[int], error) {
				return versioned(version), nil
			},
		}, tier.Config{TTL: time.Minute, StaleIfError: time.Hour}, nil, encoded(new(foldtest.Engine).Connect()))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		synctest.Wait()
		wantGet(t, c, "k", 5)
		setVersion(t, c, 4, 5)
		time.Sleep(2 * time.Minute)
		version = 3 // of a replica that lags
		wantGet(t, c, "k", 5)
		version = 6
		time.Sleep(2 * time.Minute)
		wantGet(t, c, "k", 6)
	})
}

// What another process has stored is compared with, and stays.
func TestSetOfAnOlderVersionThanAnotherProcessHas(t *testing.T) {
	for _, ttl := range []time.Duration{0, time.Hour} { // also what has no limit
		synctest.Test(t, func(t *testing.T) {
			var engine foldtest.Engine
			src := &source{value: 100}
			p := newCache(t, src.load, tier.Config{TTL: ttl}, encoded(engine.Connect()))
			q := newCache(t, src.load, tier.Config{TTL: ttl}, encoded(engine.Connect()))
			defer p.Close(t.Context())
			defer q.Close(t.Context())
			synctest.Wait()
			setVersion(t, p, 5, 0)
			setVersion(t, q, 3, 5)
			wantNoPeek(t, q, "k")
			wantGet(t, q, "k", 5)
			wantPeek(t, p, "k", 5)
			setVersion(t, q, 7, 0)
			synctest.Wait()
			wantGet(t, p, "k", 7)
			setVersion(t, p, 6, 7)
			if n := src.count(); n != 0 {
				t.Errorf("%d loads, want none", n)
			}
			// The lease it compared under is free again.
			g, err := engine.Connect().Acquire(t.Context(), "k", tier.AcquireOptions{LeaseTTL: time.Second, RefreshBelow: 1 << 62})
			if err != nil || g.Lease == (tier.Lease{}) {
				t.Errorf("Acquire = %+v, %v; want the lease", g, err)
			}
		})
	}
}

// A newer value that comes between the comparison and the store is not
// overwritten; of two that meet like this, none is kept.
func TestNewerVersionComesBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		src := &source{value: 100}
		p := newCache(t, src.load, tier.Config{}, encoded(engine.Connect()))
		slow := engine.Connect()
		q := newCache(t, src.load, tier.Config{}, encoded(slow))
		defer p.Close(t.Context())
		defer q.Close(t.Context())
		synctest.Wait()
		setVersion(t, p, 1, 0)
		for _, op := range []foldtest.Op{foldtest.Fill, foldtest.Set} {
			slow.Inject(op, foldtest.Fault{Delay: time.Second / 2})
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			setVersion(t, q, 2, 0) // no error: the two are at the same time
		}()
		time.Sleep(time.Second / 4)
		setVersion(t, p, 3, 0)
		<-done
		wantNoPeek(t, q, "k")
		src.set(3)
		wantGet(t, q, "k", 3)
		wantGet(t, p, "k", 3)
	})
}

// Where another process holds the lease, a Set with a version has nothing to
// compare with: nobody keeps it, nor what is being loaded.
func TestSetOfAVersionDuringALoadElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		src := &source{value: 1, hook: func() { time.Sleep(time.Second) }}
		p := newCache(t, src.load, tier.Config{}, encoded(engine.Connect()))
		q := newCache(t, src.load, tier.Config{}, encoded(engine.Connect()))
		defer p.Close(t.Context())
		defer q.Close(t.Context())
		synctest.Wait()
		loading := get(t.Context(), p, "k")
		time.Sleep(time.Second / 2)
		src.set(8)
		setVersion(t, q, 8, 0)
		wantReply(t, <-loading, 1) // it came before
		wantNoPeek(t, p, "k")
		wantNoPeek(t, q, "k")
		wantGet(t, q, "k", 8)
		wantGet(t, p, "k", 8)
	})
}
