package detached_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
)

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
	})
}
