package mutexmap_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/mutexmap"
)

func TestRule(t *testing.T) { checktest.Run(t, mutexmap.Rule, "mutexmap") }
