package assertnil_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/assertnil"
)

func TestRule(t *testing.T) { checktest.Run(t, assertnil.Rule, "assertnil") }
