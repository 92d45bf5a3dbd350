package tier_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

var errSource = errors.New("the source is down")

// A script is a source of which each load takes a second and then gives the
// number of the load, or the error that is set.
type script struct {
	mu    sync.Mutex
	loads int
	err   error
	began []time.Duration // when each load began, since the first
	start time.Time
}

func (s *script) load(context.Context, string) (int, error) {
	s.mu.Lock()
	s.loads++
	n := s.loads
	if n == 1 {
		s.start = time.Now()
	}
	s.began = append(s.began, time.Since(s.start))
	s.mu.Unlock()
	time.Sleep(time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	return n, nil
}

func (s *script) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loads
}

// wantResult checks what GetResult comes to, and that it does so at once where
// atOnce is set.
func wantResult(t *testing.T, c *tier.Cache[string, int], read tier.Read, value int, outcome onefold.Outcome, why tier.Why, atOnce bool) {
	t.Helper()
	start := time.Now()
	r := c.GetResult(t.Context(), "k", read)
	if r.Value != value || r.Err != nil || r.Outcome != outcome || r.Why != why {
		t.Errorf("GetResult = %d, %v, %v, %v; want %d, nil, %v, %v", r.Value, r.Err, r.Outcome, r.Why, value, outcome, why)
	}
	if took := time.Since(start); atOnce && took != 0 {
		t.Errorf("it took %v, want none", took)
	}
}

// SPEC: C21, C22, F01
func TestStaleValueIsGivenWhileOneLoadBringsANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		c := newCache(t, s.load, tier.Config{TTL: 10 * time.Second, StaleFor: 20 * time.Second})
		wantResult(t, c, tier.Read{}, 1, onefold.Led, tier.NotStale, false)
		wantResult(t, c, tier.Read{}, 1, onefold.Hit, tier.NotStale, true)
		time.Sleep(9 * time.Second) // the value is 10 s old
		for range 50 {
			wantResult(t, c, tier.Read{}, 1, onefold.Stale, tier.Revalidating, true)
		}
		// The request that began the load has gone: the load goes on.
		time.Sleep(time.Second)
		synctest.Wait()
		wantResult(t, c, tier.Read{}, 2, onefold.Hit, tier.NotStale, true)
		if n := s.count(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
		time.Sleep(29 * time.Second) // past the window: callers wait
		wantResult(t, c, tier.Read{}, 3, onefold.Led, tier.NotStale, false)
		if got, want := c.Stats(), (tier.Stats{Hits: 2, Stale: 50, Led: 2, Refreshes: 1}); got != want {
			t.Errorf("Stats = %+v, want %+v", got, want)
		}
	})
}

// A call may take less of a stale value than the Config has, or nothing.
func TestMaxStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		c := newCache(t, s.load, tier.Config{TTL: 10 * time.Second, StaleFor: 20 * time.Second})
		wantGet(t, c, "k", 1)
		time.Sleep(11 * time.Second) // 12 s old
		wantResult(t, c, tier.Read{MaxStale: 3 * time.Second}, 1, onefold.Stale, tier.Revalidating, true)
		synctest.Wait()
		wantResult(t, c, tier.Read{MaxStale: time.Second}, 2, onefold.Joined, tier.NotStale, false)
		time.Sleep(11 * time.Second)
		wantResult(t, c, tier.Read{MaxStale: -1}, 3, onefold.Led, tier.NotStale, false)
	})
}

// SPEC: C19, C20, F07
func TestStaleIfError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		c := newCache(t, s.load, tier.Config{
			TTL: 10 * time.Second, StaleIfError: time.Minute, Backoff: tier.Backoff{Min: 8 * time.Second, Max: 16 * time.Second},
		})
		wantGet(t, c, "k", 1)
		s.fail(errSource)
		time.Sleep(9 * time.Second)
		wantResult(t, c, tier.Read{}, 1, onefold.Stale, tier.SourceFailed, false)
		if n := s.count(); n != 2 {
			t.Fatalf("%d loads, want the second to have failed", n)
		}
		for range 200 { // for 40 s: the source is asked seldom, and ever more so
			wantResult(t, c, tier.Read{}, 1, onefold.Stale, tier.SourceFailed, false)
			time.Sleep(200 * time.Millisecond)
		}
		if n := s.count(); n < 2+2 || n > 2+6 {
			t.Errorf("%d loads in 40 s of backing off from 4..8 s to 8..16 s", n-2)
		}
		for i := 3; i < len(s.began); i++ {
			if gap := s.began[i] - s.began[i-1]; gap < 5*time.Second {
				t.Errorf("load %d began %v after the one before: at most one a backoff", i+1, gap)
			}
		}
		// A source that works again is preferred.
		s.fail(nil)
		time.Sleep(17 * time.Second)
		if r := c.GetResult(t.Context(), "k", tier.Read{}); r.Value == 1 || r.Outcome != onefold.Led {
			t.Errorf("with a working source GetResult = %+v, want a new value", r)
		}
		// Beyond its bound the value is not served.
		s.fail(errSource)
		time.Sleep(70 * time.Second)
		if _, err := c.Get(t.Context(), "k"); !errors.Is(err, errSource) {
			t.Errorf("Get = %v beyond StaleIfError, want the error", err)
		}
	})
}

// SPEC: C23
func TestFailedRefreshKeepsTheValue(t *testing.T) {
	for name, fault := range map[string]func() (int, error){
		"error":  func() (int, error) { return 0, errSource },
		"panic":  func() (int, error) { panic("refresh") },
		"goexit": func() (int, error) { runtime.Goexit(); return 0, nil },
	} {
		synctest.Test(t, func(t *testing.T) {
			var loads atomic.Int32
			load := func(context.Context, string) (int, error) {
				if loads.Add(1) == 1 {
					return 1, nil
				}
				return fault()
			}
			c := newCache(t, load, tier.Config{TTL: time.Second, StaleFor: time.Minute, Backoff: tier.Backoff{Min: 10 * time.Second}})
			wantGet(t, c, "k", 1)
			time.Sleep(2 * time.Second)
			for range 20 {
				wantGet(t, c, "k", 1)
				synctest.Wait()
			}
			if n := loads.Load(); n != 2 {
				t.Errorf("%s: %d loads within one backoff, want 2", name, n)
			}
		})
	}
}

// SPEC: C18, F02
func TestNotFoundIsRememberedForTheNegativeTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		c := newCache(t, s.load, tier.Config{TTL: time.Hour, NegativeTTL: 10 * time.Second})
		s.fail(fmt.Errorf("row: %w", onefold.ErrNotFound))
		r := c.GetResult(t.Context(), "k", tier.Read{})
		if !errors.Is(r.Err, onefold.ErrNotFound) || r.Outcome != onefold.Negative || r.Err.Error() != "row: onefold: not found" {
			t.Errorf("GetResult = %+v", r)
		}
		for range 10 {
			if r := c.GetResult(t.Context(), "k", tier.Read{}); !errors.Is(r.Err, onefold.ErrNotFound) || r.Outcome != onefold.Negative {
				t.Errorf("GetResult = %+v", r)
			}
		}
		if _, ok := c.Peek("k"); ok {
			t.Error("Peek gives a value where there is none")
		}
		if n := s.count(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
		s.fail(nil)
		time.Sleep(9 * time.Second)
		wantGet(t, c, "k", 2)

		// It is an entry like any other: Delete drops it.
		s.fail(onefold.ErrNotFound)
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		_, _ = c.Get(t.Context(), "k")
		s.fail(nil)
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		wantGet(t, c, "k", 4)
	})
}

// That the source has nothing is an answer: no older value stands in for it.
func TestNotFoundIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, negative := range []time.Duration{0, time.Second} {
			var s script
			c := newCache(t, s.load, tier.Config{TTL: time.Second, StaleFor: time.Hour, StaleIfError: time.Hour, NegativeTTL: negative})
			wantGet(t, c, "k", 1)
			s.fail(onefold.ErrNotFound)
			time.Sleep(time.Second)
			wantGet(t, c, "k", 1) // stale, and the load behind it finds nothing
			time.Sleep(time.Second)
			synctest.Wait()
			if v, err := c.Get(t.Context(), "k"); !errors.Is(err, onefold.ErrNotFound) {
				t.Errorf("NegativeTTL %v: Get = %d, %v; want ErrNotFound", negative, v, err)
			}
		}
	})
}

// SPEC: C02, C18, F02, F07
func TestErrorsAreRememberedOnlyWhereTheConfigSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		s.fail(errSource)
		c := newCache(t, s.load, tier.Config{TTL: time.Hour})
		for range 3 {
			if _, err := c.Get(t.Context(), "k"); !errors.Is(err, errSource) {
				t.Errorf("Get = %v", err)
			}
		}
		if n := s.count(); n != 3 {
			t.Errorf("%d loads of an error that is not to be remembered, want 3", n)
		}

		s = script{err: errSource}
		c = newCache(t, s.load, tier.Config{
			TTL: time.Hour, Backoff: tier.Backoff{Min: 10 * time.Second, Max: 20 * time.Second},
			RememberFailed: func(err error) bool { return errors.Is(err, errSource) },
		})
		for range 300 { // for a minute
			start := time.Now()
			_, err := c.Get(t.Context(), "k")
			if !errors.Is(err, errSource) {
				t.Errorf("Get = %v", err)
			}
			if time.Since(start) == 0 {
				time.Sleep(200 * time.Millisecond)
			}
		}
		if n := s.count(); n < 3 || n > 8 {
			t.Errorf("%d loads in a minute of backing off from 5..10 s to 10..20 s", n)
		}
		s.fail(nil)
		if err := c.Delete(t.Context(), "k"); err != nil { // invalidated like any other entry
			t.Error(err)
		}
		if v, err := c.Get(t.Context(), "k"); v == 0 || err != nil {
			t.Errorf("Get = %d, %v after Delete", v, err)
		}
	})
}

// SPEC: F02
func TestCallersOfAFailingKeyWaitForOneLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		s.fail(errSource)
		c := newCache(t, s.load, tier.Config{TTL: time.Hour})
		start := time.Now()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := c.Get(t.Context(), "k"); !errors.Is(err, errSource) {
					t.Errorf("Get = %v", err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took != time.Second || s.count() != 1 {
			t.Errorf("50 callers took %v and %d loads, want one load of 1 s", took, s.count())
		}
	})
}

// Values that are not to be stored: those who wait for the first load share it,
// and whoever comes later loads without waiting for anybody.
//
// SPEC: F02
func TestUncacheableValuesReleaseCallersInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		noStore := atomic.Bool{}
		noStore.Store(true)
		c, err := tier.NewSource(tier.Source[string, int]{
			LoadEntry: func(ctx context.Context, key string, _ tier.Prior[int]) (tier.Loaded[int], error) {
				v, err := s.load(ctx, key)
				return tier.Loaded[int]{Value: v, NoStore: noStore.Load()}, err
			},
		}, tier.Config{TTL: time.Hour, DirectFor: 30 * time.Second}, newNear[string, int]())
		if err != nil {
			t.Fatal(err)
		}
		wave := func() time.Duration {
			start := time.Now()
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if v, err := c.Get(t.Context(), "k"); v == 0 || err != nil {
						t.Errorf("Get = %d, %v", v, err)
					}
				})
			}
			wg.Wait()
			return time.Since(start)
		}
		if took := wave(); took != time.Second || s.count() != 1 {
			t.Errorf("the first wave took %v and %d loads, want 1 s and 1", took, s.count())
		}
		if took := wave(); took != time.Second || s.count() != 51 {
			t.Errorf("the second wave took %v and %d loads, want 1 s and 50 more", took, s.count())
		}
		wantNoPeek(t, c, "k")

		// A value that may be stored ends that.
		noStore.Store(false)
		_, _ = c.Get(t.Context(), "k")
		before := s.count()
		if took := wave(); took != time.Second || s.count() != before+1 {
			t.Errorf("the third wave took %v and %d loads, want 1 s and 1", took, s.count()-before)
		}
		wave()
		if s.count() != before+1 {
			t.Error("the value was not stored")
		}
	})
}

// SPEC: F03
func TestSoftBudgetGivesTheStaleValueWhileTheLoadGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		c := newCache(t, s.load, tier.Config{TTL: 10 * time.Second, StaleIfError: time.Minute, SoftBudget: 100 * time.Millisecond})
		wantGet(t, c, "k", 1) // nothing to fall back on: it waits
		time.Sleep(10 * time.Second)
		start := time.Now()
		wantResult(t, c, tier.Read{}, 1, onefold.Stale, tier.OverBudget, false)
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("it took %v, want the soft budget", took)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		wantResult(t, c, tier.Read{}, 2, onefold.Hit, tier.NotStale, true)

		// What was deleted while the load ran is not given any more: the call
		// loads anew, after the deletion.
		time.Sleep(10 * time.Second)
		slow := make(chan tier.Result[int], 1)
		go func() { slow <- c.GetResult(t.Context(), "k", tier.Read{}) }()
		synctest.Wait()
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		if r := <-slow; r.Value != 4 || r.Outcome != onefold.Led {
			t.Errorf("GetResult = %+v, want the value of a load after Delete", r)
		}
		wantPeek(t, c, "k", 4)
	})
}

// SPEC: F03
func TestHardBudgetNamesTheSlowTier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := func(r tier.Result[int], level tier.Level, budget time.Duration, continues bool) {
			t.Helper()
			var over *tier.BudgetError
			if !errors.As(r.Err, &over) || over.Level != level || over.Budget != budget || over.Continues != continues || !errors.Is(r.Err, onefold.ErrBudget) {
				t.Errorf("GetResult = %+v, want a BudgetError of %v for %v, continues %t", r, budget, level, continues)
			}
		}
		var s script
		c := newCache(t, s.load, tier.Config{HardBudget: 100 * time.Millisecond})
		want(c.GetResult(t.Context(), "k", tier.Read{}), tier.SourceLevel, 100*time.Millisecond, true)
		want(c.GetResult(t.Context(), "k", tier.Read{Budget: 10 * time.Millisecond}), tier.SourceLevel, 10*time.Millisecond, true)
		time.Sleep(time.Second)
		synctest.Wait()
		wantPeek(t, c, "k", 1)

		c = newCache(t, s.load, tier.Config{HardBudget: 100 * time.Millisecond, OnAbandon: onefold.CancelLoad})
		want(c.GetResult(t.Context(), "k", tier.Read{}), tier.SourceLevel, 100*time.Millisecond, false)

		c = newCache(t, s.load, tier.Config{FarBudget: time.Second}, encoded(&memStore{}), encoded(&memStore{before: hang}))
		want(c.GetResult(t.Context(), "k", tier.Read{Budget: 100 * time.Millisecond}), 2, 100*time.Millisecond, true)
		time.Sleep(3 * time.Second)
	})
}

// SPEC: C26, F03
func TestLoadTimeoutGivesTheStaleValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loads atomic.Int32
		c := newCache(t, func(context.Context, string) (int, error) {
			if n := loads.Add(1); n > 1 {
				time.Sleep(time.Hour) // deaf to its context
			}
			return 1, nil
		}, tier.Config{TTL: time.Second, StaleIfError: time.Hour, LoadTimeout: time.Second, Backoff: tier.Backoff{Min: 10 * time.Second}})
		wantGet(t, c, "k", 1)
		time.Sleep(time.Second)
		wantResult(t, c, tier.Read{}, 1, onefold.Stale, tier.SourceFailed, false)
		wantResult(t, c, tier.Read{}, 1, onefold.Stale, tier.SourceFailed, true) // and the source is left alone
		if n := loads.Load(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
		time.Sleep(2 * time.Hour)
	})
}

// SPEC: F08
func TestExpireKeepsAFallbackAndDeleteDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		c := newCache(t, s.load, tier.Config{TTL: time.Hour, StaleIfError: time.Hour})
		wantGet(t, c, "k", 1)
		if err := c.Expire(t.Context(), "k", "absent"); err != nil {
			t.Error(err)
		}
		wantNoPeek(t, c, "k")
		s.fail(errSource)
		wantResult(t, c, tier.Read{}, 1, onefold.Stale, tier.SourceFailed, false)
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		if v, err := c.Get(t.Context(), "k"); !errors.Is(err, errSource) {
			t.Errorf("Get = %d, %v after Delete, want the error", v, err)
		}
		s.fail(nil)
		wantGet(t, c, "k", 4)

		// A load from before Expire is not stored after it.
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		before := get(t.Context(), c, "k")
		synctest.Wait()
		if err := c.Expire(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		wantReply(t, <-before, 5)
		wantNoPeek(t, c, "k")
	})
}

// SPEC: C24
func TestDeleteDuringARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		c := newCache(t, s.load, tier.Config{TTL: time.Second, StaleFor: time.Hour})
		wantGet(t, c, "k", 1)
		time.Sleep(time.Second)
		wantGet(t, c, "k", 1) // stale; load 2 has begun
		synctest.Wait()
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		wantNoPeek(t, c, "k")
		wantGet(t, c, "k", 3)
	})
}

// SPEC: C25
func TestSetDuringARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		c := newCache(t, s.load, tier.Config{TTL: time.Second, StaleFor: time.Hour})
		wantGet(t, c, "k", 1)
		time.Sleep(time.Second)
		wantGet(t, c, "k", 1)
		synctest.Wait()
		if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 100, TTL: time.Hour}); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		wantPeek(t, c, "k", 100)
	})
}

// SPEC: F04
func TestEarlyRefreshLoadsOnceAndNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		c := newCache(t, s.load, tier.Config{TTL: 100 * time.Second, EarlyRefresh: 1})
		wantGet(t, c, "k", 1)
		const calls = 20_000 // 10 a second
		waited := 0
		for range calls {
			start := time.Now()
			if _, err := c.Get(t.Context(), "k"); err != nil {
				t.Error(err)
			}
			if time.Since(start) > 0 {
				waited++
			}
			time.Sleep(100 * time.Millisecond)
		}
		cycles := 2000. / 100
		if n := float64(s.count() - 1); n > 1.05*cycles+1 || n < cycles-1 || waited > 0 {
			t.Errorf("%v loads in %v cycles, and %d calls waited; want one a cycle, and none", n, cycles, waited)
		}
	})
}

// What is drawn here is more than the TTL, nearly always. Another process that
// reads the value from the far tier, when it has none and when it has an older
// one, must leave it in service for half of its TTL as the one that loaded it.
//
// SPEC: F04
func TestEarlyRefreshLeavesHalfOfTheTTLInEveryProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		var e foldtest.Engine
		cfg := tier.Config{TTL: 100 * time.Second, EarlyRefresh: 1e6}
		a, b := newCache(t, s.load, cfg, hushed(&e)), newCache(t, s.load, cfg, hushed(&e))
		for want := 1; want <= 3; want++ {
			wantGet(t, a, "k", want)
			for range 4 { // until 45 s
				wantGet(t, b, "k", want)
				synctest.Wait()
				time.Sleep(time.Second)
				wantGet(t, b, "k", want)
				synctest.Wait()
				time.Sleep(10 * time.Second)
			}
			if n := s.count(); n != want {
				t.Fatalf("%d loads, want %d", n, want)
			}
			time.Sleep(60 * time.Second)
		}
	})
}

// quiet is a connection that tells of no changes.
func hushed(e *foldtest.Engine) tier.Far[string, int] {
	return encoded(struct{ tier.Leaser }{e.Connect()})
}

// The process that loaded the value gets no more calls.
//
// SPEC: F04
func TestProcessThatReadAValueFromAFarTierRefreshesItEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		var e foldtest.Engine
		cfg := tier.Config{TTL: 100 * time.Second, EarlyRefresh: 1}
		a, b := newCache(t, s.load, cfg, hushed(&e)), newCache(t, s.load, cfg, hushed(&e))
		wantGet(t, a, "k", 1)
		for range 10_000 { // 10 a second
			start := time.Now()
			if _, err := b.Get(t.Context(), "k"); err != nil {
				t.Error(err)
			}
			if waited := time.Since(start); waited > 0 {
				t.Fatalf("a call waited for %v", waited)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := s.count(); n < 10 || n > 12 {
			t.Errorf("%d loads in ten cycles and a little, want one each", n)
		}
	})
}

// SPEC: F05, N10
func TestJitterReachesLoadedValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, func(context.Context, string) (int, error) { return 1, nil }, tier.Config{TTL: 100 * time.Second, Jitter: 0.5})
		for i := range 200 {
			wantGet(t, c, fmt.Sprint(i), 1)
		}
		fresh := func() (n int) {
			for i := range 200 {
				if _, ok := c.Peek(fmt.Sprint(i)); ok {
					n++
				}
			}
			return n
		}
		time.Sleep(50*time.Second - 1)
		all := fresh()
		time.Sleep(25 * time.Second)
		half := fresh()
		time.Sleep(25*time.Second + 1)
		if all != 200 || half < 60 || half > 140 || fresh() != 0 {
			t.Errorf("of 200, %d were fresh before half of the TTL, %d at three quarters, %d at its end", all, half, fresh())
		}
	})
}

// A value of another process counts as new enough only where no two clocks could
// say otherwise.
//
// SPEC: F06, N09
func TestNotBeforeOfAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		src := &source{value: 1}
		p := newCache(t, src.load, tier.Config{TTL: time.Hour}, encoded(engine.Connect()))
		defer p.Close(t.Context())
		for after, loads := range map[time.Duration]int{0: 1, time.Second: 1, 5*time.Second - 1: 1, 5 * time.Second: 0, time.Minute: 0} {
			q := newCache(t, src.load, tier.Config{TTL: time.Hour}, encoded(engine.Connect()))
			synctest.Wait()
			time.Sleep(time.Minute)
			write := time.Now()
			time.Sleep(after)
			if _, err := p.Refresh(t.Context(), "k"); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute)
			before := src.count()
			if r := q.GetResult(t.Context(), "k", tier.Read{NotBefore: write}); r.Value != 1 || r.Err != nil {
				t.Errorf("GetResult = %+v, want 1", r)
			}
			if n := src.count() - before; n != loads {
				t.Errorf("a value from %v after the write: %d loads, want %d", after, n, loads)
			}
			if err := q.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

// Jitter is drawn once for each value: all processes have it end at the same
// time.
//
// SPEC: F05, R09
func TestJitterIsDrawnOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine foldtest.Engine
		src := &source{value: 1}
		cfg := tier.Config{TTL: 10 * time.Second, Jitter: 0.5}
		p := newCache(t, src.load, cfg, encoded(engine.Connect()))
		q := newCache(t, src.load, cfg, encoded(engine.Connect()))
		defer p.Close(t.Context())
		defer q.Close(t.Context())
		synctest.Wait()
		for _, c := range []*tier.Cache[string, int]{p, q} {
			for key := range 30 {
				wantGet(t, c, fmt.Sprint(key), 1)
			}
			synctest.Wait() // q has heard of it
		}
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			for key := range 30 {
				_, here := p.Peek(fmt.Sprint(key))
				if _, there := q.Peek(fmt.Sprint(key)); here != there {
					t.Fatalf("key %d is in p: %t, in q: %t", key, here, there)
				}
			}
		}
		if n := src.count(); n != 30 {
			t.Errorf("%d loads, want 30", n)
		}
	})
}

// SPEC: F06
func TestNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		store := &memStore{}
		c := newCache(t, s.load, tier.Config{TTL: time.Hour}, encoded(store))
		wantGet(t, c, "k", 1)
		time.Sleep(time.Second)
		wantResult(t, c, tier.Read{NotBefore: time.Now()}, 2, onefold.Led, tier.NotStale, false)
		wantPeek(t, c, "k", 2)
		wantResult(t, c, tier.Read{NotBefore: time.Now().Add(-time.Second)}, 2, onefold.Hit, tier.NotStale, true)

		// A load that began before the write is not joined.
		if err := c.Delete(t.Context(), "k"); err != nil {
			t.Error(err)
		}
		older := get(t.Context(), c, "k")
		time.Sleep(time.Second / 2)
		wantResult(t, c, tier.Read{NotBefore: time.Now()}, 4, onefold.Led, tier.NotStale, false)
		<-older
		wantPeek(t, c, "k", 4)

		// Nor is a value from another process taken whose age the clocks leave in doubt.
		other := newCache(t, s.load, tier.Config{TTL: time.Hour}, encoded(store))
		time.Sleep(2 * time.Second)
		wantResult(t, other, tier.Read{NotBefore: time.Now().Add(-4 * time.Second)}, 5, onefold.Led, tier.NotStale, false)
	})
}

func TestRefreshLoadsThoughTheValueIsFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		c := newCache(t, s.load, tier.Config{TTL: time.Hour})
		wantGet(t, c, "k", 1)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if v, err := c.Refresh(t.Context(), "k"); v != 2 || err != nil {
					t.Errorf("Refresh = %d, %v; want 2", v, err)
				}
			})
		}
		wg.Wait()
		wantPeek(t, c, "k", 2)
	})
}
