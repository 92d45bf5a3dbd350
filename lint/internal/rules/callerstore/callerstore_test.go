package callerstore_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/callerstore"
)

func TestRule(t *testing.T) { checktest.Run(t, callerstore.Rule, "callerstore") }
