//go:build copied

package group

import (
	"context"
	"testing"

	"github.com/onefold-go/onefold/bench/internal/gozero"
	"github.com/onefold-go/onefold/bench/internal/tailscale"
)

func copiedGeneric[K comparable](b *testing.B, name func(string) string, keys *[1024]K) {
	var tail tailscale.Group[K, int]
	uncontended(b, name("tailscale"), keys, func(k K) { tail.Do(k, one) })
}

func copiedString(b *testing.B) {
	zero := gozero.NewSingleFlight()
	uncontended(b, "lib=gozero/key=string", &names, func(k string) { zero.Do(k, oneAny) })
}

func copiedCancellable(b *testing.B, ctx context.Context) { //nolint:revive // a benchmark's b comes first
	var tail tailscale.Group[string, int]
	uncontended(b, "lib=tailscale-chan/key=string", &names, func(k string) { <-tail.DoChanContext(ctx, k, oneIn) })
	var tailInt tailscale.Group[int, int]
	uncontended(b, "lib=tailscale-chan/key=int", &ints, func(k int) { <-tailInt.DoChanContext(ctx, k, oneIn) })
}
