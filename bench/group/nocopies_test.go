//go:build !copied

package group

import (
	"context"
	"testing"
)

// Without the build tag the peers of package copied are left out.

func copiedGeneric[K comparable](*testing.B, func(string) string, *[1024]K) {}

func copiedString(*testing.B) {}

func copiedCancellable(*testing.B, context.Context) {}
