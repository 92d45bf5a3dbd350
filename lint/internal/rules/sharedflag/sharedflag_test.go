package sharedflag_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/sharedflag"
)

func TestRule(t *testing.T) { checktest.Run(t, sharedflag.Rule, "sharedflag") }
