package embedded_test

import (
	"testing"

	"github.com/onefold-go/onefold/cmd/onefold/internal/lab/embedded"
	"github.com/onefold-go/onefold/foldtest"
	"github.com/onefold-go/onefold/tier"
)

// SPEC: S02
func TestEngine(t *testing.T) {
	engine := new(embedded.Engine)
	foldtest.TestStore(t, func(*testing.T) tier.Store { return engine.Connect() }, foldtest.StoreOptions{})
}
