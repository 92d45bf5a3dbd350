package forgetmisuse_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/forgetmisuse"
)

func TestRule(t *testing.T) { checktest.Run(t, forgetmisuse.Rule, "forgetmisuse") }
