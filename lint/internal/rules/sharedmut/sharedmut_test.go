package sharedmut_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/sharedmut"
)

func TestRule(t *testing.T) { checktest.Run(t, sharedmut.Rule, "sharedmut", "sharedmut/dep") }
