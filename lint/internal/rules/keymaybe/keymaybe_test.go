package keymaybe_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/keymaybe"
)

func TestRule(t *testing.T) { checktest.Run(t, keymaybe.Rule, "keymaybe") }
