package keymissing_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/keymissing"
)

func TestRule(t *testing.T) { checktest.Run(t, keymissing.Rule, "keymissing", "keymissing/forgets") }
