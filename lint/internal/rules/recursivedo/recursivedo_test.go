package recursivedo_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/recursivedo"
)

func TestRule(t *testing.T) { checktest.Run(t, recursivedo.Rule, "recursivedo") }
