package ctxcapture_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/ctxcapture"
)

func TestRule(t *testing.T) { checktest.Run(t, ctxcapture.Rule, "ctxcapture") }
