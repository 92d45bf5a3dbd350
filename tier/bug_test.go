package tier_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/mem"
	"github.com/onefold-go/onefold/tier"
)

// A far tier that cannot store fails the writer. A reader who happens to wait
// for that write must not fail with it: the source is there.
func TestGetDuringAFailingSetIsNotFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arrived := newGate()
		store := &memStore{before: only("set", func(context.Context, string, string) error {
			arrived.pass()
			return errDown
		})}
		c := newCache(t, (&source{value: 1}).load, tier.Config{}, encoded(setStore{store}))
		set := make(chan error, 1)
		go func() { set <- c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}) }()
		<-arrived.reached
		g := get(t.Context(), c, "k")
		synctest.Wait()
		close(arrived.open)
		if err := <-set; !errors.Is(err, errDown) {
			t.Errorf("Set = %v, want %v", err, errDown)
		}
		if r := <-g; r.err != nil {
			t.Errorf("Get = %v, want no error", r.err)
		}
	})
}

// Close cancels the loads under way when its context ends, a deleted one too.
func TestCloseEndsADeletedLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		escape := make(chan struct{})
		ended := make(chan struct{})
		c := newCache(t, func(ctx context.Context, _ string) (int, error) {
			defer close(ended)
			select {
			case <-ctx.Done():
			case <-escape:
			}
			return 0, ctx.Err()
		}, tier.Config{})
		get(t.Context(), c, "k")
		synctest.Wait()
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v", err)
		}
		synctest.Wait()
		select {
		case <-ended:
		default:
			t.Error("the load goes on with a live context")
			close(escape)
		}
	})
}

// A Set whose fill the far tier refused, since the key was deleted meanwhile
// by another process, is not kept near either.
func TestSetRefusedByFarIsNotKeptNear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		store := &memStore{before: only("fill", g.hook)}
		p := newCache(t, (&source{value: 9}).load, tier.Config{}, encoded(store))
		q := newCache(t, (&source{value: 9}).load, tier.Config{}, encoded(store))
		set := make(chan error, 1)
		go func() { set <- p.Set(t.Context(), "k", tier.Loaded[int]{Value: 1}) }()
		<-g.reached
		if err := q.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		close(g.open)
		<-set
		wantNoPeek(t, p, "k")
	})
}

// A NaN is refused everywhere.
func TestSetOfNaN(t *testing.T) {
	near := mem.New[float64, int](mem.Config{})
	c := newCacheOver(t, func(context.Context, float64) (int, error) { return 1, nil }, tier.Config{}, near)
	if err := c.Set(t.Context(), math.NaN(), tier.Loaded[int]{Value: 1}); !errors.Is(err, onefold.ErrKey) {
		t.Errorf("Set = %v, want ErrKey", err)
	}
	if n := near.EstimatedLen(); n != 0 {
		t.Errorf("%d entries, want 0", n)
	}
}

// A write is no load.
func TestStatsDoNotCountSets(t *testing.T) {
	c := newCache(t, (&source{}).load, tier.Config{}, encoded(&memStore{}))
	if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 1}); err != nil {
		t.Error(err)
	}
	if s := c.Stats(); s.Led != 0 {
		t.Errorf("%+v, want no loads", s)
	}
}

// An idle cache is closed, whatever the context.
func TestCloseOfIdleCache(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		c := newCache(t, (&source{}).load, tier.Config{})
		if err := c.Close(ctx); err != nil {
			t.Fatalf("Close of an idle cache = %v", err)
		}
	}
}

// A Set whose context has ended reaches no further tier, and does not return
// before the one it is writing has answered.
func TestSetLeftReachesNoFurtherTier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		top, deep := &memStore{}, &memStore{before: only("set", g.hook)}
		c := newCache(t, (&source{}).load, tier.Config{}, encoded(setStore{top}), encoded(setStore{deep}))
		ctx, cancel := context.WithCancel(t.Context())
		set := make(chan error, 1)
		go func() { set <- c.Set(ctx, "k", tier.Loaded[int]{Value: 1}) }()
		<-g.reached
		cancel()
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		close(g.open)
		if err := <-set; !errors.Is(err, context.Canceled) {
			t.Errorf("Set = %v", err)
		}
		if data := top.data("k"); data != nil {
			t.Errorf("the upper tier holds %q after Delete", data)
		}
	})
}

// X06: a newer version's value is not overwritten, though the grant comes with a lease.
func TestNewerVersionWithLease(t *testing.T) {
	store := &memStore{}
	c := newCache(t, (&source{value: 1}).load, tier.Config{}, encoded(store))
	wantGet(t, c, "k", 1)
	newer := resign(store.data("k"), func(b []byte) []byte { b[2] = 2; return b })
	s2 := &eagerStore{memStore: &memStore{}, item: newer}
	c2 := newCache(t, (&source{value: 1}).load, tier.Config{}, encoded(s2))
	wantGet(t, c2, "k", 1)
	if s2.count("fill") != 0 {
		t.Errorf("a newer version's value was overwritten: %v", s2.ops())
	}
}

type eagerStore struct {
	*memStore
	item []byte
}

func (s *eagerStore) Acquire(ctx context.Context, key string, o tier.AcquireOptions) (tier.Grant, error) {
	g, err := s.memStore.Acquire(ctx, key, o)
	g.Item.Data = append([]byte(nil), s.item...)
	return g, err
}

// Release of a hanging store
func TestFailingLoadWaitsForRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memStore{before: only("release", hang)}
		errLoad := errors.New("load")
		c := newCache(t, func(context.Context, string) (int, error) { return 0, errLoad }, tier.Config{}, encoded(store))
		start := time.Now()
		_, err := c.Get(t.Context(), "k")
		if d := time.Since(start); d != 0 {
			t.Errorf("Get took %v, %v", d, err)
		}
		time.Sleep(2 * time.Second) // the release gives up
	})
}

// Of two Sets that overlap, the first to return leaves the near tier with what
// was there before both. Get gives that, after Set has returned.
func TestSetThatReturnedIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newGate(), newGate()
		store := &memStore{}
		c := newCache(t, (&source{value: 0}).load, tier.Config{}, encoded(setStore{store}))
		wantGet(t, c, "k", 0)
		done := make(chan error, 2)
		store.before = only("set", first.hook)
		go func() { done <- c.Set(t.Context(), "k", tier.Loaded[int]{Value: 1}) }()
		<-first.reached
		store.before = only("set", second.hook)
		go func() { done <- c.Set(t.Context(), "k", tier.Loaded[int]{Value: 2}) }()
		<-second.reached
		close(first.open)
		if err := <-done; err != nil {
			t.Error(err)
		}
		seen := get(t.Context(), c, "k")
		synctest.Wait()
		close(second.open)
		if r := <-seen; r.value == 0 || r.err != nil {
			t.Errorf("Get = %d, %v after a Set that returned; want 1 or 2", r.value, r.err)
		}
		<-done
	})
}
