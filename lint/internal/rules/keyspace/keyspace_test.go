package keyspace_test

import (
	"testing"

	"github.com/onefold-go/onefold/lint/internal/checktest"
	"github.com/onefold-go/onefold/lint/internal/rules/keyspace"
)

func TestRule(t *testing.T) { checktest.Run(t, keyspace.Rule, "keyspace") }
