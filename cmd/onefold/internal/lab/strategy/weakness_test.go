package strategy_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/source"
	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/strategy"
)

// What each strategy is said to miss is shown here, so that the catalogue
// stays true.

func TestCheckLoadsTwiceForTwoMisses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shelf
		c := open(t, named(t, "check"), &s)
		first, second := async(t.Context(), c, "a"), async(t.Context(), c, "a")
		<-first
		<-second
		s.wantLoads(t, 2)
	})
}

func TestLoadOrStoreThrowsTheSecondLoadAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shelf
		c := open(t, named(t, "loadorstore"), &s)
		first := async(t.Context(), c, "a")
		time.Sleep(time.Millisecond)
		s.write("a") // the second load reads a newer row
		second := async(t.Context(), c, "a")
		a, b := <-first, <-second
		if a.record.Version != 1 || b.record.Version != 1 {
			t.Errorf("versions %d and %d, want 1 twice: the first to store wins", a.record.Version, b.record.Version)
		}
		s.wantLoads(t, 2)
	})
}

// A load that began before an invalidation stores the old row after it, and
// it is served until it expires.
func TestOvertakenLoadIsStored(t *testing.T) {
	stores := map[string]bool{
		"check": true, "loadorstore": true, "mutex": true, "jitter": true, "singleflight": true, "dochan": true,
		"future": false, "otter": false, "onefold": false,
	}
	each(t, caching(), func(t *testing.T, kind strategy.Kind) {
		stale, ok := stores[kind.Name]
		if !ok {
			t.Fatalf("%s is not in the table", kind.Name)
		}
		var s shelf
		c := open(t, kind, &s)
		before := async(t.Context(), c, "a")
		time.Sleep(time.Second / 2)
		version := s.write("a")
		if err := c.Invalidate(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		<-before
		want := version
		if stale {
			want = 1
		}
		get(t, c, "a", want)
	})
}

func TestSingleflightJoinsALoadOlderThanTheInvalidation(t *testing.T) {
	joins := map[string]bool{"singleflight": true, "dochan": false, "future": false, "otter": false, "onefold": false}
	each(t, caching(), func(t *testing.T, kind strategy.Kind) {
		old, ok := joins[kind.Name]
		if !ok {
			return // it has no loads that could be joined
		}
		var s shelf
		c := open(t, kind, &s)
		before := async(t.Context(), c, "a")
		time.Sleep(time.Second / 2)
		version := s.write("a")
		if err := c.Invalidate(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		after := async(t.Context(), c, "a")
		<-before
		want := version
		if old {
			want = 1
		}
		if r := <-after; r.err != nil || r.record.Version != want {
			t.Errorf("the call after the invalidation got version %d, %v; want %d", r.record.Version, r.err, want)
		}
	})
}

// The caller that began the load leaves; another goes on waiting.
func TestFirstCallersCancellationIsHandedOn(t *testing.T) {
	hands := map[string]bool{
		"future": true, "singleflight": true,
		"dochan": false, "otter": false, "onefold": false,
	}
	errFirst := errors.New("the first caller left")
	each(t, caching(), func(t *testing.T, kind strategy.Kind) {
		foreign, ok := hands[kind.Name]
		if !ok {
			return // its callers do not share a load
		}
		var s shelf
		c := open(t, kind, &s)
		ctx, leave := context.WithCancelCause(t.Context())
		first := async(ctx, c, "a")
		synctest.Wait()
		second := async(t.Context(), c, "a")
		time.Sleep(time.Second / 2)
		leave(errFirst)

		if r := <-first; !errors.Is(r.err, context.Canceled) {
			t.Errorf("the first caller got %v, want its own %v", r.err, context.Canceled)
		}
		r := <-second
		if !foreign {
			if r.err != nil || r.record.Version != 1 {
				t.Errorf("the second caller got %v, %v; want version 1", r.record, r.err)
			}
			return
		}
		var ended *source.EndedError
		if !errors.As(r.err, &ended) || !errors.Is(ended.Cause, errFirst) {
			t.Errorf("the second caller got %v, want the first one's end", r.err)
		}
	})
}

func TestSingleflightCallerCannotLeave(t *testing.T) {
	leaves := map[string]bool{"singleflight": false, "future": true, "dochan": true, "otter": true, "onefold": true}
	each(t, caching(), func(t *testing.T, kind strategy.Kind) {
		atOnce, ok := leaves[kind.Name]
		if !ok {
			return // its callers do not wait for another's load
		}
		var s shelf
		c := open(t, kind, &s)
		first := async(t.Context(), c, "a")
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		second := async(ctx, c, "a")
		synctest.Wait()
		left := time.Now()
		leave()
		r := <-second
		<-first
		if got := r.at.Equal(left); got != atOnce {
			t.Errorf("left %v after its cancellation; at once: %v, want %v", r.at.Sub(left), got, atOnce)
		}
	})
}

func TestMutexLoadsAgainForEveryWaiterOnErrors(t *testing.T) {
	var s shelf
	turns := make(chan struct{})
	load := func(ctx context.Context, key string) (source.Record, error) {
		s.mu.Lock()
		s.loads++
		s.running++
		s.peak = max(s.peak, s.running)
		s.mu.Unlock()
		<-turns
		s.mu.Lock()
		s.running--
		s.mu.Unlock()
		return source.Record{}, errShelf
	}
	c, err := named(t, "mutex").New(load, strategy.Config{TTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	const callers = 5
	var replies []<-chan reply
	for range callers {
		replies = append(replies, async(t.Context(), c, "a"))
	}
	for range callers {
		turns <- struct{}{} // one load at a time, and one for each
	}
	for _, ch := range replies {
		if r := <-ch; !errors.Is(r.err, errShelf) {
			t.Errorf("Get = %v, want %v", r.err, errShelf)
		}
	}
	s.wantLoads(t, callers)
	if s.peak != 1 {
		t.Errorf("%d loads ran at once, want 1", s.peak)
	}
}

func TestMutexCallerCannotLeave(t *testing.T) {
	loading, finish := make(chan struct{}), make(chan struct{})
	load := func(ctx context.Context, key string) (source.Record, error) {
		close(loading) // a second load would panic
		<-finish
		return source.Record{Key: key, Version: 1}, nil
	}
	c, err := named(t, "mutex").New(load, strategy.Config{TTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	first := async(t.Context(), c, "a")
	<-loading
	ctx, leave := context.WithCancel(t.Context())
	leave()
	second := async(ctx, c, "a") // it is over before it begins, and waits all the same
	for !waitsForLock() {
		select {
		case r := <-second:
			t.Fatalf("Get = %v, %v before the lock was free", r.record, r.err)
		default:
			runtime.Gosched()
		}
	}
	close(finish)
	if r := <-second; r.err != nil || r.record.Version != 1 {
		t.Errorf("Get = %v, %v; want version 1 from the first caller's load", r.record, r.err)
	}
	<-first
}

// waitsForLock reports whether a caller of the mutex strategy waits for a lock.
func waitsForLock() bool {
	stacks := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(stack, "(*mutexPerKey).Get") && strings.Contains(stack, "sync.(*Mutex).Lock") {
			return true
		}
	}
	return false
}

func TestJitterSpreadsWhatExpiresTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shelf
		c := open(t, named(t, "jitter"), &s)
		keys := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
		for _, key := range keys {
			c.Put(key, source.Record{Key: key, Version: 1})
		}
		time.Sleep(ttl * 9 / 10) // half of the jitter, 0.2
		for _, key := range keys {
			get(t, c, key, 1)
		}
		if s.loads == 0 || s.loads == len(keys) {
			t.Errorf("%d of %d entries had expired half way through the jitter, want some but not all", s.loads, len(keys))
		}
	})
}

func TestJitterLoadsTwiceForTwoMisses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shelf
		c := open(t, named(t, "jitter"), &s)
		first, second := async(t.Context(), c, "a"), async(t.Context(), c, "a")
		<-first
		<-second
		s.wantLoads(t, 2)
	})
}

func TestDoChanLoadsOnWhenNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shelf
		c := open(t, named(t, "dochan"), &s)
		ctx, leave := context.WithCancel(t.Context())
		only := async(ctx, c, "a")
		synctest.Wait()
		leave()
		<-only
		synctest.Wait()
		if n := s.nowRunning(); n != 1 {
			t.Errorf("%d loads run after the only caller left, want 1", n)
		}
		time.Sleep(2 * time.Second)
		get(t, c, "a", 1)
		s.wantLoads(t, 1)
	})
}

func TestDoChanBoundsALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := func(ctx context.Context, _ string) (source.Record, error) {
			<-ctx.Done()
			return source.Record{}, &source.EndedError{Cause: context.Cause(ctx), Err: ctx.Err()}
		}
		c, err := named(t, "dochan").New(stuck, strategy.Config{TTL: ttl, LoadTimeout: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = c.Get(t.Context(), "a")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("Get = %v after %v; want %v after 3s", err, time.Since(began), context.DeadlineExceeded)
		}
	})
}

func TestOtterDoesTheWorkAgainWhenTheLoadingCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shelf
		c := open(t, named(t, "otter"), &s)
		ctx, leave := context.WithCancel(t.Context())
		first := async(ctx, c, "a")
		synctest.Wait()
		second := async(t.Context(), c, "a")
		time.Sleep(time.Second / 2)
		began := time.Now()
		leave()
		<-first
		if r := <-second; r.err != nil || r.at.Sub(began) != time.Second {
			t.Errorf("the second caller got %v after %v; want a whole load of its own, 1s", r.err, r.at.Sub(began))
		}
		s.wantLoads(t, 2)
	})
}
