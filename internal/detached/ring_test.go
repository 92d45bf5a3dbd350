package detached_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onefold-go/onefold/internal/detached"
)

// The load of f has timed out, and those who waited for f are free, even if
// they have not run since. f itself goes on, deaf, and waits for g. So g may
// wait for a, one of those who waited for f: a is about to return.
//
// SPEC: N16
func TestTimedOutLoadClosesNoRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slow, quick table
		slow.Init(detached.Policy[string, int]{})
		quick.Init(detached.Policy[string, int]{Timeout: time.Second})

		askA := make(chan struct{})
		g := func(ctx context.Context, _ string) (int, error) {
			<-askA
			o := slow.Do(ctx, "a", gives(1))
			return o.Value, o.Err
		}
		f := func(ctx context.Context, _ string) (int, error) {
			o := slow.Do(context.WithoutCancel(ctx), "g", g)
			return o.Value, o.Err
		}
		a := func(ctx context.Context, _ string) (int, error) {
			call := quick.Start(ctx, "f", f)
			time.Sleep(2 * time.Second) // f has timed out; a is slow to hear of it
			close(askA)
			synctest.Wait()
			if o := call.Wait(ctx); o.Err != detached.ErrLoadTimeout {
				t.Errorf("a got %+v for f, want ErrLoadTimeout", o)
			}
			return 7, nil
		}
		call := slow.Start(t.Context(), "a", a)
		time.Sleep(time.Second / 2)
		joiner := slow.Start(t.Context(), "g", g)
		if o := call.Wait(t.Context()); o.Value != 7 || o.Err != nil {
			t.Errorf("the caller of a got %+v, want 7", o)
		}
		if o := joiner.Wait(t.Context()); o.Value != 7 || o.Err != nil {
			t.Errorf("the caller of g, which waits for a, got %+v, want 7", o)
		}
	})
}
