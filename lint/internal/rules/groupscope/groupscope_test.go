package groupscope_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/groupscope"
)

func TestRule(t *testing.T) { checktest.Run(t, groupscope.Rule, "groupscope") }
