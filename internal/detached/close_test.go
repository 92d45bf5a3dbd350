package detached_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
	"github.com/onefold-go/onefold/internal/flight"
)

func TestCloseWaitsForLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{CancelAbandoned: true})
		start := time.Now()

		leaver, leave := context.WithCancel(t.Context())
		abandoned := tab.Start(leaver, "abandoned", gives(1)) // deaf: it takes its second
		leave()
		abandoned.Wait(leaver)
		time.Sleep(500 * time.Millisecond)
		var calls []detached.Call[string, int]
		for i := range 20 { // in all shards
			calls = append(calls, tab.Start(t.Context(), fmt.Sprint(i), gives(i)))
		}
		tab.Detach("7", nil)

		for range 2 {
			if err := tab.Close(t.Context()); err != nil {
				t.Errorf("Close = %v", err)
			}
			if age := time.Since(start); age != 1500*time.Millisecond {
				t.Errorf("Close returned after %v, want 1.5s, when the last load has returned", age)
			}
		}
		for i, call := range calls {
			if o := call.Wait(t.Context()); o.Value != i || o.Err != nil {
				t.Errorf("call %d got %+v, want its value", i, o)
			}
		}
	})
}

func TestCloseTurnsCallersAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		call := tab.Start(t.Context(), "k", gives(1))
		closed := make(chan error)
		go func() { closed <- tab.Close(t.Context()) }()
		synctest.Wait()
		for _, key := range []string{"k", "other"} { // also from a load that would be joined
			if o := tab.Do(t.Context(), key, gives(2)); o.How != flight.Refused || o.Err != detached.ErrClosed || o.Role != detached.None {
				t.Errorf("a call after Close got %+v, want to be refused", o)
			}
			replace := tab.Replace(t.Context(), key, gives(2), func() {})
			if o := replace.Wait(t.Context()); o.Err != detached.ErrClosed {
				t.Errorf("Replace after Close gave %+v, want ErrClosed", o)
			}
		}
		if o := call.Wait(t.Context()); o.Value != 1 {
			t.Errorf("the call from before Close got %+v, want 1", o)
		}
		if err := <-closed; err != nil {
			t.Errorf("Close = %v", err)
		}
	})
}

func TestCloseOfAnIdleTable(t *testing.T) {
	var tab table
	tab.Init(detached.Policy[string, int]{})
	tab.Do(context.Background(), "k", func(context.Context, string) (int, error) { return 1, nil })
	for range 2 {
		if err := tab.Close(t.Context()); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
}

// What is closed is closed, whatever has become of the context.
func TestCloseOfAnIdleTableWithADeadContext(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for range 20 { // by chance it would do well now and then
		var tab table
		tab.Init(detached.Policy[string, int]{})
		if err := tab.Close(ended); err != nil {
			t.Fatalf("Close = %v with nothing to wait for", err)
		}
	}
}

func TestTwoClosesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		call := tab.Start(t.Context(), "k", gives(1))
		start := time.Now()
		closed := make(chan error, 2)
		for range 2 {
			go func() { closed <- tab.Close(t.Context()) }()
			synctest.Wait()
		}
		for range 2 {
			if err := <-closed; err != nil || time.Since(start) != time.Second {
				t.Errorf("Close = %v after %v, want nil after 1s, when the load has returned", err, time.Since(start))
			}
		}
		call.Wait(t.Context())
	})
}

func TestCloseCancelsWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		start := time.Now()
		ended := make(chan error, 20)
		for i := range 20 {
			tab.Start(t.Context(), fmt.Sprint(i), func(ctx context.Context, _ string) (int, error) {
				<-ctx.Done()
				ended <- ctx.Err()
				return 0, ctx.Err()
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := tab.Close(ctx); err != context.DeadlineExceeded || time.Since(start) != time.Second {
			t.Errorf("Close = %v after %v, want DeadlineExceeded after 1s", err, time.Since(start))
		}
		for range 20 {
			if err := <-ended; err != context.Canceled {
				t.Errorf("a load's context ended with %v, want Canceled", err)
			}
		}
		if err := tab.Close(t.Context()); err != nil {
			t.Errorf("the second Close = %v", err)
		}
	})
}

// Close cancels what it cannot wait for. The callers of such a load are not
// over, and must not be told that they are.
//
// SPEC: N03, N15
func TestCloseCancelsNoCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		call := tab.Start(t.Context(), "k", func(ctx context.Context, _ string) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		over, cancel := context.WithCancel(t.Context())
		cancel()
		_ = tab.Close(over)
		if o := call.Wait(t.Context()); o.Err != detached.ErrClosed {
			t.Errorf("a caller whose context is live got %v, want ErrClosed", o.Err)
		}
	})
}

// What was detached is under way all the same.
//
// SPEC: N03
func TestCloseCancelsDetachedLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		ended := make(chan error, 1)
		call := tab.Start(t.Context(), "k", func(ctx context.Context, _ string) (int, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return 0, ctx.Err()
		})
		tab.Detach("k", nil)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		_ = tab.Close(over)
		if o := call.Wait(t.Context()); o.Err != detached.ErrClosed {
			t.Errorf("its caller got %v, want ErrClosed", o.Err)
		}
		if err := <-ended; err != context.Canceled {
			t.Errorf("its context ended with %v, want Canceled", err)
		}
	})
}

// A load that does not hear Close's cancel still has a time limit.
//
// SPEC: N03, G31
func TestCloseLeavesTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Timeout: time.Second})
		call := tab.Start(t.Context(), "k", func(context.Context, string) (int, error) {
			time.Sleep(time.Hour)
			return 1, nil
		})
		over, cancel := context.WithCancel(t.Context())
		cancel()
		_ = tab.Close(over)
		start := time.Now()
		o := call.Wait(t.Context())
		if took := time.Since(start); took > time.Second {
			t.Errorf("a caller of a deaf load waited %v for %+v, want no longer than the timeout, 1s", took, o)
		}
		time.Sleep(time.Hour) // the load returns
	})
}
