package detached_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
)

// A joiner of a failed load tries once more, also when that is by joining a
// load that somebody else began meanwhile: it does not wait for a third.
//
// SPEC: F07
func TestJoinerTriesOnceMoreOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{Succeed: func(error) bool { return true }})
		start := time.Now()
		fails := func(context.Context, string) (int, error) {
			time.Sleep(time.Second)
			return 0, errors.New("down")
		}
		newcomer := make(chan detached.Outcome[int], 1)
		leader := tab.Start(t.Context(), "k", func(ctx context.Context, key string) (int, error) {
			_, err := fails(ctx, key)
			tab.Detach("k", nil)
			call := tab.Start(t.Context(), "k", fails) // somebody else, just before the joiner can
			go func() { newcomer <- call.Wait(t.Context()) }()
			return 0, err
		})
		joiner := tab.Start(t.Context(), "k", fails)
		if o := leader.Wait(t.Context()); o.Err == nil {
			t.Errorf("the leader got %+v, want the failure", o)
		}
		o := joiner.Wait(t.Context())
		if took := time.Since(start); o.Err == nil || took != 2*time.Second {
			t.Errorf("the joiner got %+v after %v, want the failure of the second load after 2s", o, took)
		}
		<-newcomer
	})
}

// Without a function to call, Replace is still no ordinary call.
func TestReplaceWithNothingToCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tab table
		tab.Init(detached.Policy[string, int]{})
		old := tab.Start(t.Context(), "k", gives(1))
		write := tab.Replace(t.Context(), "k", gives(2), nil)
		if o := write.Wait(t.Context()); o.Value != 2 || o.Role != detached.Led {
			t.Errorf("Replace came to %+v, want to lead to 2", o)
		}
		old.Wait(t.Context())
	})
}
