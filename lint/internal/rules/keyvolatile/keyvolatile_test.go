package keyvolatile_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/keyvolatile"
)

func TestRule(t *testing.T) { checktest.Run(t, keyvolatile.Rule, "keyvolatile") }
