package reqcapture_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/reqcapture"
)

func TestRule(t *testing.T) { checktest.Run(t, reqcapture.Rule, "reqcapture") }
