package lint_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint"
	"github.com/onefold-go/onefold/lint/internal/checktest"
)

// Each rule finds what the packages written for it say, and its fixes mend that.
// go test ./lint -run TestEachRule -rule=keymissing,keyspace tests two of them.
func TestEachRule(t *testing.T) { checktest.Run(t, lint.Rules()) }
