package dochanleak_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/dochanleak"
)

func TestRule(t *testing.T) { checktest.Run(t, dochanleak.Rule, "dochanleak") }
