package loadctx_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A context derived from one that has ended ends as that did, whatever has come
// since.
func TestDerivedAfterTheEndAndAfterTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := begin(t.Context())
		c.Limit(time.Second, c.TimeOut)
		c.Finish()
		time.Sleep(2 * time.Second)
		derived, stop := context.WithCancel(c)
		defer stop()
		for _, ctx := range []context.Context{c, derived} {
			if ctx.Err() != context.Canceled || context.Cause(ctx) != context.Canceled {
				t.Errorf("%v ended with %v because of %v, want Canceled for both", ctx, ctx.Err(), context.Cause(ctx))
			}
		}
	})
}
