package sideeffect_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/sideeffect"
)

func TestRule(t *testing.T) { checktest.Run(t, sideeffect.Rule, "sideeffect") }
