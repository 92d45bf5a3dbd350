package tier_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold"
	"github.com/onefold-go/onefold/tier"
)

// SPEC: C01
func TestGetLoadsOnceAndThenHits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 7}
		c := newCache(t, src.load, tier.Config{})
		wantNoPeek(t, c, "k")
		for range 3 {
			wantGet(t, c, "k", 7)
		}
		wantPeek(t, c, "k", 7)
		if n := src.count(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
		if got, want := c.Stats(), (tier.Stats{Hits: 2, Led: 1}); got != want {
			t.Errorf("Stats = %+v, want %+v", got, want)
		}
	})
}

// SPEC: C02
func TestErrorIsReturnedAndNotCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sourceErr := errors.New("source")
		loads := 0
		c := newCache(t, func(context.Context, string) (int, error) {
			if loads++; loads < 3 {
				return 5, sourceErr // the value beside an error is nothing
			}
			return 7, nil
		}, tier.Config{})
		for range 2 {
			if v, err := c.Get(t.Context(), "k"); v != 0 || err != sourceErr { //nolint:errorlint // the very error
				t.Errorf("Get = %d, %v; want 0 and the load's own error", v, err)
			}
			wantNoPeek(t, c, "k")
		}
		wantGet(t, c, "k", 7)
	})
}

// SPEC: C03
func TestConcurrentMissesShareOneLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 7, hook: func() { time.Sleep(time.Second) }}
		c := newCache(t, src.load, tier.Config{})
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { wantGet(t, c, "k", 7) })
		}
		wg.Wait()
		if n := src.count(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
		got := c.Stats()
		if want := (tier.Stats{Led: 1, Joined: 9}); got != want || got.CoalescingRatio() != 0.9 {
			t.Errorf("Stats = %+v with ratio %v, want %+v with 0.9", got, got.CoalescingRatio(), want)
		}
		if r := (tier.Stats{}).CoalescingRatio(); r != 0 {
			t.Errorf("the ratio of nothing is %v, want 0", r)
		}
	})
}

// SPEC: C04
func TestWaitingGetThatCancelsLeavesTheLoadAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 7, hook: func() { time.Sleep(time.Second) }}
		c := newCache(t, src.load, tier.Config{})
		leader := get(t.Context(), c, "k")
		synctest.Wait()

		ctx, cancel := context.WithCancel(t.Context())
		joiner := get(ctx, c, "k")
		synctest.Wait()
		start := time.Now()
		cancel()
		if r := <-joiner; !errors.Is(r.err, context.Canceled) || !time.Now().Equal(start) {
			t.Errorf("Get = %v after %v, want Canceled at once", r.err, time.Since(start))
		}
		wantReply(t, <-leader, 7)
		wantPeek(t, c, "k", 7)
	})
}

// SPEC: C05, C06
func TestLoadingGetThatCancelsLeavesItsLoadToTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loadEnded error
		src := &source{value: 7}
		c := newCache(t, func(ctx context.Context, key string) (int, error) {
			time.Sleep(time.Second)
			loadEnded = ctx.Err()
			return src.load(ctx, key)
		}, tier.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		leader := get(ctx, c, "k")
		synctest.Wait()
		joiner := get(t.Context(), c, "k")
		synctest.Wait()
		start := time.Now()
		cancel()
		if r := <-leader; !errors.Is(r.err, context.Canceled) || !time.Now().Equal(start) {
			t.Errorf("Get = %v after %v, want Canceled at once", r.err, time.Since(start))
		}
		wantReply(t, <-joiner, 7)
		if loadEnded != nil {
			t.Errorf("the load's context ended: %v", loadEnded)
		}
		if n := src.count(); n != 1 {
			t.Errorf("%d loads, want 1", n)
		}
	})
}

// A load that everybody left is finished for the next caller, unless the
// config says otherwise.
//
// SPEC: C04
func TestAbandonedLoad(t *testing.T) {
	for _, tt := range []struct {
		on     onefold.OnAbandon
		stored bool
	}{
		{onefold.DefaultOnAbandon, true},
		{onefold.FinishLoad, true},
		{onefold.CancelLoad, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newCache(t, func(ctx context.Context, _ string) (int, error) {
				select {
				case <-time.After(time.Second):
					return 7, nil
				case <-ctx.Done():
					return 7, nil // too late: nobody wants it, whatever it says
				}
			}, tier.Config{OnAbandon: tt.on})
			ctx, cancel := context.WithCancel(t.Context())
			caller := get(ctx, c, "k")
			synctest.Wait()
			cancel()
			if r := <-caller; !errors.Is(r.err, context.Canceled) {
				t.Errorf("Get = %v, want Canceled", r.err)
			}
			time.Sleep(2 * time.Second)
			if _, stored := c.Peek("k"); stored != tt.stored {
				t.Errorf("OnAbandon %d: stored = %t, want %t", tt.on, stored, tt.stored)
			}
		})
	}
}

// SPEC: C07
func TestValueIsServedBeforeItsTTLAndNeverAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 1}
		c := newCache(t, src.load, tier.Config{TTL: 10 * time.Second})
		wantGet(t, c, "k", 1)
		src.set(2)
		time.Sleep(10*time.Second - 1)
		wantGet(t, c, "k", 1)
		wantPeek(t, c, "k", 1)
		time.Sleep(1)
		wantNoPeek(t, c, "k")
		wantGet(t, c, "k", 2)
	})
}

// A process that has more to do than it has processors for does not get around
// to the clock's ticks.
//
// SPEC: C07
func TestValueIsNotServedForLongWhenTicksAreLate(t *testing.T) {
	for name, get := range map[string]func(context.Context, *tier.Cache[string, int]) int{
		"Get": func(ctx context.Context, c *tier.Cache[string, int]) int { v, _ := c.Get(ctx, "k"); return v },
		"GetResult": func(ctx context.Context, c *tier.Cache[string, int]) int {
			return c.GetResult(ctx, "k", tier.Read{}).Value
		},
		"GetMany": func(ctx context.Context, c *tier.Cache[string, int]) int {
			return c.GetMany(ctx, []string{"k"})[0].Value
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := &source{value: 1}
				c := newCache(t, src.load, tier.Config{TTL: 10 * time.Second})
				wantGet(t, c, "k", 1)
				wantGet(t, c, "k", 1) // a hit winds the clock
				c.StopTicks()
				src.set(2)
				time.Sleep(10 * time.Second)
				expired := 0
				for get(t.Context(), c) != 2 && expired < 1000 {
					expired++
				}
				if expired > 100 || name == "GetMany" && expired > 0 {
					t.Errorf("%d calls of one goroutine got an expired value, want some dozens at the most, and none of GetMany", expired)
				}
			})
		})
	}
}

// SPEC: C08, N08
func TestAgeCountsFromTheStartOfTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 1, hook: func() { time.Sleep(3 * time.Second) }}
		c := newCache(t, src.load, tier.Config{TTL: 10 * time.Second})
		wantGet(t, c, "k", 1)
		time.Sleep(7*time.Second - 1)
		wantPeek(t, c, "k", 1)
		time.Sleep(1)
		wantNoPeek(t, c, "k")
	})
}

// A load that takes longer than the TTL answers those who waited for it, and
// nobody else.
//
// SPEC: C08
func TestLoadSlowerThanItsTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 1, hook: func() { time.Sleep(3 * time.Second) }}
		c := newCache(t, src.load, tier.Config{TTL: 2 * time.Second})
		wantGet(t, c, "k", 1)
		wantNoPeek(t, c, "k")
	})
}

// SPEC: C09
func TestNobodyGetsAnExpiredValueWhileItReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 1, hook: func() { time.Sleep(time.Second) }}
		c := newCache(t, src.load, tier.Config{TTL: 10 * time.Second})
		wantGet(t, c, "k", 1)
		src.set(2)
		time.Sleep(9 * time.Second)
		var callers []<-chan reply
		for range 3 {
			callers = append(callers, get(t.Context(), c, "k"))
			time.Sleep(time.Second / 4)
			wantNoPeek(t, c, "k")
		}
		for _, r := range callers {
			wantReply(t, <-r, 2)
		}
		if n := src.count(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
	})
}

// SPEC: C13
func TestPanicReachesEveryCallerAndIsNotCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("cause")
		var loads atomic.Int64
		c := newCache(t, func(context.Context, string) (int, error) {
			if loads.Add(1) == 1 {
				time.Sleep(time.Second)
				panic(cause)
			}
			return 7, nil
		}, tier.Config{})
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				defer func() {
					p, ok := recover().(*onefold.PanicError)
					if !ok || !errors.Is(p, cause) || !strings.Contains(string(p.Stack), "TestPanicReaches") {
						t.Errorf("recovered %v, want a PanicError of the load's panic with the load's stack", p)
					}
				}()
				v, err := c.Get(t.Context(), "k")
				t.Errorf("Get = %d, %v; want a panic", v, err)
			})
		}
		wg.Wait()
		wantNoPeek(t, c, "k")
		wantGet(t, c, "k", 7)
		if n := loads.Load(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
	})
}

// SPEC: C14
func TestGoexitIsNoSuccessAndIsNotCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loads atomic.Int64
		c := newCache(t, func(context.Context, string) (int, error) {
			if loads.Add(1) == 1 {
				time.Sleep(time.Second)
				runtime.Goexit()
			}
			return 7, nil
		}, tier.Config{})
		for _, caller := range []<-chan reply{get(t.Context(), c, "k"), get(t.Context(), c, "k")} {
			if r := <-caller; !errors.Is(r.err, onefold.ErrGoexit) {
				t.Errorf("Get = %d, %v; want ErrGoexit", r.value, r.err)
			}
		}
		wantNoPeek(t, c, "k")
		wantGet(t, c, "k", 7)
	})
}

// A caller whose context cannot end runs the load itself, so a load that exits
// ends that caller. Whoever joined is answered all the same.
//
// SPEC: C14
func TestGoexitOnTheCallersOwnGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loads atomic.Int64
		c := newCache(t, func(context.Context, string) (int, error) {
			if loads.Add(1) == 1 {
				time.Sleep(time.Second)
				runtime.Goexit()
			}
			return 7, nil
		}, tier.Config{})
		var leader sync.WaitGroup
		leader.Go(func() {
			v, err := c.Get(context.Background(), "k")
			t.Errorf("Get = %d, %v; want no return", v, err)
		})
		synctest.Wait()
		if r := <-get(t.Context(), c, "k"); !errors.Is(r.err, onefold.ErrGoexit) {
			t.Errorf("Get = %d, %v; want ErrGoexit", r.value, r.err)
		}
		leader.Wait()
		wantGet(t, c, "k", 7)
	})
}

// SPEC: C26, N15
func TestLoadTimeoutReleasesCallersOfADeafLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 7, hook: func() { time.Sleep(time.Minute) }}
		c := newCache(t, src.load, tier.Config{LoadTimeout: 2 * time.Second})
		start := time.Now()
		leader := get(t.Context(), c, "k")
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if r := <-get(ctx, c, "k"); r.err != context.DeadlineExceeded { //nolint:errorlint // its own, as it is
			t.Errorf("a caller past its own deadline got %v, want DeadlineExceeded", r.err)
		}
		joiner := get(t.Context(), c, "k")
		for _, caller := range []<-chan reply{leader, joiner} {
			r := <-caller
			if !errors.Is(r.err, onefold.ErrLoadTimeout) || errors.Is(r.err, context.DeadlineExceeded) {
				t.Errorf("Get = %v, want ErrLoadTimeout", r.err)
			}
			if took := time.Since(start); took != 2*time.Second {
				t.Errorf("Get returned after %v, want 2s", took)
			}
		}
		time.Sleep(time.Minute) // the load returns, to nobody
		wantNoPeek(t, c, "k")
	})
}

// The bubble fails the test if a goroutine is left behind.
//
// SPEC: C27
func TestCloseWaitsForLoadsAndTurnsCallersAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 7, hook: func() { time.Sleep(time.Second) }}
		c := newCache(t, src.load, tier.Config{})
		wantGet(t, c, "kept", 7)
		waiting := get(t.Context(), c, "k")
		synctest.Wait()
		start := time.Now()
		closed := make(chan error)
		for range 2 {
			go func() { closed <- c.Close(t.Context()) }()
		}
		synctest.Wait()
		if _, err := c.Get(t.Context(), "kept"); !errors.Is(err, onefold.ErrClosed) {
			t.Errorf("while Close waits, Get = %v, want ErrClosed", err)
		}
		for range 2 {
			if err := <-closed; err != nil {
				t.Errorf("Close = %v, want nil", err)
			}
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("Close took %v, want the second that the load took", took)
		}
		wantReply(t, <-waiting, 7)
		for _, key := range []string{"k", "kept"} {
			if _, err := c.Get(t.Context(), key); !errors.Is(err, onefold.ErrClosed) {
				t.Errorf("Get(%q) = %v, want ErrClosed", key, err)
			}
			wantNoPeek(t, c, key)
		}
		if err := c.Set(t.Context(), "k", tier.Loaded[int]{Value: 1}); !errors.Is(err, onefold.ErrClosed) {
			t.Errorf("Set = %v, want ErrClosed", err)
		}
		wantNoPeek(t, c, "k")
		if n := src.count(); n != 2 {
			t.Errorf("%d loads, want 2", n)
		}
	})
}

// SPEC: C27
func TestCloseCancelsLoadsWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, func(ctx context.Context, _ string) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}, tier.Config{})
		waiting := get(t.Context(), c, "k")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v, want DeadlineExceeded", err)
		}
		if r := <-waiting; !errors.Is(r.err, onefold.ErrClosed) { // no cancellation is its own
			t.Errorf("Get = %d, %v; want ErrClosed", r.value, r.err)
		}
	})
}

// SPEC: C28
func TestGreatestTTLIsNotAnInstantExpiry(t *testing.T) {
	for _, jitter := range []float64{0, 0.5, 1} {
		synctest.Test(t, func(t *testing.T) {
			src := &source{value: 1}
			time.Sleep(time.Hour)
			far := encoded(&memStore{})
			c := newCache(t, src.load, tier.Config{TTL: math.MaxInt64, Jitter: jitter}, far)
			other := newCache(t, src.load, tier.Config{}, far)
			time.Sleep(time.Hour)
			wantGet(t, c, "k", 1)
			wantPeek(t, c, "k", 1)
			wantGet(t, other, "k", 1)
			wantPeek(t, other, "k", 1)
			if err := c.Set(t.Context(), "set", tier.Loaded[int]{Value: 2, TTL: math.MaxInt64}); err != nil {
				t.Error(err)
			}
			wantPeek(t, c, "set", 2)
			if n := src.count(); n != 1 {
				t.Errorf("%d loads, want 1", n)
			}
		})
	}
}

// awkward are keys that are easily taken for each other.
var awkward = []string{
	"", " ", "\x00", "\x00\x00", "a", "A", "a ", " a", "a\x00", "a\n", "a:b", "a/b", "a%2fb", "1", "01", "1.0", "+1",
	"e\u0301", "\u00e9", "\xff", "\xc3", "nil", "<nil>", "null", `""`, strings.Repeat("x", 1<<16), strings.Repeat("x", 1<<16+1),
}

// SPEC: C29
func TestAwkwardKeysAreDistinct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		index := func(_ context.Context, key string) (int, error) {
			for i, k := range awkward {
				if k == key {
					return i, nil
				}
			}
			return -1, nil
		}
		far := encoded(&memStore{})
		first, second := newCache(t, index, tier.Config{}, far), newCache(t, index, tier.Config{}, far)
		for _, c := range []*tier.Cache[string, int]{first, second, first} {
			for i, key := range awkward {
				wantGet(t, c, key, i)
			}
		}
		if err := first.Delete(t.Context(), awkward[0]); err != nil {
			t.Error(err)
		}
		for i, key := range awkward[1:] {
			wantPeek(t, first, key, i+1)
		}
	})
}

// SPEC: C31
func TestDeadContextGetsAHitAndStartsNoLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{value: 7}
		store := &memStore{}
		c := newCache(t, src.load, tier.Config{}, encoded(store))
		wantGet(t, c, "kept", 7)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if v, err := c.Get(ctx, "kept"); v != 7 || err != nil {
			t.Errorf("Get = %d, %v; want 7, nil", v, err)
		}
		if v, err := c.Get(ctx, "absent"); v != 0 || err != context.Canceled { //nolint:errorlint // its own, as it is
			t.Errorf("Get = %d, %v; want 0, Canceled", v, err)
		}
		synctest.Wait()
		if n, ops := src.count(), store.ops(); n != 1 || len(ops) != 2 {
			t.Errorf("%d loads and %q at the store, want those of the first Get", n, ops)
		}
	})
}

// SPEC: C32
func TestSlowLoadDelaysNoOtherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, func(_ context.Context, key string) (int, error) {
			if key == "slow" {
				time.Sleep(time.Second)
			}
			return 7, nil
		}, tier.Config{}, encoded(&memStore{}))
		slow := get(t.Context(), c, "slow")
		synctest.Wait()
		start := time.Now()
		for i := range 200 { // every shard is met
			key := fmt.Sprint("key", i)
			wantGet(t, c, key, 7)
			wantGet(t, c, key, 7)
			if err := c.Set(t.Context(), key, tier.Loaded[int]{Value: 8}); err != nil {
				t.Error(err)
			}
			wantPeek(t, c, key, 8)
			if err := c.Delete(t.Context(), key); err != nil {
				t.Error(err)
			}
			wantNoPeek(t, c, key)
		}
		wantNoPeek(t, c, "slow")
		if took := time.Since(start); took != 0 {
			t.Errorf("other keys waited %v", took)
		}
		wantReply(t, <-slow, 7)
	})
}

// Each of many callers has a deadline, a cancel or no end of its own. It gets
// the value, or its own end when that comes, and nobody else's.
//
// SPEC: C36
func TestRandomCancellation(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	millis := func(n int) time.Duration { return time.Duration(rng.IntN(n)) * time.Millisecond }
	for range 20 {
		loadTimes := map[string]time.Duration{"a": millis(100), "b": millis(100), "c": millis(100)}
		onAbandon := []onefold.OnAbandon{onefold.FinishLoad, onefold.CancelLoad}[rng.IntN(2)]
		synctest.Test(t, func(t *testing.T) {
			c := newCache(t, func(ctx context.Context, key string) (string, error) {
				select {
				case <-time.After(loadTimes[key]):
					return key, nil
				case <-ctx.Done():
					return "", errors.New("the load's context ended")
				}
			}, tier.Config{TTL: 50 * time.Millisecond, OnAbandon: onAbandon})
			var wg sync.WaitGroup
			for range 100 {
				key := []string{"a", "b", "c"}[rng.IntN(3)]
				wait, patience, kind := millis(200), millis(60), rng.IntN(3)
				wg.Go(func() {
					time.Sleep(wait)
					ctx, own := context.Background(), error(nil)
					switch kind {
					case 0:
						deadline, cancel := context.WithTimeout(ctx, patience)
						defer cancel()
						ctx, own = deadline, context.DeadlineExceeded
					case 1:
						cancelled, cancel := context.WithCancel(ctx)
						time.AfterFunc(patience, cancel)
						ctx, own = cancelled, context.Canceled
					}
					start := time.Now()
					v, err := c.Get(ctx, key)
					took := time.Since(start)
					switch {
					case err == nil && v == key && (own == nil || took <= patience):
					case err != nil && err == own && took == patience: //nolint:errorlint // its own, as it is
					default:
						t.Errorf("Get(%q) = %q, %v after %v; patience %v, own end %v", key, v, err, took, patience, own)
					}
				})
			}
			wg.Wait()
			if err := c.Close(context.Background()); err != nil {
				t.Errorf("Close = %v", err)
			}
		})
	}
}

// SPEC: N04
func TestNilsPanicInTheCaller(t *testing.T) {
	src := &source{value: 7}
	c := newCache(t, src.load, tier.Config{})
	var none context.Context
	for name, call := range map[string]func(){
		"Get":         func() { _, _ = c.Get(none, "k") },
		"Set":         func() { _ = c.Set(none, "k", tier.Loaded[int]{Value: 1}) },
		"Delete":      func() { _ = c.Delete(none, "k") },
		"Write ctx":   func() { _ = c.Write(none, "k", func(context.Context) error { return nil }) },
		"Write write": func() { _ = c.Write(t.Context(), "k", nil) },
		"Encoded":     func() { encoded(nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of nil did not panic", name)
				}
			}()
			call()
		}()
	}
	wantGet(t, c, "k", 7)
}

// A load sees the values of the context of the caller that started it.
func TestLoadSeesValuesOfItsLeader(t *testing.T) {
	type name struct{}
	c := newCache(t, func(ctx context.Context, _ string) (string, error) {
		v, _ := ctx.Value(name{}).(string)
		return v, nil
	}, tier.Config{})
	if v, err := c.Get(context.WithValue(t.Context(), name{}, "ada"), "k"); v != "ada" || err != nil {
		t.Errorf("Get = %q, %v; want ada, nil", v, err)
	}
}

// Close cancels the loads under way when its context ends, a deleted one too.
//
// SPEC: C27
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
