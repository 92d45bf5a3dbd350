package nocache_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/nocache"
)

func TestRule(t *testing.T) { checktest.Run(t, nocache.Rule, "nocache") }
