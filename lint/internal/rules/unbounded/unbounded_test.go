package unbounded_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/unbounded"
)

func TestRule(t *testing.T) { checktest.Run(t, unbounded.Rule, "unbounded", "unbounded/web") }
