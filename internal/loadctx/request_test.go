package loadctx_test

import (
	"context"
	"testing"

	"github.com/onefold-go/onefold/internal/loadctx"
)

// A load has its caller's values, but for what is the request's alone, before
// and after somebody derives a context from it.
func TestLoadHasNothingOfTheRequest(t *testing.T) {
	type name struct{}
	for _, follow := range []bool{false, true} {
		caller := context.WithValue(context.WithValue(t.Context(), &loadctx.Request, 1), name{}, "ada")
		var c loadctx.Ctx
		c.Init(caller, follow)
		for range 2 {
			if v := c.Value(&loadctx.Request); v != nil {
				t.Errorf("follow %t: the load finds %v of the request, want nothing", follow, v)
			}
			if v := c.Value(name{}); v != "ada" {
				t.Errorf("follow %t: the load finds %v, want its caller's value", follow, v)
			}
			below, cancel := context.WithCancel(&c)
			if v := below.Value(&loadctx.Request); v != nil {
				t.Errorf("follow %t: below the load there is %v of the request, want nothing", follow, v)
			}
			if v := context.WithValue(below, &loadctx.Request, 2).Value(&loadctx.Request); v != 2 {
				t.Errorf("follow %t: a request of the load's own is %v, want 2", follow, v)
			}
			cancel()
		}
		c.Finish()
	}
}
