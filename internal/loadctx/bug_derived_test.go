package loadctx_test

import (
	"context"
	"runtime"
	"testing"
)

// Most loaders put a span into the context before they derive from it, and so
// the context package finds no AfterFunc method: hazard 2 by the back door.
func TestContextsDerivedThroughAValueStartNoGoroutine(t *testing.T) {
	c := begin(t.Context())
	defer c.Finish()
	spanned := context.WithValue(c, color{}, "red")
	before := runtime.NumGoroutine()
	for range 100 {
		_, stop := context.WithCancel(spanned)
		defer stop()
	}
	if n := runtime.NumGoroutine() - before; n > 0 {
		t.Errorf("100 derived contexts started %d goroutines", n)
	}
}
