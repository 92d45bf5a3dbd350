package foldtest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onefold-go/onefold/codec"
	"github.com/onefold-go/onefold/foldtest"
)

type doc struct{ Tenant, ID string }

var docs = []doc{{"a", "b:c"}, {"a:b", "c"}, {"", "a"}, {"a", ""}, {"a", "b:c"}}

// SPEC: S03
func TestCheckKey(t *testing.T) {
	foldtest.CheckKey(t, func(dst []byte, d doc) []byte { return codec.Parts(dst, d.Tenant, d.ID) }, docs...)

	n := 0
	for want, key := range map[string]codec.Key[doc]{
		"are both encoded": func(dst []byte, d doc) []byte { return fmt.Appendf(dst, "%s:%s", d.Tenant, d.ID) },
		"behind what is in": func(_ []byte, d doc) []byte {
			return codec.Parts(nil, d.Tenant, d.ID)
		},
		"the same each time": func(dst []byte, d doc) []byte {
			n++
			return codec.Parts(dst, d.Tenant, d.ID, fmt.Sprint(n))
		},
	} {
		if faults := foldtest.KeyFaults(t, key, docs...); !strings.Contains(faults, want) {
			t.Errorf("CheckKey says %q, want %q in it", faults, want)
		}
	}
}
